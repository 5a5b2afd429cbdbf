/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of the measurements: the processor's time stamp counter where there is one, because
 * reading it costs a few nanoseconds and no system call. Any thread.
 */
#ifndef BENCH_TICKS_H
#define BENCH_TICKS_H

#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NS_PER_S UINT64_C(1000000000)

/* CLOCK_MONOTONIC in nanoseconds. */
static inline uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Ticks since some moment. Not ordered against the instructions around it: what is measured is a
 * round trip through another process, hundreds of instructions long. */
static inline uint64_t ticks_now(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return monotonic_ns();
#endif
}

/* Nanoseconds of one tick. The first call takes TICKS_CALIBRATION_NS to find out. */
double ticks_ns(void);

/* What one pair of clock readings with nothing between them shows, in nanoseconds: part of every
 * duration that is reported. Measured by the first call, about a millisecond. */
double ticks_overhead_ns(void);

/* How long the clock stands still between two values, or a reading takes if that is longer, in
 * nanoseconds. */
double ticks_step_ns(void);

#ifdef __cplusplus
}
#endif

#endif
