/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hostile/victim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Polls in which everything settles: the slow things are looked at once a millisecond. */
#define TURNS	 2000
#define PATIENCE 100000000u

static struct victim *victim_now;

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

	if (request->order == ORDER_MAP) {
		victim->mapped = endpoint->ops->map(endpoint, &request->record, VBI_REMOTE_READ);
		if (victim->mapped)
			endpoint->ops->unmap(endpoint, &request->record, VBI_REMOTE_READ);
		return;
	}
	victim->transfer = (struct vbi_transfer){
		.record = request->record,
		.local = victim->local,
		.length = length < sizeof(victim->local) ? length : sizeof(victim->local),
		.owner = victim,
		.done = serve_done,
	};
	victim->status = request->order == ORDER_PULL
				 ? endpoint->ops->pull(endpoint, &victim->transfer)
				 : endpoint->ops->push(endpoint, &victim->transfer);
	victim->n_done += victim->status < 0;
}

static void victim_received(void *owner, struct vbi_message *message)
{
	struct victim *victim = victim_now;
	struct vbi_endpoint *endpoint = owner;
	struct request request = {0};
	struct vbi_message *reply;

	if (endpoint == victim->good) {
		victim->n_echoes++;
		endpoint->ops->release(endpoint, message);
		return;
	}
	memcpy(&request, message->data,
	       message->length < sizeof(request) ? message->length : sizeof(request));
	if (request.order != ORDER_ECHO && request.order <= ORDER_MAP) {
		endpoint->ops->release(endpoint, message);
		serve_bulk(endpoint, &request);
		return;
	}
	reply = endpoint->ops->message_get(endpoint);
	if (reply) {
		memcpy(reply->data, message->data, message->length);
		endpoint->ops->send(endpoint, reply, message->length, false);
	}
	endpoint->ops->release(endpoint, message);
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

	victim->n_accepted++;
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

	victim_now->n_failed++;
	victim_now->cause = *cause;
	endpoint->ops->close(endpoint);
}

static const struct vbi_events events = {
	.accepted = victim_accepted,
	.refused = victim_refused,
	.connected = victim_connected,
	.received = victim_received,
	.failed = victim_failed,
};

int victim_setup(void **state)
{
	static unsigned serial;
	struct victim *victim = calloc(1, sizeof(*victim));
	struct vbi_cause cause;

	victim_now = victim;
	victim->ops = &vbi_shm;
	snprintf(victim->path, sizeof(victim->path), "/tmp/verbena-hostile-%d-%u", getpid(),
		 serial++);
	if (vbi_shm.domain_open(&events, &victim->stats,
				&(struct vbi_domain_options){.message_max = 8192}, &victim->domain,
				&cause) < 0 ||
	    vbi_shm.listen(victim->domain, victim->path, victim, &victim->listener, &cause) < 0 ||
	    vbi_shm.connect(victim->domain, victim->path, 0, NULL, &victim->good, &cause) < 0) {
		print_error("%s\n", cause.sentence);
		return -1;
	}
	victim->good->owner = victim->good;
	victim_turn(victim);
	*state = victim;
	return victim->n_accepted == 1 ? 0 : -1;
}

int victim_teardown(void **state)
{
	struct victim *victim = *state;

	victim_check(victim);
	victim->ops->close(victim->good);
	victim_turn(victim);
	victim->ops->listener_close(victim->listener);
	victim->ops->domain_close(victim->domain);
	free(victim);
	return 0;
}

void victim_turn(struct victim *victim)
{
	/* Asleep and awake, so that both ways of looking at the kernel are used. */
	for (unsigned i = 0; i < TURNS; i++) {
		victim->ops->poll(victim->domain);
		if (i % 500 == 0)
			victim->ops->arm(victim->domain);
	}
}

void victim_check(struct victim *victim)
{
	const struct vbi_transport *ops = victim->ops;
	struct vbi_message *message = ops->message_get(victim->good);
	unsigned before = victim->n_echoes;

	assert_non_null(message);
	memset(message->data, 0, 64);
	ops->send(victim->good, message, 64, false);
	for (unsigned i = 0; victim->n_echoes == before && i < PATIENCE; i++)
		ops->poll(victim->domain);
	assert_int_equal(victim->n_echoes, before + 1);
}

void victim_join(struct victim *victim, struct raw *raw)
{
	struct shm_answer answer;
	unsigned before = victim->n_accepted;

	raw_client_open(raw, victim->path);
	raw_client_hello(raw);
	victim_turn(victim);
	assert_int_equal(victim->n_accepted, before + 1);
	assert_int_equal(raw_receive(raw, &answer, sizeof(answer)), sizeof(answer));
	assert_int_equal(answer.status, 0);
}

void victim_expect_thrown(struct victim *victim, struct raw *raw, int errnum)
{
	char byte;

	victim_turn(victim);
	assert_int_equal(victim->n_failed, 1);
	assert_int_equal(victim->cause.errnum, errnum);
	assert_true(strlen(victim->cause.sentence) > 20);
	assert_int_equal(raw_receive(raw, &byte, 1), 0);
	raw_close(raw);
	victim_check(victim);
}
