/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that makes every kind of call, in a process of its own, against a server in another; and
 * what both leave behind in memory that they share with the driver.
 */
#ifndef FAULTS_SCENE_H
#define FAULTS_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include <verbena/verbena.h>

#include "tests/faults/fitting.h"
#include "transport/verbs/faults.h"

/* Steps of one scene, and scenes of one client; of a round (rounds.c) there may be more. */
#define STEPS	   24u
#define SCENES	   3u
#define SCENES_MAX 5u

/* Calls of the step "adds": enough for receives to be posted again, and again. */
#define ADDS 48u

struct step_result {
	bool done;
	int32_t errnum; /* 0: it succeeded, and its data was right */
	enum vb_outcome outcome;
	int32_t conn_errnum; /* vb_conn_error()'s behind it, */
	bool has_sentence;   /* and whether it has one */
	bool is_hurried;     /* it may have ended by its deadline */
	bool is_ending;	     /* the server was being stopped */
	char what[24];
};

struct scene_result {
	int32_t connect_errnum; /* 0: connected */
	int32_t cause;		/* the connection's error when the scene was over; 0: none */
	int32_t excess_errnum;	/* of a connection above the server's limit; -1: accepted; 0: none
				   was tried */
	char sentence[448];
	struct step_result steps[STEPS];
};

/* What both processes tell the driver. */
struct shared {
	struct scene_result scenes[SCENES_MAX];
	uint32_t n_scenes;
	uint32_t ran[SCENES_MAX * STEPS]; /* atomic: how often the server ran it */
	char armed[80];			  /* the server's next handler makes it the plan */
	bool is_set_up;			  /* a first call has been handled */
	uint64_t set_up[SIDES][VERBS_FAULT_POINTS]; /* calls of points until then */
	uint64_t calls[SIDES][VERBS_FAULT_POINTS];
	uint64_t fired[SIDES][VERBS_FAULT_POINTS];
	int64_t objects[SIDES][VERBS_OBJECT_KINDS]; /* when all had been closed */
	char words[SIDES][448];			    /* what went wrong, apart from calls */
};

struct setting {
	struct shared *shared;
	const char *address;	  /* rdma://HOST:PORT */
	const char *plans[SIDES]; /* NULL: nothing fails */
	int32_t ready_fd;	  /* the server writes a byte here when it listens */
	uint64_t connect_ms;	  /* how long the client tries to connect */
	uint64_t connect_last_ms; /* the same in its last scene, which must be good */
	bool faults_go_on;	  /* in all scenes of the client */
};

/* The bodies of the two processes; what they return is the exit status. */
int scene_client(const struct setting *setting);
int scene_server(const struct setting *setting);

/* What a server is told to do: one life. */
struct order {
	char plan[80];
	uint32_t connections_max; /* 0: the default */
	bool is_new; /* a round begins: the plan is made, and objects count from here */
};

/*
 * A server that lives again and again: for each order that it reads at FD it listens, writes a
 * byte, serves until SIGTERM, is freed, tells counts and objects, and writes a byte.
 */
int scene_server_lives(const struct setting *setting, int fd);

/* A process that lives longer without a sign hangs: some seconds are usual where the device is an
 * emulated machine's. */
#define SCENE_LIFE_S 240

/* Writes a side's counts to the driver. */
void scene_tell_counts(struct shared *shared, enum side side);

#endif
