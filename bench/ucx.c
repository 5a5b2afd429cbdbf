/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/ucx.h"

#include <stdlib.h>
#include <string.h>

/* "Final:  100000  0.140  0.141  0.141  216.61 ...": iterations, the percentile asked for, the
 * average since the last line, the average over all; each of half a round trip. */
int ucx_parse(const char *text, struct run *ret_run)
{
	static const char head[] = "Final:";
	const char *at = strstr(text, head);
	unsigned long long calls;
	double median, last, overall;

	if (!at || sscanf(at + sizeof(head) - 1, "%llu %lf %lf %lf", &calls, &median, &last,
			  &overall) != 4)
		return -1;
	if (calls == 0 || !(overall > 0))
		return -1;
	ret_run->calls = calls;
	ret_run->ns[RUN_P50] = median * 2e3;
	ret_run->ns[RUN_MEAN] = overall * 2e3;
	ret_run->calls_per_second = 1e6 / (overall * 2);
	return 0;
}

/* The same line of a test of bandwidth ends with the rate since the last line and over all. */
int ucx_parse_rate(const char *text, struct run *ret_run)
{
	static const char head[] = "Final:";
	const char *at = strstr(text, head);
	unsigned long long calls;
	double rate;

	if (!at ||
	    sscanf(at + sizeof(head) - 1, "%llu %*f %*f %*f %*f %*f %*f %lf", &calls, &rate) != 2)
		return -1;
	if (calls == 0 || !(rate > 0))
		return -1;
	ret_run->calls = calls;
	ret_run->calls_per_second = rate;
	ret_run->ns[RUN_MEAN] = 1e9 / rate;
	return 0;
}
