/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/scene.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.vb.h"
#include "tests/e2e/pattern.h"

#define MS  1000000ull
#define KIB 1024u

/* Bounds of what a fault may cost: each is far above what it takes without one. */
#define DEADLINE_NS (10000 * MS)
#define LATE_NS	    (20 * MS)

/* In the message; copied; registered (transport/verbs/expose.c has the limits). The last is pushed
 * and pulled in more chunks than one. */
static const uint32_t sizes[] = {100, 24 * KIB, 320 * KIB};
#define SIZES	(sizeof(sizes) / sizeof(sizes[0]))
#define LARGEST (320u * KIB)
#define POSTS	4u

struct client {
	struct scene_result *result;
	uint32_t first; /* number of the scene's first step */
	uint32_t n;
	struct vb_conn *conn;
	struct scene_peer *peer;
	uint8_t *buffer;
};

static uint32_t next_step(const struct client *client)
{
	return client->first + client->n;
}

/* IS_RIGHT: what a call that succeeded has brought. */
static void note(struct client *client, const char *what, bool succeeded, bool is_right)
{
	struct step_result *step = &client->result->steps[client->n++];

	*step = (struct step_result){
		.done = true,
		.errnum = succeeded ? (is_right ? 0 : -1) : errno,
		.outcome = scene_peer_outcome(client->peer),
	};
	snprintf(step->what, sizeof(step->what), "%s", what);
}

static void do_add(struct client *client)
{
	int32_t sum = scene_add(client->peer, next_step(client), 20, 22);

	note(client, "add", sum != -1, sum == 42);
}

/* Many in one step: it fails with the first that does. */
static void do_adds(struct client *client)
{
	int32_t sum = 0;

	for (int32_t i = 0; i < (int32_t)ADDS && sum == i; i++) {
		sum = scene_add(client->peer, next_step(client), i, 1);
		if (sum == -1)
			break;
	}
	note(client, "adds", sum != -1, sum == (int32_t)ADDS);
}

static void do_fill(struct client *client, uint32_t size)
{
	uint64_t seed = next_step(client);
	int64_t n;

	memset(client->buffer, 0, size);
	n = scene_fill(client->peer, next_step(client), seed, client->buffer, size);
	note(client, "fill", n != -1, n == size && pattern_is(client->buffer, size, seed));
}

static void do_check(struct client *client, uint32_t size)
{
	uint64_t seed = next_step(client);
	int64_t n;

	pattern_fill(client->buffer, size, seed);
	n = scene_check(client->peer, next_step(client), seed, client->buffer, size);
	note(client, "check", n != -1, n == size);
}

static void do_flip(struct client *client, uint32_t size)
{
	uint64_t seed = next_step(client);
	int64_t n;

	pattern_fill(client->buffer, size, seed);
	n = scene_flip(client->peer, next_step(client), client->buffer, size);
	note(client, "flip", n != -1, n == size && pattern_is_flipped(client->buffer, size, seed));
}

static void do_posts(struct client *client)
{
	for (uint32_t i = 0; i < POSTS; i++) {
		int result = scene_post(client->peer, next_step(client), i);

		note(client, "post", result == 0, true);
	}
}

/* Its answer comes in the grace, or just in time. */
static void do_late(struct client *client)
{
	int64_t n;

	scene_peer_set_deadline(client->peer, LATE_NS);
	n = scene_late(client->peer, next_step(client), client->buffer, sizes[1]);
	note(client, "late", n != -1, n == sizes[1] && client->buffer[0] == 1);
	scene_peer_set_deadline(client->peer, DEADLINE_NS);
}

/* With memory that the connection knows: registered once, or with a window for each call. */
static void make_named_calls(struct client *client)
{
	uint8_t *buffer = client->buffer;
	uint8_t *named = vb_memory_alloc(client->conn, LARGEST);

	if (named)
		client->buffer = named;
	do_fill(client, LARGEST);
	do_check(client, LARGEST);
	do_flip(client, LARGEST);
	client->buffer = buffer;
	vb_memory_free(client->conn, named);
}

static void make_calls(struct client *client)
{
	do_add(client);
	do_posts(client);
	for (unsigned i = 0; i < SIZES; i++) {
		do_fill(client, sizes[i]);
		do_check(client, sizes[i]);
		do_flip(client, sizes[i]);
	}
	make_named_calls(client);
	do_late(client);
	do_adds(client);
	do_add(client);
}

static void tell_end(struct client *client)
{
	const struct vb_error *error = vb_conn_error(client->conn);

	client->result->cause = error->errnum;
	snprintf(client->result->sentence, sizeof(client->result->sentence), "%s", error->sentence);
}

/* That the next connection works. */
static void make_few_calls(struct client *client)
{
	do_add(client);
	do_fill(client, sizes[1]);
}

static void play(struct client *client, const struct setting *setting, bool is_whole)
{
	struct vb_options options = VB_OPTIONS_INIT;

	options.connect_timeout_ns = setting->connect_ms * MS;
	options.grace_ns = 500 * MS;
	client->conn = vb_connect(setting->address, &options);
	if (!client->conn) {
		client->result->connect_errnum = errno;
		tell_end(client);
		return;
	}
	client->peer = scene_peer_bind(client->conn);
	if (client->peer) {
		scene_peer_set_deadline(client->peer, DEADLINE_NS);
		if (is_whole)
			make_calls(client);
		else
			make_few_calls(client);
	} else {
		client->result->connect_errnum = errno;
	}
	tell_end(client);
	scene_peer_free(client->peer);
	vb_conn_close(client->conn);
}

void scene_tell_counts(struct shared *shared, enum side side)
{
	for (int i = 0; i < VERBS_FAULT_POINTS; i++) {
		shared->calls[side][i] = verbs_faults_calls((enum verbs_fault_point)i);
		shared->fired[side][i] = verbs_faults_fired((enum verbs_fault_point)i);
	}
	for (int i = 0; i < VERBS_OBJECT_KINDS; i++)
		shared->objects[side][i] = verbs_faults_objects((enum verbs_object_kind)i);
}

int scene_client(const struct setting *setting)
{
	struct shared *shared = setting->shared;
	uint8_t *buffer = malloc(LARGEST);

	if (!buffer || verbs_faults_plan(setting->plans[CLIENT]) < 0)
		return 2;
	for (uint32_t i = 0; i < SCENES; i++) {
		struct client client = {
			.result = &shared->scenes[i],
			.first = i * STEPS,
			.buffer = buffer,
		};

		play(&client, setting, i == 0 || setting->faults_go_on);
		shared->n_scenes = i + 1;
		/* A new plan counts anew. */
		if (i == 0 || setting->faults_go_on)
			scene_tell_counts(shared, CLIENT);
		if (i == 0 && !setting->faults_go_on)
			verbs_faults_plan(NULL);
		/* Without faults one good scene behind the first is enough. */
		if (i > 0 && !setting->faults_go_on && !client.result->cause &&
		    !client.result->connect_errnum)
			break;
	}
	for (int i = 0; i < VERBS_OBJECT_KINDS; i++)
		shared->objects[CLIENT][i] = verbs_faults_objects((enum verbs_object_kind)i);
	free(buffer);
	return 0;
}
