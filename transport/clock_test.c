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
	for (unsigned i = 0; i < sizeof(per_ms) / sizeof(per_ms[0]); i++)
		for (unsigned k = 0; k < sizeof(passed) / sizeof(passed[0]); k++)
			assert_int_equal(tick_clock_per_ms(passed[k] / TICK_NS_PER_MS * per_ms[i],
							   passed[k]),
					 per_ms[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tick_is_as_long_as_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
