/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/scene.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/faults/steps.h"

/* In the message; copied; registered (transport/verbs/expose.c has the limits). The last is pushed
 * and pulled in more chunks than one. */
static const uint32_t sizes[] = {100, 24 * STEP_KIB, 320 * STEP_KIB};
#define SIZES	(sizeof(sizes) / sizeof(sizes[0]))
#define LARGEST (320u * STEP_KIB)
#define POSTS	4u

/* With memory that the connection knows: registered once, or with a window for each call. */
static void make_named_calls(struct client *client)
{
	uint8_t *buffer = client->buffer;
	uint8_t *named = vb_memory_alloc(client->conn, LARGEST);

	if (named)
		client->buffer = named;
	step_fill(client, LARGEST);
	step_check(client, LARGEST);
	step_flip(client, LARGEST);
	/* An answer ends one window. */
	step_turn(client, LARGEST);
	client->buffer = buffer;
	vb_memory_free(client->conn, named);
}

static void make_calls(struct client *client)
{
	step_add(client);
	for (unsigned i = 0; i < POSTS; i++)
		step_post(client);
	for (unsigned i = 0; i < SIZES; i++) {
		step_fill(client, sizes[i]);
		step_check(client, sizes[i]);
		step_flip(client, sizes[i]);
	}
	make_named_calls(client);
	step_late(client, sizes[1]);
	step_adds(client);
	step_add(client);
}

/* That the next connection works. */
static void make_few_calls(struct client *client)
{
	step_add(client);
	step_fill(client, sizes[1]);
}

static void play(struct client *client, const struct setting *setting, uint32_t number)
{
	uint64_t connect_ms = number + 1 == SCENES ? setting->connect_last_ms : setting->connect_ms;
	struct vb_options options = VB_OPTIONS_INIT;

	options.connect_timeout_ns = connect_ms * STEP_MS;
	options.grace_ns = 500 * STEP_MS;
	client->conn = vb_connect(setting->address, &options);
	if (!client->conn) {
		client->result->connect_errnum = errno;
		step_tell_end(client);
		return;
	}
	client->peer = scene_peer_bind(client->conn);
	if (client->peer) {
		scene_peer_set_deadline(client->peer, STEP_DEADLINE_NS);
		if (number == 0 || setting->faults_go_on)
			make_calls(client);
		else
			make_few_calls(client);
	} else {
		client->result->connect_errnum = errno;
	}
	step_tell_end(client);
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

		play(&client, setting, i);
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
