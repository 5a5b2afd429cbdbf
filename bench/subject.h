/* SPDX-License-Identifier: Apache-2.0 */
/* What `compare` measures: floors, Verbena, peers. One thread. */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/options.h"
#include "bench/rdma/address.h"
#include "bench/run.h"

enum subject_kind {
	SUBJECT_FLOOR,	    /* verbena-bench floor shm */
	SUBJECT_FLOOR_RDMA, /* verbena-bench floor rdma */
	SUBJECT_ECHO,	    /* verbena-bench floor tcp */
	SUBJECT_VERBENA,    /* verbena-bench client against server */
	SUBJECT_UCX,	    /* ucx_perftest, over shared memory or verbs as the suite is */
	SUBJECT_PERFTEST,   /* a program of perftest */
	SUBJECT_PEER,	    /* one of our programs for another RPC system */
};

struct subject {
	const char *name;
	enum subject_kind kind;
	/* Floor rdma: the pattern. Verbena: the client's --method. UCX: the tool's test. perftest,
	 * peer: the program. */
	const char *what;
	const char *more; /* one word more for UCX (its -D) and perftest; NULL: none */
	enum wait_mode wait;
	uint64_t calls_max; /* 0: as many as the group has */
	unsigned window;    /* floor rdma: --window; 0: none */
	unsigned batch;	    /* and --batch */
	bool registered;    /* Verbena: --registered */
	bool pause;	    /* floor: --pause */
	bool rate;	    /* messages are counted, not timed one by one */
	bool one_way;	    /* perftest: what it prints is meant, else twice as much */
	bool rdma;	    /* Verbena: over rdma://, else over shm:// */
	/* On no CPU of its own: whether waiting spins depends on where a thread may run. */
	bool unpinned;
};

/* Which way the payload goes; the other way goes a small message. */
enum direction { DIRECTION_BOTH, DIRECTION_OUT, DIRECTION_IN };

/* Subjects that are compared with one of them, their floor. */
struct group {
	const char *name; /* a short one, for the plot */
	const char *title;
	uint64_t size;
	enum direction direction; /* of what the client sees: out of the call, into it */
	bool one_cpu;		  /* both sides on one CPU, or nobody ever sleeps */
	unsigned every;		  /* takes part in one round of so many; 0: in all */
	uint64_t calls; /* of a round: some tenths of a second where the machine is at its best */
	const struct subject *subjects;
	unsigned n_subjects;
	unsigned floor; /* which of them the others are compared with */
};

#define GROUPS_MAX   10u
#define SUBJECTS_MAX 16u

/* What is compared in one go. */
struct suite {
	const char *name;
	bool rdma;	 /* needs a device */
	unsigned rounds; /* if nothing else is asked for */
	const struct group *groups;
	unsigned n_groups;
};

extern const struct suite suite_shm;
extern const struct suite suite_rdma;

/* Where a suite runs. */
struct scene {
	const struct suite *suite;
	struct rdma_place place; /* if the suite needs one */
};

/* Why SUBJECT cannot run here, with what brings it; NULL if it can. Text: static. */
const char *subject_missing(const struct subject *subject);

/* Runs it once. CALLS times it is called. -1 with a message on standard error. */
int subject_run(const struct scene *scene, const struct group *group, const struct subject *subject,
		uint64_t calls, struct run *ret_run);

#endif
