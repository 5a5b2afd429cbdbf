/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether anybody is ever told to wait for a receive (RNR), by the device's own counters: never
 * while all keep to what they were granted, and nobody fails when one does not.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/verbs/victim.h"
#include "transport/clock.h"

#define CLIENTS	   24u
#define MESSAGES   20000u
#define PATIENCE_S 90u

/* ---- The device's counters ---- */

struct waits {
	unsigned long told; /* RNR NAKs sent */
	unsigned long was_told;
	unsigned long gave_up;
};

static struct waits waits_of(const struct victim *victim)
{
	const struct verbs_device *device = verbs_endpoint_of(victim->good)->device;

	return (struct waits){
		.told = device_counter(device, "send_rnr_err"),
		.was_told = device_counter(device, "rcvd_rnr_err"),
		.gave_up = device_counter(device, "retry_rnr_exceeded_err"),
	};
}

/* ---- A load of clients, each with all that it may have outstanding ---- */

struct load {
	struct vb_stats stats;
	struct vbi_domain *domain;
	struct user {
		struct load *load;
		struct vbi_endpoint *endpoint;
		unsigned outstanding, sent;
	} users[CLIENTS];
	unsigned n_connected, n_echoes;
};

static void refused(void *listener_owner, const struct vbi_cause *cause)
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
	((struct user *)owner)->load->n_connected++;
}

static void received(void *owner, struct vbi_message *message)
{
	struct user *user = owner;

	user->outstanding--;
	user->load->n_echoes++;
	vbi_verbs.release(user->endpoint, message);
}

static void failed(void *owner, const struct vbi_cause *cause)
{
	(void)owner;
	fail_msg("a client under load failed: %s", cause->sentence);
}

static const struct vbi_events events = {
	.accepted = nobody,
	.refused = refused,
	.connected = connected,
	.received = received,
	.failed = failed,
};

/* All that it may have sent, in one burst, of all sizes. */
static void send_all(struct user *user)
{
	static const uint32_t sizes[] = {64, 24, 1000, 256, VICTIM_MESSAGE_MAX, 264, 64, 512};

	while (user->outstanding < VICTIM_RECEIVES) {
		struct vbi_message *message = vbi_verbs.message_get(user->endpoint);
		uint32_t length = sizes[user->sent % 8];

		assert_non_null(message);
		memset(message->data, 0, sizeof(struct request));
		memcpy(message->data, &length, sizeof(length));
		vbi_verbs.send(user->endpoint, message, length, true);
		user->outstanding++;
		user->sent++;
	}
	vbi_verbs.flush(user->endpoint);
}

static void load_open(struct load *load, struct victim *victim)
{
	const struct vbi_domain_options options = {
		.message_max = VICTIM_MESSAGE_MAX,
		.receives = VICTIM_RECEIVES,
		.keepalive_ns = 60 * TICK_NS_PER_S,
	};
	struct vbi_cause cause;
	char address[80];

	snprintf(address, sizeof(address), "%s:%u", victim->host, victim->port);
	assert_int_equal(
		vbi_verbs.domain_open(&events, &load->stats, &options, &load->domain, &cause), 0);
	for (unsigned i = 0; i < CLIENTS; i++) {
		load->users[i].load = load;
		assert_int_equal(vbi_verbs.connect(load->domain, address, 0, &load->users[i],
						   &load->users[i].endpoint, &cause),
				 0);
	}
	while (load->n_connected < CLIENTS) {
		vbi_verbs.poll(load->domain);
		victim_turn(victim);
	}
}

static void load_close(struct load *load)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		vbi_verbs.close(load->users[i].endpoint);
	vbi_verbs.domain_close(load->domain);
}

/* The server now and then does something else for a while: then all of it is under way at once. */
static void load_run(struct load *load, struct victim *victim)
{
	uint64_t end = tick_clock_ns() + PATIENCE_S * TICK_NS_PER_S;

	for (unsigned turn = 0; load->n_echoes < MESSAGES; turn++) {
		if (turn % 3 == 0)
			for (unsigned i = 0; i < CLIENTS; i++)
				send_all(&load->users[i]);
		for (unsigned i = 0; i < turn % 7; i++)
			vbi_verbs.poll(load->domain);
		for (unsigned i = 0; i < turn % 5; i++)
			victim_turn(victim);
		if (tick_clock_ns() > end)
			fail_msg("%u answers of %u in %u s", load->n_echoes, MESSAGES, PATIENCE_S);
	}
}

/* ---- Cases ---- */

static void nobody_waits(void **state)
{
	struct victim *victim = *state;
	struct load *load = calloc(1, sizeof(*load));
	struct waits before = waits_of(victim);
	struct waits after;

	load_open(load, victim);
	load_run(load, victim);
	after = waits_of(victim);
	assert_int_equal(after.told - before.told, 0);
	assert_int_equal(after.was_told - before.was_told, 0);
	assert_int_equal(after.gave_up - before.gave_up, 0);
	assert_int_equal(victim->n_failed, 0);
	load_close(load);
	victim_until(victim, &victim->n_failed, CLIENTS);
	free(load);
}

/* One sends without end. The others wait, none fails. */
static void all_wait_for_one(void **state)
{
	struct victim *victim = *state;
	struct load *load = calloc(1, sizeof(*load));
	struct waits before = waits_of(victim);
	const struct verbs_lane *lane;
	struct waits after;
	struct raw raw;

	load_open(load, victim);
	victim_join(victim, &raw);
	/* What one sends uses up the headroom, and with what the others may send all receives that
	 * there are. */
	lane = verbs_endpoint_of(victim->good_peer)->lane;
	assert_int_equal(lane->n_endpoints, CLIENTS + 2);
	assert_true(RAW_SENDS > lane->target - lane->shares);
	assert_true(RAW_SENDS + CLIENTS * VICTIM_RECEIVES > lane->target);
	for (unsigned i = 0; i < RAW_SENDS; i++)
		victim_request(&raw, ORDER_KEEP, i, NULL);
	for (unsigned i = 0; i < CLIENTS; i++)
		send_all(&load->users[i]);
	load_run(load, victim);
	victim_until(victim, &victim->n_failed, 1);
	assert_int_equal(victim->n_failed, 1);
	assert_int_equal(victim->cause.errnum, EPROTO);
	after = waits_of(victim);
	assert_true(after.told > before.told);
	assert_int_equal(after.gave_up - before.gave_up, 0);
	raw_close(&raw);
	load_close(load);
	victim_until(victim, &victim->n_failed, 1 + CLIENTS);
	free(load);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, victim_setup, victim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(nobody_waits), CASE(all_wait_for_one)};

	device_address();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
