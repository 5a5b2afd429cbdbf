/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/hello.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* What a device delivers behind the bytes that were sent. */
#define DELIVERED 56u

static void is_read_as_it_was_made(void **state)
{
	uint8_t data[DELIVERED] = {0};
	struct verbs_hello hello, read;
	struct vbi_cause cause;

	(void)state;
	verbs_hello_make(&hello, 8192, 69, 0, 0);
	memcpy(data, &hello, sizeof(hello));
	assert_int_equal(verbs_hello_read(data, sizeof(data), "peer", &read, &cause), 0);
	assert_memory_equal(&read, &hello, sizeof(hello));
	assert_int_equal(read.receives, 69);
	verbs_hello_make(&hello, 8192, 70000, 0, 0);
	assert_int_equal(hello.receives, UINT16_MAX);
}

static void check(const struct verbs_hello *hello, size_t length, int error, const char *why)
{
	struct vbi_cause cause = {0};
	struct verbs_hello read;

	assert_int_equal(verbs_hello_read(hello, length, "10.0.0.1:7", &read, &cause), error);
	assert_int_equal(cause.errnum, -error);
	assert_non_null(strstr(cause.sentence, why));
	assert_non_null(strstr(cause.sentence, "10.0.0.1:7"));
}

static void another_protocol_is_named(void **state)
{
	struct verbs_hello hello;

	(void)state;
	verbs_hello_make(&hello, 8192, 69, 0, 0);
	check(&hello, sizeof(hello) - 1, -EPROTO, "no Verbena peer");
	check(NULL, 0, -EPROTO, "no Verbena peer");
	hello.length = 23;
	check(&hello, sizeof(hello), -EPROTO, "no Verbena peer");
	verbs_hello_make(&hello, 8192, 69, 0, 0);
	hello.magic++;
	check(&hello, sizeof(hello), -EPROTO, "no Verbena peer");
}

static void another_version_is_named(void **state)
{
	struct verbs_hello hello;

	(void)state;
	verbs_hello_make(&hello, 8192, 69, 0, 0);
	hello.version = 2;
	hello.length = 40;
	check(&hello, sizeof(hello), -EPROTONOSUPPORT, "version 2");
}

static void messages_have_bounds(void **state)
{
	static const uint32_t sizes[] = {0, VBI_MESSAGE_MIN - 1, VBI_MESSAGE_MAX + 1, UINT32_MAX};
	struct verbs_hello hello;

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		verbs_hello_make(&hello, sizes[i], 69, 0, 0);
		check(&hello, sizeof(hello), -EPROTO, "largest message");
	}
}

static void who_takes_no_message_is_refused(void **state)
{
	struct verbs_hello hello, read;
	struct vbi_cause cause;

	(void)state;
	verbs_hello_make(&hello, 8192, 0, 0, 0);
	check(&hello, sizeof(hello), -EPROTO, "no receives");
	verbs_hello_make(&hello, 8192, 1, 0, 0);
	assert_int_equal(verbs_hello_read(&hello, sizeof(hello), "peer", &read, &cause), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_read_as_it_was_made),
		cmocka_unit_test(another_protocol_is_named),
		cmocka_unit_test(another_version_is_named),
		cmocka_unit_test(messages_have_bounds),
		cmocka_unit_test(who_takes_no_message_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
