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

/* One of the calls whose answer the server's device refuses, and what becomes of it. */
struct refused_answer {
	const char *what; /* "add", "fill", "check", "flip" */
	uint32_t size;
	const char *plan; /* counts from the call's handler on */
};

/* Whether POINT is one of posting receives, of which a round's connection uses up many. */
bool round_is_of_receives(int point);

/* Plays a round with PLAN for RUN->side; RUN->status is left alone. False: the server is gone. */
bool round_play(struct rounds *rounds, const struct run *run, const char *plan);

/* Plays a round of one such call, which is its first scene's second step. */
bool round_play_refused(struct rounds *rounds, const struct refused_answer *answer);

/* Memory that calls had given up was written later: how many buffers, since the last time it was
 * asked. */
unsigned round_buffers_touched(void);

#endif
