/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of perftest print. */
#ifndef BENCH_PERFTEST_H
#define BENCH_PERFTEST_H

#include "bench/run.h"

/*
 * Fills in RET_RUN's calls, least, p50, p99, p99.9, greatest, mean and calls_per_second from the
 * output of a latency test, which prints microseconds, times FACTOR: 2 where the tool prints half a
 * round trip and a whole one is meant. -1 if there is no line of figures.
 */
int perftest_parse_latency(const char *text, double factor, struct run *ret_run);

/* The same from a test of bandwidth: calls_per_second are its messages, mean the time of one. */
int perftest_parse_rate(const char *text, struct run *ret_run);

#endif
