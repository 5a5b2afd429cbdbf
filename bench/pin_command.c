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
#include "bench/rdma/address.h"
#include "bench/rdma/registrar.h"
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

enum { OPTION_ROUNDS = 256, OPTION_CPU, OPTION_JSON, OPTION_PLOT, OPTION_ADDRESS };

struct pin_command {
	unsigned rounds;
	int cpu;
	const char *json;
	const char *plot;
	const char *address;	     /* of the device; NULL: the first active one, if any */
	struct registrar *registrar; /* NULL: no device */
	uint8_t *from;
	uint8_t *to;
	double us[PIN_WAYS][POINTS][ROUNDS_MAX];
};

static const struct {
	const char *text; /* in the table and the plot */
	const char *key;  /* in JSON */
	const char *crossing;
	const char *verb;
} ways[PIN_WAYS] = {
	[PIN_COPY] = {"memcpy", "memcpy_us", NULL, "copying"},
	[PIN_LOCK] = {"mlock + munlock", "mlock_munlock_us", "crossing_bytes", "pinning"},
	[PIN_REGISTER] = {"reg_mr + dereg_mr", "reg_dereg_us", "register_crossing_bytes",
			  "registering"},
};

static const struct argp_option option_list[] = {
	{"rounds", OPTION_ROUNDS, "N", 0, "Measure each size N times, in turn (default 5)", 0},
	{"cpu", OPTION_CPU, "N", 0, "Run on CPU N", 0},
	{"address", OPTION_ADDRESS, "IP", 0,
	 "Register with the RDMA device that has this IPv4 address (default: the first active one, "
	 "if there is one)",
	 0},
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
	case OPTION_ADDRESS:
		command->address = arg;
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
	.doc = "Copy or pin? The cost of memcpy against mlock and munlock of the same memory, and "
	       "against registering it with an RDMA device and taking it back where there is one, "
	       "from 64 bytes to 16 MiB.\v"
	       "A network card can read a caller's buffer where it lies if its pages are pinned; "
	       "this shows from which size on pinning for one transfer is cheaper than copying "
	       "into memory that is pinned already.",
};

/* ---- The device ---- */

/* Without one, the rest is measured. -1: a device was asked for and is not to be had. */
static int device_open(struct pin_command *command)
{
#ifdef HAVE_VERBS
	static struct rdma_place place;

	if (!command->address && rdma_place_find(RDMA_SYSFS, NULL, &place) == 0)
		command->address = place.address;
	if (!command->address)
		return 0;
	command->registrar = registrar_open(command->address);
	if (command->registrar)
		return 0;
	warn("pin: no RDMA device with the address %s", command->address);
	return -1;
#else
	if (!command->address)
		return 0;
	warnx("pin: built without libibverbs and librdmacm, so no --address");
	return -1;
#endif
}

static void device_close(struct pin_command *command)
{
#ifdef HAVE_VERBS
	registrar_close(command->registrar);
#else
	(void)command;
#endif
}

/* ---- Measuring ---- */

static int lock_cycle(const struct pin_command *command, uint64_t size)
{
	return mlock(command->from, size) < 0 ? -1 : munlock(command->from, size);
}

static int register_cycle(const struct pin_command *command, uint64_t size)
{
#ifdef HAVE_VERBS
	if (command->registrar)
		return registrar_cycle(command->registrar, command->from, size);
#endif
	(void)command;
	(void)size;
	return -1;
}

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

/* NAN: the system refuses so much, or there is no device. */
static double cycle_us(const struct pin_command *command, uint64_t size,
		       int (*cycle)(const struct pin_command *, uint64_t))
{
	uint64_t start = monotonic_ns();

	histogram_clear(&histogram);
	while (monotonic_ns() - start < POINT_NS) {
		uint64_t before = ticks_now();

		if (cycle(command, size) < 0)
			return NAN;
		histogram_add(&histogram, ticks_now() - before);
	}
	return histogram_quantile(&histogram, 0.5) * ticks_ns() / 1e3;
}

static void measure_point(struct pin_command *command, unsigned i, unsigned round, uint64_t size)
{
	command->us[PIN_COPY][i][round] = copy_us(command, size);
	command->us[PIN_LOCK][i][round] = cycle_us(command, size, lock_cycle);
	command->us[PIN_REGISTER][i][round] = cycle_us(command, size, register_cycle);
}

static void measure(struct pin_command *command, struct pin_point *points)
{
	unsigned round, i, way;

	for (round = 0; round < command->rounds; round++) {
		for (i = 0; i < POINTS; i++) {
			progress_show((double)(round * POINTS + i) / (command->rounds * POINTS),
				      "copy or pin: %llu bytes",
				      (unsigned long long)points[i].size);
			measure_point(command, i, round, points[i].size);
		}
	}
	progress_clear();
	for (i = 0; i < POINTS; i++) {
		for (way = 0; way < PIN_WAYS; way++) {
			double *us = command->us[way][i];
			bool refused = isnan(us[command->rounds - 1]);

			points[i].us[way] = refused ? NAN : median(us, command->rounds);
		}
	}
}

/* ---- Telling ---- */

static unsigned ways_measured(const struct pin_command *command)
{
	return command->registrar ? PIN_WAYS : PIN_REGISTER;
}

static void print_verdict(const struct pin_point *points, unsigned way)
{
	double crossing = pin_crossing(points, POINTS, way);
	const struct pin_point *last = &points[POINTS - 1];

	if (!isnan(crossing)) {
		printf("The lines of memcpy and %s cross at about %.0f bytes: from there %s is "
		       "cheaper.\n",
		       ways[way].text, crossing, ways[way].verb);
		return;
	}
	while (last > points && isnan(last->us[way]))
		last--;
	if (isnan(last->us[way]))
		printf("Nothing could be pinned by %s: ulimit -l is too small.\n", ways[way].text);
	else
		printf("The lines of memcpy and %s do not cross: at %llu bytes %s still costs "
		       "%.1f copies.\n",
		       ways[way].text, (unsigned long long)last->size, ways[way].verb,
		       last->us[way] / last->us[PIN_COPY]);
}

static void print_table(const struct pin_command *command, const struct pin_point *points)
{
	unsigned n = ways_measured(command), i, way;
	bool refused = false;

	printf("%12s %14s", "us of bytes", ways[PIN_COPY].text);
	for (way = PIN_LOCK; way < n; way++)
		printf(" %18s %10s", ways[way].text, "x memcpy");
	putchar('\n');
	for (i = 0; i < POINTS; i++) {
		const double *us = points[i].us;

		printf("%12llu %14.4f", (unsigned long long)points[i].size, us[PIN_COPY]);
		for (way = PIN_LOCK; way < n; way++) {
			if (isnan(us[way]))
				printf(" %18s %10s", "refused", "-");
			else
				printf(" %18.2f %10.*f", us[way], us[way] < us[PIN_COPY] ? 2 : 1,
				       us[way] / us[PIN_COPY]);
			refused |= isnan(us[way]);
		}
		putchar('\n');
	}
	if (refused)
		printf("refused: above what 'ulimit -l' lets this user lock\n");
#ifdef HAVE_VERBS
	if (command->registrar)
		printf("device: %s\n", registrar_device(command->registrar));
#endif
	putchar('\n');
	for (way = PIN_LOCK; way < n; way++)
		print_verdict(points, way);
}

static void set_real(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, isnan(value) ? json_null() : json_real(value));
}

static int save_json(const char *path, const struct pin_command *command,
		     const struct pin_point *points)
{
	json_t *root = json_object(), *list = json_array();
	unsigned n = ways_measured(command), i, way;
	int result;

	for (i = 0; i < POINTS; i++) {
		json_t *point = json_object();

		json_object_set_new(point, "size", json_integer((json_int_t)points[i].size));
		for (way = 0; way < n; way++)
			set_real(point, ways[way].key, points[i].us[way]);
		json_array_append_new(list, point);
	}
	json_object_set_new(root, "points", list);
	for (way = PIN_LOCK; way < n; way++)
		set_real(root, ways[way].crossing, pin_crossing(points, POINTS, way));
	result = strcmp(path, "-") == 0 ? json_dumpf(root, stdout, JSON_INDENT(2))
					: json_dump_file(root, path, JSON_INDENT(2));
	json_decref(root);
	if (result < 0)
		warn("cannot write %s", path);
	return result < 0 ? STATUS_FAILED : STATUS_OK;
}

/* The title names the crossing of the last way: of a device, where there is one. */
static int draw(const char *path, const struct pin_command *command, const struct pin_point *points)
{
	double x[POINTS], y[PIN_WAYS][POINTS];
	struct plot_series series[PIN_WAYS];
	unsigned n = ways_measured(command), i, way;
	double crossing = pin_crossing(points, POINTS, n - 1);
	char title[128];
	const struct plot plot = {
		.title = title,
		.x_label = "bytes",
		.y_label = "us",
		.log_x = true,
		.log_y = true,
		.series = series,
		.n_series = n,
	};

	if (isnan(crossing))
		snprintf(title, sizeof(title), "Copy or pin: memcpy and %s do not cross",
			 ways[n - 1].text);
	else
		snprintf(title, sizeof(title), "Copy or pin: memcpy and %s cross at %.0f bytes",
			 ways[n - 1].text, crossing);
	for (way = 0; way < n; way++) {
		for (i = 0; i < POINTS; i++) {
			x[i] = (double)points[i].size;
			y[way][i] = points[i].us[way];
		}
		series[way] = (struct plot_series){
			.title = ways[way].text, .x = x, .y = y[way], .n = POINTS};
	}
	if (plot_write(path, &plot) == 0)
		return STATUS_OK;
	plot_complain(path);
	return STATUS_FAILED;
}

static int memory_open(struct pin_command *command)
{
	uint8_t *memory = mmap(NULL, 2 * SIZE_MAX_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -1;
	/* A buffer of a call lies in pages of 4 KiB as a rule; huge ones are pinned 512 at a time.
	 * A kernel that has none refuses. */
	if (madvise(memory, 2 * SIZE_MAX_BYTES, MADV_NOHUGEPAGE) < 0 && errno != EINVAL) {
		munmap(memory, 2 * SIZE_MAX_BYTES);
		return -1;
	}
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
	if (device_open(&command) < 0)
		return STATUS_FAILED;
	for (i = 1; i < POINTS; i++)
		points[i].size = points[i - 1].size * STEP;
	measure(&command, points);
	if (!command.json || strcmp(command.json, "-") != 0)
		print_table(&command, points);
	if (command.json)
		status = save_json(command.json, &command, points);
	if (command.plot && status == STATUS_OK)
		status = draw(command.plot, &command, points);
	device_close(&command);
	munmap(command.from, 2 * SIZE_MAX_BYTES);
	return status;
}
