/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose result is noted for the judge. Each takes one of the scene's steps. */
#ifndef FAULTS_STEPS_H
#define FAULTS_STEPS_H

#include "scene.vb.h"
#include "tests/faults/scene.h"

#define STEP_MS	 1000000ull
#define STEP_KIB 1024u

/* A bound of what a fault may cost: far above what a call takes without one. */
#define STEP_DEADLINE_NS (10000 * STEP_MS)

struct client {
	struct scene_result *result;
	uint32_t first; /* number of the scene's first step */
	uint32_t n;	/* steps so far: at most STEPS */
	struct vb_conn *conn;
	struct scene_peer *peer; /* with STEP_DEADLINE_NS, but for calls that are hurried */
	struct scene_peer *twin; /* the same interface once more */
	struct aside_peer *aside;
	uint8_t *buffer;
	bool is_hurried; /* its calls may end by their deadline */
	bool is_ending;	 /* or by the server's end */
};

void step_add(struct client *client);
/* ADDS of them in one step: it fails with the first that does. */
void step_adds(struct client *client);
/* With SIZE bytes of client->buffer. */
void step_fill(struct client *client, uint32_t size);
void step_check(struct client *client, uint32_t size);
void step_flip(struct client *client, uint32_t size);
void step_late(struct client *client, uint32_t size);
/* Two buffers, each of half of SIZE, rounded up. */
void step_turn(struct client *client, uint32_t size);
void step_fill_direct(struct client *client, uint32_t size);
void step_post(struct client *client);
/* Succeeds if it fails as it is told to, and is known to have run. */
void step_fail(struct client *client);
/* By the peers of that name. */
void step_twin(struct client *client);
void step_aside(struct client *client);

/* Notes the connection's failure, if it has one; without a connection, why there is none. */
void step_tell_end(struct client *client);

#endif
