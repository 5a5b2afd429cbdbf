/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/options.h"

#include <err.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cpu.h"
#include "bench/plot.h"
#include "bench/progress.h"

/* More would not end today. */
#define CALLS_MAX	(UINT64_C(1) << 40)
#define SECONDS_MAX	86400.0
#define SECONDS_DEFAULT 3.0
/* Enough to fault pages in, fill caches and let a waiting peer spin. */
#define WARMUP_DEFAULT	UINT64_C(10000)
#define CPU_MAX		4095

enum { OPTION_WARMUP = 256, OPTION_WAIT, OPTION_CPU, OPTION_JSON, OPTION_PLOT, OPTION_PROGRESS };

struct unit {
	const char *suffix;
	unsigned shift;
};

static const struct unit units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};

/* A whole number at the start of TEXT; *RET_REST is behind it. */
static bool parse_number(const char *text, const char **ret_rest, uint64_t *ret_value)
{
	char *rest;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret_value = strtoull(text, &rest, 10);
	*ret_rest = rest;
	return errno == 0;
}

uint64_t parse_size(const struct argp_state *state, const char *what, const char *text,
		    uint64_t max)
{
	const char *rest;
	uint64_t value;
	size_t i;

	if (!parse_number(text, &rest, &value))
		goto bad;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(rest, units[i].suffix) != 0)
			continue;
		if (value > max >> units[i].shift)
			argp_error(state, "%s '%s' is above %llu bytes", what, text,
				   (unsigned long long)max);
		return value << units[i].shift;
	}
bad:
	argp_error(state, "%s '%s' is not a size; write it as 4096, 4KiB or 1MiB", what, text);
	return 0;
}

uint64_t parse_count(const struct argp_state *state, const char *what, const char *text,
		     uint64_t max)
{
	const char *rest;
	uint64_t value = 0;

	if (!parse_number(text, &rest, &value) || *rest)
		argp_error(state, "%s '%s' is not a whole number", what, text);
	if (value > max)
		argp_error(state, "%s %s is above %llu", what, text, (unsigned long long)max);
	return value;
}

double parse_seconds(const struct argp_state *state, const char *text)
{
	char *rest;
	double value = strtod(text, &rest);

	if (rest == text || *rest || !isfinite(value) || value <= 0 || value > SECONDS_MAX)
		argp_error(state, "--seconds '%s' is not a time above 0 and at most %g", text,
			   SECONDS_MAX);
	return value;
}

int parse_cpu(const struct argp_state *state, const char *text)
{
	return (int)parse_count(state, "--cpu", text, CPU_MAX);
}

enum wait_mode parse_wait(const struct argp_state *state, const char *text)
{
	unsigned i;

	for (i = 0; i < WAIT_MODES; i++) {
		if (strcmp(text, wait_mode_names[i]) == 0)
			return (enum wait_mode)i;
	}
	argp_error(state, "--wait '%s' is none of spin, adaptive, sleep", text);
	return WAIT_ADAPTIVE;
}

const char *parse_plot(const struct argp_state *state, const char *text)
{
	if (!plot_path_ok(text))
		argp_error(state,
			   "--plot '%s' ends with none of .png, .svg, .txt, and is not '-' "
			   "(standard output)",
			   text);
	return text;
}

static const struct argp_option client_option_list[] = {
	{"calls", 'n', "N", 0, "Time N calls", 10},
	{"seconds", 's', "S", 0, "Time calls for S seconds (default 3)", 10},
	{"warmup", OPTION_WARMUP, "N", 0, "Calls before, not timed (default 10000)", 10},
	{"wait", OPTION_WAIT, "HOW", 0, "Wait for the answer by spin, adaptive or sleep", 11},
	{"cpu", OPTION_CPU, "N", 0, "Keep this side on CPU N", 11},
	{"json", OPTION_JSON, "FILE", 0, "Write the result as JSON ('-': standard output)", 12},
	{"plot", OPTION_PLOT, "FILE", 0,
	 "Draw it into FILE (.png, .svg, .txt; '-': with characters, here); may be repeated", 12},
	{"progress", OPTION_PROGRESS, NULL, 0,
	 "Show progress even if standard error is not a terminal", 12},
	{0},
};

static error_t client_parse(int key, char *arg, struct argp_state *state)
{
	struct client_options *options = state->input;

	switch (key) {
	case 'n':
		options->plan.calls = parse_count(state, "--calls", arg, CALLS_MAX);
		if (options->plan.calls == 0)
			argp_error(state, "--calls must be at least 1");
		break;
	case 's':
		options->plan.seconds = parse_seconds(state, arg);
		break;
	case OPTION_WARMUP:
		options->plan.warmup = parse_count(state, "--warmup", arg, CALLS_MAX);
		break;
	case OPTION_WAIT:
		options->wait = parse_wait(state, arg);
		break;
	case OPTION_CPU:
		options->cpu = parse_cpu(state, arg);
		break;
	case OPTION_JSON:
		options->json = arg;
		break;
	case OPTION_PLOT:
		if (options->n_plots == PLOTS_MAX)
			argp_error(state, "--plot is given more than %d times", PLOTS_MAX);
		options->plots[options->n_plots++] = parse_plot(state, arg);
		break;
	case OPTION_PROGRESS:
		progress_always();
		break;
	case ARGP_KEY_END:
		if (options->plan.calls && options->plan.seconds > 0)
			argp_error(state, "--calls and --seconds exclude each other");
		if (!options->plan.calls && !(options->plan.seconds > 0))
			options->plan.seconds = SECONDS_DEFAULT;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp client_argp = {.options = client_option_list, .parser = client_parse};

void client_options_init(struct client_options *options)
{
	*options = (struct client_options){
		.plan = {.warmup = WARMUP_DEFAULT, .progress = true},
		.cpu = -1,
		.wait = WAIT_ADAPTIVE,
	};
}

void options_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	argp_err_exit_status = STATUS_USAGE;
	if (argp_parse(argp, argc, argv, 0, NULL, input) != 0)
		exit(STATUS_USAGE);
}

int options_save(const struct client_options *options, const struct run *runs, unsigned n_runs)
{
	if (!options->json || run_save(options->json, runs, n_runs) == 0)
		return STATUS_OK;
	warn("cannot write %s", options->json);
	return STATUS_FAILED;
}

void plot_complain(const char *path)
{
	if (errno == ENOENT)
		warnx("no plot %s: gnuplot is missing (Debian: gnuplot-nox)", path);
	else
		warn("no plot %s", path);
}
