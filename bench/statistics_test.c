/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/statistics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void medians(void **state)
{
	double odd[] = {9, 1, 5}, even[] = {4, 1, 3, 2}, one[] = {7};

	(void)state;
	assert_true(median(odd, 3) == 5);
	assert_true(median(even, 4) == 2.5);
	assert_true(median(one, 1) == 7);
}

static void unknown_values_are_left_out(void **state)
{
	double some[] = {NAN, 3, NAN, 1, 2}, none[] = {NAN, NAN};

	(void)state;
	assert_true(least(some, 5) == 1);
	assert_true(greatest(some, 5) == 3);
	assert_true(median(some, 5) == 2);
	assert_true(isnan(median(none, 2)));
	assert_true(isnan(least(none, 2)));
	assert_true(isnan(greatest(none, 2)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(medians),
		cmocka_unit_test(unknown_values_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
