/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/e2e/pattern.h"

/* Enough for the call to get there. */
#define LATE_NS (20 * STEP_MS)

static uint32_t next_step(const struct client *client)
{
	return client->first + client->n;
}

/* OUTCOME: of its peer's last call. IS_RIGHT: what a call that succeeded has brought. */
static void note_of(struct client *client, enum vb_outcome outcome, const char *what,
		    bool succeeded, bool is_right)
{
	struct step_result *step = &client->result->steps[client->n++];
	const struct vb_error *error = vb_conn_error(client->conn);

	*step = (struct step_result){
		.done = true,
		.errnum = succeeded ? (is_right ? 0 : -1) : errno,
		.outcome = outcome,
		.conn_errnum = error->errnum,
		.has_sentence = error->sentence[0],
		.is_hurried = client->is_hurried,
		.is_ending = client->is_ending,
	};
	snprintf(step->what, sizeof(step->what), "%s", what);
}

static void note(struct client *client, const char *what, bool succeeded, bool is_right)
{
	note_of(client, scene_peer_outcome(client->peer), what, succeeded, is_right);
}

void step_add(struct client *client)
{
	int32_t sum = scene_add(client->peer, next_step(client), 20, 22);

	note(client, "add", sum != -1, sum == 42);
}

/* Many in one step: it fails with the first that does. */
void step_adds(struct client *client)
{
	int32_t sum = 0;

	for (int32_t i = 0; i < (int32_t)ADDS && sum == i; i++) {
		sum = scene_add(client->peer, next_step(client), i, 1);
		if (sum == -1)
			break;
	}
	note(client, "adds", sum != -1, sum == (int32_t)ADDS);
}

void step_fill(struct client *client, uint32_t size)
{
	uint64_t seed = next_step(client);
	int64_t n;

	memset(client->buffer, 0, size);
	n = scene_fill(client->peer, next_step(client), seed, client->buffer, size);
	note(client, "fill", n != -1, n == size && pattern_is(client->buffer, size, seed));
}

void step_check(struct client *client, uint32_t size)
{
	uint64_t seed = next_step(client);
	int64_t n;

	pattern_fill(client->buffer, size, seed);
	n = scene_check(client->peer, next_step(client), seed, client->buffer, size);
	note(client, "check", n != -1, n == size);
}

void step_flip(struct client *client, uint32_t size)
{
	uint64_t seed = next_step(client);
	int64_t n;

	pattern_fill(client->buffer, size, seed);
	n = scene_flip(client->peer, next_step(client), client->buffer, size);
	note(client, "flip", n != -1, n == size && pattern_is_flipped(client->buffer, size, seed));
}

void step_turn(struct client *client, uint32_t size)
{
	uint64_t seed = next_step(client);
	uint32_t half = (size + 1) / 2;
	uint8_t *to = client->buffer + half;
	int64_t n;

	pattern_fill(client->buffer, half, seed);
	memset(to, 0, half);
	n = scene_turn(client->peer, next_step(client), client->buffer, to, half);
	note(client, "turn", n != -1,
	     n == half && pattern_is(client->buffer, half, seed) &&
		     pattern_is_flipped(to, half, seed));
}

void step_fill_direct(struct client *client, uint32_t size)
{
	uint64_t seed = next_step(client);
	int64_t n;

	memset(client->buffer, 0, size);
	n = scene_fill_direct(client->peer, next_step(client), seed, client->buffer, size);
	note(client, "fill direct", n != -1, n == size && pattern_is(client->buffer, size, seed));
}

void step_fail(struct client *client)
{
	int32_t result = scene_fail(client->peer, next_step(client), EDOM);
	bool failed_so = result == -1 && errno == EDOM;

	note(client, "fail", result != -1 || failed_so,
	     failed_so && scene_peer_outcome(client->peer) == VB_EXECUTED);
}

void step_twin(struct client *client)
{
	int32_t sum = scene_add(client->twin, next_step(client), 20, 22);

	note_of(client, scene_peer_outcome(client->twin), "twin", sum != -1, sum == 42);
}

void step_aside(struct client *client)
{
	int32_t sum = aside_add(client->aside, next_step(client), 20, 22);

	note_of(client, aside_peer_outcome(client->aside), "aside", sum != -1, sum == 42);
}

void step_post(struct client *client)
{
	int result = scene_post(client->peer, next_step(client), client->n);

	note(client, "post", result == 0, true);
}

/* Its answer comes in the grace, or just in time. */
void step_late(struct client *client, uint32_t size)
{
	int64_t n;

	client->is_hurried = true;
	scene_peer_set_deadline(client->peer, LATE_NS);
	n = scene_late(client->peer, next_step(client), client->buffer, size);
	note(client, "late", n != -1, n == size && client->buffer[0] == 1);
	scene_peer_set_deadline(client->peer, STEP_DEADLINE_NS);
	client->is_hurried = false;
}

void step_tell_end(struct client *client)
{
	const struct vb_error *error = vb_conn_error(client->conn);

	client->result->cause = error->errnum;
	snprintf(client->result->sentence, sizeof(client->result->sentence), "%s", error->sentence);
}
