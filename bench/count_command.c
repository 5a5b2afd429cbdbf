/* SPDX-License-Identifier: Apache-2.0 */
/* verbena-bench count */
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <jansson.h>

#include "bench/commands.h"
#include "bench/count/differences.h"
#include "bench/count/step.h"
#include "bench/cpu.h"
#include "bench/mark.h"
#include "bench/options.h"
#include "bench/pair.h"
#include "bench/progress.h"

/* Stepped calls: exact, so few are enough, but a ring must come round meanwhile: what a receiver
 * writes into a line costs the sender when it is there again. Some before are not counted. */
#define STEP_CALLS_MAX	256u
#define STEP_TIMEOUT_MS 60000
#define SERVER_CPU	0
#define CLIENT_CPU	1

enum { OPTION_JSON = 256, OPTION_STEP_ONLY, OPTION_PROFILE, OPTION_ADDRESS, OPTION_METHOD };

/* What an address may begin with here; the port is the command's own. */
#define RDMA_SCHEME "rdma://"

/* How many calls. */
struct count_plan {
	unsigned skip;
	unsigned calls;
	const char *warmup;
	unsigned compared; /* the N of N and 2N */
};

static const struct count_plan shm_plan = {
	.skip = 64,
	.calls = STEP_CALLS_MAX,
	.warmup = "1000",
	.compared = 20000,
};

/* Sends are signalled and receives posted by 16, so a multiple of that; no more, because an
 * emulated machine steps some hundred calls a minute. */
static const struct count_plan rdma_plan = {
	.skip = 16,
	.calls = 32,
	.warmup = "64",
	.compared = 1000,
};

struct count_command {
	const char *json;
	const char *host;   /* of rdma://; NULL: over shared memory */
	const char *method; /* NULL: all of them */
	const struct count_plan *plan;
	bool step_only;
	bool profile;
};

static const struct method {
	const char *name; /* of verbena-bench client --method */
	const char *text;
} methods[] = {
	{"echo", "echo(blk), 32 bytes fixed"},
	{"bytes", "echo_bytes, 32 bytes"},
	{"inout", "echo_inout, 32 bytes"},
};

#define METHODS (sizeof(methods) / sizeof(methods[0]))

static const struct argp_option option_list[] = {
	{"json", OPTION_JSON, "FILE", 0, "Write the counts as JSON", 0},
	{"address", OPTION_ADDRESS, "IP", 0,
	 "Over rdma:// at this address of an RDMA device (default: over shared memory)", 0},
	{"method", OPTION_METHOD, "NAME", 0, "Only echo, bytes or inout", 0},
	{"step-only", OPTION_STEP_ONLY, NULL, 0,
	 "Only step through calls; do not compare runs under strace and a preloaded library", 0},
	{"profile", OPTION_PROFILE, NULL, 0,
	 "List the functions that the instructions lie in (needs addr2line)", 0},
	{0},
};

static void check_method(const struct argp_state *state, const char *name)
{
	size_t i;

	for (i = 0; i < METHODS; i++) {
		if (strcmp(methods[i].name, name) == 0)
			return;
	}
	argp_error(state, "--method '%s' is none of echo, bytes, inout", name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct count_command *command = state->input;

	switch (key) {
	case OPTION_JSON:
		command->json = arg;
		break;
	case OPTION_ADDRESS:
		command->host = strstr(arg, RDMA_SCHEME) == arg ? arg + strlen(RDMA_SCHEME) : arg;
		command->plan = &rdma_plan;
		break;
	case OPTION_METHOD:
		check_method(state, arg);
		command->method = arg;
		break;
	case OPTION_PROFILE:
		command->profile = true;
		break;
	case OPTION_STEP_ONLY:
		command->step_only = true;
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
	.doc = "Counts what a call costs at both ends with instruments that Verbena knows nothing "
	       "of.\v"
	       "Instructions, cache lines, clock readings and fences: client and server are "
	       "stepped one instruction at a time, each until it has looked and found nothing. "
	       "Allocations: a preloaded library; system calls: strace; both as the difference "
	       "between N and 2N "
	       "calls. All with both sides polling. Over rdma:// the device's driver is counted "
	       "with the rest; lines are those of shared memory only.",
};

/* ---- Stepping ---- */

/* Tracer and traced on one CPU: a step is then a context switch, not a wake-up of another CPU. */
static void share_cpu(pid_t client, pid_t server)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(SERVER_CPU, &set);
	sched_setaffinity(0, sizeof(set), &set);
	sched_setaffinity(client, sizeof(set), &set);
	sched_setaffinity(server, sizeof(set), &set);
}

/* The client stops itself when it is ready to be stepped. */
static int wait_ready(pid_t client)
{
	int status;

	while (waitpid(client, &status, WUNTRACED) < 0) {
		if (errno != EINTR)
			return -1;
	}
	if (WIFSTOPPED(status))
		return 0;
	errno = ECHILD;
	return -1;
}

/* Capstone 4 does not know every AVX-512 instruction, so libc's copies do without. Both sides. */
#define PLAIN_COPIES "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512VL,-AVX512F"

static int step_against(const struct count_plan *plan, const struct pair *pair, const char *method,
			struct step_result *ret_result)
{
	static const char *const environment[] = {MARK_VARIABLE "=1", PLAIN_COPIES, NULL};
	const struct pair_wrap wrap = {.environment = environment};
	char calls[16];
	const char *const words[] = {
		"--method", method, "--calls", calls,	    "--warmup", plan->warmup,
		"--wait",   "spin", "--json",  "/dev/null", NULL,
	};
	struct child client;
	cpu_set_t saved;
	int result = -1;

	snprintf(calls, sizeof(calls), "%u", plan->skip + plan->calls);
	if (pair_start_client(pair, words, CLIENT_CPU, &wrap, &client) < 0)
		return -1;
	sched_getaffinity(0, sizeof(saved), &saved);
	if (wait_ready(client.pid) < 0) {
		warn("count: the client did not get ready");
		child_stop(&client);
		return -1;
	}
	share_cpu(client.pid, pair->server.pid);
	result = step_run(client.pid, pair->server.pid, plan->skip, plan->calls, ret_result);
	if (result < 0)
		warn("count: cannot step through %s", method);
	sched_setaffinity(client.pid, sizeof(saved), &saved);
	sched_setaffinity(0, sizeof(saved), &saved);
	if (result < 0)
		kill(client.pid, SIGKILL);
	child_finish(&client, NULL, 0, STEP_TIMEOUT_MS);
	return result;
}

static int step_method(const struct count_command *command, const char *method,
		       struct step_result *ret_result)
{
	static const char *const environment[] = {PLAIN_COPIES, NULL};
	const struct pair_wrap wrap = {.environment = environment};
	struct pair pair;
	int result;

	progress_show(-1, "stepping through %s", method);
	if (pair_open(&pair, command->host, WAIT_SPIN, SERVER_CPU, &wrap) < 0)
		return -1;
	result = step_against(command->plan, &pair, method, ret_result);
	pair_close(&pair);
	progress_clear();
	return result;
}

static double per_call(uint64_t count, uint64_t calls)
{
	return (double)count / (double)calls;
}

static void print_side(const char *text, const struct step_counts *counts, uint64_t calls,
		       bool lines_known)
{
	printf("  %-8s %12.1f %12.1f %12llu %8.2f %8.2f %8.2f", text,
	       per_call(counts->instructions, calls),
	       per_call(counts->instructions - counts->looks * counts->empty_look, calls),
	       (unsigned long long)counts->empty_look, per_call(counts->clock_reads, calls),
	       per_call(counts->syscalls, calls), per_call(counts->fences, calls));
	if (lines_known)
		printf(" %8.2f\n", per_call(counts->lines, calls));
	else
		printf(" %8s\n", "-");
}

static void print_step(const struct step_result *result)
{
	struct step_counts both = result->sides[LINES_CLIENT];
	const struct step_counts *server = &result->sides[LINES_SERVER];

	print_side("client", &both, result->calls, result->lines_known);
	print_side("server", server, result->calls, result->lines_known);
	printf("  %-8s %12.1f %12.1f\n", "both",
	       per_call(both.instructions + server->instructions, result->calls),
	       per_call(both.instructions - both.looks * both.empty_look + server->instructions -
				server->looks * server->empty_look,
			result->calls));
	if (result->lines_known && both.blind + server->blind)
		printf("  %llu instructions could not be decoded, so lines may be missing\n",
		       (unsigned long long)(both.blind + server->blind));
}

static json_t *step_to_json(const struct step_result *result)
{
	static const char *const names[LINES_SIDES] = {"client", "server"};
	json_t *object = json_object();
	unsigned i;

	for (i = 0; i < LINES_SIDES; i++) {
		const struct step_counts *counts = &result->sides[i];
		json_t *side = json_object();

#define SET(key, value) json_object_set_new(side, key, json_real(per_call(value, result->calls)))
		SET("instructions", counts->instructions);
		SET("clock_reads", counts->clock_reads);
		SET("syscalls", counts->syscalls);
		SET("fences", counts->fences);
		SET("empty_looks", counts->looks);
		json_object_set_new(side, "instructions_of_an_empty_look",
				    json_integer((json_int_t)counts->empty_look));
		if (result->lines_known)
			SET("lines_received", counts->lines);
		json_object_set_new(object, names[i], side);
	}
	return object;
}

static void profiles_print(struct step_result *result)
{
	static const char *const names[LINES_SIDES] = {"client", "server"};
	unsigned i;

	for (i = 0; i < LINES_SIDES; i++) {
		printf("  %s, instructions per call by function\n", names[i]);
		if (profile_print(result->profiles[i], result->calls, stdout) < 0)
			warn("count: no profile: addr2line (Debian: binutils)");
	}
}

/* Steps through a method and prints what was counted. */
static int step_and_print(const struct count_command *command, const struct method *method,
			  json_t *steps, struct step_result *result)
{
	int status = -1;

	*result = (struct step_result){0};
	if (command->profile) {
		result->profiles[LINES_CLIENT] = profile_new();
		result->profiles[LINES_SERVER] = profile_new();
	}
	if (step_method(command, method->name, result) < 0)
		goto out;
	printf("%s\n", method->text);
	print_step(result);
	if (command->profile)
		profiles_print(result);
	json_object_set_new(steps, method->name, step_to_json(result));
	status = 0;
out:
	profile_free(result->profiles[LINES_CLIENT]);
	profile_free(result->profiles[LINES_SERVER]);
	return status;
}

static bool wanted(const struct count_command *command, const char *method)
{
	return !command->method || strcmp(command->method, method) == 0;
}

static int step_all(const struct count_command *command, json_t *root)
{
	json_t *steps = json_object();
	struct step_result result = {0};
	int status = 0;
	size_t i;

	json_object_set_new(root, "step", steps);
	printf("Stepped one instruction at a time, %u calls, per call\n", command->plan->calls);
	printf("  %-8s %12s %12s %12s %8s %8s %8s %8s\n", "", "instructions", "without look",
	       "empty look", "clock", "syscalls", "fences", "lines in");
	for (i = 0; i < METHODS; i++) {
		if (wanted(command, methods[i].name) &&
		    step_and_print(command, &methods[i], steps, &result) < 0)
			status = -1;
	}
	if (status == 0 && !result.lines_known)
		printf("lines: not known, built without capstone (Debian: libcapstone-dev)\n");
	return status;
}

/* ---- Compared runs ---- */

static void print_difference(const char *what, const char *method,
			     const struct difference *difference)
{
	static const char *const names[LINES_SIDES] = {"client", "server"};
	unsigned i;

	for (i = 0; i < LINES_SIDES; i++) {
		int64_t more = difference->twice[i] - difference->once[i];

		printf("  %-14s %-8s %-8s %10lld %10lld %14.6f\n", what, method, names[i],
		       (long long)difference->once[i], (long long)difference->twice[i],
		       (double)more / (double)difference->calls);
	}
}

static json_t *difference_to_json(const struct difference *difference)
{
	json_t *object = json_pack("{s:I, s:[I,I], s:[I,I]}", "calls",
				   (json_int_t)difference->calls, "client",
				   (json_int_t)difference->once[LINES_CLIENT],
				   (json_int_t)difference->twice[LINES_CLIENT], "server",
				   (json_int_t)difference->once[LINES_SERVER],
				   (json_int_t)difference->twice[LINES_SERVER]);

	return object ? object : json_null();
}

static int compare_method(const struct count_runs *runs, json_t *ret_object)
{
	struct difference allocations = {0}, mappings = {0}, syscalls = {0};
	int status = 0;

	progress_show(-1, "counting allocations of %s", runs->method);
	if (count_allocations(runs, &allocations, &mappings) < 0) {
		status = -1;
	} else {
		progress_clear();
		print_difference("allocations", runs->method, &allocations);
		print_difference("mmap", runs->method, &mappings);
		json_object_set_new(ret_object, "allocations", difference_to_json(&allocations));
		json_object_set_new(ret_object, "mmap", difference_to_json(&mappings));
	}
	progress_show(-1, "counting system calls of %s", runs->method);
	if (count_syscalls(runs, &syscalls) < 0)
		return -1;
	progress_clear();
	print_difference("system calls", runs->method, &syscalls);
	json_object_set_new(ret_object, "system_calls", difference_to_json(&syscalls));
	return status;
}

static int compare_all(const struct count_command *command, json_t *root)
{
	static const char *const compared[] = {"echo", "bytes"};
	struct count_runs runs = {.host = command->host, .calls = command->plan->compared};
	json_t *object = json_object();
	int status = 0;
	size_t i;

	json_object_set_new(root, "difference", object);
	printf("\nThe difference between N and 2N calls, N = %u\n", command->plan->compared);
	printf("  %-14s %-8s %-8s %10s %10s %14s\n", "", "method", "side", "N", "2N", "per call");
	for (i = 0; i < sizeof(compared) / sizeof(compared[0]); i++) {
		json_t *method;

		if (!wanted(command, compared[i]))
			continue;
		method = json_object();
		json_object_set_new(object, compared[i], method);
		runs.method = compared[i];
		if (compare_method(&runs, method) < 0)
			status = -1;
	}
	printf("System calls that come with time and not with calls (a look for new clients and\n"
	       "dead peers) are in the difference too.\n");
	return status;
}

int command_count(int argc, char **argv)
{
	struct count_command command = {.plan = &shm_plan};
	json_t *root;
	int status = STATUS_OK;

	options_parse(&argp, argc, argv, &command);
	root = json_object();
	if (step_all(&command, root) < 0)
		status = STATUS_FAILED;
	if (!command.step_only && compare_all(&command, root) < 0)
		status = STATUS_FAILED;
	if (command.json && json_dump_file(root, command.json, JSON_INDENT(2)) < 0) {
		warn("cannot write %s", command.json);
		status = STATUS_FAILED;
	}
	json_decref(root);
	return status;
}
