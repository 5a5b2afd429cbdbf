/* SPDX-License-Identifier: Apache-2.0 */
/* verbena-bench floor, and of it all but floor rdma */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/commands.h"
#include "bench/distribution.h"
#include "bench/floor.h"
#include "bench/plot.h"
#include "bench/tcp_echo.h"

/* Above this a call takes so long that a few hundred say it all. */
#define CALLS_LARGE	 200u
#define CALLS_LARGE_FROM (1u << 20)
#define TABLE_SECONDS	 0.5

enum { OPTION_SERVER_CPU = 512, OPTION_PAUSE };

struct floor_command {
	struct floor_options floor;
	bool tcp; /* else shm */
	bool one_size;
};

static const uint64_t sizes[] = {32, 4096, 65536, 1 << 20, 16 << 20};

static const struct argp_option option_list[] = {
	{"size", 'b', "N", 0,
	 "Only payloads of N bytes each way; in shared memory 32 goes through a line, any other is "
	 "copied once each way and read in place (default: a table of sizes, and memcpy)",
	 1},
	{"server-cpu", OPTION_SERVER_CPU, "N", 0, "Keep the answering process on CPU N", 11},
	{"pause", OPTION_PAUSE, NULL, 0,
	 "Execute PAUSE between two looks, which the runtime does not", 11},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct floor_command *command = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &command->floor.client;
		break;
	case 'b':
		command->floor.size = parse_size(state, "--size", arg, FLOOR_SIZE_MAX);
		command->one_size = true;
		if (command->floor.size == 0)
			argp_error(state, "--size must be at least 1");
		break;
	case OPTION_PAUSE:
		command->floor.pause = true;
		break;
	case OPTION_SERVER_CPU:
		command->floor.server_cpu = parse_cpu(state, arg);
		break;
	case ARGP_KEY_ARG:
		if (strcmp(arg, "rdma") == 0)
			argp_error(state, "rdma comes first: verbena-bench floor rdma ...");
		command->tcp = strcmp(arg, "tcp") == 0;
		if (!command->tcp && strcmp(arg, "shm") != 0)
			argp_error(state, "no floor '%s'; there are: shm, tcp, rdma", arg);
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which floor? there are: shm, tcp, rdma");
		break;
	case ARGP_KEY_END:
		if (command->tcp && command->floor.pause)
			argp_error(state, "--pause is of floor shm");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = {{&client_argp, 0, "", 0}, {0}};
static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "shm|tcp",
	.doc = "What no RPC over shared memory, or over TCP, can beat: bytes moved between two "
	       "processes that wait as the runtime waits, with nothing around them.\v"
	       "--wait adaptive means spin here. --wait sleep uses eventfds, over TCP reads that "
	       "block; keep both sides on "
	       "one CPU then, or the wake-up of a halted CPU is all that is measured. "
	       "'verbena-bench floor rdma --help' tells of the floor over verbs.",
	.children = children,
};

static int measure_one(const struct floor_command *command, const struct floor_options *options,
		       struct run *ret_run)
{
	int result = command->tcp ? tcp_echo_measure(options, ret_run)
				  : floor_measure(options, ret_run);

	if (result == 0)
		return 0;
	warn("%llu bytes", (unsigned long long)options->size);
	return -1;
}

static void print_memcpy(void)
{
	size_t i;

	printf("\nmemcpy in one process\n%12s %12s\n", "bytes", "GB/s");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		printf("%12llu %12.1f\n", (unsigned long long)sizes[i], floor_memcpy(sizes[i]));
}

static int plot_table(const char *path, bool tcp, const struct run *runs, unsigned n)
{
	double x[sizeof(sizes) / sizeof(sizes[0])], y[sizeof(sizes) / sizeof(sizes[0])];
	const struct plot_series series = {.title = "p50", .x = x, .y = y, .n = n};
	const struct plot plot = {
		.title = tcp ? "Floor of a round trip over TCP"
			     : "Floor of a round trip over shared memory",
		.x_label = "bytes each way",
		.y_label = "ns",
		.log_x = true,
		.log_y = true,
		.series = &series,
		.n_series = 1,
	};
	unsigned i;

	for (i = 0; i < n; i++) {
		x[i] = (double)runs[i].size;
		y[i] = runs[i].ns[RUN_P50];
	}
	return plot_write(path, &plot);
}

static int floor_table(struct floor_command *command)
{
	struct run runs[sizeof(sizes) / sizeof(sizes[0])];
	unsigned n = sizeof(sizes) / sizeof(sizes[0]), i;
	char text[4][RUN_NAME_MAX];

	/* A sleeping floor says what waking costs: one size is enough. */
	if (command->floor.client.wait == WAIT_SLEEP)
		n = 1;
	printf("%12s %10s %10s %10s %10s\n", "bytes", "p50", "block p50", "p99", "mean");
	for (i = 0; i < n; i++) {
		struct floor_options options = command->floor;

		options.size = sizes[i];
		if (sizes[i] >= CALLS_LARGE_FROM)
			options.client.plan = (struct measure){
				.calls = CALLS_LARGE, .warmup = 10, .progress = true};
		if (measure_one(command, &options, &runs[i]) < 0)
			return STATUS_FAILED;
		printf("%12llu %10s %10s %10s %10s\n", (unsigned long long)sizes[i],
		       run_format_ns(runs[i].ns[RUN_P50], text[0]),
		       run_format_ns(runs[i].ns[RUN_BLOCK], text[1]),
		       run_format_ns(runs[i].ns[RUN_P99], text[2]),
		       run_format_ns(runs[i].ns[RUN_MEAN], text[3]));
	}
	if (command->floor.client.wait != WAIT_SLEEP && !command->tcp)
		print_memcpy();
	for (i = 0; i < command->floor.client.n_plots; i++) {
		if (plot_table(command->floor.client.plots[i], command->tcp, runs, n) < 0) {
			plot_complain(command->floor.client.plots[i]);
			return STATUS_FAILED;
		}
	}
	return options_save(&command->floor.client, runs, n);
}

/* The floor over verbs takes other options. */
static int command_rdma(int argc, char **argv)
{
#ifdef HAVE_VERBS
	return command_floor_rdma(argc, argv);
#else
	(void)argc;
	(void)argv;
	warnx("floor rdma: built without libibverbs and librdmacm (Debian: libibverbs-dev, "
	      "librdmacm-dev); install them and configure again");
	return STATUS_FAILED;
#endif
}

static int command_shm(int argc, char **argv)
{
	struct floor_command command = {
		.floor = {.size = FLOOR_LINE_BYTES, .server_cpu = -1},
	};
	struct run run;

	client_options_init(&command.floor.client);
	command.floor.client.wait = WAIT_SPIN;
	options_parse(&argp, argc, argv, &command);
	if (!command.one_size) {
		if (!command.floor.client.plan.calls)
			command.floor.client.plan.seconds = TABLE_SECONDS;
		return floor_table(&command);
	}
	if (measure_one(&command, &command.floor, &run) < 0)
		return STATUS_FAILED;
	if (!command.floor.client.json || strcmp(command.floor.client.json, "-") != 0)
		run_print(&run, stdout);
	for (unsigned i = 0; i < command.floor.client.n_plots; i++) {
		if (distribution_plot(command.floor.client.plots[i], &run) < 0) {
			plot_complain(command.floor.client.plots[i]);
			return STATUS_FAILED;
		}
	}
	return options_save(&command.floor.client, &run, 1);
}

int command_floor(int argc, char **argv)
{
	static char rdma[] = "verbena-bench floor rdma";

	if (argc < 2 || strcmp(argv[1], "rdma") != 0)
		return command_shm(argc, argv);
	argv[1] = rdma;
	return command_rdma(argc - 1, argv + 1);
}
