/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers that break the rules of messages, and what their client is told: one errno, one outcome,
 * one sentence.
 */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/hostile_rpc/raw.h"
#include "tests/hostile_rpc/scene.h"
#include "tests/hostile_rpc/servant.h"

/* Where the hostile server listens. */
#define ADDRESS harness_address("hostile")

/* What the server does when the client has connected; it ends afterwards. */
typedef void act_fn(struct raw *raw);

struct act {
	act_fn *perform;
	uint32_t message_max; /* of its receives */
	char address[80];
};

static int serve(void *context)
{
	const struct act *act = context;
	struct raw *raw = calloc(1, sizeof(*raw));
	struct raw_message message;

	if (!raw_listen_with(raw, act->address, act->message_max))
		return 1;
	/* Whoever starts it waits for this. */
	if (write(HARNESS_FRESH_FD, "r", 1) != 1 || close(HARNESS_FRESH_FD) < 0 || !raw_accept(raw))
		return 2;
	act->perform(raw);
	while (raw_receive(raw, &message))
		;
	raw_close(raw);
	free(raw);
	return 0;
}

static pid_t start_with(act_fn *perform, uint32_t message_max)
{
	struct act act = {.perform = perform, .message_max = message_max};
	int ready[2];
	char byte;
	pid_t pid;

	snprintf(act.address, sizeof(act.address), "%s", ADDRESS);
	assert_int_equal(pipe(ready), 0);
	pid = harness_spawn_fresh(serve, &act, sizeof(act), ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static pid_t start(act_fn *perform)
{
	return start_with(perform, 8192);
}

/* ---- Hellos ---- */

static void hang_up(struct raw *raw)
{
	raw->failed = true;
}

static void say_nothing(struct raw *raw)
{
	(void)raw;
}

static void say_noise(struct raw *raw)
{
	scene_send_noise(raw);
}

static void say_credit(struct raw *raw)
{
	scene_send_kind(raw, VBI_KIND_CREDIT);
}

static void say_reply(struct raw *raw)
{
	scene_send_kind(raw, VBI_KIND_REPLY);
}

static void say_hello_99(struct raw *raw)
{
	struct raw_hello hello = RAW_HELLO;

	hello.protocol = 99;
	raw_send_hello(raw, &hello);
}

static void say_hello_with_extra_round(struct raw *raw)
{
	struct raw_hello hello = RAW_HELLO;

	hello.extra_round = true;
	raw_send_hello(raw, &hello);
}

static void grant_too_much(struct raw *raw)
{
	struct raw_hello hello = RAW_HELLO;

	hello.credits = 40000;
	raw_send_hello(raw, &hello);
}

static void refuse(struct raw *raw)
{
	struct raw_hello hello = RAW_HELLO;

	hello.errnum = EDQUOT;
	hello.refusal = "come back tomorrow";
	raw_send_hello(raw, &hello);
}

static void refuse_with_no_errno(struct raw *raw)
{
	struct raw_hello hello = RAW_HELLO;

	hello.errnum = 100000;
	raw_send_hello(raw, &hello);
}

static void test_hellos(void **state)
{
	static const struct {
		act_fn *act;
		int errnum;
		const char *part; /* of the sentence; NULL: the address */
	} cases[] = {
		{hang_up, ECONNRESET, NULL},
		{say_nothing, ETIMEDOUT, NULL},
		{say_noise, EPROTO, NULL},
		{say_credit, EPROTO, "no hello"},
		{say_reply, EPROTO, "no hello"},
		{say_hello_99, EPROTONOSUPPORT, "version 99"},
		{say_hello_99, EPROTONOSUPPORT, "version 1"},
		{say_hello_with_extra_round, EPROTONOSUPPORT, NULL},
		{grant_too_much, EPROTO, "40000 credits"},
		{refuse, EDQUOT, "come back tomorrow"},
		{refuse_with_no_errno, EPROTO, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vb_options options = VB_OPTIONS_INIT;
		pid_t server = start(cases[i].act);

		/* Long enough to be connected, on whatever machine. */
		if (cases[i].errnum == ETIMEDOUT)
			options.connect_timeout_ns = harness_is_rdma() ? 3000000000 : 50000000;
		errno = 0;
		assert_null(probe_connect_to(ADDRESS, &options));
		if (errno != cases[i].errnum)
			fail_msg("case %zu: %s (%s)", i, strerrorname_np(errno),
				 vb_conn_error(NULL)->sentence);
		assert_int_equal(vb_conn_error(NULL)->errnum, cases[i].errnum);
		probe_assert_sentence(vb_conn_error(NULL), cases[i].part ? cases[i].part : ADDRESS);
		assert_int_equal(harness_wait(server), 0);
	}
}

/* Its receives hold less than the client's hello, or its binds, may have. */
static void test_receives_too_small_for_a_hello(void **state)
{
	static const uint32_t sizes[] = {256, VBI_CONTROL_MAX - 8};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		pid_t server = start_with(say_nothing, sizes[i]);

		errno = 0;
		assert_null(probe_connect_to(ADDRESS, NULL));
		assert_int_equal(errno, EPROTO);
		probe_assert_sentence(vb_conn_error(NULL), ADDRESS);
		assert_int_equal(harness_wait(server), 0);
	}
}

/* ---- Answers ---- */

/* Says hello, takes the bind, and waits for the first request: returns an answer to it that has
 * nothing in it. */
static struct raw_message await_request(struct raw *raw)
{
	struct raw_message request;

	servant_greet(raw, 64);
	servant_await(raw, &request);
	return servant_answer(&request);
}

/* What the client calls with: an exposed buffer of BULK bytes, or one that fits, or none. */
#define BULK  65536
#define SMALL 100

enum called { CALL_ADD, CALL_ANSWER, CALL_SMALL_FILL, CALL_BULK_FILL };

static int64_t call(struct probe_peer *peer, enum called called, uint8_t *memory)
{
	switch (called) {
	case CALL_ADD:
		return probe_add(peer, 1, 2);
	case CALL_ANSWER:
		return probe_answer(peer, 5);
	case CALL_SMALL_FILL:
		return probe_fill(peer, 1, SMALL, memory, SMALL);
	default:
		return probe_fill(peer, 1, BULK, memory, BULK);
	}
}

static void die_on_request(struct raw *raw)
{
	await_request(raw);
	raw->failed = true;
}

static void answer_slot_64(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.slot = 64;
	raw_send(raw, &answer, 32);
}

static void answer_no_slot(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.slot = VBI_SLOT_NONE;
	raw_send(raw, &answer, 32);
}

static void answer_free_slot(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.slot ^= 1;
	raw_send(raw, &answer, 32);
}

static void answer_other_generation(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.generation++;
	raw_send(raw, &answer, 32);
}

static void answer_other_interface(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.interface++;
	raw_send(raw, &answer, 32);
}

static void answer_other_method(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.method++;
	raw_send(raw, &answer, 32);
}

static void answer_kind_item(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.kind = VBI_KIND_ITEM;
	raw_send(raw, &answer, 32);
}

static void answer_unknown_flag(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.flags = 64;
	raw_send(raw, &answer, 32);
}

static void answer_extension(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.extension = 2;
	raw_send(raw, &answer, 32);
}

static void answer_with_fewer_credits(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.credits = 10;
	raw_send(raw, &answer, 32);
}

static void answer_with_all_credits(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.credits = 20000;
	raw_send(raw, &answer, 32);
}

static void acknowledge_twice(struct raw *raw)
{
	await_request(raw);
	servant_acknowledge(raw);
}

static void call_back(struct raw *raw)
{
	struct raw_message message;

	await_request(raw);
	message = scene_request(PROBE_ADD);
	message.header.credits = 65;
	raw_send(raw, &message, 32);
}

static void bind_back(struct raw *raw)
{
	await_request(raw);
	raw_send_bind(raw, 1, PROBE_ID, 1, 1);
}

static void answer_too_short(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	raw_send(raw, &answer, 24);
}

static void answer_too_long(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	raw_send(raw, &answer, 40);
}

static void answer_below_minus_one(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	scene_put32(&answer, 24, (uint32_t)-2);
	raw_send(raw, &answer, 32);
}

static void answer_with_noise_in_a_gap(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	scene_put32(&answer, 28, 1);
	raw_send(raw, &answer, 32);
}

/* More than the room, and as many bytes. */
static void answer_above_the_room(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	scene_put64(&answer, 24, SMALL + 4);
	raw_send(raw, &answer, 32 + SMALL + 4);
}

static void answer_without_the_bytes(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	scene_put64(&answer, 24, SMALL);
	raw_send(raw, &answer, 32);
}

static void answer_negative_length(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	scene_put64(&answer, 24, UINT64_MAX - 5);
	raw_send(raw, &answer, 32);
}

static void answer_inline_without_the_bytes(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.flags = VBI_FLAG_INLINE;
	scene_put64(&answer, 24, 1000);
	raw_send(raw, &answer, 32);
}

static void answer_pushed_with_bytes(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	scene_put64(&answer, 24, 1000);
	raw_send(raw, &answer, 32 + 1000);
}

static void answer_more_than_was_exposed(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	scene_put64(&answer, 24, BULK + 1);
	raw_send(raw, &answer, 32);
}

static void fail_without_errno(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.kind = VBI_KIND_FAILURE;
	raw_send(raw, &answer, 24);
}

static void fail_with_no_errno(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	answer.header.kind = VBI_KIND_FAILURE;
	answer.header.flags = VBI_FLAG_RAN;
	answer.header.status = 60000;
	raw_send(raw, &answer, 24);
}

static void test_answers(void **state)
{
	static const struct {
		const char *name;
		act_fn *act;
		enum called called;
		int errnum;
		enum vb_outcome outcome;
	} cases[] = {
#define CASE(act, called, errnum, outcome) {#act, act, called, errnum, outcome}
		CASE(die_on_request, CALL_ADD, ECONNRESET, VB_UNKNOWN),
		CASE(die_on_request, CALL_BULK_FILL, ECONNRESET, VB_UNKNOWN),
		CASE(answer_slot_64, CALL_ADD, EPROTO, VB_UNKNOWN),
		CASE(answer_no_slot, CALL_ADD, EPROTO, VB_UNKNOWN),
		CASE(answer_free_slot, CALL_ADD, EPROTO, VB_UNKNOWN),
		CASE(answer_other_generation, CALL_ADD, EPROTO, VB_UNKNOWN),
		CASE(answer_other_interface, CALL_ADD, EPROTO, VB_UNKNOWN),
		CASE(answer_other_method, CALL_BULK_FILL, EPROTO, VB_UNKNOWN),
		CASE(answer_kind_item, CALL_ADD, EPROTO, VB_UNKNOWN),
		CASE(answer_unknown_flag, CALL_ADD, EPROTO, VB_UNKNOWN),
		CASE(answer_extension, CALL_ADD, EPROTO, VB_UNKNOWN),
		CASE(answer_with_fewer_credits, CALL_ADD, EPROTO, VB_UNKNOWN),
		CASE(answer_with_all_credits, CALL_ADD, EPROTO, VB_UNKNOWN),
		CASE(acknowledge_twice, CALL_ADD, EPROTO, VB_UNKNOWN),
		CASE(call_back, CALL_ADD, EPROTO, VB_UNKNOWN),
		CASE(bind_back, CALL_BULK_FILL, EPROTO, VB_UNKNOWN),
		CASE(answer_too_short, CALL_ADD, EPROTO, VB_EXECUTED),
		CASE(answer_too_long, CALL_ADD, EPROTO, VB_EXECUTED),
		CASE(answer_below_minus_one, CALL_ANSWER, EPROTO, VB_EXECUTED),
		CASE(answer_with_noise_in_a_gap, CALL_ANSWER, EPROTO, VB_EXECUTED),
		CASE(answer_above_the_room, CALL_SMALL_FILL, EPROTO, VB_EXECUTED),
		CASE(answer_without_the_bytes, CALL_SMALL_FILL, EPROTO, VB_EXECUTED),
		CASE(answer_negative_length, CALL_SMALL_FILL, EPROTO, VB_EXECUTED),
		CASE(answer_inline_without_the_bytes, CALL_BULK_FILL, EPROTO, VB_EXECUTED),
		CASE(answer_pushed_with_bytes, CALL_BULK_FILL, EPROTO, VB_EXECUTED),
		CASE(answer_more_than_was_exposed, CALL_BULK_FILL, EPROTO, VB_EXECUTED),
		CASE(fail_without_errno, CALL_ADD, EIO, VB_NOT_EXECUTED),
		CASE(fail_with_no_errno, CALL_ADD, EIO, VB_EXECUTED),
#undef CASE
	};
	uint8_t *memory = malloc(BULK);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t server = start(cases[i].act);
		struct vb_conn *conn = probe_connect_to(ADDRESS, NULL);
		struct probe_peer *peer = conn ? probe_peer_bind(conn) : NULL;
		int64_t result;

		if (!peer)
			fail_msg("%s: no connection", cases[i].name);
		errno = 0;
		result = call(peer, cases[i].called, memory);
		if (result != -1 || errno != cases[i].errnum ||
		    probe_peer_outcome(peer) != cases[i].outcome)
			fail_msg("%s: %lld, %s, outcome %d (%s)", cases[i].name, (long long)result,
				 strerrorname_np(errno), (int)probe_peer_outcome(peer),
				 vb_conn_error(conn)->sentence);
		if (cases[i].errnum == EPROTO) {
			probe_assert_sentence(vb_conn_error(conn), ADDRESS);
			assert_int_equal(probe_client_stats(conn).protocol_errors, 1);
		}
		memset(memory, 1, BULK);
		probe_peer_free(peer);
		vb_conn_close(conn);
		assert_int_equal(harness_wait(server), 0);
	}
	free(memory);
}

/* ---- Answers that are fine, and what follows ---- */

static void answer_twice(struct raw *raw)
{
	struct raw_message answer = await_request(raw);

	scene_put32(&answer, 24, 3);
	raw_send(raw, &answer, 32);
	raw_send(raw, &answer, 32);
}

static void test_second_answer(void **state)
{
	pid_t server = start(answer_twice);
	struct vb_conn *conn = probe_connect_to(ADDRESS, NULL);
	struct probe_peer *peer;

	(void)state;
	assert_non_null(conn);
	peer = probe_bind(conn);
	assert_int_equal(probe_add(peer, 1, 2), 3);
	assert_int_equal(probe_add(peer, 1, 2), -1);
	assert_int_equal(errno, EPROTO);
	probe_peer_free(peer);
	vb_conn_close(conn);
	assert_int_equal(harness_wait(server), 0);
}

static void grant_nothing(struct raw *raw)
{
	struct raw_message message;

	servant_greet(raw, 0);
	while (raw_receive(raw, &message))
		if (message.header.kind == VBI_KIND_CONTROL)
			servant_acknowledge(raw);
}

static void test_no_credits(void **state)
{
	pid_t server = start(grant_nothing);
	struct vb_conn *conn = probe_connect_to(ADDRESS, NULL);
	struct probe_peer *peer;

	(void)state;
	assert_non_null(conn);
	peer = probe_bind(conn);
	probe_peer_set_deadline(peer, 20000000);
	probe_assert_failed(peer, probe_add(peer, 1, 2), ETIMEDOUT, VB_NOT_SENT);
	assert_true(probe_client_stats(conn).credit_waits > 0);
	probe_peer_free(peer);
	vb_conn_close(conn);
	assert_int_equal(harness_wait(server), 0);
}

/* It never acknowledges the bind: what comes after it must not be sent. */
static void ignore_binds(struct raw *raw)
{
	struct raw_message message;

	servant_greet(raw, 64);
	while (raw_receive(raw, &message))
		if (message.header.kind != VBI_KIND_CONTROL &&
		    message.header.kind != VBI_KIND_REQUEST &&
		    message.header.kind != VBI_KIND_CANCEL)
			exit(12);
}

static void test_no_acknowledgement(void **state)
{
	pid_t server = start(ignore_binds);
	struct vb_conn *conn = probe_connect_to(ADDRESS, NULL);
	struct probe_peer *peer;

	(void)state;
	assert_non_null(conn);
	peer = probe_bind(conn);
	probe_peer_set_deadline(peer, 20000000);
	for (unsigned i = 0; i < 5; i++)
		probe_assert_failed(peer, probe_add(peer, 1, 2), ETIMEDOUT, VB_UNKNOWN);
	probe_peer_free(peer);
	vb_conn_close(conn);
	assert_int_equal(harness_wait(server), 0);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_hellos),     HARNESS_TEST(test_receives_too_small_for_a_hello),
	HARNESS_TEST(test_answers),    HARNESS_TEST(test_second_answer),
	HARNESS_TEST(test_no_credits), HARNESS_TEST(test_no_acknowledgement),
};

HARNESS_MAIN(tests, 2)
