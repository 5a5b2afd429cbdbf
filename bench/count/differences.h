/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts what happens outside user space's own instructions by comparing two runs, one twice as
 * long as the other: what connecting and ending cost is in both and falls out.
 */
#ifndef BENCH_COUNT_DIFFERENCES_H
#define BENCH_COUNT_DIFFERENCES_H

#include <stdint.h>

#include "bench/count/lines.h"

struct difference {
	uint64_t calls; /* of the shorter run; the other made twice as many */
	int64_t once[LINES_SIDES];
	int64_t twice[LINES_SIDES];
};

/* What is compared. */
struct count_runs {
	const char *host;   /* of rdma://; NULL: over shared memory */
	const char *method; /* as of verbena-bench client */
	uint64_t calls;	    /* of the shorter run */
};

/* Allocations and mappings, by the preloaded library. -1 with a message on standard error. */
int count_allocations(const struct count_runs *runs, struct difference *ret_allocations,
		      struct difference *ret_mappings);

/* System calls, by strace. -1 with a message. */
int count_syscalls(const struct count_runs *runs, struct difference *ret_syscalls);

/* The total of a summary as `strace -c` writes it; 0 if it lists no calls, -1 if it is none. */
int64_t strace_total(const char *text);

#endif
