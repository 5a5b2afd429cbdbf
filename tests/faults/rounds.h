/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A round: a server that is begun, stopped while it is called and begun again, and a client that
 * makes random calls at it, while the nth call of one verb fails on one side. Both are processes
 * that go on from round to round, which makes one cheap.
 */
#ifndef FAULTS_ROUNDS_H
#define FAULTS_ROUNDS_H

#include <sys/types.h>

#include "tests/faults/judge.h"

/* The client's process. */
struct rounds {
	struct setting setting;
	int fd; /* to scene_server_lives() */
	pid_t server;
	uint64_t seed;	    /* of the rounds' calls */
	uint32_t n;	    /* rounds so far */
	unsigned n_excess;  /* connections that the server is to refuse */
	uint64_t excess_ms; /* how long it tries to make one of these */
	bool has_refills;   /* so many calls that receives are posted again */
	uint64_t state;	    /* of this round's random numbers */
	uint64_t began_ms;
	unsigned took_ms; /* the last round */
};

/*
 * A call of one connection that something fails under, beside another connection of the same two
 * processes, which is not to notice.
 */
struct beside {
	enum side side;
	const char *plan; /* counts from the call's handler on; at the client from the call on */
	const char *what; /* "add", "adds", "fill", "check", "flip"; "connect": somebody else */
	uint32_t size;
};

/* The scenes of such a round. */
enum beside_scene { SCENE_VICTIM, SCENE_BYSTANDER, SCENE_THIRD };

/* Whether POINT is one of posting receives, of which a round's connection uses up many. */
bool round_is_of_receives(int point);

/* Plays a round with PLAN for RUN->side; RUN->status is left alone. False: the server is gone. */
bool round_play(struct rounds *rounds, const struct run *run, const char *plan);

/* Plays a round of one such call, which is the victim's second step. Its third is another call. */
bool round_play_beside(struct rounds *rounds, const struct beside *beside);

/* Memory that calls had given up was written later: how many buffers, since the last time it was
 * asked. */
unsigned round_buffers_touched(void);

#endif
