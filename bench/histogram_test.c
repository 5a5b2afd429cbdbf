/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct histogram histogram;

static int clear(void **state)
{
	(void)state;
	histogram_clear(&histogram);
	return 0;
}

static void assert_near(double value, double wanted)
{
	if (fabs(value - wanted) > wanted * HISTOGRAM_ERROR + 1)
		fail_msg("%g is not within the promised error of %g", value, wanted);
}

/* Every value lies in its bucket, buckets touch, and none is wider than the promise. */
static void buckets_cover_all_values(void **state)
{
	uint32_t bucket;

	(void)state;
	assert_int_equal(histogram_bucket_low(0), 0);
	for (bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		uint64_t low = histogram_bucket_low(bucket);
		uint64_t high = histogram_bucket_high(bucket);

		assert_true(low <= high);
		assert_int_equal(histogram_bucket(low), bucket);
		assert_int_equal(histogram_bucket(high), bucket);
		assert_true((double)(high - low) / 2 <= (double)low * HISTOGRAM_ERROR);
		if (bucket > 0)
			assert_int_equal(low, histogram_bucket_high(bucket - 1) + 1);
	}
	assert_int_equal(histogram_bucket_high(bucket - 1),
			 (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1);
}

static void huge_values_are_kept_in_the_last_bucket(void **state)
{
	(void)state;
	assert_int_equal(histogram_bucket(UINT64_C(1) << HISTOGRAM_VALUE_BITS),
			 HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	histogram_add(&histogram, UINT64_MAX);
	assert_int_equal(histogram.max, UINT64_MAX);
}

static void empty_is_zero(void **state)
{
	(void)state;
	assert_true(histogram_quantile(&histogram, 0.5) == 0);
	assert_true(histogram_mean(&histogram) == 0);
}

static void one_value_is_every_quantile(void **state)
{
	(void)state;
	histogram_add(&histogram, 123457);
	assert_true(histogram_quantile(&histogram, 0) == 123457);
	assert_true(histogram_quantile(&histogram, 0.5) == 123457);
	assert_true(histogram_quantile(&histogram, 1) == 123457);
	assert_true(histogram_mean(&histogram) == 123457);
}

static void quantiles_of_a_known_distribution(void **state)
{
	uint64_t value;

	(void)state;
	/* 1 to 100000, in an order that is not ascending: 7 is prime to 100000. */
	for (value = 0; value < 100000; value++)
		histogram_add(&histogram, value * 7 % 100000 + 1);
	assert_int_equal(histogram.count, 100000);
	assert_int_equal(histogram.min, 1);
	assert_int_equal(histogram.max, 100000);
	assert_true(histogram_mean(&histogram) == 50000.5);
	assert_near(histogram_quantile(&histogram, 0.5), 50000);
	assert_near(histogram_quantile(&histogram, 0.9), 90000);
	assert_near(histogram_quantile(&histogram, 0.99), 99000);
	assert_near(histogram_quantile(&histogram, 0.999), 99900);
	assert_true(histogram_quantile(&histogram, 1) == 100000);
}

static void a_rare_large_value_shows_only_at_the_end(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 999; i++)
		histogram_add(&histogram, 100);
	histogram_add(&histogram, 1000000);
	assert_true(histogram_quantile(&histogram, 0.99) == 100);
	assert_true(histogram_quantile(&histogram, 0.999) == 100);
	assert_true(histogram_quantile(&histogram, 0.9995) == 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(buckets_cover_all_values, clear),
		cmocka_unit_test_setup(huge_values_are_kept_in_the_last_bucket, clear),
		cmocka_unit_test_setup(empty_is_zero, clear),
		cmocka_unit_test_setup(one_value_is_every_quantile, clear),
		cmocka_unit_test_setup(quantiles_of_a_known_distribution, clear),
		cmocka_unit_test_setup(a_rare_large_value_shows_only_at_the_end, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
