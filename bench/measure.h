/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one loop that times calls: of Verbena, of the floors and of the peers' programs, so that what
 * the loop itself costs is the same in all. It allocates nothing and makes no system call between
 * two calls. One thread.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Calls whose mean makes one entry of RUN_BLOCK; the end of the time and the progress line are
 * looked at between two blocks. */
#define MEASURE_BLOCK 64u

struct measure {
	uint64_t calls; /* 0: as many as fit into seconds */
	double seconds;
	uint64_t warmup; /* calls before, not timed */
	bool progress;
};

/* One call. 0, or -1 with errno: the measurement stops. */
typedef int measure_fn(void *arg);

/* Makes the plan's untimed calls, and learns of the clock what measure_run() needs, so that the CPU
 * time between here and there is that of calls. -1 with errno as FUNCTION failed. */
int measure_warm_up(const struct measure *plan, measure_fn *function, void *arg);

/*
 * Times calls of FUNCTION and fills in RET_RUN's calls, ns, calls_per_second and
 * clock_overhead_ns. -1 with errno as FUNCTION failed (EINVAL: neither calls nor seconds).
 */
int measure_run(const struct measure *plan, measure_fn *function, void *arg, struct run *ret_run);

/* The duration in nanoseconds below or at which FRACTION of the last measure_run()'s calls lie. */
double measure_quantile_ns(double fraction);

#ifdef __cplusplus
}
#endif

#endif
