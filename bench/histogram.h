/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log-linear histogram of durations in ticks: every value is kept to HISTOGRAM_ERROR of itself,
 * in memory fixed at compile time, so that adding one neither allocates nor branches on history.
 * One thread.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sub-buckets of each power of two: 256 make an error of at most 1/512 around a bucket's middle. */
#define HISTOGRAM_SUB_BITS   8u
#define HISTOGRAM_SUB	     (1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_ERROR	     (1.0 / (2 * HISTOGRAM_SUB))
/* Values from 2^44 ticks (over an hour at 4 GHz) up are counted as 2^44 - 1. */
#define HISTOGRAM_VALUE_BITS 44u
#define HISTOGRAM_BUCKETS    (HISTOGRAM_SUB * (HISTOGRAM_VALUE_BITS - HISTOGRAM_SUB_BITS + 1))

struct histogram {
	uint64_t count;
	uint64_t sum; /* exact; wraps after 2^64 ticks together */
	uint64_t min; /* exact; UINT64_MAX while empty */
	uint64_t max; /* exact; 0 while empty */
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *histogram);

/* The bucket of VALUE, below HISTOGRAM_BUCKETS. */
static inline uint32_t histogram_bucket(uint64_t value)
{
	uint32_t exponent;

	if (value < HISTOGRAM_SUB)
		return (uint32_t)value;
	if (value >> HISTOGRAM_VALUE_BITS)
		return HISTOGRAM_BUCKETS - 1;
	exponent = 63 - (uint32_t)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
	return (exponent << HISTOGRAM_SUB_BITS) + (uint32_t)(value >> exponent);
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->count++;
	histogram->sum += value;
	if (value < histogram->min)
		histogram->min = value;
	if (value > histogram->max)
		histogram->max = value;
	histogram->buckets[histogram_bucket(value)]++;
}

/* The value below or at which FRACTION (0 to 1) of the values lie, within HISTOGRAM_ERROR and
 * between min and max; 0 while empty. */
double histogram_quantile(const struct histogram *histogram, double fraction);

/* The mean of the values; 0 while empty. */
double histogram_mean(const struct histogram *histogram);

/* The smallest and largest value of BUCKET. */
uint64_t histogram_bucket_low(uint32_t bucket);
uint64_t histogram_bucket_high(uint32_t bucket);

#ifdef __cplusplus
}
#endif

#endif
