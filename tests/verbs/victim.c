/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/verbs/victim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/clock.h"

#define PATIENCE_NS (120 * TICK_NS_PER_S)
/* A range that other tests do not use, from a place in it that depends on the process: what lingers
 * of an ended connection does not hold a port. */
#define FIRST_PORT  23000u
#define PORTS	    1000u

static struct victim *victim_now;

const char *device_address(void)
{
	const char *host = getenv("VERBENA_TEST_ADDRESS");

	if (host)
		return host;
	printf("needs an RDMA device: ./dev vm, or VERBENA_TEST_ADDRESS=its address\n");
	exit(77);
}

/* -1: the device does not count it. */
static long counter(const struct verbs_device *device, const char *name)
{
	char path[200], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/ports/1/hw_counters/%s",
		 ibv_get_device_name(device->context->device), name);
	file = fopen(path, "r");
	if (!file)
		return -1;
	if (!fgets(text, sizeof(text), file))
		text[0] = 0;
	fclose(file);
	return strtol(text, NULL, 10);
}

unsigned long device_counter(const struct verbs_device *device, const char *name)
{
	long value = counter(device, name);

	if (value < 0) {
		/* Were the file elsewhere, nobody would notice that none is read. */
		if (verbs_device_is_rxe(device))
			fail_msg("no %s where SoftRoCE has it", name);
		print_message("the device does not count %s\n", name);
		skip();
	}
	return (unsigned long)value;
}

/* ---- What the server does ---- */

static void serve_done(struct vbi_transfer *transfer, int status)
{
	struct victim *victim = transfer->owner;

	victim->n_done++;
	victim->status = status;
}

static void serve_bulk(struct vbi_endpoint *endpoint, const struct request *request)
{
	struct victim *victim = victim_now;
	uint64_t length = request->record.length;

	victim->transfer = (struct vbi_transfer){
		.record = request->record,
		.local = victim->local,
		.length = length < VICTIM_LOCAL ? length : VICTIM_LOCAL,
		.owner = victim,
		.done = serve_done,
	};
	victim->status = request->order == ORDER_PULL ? vbi_verbs.pull(endpoint, &victim->transfer)
						      : vbi_verbs.push(endpoint, &victim->transfer);
	victim->n_done += victim->status < 0;
}

static void answer(struct vbi_endpoint *endpoint, const void *bytes, uint32_t length)
{
	struct vbi_message *reply = vbi_verbs.message_get(endpoint);

	if (!reply)
		return;
	memcpy(reply->data, bytes, length);
	vbi_verbs.send(endpoint, reply, length, false);
}

static void serve_close(struct vbi_endpoint *endpoint)
{
	for (unsigned i = 0; i < VICTIM_ENDPOINTS; i++)
		if (victim_now->accepted[i] == endpoint)
			victim_now->accepted[i] = NULL;
	victim_now->n_open--;
	vbi_verbs.close(endpoint);
}

static void serve(struct vbi_endpoint *endpoint, struct vbi_message *message)
{
	struct request request = {0};
	static const uint8_t small[64] = {64};

	memcpy(&request, message->data,
	       message->length < sizeof(request) ? message->length : sizeof(request));
	if (request.order == ORDER_KEEP)
		return;
	if (request.order == ORDER_ECHO)
		answer(endpoint, message->data, message->length);
	vbi_verbs.release(endpoint, message);
	if (request.order == ORDER_PULL || request.order == ORDER_PUSH)
		serve_bulk(endpoint, &request);
	for (uint64_t i = 0; request.order == ORDER_FLOOD && i < request.id; i++)
		answer(endpoint, small, sizeof(small));
	if (request.order == ORDER_CLOSE)
		serve_close(endpoint);
	if (request.order == ORDER_WORK)
		victim_now->work(endpoint);
}

static void victim_received(void *owner, struct vbi_message *message)
{
	struct vbi_endpoint *endpoint = owner;

	if (endpoint == victim_now->good) {
		victim_now->n_echoes++;
		vbi_verbs.release(endpoint, message);
		return;
	}
	assert_true(message->length >= VBI_MESSAGE_MIN);
	victim_now->n_messages += endpoint != victim_now->good_peer;
	serve(endpoint, message);
}

static void victim_refused(void *listener_owner, const struct vbi_cause *cause)
{
	struct victim *victim = listener_owner;

	victim->n_refused++;
	victim->refusal = *cause;
}

static int victim_accepted(void *listener_owner, struct vbi_endpoint *endpoint)
{
	struct victim *victim = listener_owner;
	unsigned place = 0;

	while (place < VICTIM_ENDPOINTS && victim->accepted[place])
		place++;
	if (place == VICTIM_ENDPOINTS)
		return -EBUSY;
	victim->accepted[place] = victim->last = endpoint;
	victim->n_accepted++;
	victim->n_open++;
	endpoint->owner = endpoint;
	return 0;
}

static void victim_connected(void *owner)
{
	(void)owner;
}

static void victim_failed(void *owner, const struct vbi_cause *cause)
{
	struct vbi_endpoint *endpoint = owner;

	/* Nothing may ever be done to this one. */
	if (endpoint == victim_now->good || endpoint == victim_now->good_peer)
		fail_msg("the good connection failed: %s", cause->sentence);
	victim_now->n_failed++;
	victim_now->cause = *cause;
	serve_close(endpoint);
}

static const struct vbi_events events = {
	.accepted = victim_accepted,
	.refused = victim_refused,
	.connected = victim_connected,
	.received = victim_received,
	.failed = victim_failed,
};

/* ---- Fixture ---- */

static int open_domain(struct victim *victim)
{
	static unsigned serial;
	const struct vbi_domain_options options = {
		.message_max = VICTIM_MESSAGE_MAX,
		.receives = VICTIM_RECEIVES,
		.keepalive_ns = 3 * TICK_NS_PER_S,
	};
	struct vbi_cause cause = {0};
	char address[80];

	victim->host = device_address();
	victim->port = FIRST_PORT + ((unsigned)getpid() * 50 + serial++) % PORTS;
	snprintf(address, sizeof(address), "%s:%u", victim->host, victim->port);
	if (vbi_verbs.domain_open(&events, &victim->stats, &options, &victim->domain, &cause) < 0 ||
	    vbi_verbs.listen(victim->domain, address, victim, &victim->listener, &cause) < 0 ||
	    vbi_verbs.connect(victim->domain, address, 0, NULL, &victim->good, &cause) < 0) {
		print_error("%s\n", cause.sentence);
		return -1;
	}
	victim->good->owner = victim->good;
	return 0;
}

int victim_setup(void **state)
{
	struct victim *victim = calloc(1, sizeof(*victim));

	victim_now = victim;
	if (open_domain(victim) < 0)
		return -1;
	victim->local = vbi_verbs.region_alloc(victim->domain, VICTIM_LOCAL);
	if (!victim->local)
		return -1;
	victim_until(victim, &victim->n_accepted, 1);
	victim->good_peer = victim->last;
	while (verbs_endpoint_of(victim->good)->state != VERBS_LIVE)
		victim_turn(victim);
	victim_check(victim);
	*state = victim;
	return 0;
}

int victim_teardown(void **state)
{
	struct victim *victim = *state;

	victim_check(victim);
	vbi_verbs.close(victim->good);
	for (unsigned i = 0; i < VICTIM_ENDPOINTS; i++)
		if (victim->accepted[i])
			vbi_verbs.close(victim->accepted[i]);
	vbi_verbs.listener_close(victim->listener);
	vbi_verbs.region_free(victim->domain, victim->local, VICTIM_LOCAL);
	vbi_verbs.domain_close(victim->domain);
	free(victim);
	return 0;
}

void victim_turn(void *context)
{
	struct victim *victim = context;
	static unsigned n;

	/* Asleep and awake, so that both ways of looking are used. */
	vbi_verbs.poll(victim->domain);
	if (++n % 64 == 0 && vbi_verbs.arm(victim->domain) == 0)
		vbi_verbs.sleep(victim->domain, TICK_NS_PER_MS);
}

void victim_until(struct victim *victim, const unsigned *condition, unsigned wanted)
{
	uint64_t end = tick_clock_ns() + PATIENCE_NS;

	while (*condition < wanted) {
		victim_turn(victim);
		if (tick_clock_ns() > end)
			fail_msg("%u of %u in vain", *condition, wanted);
	}
}

void victim_check(struct victim *victim)
{
	struct vbi_message *message = vbi_verbs.message_get(victim->good);

	assert_non_null(message);
	memset(message->data, 0, 64);
	message->data[0] = 64;
	vbi_verbs.send(victim->good, message, 64, false);
	victim_until(victim, &victim->n_echoes, victim->n_echoes + 1);
}

void victim_join(struct victim *victim, struct raw *raw)
{
	raw_init(raw, victim_turn, victim);
	assert_int_equal(raw_connect(raw, victim->host, victim->port), RDMA_CM_EVENT_ESTABLISHED);
}

void victim_request(struct raw *raw, enum order order, uint64_t id, const struct vbi_record *record)
{
	struct request request = {.length = sizeof(request), .order = order, .id = id};

	if (record)
		request.record = *record;
	raw_post(raw, &request, sizeof(request), IBV_WR_SEND);
}

void victim_expect_thrown(struct victim *victim, struct raw *raw, int errnum, const char *words)
{
	victim_until(victim, &victim->n_failed, 1);
	if (victim->cause.errnum != errnum || !strstr(victim->cause.sentence, words))
		fail_msg("%d, not %d, and '%s', not '%s'", victim->cause.errnum, errnum,
			 victim->cause.sentence, words);
	assert_int_equal(victim->n_failed, 1);
	victim_check(victim);
	raw_await_error(raw);
	raw_close(raw);
	victim_check(victim);
	victim->n_failed = 0;
}
