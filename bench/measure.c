/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/measure.h"

#include <errno.h>

#include "bench/histogram.h"
#include "bench/progress.h"
#include "bench/ticks.h"

struct samples {
	struct histogram calls;
	struct histogram blocks;
};

/* Static: in the data segment from the start, touched before the first measurement. */
static struct samples samples;

int measure_warm_up(const struct measure *plan, measure_fn *function, void *arg)
{
	uint64_t i;

	ticks_ns();
	ticks_overhead_ns();
	histogram_clear(&samples.calls);
	histogram_clear(&samples.blocks);
	for (i = 0; i < plan->warmup; i++) {
		if (function(arg) < 0)
			return -1;
	}
	return 0;
}

/* Times CALLS calls in a row, at most MEASURE_BLOCK of them. */
static int measure_block(uint64_t calls, measure_fn *function, void *arg)
{
	uint64_t sum = 0, i;

	for (i = 0; i < calls; i++) {
		uint64_t before = ticks_now(), took;

		if (function(arg) < 0)
			return -1;
		took = ticks_now() - before;
		histogram_add(&samples.calls, took);
		sum += took;
	}
	/* In sixteenths of a tick, or the mean of short calls would be cut to whole ticks. */
	histogram_add(&samples.blocks, sum * 16 / calls);
	return 0;
}

static void fill_in(struct run *run, uint64_t elapsed_ns)
{
	const struct histogram *calls = &samples.calls;
	double tick = ticks_ns();

	run->calls = calls->count;
	run->ns[RUN_MIN] = (double)calls->min * tick;
	run->ns[RUN_P50] = histogram_quantile(calls, 0.5) * tick;
	run->ns[RUN_P90] = histogram_quantile(calls, 0.9) * tick;
	run->ns[RUN_P99] = histogram_quantile(calls, 0.99) * tick;
	run->ns[RUN_P999] = histogram_quantile(calls, 0.999) * tick;
	run->ns[RUN_MAX] = (double)calls->max * tick;
	run->ns[RUN_MEAN] = histogram_mean(calls) * tick;
	run->ns[RUN_BLOCK] = histogram_quantile(&samples.blocks, 0.5) * tick / 16;
	run->calls_per_second =
		elapsed_ns ? (double)calls->count * (double)NS_PER_S / (double)elapsed_ns : 0;
	run->clock_overhead_ns = ticks_overhead_ns();
}

static double fraction_done(const struct measure *plan, uint64_t calls, uint64_t elapsed_ns)
{
	if (plan->calls)
		return (double)calls / (double)plan->calls;
	return (double)elapsed_ns / (plan->seconds * (double)NS_PER_S);
}

int measure_run(const struct measure *plan, measure_fn *function, void *arg, struct run *ret_run)
{
	uint64_t start, elapsed_ns = 0, done = 0;
	double fraction = 0;

	if (plan->calls == 0 && !(plan->seconds > 0)) {
		errno = EINVAL;
		return -1;
	}
	ticks_ns();
	histogram_clear(&samples.calls);
	histogram_clear(&samples.blocks);
	start = monotonic_ns();
	while (fraction < 1) {
		uint64_t block = MEASURE_BLOCK;

		if (plan->calls && plan->calls - done < block)
			block = plan->calls - done;
		if (measure_block(block, function, arg) < 0)
			return -1;
		done += block;
		elapsed_ns = monotonic_ns() - start;
		fraction = fraction_done(plan, done, elapsed_ns);
		if (plan->progress)
			progress_show(fraction, "%s: %.1f M calls", ret_run->name,
				      (double)done / 1e6);
	}
	if (plan->progress)
		progress_clear();
	fill_in(ret_run, elapsed_ns);
	return 0;
}

double measure_quantile_ns(double fraction)
{
	return histogram_quantile(&samples.calls, fraction) * ticks_ns();
}
