/* SPDX-License-Identifier: Apache-2.0 */
/* verbena-bench compare */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/child.h"
#include "bench/commands.h"
#include "bench/comparison.h"
#include "bench/cpu.h"
#include "bench/machine.h"
#include "bench/plot.h"
#include "bench/progress.h"
#include "bench/ticks.h"

#define ROUNDS_QUICK 3u
/* --quick makes so many times fewer calls. */
#define QUICK_SHARE  10u
#define CALLS_LEAST  50u
/* Others at work on the same CPUs make a round worthless. */
#define LOAD_WARNING 1.0

enum {
	OPTION_ROUNDS = 256,
	OPTION_QUICK,
	OPTION_OUTPUT,
	OPTION_PROGRESS,
	OPTION_ONLY,
	OPTION_REALTIME,
	OPTION_ADDRESS
};

struct compare_command {
	unsigned rounds;
	bool quick;
	bool realtime;
	const char *only;    /* a group's name; NULL: all */
	const char *address; /* of the device; NULL: the first active one */
	struct scene scene;
	const char *output;
};

static const struct argp_option option_list[] = {
	{"rounds", OPTION_ROUNDS, "N", 0,
	 "Go round N times (default 5; of rdma 15, with large payloads in every third)", 0},
	{"quick", OPTION_QUICK, NULL, 0, "Three rounds of a tenth of the calls", 0},
	{"only", OPTION_ONLY, "GROUP", 0,
	 "Only one group: '32 B', '32 B asleep', '4 KiB', '64 KiB' or '1 MiB'; of rdma '32 B', "
	 "'32 B asleep', '32 B rate', '4 KiB out', '64 KiB out', '1 MiB out', '64 KiB in' or "
	 "'1 MiB in'",
	 0},
	{"address", OPTION_ADDRESS, "IP", 0,
	 "rdma: the device that has this IPv4 address (default: the first active one)", 0},
	{"output", OPTION_OUTPUT, "DIRECTORY", 0,
	 "Where compare.txt, compare.json and compare.svg go, of rdma compare-rdma.txt and so on "
	 "(default: here)",
	 0},
	{"realtime", OPTION_REALTIME, NULL, 0,
	 "Run everything that is measured before all other programs (needs the right to)", 0},
	{"progress", OPTION_PROGRESS, NULL, 0,
	 "Show progress even if standard error is not a terminal", 0},
	{0},
};

static void check_group(const struct argp_state *state, const struct suite *suite, const char *name)
{
	unsigned group;

	for (group = 0; group < suite->n_groups; group++) {
		if (strcmp(suite->groups[group].name, name) == 0)
			return;
	}
	argp_error(state, "--only '%s' is no group of %s", name, suite->name);
}

static const struct suite *parse_suite(const struct argp_state *state, const char *name)
{
	if (strcmp(name, suite_rdma.name) == 0)
		return &suite_rdma;
	if (strcmp(name, suite_shm.name) != 0)
		argp_error(state, "'%s' is neither shm nor rdma", name);
	return &suite_shm;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct compare_command *command = state->input;

	switch (key) {
	case OPTION_ROUNDS:
		command->rounds = (unsigned)parse_count(state, "--rounds", arg, ROUNDS_MAX);
		if (command->rounds == 0)
			argp_error(state, "--rounds must be at least 1");
		break;
	case OPTION_QUICK:
		command->quick = true;
		break;
	case OPTION_ONLY:
		command->only = arg;
		break;
	case OPTION_OUTPUT:
		command->output = arg;
		break;
	case OPTION_REALTIME:
		command->realtime = true;
		break;
	case OPTION_PROGRESS:
		progress_always();
		break;
	case OPTION_ADDRESS:
		command->address = arg;
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_error(state, "'%s' is one word too many", arg);
		command->scene.suite = parse_suite(state, arg);
		break;
	case ARGP_KEY_END:
		if (command->only)
			check_group(state, command->scene.suite, command->only);
		if (command->rounds == 0)
			command->rounds = command->quick ? ROUNDS_QUICK
							 : command->scene.suite->rounds;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "[shm|rdma]",
	.doc = "Measures the floor, Verbena and the peers that are installed in turn, round after "
	       "round, and compares each with the floor of its own round.\v"
	       "Peers: UCX by ucx_perftest (Debian: ucx-utils), rpcgen and libtirpc (rpcsvc-proto, "
	       "libtirpc-dev, at build time), gRPC C++ (libgrpc++-dev, protobuf-compiler-grpc, "
	       "-Dbench_grpc=enabled). Over verbs: perftest, UCX, and sockets. Nothing else should "
	       "run on the machine meanwhile.",
};

static bool wanted(const struct compare_command *command, unsigned group)
{
	return !command->only ||
	       strcmp(command->only, command->scene.suite->groups[group].name) == 0;
}

static void note_missing(const struct compare_command *command, struct comparison *comparison)
{
	const struct suite *suite = command->scene.suite;
	unsigned group, subject;

	for (group = 0; group < suite->n_groups; group++) {
		for (subject = 0; subject < suite->groups[group].n_subjects; subject++)
			comparison->cells[group][subject].missing =
				wanted(command, group)
					? subject_missing(&suite->groups[group].subjects[subject])
					: "not asked for";
	}
}

static uint64_t calls_of(const struct compare_command *command, const struct group *group,
			 const struct subject *subject)
{
	uint64_t calls = group->calls;

	if (subject->calls_max && subject->calls_max < calls)
		calls = subject->calls_max;
	if (command->quick)
		calls /= QUICK_SHARE;

	return calls < CALLS_LEAST ? CALLS_LEAST : calls;
}

/* One subject that fails is left out of its round; the comparison goes on. */
static void run_round(const struct compare_command *command, struct comparison *comparison,
		      unsigned round, unsigned *failures)
{
	const struct suite *suite = command->scene.suite;
	unsigned group, subject;

	for (group = 0; group < suite->n_groups; group++) {
		const struct group *within = &suite->groups[group];

		if (within->every && round % within->every != 0)
			continue;
		for (subject = 0; subject < within->n_subjects; subject++) {
			struct comparison_cell *cell = &comparison->cells[group][subject];
			const struct subject *what = &within->subjects[subject];

			if (cell->missing)
				continue;
			progress_show((double)round / comparison->rounds, "round %u of %u: %s: %s",
				      round + 1, comparison->rounds, within->name, what->name);
			cell->ran[round] = subject_run(&command->scene, within, what,
						       calls_of(command, within, what),
						       &cell->runs[round]) == 0;
			*failures += !cell->ran[round];
		}
	}
}

static int output_path(const struct compare_command *command, const char *ending, char *ret_path)
{
	int length = snprintf(ret_path, PATH_MAX, "%s/compare%s.%s", command->output,
			      command->scene.suite->rdma ? "-rdma" : "", ending);

	if (length > 0 && length < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int save_text(const struct comparison *comparison, const char *path)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return -1;
	comparison_print(comparison, file);
	return fclose(file);
}

static int save(const struct compare_command *command, const struct comparison *comparison)
{
	char text[PATH_MAX], json[PATH_MAX], plot[PATH_MAX];

	if (output_path(command, "txt", text) < 0 || output_path(command, "json", json) < 0 ||
	    output_path(command, "svg", plot) < 0 || save_text(comparison, text) < 0 ||
	    comparison_save(comparison, json) < 0) {
		warn("cannot write into %s", command->output);
		return STATUS_FAILED;
	}
	printf("\ntable: %s\nJSON:  %s\n", text, json);
	if (comparison_plot(comparison, plot) < 0) {
		plot_complain(plot);
		return STATUS_FAILED;
	}
	printf("plot:  %s\n", plot);
	return STATUS_OK;
}

/* Finds the device that a suite over verbs needs. */
static int set_scene(struct compare_command *command)
{
	struct scene *scene = &command->scene;

	return scene->suite->rdma ? rdma_place_get(command->address, &scene->place) : 0;
}

int command_compare(int argc, char **argv)
{
	struct compare_command command = {.output = ".", .scene.suite = &suite_shm};
	struct comparison *comparison;
	unsigned round, failures = 0;
	int status = STATUS_FAILED;

	options_parse(&argp, argc, argv, &command);
	if (set_scene(&command) < 0)
		return STATUS_FAILED;
	if (mkdir(command.output, 0777) < 0 && errno != EEXIST) {
		warn("compare: %s", command.output);
		return STATUS_FAILED;
	}
	if (cpu_count() < 2) {
		warnx("compare: two CPUs are needed, one for each side");
		return STATUS_FAILED;
	}
	if (command.realtime && child_realtime() < 0) {
		warn("compare: --realtime");
		return STATUS_FAILED;
	}
	if (machine_load() > LOAD_WARNING)
		warnx("compare: load %.1f: other programs are at work, so expect wide ranges",
		      machine_load());
	comparison = comparison_new(command.scene.suite, command.rounds);
	if (!comparison) {
		warn("compare");
		return STATUS_FAILED;
	}
	note_missing(&command, comparison);
	for (round = 0; round < command.rounds; round++)
		run_round(&command, comparison, round, &failures);
	progress_clear();
	comparison_print(comparison, stdout);
	status = save(&command, comparison);
	comparison_free(comparison);
	if (failures)
		warnx("compare: %u runs failed and are left out", failures);
	return failures ? STATUS_FAILED : status;
}
