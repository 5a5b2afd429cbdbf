/* SPDX-License-Identifier: Apache-2.0 */
/* Calls at their edges: what is sent, revoked and told when an answer is late, false or last. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/call.h"
#include "rpc/fake_transport.h"
#include "rpc/owner.h"
#include "rpc/peer.h"
#include "transport/memlock.h"

#define MS 1000000ull

static const struct vb_method methods[] = {{
	.name = "fake.get",
	.deadline_ns = 100 * MS,
	.request_fixed = 32,
	.request_max = 32,
	.reply_fixed = 32,
	.reply_max = 32,
	.number = 1,
}};

static const struct vb_interface interface = {
	.size = sizeof(struct vb_interface),
	.name = "fake",
	.id = 77,
	.major = 1,
	.message_max = 8192,
	.methods = methods,
	.n_methods = 1,
};

struct fixture {
	struct vbi_worker worker;
	struct vb_conn *conn;
	struct fake_endpoint *endpoint;
	struct vb_peer *peer;
	uint8_t buffer[100];
};

static struct fixture *fixture;

/* An open connection that may send one request, with interface 77 bound. */
static int set_up(void **state)
{
	struct vb_conn *conn;

	(void)state;
	fixture = calloc(1, sizeof(*fixture));
	vbi_worker_init(&fixture->worker, VB_WAIT_SLEEP,
			&(struct vbi_domain_options){.message_max = FAKE_MESSAGE_MAX}, 0);
	fixture->endpoint = fake_endpoint_new(fake_domain_new(&fixture->worker));
	conn = fixture->conn = vbi_conn_new(&fixture->worker, 4, 0, 10 * MS);
	conn->endpoint = &fixture->endpoint->base;
	conn->ops = &fake_transport;
	conn->endpoint->owner = conn;
	conn->owner = vbi_owner_take();
	conn->state = VBI_CONN_OPEN;
	conn->scratch = aligned_alloc(64, VBI_MESSAGE_MAX);
	conn->credits.granted = 1;
	conn->slot_list.n = 4;
	conn->slots = calloc(4, sizeof(*conn->slots));
	for (uint16_t i = 0; i < 4; i++)
		conn->slots[i].use.next_free = i < 3 ? (uint16_t)(i + 1) : VBI_SLOT_NONE;
	conn->slot_list.free = 0;
	conn->offers = calloc(1, sizeof(*conn->offers));
	conn->offers[0] = (struct vbi_offer){.id = 77, .major = 1};
	conn->n_offers = 1;
	snprintf(conn->address, sizeof(conn->address), "fake://peer");
	fake_poll_ns = MS / 10;
	fake_on_poll = NULL;
	fixture->peer = vb_stub_bind(conn, &interface);
	assert_non_null(fixture->peer);
	/* The bind is the first message; its acknowledgement must not grant more. */
	struct fake_message ack = fake_message(VBI_KIND_CREDIT);
	ack.header.flags = VBI_FLAG_CONTROL_ACK;
	ack.header.credits = 1;
	fake_deliver(fixture->endpoint, ack, sizeof(ack.header));
	vbi_worker_poll(&fixture->worker);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vb_stub_unbind(fixture->peer);
	vbi_conn_free(fixture->conn);
	vbi_worker_fini(&fixture->worker);
	free(fixture);
	return 0;
}

/* Exposes a buffer for the call that is being made. */
static void expose_buffer(void)
{
	struct vb_buffer buffer = {
		.address = fixture->buffer, .room = sizeof(fixture->buffer), .direction = VB_OUT};
	uint32_t cursor = 32;

	assert_int_equal(vb_stub_expose(fixture->peer, &buffer, &cursor), 1);
}

static const uint8_t *make_call(void)
{
	return vb_stub_call(fixture->peer, &methods[0], 32);
}

/* What was sent behind the bind. */
static const struct fake_message *request(void)
{
	return fake_sent(fixture->endpoint, 1);
}

static struct fake_message answer(enum vbi_kind kind)
{
	struct fake_message message = fake_message(kind);
	const struct fake_message *asked = request();

	message.header.slot = asked->header.slot;
	message.header.generation = asked->header.generation;
	message.header.interface = asked->header.interface;
	message.header.method = asked->header.method;
	message.header.credits = 2;
	return message;
}

static uint64_t act_at_ns;
static bool breaks_after;

static void answer_when_asked(void)
{
	if (!request() || fake_now_ns < act_at_ns)
		return;
	fake_deliver(fixture->endpoint, answer(VBI_KIND_REPLY), 32);
	fixture->endpoint->breaks = breaks_after;
	fake_on_poll = NULL;
}

static void answer_at(uint64_t ns, bool breaks)
{
	act_at_ns = ns;
	breaks_after = breaks;
	fake_on_poll = answer_when_asked;
}

static void assert_failed(const uint8_t *result, int errnum, enum vb_outcome outcome)
{
	assert_null(result);
	assert_int_equal(errno, errnum);
	assert_int_equal(fixture->peer->outcome, outcome);
}

static void test_answer(void **state)
{
	(void)state;
	answer_at(0, false);
	assert_non_null(make_call());
	assert_int_equal(fixture->peer->outcome, VB_EXECUTED);
	assert_int_equal(request()->header.time, 100000);
}

static void grant_later(void)
{
	struct fake_message message = fake_message(VBI_KIND_CREDIT);

	if (fake_now_ns < act_at_ns)
		return;
	message.header.credits = 2;
	/* One that needs no acknowledgement. */
	message.header.flags = VBI_FLAG_CONTROL_ACK;
	fixture->conn->control.in_flight = true;
	fake_deliver(fixture->endpoint, message, sizeof(message.header));
	fake_on_poll = NULL;
}

/* Waiting for the credit and for the answer have one deadline. */
static void test_wait_for_credit_counts(void **state)
{
	uint64_t start_ns = fake_now_ns;

	(void)state;
	fixture->conn->credits.sent = 1;
	/* Sleeps move the clock by all there is: poll by poll. */
	fixture->worker.wait = VB_WAIT_SPIN;
	act_at_ns = start_ns + 60 * MS;
	fake_on_poll = grant_later;
	assert_failed(make_call(), ETIMEDOUT, VB_UNKNOWN);
	assert_non_null(request());
	assert_in_range(request()->header.time, 20000, 40000);
	/* The polls between two looks at the clock, twice. */
	assert_in_range(fake_now_ns - start_ns, 100 * MS, 160 * MS);
	assert_int_equal(fixture->worker.stats.credit_waits, 1);
	assert_int_equal(fixture->worker.stats.deadlines, 1);
}

static void test_no_credit_until_the_deadline(void **state)
{
	(void)state;
	fixture->conn->credits.sent = 1;
	assert_failed(make_call(), ETIMEDOUT, VB_NOT_SENT);
	assert_null(request());
	assert_int_equal(fixture->worker.stats.deadlines, 1);
	assert_int_equal(fixture->conn->state, VBI_CONN_OPEN);
}

static void break_now(void)
{
	fixture->endpoint->breaks = true;
	fake_on_poll = NULL;
}

/* The first cause says in which call it was met. */
static void test_death_names_the_call(void **state)
{
	(void)state;
	fake_on_poll = break_now;
	assert_failed(make_call(), ECONNRESET, VB_UNKNOWN);
	assert_string_equal(fixture->conn->error.where, "fake.get");
	assert_non_null(strstr(fixture->conn->error.sentence, "fake://peer"));
}

static void test_death_names_the_call_that_waits(void **state)
{
	(void)state;
	fixture->conn->credits.sent = 1;
	fake_on_poll = break_now;
	assert_failed(make_call(), ECONNRESET, VB_NOT_SENT);
	assert_null(request());
	assert_string_equal(fixture->conn->error.where, "fake.get");
}

/* Nor a call that is over, be it answered or given up. */
static void test_death_names_no_other_call(void **state)
{
	(void)state;
	assert_failed(make_call(), ETIMEDOUT, VB_UNKNOWN);
	assert_int_equal(fixture->conn->slot_list.n_abandoned, 1);
	break_now();
	vbi_worker_poll(&fixture->worker);
	assert_string_equal(fixture->conn->error.where, "connection");
}

/* What was pushed before the answer is taken, though nothing comes after it. */
static void test_answer_and_death_at_once(void **state)
{
	(void)state;
	expose_buffer();
	answer_at(0, true);
	assert_non_null(make_call());
	assert_int_equal(fixture->endpoint->n_revoked, 1);
	assert_int_equal(fixture->endpoint->revoked[0], VBI_REVOKE_ANSWERED);
	assert_int_equal(fixture->conn->state, VBI_CONN_FAILED);
	assert_failed(make_call(), ECONNRESET, VB_NOT_SENT);
}

static void test_false_bytes_fail_the_call(void **state)
{
	(void)state;
	expose_buffer();
	fixture->endpoint->revoke_answer = -EPROTO;
	answer_at(0, false);
	assert_failed(make_call(), EPROTO, VB_EXECUTED);
	assert_int_equal(fixture->conn->error.errnum, EPROTO);
	assert_non_null(strstr(fixture->conn->error.sentence, "fake://peer"));
	assert_int_equal(fixture->worker.stats.protocol_errors, 1);
}

/* Neither within the deadline nor within the grace. */
static void test_exposed_and_no_answer(void **state)
{
	(void)state;
	expose_buffer();
	assert_failed(make_call(), ETIMEDOUT, VB_UNKNOWN);
	assert_int_equal(fixture->endpoint->n_revoked, 1);
	assert_int_equal(fixture->endpoint->revoked[0], VBI_REVOKE_ABANDON);
	assert_int_equal(fake_sent(fixture->endpoint, 2)->header.kind, VBI_KIND_CANCEL);
	assert_int_equal(fake_sent(fixture->endpoint, 2)->header.slot, request()->header.slot);
	assert_int_equal(fixture->worker.stats.abandoned, 1);
	assert_int_equal(fixture->conn->error.errnum, ETIMEDOUT);
	assert_true(fixture->endpoint->closed);
}

/* Too late for the caller, in time for the connection: the outcome is known. */
static void test_exposed_and_answer_within_grace(void **state)
{
	(void)state;
	expose_buffer();
	/* Some polls pass before the first look at the clock. */
	answer_at(fake_now_ns + 150 * MS, false);
	fixture->worker.wait = VB_WAIT_SPIN;
	fixture->conn->grace_ns = 100 * MS;
	assert_failed(make_call(), ETIMEDOUT, VB_EXECUTED);
	assert_int_equal(fixture->endpoint->revoked[0], VBI_REVOKE_ANSWERED);
	assert_int_equal(fixture->conn->state, VBI_CONN_OPEN);
	assert_int_equal(fixture->worker.stats.abandoned, 0);
	assert_int_equal(fixture->conn->slot_list.n_abandoned, 0);
}

/* Nothing exposed: the caller leaves at once, the slot when the answer comes. */
static void test_late_answer(void **state)
{
	(void)state;
	assert_failed(make_call(), ETIMEDOUT, VB_UNKNOWN);
	assert_int_equal(fixture->conn->slot_list.n_abandoned, 1);
	fake_deliver(fixture->endpoint, answer(VBI_KIND_REPLY), 32);
	vbi_worker_poll(&fixture->worker);
	assert_int_equal(fixture->conn->slot_list.n_abandoned, 0);
	assert_int_equal(fixture->worker.stats.late_replies, 1);
	/* A second one has nothing to answer. */
	fake_deliver(fixture->endpoint, answer(VBI_KIND_REPLY), 32);
	vbi_worker_poll(&fixture->worker);
	assert_int_equal(fixture->conn->error.errnum, EPROTO);
}

/* The slot is another call's by now: the generation tells. */
static void test_answer_of_an_earlier_call(void **state)
{
	struct fake_message late;

	(void)state;
	answer_at(0, false);
	assert_non_null(make_call());
	late = answer(VBI_KIND_REPLY);
	fixture->conn->credits.granted = 3;
	late.header.credits = 3;
	fake_deliver(fixture->endpoint, late, 32);
	assert_failed(make_call(), EPROTO, VB_UNKNOWN);
}

/* The endpoint has failed between two polls: what it refuses fails with what it had to tell. */
static void test_refusal_before_the_cause_was_told(void **state)
{
	struct vb_buffer buffer = {
		.address = fixture->buffer, .room = sizeof(fixture->buffer), .direction = VB_OUT};
	uint32_t cursor = 32;

	(void)state;
	fixture->endpoint->expose_answer = -ECONNRESET;
	fixture->endpoint->breaks = true;
	fixture->endpoint->break_errnum = EIO;
	assert_int_equal(vb_stub_expose(fixture->peer, &buffer, &cursor), -EIO);
	assert_int_equal(vb_stub_refuse(fixture->peer, &methods[0], EIO), -1);
	assert_int_equal(fixture->peer->outcome, VB_NOT_SENT);
	assert_int_equal(vb_conn_error(fixture->conn)->errnum, EIO);
	assert_non_null(strstr(vb_conn_error(fixture->conn)->sentence, "connection broke"));
	assert_true(fixture->endpoint->closed);
}

/* A buffer that was exposed before it, for the same call, is revoked. */
static void test_refusal_behind_an_exposure(void **state)
{
	struct vb_buffer buffer = {
		.address = fixture->buffer, .room = sizeof(fixture->buffer), .direction = VB_OUT};
	uint32_t cursor = 64;

	(void)state;
	expose_buffer();
	fixture->endpoint->expose_answer = -ECONNRESET;
	fixture->endpoint->breaks = true;
	fixture->endpoint->break_errnum = EIO;
	assert_int_equal(vb_stub_expose(fixture->peer, &buffer, &cursor), -EIO);
	assert_false(fixture->endpoint->closed);
	assert_int_equal(vb_stub_refuse(fixture->peer, &methods[0], EIO), -1);
	assert_int_equal(fixture->endpoint->n_revoked, 1);
	assert_true(fixture->endpoint->closed);
}

/* There is no memory, and there is no connection any more: what is said is the latter. */
static void test_no_memory_of_a_broken_connection(void **state)
{
	(void)state;
	errno = 0;
	assert_null(vb_memory_alloc(fixture->conn, 4096));
	assert_int_equal(errno, ENOMEM);
	fixture->endpoint->breaks = true;
	fixture->endpoint->break_errnum = EIO;
	assert_null(vb_memory_alloc(fixture->conn, 4096));
	assert_int_equal(errno, EIO);
	assert_int_equal(vb_conn_error(fixture->conn)->errnum, EIO);
	/* And when that is known, before the endpoint has been let go of. */
	assert_null(vb_memory_alloc(fixture->conn, 4096));
	assert_int_equal(errno, EIO);
}

/* Not the connection's end, and told all the same. */
static void test_no_memory_to_bind(void **state)
{
	const struct vb_error *error = vb_conn_error(fixture->conn);

	(void)state;
	fixture->endpoint->has_no_messages = true;
	errno = 0;
	assert_null(vb_stub_bind(fixture->conn, &interface));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(error->errnum, ENOMEM);
	assert_string_equal(error->where, "bind");
	assert_non_null(strstr(error->sentence, interface.name));
	assert_non_null(strstr(error->sentence, "there is no memory"));
	assert_int_equal(strstr(error->sentence, "ulimit -l") != NULL,
			 vbi_memlock_max() != UINT64_MAX);
	assert_int_equal(fixture->conn->state, VBI_CONN_OPEN);
	fixture->endpoint->has_no_messages = false;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answer),
		TEST(test_wait_for_credit_counts),
		TEST(test_no_credit_until_the_deadline),
		TEST(test_death_names_the_call),
		TEST(test_death_names_the_call_that_waits),
		TEST(test_death_names_no_other_call),
		TEST(test_answer_and_death_at_once),
		TEST(test_false_bytes_fail_the_call),
		TEST(test_exposed_and_no_answer),
		TEST(test_exposed_and_answer_within_grace),
		TEST(test_late_answer),
		TEST(test_answer_of_an_earlier_call),
		TEST(test_refusal_before_the_cause_was_told),
		TEST(test_refusal_behind_an_exposure),
		TEST(test_no_memory_to_bind),
		TEST(test_no_memory_of_a_broken_connection),
	};

	return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
