/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/packed.h"
#include "rpc/worker.h"

static struct vbi_worker worker = {.transport_options.message_max = 8192};
static uint8_t message[VBI_CONTROL_MAX] __attribute__((aligned(8)));

static void a_hello_comes_back(void **state)
{
	struct vb_conn conn = {.worker = &worker, .credits.window = 17};
	struct vbi_packed_hello hello;
	uint32_t length = vbi_packed_hello(&conn, message, sizeof(message), 0, NULL);

	(void)state;
	assert_int_not_equal(length, 0);
	assert_int_equal(length % 8, 0);
	assert_int_equal(vbi_packed_hello_parse(message, length, NULL, &hello), 0);
	assert_int_equal(hello.protocol, VBI_PROTOCOL_VERSION);
	assert_int_equal(hello.message_max, 8192);
	assert_int_equal(hello.credits, 17);
	assert_int_equal(hello.errnum, 0);
}

static void a_refusal_says_why(void **state)
{
	struct vb_conn conn = {.worker = &worker, .credits.window = 1};
	struct vbi_packed_hello hello;
	uint32_t length = vbi_packed_hello(&conn, message, sizeof(message), EACCES, "not you");

	(void)state;
	assert_int_equal(vbi_packed_hello_parse(message, length, NULL, &hello), 0);
	assert_int_equal(hello.errnum, EACCES);
	assert_string_equal(hello.refusal, "not you");
	length = vbi_packed_hello(&conn, message, sizeof(message), EACCES, "not\033[2J\n\xc2you");
	assert_int_equal(vbi_packed_hello_parse(message, length, NULL, &hello), 0);
	assert_string_equal(hello.refusal, "not?[2J??you");
}

static void what_is_no_hello_is_refused(void **state)
{
	struct vb_conn conn = {.worker = &worker, .credits.window = 1};
	struct vbi_packed_hello hello;
	uint32_t length = vbi_packed_hello(&conn, message, sizeof(message), 0, NULL);
	uint32_t size = length;

	(void)state;
	/* the body's size says more than there is */
	memcpy(message + VB_HEADER_SIZE, &size, sizeof(size));
	assert_int_equal(vbi_packed_hello_parse(message, length, NULL, &hello), -EPROTO);
	/* a bare header */
	assert_int_equal(vbi_packed_hello_parse(message, VB_HEADER_SIZE, NULL, &hello), -EPROTO);
	/* bytes that are no protobuf */
	memset(message, 0xff, 64);
	size = 64 - VBI_CONTROL_BODY;
	memcpy(message + VB_HEADER_SIZE, &size, sizeof(size));
	assert_int_equal(vbi_packed_hello_parse(message, 64, NULL, &hello), -EPROTO);
}

static void binds_go_once_and_come_back(void **state)
{
	struct vbi_bound bound[2] = {
		{.id = 0x1122334455667788, .major = 1, .minor = 2},
		{.id = 9, .major = 3, .minor = 0},
	};
	struct vb_conn conn = {.worker = &worker, .bound = bound, .n_bound = 2};
	struct vbi_packed_binds *binds = calloc(1, sizeof(*binds));
	uint32_t length = vbi_packed_binds(&conn, message, sizeof(message));

	(void)state;
	assert_int_equal(vbi_packed_binds_parse(message, length, binds), 0);
	assert_int_equal(binds->n, 2);
	assert_int_equal(binds->binds[0].index, 1);
	assert_true(binds->binds[0].id == 0x1122334455667788);
	assert_int_equal(binds->binds[0].minor, 2);
	assert_int_equal(binds->binds[1].index, 2);
	assert_int_equal(binds->binds[1].major, 3);
	assert_true(bound[0].told && bound[1].told);
	length = vbi_packed_binds(&conn, message, sizeof(message));
	assert_int_equal(vbi_packed_binds_parse(message, length, binds), 0);
	assert_int_equal(binds->n, 0);
	free(binds);
}

/* 2,000 empty sub-messages in 4 KiB: the most structs that a control message can ask for. */
static void a_message_of_many_nothings_costs_bounded_memory(void **state)
{
	struct vbi_packed_binds *binds = calloc(1, sizeof(*binds));
	uint32_t size = VBI_CONTROL_MAX - VBI_CONTROL_BODY;

	(void)state;
	memset(message, 0, sizeof(message));
	memcpy(message + VB_HEADER_SIZE, &size, sizeof(size));
	for (uint32_t i = 0; i + 1 < size; i += 2)
		message[VBI_CONTROL_BODY + i] = 0x0a;
	assert_int_equal(vbi_packed_binds_parse(message, VBI_CONTROL_MAX, binds), -EPROTO);
	free(binds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_comes_back),
		cmocka_unit_test(a_refusal_says_why),
		cmocka_unit_test(what_is_no_hello_is_refused),
		cmocka_unit_test(binds_go_once_and_come_back),
		cmocka_unit_test(a_message_of_many_nothings_costs_bounded_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
