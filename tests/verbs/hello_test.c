/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ends say when a connection is made, and what becomes of who says it wrongly. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/verbs/victim.h"
#include "transport/clock.h"

/* ---- Clients that say something wrong ---- */

/* Turned away with ERRNUM; the server is told why in a sentence that names the peer. */
static void refused(struct victim *victim, struct raw *raw, int errnum)
{
	uint64_t before = victim->stats.connections_refused;
	unsigned n_before = victim->n_refused;

	assert_int_equal(raw_connect(raw, victim->host, victim->port), RDMA_CM_EVENT_REJECTED);
	assert_int_equal(raw->answer.magic, VERBS_MAGIC);
	assert_int_equal(raw->answer.version, VERBS_VERSION);
	assert_int_equal(raw->answer.errnum, errnum);
	assert_int_equal(victim->stats.connections_refused, before + 1);
	assert_int_equal(victim->n_refused, n_before + 1);
	assert_int_equal(victim->refusal.errnum, errnum);
	assert_non_null(strstr(victim->refusal.sentence, victim->host));
	raw_close(raw);
	victim_check(victim);
}

static void no_private_data(void **state)
{
	struct raw raw;

	raw_init(&raw, victim_turn, *state);
	raw.hello_bytes = 0;
	refused(*state, &raw, EPROTO);
}

static void another_protocol(void **state)
{
	struct raw raw;

	raw_init(&raw, victim_turn, *state);
	memcpy(&raw.hello, "GET /index.html HTTP/1.1", sizeof(raw.hello));
	refused(*state, &raw, EPROTO);
}

static void half_a_hello(void **state)
{
	struct raw raw;

	raw_init(&raw, victim_turn, *state);
	raw.hello_bytes = 8;
	raw.hello.length = 8;
	refused(*state, &raw, EPROTO);
}

static void another_version(void **state)
{
	struct raw raw;

	raw_init(&raw, victim_turn, *state);
	raw.hello.version = VERBS_VERSION + 1;
	refused(*state, &raw, EPROTONOSUPPORT);
}

static void sizes_of_messages(void **state)
{
	static const uint32_t sizes[] = {0, 23, 65537, 0x80000000u, UINT32_MAX};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct raw raw;

		raw_init(&raw, victim_turn, *state);
		raw.hello.message_max = sizes[i];
		refused(*state, &raw, EPROTO);
	}
}

static void no_receives(void **state)
{
	struct raw raw;

	raw_init(&raw, victim_turn, *state);
	raw.hello.receives = 0;
	refused(*state, &raw, EPROTO);
}

static void memory_that_nobody_may_read(void **state)
{
	struct raw raw;

	raw_init(&raw, victim_turn, *state);
	raw.responder_resources = 0;
	refused(*state, &raw, EPROTO);
}

/* What a later library may add does not keep this one from talking to it. */
static void longer_hello(void **state)
{
	struct victim *victim = *state;
	static const uint32_t maxima[] = {24, 1000, 65536};

	for (unsigned i = 0; i < 3; i++) {
		struct raw raw;

		raw_init(&raw, victim_turn, victim);
		raw.hello.length = 40;
		raw.hello.features = UINT32_MAX;
		raw.hello.message_max = maxima[i];
		assert_int_equal(raw_connect(&raw, victim->host, victim->port),
				 RDMA_CM_EVENT_ESTABLISHED);
		assert_int_equal(raw.answer.magic, VERBS_MAGIC);
		assert_int_equal(raw.answer.message_max, VICTIM_MESSAGE_MAX);
		victim_request(&raw, ORDER_ECHO, 1, NULL);
		if (maxima[i] >= sizeof(struct request))
			raw_await_messages(&raw, 1);
		raw_close(&raw);
	}
}

static void refusal_by_the_program(void **state)
{
	struct victim *victim = *state;
	struct vbi_listener *listener = victim->listener;
	struct raw raw;
	char address[80];
	struct vbi_cause cause;

	/* Nobody listens at this one's port. */
	raw_init(&raw, victim_turn, victim);
	assert_int_equal(raw_connect(&raw, victim->host, 22999), RDMA_CM_EVENT_REJECTED);
	assert_int_equal(raw.status, 8);
	raw_close(&raw);
	/* A second listener at a port that is taken. */
	snprintf(address, sizeof(address), "%s:%u", victim->host, victim->port);
	assert_int_equal(vbi_verbs.listen(victim->domain, address, victim, &listener, &cause),
			 -EADDRINUSE);
	assert_non_null(strstr(cause.sentence, address));
}

static void nothing(void *context)
{
	(void)context;
}

/* ---- Servers that say something wrong ---- */

struct liar {
	struct raw raw;
	struct vb_stats stats;
	struct vbi_domain *domain;
	struct vbi_endpoint *endpoint;
	unsigned n_connected, n_failed, n_received;
	struct vbi_cause cause;
	unsigned port;
};

static void never(void *listener_owner, const struct vbi_cause *cause)
{
	(void)listener_owner;
	(void)cause;
	abort();
}

static int nobody(void *listener_owner, struct vbi_endpoint *endpoint)
{
	(void)listener_owner;
	(void)endpoint;
	return -ECONNABORTED;
}

static void connected(void *owner)
{
	((struct liar *)owner)->n_connected++;
}

static void received(void *owner, struct vbi_message *message)
{
	struct liar *liar = owner;

	liar->n_received++;
	vbi_verbs.release(liar->endpoint, message);
}

static void failed(void *owner, const struct vbi_cause *cause)
{
	struct liar *liar = owner;

	liar->n_failed++;
	liar->cause = *cause;
}

static const struct vbi_events client_events = {
	.accepted = nobody,
	.refused = never,
	.connected = connected,
	.received = received,
	.failed = failed,
};

static void liar_turn(void *context)
{
	struct liar *liar = context;

	vbi_verbs.poll(liar->domain);
	if (vbi_verbs.arm(liar->domain) == 0)
		vbi_verbs.sleep(liar->domain, TICK_NS_PER_MS);
}

static void liar_until(struct liar *liar, const unsigned *condition)
{
	uint64_t end = tick_clock_ns() + 30 * TICK_NS_PER_S;

	while (!*condition) {
		liar_turn(liar);
		if (tick_clock_ns() > end)
			fail_msg("the client neither connected nor failed");
	}
}

static int liar_setup(void **state)
{
	static unsigned serial;
	struct liar *liar = calloc(1, sizeof(*liar));
	const struct vbi_domain_options options = {
		.message_max = VICTIM_MESSAGE_MAX,
		.receives = VICTIM_RECEIVES,
		.keepalive_ns = 3 * TICK_NS_PER_S,
	};
	struct vbi_cause cause;
	char address[80];

	liar->port = 22000 + ((unsigned)getpid() * 50 + serial++) % 900;
	raw_init(&liar->raw, liar_turn, liar);
	raw_listen(&liar->raw, device_address(), liar->port);
	snprintf(address, sizeof(address), "%s:%u", device_address(), liar->port);
	if (vbi_verbs.domain_open(&client_events, &liar->stats, &options, &liar->domain, &cause) ||
	    vbi_verbs.connect(liar->domain, address, 0, liar, &liar->endpoint, &cause))
		return -1;
	raw_await_request(&liar->raw);
	*state = liar;
	return 0;
}

static int liar_teardown(void **state)
{
	struct liar *liar = *state;

	if (liar->endpoint)
		vbi_verbs.close(liar->endpoint);
	vbi_verbs.domain_close(liar->domain);
	raw_close(&liar->raw);
	free(liar);
	return 0;
}

static void again(void **state)
{
	assert_int_equal(liar_teardown(state), 0);
	assert_int_equal(liar_setup(state), 0);
}

static void expect_failed(struct liar *liar, int errnum, const char *words)
{
	liar_until(liar, &liar->n_failed);
	assert_int_equal(liar->n_failed, 1);
	if (liar->cause.errnum != errnum || !strstr(liar->cause.sentence, words))
		fail_msg("%d, not %d, and '%s', not '%s'", liar->cause.errnum, errnum,
			 liar->cause.sentence, words);
}

static void answers(void **state)
{
	static const struct {
		uint32_t magic, message_max;
		uint16_t version;
		uint8_t bytes;
		int errnum;
		const char *words;
	} cases[] = {
		{VERBS_MAGIC, 4096, 1, 0, EPROTO, "no Verbena peer"},
		{0x50545448, 4096, 1, 24, EPROTO, "no Verbena peer"},
		{VERBS_MAGIC, 4096, 9, 24, EPROTONOSUPPORT, "version 9"},
		{VERBS_MAGIC, 8, 1, 24, EPROTO, "largest message"},
		{VERBS_MAGIC, 1u << 30, 1, 24, EPROTO, "largest message"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct liar *liar = *state;

		liar->raw.hello.magic = cases[i].magic;
		liar->raw.hello.message_max = cases[i].message_max;
		liar->raw.hello.version = cases[i].version;
		liar->raw.hello_bytes = cases[i].bytes;
		raw_accept(&liar->raw);
		expect_failed(liar, cases[i].errnum, cases[i].words);
		assert_int_equal(liar->n_connected, 0);
		again(state);
	}
}

static void refusals(void **state)
{
	static const struct {
		uint16_t errnum;
		int expected;
		const char *words;
	} cases[] = {
		{EBUSY, EBUSY, "busy; VERBENA_LOG=1 there"},
		{ENOMEM, ENOMEM, "at the server's end, not here"},
		{0, EPROTO, "not a Verbena server"},
		{60000, EPROTO, "not a Verbena server"},
	};
	struct liar *liar;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verbs_hello hello;

		liar = *state;
		verbs_hello_make(&hello, 0, 0, 0, cases[i].errnum);
		raw_reject(&liar->raw, &hello, sizeof(hello));
		expect_failed(liar, cases[i].expected, cases[i].words);
		again(state);
	}
	liar = *state;
	raw_reject(&liar->raw, NULL, 0);
	expect_failed(liar, ECONNREFUSED, "without a word");
}

/* It accepts, and hangs up at once. */
static void a_server_that_hangs_up(void **state)
{
	struct liar *liar = *state;

	raw_accept(&liar->raw);
	liar_until(liar, &liar->n_connected);
	assert_int_equal(rdma_disconnect(liar->raw.id), 0);
	/* Or a ping finds nobody, where that event is late. */
	expect_failed(liar, ECONNRESET, "");
}

/* It never answers: the client may give up whenever it likes. */
static void a_server_that_says_nothing(void **state)
{
	struct liar *liar = *state;

	for (unsigned i = 0; i < 20; i++)
		liar_turn(liar);
	assert_int_equal(liar->n_connected + liar->n_failed, 0);
	vbi_verbs.close(liar->endpoint);
	liar->endpoint = NULL;
}

/* A receive that was flushed at one address says nothing of the next one, where no answer comes. */
static void an_address_after_a_broken_one(void **state)
{
	struct liar *liar = *state;
	struct verbs_endpoint *endpoint = verbs_endpoint_of(liar->endpoint);
	struct rdma_cm_id *first = liar->raw.id;

	endpoint->addresses->addresses[1] = endpoint->addresses->addresses[0];
	endpoint->addresses->n = 2;
	endpoint->flushed = true;
	raw_reject(&liar->raw, NULL, 0);
	raw_await_request(&liar->raw);
	assert_int_equal(rdma_destroy_id(first), 0);
	assert_int_equal(endpoint->at_address, 1);
	endpoint->deadline_ns = 1;
	verbs_timers_note(endpoint->domain, 0);
	expect_failed(liar, EHOSTUNREACH, "no answer by RDMA");
}

/* A message by a WRITE with immediate data would be one that nobody has written. */
static void a_write_with_immediate_data(void **state)
{
	struct liar *liar = *state;
	const uint32_t word = 32;

	raw_accept(&liar->raw);
	liar_until(liar, &liar->n_connected);
	raw_post_word(&liar->raw, 32, word);
	liar_until(liar, &liar->n_received);
	raw_post(&liar->raw, NULL, 0, IBV_WR_RDMA_WRITE_WITH_IMM);
	expect_failed(liar, EPROTO, "");
	assert_int_equal(liar->n_received, 1);
}

/* The first come while the client does not know yet that there is a connection: the receives were
 * posted before it asked. */
static void messages_before_the_connection_is_there(void **state)
{
	struct liar *liar = *state;
	const struct verbs_endpoint *endpoint = verbs_endpoint_of(liar->endpoint);
	unsigned long naks = device_counter(endpoint->device, "send_rnr_err");

	assert_int_equal(endpoint->rq_posted, endpoint->share + VERBS_REFILL);
	raw_accept(&liar->raw);
	for (unsigned i = 0; i < VICTIM_RECEIVES; i++)
		raw_post_word(&liar->raw, 64, 64);
	assert_int_equal(endpoint->state, VERBS_CONNECTING);
	while (liar->n_received < VICTIM_RECEIVES && !liar->n_failed)
		liar_turn(liar);
	raw_poll(&liar->raw);
	assert_int_equal(liar->raw.error, IBV_WC_SUCCESS);
	assert_int_equal(liar->n_failed, 0);
	assert_int_equal(device_counter(endpoint->device, "send_rnr_err"), naks);
}

/* More than fit the receives that were there before this client: its own were posted before it was
 * answered, and not when the server hears that it has the answer. */
static void messages_before_the_server_knows(void **state)
{
	struct victim *victim = *state;
	const struct verbs_endpoint *good = verbs_endpoint_of(victim->good_peer);
	uint32_t n = good->lane->posted + VICTIM_RECEIVES / 2;
	unsigned long naks;
	struct raw raw;

	raw_init(&raw, victim_turn, victim);
	raw_ask(&raw, victim->host, victim->port);
	victim_until(victim, &victim->n_accepted, 2);
	assert_ptr_equal(verbs_endpoint_of(victim->last)->lane, good->lane);
	raw.turn = nothing;
	assert_int_equal(raw_event(&raw), RDMA_CM_EVENT_ESTABLISHED);
	raw.turn = victim_turn;
	naks = device_counter(good->device, "send_rnr_err");
	for (uint32_t i = 0; i < n; i++)
		victim_request(&raw, ORDER_FLOOD, 0, NULL);
	assert_int_equal(verbs_endpoint_of(victim->last)->state, VERBS_CONNECTING);
	victim_until(victim, &victim->n_messages, n);
	assert_int_equal(verbs_endpoint_of(victim->last)->state, VERBS_LIVE);
	assert_int_equal(device_counter(good->device, "send_rnr_err"), naks);
	assert_int_equal(victim->n_failed, 0);
	raw_close(&raw);
}

#define CLIENT(name) cmocka_unit_test_setup_teardown(name, victim_setup, victim_teardown)
#define SERVER(name) cmocka_unit_test_setup_teardown(name, liar_setup, liar_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLIENT(no_private_data),
		CLIENT(another_protocol),
		CLIENT(half_a_hello),
		CLIENT(another_version),
		CLIENT(sizes_of_messages),
		CLIENT(no_receives),
		CLIENT(memory_that_nobody_may_read),
		CLIENT(longer_hello),
		CLIENT(refusal_by_the_program),
		CLIENT(messages_before_the_server_knows),
		SERVER(answers),
		SERVER(refusals),
		SERVER(a_server_that_hangs_up),
		SERVER(a_server_that_says_nothing),
		SERVER(an_address_after_a_broken_one),
		SERVER(a_write_with_immediate_data),
		SERVER(messages_before_the_connection_is_there),
	};

	device_address();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
