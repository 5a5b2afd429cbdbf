/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/perftest.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static bool near(double value, double expected)
{
	return fabs(value - expected) < 1e-6 * expected;
}

static void half_trips_are_doubled(void **state)
{
	static const char text[] =
		" GID: 00:00:00:00:00:00:00:00:00:00:255:255:10:77:00:01\n"
		" #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]"
		"    t_stdev[usec]   99% percentile[usec]   99.9% percentile[usec] \n"
		" 32      2000          12.00          12565.00      13.25    \t       44.00       "
		"\t367.58 \t\t631.50 \t\t10207.50\n";
	struct run run;

	(void)state;
	run_init(&run, "perftest", 32, 32);
	assert_int_equal(perftest_parse_latency(text, 2, &run), 0);
	assert_int_equal(run.calls, 2000);
	assert_true(near(run.ns[RUN_MIN], 24000));
	assert_true(near(run.ns[RUN_P50], 26500));
	assert_true(near(run.ns[RUN_P99], 1263000));
	assert_true(near(run.ns[RUN_P999], 20415000));
	assert_true(near(run.ns[RUN_MAX], 25130000));
	assert_true(near(run.ns[RUN_MEAN], 88000));
	assert_true(near(run.calls_per_second, 1e9 / 88000));
	assert_int_equal(perftest_parse_latency(text, 1, &run), 0);
	assert_true(near(run.ns[RUN_P50], 13250));
}

static void rates_are_messages(void **state)
{
	static const char text[] =
		" #bytes     #iterations    BW peak[MB/sec]    BW average[MB/sec]   MsgRate[Mpps]\n"
		" 32         10000            1.63               1.12   \t\t   0.040000\n";
	struct run run;

	(void)state;
	run_init(&run, "perftest", 32, 0);
	assert_int_equal(perftest_parse_rate(text, &run), 0);
	assert_int_equal(run.calls, 10000);
	assert_true(near(run.calls_per_second, 40000));
	assert_true(near(run.ns[RUN_MEAN], 25000));
	assert_true(isnan(run.ns[RUN_P50]));
}

static void other_output_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"Unexpected CM event bl blka 8\n",
		" #bytes #iterations\n",
		" #bytes #iterations",
		" #bytes #iterations\n 32 0 0 0 0 0 0 0 0\n",
		" #bytes #iterations\n 32 10 inf inf inf inf inf inf inf\n",
	};
	struct run run;
	size_t i;

	(void)state;
	run_init(&run, "perftest", 32, 32);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(perftest_parse_latency(texts[i], 2, &run), -1);
		assert_int_equal(perftest_parse_rate(texts[i], &run), -1);
	}
	assert_int_equal(run.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_trips_are_doubled),
		cmocka_unit_test(rates_are_messages),
		cmocka_unit_test(other_output_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
