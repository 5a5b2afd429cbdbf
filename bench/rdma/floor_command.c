/* SPDX-License-Identifier: Apache-2.0 */
/* verbena-bench floor rdma */
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/commands.h"
#include "bench/distribution.h"
#include "bench/plot.h"
#include "bench/rdma/address.h"
#include "bench/rdma/floor.h"

#define TABLE_SECONDS  0.5
/* Of each line of the table: a slow emulated device makes few calls in its time. */
#define TABLE_WARMUP   100u
#define WINDOW_DEFAULT 64u
#define BATCH_DEFAULT  32u

enum { OPTION_ADDRESS = 512, OPTION_PATTERN, OPTION_WINDOW, OPTION_BATCH, OPTION_SERVER_CPU };

struct rdma_command {
	struct rdma_floor_options floor;
	struct rdma_place place;
	bool one;	 /* a pattern or size was asked for */
	bool has_window; /* and so on */
	bool has_batch;
};

static const struct argp_option option_list[] = {
	{"address", OPTION_ADDRESS, "IP", 0,
	 "The device that has this IPv4 address (default: the first active one)", 1},
	{"pattern", OPTION_PATTERN, "NAME", 0,
	 "Only send (there and back), stream (SENDs one way), push (SEND there; WRITE and SEND "
	 "back), pull (SEND, READ by the other end, SEND), write or read (one, to its completion)",
	 1},
	{"size", 'b', "N", 0, "Payloads of N bytes (default 32)", 1},
	{"window", OPTION_WINDOW, "N", 0,
	 "Messages under way, of send and stream (default 1; of stream 64)", 1},
	{"batch", OPTION_BATCH, "N", 0,
	 "Messages posted behind one doorbell, at most half the window (default 32 of 64)", 1},
	{"server-cpu", OPTION_SERVER_CPU, "N", 0, "Keep the answering process on CPU N", 11},
	{0},
};

static enum rdma_pattern parse_pattern(const struct argp_state *state, const char *text)
{
	unsigned i;

	for (i = 0; i < RDMA_PATTERNS; i++) {
		if (strcmp(text, rdma_pattern_names[i]) == 0)
			return (enum rdma_pattern)i;
	}
	argp_error(state, "--pattern '%s' is none of send, stream, push, pull, write, read", text);
	return RDMA_SEND;
}

static unsigned parse_many(const struct argp_state *state, const char *what, const char *text,
			   unsigned max)
{
	unsigned n = (unsigned)parse_count(state, what, text, max);

	if (n == 0)
		argp_error(state, "%s must be at least 1", what);
	return n;
}

/* What the options mean together. */
static void settle(struct rdma_command *command, const struct argp_state *state)
{
	struct rdma_floor_options *floor = &command->floor;
	bool windowed = floor->pattern == RDMA_SEND || floor->pattern == RDMA_STREAM;

	if (!windowed && (command->has_window || command->has_batch))
		argp_error(state, "--pattern %s is one after the other: no --window, --batch",
			   rdma_pattern_names[floor->pattern]);
	if (!command->has_window)
		floor->window = floor->pattern == RDMA_STREAM ? WINDOW_DEFAULT : 1;
	if (!command->has_batch)
		floor->batch = BATCH_DEFAULT;
	if (floor->batch > (floor->window + 1) / 2) {
		if (command->has_batch)
			argp_error(state, "--batch %u is above half the window of %u", floor->batch,
				   floor->window);
		floor->batch = (floor->window + 1) / 2;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct rdma_command *command = state->input;
	struct rdma_floor_options *floor = &command->floor;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &floor->client;
		break;
	case OPTION_ADDRESS:
		floor->address = arg;
		break;
	case OPTION_PATTERN:
		floor->pattern = parse_pattern(state, arg);
		command->one = true;
		break;
	case 'b':
		floor->size = parse_size(state, "--size", arg, RDMA_SIZE_MAX);
		command->one = true;
		if (floor->size == 0)
			argp_error(state, "--size must be at least 1");
		break;
	case OPTION_WINDOW:
		floor->window = parse_many(state, "--window", arg, LINK_WINDOW_MAX);
		command->one = command->has_window = true;
		break;
	case OPTION_BATCH:
		floor->batch = parse_many(state, "--batch", arg, LINK_BATCH_MAX);
		command->one = command->has_batch = true;
		break;
	case OPTION_SERVER_CPU:
		floor->server_cpu = parse_cpu(state, arg);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is one word too many", arg);
		break;
	case ARGP_KEY_END:
		settle(command, state);
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
	.doc = "What no RPC over verbs can beat: the same SENDs, WRITEs and READs between two "
	       "processes that wait as the runtime waits, with nothing around them.\v"
	       "--wait adaptive means spin here; --wait sleep sleeps on a completion channel. "
	       "Without --pattern, --size, --window and --batch there is a table.",
	.children = children,
};

/* ---- The table ---- */

struct line {
	const char *text;
	enum rdma_pattern pattern;
	uint64_t size;
	unsigned window;
	unsigned batch;
	bool asleep; /* part of the table of --wait sleep */
};

static const struct line lines[] = {
	{"SEND there and back", RDMA_SEND, 32, 1, 1, true},
	{"SEND there and back", RDMA_SEND, 256, 1, 1, false},
	{"SEND there and back", RDMA_SEND, 4096, 1, 1, false},
	{"SEND there and back", RDMA_SEND, 65536, 1, 1, false},
	{"64 under way, 1 a doorbell", RDMA_SEND, 32, 64, 1, false},
	{"64 under way, 32 a doorbell", RDMA_SEND, 32, 64, 32, false},
	{"one way, 1 a doorbell", RDMA_STREAM, 32, 64, 1, false},
	{"one way, 8 a doorbell", RDMA_STREAM, 32, 64, 8, false},
	{"one way, 32 a doorbell", RDMA_STREAM, 32, 64, 32, false},
	{"SEND; WRITE and SEND back", RDMA_PUSH, 4096, 1, 1, false},
	{"SEND; WRITE and SEND back", RDMA_PUSH, 65536, 1, 1, false},
	{"SEND; WRITE and SEND back", RDMA_PUSH, 1 << 20, 1, 1, false},
	{"SEND; READ by server; SEND back", RDMA_PULL, 4096, 1, 1, false},
	{"SEND; READ by server; SEND back", RDMA_PULL, 65536, 1, 1, false},
	{"SEND; READ by server; SEND back", RDMA_PULL, 1 << 20, 1, 1, false},
	{"one WRITE", RDMA_WRITE, 4096, 1, 1, false},
	{"one WRITE", RDMA_WRITE, 65536, 1, 1, false},
	{"one WRITE", RDMA_WRITE, 1 << 20, 1, 1, false},
	{"one READ", RDMA_READ, 4096, 1, 1, false},
	{"one READ", RDMA_READ, 65536, 1, 1, false},
	{"one READ", RDMA_READ, 1 << 20, 1, 1, false},
};

#define LINES (sizeof(lines) / sizeof(lines[0]))

static void print_line(const struct line *line, const struct run *run)
{
	char text[3][RUN_NAME_MAX];

	printf("%-32s %10llu", line->text, (unsigned long long)line->size);
	printf(" %10s %10s %10s", run_format_ns(run->ns[RUN_P50], text[0]),
	       run_format_ns(run->ns[RUN_P99], text[1]), run_format_ns(run->ns[RUN_MEAN], text[2]));
	printf(" %12.0f\n", run->calls_per_second);
	fflush(stdout);
}

/* The round trips and the one-sided operations, each over its sizes. */
static int plot_table(const char *path, const struct run *runs, unsigned n)
{
	static const struct {
		const char *title;
		enum rdma_pattern pattern;
	} curves[] = {
		{"SEND there and back", RDMA_SEND},
		{"SEND; WRITE and SEND back", RDMA_PUSH},
		{"SEND; READ; SEND back", RDMA_PULL},
		{"one WRITE", RDMA_WRITE},
		{"one READ", RDMA_READ},
	};
	static double x[RDMA_PATTERNS][LINES], y[RDMA_PATTERNS][LINES];
	struct plot_series series[sizeof(curves) / sizeof(curves[0])];
	const struct plot plot = {
		.title = "Floors over verbs",
		.x_label = "bytes",
		.y_label = "ns",
		.log_x = true,
		.log_y = true,
		.series = series,
		.n_series = sizeof(series) / sizeof(series[0]),
	};
	unsigned i, j;

	for (i = 0; i < plot.n_series; i++) {
		unsigned count = 0;

		for (j = 0; j < n; j++) {
			if (lines[j].pattern != curves[i].pattern || lines[j].window != 1)
				continue;
			x[i][count] = (double)runs[j].size;
			y[i][count++] = runs[j].ns[RUN_P50];
		}
		series[i] = (struct plot_series){
			.title = curves[i].title, .x = x[i], .y = y[i], .n = count};
	}
	return plot_write(path, &plot);
}

static int draw_table(const struct client_options *client, const struct run *runs, unsigned n)
{
	unsigned i;

	for (i = 0; i < client->n_plots; i++) {
		if (plot_table(client->plots[i], runs, n) < 0) {
			plot_complain(client->plots[i]);
			return STATUS_FAILED;
		}
	}
	return STATUS_OK;
}

/* In a process of its own: this one never opens the device, so that the next can fork. */
static int measure_apart(const struct rdma_floor_options *options, struct run *ret_run)
{
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		if (rdma_floor_measure(options, ret_run) < 0 ||
		    write(fds[1], ret_run, sizeof(*ret_run)) != sizeof(*ret_run))
			_exit(STATUS_FAILED);
		_exit(STATUS_OK);
	}
	close(fds[1]);
	/* Less than a pipe holds, so it comes in one piece. */
	n = pid < 0 ? -1 : read(fds[0], ret_run, sizeof(*ret_run));
	close(fds[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return n == sizeof(*ret_run) ? 0 : -1;
}

_Static_assert(sizeof(struct run) <= PIPE_BUF, "a run goes through a pipe in one piece");

static int table(struct rdma_command *command)
{
	static struct run runs[LINES];
	struct client_options *client = &command->floor.client;
	unsigned n = 0, i;
	int status;

	if (!client->plan.calls)
		client->plan.seconds = TABLE_SECONDS;
	client->plan.warmup = TABLE_WARMUP;
	printf("%-32s %10s %10s %10s %10s %12s\n", "", "bytes", "p50", "p99", "mean", "a second");
	for (i = 0; i < LINES; i++) {
		struct rdma_floor_options options = command->floor;

		/* A sleeping floor says what waking costs: one line is enough. */
		if (client->wait == WAIT_SLEEP && !lines[i].asleep)
			continue;
		options.pattern = lines[i].pattern;
		options.size = lines[i].size;
		options.window = lines[i].window;
		options.batch = lines[i].batch;
		if (measure_apart(&options, &runs[n]) < 0)
			return STATUS_FAILED;
		print_line(&lines[i], &runs[n++]);
	}
	status = n == LINES ? draw_table(client, runs, n) : STATUS_OK;
	return status == STATUS_OK ? options_save(client, runs, n) : status;
}

/* ---- One ---- */

static int one(struct rdma_command *command)
{
	const struct client_options *client = &command->floor.client;
	struct run run;
	unsigned i;

	if (rdma_floor_measure(&command->floor, &run) < 0)
		return STATUS_FAILED;
	if (!client->json || strcmp(client->json, "-") != 0)
		run_print(&run, stdout);
	for (i = 0; i < client->n_plots; i++) {
		if (distribution_plot(client->plots[i], &run) < 0) {
			plot_complain(client->plots[i]);
			return STATUS_FAILED;
		}
	}
	return options_save(client, &run, 1);
}

int command_floor_rdma(int argc, char **argv)
{
	struct rdma_command command = {
		.floor = {.size = RDMA_SMALL, .server_cpu = -1},
	};

	client_options_init(&command.floor.client);
	command.floor.client.wait = WAIT_SPIN;
	options_parse(&argp, argc, argv, &command);
	if (!command.floor.address) {
		if (rdma_place_get(NULL, &command.place) < 0)
			return STATUS_FAILED;
		command.floor.address = command.place.address;
	}
	return command.one ? one(&command) : table(&command);
}
