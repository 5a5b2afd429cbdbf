/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts what calls cost at both ends, exactly and without hardware counters: steps a client and a
 * server, two processes of one thread each, one instruction at a time, and never both at once. A
 * side runs until it has looked and found nothing to do, then the other: until it executes PAUSE,
 * or is about to repeat a load of shared memory with no store there in between. So each side makes
 * one empty look per turn, and no time passes in between.
 *
 * What the two see of the clock is made up too (TICKS_PER_INSTRUCTION), or everything would seem
 * to take a thousand times as long as it does, and slow paths that are taken once a millisecond
 * would be taken in each call.
 *
 * x86-64 only. The caller must be an ancestor of both processes, or be allowed to trace them.
 */
#ifndef BENCH_COUNT_STEP_H
#define BENCH_COUNT_STEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/count/lines.h"
#include "bench/count/profile.h"

/* What one side executed between the first counted mark and the last. */
struct step_counts {
	uint64_t instructions;
	uint64_t empty_look; /* instructions of one look that finds nothing */
	uint64_t clock_reads;
	uint64_t syscalls;
	uint64_t fences; /* mfence, and locked instructions */
	uint64_t looks;	 /* that found nothing: ends of turns */
	uint64_t blind;	 /* instructions that could not be decoded: blind to their memory */
	uint64_t lines;	 /* cache lines of shared memory that moved to this side */
};

struct step_result {
	uint64_t calls; /* between two marks each */
	bool lines_known;
	struct step_counts sides[LINES_SIDES];
	struct profile *profiles[LINES_SIDES]; /* in: to be added to, or NULL */
};

/*
 * Steps CLIENT, which has stopped itself in mark_calls(), against SERVER, which waits by spinning:
 * SKIP calls without counting, then the rest up to the last mark of CALLS calls. Both are traced
 * when it returns 0, the client past its last mark, and go on when *step_release() is called. -1
 * with errno: EPERM (tracing is not allowed), ECHILD (one of them ended), EBUSY (more than one
 * thread), ELOOP (a side never came to wait; without capstone only PAUSE tells).
 */
int step_run(pid_t client, pid_t server, uint64_t skip, uint64_t calls,
	     struct step_result *ret_result);

#endif
