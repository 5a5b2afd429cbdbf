/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time, as a parameter: a worker has a clock, so that a simulation can have its own.
 */
#ifndef VBI_CLOCK_H
#define VBI_CLOCK_H

#include <stdint.h>
#include <time.h>

typedef uint64_t vbi_clock_fn(void);

#define VBI_NS_PER_US 1000ull
#define VBI_NS_PER_MS 1000000ull
#define VBI_NS_PER_S  1000000000ull

/* Monotonic nanoseconds. A vDSO call where the clock source is the TSC: no system call. */
uint64_t vbi_clock_monotonic(void);

/* START + SPAN without wrapping: VB_NO_DEADLINE stays itself. */
static inline uint64_t vbi_deadline_after(uint64_t start, uint64_t span)
{
	uint64_t end;

	return __builtin_add_overflow(start, span, &end) ? UINT64_MAX : end;
}

#endif
