/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/pin.h"

#include <math.h>

static double advantage(const struct pin_point *point, enum pin_way way)
{
	return log(point->us[way] / point->us[PIN_COPY]);
}

double pin_crossing(const struct pin_point *points, unsigned n, enum pin_way way)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		double here, before, share;

		if (isnan(points[i].us[way]) || advantage(&points[i], way) > 0)
			continue;
		if (i == 0 || isnan(points[i - 1].us[way]))
			return (double)points[i].size;
		here = advantage(&points[i], way);
		before = advantage(&points[i - 1], way);
		share = before / (before - here);
		return exp(log((double)points[i - 1].size) +
			   share * (log((double)points[i].size) - log((double)points[i - 1].size)));
	}
	return NAN;
}
