/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/subject.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/child.h"
#include "bench/pair.h"
#include "bench/perftest.h"
#include "bench/ucx.h"

#define SERVER_CPU     0
#define CLIENT_CPU     1
/* Far above any subject's time, also where the machine is emulated. */
#define TIMEOUT_MS     300000
#define OUTPUT_MAX     16384u
/* A tenth of the calls, to fault pages in and let connections settle. */
#define WARMUP_SHARE   10u
/* ucx_perftest and perftest meet at a port that nothing of a usual machine has, and one of several
 * comparisons at a time its own. */
#define PORT_FIRST     21000
#define PORTS	       20000
/* What comes with a payload that goes the other way. */
#define SMALL	       "32"
/* perftest says that it waits for a client before it does. */
#define PERFTEST_TRIES 10u
/* It sometimes prints no figures (see perftest.c), or its server does not come to listen. */
#define PERFTEST_RUNS  3u
#define PERFTEST_NS    (100 * 1000000)
#define WORDS_MAX      32u

/* One run's words and files. */
struct attempt {
	const struct scene *scene;
	const struct group *group;
	const struct subject *subject;
	char calls[24];
	char warmup[24];
	char size[24];
	char directory[40];
	char json[64];	 /* what the client writes */
	char errors[64]; /* standard error of what is run */
	char socket[64];
	char port[8];
	int server_cpu;
	int client_cpu;
};

static int attempt_open(struct attempt *attempt, const struct scene *scene,
			const struct group *group, const struct subject *subject, uint64_t calls)
{
	static unsigned number;

	*attempt = (struct attempt){.scene = scene, .group = group, .subject = subject};
	snprintf(attempt->port, sizeof(attempt->port), "%u",
		 PORT_FIRST + ((unsigned)getpid() + number++) % PORTS);
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

/* Two words more, the second NULL if there is but one. How many there are then. */
static unsigned add(const char **words, unsigned n, const char *option, const char *value)
{
	if (n + 2 >= WORDS_MAX)
		abort();
	words[n++] = option;
	if (value)
		words[n++] = value;
	return n;
}

static int load(const struct attempt *attempt, struct run *ret_run)
{
	if (run_load(attempt->json, ret_run, 1) == 1)
		return 0;
	warn("%s: no result", attempt->subject->name);
	return -1;
}

/* Any of our floors. */
static int run_floor(const struct attempt *attempt, struct run *ret_run)
{
	static const char *const names[] = {
		[SUBJECT_FLOOR] = "shm",
		[SUBJECT_FLOOR_RDMA] = "rdma",
		[SUBJECT_ECHO] = "tcp",
	};
	const struct subject *subject = attempt->subject;
	char server_cpu[8], client_cpu[8], window[8], batch[8];
	const char *words[WORDS_MAX] = {
		"/proc/self/exe",
		"floor",
		names[subject->kind],
		"--size",
		attempt->size,
		"--calls",
		attempt->calls,
		"--warmup",
		attempt->warmup,
		"--wait",
		wait_mode_names[subject->wait],
		"--json",
		attempt->json,
	};
	unsigned n = 13;

	snprintf(server_cpu, sizeof(server_cpu), "%d", attempt->server_cpu);
	snprintf(client_cpu, sizeof(client_cpu), "%d", attempt->client_cpu);
	snprintf(window, sizeof(window), "%u", subject->window);
	snprintf(batch, sizeof(batch), "%u", subject->batch);
	if (attempt->client_cpu >= 0)
		n = add(words, n, "--cpu", client_cpu);
	if (attempt->server_cpu >= 0)
		n = add(words, n, "--server-cpu", server_cpu);
	if (subject->pause)
		n = add(words, n, "--pause", NULL);
	if (subject->kind == SUBJECT_FLOOR_RDMA) {
		n = add(words, n, "--pattern", subject->what);
		n = add(words, n, "--address", attempt->scene->place.address);
	}
	if (subject->window) {
		n = add(words, n, "--window", window);
		add(words, n, "--batch", batch);
	}
	if (run_program(attempt, words, -1, NULL, NULL) < 0)
		return -1;
	return load(attempt, ret_run);
}

static int run_verbena(const struct attempt *attempt, struct run *ret_run)
{
	const struct subject *subject = attempt->subject;
	bool fixed = strcmp(subject->what, "echo") == 0 || strcmp(subject->what, "ping") == 0;
	const char *const host = subject->rdma ? attempt->scene->place.address : NULL;
	enum direction direction = attempt->group->direction;
	const char *words[WORDS_MAX] = {
		"--method", subject->what,   "--calls", attempt->calls,
		"--warmup", attempt->warmup, "--wait",	wait_mode_names[subject->wait],
		"--json",   attempt->json,
	};
	unsigned n = 10;
	struct pair pair;
	int result;

	if (!fixed)
		n = add(words, n, "--size", direction == DIRECTION_OUT ? SMALL : attempt->size);
	if (direction != DIRECTION_BOTH)
		n = add(words, n, "--reply-size",
			direction == DIRECTION_OUT ? attempt->size : SMALL);
	if (subject->registered)
		add(words, n, "--registered", NULL);
	if (pair_open(&pair, host, subject->wait, attempt->server_cpu, NULL) < 0)
		return -1;
	result = pair_run_client(&pair, words, attempt->client_cpu, NULL, TIMEOUT_MS);
	pair_close(&pair);
	return result < 0 ? -1 : load(attempt, ret_run);
}

/* One-way figures of a tool that prints half a round trip are those it prints. */
static void halve(struct run *run)
{
	unsigned column;

	for (column = 0; column < RUN_COLUMNS; column++)
		run->ns[column] /= 2;
	run->calls_per_second *= 2;
}

static int parse_ucx(const struct subject *subject, const char *text, struct run *ret_run)
{
	if (subject->rate)
		return ucx_parse_rate(text, ret_run);
	if (ucx_parse(text, ret_run) < 0)
		return -1;
	if (subject->one_way)
		halve(ret_run);
	return 0;
}

static int run_ucx(const struct attempt *attempt, struct run *ret_run)
{
	static const char *const shm[] = {"UCX_TLS=posix", NULL};
	static const char *const none[] = {NULL};
	const struct subject *subject = attempt->subject;
	const char *const *environment = attempt->scene->suite->rdma ? none : shm;
	const struct child_options options = {
		.cpu = attempt->server_cpu,
		.environment = environment,
		.error_path = attempt->errors,
	};
	char text[OUTPUT_MAX], line[128], device[RDMA_DEVICE_MAX + 16];
	/* Into a pipe it would keep its first line to itself until it ends. */
	const char *const server[] = {"stdbuf", "-oL", "ucx_perftest", "-p", attempt->port, NULL};
	const char *client[WORDS_MAX] = {
		"ucx_perftest", "localhost",   "-p", attempt->port,  "-t", subject->what,
		"-s",		attempt->size, "-n", attempt->calls, "-w", attempt->warmup,
	};
	unsigned n = 12;
	struct child child;
	int result = -1;

	snprintf(device, sizeof(device), "%s:%u", attempt->scene->place.device,
		 attempt->scene->place.port);
	if (attempt->scene->suite->rdma) {
		n = add(client, n, "-d", device);
		n = add(client, n, "-x", "rc_verbs");
		add(client, n, "-D", subject->more);
	}
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
	run_init(ret_run, subject->name, attempt->group->size, attempt->group->size);
	if (parse_ucx(subject, text, ret_run) == 0)
		return 0;
	warnx("%s: no figures in: %s", subject->name, text);
	return -1;
}

static int parse_perftest(const struct subject *subject, const char *text, struct run *ret_run)
{
	if (subject->rate)
		return perftest_parse_rate(text, ret_run);
	return perftest_parse_latency(text, subject->one_way ? 1 : 2, ret_run);
}

/* The client is refused until the server listens, a moment after it has said so. */
static int run_perftest_client(const struct attempt *attempt, const char *const *words, char *text)
{
	const struct child_options options = {
		.cpu = attempt->client_cpu,
		.error_path = attempt->errors,
	};
	const struct timespec pause = {.tv_nsec = PERFTEST_NS};
	struct child child;
	unsigned tries;
	int status = 1;

	/* One that hangs hangs again. */
	for (tries = 0; tries < PERFTEST_TRIES && status > 0; tries++) {
		nanosleep(&pause, NULL);
		if (child_start(&child, words, &options) < 0) {
			warn("%s", words[0]);
			return -1;
		}
		status = child_finish(&child, text, OUTPUT_MAX, TIMEOUT_MS);
	}
	return status == 0 ? 0 : -1;
}

/* -1 if there were no figures, for whatever reason. */
static int run_perftest_once(const struct attempt *attempt, struct run *ret_run)
{
	const struct subject *subject = attempt->subject;
	const struct child_options options = {
		.cpu = attempt->server_cpu,
		.error_path = attempt->errors,
	};
	char device_port[12];
	const char *words[WORDS_MAX] = {
		"stdbuf",
		"-oL",
		subject->what,
		"-R",
		"-F",
		"-d",
		attempt->scene->place.device,
		"-i",
		device_port,
		"-p",
		attempt->port,
		"-s",
		attempt->size,
		"-n",
		attempt->calls,
	};
	unsigned n = 15;
	char text[OUTPUT_MAX], line[128];
	struct child child;
	int result = -1;

	snprintf(device_port, sizeof(device_port), "%u", attempt->scene->place.port);
	if (subject->more)
		n = add(words, n, subject->more, NULL);
	if (child_start(&child, words, &options) < 0) {
		warn("%s", subject->what);
		return -1;
	}
	words[n] = attempt->scene->place.address;
	if (child_wait_line(&child, line, sizeof(line), PAIR_READY_MS) < 0)
		warn("%s does not listen", subject->what);
	else
		result = run_perftest_client(attempt, words, text);
	child_stop(&child);
	if (result < 0)
		return -1;
	run_init(ret_run, subject->name, attempt->group->size, attempt->group->size);
	return parse_perftest(subject, text, ret_run);
}

static int run_perftest(const struct attempt *attempt, struct run *ret_run)
{
	unsigned tries;

	for (tries = 0; tries < PERFTEST_RUNS; tries++) {
		if (run_perftest_once(attempt, ret_run) == 0)
			return 0;
	}
	warnx("%s: no figures in %u runs", attempt->subject->name, PERFTEST_RUNS);
	show_errors(attempt);
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

int subject_run(const struct scene *scene, const struct group *group, const struct subject *subject,
		uint64_t calls, struct run *ret_run)
{
	static int (*const runners[])(const struct attempt *, struct run *) = {
		[SUBJECT_FLOOR] = run_floor, [SUBJECT_FLOOR_RDMA] = run_floor,
		[SUBJECT_ECHO] = run_floor,  [SUBJECT_VERBENA] = run_verbena,
		[SUBJECT_UCX] = run_ucx,     [SUBJECT_PERFTEST] = run_perftest,
		[SUBJECT_PEER] = run_peer,
	};
	struct attempt attempt;
	int result;

	if (attempt_open(&attempt, scene, group, subject, calls) < 0)
		return -1;
	result = runners[subject->kind](&attempt, ret_run);
	attempt_close(&attempt);
	if (result == 0)
		snprintf(ret_run->name, sizeof(ret_run->name), "%s", subject->name);
	return result;
}
