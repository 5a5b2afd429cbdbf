/* SPDX-License-Identifier: Apache-2.0 */
/* What ucx_perftest prints. */
#ifndef BENCH_UCX_H
#define BENCH_UCX_H

#include "bench/run.h"

/*
 * Fills in RET_RUN's p50, mean, calls and calls_per_second from the output of a latency test. The
 * tool prints half a round trip in microseconds: doubled here. -1 if there is no final line.
 */
int ucx_parse(const char *text, struct run *ret_run);

/* The same from a test of bandwidth: calls_per_second are its messages, mean the time of one. */
int ucx_parse_rate(const char *text, struct run *ret_run);

#endif
