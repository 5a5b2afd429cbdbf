/* SPDX-License-Identifier: Apache-2.0 */
/* verbena-bench pin */
#include <err.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <jansson.h>

#include "bench/commands.h"
#include "bench/cpu.h"
#include "bench/histogram.h"
#include "bench/options.h"
#include "bench/pin.h"
#include "bench/plot.h"
#include "bench/progress.h"
#include "bench/statistics.h"
#include "bench/ticks.h"

#define ROUNDS_DEFAULT 5u
#define ROUNDS_MAX     1000u
#define SIZE_MIN       UINT64_C(64)
#define SIZE_MAX_BYTES (UINT64_C(16) << 20)
/* A power of four apart: 64 B, 256 B, ... 16 MiB. */
#define STEP	       4u
#define POINTS	       10u
/* One point's share of a round. */
#define POINT_NS       (10 * UINT64_C(1000000))
#define PAGE	       4096u
#define SHORT_COPIES   1024u

enum { OPTION_ROUNDS = 256, OPTION_CPU, OPTION_JSON, OPTION_PLOT };

struct pin_command {
	unsigned rounds;
	int cpu;
	const char *json;
	const char *plot;
	uint8_t *from;
	uint8_t *to;
	double copies[POINTS][ROUNDS_MAX];
	double pins[POINTS][ROUNDS_MAX];
};

static const struct argp_option option_list[] = {
	{"rounds", OPTION_ROUNDS, "N", 0, "Measure each size N times, in turn (default 5)", 0},
	{"cpu", OPTION_CPU, "N", 0, "Run on CPU N", 0},
	{"json", OPTION_JSON, "FILE", 0, "Write the result as JSON", 0},
	{"plot", OPTION_PLOT, "FILE", 0,
	 "Draw it into FILE (.png, .svg, .txt; '-': with characters, here)", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct pin_command *command = state->input;

	switch (key) {
	case OPTION_ROUNDS:
		command->rounds = (unsigned)parse_count(state, "--rounds", arg, ROUNDS_MAX);
		if (command->rounds == 0)
			argp_error(state, "--rounds must be at least 1");
		break;
	case OPTION_CPU:
		command->cpu = parse_cpu(state, arg);
		break;
	case OPTION_JSON:
		command->json = arg;
		break;
	case OPTION_PLOT:
		command->plot = parse_plot(state, arg);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is one word too many", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.doc = "Copy or pin? The cost of memcpy against mlock and munlock of the same memory, from "
	       "64 bytes to 16 MiB.\v"
	       "A network card can read a caller's buffer where it lies if its pages are pinned; "
	       "this shows from which size on pinning for one transfer is cheaper than copying "
	       "into memory that is pinned already. Registration with a card costs more than "
	       "mlock.",
};

/* Durations of one point; the median is told, because some are interrupted. */
static struct histogram histogram;

/* In batches: one short copy is below the clock's step. */
static double copy_us(struct pin_command *command, uint64_t size)
{
	unsigned i, batch = size <= PAGE ? SHORT_COPIES : 1;
	uint64_t start = monotonic_ns();

	histogram_clear(&histogram);
	while (monotonic_ns() - start < POINT_NS) {
		uint64_t before = ticks_now();

		for (i = 0; i < batch; i++) {
			memcpy(command->to, command->from, size);
			__asm__ volatile("" : : "r"(command->to) : "memory");
		}
		histogram_add(&histogram, ticks_now() - before);
	}
	return histogram_quantile(&histogram, 0.5) * ticks_ns() / batch / 1e3;
}

/* NAN: the system refuses so much. */
static double pin_us(struct pin_command *command, uint64_t size)
{
	uint64_t start = monotonic_ns();

	histogram_clear(&histogram);
	while (monotonic_ns() - start < POINT_NS) {
		uint64_t before = ticks_now();

		if (mlock(command->from, size) < 0)
			return NAN;
		munlock(command->from, size);
		histogram_add(&histogram, ticks_now() - before);
	}
	return histogram_quantile(&histogram, 0.5) * ticks_ns() / 1e3;
}

static void measure(struct pin_command *command, struct pin_point *points)
{
	unsigned round, i;

	for (round = 0; round < command->rounds; round++) {
		for (i = 0; i < POINTS; i++) {
			progress_show((double)(round * POINTS + i) / (command->rounds * POINTS),
				      "copy or pin: %llu bytes",
				      (unsigned long long)points[i].size);
			command->copies[i][round] = copy_us(command, points[i].size);
			command->pins[i][round] = pin_us(command, points[i].size);
		}
	}
	progress_clear();
	for (i = 0; i < POINTS; i++) {
		bool refused = isnan(command->pins[i][command->rounds - 1]);

		points[i].copy_us = median(command->copies[i], command->rounds);
		points[i].pin_us = refused ? NAN : median(command->pins[i], command->rounds);
	}
}

static void print_verdict(const struct pin_point *points)
{
	double crossing = pin_crossing(points, POINTS);
	const struct pin_point *last = &points[POINTS - 1];

	if (!isnan(crossing)) {
		printf("\nThe lines cross at about %.0f bytes: from there pinning is cheaper.\n",
		       crossing);
		return;
	}
	while (last > points && isnan(last->pin_us))
		last--;
	if (isnan(last->pin_us))
		printf("\nNothing could be pinned: ulimit -l is too small.\n");
	else
		printf("\nThe lines do not cross: at %llu bytes pinning still costs %.1f copies.\n",
		       (unsigned long long)last->size, last->pin_us / last->copy_us);
}

static void print_table(const struct pin_point *points)
{
	bool refused = false;
	unsigned i;

	printf("%12s %14s %18s %10s\n", "bytes", "memcpy, us", "mlock+munlock, us", "ratio");
	for (i = 0; i < POINTS; i++) {
		printf("%12llu %14.4f ", (unsigned long long)points[i].size, points[i].copy_us);
		if (isnan(points[i].pin_us))
			printf("%18s %10s\n", "refused", "-");
		else
			printf("%18.2f %10.1f\n", points[i].pin_us,
			       points[i].pin_us / points[i].copy_us);
		refused |= isnan(points[i].pin_us);
	}
	if (refused)
		printf("refused: above what 'ulimit -l' lets this user lock\n");
	print_verdict(points);
}

static int save_json(const char *path, const struct pin_point *points)
{
	json_t *root = json_object(), *list = json_array();
	double crossing = pin_crossing(points, POINTS);
	int result;
	unsigned i;

	for (i = 0; i < POINTS; i++) {
		json_t *point = json_object();

		json_object_set_new(point, "size", json_integer((json_int_t)points[i].size));
		json_object_set_new(point, "memcpy_us", json_real(points[i].copy_us));
		json_object_set_new(point, "mlock_munlock_us",
				    isnan(points[i].pin_us) ? json_null()
							    : json_real(points[i].pin_us));
		json_array_append_new(list, point);
	}
	json_object_set_new(root, "points", list);
	json_object_set_new(root, "crossing_bytes",
			    isnan(crossing) ? json_null() : json_real(crossing));
	result = strcmp(path, "-") == 0 ? json_dumpf(root, stdout, JSON_INDENT(2))
					: json_dump_file(root, path, JSON_INDENT(2));
	json_decref(root);
	if (result < 0)
		warn("cannot write %s", path);
	return result < 0 ? STATUS_FAILED : STATUS_OK;
}

static int draw(const char *path, const struct pin_point *points)
{
	double x[POINTS], copies[POINTS], pins[POINTS];
	const struct plot_series series[] = {
		{.title = "memcpy", .x = x, .y = copies, .n = POINTS},
		{.title = "mlock + munlock", .x = x, .y = pins, .n = POINTS},
	};
	double crossing = pin_crossing(points, POINTS);
	char title[128];
	const struct plot plot = {
		.title = title,
		.x_label = "bytes",
		.y_label = "us",
		.log_x = true,
		.log_y = true,
		.series = series,
		.n_series = sizeof(series) / sizeof(series[0]),
	};
	unsigned i;

	if (isnan(crossing))
		snprintf(title, sizeof(title), "Copy or pin: the lines do not cross");
	else
		snprintf(title, sizeof(title), "Copy or pin: the lines cross at %.0f bytes",
			 crossing);
	for (i = 0; i < POINTS; i++) {
		x[i] = (double)points[i].size;
		copies[i] = points[i].copy_us;
		pins[i] = points[i].pin_us;
	}
	if (plot_write(path, &plot) == 0)
		return STATUS_OK;
	plot_complain(path);
	return STATUS_FAILED;
}

static int memory_open(struct pin_command *command)
{
	uint8_t *memory = mmap(NULL, 2 * SIZE_MAX_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		return -1;
	memset(memory, 1, 2 * SIZE_MAX_BYTES);
	command->from = memory;
	command->to = memory + SIZE_MAX_BYTES;
	return 0;
}

int command_pin(int argc, char **argv)
{
	static struct pin_command command = {.rounds = ROUNDS_DEFAULT, .cpu = -1};
	struct pin_point points[POINTS] = {{.size = SIZE_MIN}};
	int status = STATUS_OK;
	unsigned i;

	options_parse(&argp, argc, argv, &command);
	if (cpu_pin(command.cpu) < 0 || memory_open(&command) < 0) {
		warn("pin");
		return STATUS_FAILED;
	}
	for (i = 1; i < POINTS; i++)
		points[i].size = points[i - 1].size * STEP;
	measure(&command, points);
	print_table(points);
	if (command.json)
		status = save_json(command.json, points);
	if (command.plot && status == STATUS_OK)
		status = draw(command.plot, points);
	munmap(command.from, 2 * SIZE_MAX_BYTES);
	return status;
}
