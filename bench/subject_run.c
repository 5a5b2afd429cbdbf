/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/subject.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/child.h"
#include "bench/pair.h"
#include "bench/ucx.h"

#define SERVER_CPU     0
#define CLIENT_CPU     1
#define TIMEOUT_MS     300000
#define OUTPUT_MAX     16384u
/* A tenth of the calls, to fault pages in and let connections settle. */
#define WARMUP_SHARE   10u
/* ucx_perftest meets over TCP; a port that nothing of a usual machine has, and one of several
 * comparisons at a time its own. */
#define UCX_PORT_FIRST 21000
#define UCX_PORTS      20000

/* One run's words and files. */
struct attempt {
	const struct group *group;
	const struct subject *subject;
	char calls[24];
	char warmup[24];
	char size[24];
	char directory[40];
	char json[64];	 /* what the client writes */
	char errors[64]; /* standard error of what is run */
	char socket[64];
	int server_cpu;
	int client_cpu;
};

static int attempt_open(struct attempt *attempt, const struct group *group,
			const struct subject *subject, uint64_t calls)
{
	*attempt = (struct attempt){.group = group, .subject = subject};
	snprintf(attempt->calls, sizeof(attempt->calls), "%" PRIu64, calls);
	snprintf(attempt->warmup, sizeof(attempt->warmup), "%" PRIu64, calls / WARMUP_SHARE);
	snprintf(attempt->size, sizeof(attempt->size), "%" PRIu64, group->size);
	snprintf(attempt->directory, sizeof(attempt->directory), "/tmp/verbena-compare-XXXXXX");
	if (!mkdtemp(attempt->directory)) {
		warn("no temporary directory");
		return -1;
	}
	snprintf(attempt->json, sizeof(attempt->json), "%s/json", attempt->directory);
	snprintf(attempt->errors, sizeof(attempt->errors), "%s/errors", attempt->directory);
	snprintf(attempt->socket, sizeof(attempt->socket), "%s/socket", attempt->directory);
	attempt->server_cpu = SERVER_CPU;
	attempt->client_cpu = group->one_cpu ? SERVER_CPU : CLIENT_CPU;
	if (subject->unpinned)
		attempt->server_cpu = attempt->client_cpu = -1;
	return 0;
}

static void attempt_close(struct attempt *attempt)
{
	unlink(attempt->json);
	unlink(attempt->errors);
	unlink(attempt->socket);
	rmdir(attempt->directory);
}

/* What the programs said on standard error, when something failed. */
static void show_errors(const struct attempt *attempt)
{
	FILE *file = fopen(attempt->errors, "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		fprintf(stderr, "  %s", line);
	if (file)
		fclose(file);
}

/* Runs a program to its end. */
static int run_program(const struct attempt *attempt, const char *const *words, int cpu,
		       const char *const *environment, char *ret_text)
{
	const struct child_options options = {
		.cpu = cpu,
		.environment = environment,
		.error_path = attempt->errors,
	};
	struct child child;
	int status;

	if (child_start(&child, words, &options) < 0) {
		warn("%s", words[0]);
		return -1;
	}
	status = child_finish(&child, ret_text, ret_text ? OUTPUT_MAX : 0, TIMEOUT_MS);
	if (status == 0)
		return 0;
	if (status < 0)
		warn("%s", attempt->subject->name);
	else
		warnx("%s: the client ended with status %d", attempt->subject->name, status);
	show_errors(attempt);
	return -1;
}

/* ---- Each kind ---- */

static int load(const struct attempt *attempt, struct run *ret_run)
{
	if (run_load(attempt->json, ret_run, 1) == 1)
		return 0;
	warn("%s: no result", attempt->subject->name);
	return -1;
}

static int run_floor(const struct attempt *attempt, struct run *ret_run)
{
	char server_cpu[8], client_cpu[8];
	const char *const words[] = {
		"/proc/self/exe",
		"floor",
		"shm",
		"--size",
		attempt->size,
		"--calls",
		attempt->calls,
		"--warmup",
		attempt->warmup,
		"--wait",
		wait_mode_names[attempt->subject->wait],
		"--cpu",
		client_cpu,
		"--server-cpu",
		server_cpu,
		"--json",
		attempt->json,
		attempt->subject->pause ? "--pause" : NULL,
		NULL,
	};

	snprintf(server_cpu, sizeof(server_cpu), "%d", attempt->server_cpu);
	snprintf(client_cpu, sizeof(client_cpu), "%d", attempt->client_cpu);
	if (run_program(attempt, words, -1, NULL, NULL) < 0)
		return -1;
	return load(attempt, ret_run);
}

static int run_verbena(const struct attempt *attempt, struct run *ret_run)
{
	const struct subject *subject = attempt->subject;
	bool fixed = strcmp(subject->what, "echo") == 0;
	const char *words[20] = {
		"--method", subject->what,   "--calls", attempt->calls,
		"--warmup", attempt->warmup, "--wait",	wait_mode_names[subject->wait],
		"--json",   attempt->json,
	};
	unsigned n = 10;
	struct pair pair;
	int result;

	if (!fixed) {
		words[n++] = "--size";
		words[n++] = attempt->size;
	}
	if (subject->registered)
		words[n++] = "--registered";
	if (pair_open(&pair, subject->wait, attempt->server_cpu, NULL) < 0)
		return -1;
	result = pair_run_client(&pair, words, attempt->client_cpu, NULL, TIMEOUT_MS);
	pair_close(&pair);
	return result < 0 ? -1 : load(attempt, ret_run);
}

static int run_ucx(const struct attempt *attempt, struct run *ret_run)
{
	static const char *const environment[] = {"UCX_TLS=posix", NULL};
	const struct child_options options = {
		.cpu = attempt->server_cpu,
		.environment = environment,
		.error_path = attempt->errors,
	};
	static unsigned number;
	char port[8], text[OUTPUT_MAX], line[128];
	/* Into a pipe it would keep its first line to itself until it ends. */
	const char *const server[] = {"stdbuf", "-oL", "ucx_perftest", "-p", port, NULL};
	const char *const client[] = {
		"ucx_perftest", "localhost",   "-p", port,	     "-t", attempt->subject->what,
		"-s",		attempt->size, "-n", attempt->calls, "-w", attempt->warmup,
		NULL,
	};
	struct child child;
	int result = -1;

	snprintf(port, sizeof(port), "%d",
		 UCX_PORT_FIRST + ((int)getpid() + (int)number++) % UCX_PORTS);
	if (child_start(&child, server, &options) < 0) {
		warn("ucx_perftest");
		return -1;
	}
	if (child_wait_line(&child, line, sizeof(line), PAIR_READY_MS) < 0)
		warn("ucx_perftest does not listen");
	else
		result = run_program(attempt, client, attempt->client_cpu, environment, text);
	child_stop(&child);
	if (result < 0)
		return -1;
	run_init(ret_run, attempt->subject->name, attempt->group->size, attempt->group->size);
	if (ucx_parse(text, ret_run) == 0)
		return 0;
	warnx("%s: no figures in: %s", attempt->subject->name, text);
	return -1;
}

static int run_peer(const struct attempt *attempt, struct run *ret_run)
{
	const struct child_options options = {
		.cpu = attempt->server_cpu,
		.error_path = attempt->errors,
	};
	char path[PATH_MAX], line[128];
	const char *const server[] = {path, "server", attempt->socket, NULL};
	const char *const client[] = {
		path,		"client",	 attempt->socket, attempt->size,
		attempt->calls, attempt->warmup, attempt->json,	  NULL,
	};
	struct child child;
	int result = -1;

	if (child_helper_path(attempt->subject->what, path, sizeof(path)) < 0 ||
	    child_start(&child, server, &options) < 0) {
		warn("%s", attempt->subject->what);
		return -1;
	}
	if (child_wait_line(&child, line, sizeof(line), PAIR_READY_MS) < 0)
		warn("%s does not listen", attempt->subject->what);
	else
		result = run_program(attempt, client, attempt->client_cpu, NULL, NULL);
	child_stop(&child);
	return result < 0 ? -1 : load(attempt, ret_run);
}

int subject_run(const struct group *group, const struct subject *subject, uint64_t calls,
		struct run *ret_run)
{
	static int (*const runners[])(const struct attempt *, struct run *) = {
		[SUBJECT_FLOOR] = run_floor,
		[SUBJECT_VERBENA] = run_verbena,
		[SUBJECT_UCX] = run_ucx,
		[SUBJECT_PEER] = run_peer,
	};
	struct attempt attempt;
	int result;

	if (attempt_open(&attempt, group, subject, calls) < 0)
		return -1;
	result = runners[subject->kind](&attempt, ret_run);
	attempt_close(&attempt);
	if (result == 0)
		snprintf(ret_run->name, sizeof(ret_run->name), "%s", subject->name);
	return result;
}
