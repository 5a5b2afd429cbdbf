/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/ticks.h"

/* Both clocks are read within some 50 ns of each other, so this long keeps the error under 1e-5. */
#define TICKS_CALIBRATION_NS (20 * UINT64_C(1000000))
#define PAIRS		     100000u
/* The best of several rounds: whoever else runs on this CPU must not show. */
#define ROUNDS		     10u

double ticks_ns(void)
{
	static double tick;
	uint64_t from_ns, to_ns, from, to;

	if (tick > 0)
		return tick;
	from_ns = monotonic_ns();
	from = ticks_now();
	do {
		to_ns = monotonic_ns();
		to = ticks_now();
	} while (to_ns - from_ns < TICKS_CALIBRATION_NS);
	tick = (double)(to_ns - from_ns) / (double)(to - from);
	return tick;
}

double ticks_overhead_ns(void)
{
	static uint64_t best = UINT64_MAX;
	uint64_t sum;
	unsigned round, i;

	if (best != UINT64_MAX)
		return (double)best * ticks_ns() / (PAIRS / ROUNDS);
	for (round = 0; round < ROUNDS; round++) {
		for (sum = 0, i = 0; i < PAIRS / ROUNDS; i++) {
			uint64_t before = ticks_now();

			sum += ticks_now() - before;
		}
		if (sum < best)
			best = sum;
	}
	return (double)best * ticks_ns() / (PAIRS / ROUNDS);
}

double ticks_step_ns(void)
{
	uint64_t start = ticks_now(), before = start, steps = 0;
	unsigned i;

	for (i = 0; i < PAIRS; i++) {
		uint64_t now = ticks_now();

		steps += now != before;
		before = now;
	}
	return steps ? (double)(before - start) * ticks_ns() / (double)steps : 0;
}
