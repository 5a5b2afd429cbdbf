/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that break the rules of headers and of control. */
#include "tests/hostile_rpc/scene.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- After it ---- */

static void second_hello(struct raw *raw)
{
	struct raw_hello hello = RAW_HELLO;

	raw_send_hello(raw, &hello);
}

static void bind_index_0(struct raw *raw)
{
	raw_send_bind(raw, 0, PROBE_ID, 1, 1);
}

static void bind_index_2_first(struct raw *raw)
{
	raw_send_bind(raw, 2, PROBE_ID, 1, 1);
}

static void bind_unknown_interface(struct raw *raw)
{
	raw_send_bind(raw, 1, 0x1234, 1, 1);
}

static void bind_other_major(struct raw *raw)
{
	raw_send_bind(raw, 1, PROBE_ID, 2, 0);
}

static void bind_higher_minor(struct raw *raw)
{
	raw_send_bind(raw, 1, PROBE_ID, 1, 2);
}

static void bind_minor_beyond_16_bits(struct raw *raw)
{
	raw_send_bind(raw, 1, PROBE_ID, 1, 65536);
}

static void bind_index_1_again(struct raw *raw)
{
	raw_send_bind(raw, 1, PROBE_ID, 1, 1);
}

static void request_without_bind(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_ADD);

	raw_send(raw, &message, 32);
}

static void request_of_interface_0(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_ADD);

	message.header.interface = 0;
	raw_send(raw, &message, 32);
}

static void request_of_interface_2(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_ADD);

	message.header.interface = 2;
	raw_send(raw, &message, 32);
}

static void acknowledges_nothing(struct raw *raw)
{
	struct raw_message message = raw_message(VBI_KIND_CREDIT);

	message.header.flags = VBI_FLAG_CONTROL_ACK;
	raw_send(raw, &message, sizeof(message.header));
}

static void kind_0(struct raw *raw)
{
	scene_send_kind(raw, 0);
}

static void kind_item(struct raw *raw)
{
	scene_send_kind(raw, VBI_KIND_ITEM);
}

static void kind_end(struct raw *raw)
{
	scene_send_kind(raw, VBI_KIND_END);
}

static void kind_9(struct raw *raw)
{
	scene_send_kind(raw, 9);
}

static void kind_255(struct raw *raw)
{
	scene_send_kind(raw, 255);
}

static void send_flags(struct raw *raw, uint8_t flags)
{
	struct raw_message message = raw_message(VBI_KIND_CREDIT);

	message.header.flags = flags;
	raw_send(raw, &message, sizeof(message.header));
}

static void flag_128(struct raw *raw)
{
	send_flags(raw, 128);
}

static void flag_of_priority(struct raw *raw)
{
	send_flags(raw, 16);
}

static void extension(struct raw *raw)
{
	struct raw_message message = raw_message(VBI_KIND_CREDIT);

	message.header.extension = 1;
	raw_send(raw, &message, 32);
}

static void credits_that_go_back(struct raw *raw)
{
	struct raw_message message = raw_message(VBI_KIND_CREDIT);

	message.header.credits = 63;
	raw_send(raw, &message, sizeof(message.header));
}

static void credits_beyond_all(struct raw *raw)
{
	struct raw_message message = raw_message(VBI_KIND_CREDIT);

	message.header.credits = 5000;
	raw_send(raw, &message, sizeof(message.header));
}

static void reply_to_nothing(struct raw *raw)
{
	scene_send_kind(raw, VBI_KIND_REPLY);
}

static void failure_of_nothing(struct raw *raw)
{
	scene_send_kind(raw, VBI_KIND_FAILURE);
}

static void reply_to_no_slot(struct raw *raw)
{
	struct raw_message message = raw_message(VBI_KIND_REPLY);

	message.header.slot = VBI_SLOT_NONE;
	raw_send(raw, &message, sizeof(message.header));
}

static void cancel_with_a_body(struct raw *raw)
{
	struct raw_message message = raw_message(VBI_KIND_CANCEL);

	raw_send(raw, &message, 32);
}

static void credit_with_a_body(struct raw *raw)
{
	struct raw_message message = raw_message(VBI_KIND_CREDIT);

	raw_send(raw, &message, 32);
}

static void test_headers_and_control(void **state)
{
	static const struct breach breaches[] = {
		BREACH(GREETED, second_hello),
		BREACH(BOUND, second_hello),
		BREACH(GREETED, bind_index_0),
		BREACH(GREETED, bind_index_2_first),
		BREACH(GREETED, bind_unknown_interface),
		BREACH(GREETED, bind_other_major),
		BREACH(GREETED, bind_higher_minor),
		BREACH(GREETED, bind_minor_beyond_16_bits),
		BREACH(BOUND, bind_index_1_again),
		BREACH(GREETED, scene_send_noise),
		BREACH(GREETED, request_without_bind),
		BREACH(BOUND, request_of_interface_0),
		BREACH(BOUND, request_of_interface_2),
		BREACH(GREETED, acknowledges_nothing),
		BREACH(BOUND, acknowledges_nothing),
		BREACH(GREETED, kind_0),
		BREACH(BOUND, kind_item),
		BREACH(BOUND, kind_end),
		BREACH(BOUND, kind_9),
		BREACH(BOUND, kind_255),
		BREACH(BOUND, flag_128),
		BREACH(BOUND, flag_of_priority),
		BREACH(BOUND, extension),
		BREACH(BOUND, credits_that_go_back),
		BREACH(BOUND, credits_beyond_all),
		BREACH(GREETED, reply_to_nothing),
		BREACH(BOUND, failure_of_nothing),
		BREACH(BOUND, reply_to_no_slot),
		BREACH(BOUND, cancel_with_a_body),
		BREACH(BOUND, credit_with_a_body),
	};

	(void)state;
	SCENE_RUN(breaches);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_headers_and_control),
};

HARNESS_MAIN(tests, 2)
