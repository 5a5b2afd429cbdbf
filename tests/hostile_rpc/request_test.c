/* SPDX-License-Identifier: Apache-2.0 */
/* Clients whose requests are none, and some that only look so. */
#include "tests/hostile_rpc/scene.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Requests ---- */

static void slot_out_of_range(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_ADD);

	message.header.slot = 64;
	raw_send(raw, &message, 32);
}

static void one_way_call_of_add(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_ADD);

	message.header.slot = VBI_SLOT_NONE;
	raw_send(raw, &message, 32);
}

static void post_with_a_slot(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_POST);

	raw_send(raw, &message, 48);
}

static void call_without_time(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_ADD);

	message.header.time = 0;
	raw_send(raw, &message, 32);
}

static void root_too_short(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_ECHO);

	raw_send(raw, &message, 48);
}

static void no_root(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_ECHO);

	raw_send(raw, &message, 24);
}

static void root_too_long(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_ECHO);

	raw_send(raw, &message, 64);
}

static void gap_that_is_not_zero(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_ANSWER);

	scene_put32(&message, 28, 1);
	raw_send(raw, &message, 32);
}

/* A request of measure(text) whose span is {OFFSET, SIZE}, with TEXT at 32. */
static void send_string(struct raw *raw, uint32_t offset, uint32_t size, const char *text,
			size_t text_size, uint32_t length)
{
	struct raw_message message = scene_request(PROBE_MEASURE);

	scene_put32(&message, 24, offset);
	scene_put32(&message, 28, size);
	memcpy(message.body + 8, text, text_size);
	raw_send(raw, &message, length);
}

static void span_behind_its_place(struct raw *raw)
{
	send_string(raw, 40, 3, "ab", 3, 48);
}

static void span_before_its_place(struct raw *raw)
{
	send_string(raw, 24, 3, "ab", 3, 40);
}

static void span_beyond_the_message(struct raw *raw)
{
	send_string(raw, 32, 4000, "ab", 3, 40);
}

static void span_beyond_32_bits(struct raw *raw)
{
	send_string(raw, 32, UINT32_MAX, "ab", 3, 40);
}

static void string_without_nul(struct raw *raw)
{
	send_string(raw, 32, 3, "abc", 3, 40);
}

static void string_with_nul_inside(struct raw *raw)
{
	send_string(raw, 32, 3, "a\0", 3, 40);
}

static void string_of_nothing(struct raw *raw)
{
	send_string(raw, 0, 0, "", 1, 32);
}

static void string_over_its_bound(struct raw *raw)
{
	char text[102];

	memset(text, 'a', sizeof(text));
	text[101] = '\0';
	send_string(raw, 32, 102, text, sizeof(text), 136);
}

static void noise_behind_a_string(struct raw *raw)
{
	send_string(raw, 32, 3, "ab\0\1", 4, 40);
}

static void message_longer_than_its_content(struct raw *raw)
{
	send_string(raw, 32, 3, "ab", 3, 48);
}

/* join(texts): a span of spans. */
static void send_sequence(struct raw *raw, uint32_t n, uint32_t inner_offset, uint32_t inner_size)
{
	struct raw_message message = scene_request(PROBE_JOIN);

	scene_put32(&message, 24, 32);
	scene_put32(&message, 28, n * 8);
	scene_put32(&message, 32, inner_offset);
	scene_put32(&message, 36, inner_size);
	raw_send(raw, &message, 48);
}

static void sequence_over_its_bound(struct raw *raw)
{
	send_sequence(raw, 31, 40, 1);
}

static void sequence_of_half_an_element(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_JOIN);

	scene_put32(&message, 24, 32);
	scene_put32(&message, 28, 12);
	raw_send(raw, &message, 48);
}

static void sequence_that_names_itself(struct raw *raw)
{
	send_sequence(raw, 1, 32, 1);
}

static void sequence_beyond_the_message(struct raw *raw)
{
	send_sequence(raw, 30, 40, 1);
}

static void test_requests(void **state)
{
	static const struct breach breaches[] = {
		BREACH(BOUND, slot_out_of_range),
		BREACH(BOUND, one_way_call_of_add),
		BREACH(BOUND, post_with_a_slot),
		BREACH(BOUND, call_without_time),
		BREACH(BOUND, root_too_short),
		BREACH(BOUND, no_root),
		BREACH(BOUND, root_too_long),
		BREACH(BOUND, gap_that_is_not_zero),
		BREACH(BOUND, span_behind_its_place),
		BREACH(BOUND, span_before_its_place),
		BREACH(BOUND, span_beyond_the_message),
		BREACH(BOUND, span_beyond_32_bits),
		BREACH(BOUND, string_without_nul),
		BREACH(BOUND, string_with_nul_inside),
		BREACH(BOUND, string_of_nothing),
		BREACH(BOUND, string_over_its_bound),
		BREACH(BOUND, noise_behind_a_string),
		BREACH(BOUND, message_longer_than_its_content),
		BREACH(BOUND, sequence_over_its_bound),
		BREACH(BOUND, sequence_of_half_an_element),
		BREACH(BOUND, sequence_that_names_itself),
		BREACH(BOUND, sequence_beyond_the_message),
	};

	(void)state;
	SCENE_RUN(breaches);
}

/* ---- What is no breach ---- */

static void expect_failure(struct raw *raw, int errnum)
{
	struct raw_message message;

	assert_true(raw_receive(raw, &message));
	assert_int_equal(message.header.kind, VBI_KIND_FAILURE);
	assert_int_equal(message.header.status, errnum);
	assert_int_equal(message.header.flags, 0);
	assert_int_equal(message.header.slot, SCENE_SLOT);
	assert_int_equal(message.header.generation, SCENE_GENERATION);
}

static void test_unknown_methods(void **state)
{
	static const uint16_t methods[] = {0, 40, 64, 1000, 65535};
	struct scene *scene = scene_begin("--inflight", "64");

	(void)state;
	scene_go_to(scene, BOUND);
	for (unsigned i = 0; i < 5; i++) {
		struct raw_message message = scene_request((enum probe_method)methods[i]);

		raw_send(&scene->raw, &message, 24);
		expect_failure(&scene->raw, ENOSYS);
	}
	assert_int_equal(probe_counters(scene->peer).unknown_methods, 5);
	assert_int_equal(probe_counters(scene->peer).protocol_errors, 0);
	raw_close(&scene->raw);
	scene_end(scene);
}

/* Of a minor version that was not agreed. */
static void test_method_of_a_later_minor(void **state)
{
	struct scene *scene = scene_begin("--inflight", "64");
	struct raw_message message = scene_request(PROBE_NEWER);

	(void)state;
	scene_go_to(scene, GREETED);
	raw_send_bind(&scene->raw, 1, PROBE_ID, 1, 0);
	assert_true(raw_receive(&scene->raw, &message));
	message = scene_request(PROBE_NEWER);
	raw_send(&scene->raw, &message, 32);
	expect_failure(&scene->raw, ENOSYS);
	raw_close(&scene->raw);
	scene_end(scene);
}

/* An answer may cross a cancel. */
static void test_cancel_of_nothing(void **state)
{
	struct scene *scene = scene_begin("--inflight", "64");
	struct raw_message message;

	(void)state;
	scene_go_to(scene, BOUND);
	for (unsigned i = 0; i < 100; i++) {
		message = raw_message(VBI_KIND_CANCEL);
		message.header.slot = (uint16_t)(i * 1000);
		raw_send(&scene->raw, &message, sizeof(message.header));
		assert_true(raw_receive(&scene->raw, &message));
		assert_int_equal(message.header.flags, VBI_FLAG_CONTROL_ACK);
	}
	message = scene_request(PROBE_ADD);
	scene_put32(&message, 24, 20);
	scene_put32(&message, 28, 3);
	raw_send(&scene->raw, &message, 32);
	assert_true(raw_receive(&scene->raw, &message));
	assert_int_equal(message.header.kind, VBI_KIND_REPLY);
	assert_int_equal(message.body[0], 23);
	raw_close(&scene->raw);
	scene_end(scene);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_requests),
	HARNESS_TEST(test_unknown_methods),
	HARNESS_TEST(test_method_of_a_later_minor),
	HARNESS_TEST(test_cancel_of_nothing),
};

HARNESS_MAIN(tests, 2)
