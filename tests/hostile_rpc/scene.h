/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server with two clients: one that behaves, and one that breaks the rules of messages. A breach
 * ends the connection it came on, is counted once, and the other client notices nothing.
 */
#ifndef HOSTILE_RPC_SCENE_H
#define HOSTILE_RPC_SCENE_H

#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"
#include "tests/hostile_rpc/raw.h"

/* The interface probe, version 1.1, and some of its methods. */
#define PROBE_ID UINT64_C(0x8d1f4c02e96ab375)
enum probe_method {
	PROBE_ECHO = 1,
	PROBE_ADD = 2,
	PROBE_FILL = 3,
	PROBE_CHECK = 4,
	PROBE_MEASURE = 12,
	PROBE_JOIN = 13,
	PROBE_POST = 14,
	PROBE_HOLD = 16,
	PROBE_WAIT_FOR_CANCEL = 20,
	PROBE_ANSWER = 23,
	PROBE_MISSING = 25,
	PROBE_SUFFER = 26,
	PROBE_STOP = 28,
	PROBE_NEWER = 31,
};

/* Where requests say that their answers belong: the only slot where there is one. */
#define SCENE_SLOT	 0
#define SCENE_GENERATION 7

struct scene {
	struct probe probe;
	struct vb_conn *conn; /* of the client that behaves */
	struct probe_peer *peer;
	struct raw raw; /* the other one */
};

/* How far the hostile client behaves. */
enum scene_stage { CONNECTED, GREETED, BOUND };

struct breach {
	const char *name;
	enum scene_stage stage;
	void (*commit)(struct raw *raw);
};

#define BREACH(stage, function)            \
	{                                  \
#function, stage, function \
	}

/* A server with one option set, and the client that behaves. */
struct scene *scene_begin(const char *option, const char *value);
/* The server ends in order: what it holds for nobody, a sanitizer sees. */
void scene_end(struct scene *scene);

/* Connects the hostile client and takes it so far. */
void scene_go_to(struct scene *scene, enum scene_stage stage);

/* Commits one breach after the other, each on a connection of its own. */
void scene_run(const struct breach *breaches, size_t n);
#define SCENE_RUN(breaches) scene_run(breaches, sizeof(breaches) / sizeof((breaches)[0]))

/* A request of METHOD with an empty body, in SCENE_SLOT. */
struct raw_message scene_request(enum probe_method method);

/* Write into a message's body; AT counts from the message's beginning, as on the wire. */
void scene_put32(struct raw_message *message, uint32_t at, uint32_t value);
void scene_put64(struct raw_message *message, uint32_t at, uint64_t value);
void scene_put_record(struct raw_message *message, uint32_t at, const struct vbi_record *record);

/* A message of KIND that is a header only. */
void scene_send_kind(struct raw *raw, unsigned kind);
/* A control message that is framed well, and holds noise. */
void scene_send_noise(struct raw *raw);

#endif
