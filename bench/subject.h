/* SPDX-License-Identifier: Apache-2.0 */
/* What `compare` measures: floors, Verbena, peers. One thread. */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/options.h"
#include "bench/run.h"

enum subject_kind {
	SUBJECT_FLOOR,	 /* verbena-bench floor shm */
	SUBJECT_VERBENA, /* verbena-bench client against server */
	SUBJECT_UCX,	 /* ucx_perftest over shared memory */
	SUBJECT_PEER,	 /* one of our programs for another RPC system */
};

struct subject {
	const char *name;
	enum subject_kind kind;
	/* Verbena: the client's --method. UCX: the tool's test. Peer: the program. */
	const char *what;
	enum wait_mode wait;
	uint64_t calls_max; /* 0: as many as the group has */
	bool registered;    /* Verbena: --registered */
	bool pause;	    /* floor: --pause */
	/* On no CPU of its own: whether waiting spins depends on where a thread may run. */
	bool unpinned;
};

/* Subjects that are compared with one floor, the first of them. */
struct group {
	const char *name; /* a short one, for the plot */
	const char *title;
	uint64_t size;
	bool one_cpu;	/* both sides on one CPU, or nobody ever sleeps */
	uint64_t calls; /* of a round: some tenths of a second where the machine is at its best */
	const struct subject *subjects;
	unsigned n_subjects;
};

#define GROUPS	     5u
#define SUBJECTS_MAX 10u

extern const struct group groups[GROUPS];

/* Why SUBJECT cannot run here, with what brings it; NULL if it can. Text: static. */
const char *subject_missing(const struct subject *subject);

/* Runs it once. CALLS times it is called. -1 with a message on standard error. */
int subject_run(const struct group *group, const struct subject *subject, uint64_t calls,
		struct run *ret_run);

#endif
