/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transfers that the send queue does not hold: cut into more pieces than it has places for, they
 * wait in their endpoint. A port that moves a page at a time is played by the endpoint's own
 * max_msg_size; what comes of it is looked at in there.
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

#define PIECE  4096u
/* Not whole pieces. */
#define LENGTH ((9u << 20) + 100)

/* One move between a client's memory and the server's. */
struct move {
	struct vbi_exposure exposure;
	struct vbi_transfer transfer;
	uint8_t *remote, *local;
	bool is_push;
	unsigned n_done;
	int status;
};

static void done(struct vbi_transfer *transfer, int status)
{
	struct move *move = transfer->owner;

	move->n_done++;
	move->status = status;
}

static void fill(uint8_t *bytes, uint32_t seed)
{
	uint32_t x = seed * 2654435761u + 1;

	for (uint32_t i = 0; i < LENGTH; i++) {
		x = x * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(x >> 24);
	}
}

static void prepare(struct victim *victim, struct move *move, struct vbi_endpoint *client,
		    bool is_push)
{
	*move = (struct move){.is_push = is_push};
	move->remote = malloc(LENGTH);
	move->local = vbi_verbs.region_alloc(victim->domain, LENGTH);
	assert_non_null(move->remote);
	assert_non_null(move->local);
	fill(move->remote, is_push);
	fill(move->local, 2 + is_push);
	move->exposure = (struct vbi_exposure){
		.address = move->remote,
		.length = LENGTH,
		.rights = is_push ? VBI_REMOTE_WRITE : VBI_REMOTE_READ,
	};
	assert_int_equal(vbi_verbs.expose(client, &move->exposure), 0);
	assert_int_equal(move->exposure.n_records, 1);
}

/* Begins; most of its pieces wait. Behind such a push no answer may be sent yet. */
static void start(struct move *move, struct vbi_endpoint *server)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(server);

	endpoint->max_msg_size = PIECE;
	move->transfer = (struct vbi_transfer){
		.record = move->exposure.records[0],
		.local = move->local,
		.length = LENGTH,
		.owner = move,
		.done = done,
	};
	assert_int_equal(move->is_push ? vbi_verbs.push(server, &move->transfer)
				       : vbi_verbs.pull(server, &move->transfer),
			 0);
	assert_non_null(endpoint->transfers);
	/* What it leaves room for: messages. */
	assert_true(verbs_sq_room(endpoint) > 0);
	assert_int_equal(move->n_done, 0);
}

static void check(struct victim *victim, struct move *move)
{
	victim_until(victim, &move->n_done, 1);
	assert_int_equal(move->status, 0);
	assert_memory_equal(move->remote, move->local, LENGTH);
}

static void finish(struct victim *victim, struct move *move, struct vbi_endpoint *client)
{
	if (client)
		assert_int_equal(vbi_verbs.revoke(client, &move->exposure, VBI_REVOKE_ANSWERED), 0);
	vbi_verbs.region_free(victim->domain, move->local, LENGTH);
	free(move->remote);
	assert_int_equal(move->n_done, 1);
}

static void one_way(struct victim *victim, bool is_push)
{
	struct move move;

	prepare(victim, &move, victim->good, is_push);
	start(&move, victim->good_peer);
	/* Messages pass those that wait. */
	victim_check(victim);
	check(victim, &move);
	finish(victim, &move, victim->good);
}

static void pull_of_many_pieces(void **state)
{
	one_way(*state, false);
}

static void push_of_many_pieces(void **state)
{
	one_way(*state, true);
}

static void several_wait(void **state)
{
	struct victim *victim = *state;
	struct move moves[4];

	for (unsigned i = 0; i < 4; i++)
		prepare(victim, &moves[i], victim->good, i % 2);
	for (unsigned i = 0; i < 4; i++)
		start(&moves[i], victim->good_peer);
	victim_check(victim);
	for (unsigned i = 0; i < 4; i++)
		check(victim, &moves[i]);
	for (unsigned i = 0; i < 4; i++)
		finish(victim, &moves[i], victim->good);
}

/* A second client, whose end at the server is victim->last. */
static struct vbi_endpoint *join(struct victim *victim)
{
	struct vbi_endpoint *client;
	struct vbi_cause cause;
	char address[80];

	snprintf(address, sizeof(address), "%s:%u", victim->host, victim->port);
	assert_int_equal(vbi_verbs.connect(victim->domain, address, 0, NULL, &client, &cause), 0);
	client->owner = client;
	victim_until(victim, &victim->n_accepted, 2);
	while (verbs_endpoint_of(client)->state != VERBS_LIVE ||
	       verbs_endpoint_of(victim->last)->state != VERBS_LIVE)
		victim_turn(victim);
	return client;
}

/* Those of which pieces are under way, and those of which none is. */
static void close_ends_those_that_wait(void **state)
{
	struct victim *victim = *state;
	struct vbi_endpoint *client = join(victim);
	struct move moves[3];

	for (unsigned i = 0; i < 3; i++)
		prepare(victim, &moves[i], client, i % 2);
	for (unsigned i = 0; i < 3; i++)
		start(&moves[i], victim->last);
	for (unsigned i = 0; i < VICTIM_ENDPOINTS; i++)
		if (victim->accepted[i] == victim->last)
			victim->accepted[i] = NULL;
	vbi_verbs.close(victim->last);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(moves[i].n_done, 1);
		assert_int_equal(moves[i].status, -ECONNRESET);
	}
	victim_until(victim, &victim->n_failed, 1);
	for (unsigned i = 0; i < 3; i++)
		finish(victim, &moves[i], NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, victim_setup, victim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(pull_of_many_pieces),
		CASE(push_of_many_pieces),
		CASE(several_wait),
		CASE(close_ends_those_that_wait),
	};

	device_address();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
