/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/distribution.h"

#include <math.h>

#include "bench/measure.h"
#include "bench/plot.h"

/* Points of the curve: 16 of each factor of ten, from the median's side to the tail. */
#define POINTS_PER_DECADE 16u
#define DECADES		  6u
#define POINTS		  (POINTS_PER_DECADE * DECADES)

/* x is 1 / (1 - fraction): each further nine is one step of the logarithmic axis. */
static const struct plot_tic tics[] = {
	{1, "0%"},	 {2, "50%"},	    {10, "90%"},	 {100, "99%"},
	{1000, "99.9%"}, {10000, "99.99%"}, {100000, "99.999%"}, {1000000, "99.9999%"},
};

int distribution_plot(const char *path, const struct run *run)
{
	double x[POINTS], y[POINTS];
	char title[RUN_NAME_MAX * 3];
	struct plot_series series = {.title = run->name, .x = x, .y = y};
	const struct plot plot = {
		.title = title,
		.x_label = "percentile of the calls",
		.y_label = "round trip, ns",
		.log_x = true,
		.log_y = true,
		.tics = tics,
		.n_tics = sizeof(tics) / sizeof(tics[0]),
		.series = &series,
		.n_series = 1,
	};
	unsigned i;

	snprintf(title, sizeof(title), "%s: %llu calls, %llu bytes there, %llu back", run->name,
		 (unsigned long long)run->calls, (unsigned long long)run->size,
		 (unsigned long long)run->reply_size);
	for (i = 0; i < POINTS; i++) {
		x[i] = pow(10, (double)i / POINTS_PER_DECADE);
		/* Beyond the last call there is nothing to show. */
		if (x[i] > (double)run->calls)
			break;
		y[i] = measure_quantile_ns(1 - 1 / x[i]);
	}
	series.n = i;
	return plot_write(path, &plot);
}
