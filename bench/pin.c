/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/pin.h"

#include <math.h>

static double advantage(const struct pin_point *point)
{
	return log(point->pin_us / point->copy_us);
}

double pin_crossing(const struct pin_point *points, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		double here, before, share;

		if (isnan(points[i].pin_us) || advantage(&points[i]) > 0)
			continue;
		if (i == 0 || isnan(points[i - 1].pin_us))
			return (double)points[i].size;
		here = advantage(&points[i]);
		before = advantage(&points[i - 1]);
		share = before / (before - here);
		return exp(log((double)points[i - 1].size) +
			   share * (log((double)points[i].size) - log((double)points[i - 1].size)));
	}
	return NAN;
}
