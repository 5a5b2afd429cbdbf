/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HOUR (3600 * TICK_NS_PER_S)

/* A processor of 1, 2.5 and 6 GHz, and a counter of 24 MHz, from the first look to ten years on. */
static void a_tick_is_as_long_as_ever(void **state)
{
	static const uint64_t per_ms[] = {24000, 1000000, 2500000, 6000000};
	static const uint64_t passed[] = {2 * TICK_NS_PER_MS, TICK_NS_PER_S,  2 * HOUR,
					  3 * HOUR,	      30 * 24 * HOUR, 10 * 365 * 24 * HOUR};

	(void)state;
	for (unsigned i = 0; i < sizeof(per_ms) / sizeof(per_ms[0]); i++) {
		struct tick_length length;

		tick_length_begin(&length, 1, 7, 7);
		for (unsigned k = 0; k < sizeof(passed) / sizeof(passed[0]); k++) {
			uint64_t ticks = 7 + passed[k] / TICK_NS_PER_MS * per_ms[i];

			/* The second one, if the first begins anew. */
			tick_length_measure(&length, ticks, 7 + passed[k]);
			tick_length_measure(&length, ticks + 2 * per_ms[i],
					    7 + passed[k] + 2 * TICK_NS_PER_MS);
			assert_int_equal(length.per_ms, per_ms[i]);
		}
	}
}

/* Eight hours that the system's clock did not count, and a counter that was reset. */
static void a_host_was_suspended(void **state)
{
	struct tick_length length;
	uint64_t at = TICK_NS_PER_S;

	(void)state;
	tick_length_begin(&length, 1, 0, 0);
	tick_length_measure(&length, 2500000 * 1000ull, at);
	assert_int_equal(length.per_ms, 2500000);
	tick_length_measure(&length, 2500000 * (8 * HOUR / TICK_NS_PER_MS), 2 * at);
	assert_true(length.per_ms > 2500000);
	for (uint64_t ms = 0; ms < 12000; ms++)
		tick_length_measure(&length, 2500000 * (8 * HOUR / TICK_NS_PER_MS + ms),
				    2 * at + ms * TICK_NS_PER_MS);
	assert_int_equal(length.per_ms, 2500000);
	for (uint64_t ms = 0; ms < 3; ms++)
		tick_length_measure(&length, 2500000 * ms, 15 * at + ms * TICK_NS_PER_MS);
	assert_int_equal(length.per_ms, 2500000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tick_is_as_long_as_ever),
		cmocka_unit_test(a_host_was_suspended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
