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

/* How long a tick is, as somebody finds out who reads both clocks now and then. */
struct tick_length {
	uint64_t per_ms; /* ticks in a millisecond */
	uint64_t since_ticks, since_ns;
};

/* A measurement goes on for so long, and the next begins: ticks go on while a host is suspended,
 * and may begin anew, and the system's clock does neither. */
#define TICK_LENGTH_NS (10 * TICK_NS_PER_S)

/* No counter is quicker: 10 GHz. Where ticks went on for hours that the system's clock does not
 * know of, a millisecond of theirs would last for hours more. */
#define TICKS_PER_MS_MAX 10000000ull

/* GUESS stands until a millisecond has been measured. */
static inline void tick_length_begin(struct tick_length *length, uint64_t guess, uint64_t ticks,
				     uint64_t ns)
{
	*length = (struct tick_length){.per_ms = guess, .since_ticks = ticks, .since_ns = ns};
}

static inline void tick_length_measure(struct tick_length *length, uint64_t ticks, uint64_t ns)
{
	/* A product of more than 64 bits, if ticks went on for hours. */
	__extension__ typedef unsigned __int128 wide;
	wide ticked = (wide)(ticks - length->since_ticks) * TICK_NS_PER_MS;
	uint64_t passed = ns - length->since_ns;

	if (ticks < length->since_ticks || passed > TICK_LENGTH_NS ||
	    ticked > (wide)passed * TICKS_PER_MS_MAX)
		tick_length_begin(length, length->per_ms, ticks, ns);
	else if (passed > TICK_NS_PER_MS)
		length->per_ms = (uint64_t)(ticked / passed);
}

#endif
