/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/count/differences.h"

#include <err.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/pair.h"
#include "bench/ticks.h"

#define CLIENT_TIMEOUT_MS 120000
#define SUMMARY_MAX	  65536u
/* Ending takes that long at most. */
#define SUMMARY_NS	  (5 * NS_PER_S)
#define SERVER_CPU	  0
#define CLIENT_CPU	  1

/* Where the two sides write what they have counted. */
struct reports {
	char directory[32];
	char paths[LINES_SIDES][64];
};

static int reports_open(struct reports *reports)
{
	snprintf(reports->directory, sizeof(reports->directory), "/tmp/verbena-count-XXXXXX");
	if (!mkdtemp(reports->directory)) {
		warn("count: no temporary directory");
		return -1;
	}
	snprintf(reports->paths[LINES_CLIENT], sizeof(reports->paths[0]), "%s/client",
		 reports->directory);
	snprintf(reports->paths[LINES_SERVER], sizeof(reports->paths[0]), "%s/server",
		 reports->directory);
	return 0;
}

static void reports_close(struct reports *reports)
{
	unlink(reports->paths[LINES_CLIENT]);
	unlink(reports->paths[LINES_SERVER]);
	rmdir(reports->directory);
}

static int read_report(const char *path, char *ret_text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file) {
		warn("count: %s was not written", path);
		return -1;
	}
	length = fread(ret_text, 1, size - 1, file);
	ret_text[length] = '\0';
	fclose(file);
	return 0;
}

/* CALLS: N or 2N. */
static int run_pair(const struct count_runs *runs, uint64_t calls,
		    const struct pair_wrap *client_wrap, const struct pair_wrap *server_wrap)
{
	char calls_text[24];
	const char *const words[] = {
		"--method", runs->method, "--calls", calls_text, "--warmup",
		"100",	    "--wait",	  "spin",    NULL,
	};
	struct pair pair;
	int result;

	snprintf(calls_text, sizeof(calls_text), "%" PRIu64, calls);
	if (pair_open(&pair, runs->host, WAIT_SPIN, SERVER_CPU, server_wrap) < 0)
		return -1;
	result = pair_run_client(&pair, words, CLIENT_CPU, client_wrap, CLIENT_TIMEOUT_MS);
	pair_close(&pair);
	return result;
}

/* ---- Allocations ---- */

static int allocations_once(const struct count_runs *runs, uint64_t calls, const char *library,
			    const struct reports *reports, int64_t *ret_allocations,
			    int64_t *ret_mappings)
{
	char preload[PATH_MAX + 16], files[LINES_SIDES][96], text[64];
	const char *environment[LINES_SIDES][3];
	struct pair_wrap wraps[LINES_SIDES] = {{0}};
	unsigned i;

	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", library);
	for (i = 0; i < LINES_SIDES; i++) {
		snprintf(files[i], sizeof(files[i]), "VERBENA_COUNT_FILE=%s", reports->paths[i]);
		environment[i][0] = preload;
		environment[i][1] = files[i];
		environment[i][2] = NULL;
		wraps[i].environment = environment[i];
	}
	if (run_pair(runs, calls, &wraps[LINES_CLIENT], &wraps[LINES_SERVER]) < 0)
		return -1;
	for (i = 0; i < LINES_SIDES; i++) {
		if (read_report(reports->paths[i], text, sizeof(text)) < 0)
			return -1;
		if (sscanf(text, "%" SCNd64 " %" SCNd64, &ret_allocations[i], &ret_mappings[i]) !=
		    2) {
			warnx("count: %s is not a report", reports->paths[i]);
			return -1;
		}
	}
	return 0;
}

int count_allocations(const struct count_runs *runs, struct difference *ret_allocations,
		      struct difference *ret_mappings)
{
	struct reports reports;
	char library[PATH_MAX];
	int result = -1;

	if (child_helper_path("libverbena-count.so", library, sizeof(library)) < 0) {
		warnx("count: libverbena-count.so is not beside this program, nor in %s",
		      BENCH_HELPER_DIR);
		return -1;
	}
	if (reports_open(&reports) < 0)
		return -1;
	ret_allocations->calls = ret_mappings->calls = runs->calls;
	if (allocations_once(runs, runs->calls, library, &reports, ret_allocations->once,
			     ret_mappings->once) == 0)
		result = allocations_once(runs, 2 * runs->calls, library, &reports,
					  ret_allocations->twice, ret_mappings->twice);
	reports_close(&reports);
	return result;
}

/* ---- System calls ---- */

int64_t strace_total(const char *text)
{
	const char *line = text, *end;
	bool summary = false;

	for (; *line; line = *end ? end + 1 : end) {
		char percent[16], seconds[24], per_call[24], last[32] = "";
		long long calls;

		end = line + strcspn(line, "\n");
		if ((size_t)(end - line) > sizeof(last) * 8)
			continue;
		summary |= strstr(line, "% time") == line;
		/* "100.00 0.000123 1 52 2 total": the errors are left out where there are none. */
		if (sscanf(line, "%15s %23s %23s %lld", percent, seconds, per_call, &calls) == 4 &&
		    (size_t)(end - line) > strlen("total") &&
		    memcmp(end - strlen("total"), "total", strlen("total")) == 0)
			return calls;
	}
	return summary || text[0] == '\0' ? 0 : -1;
}

/* strace stands behind the program and writes its summary, all at once, when the program has ended:
 * perhaps a moment after we have seen that. A program with no system call at all cannot be. */
static int64_t wait_total(const char *path)
{
	static char text[SUMMARY_MAX];
	const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
	uint64_t until_ns = monotonic_ns() + SUMMARY_NS;
	int64_t total;

	do {
		if (read_report(path, text, sizeof(text)) < 0)
			return -1;
		total = strace_total(text);
		if (total > 0)
			return total;
		nanosleep(&moment, NULL);
	} while (monotonic_ns() < until_ns);
	warnx("count: strace wrote no summary: %.60s", text);
	return -1;
}

static int syscalls_once(const struct count_runs *runs, uint64_t calls,
			 const struct reports *reports, int64_t *ret_syscalls)
{
	const char *words[LINES_SIDES][7];
	struct pair_wrap wraps[LINES_SIDES] = {{0}};
	unsigned i;

	for (i = 0; i < LINES_SIDES; i++) {
		/* -D: strace stands behind the program, which gets our signal to end. */
		const char *const own[] = {"strace",	      "-D", "-f", "-c", "-o",
					   reports->paths[i], NULL};

		memcpy(words[i], own, sizeof(own));
		wraps[i].words = words[i];
	}
	if (run_pair(runs, calls, &wraps[LINES_CLIENT], &wraps[LINES_SERVER]) < 0)
		return -1;
	for (i = 0; i < LINES_SIDES; i++) {
		ret_syscalls[i] = wait_total(reports->paths[i]);
		if (ret_syscalls[i] < 0)
			return -1;
	}
	return 0;
}

int count_syscalls(const struct count_runs *runs, struct difference *ret_syscalls)
{
	struct reports reports;
	int result = -1;

	if (!child_program_exists("strace")) {
		warnx("count: system calls are not counted: strace is missing (Debian: strace)");
		return -1;
	}
	if (reports_open(&reports) < 0)
		return -1;
	ret_syscalls->calls = runs->calls;
	if (syscalls_once(runs, runs->calls, &reports, ret_syscalls->once) == 0)
		result = syscalls_once(runs, 2 * runs->calls, &reports, ret_syscalls->twice);
	reports_close(&reports);
	return result;
}
