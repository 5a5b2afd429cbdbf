/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of a latency distribution. */
#ifndef BENCH_DISTRIBUTION_H
#define BENCH_DISTRIBUTION_H

#include "bench/run.h"

/* Draws the distribution of the last measure_run(), which filled in RUN, into PATH: latency over
 * percentile, both logarithmic towards the tail. Errors as plot_write(). */
int distribution_plot(const char *path, const struct run *run);

#endif
