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

#include "transport/verbs/faults.h"

/* Steps of one scene, and scenes of one client. */
#define STEPS  24u
#define SCENES 3u

/* Calls of the step "adds": enough for receives to be posted again, and again. */
#define ADDS 48u

enum side { CLIENT, SERVER, SIDES };

struct step_result {
	bool done;
	int32_t errnum; /* 0: it succeeded, and its data was right */
	enum vb_outcome outcome;
	char what[24];
};

struct scene_result {
	int32_t connect_errnum; /* 0: connected */
	int32_t cause;		/* the connection's error when the scene was over; 0: none */
	char sentence[448];
	struct step_result steps[STEPS];
};

/* What both processes tell the driver. */
struct shared {
	struct scene_result scenes[SCENES];
	uint32_t n_scenes;
	uint32_t ran[SCENES * STEPS]; /* atomic: how often the server ran it */
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
	bool faults_go_on;	  /* in all scenes of the client */
};

/* The bodies of the two processes; what they return is the exit status. */
int scene_client(const struct setting *setting);
int scene_server(const struct setting *setting);

/* Writes a side's counts to the driver. */
void scene_tell_counts(struct shared *shared, enum side side);

#endif
