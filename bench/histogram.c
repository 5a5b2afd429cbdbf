/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/histogram.h"

#include <string.h>

void histogram_clear(struct histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
	histogram->min = UINT64_MAX;
}

uint64_t histogram_bucket_low(uint32_t bucket)
{
	uint32_t exponent;

	if (bucket < 2 * HISTOGRAM_SUB)
		return bucket;
	/* The inverse of histogram_bucket(): there the exponent's blocks overlap by one, because a
	 * value shifted by its exponent still has its leading one. */
	exponent = bucket / HISTOGRAM_SUB - 1;
	return (uint64_t)(bucket - exponent * HISTOGRAM_SUB) << exponent;
}

uint64_t histogram_bucket_high(uint32_t bucket)
{
	if (bucket + 1 >= HISTOGRAM_BUCKETS)
		return (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1;
	return histogram_bucket_low(bucket + 1) - 1;
}

static double bucket_middle(const struct histogram *histogram, uint32_t bucket)
{
	double low = (double)histogram_bucket_low(bucket);
	double high = (double)histogram_bucket_high(bucket);
	double middle = (low + high) / 2;

	if (middle < (double)histogram->min)
		return (double)histogram->min;
	if (middle > (double)histogram->max)
		return (double)histogram->max;
	return middle;
}

double histogram_quantile(const struct histogram *histogram, double fraction)
{
	uint64_t seen = 0, wanted;
	uint32_t bucket;

	if (histogram->count == 0)
		return 0;
	if (fraction <= 0)
		return (double)histogram->min;
	/* The rank is rounded up: the value at which at least FRACTION of all have been passed. */
	wanted = (uint64_t)(fraction * (double)histogram->count);
	if ((double)wanted < fraction * (double)histogram->count)
		wanted++;
	if (wanted >= histogram->count)
		return (double)histogram->max;
	for (bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		seen += histogram->buckets[bucket];
		if (seen >= wanted)
			break;
	}
	return bucket_middle(histogram, bucket);
}

double histogram_mean(const struct histogram *histogram)
{
	return histogram->count ? (double)histogram->sum / (double)histogram->count : 0;
}
