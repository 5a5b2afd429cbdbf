/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that cannot say hello. */
#include "tests/hostile_rpc/scene.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Before a hello ---- */

static void request_before_hello(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_ADD);

	raw_send(raw, &message, 32);
}

static void reply_before_hello(struct raw *raw)
{
	scene_send_kind(raw, VBI_KIND_REPLY);
}

static void credit_before_hello(struct raw *raw)
{
	scene_send_kind(raw, VBI_KIND_CREDIT);
}

static void empty_hello(struct raw *raw)
{
	scene_send_kind(raw, VBI_KIND_CONTROL);
}

static void hello_that_is_too_long(struct raw *raw)
{
	struct raw_message message = raw_message(VBI_KIND_CONTROL);

	scene_put32(&message, 24, 5000);
	raw_send(raw, &message, 5032);
}

static void send_hello_with(struct raw *raw, uint32_t at, uint32_t value)
{
	struct raw_hello hello = RAW_HELLO;
	uint32_t length;
	struct raw_message message = raw_hello_message(&hello, &length);

	scene_put32(&message, at, value);
	raw_send(raw, &message, length);
}

static void hello_with_wrong_length(struct raw *raw)
{
	send_hello_with(raw, 24, 4000);
}

static void hello_with_length_of_all(struct raw *raw)
{
	send_hello_with(raw, 24, UINT32_MAX);
}

static void hello_with_flags(struct raw *raw)
{
	struct raw_hello hello = RAW_HELLO;
	uint32_t length;
	struct raw_message message = raw_hello_message(&hello, &length);

	message.header.flags = VBI_FLAG_CONTROL_ACK;
	raw_send(raw, &message, length);
}

static void hello_with_extension(struct raw *raw)
{
	struct raw_hello hello = RAW_HELLO;
	uint32_t length;
	struct raw_message message = raw_hello_message(&hello, &length);

	message.header.extension = 1;
	raw_send(raw, &message, length);
}

static void hello_with_noise_behind(struct raw *raw)
{
	struct raw_hello hello = RAW_HELLO;
	uint32_t length;
	struct raw_message message = raw_hello_message(&hello, &length);

	scene_put32(&message, length, 1);
	raw_send(raw, &message, length + 8);
}

/* Refusals that the client is told, in a hello of the server's. */
static void test_before_hello(void **state)
{
	static const struct breach breaches[] = {
		BREACH(CONNECTED, request_before_hello),
		BREACH(CONNECTED, reply_before_hello),
		BREACH(CONNECTED, credit_before_hello),
		BREACH(CONNECTED, empty_hello),
		BREACH(CONNECTED, scene_send_noise),
		BREACH(CONNECTED, hello_that_is_too_long),
		BREACH(CONNECTED, hello_with_wrong_length),
		BREACH(CONNECTED, hello_with_flags),
		BREACH(CONNECTED, hello_with_length_of_all),
		BREACH(CONNECTED, hello_with_extension),
		BREACH(CONNECTED, hello_with_noise_behind),
	};
	struct scene *scene = scene_begin("--inflight", "64");
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++) {
		struct raw_hello hello = RAW_HELLO;

		scene_go_to(scene, CONNECTED);
		breaches[i].commit(&scene->raw);
		probe_assert_alive(scene->peer);
		if (!raw_receive_hello(&scene->raw, &hello, text, sizeof(text)))
			fail_msg("%s: not told why", breaches[i].name);
		assert_int_equal(hello.errnum, EPROTO);
		assert_non_null(strstr(text, "hello"));
		assert_true(raw_ended(&scene->raw));
		assert_int_equal(probe_counters(scene->peer).protocol_errors, i + 1);
		raw_close(&scene->raw);
	}
	scene_end(scene);
}

static void refused_hello(struct scene *scene, const struct raw_hello *hello, int errnum,
			  const char *part)
{
	struct raw_hello answer;
	char text[300];

	scene_go_to(scene, CONNECTED);
	raw_send_hello(&scene->raw, hello);
	assert_true(raw_receive_hello(&scene->raw, &answer, text, sizeof(text)));
	assert_int_equal(answer.errnum, errnum);
	if (!strstr(text, part))
		fail_msg("'%s' has no '%s'", text, part);
	assert_true(raw_ended(&scene->raw));
	raw_close(&scene->raw);
	probe_assert_alive(scene->peer);
}

static void test_hellos_that_are_refused(void **state)
{
	struct scene *scene = scene_begin("--inflight", "64");
	struct raw_hello hello = RAW_HELLO;

	(void)state;
	hello.protocol = 99;
	refused_hello(scene, &hello, EPROTONOSUPPORT, "version 99");
	refused_hello(scene, &hello, EPROTONOSUPPORT, "version 1");
	hello.protocol = VBI_PROTOCOL_VERSION;
	hello.extra_round = true;
	refused_hello(scene, &hello, EPROTONOSUPPORT, "version");
	hello.extra_round = false;
	hello.credits = 1025;
	refused_hello(scene, &hello, EPROTO, "1025");
	hello.credits = UINT32_MAX;
	refused_hello(scene, &hello, EPROTO, "credits");
	scene_end(scene);
}

/* The most that is taken, and nothing. */
static void test_hellos_that_are_taken(void **state)
{
	static const uint32_t credits[] = {0, 1, 1024};
	struct scene *scene = scene_begin("--inflight", "64");
	struct raw_hello hello = RAW_HELLO;
	char text[300];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		scene_go_to(scene, CONNECTED);
		hello = (struct raw_hello)RAW_HELLO;
		hello.credits = credits[i];
		raw_send_hello(&scene->raw, &hello);
		assert_true(raw_receive_hello(&scene->raw, &hello, text, sizeof(text)));
		assert_int_equal(hello.errnum, 0);
		raw_close(&scene->raw);
	}
	scene_end(scene);
}

/* One whose receives hold less than a hello may have: the server's would not fit its buffer. */
static void test_receives_too_small_for_a_hello(void **state)
{
	static const uint32_t sizes[] = {256, 512, VBI_CONTROL_MAX - 8};
	struct scene *scene = scene_begin("--inflight", "64");

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_false(raw_connect_with(&scene->raw, scene->probe.address, sizes[i]));
		assert_int_equal(scene->raw.errnum, EPROTO);
		raw_close(&scene->raw);
		probe_assert_alive(scene->peer);
	}
	assert_true(raw_connect_with(&scene->raw, scene->probe.address, VBI_CONTROL_MAX));
	raw_close(&scene->raw);
	scene_end(scene);
}

/* How often a server wakes at most that has a client to send away, and others alive. */
#define WAKES_A_SECOND 10

/* Who says nothing is sent away, and a server that sleeps does not watch over it awake. */
static void test_silent_client(void **state)
{
	struct scene *scene = scene_begin("--wait", "sleep");
	uint64_t sleeps, began;

	(void)state;
	began = harness_now_ns();
	scene_go_to(scene, CONNECTED);
	sleeps = probe_counters(scene->peer).sleeps;
	assert_true(raw_ended(&scene->raw));
	sleeps = probe_counters(scene->peer).sleeps - sleeps;
	/* The longer the host takes for it, the more often a question whether it lives is due. */
	assert_true(sleeps < (harness_now_ns() - began) / (1000000000 / WAKES_A_SECOND));
	raw_close(&scene->raw);
	scene_end(scene);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_before_hello),	  HARNESS_TEST(test_hellos_that_are_refused),
	HARNESS_TEST(test_hellos_that_are_taken), HARNESS_TEST(test_receives_too_small_for_a_hello),
	HARNESS_TEST(test_silent_client),
};

HARNESS_MAIN(tests, 2)
