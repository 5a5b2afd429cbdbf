/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/perftest.h"

#include <math.h>
#include <string.h>

/* The line of figures follows the line of headings. */
static const char *figures(const char *text)
{
	const char *at = strstr(text, "#bytes");

	at = at ? strchr(at, '\n') : NULL;
	return at ? at + 1 : NULL;
}

/* " 32  2000  12.21  12565.07  13.25  43.98  367.58  631.38  10207.52": bytes, iterations; then of
 * microseconds least, greatest, median, mean, deviation, 99 % and 99.9 %. */
int perftest_parse_latency(const char *text, double factor, struct run *ret_run)
{
	const char *at = figures(text);
	unsigned long long calls;
	double least, greatest, median, mean, p99, p999, ns = factor * 1e3;

	if (!at || sscanf(at, "%*u %llu %lf %lf %lf %lf %*f %lf %lf", &calls, &least, &greatest,
			  &median, &mean, &p99, &p999) != 7)
		return -1;
	/* Where other programs are at work it may fail to learn its clock's pace: inf. */
	if (calls == 0 || !(mean > 0) || !isfinite(mean))
		return -1;
	ret_run->calls = calls;
	ret_run->ns[RUN_MIN] = least * ns;
	ret_run->ns[RUN_P50] = median * ns;
	ret_run->ns[RUN_P99] = p99 * ns;
	ret_run->ns[RUN_P999] = p999 * ns;
	ret_run->ns[RUN_MAX] = greatest * ns;
	ret_run->ns[RUN_MEAN] = mean * ns;
	ret_run->calls_per_second = 1e9 / (mean * ns);
	return 0;
}

/* " 32  10000  1.63  1.12  0.036810": bytes, iterations, MB/s at best and on average, millions of
 * messages a second. */
int perftest_parse_rate(const char *text, struct run *ret_run)
{
	const char *at = figures(text);
	unsigned long long calls;
	double rate;

	if (!at || sscanf(at, "%*u %llu %*f %*f %lf", &calls, &rate) != 2)
		return -1;
	if (calls == 0 || !(rate > 0) || !isfinite(rate))
		return -1;
	ret_run->calls = calls;
	ret_run->calls_per_second = rate * 1e6;
	ret_run->ns[RUN_MEAN] = 1e3 / rate;
	return 0;
}
