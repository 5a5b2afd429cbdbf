/* SPDX-License-Identifier: Apache-2.0 */
/* Medians over rounds: one interrupted round must not show. */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H

/* The median of the values that are not NAN; NAN if there is none. Sorts VALUES. */
double median(double *values, unsigned n);

/* The least and the greatest that are not NAN; NAN if there is none. */
double least(const double *values, unsigned n);
double greatest(const double *values, unsigned n);

#endif
