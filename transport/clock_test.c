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

/* Looks when a millisecond's ticks have passed, as whoever measures does, and at no other time. */
static void look_for(struct tick_length *length, uint64_t per_ms, uint64_t *ticks, uint64_t *ns,
		     uint64_t duration)
{
	for (uint64_t end = *ns + duration; *ns < end;) {
		uint64_t next = length->per_ms + 1;

		*ticks += next;
		*ns += next * TICK_NS_PER_MS / per_ms;
		tick_length_measure(length, *ticks, *ns);
	}
}

/* Ticks that the system's clock did not count, or a counter that began anew, at any moment of a
 * measurement: half a minute later a millisecond is as long as ever. */
static void a_host_was_suspended(void **state)
{
	static const uint64_t per_ms[] = {24000, 2500000};
	static const uint64_t asleep[] = {TICK_NS_PER_S, HOUR, 8 * HOUR, 365 * 24 * HOUR};

	(void)state;
	for (unsigned i = 0; i < sizeof(per_ms) / sizeof(per_ms[0]); i++) {
		for (unsigned k = 0; k < sizeof(asleep) / sizeof(asleep[0]) + 1; k++) {
			for (uint64_t at = TICK_NS_PER_MS / 2; at < 20 * TICK_NS_PER_S; at *= 3) {
				struct tick_length length;
				uint64_t ticks = 7, ns = 7;

				tick_length_begin(&length, 1000, ticks, ns);
				look_for(&length, per_ms[i], &ticks, &ns, at);
				if (k < sizeof(asleep) / sizeof(asleep[0]))
					ticks += asleep[k] / TICK_NS_PER_MS * per_ms[i];
				else
					ticks = 0;
				look_for(&length, per_ms[i], &ticks, &ns, 30 * TICK_NS_PER_S);
				assert_in_range(length.per_ms, per_ms[i] - per_ms[i] / 1000,
						per_ms[i] + per_ms[i] / 1000);
			}
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tick_is_as_long_as_ever),
		cmocka_unit_test(a_host_was_suspended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
