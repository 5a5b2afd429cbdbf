/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/ucx.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void half_trips_are_doubled(void **state)
{
	static const char text[] =
		"+---------+----------+\n"
		"|  Stage  | # iterations | 50.0%ile | average | overall |\n"
		"Final:                100000      0.140     0.141     0.150      216.61  "
		"   216.61  7097982     7097982\n";
	struct run run;

	(void)state;
	run_init(&run, "UCX", 32, 32);
	assert_int_equal(ucx_parse(text, &run), 0);
	assert_int_equal(run.calls, 100000);
	assert_true(fabs(run.ns[RUN_P50] - 280) < 1e-6);
	assert_true(fabs(run.ns[RUN_MEAN] - 300) < 1e-6);
	assert_true(isnan(run.ns[RUN_P99]));
}

static void rates_are_over_all(void **state)
{
	static const char text[] = "Final:                  2000     20.000    24.082    24.082    "
				   "    1.27       1.27       41545       50000\n";
	struct run run;

	(void)state;
	run_init(&run, "UCX", 32, 0);
	assert_int_equal(ucx_parse_rate(text, &run), 0);
	assert_int_equal(run.calls, 2000);
	assert_true(fabs(run.calls_per_second - 50000) < 1e-6);
	assert_true(fabs(run.ns[RUN_MEAN] - 20000) < 1e-6);
	assert_true(isnan(run.ns[RUN_P50]));
	assert_int_equal(ucx_parse_rate("Final: 10 1 1 1\n", &run), -1);
}

static void other_output_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"connect() failed: Connection refused\n",
		"Final:\n",
		"Final: 0 0 0 0\n",
		"Final: 100 0.1 0.1 0\n",
	};
	struct run run;
	size_t i;

	(void)state;
	run_init(&run, "UCX", 32, 32);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(ucx_parse(texts[i], &run), -1);
	assert_int_equal(run.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_trips_are_doubled),
		cmocka_unit_test(rates_are_over_all),
		cmocka_unit_test(other_output_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
