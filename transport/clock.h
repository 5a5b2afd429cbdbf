/* SPDX-License-Identifier: Apache-2.0 */
/* Two clocks for what is below the seam: a cheap one without a unit, and the system's. */
#ifndef VBI_TRANSPORT_CLOCK_H
#define VBI_TRANSPORT_CLOCK_H

#include <stdint.h>
#include <time.h>

#define TICK_NS_PER_MS 1000000ull
#define TICK_NS_PER_S  1000000000ull

static inline uint64_t tick_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * TICK_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Steady, and a few nanoseconds to read. Ticks of unknown length. */
static inline uint64_t tick_clock_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#else
	return tick_clock_ns();
#endif
}

/*
 * Ticks in a millisecond, if TICKS passed in NS nanoseconds, at least one of these. The longer, the
 * better known: the product has more than 64 bits after two hours.
 */
static inline uint64_t tick_clock_per_ms(uint64_t ticks, uint64_t ns)
{
	__extension__ typedef unsigned __int128 wide;

	return (uint64_t)((wide)ticks * TICK_NS_PER_MS / ns);
}

#endif
