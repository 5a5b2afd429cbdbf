/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks between calls for the stepping instrument (count/step.h), which starts its client with
 * MARK_VARIABLE in the environment: the client stops itself, and from then on a trap instruction
 * stands before each call and behind the last. Nothing is timed then.
 */
#ifndef BENCH_MARK_H
#define BENCH_MARK_H

#include <stdbool.h>

#include "bench/measure.h"

#define MARK_VARIABLE "VERBENA_BENCH_MARK"

/* Whether the instrument started this process. */
bool mark_wanted(void);

/* Makes the plan's calls with marks. Fills in RET_RUN's calls. -1 with errno as FUNCTION failed. */
int mark_calls(const struct measure *plan, measure_fn *function, void *arg, struct run *ret_run);

#endif
