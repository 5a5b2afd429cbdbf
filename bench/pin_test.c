/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/pin.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void lines_that_cross(void **state)
{
	/* Copying grows with the size and pinning does not: equal at 1000 bytes, by the slopes. */
	const struct pin_point points[] = {{100, {0.1, 1}}, {10000, {10, 1}}, {1000000, {1000, 1}}};

	(void)state;
	assert_true(fabs(pin_crossing(points, 3, PIN_LOCK) - 1000) < 1e-6);
}

static void lines_that_do_not_cross(void **state)
{
	const struct pin_point points[] = {{64, {0.01, 5}}, {4096, {0.1, 5}}, {1 << 20, {20, 100}}};

	(void)state;
	assert_true(isnan(pin_crossing(points, 3, PIN_LOCK)));
}

static void pinning_that_is_cheaper_from_the_start(void **state)
{
	const struct pin_point points[] = {{64, {5, 1}}, {4096, {10, 1}}};

	(void)state;
	assert_true(pin_crossing(points, 2, PIN_LOCK) == 64);
}

static void refused_points_are_no_crossing(void **state)
{
	const struct pin_point points[] = {{64, {1, 5}}, {4096, {10, NAN}}};

	(void)state;
	assert_true(isnan(pin_crossing(points, 2, PIN_LOCK)));
}

static void each_way_has_its_own_crossing(void **state)
{
	const struct pin_point points[] = {{100, {1, 10, 100}}, {10000, {100, 10, 1000}}};

	(void)state;
	assert_true(fabs(pin_crossing(points, 2, PIN_LOCK) - 1000) < 1e-6);
	assert_true(isnan(pin_crossing(points, 2, PIN_REGISTER)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_cross),
		cmocka_unit_test(lines_that_do_not_cross),
		cmocka_unit_test(pinning_that_is_cheaper_from_the_start),
		cmocka_unit_test(refused_points_are_no_crossing),
		cmocka_unit_test(each_way_has_its_own_crossing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
