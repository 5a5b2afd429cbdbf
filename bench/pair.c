/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/pair.h"

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Ports below those that the system gives away, one of its own for each of several servers. */
#define PORT_FIRST 18000u
#define PORTS	   10000u

/* Fills WORDS with the wrapper, this program and MORE; false if there are too many. */
static bool join(const struct pair_wrap *wrap, const char *self, const char *const *more,
		 const char **words)
{
	const char *const own[] = {self, NULL};
	const char *const *parts[] = {wrap ? wrap->words : NULL, own, more};
	unsigned n = 0, i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *const *word;

		for (word = parts[i]; word && *word; word++) {
			if (n + 1 == PAIR_WORDS_MAX)
				return false;
			words[n++] = *word;
		}
	}
	words[n] = NULL;
	return true;
}

static int start(const struct pair_wrap *wrap, const char *const *more, int cpu,
		 struct child *ret_child)
{
	const struct child_options options = {
		.cpu = cpu,
		.environment = wrap ? wrap->environment : NULL,
	};
	const char *words[PAIR_WORDS_MAX];
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		return -1;
	self[length] = '\0';
	if (!join(wrap, self, more, words)) {
		errno = E2BIG;
		return -1;
	}
	return child_start(ret_child, words, &options);
}

static void name_address(struct pair *pair, const char *host)
{
	static unsigned number;

	if (host)
		snprintf(pair->address, sizeof(pair->address), "rdma://%s:%u", host,
			 PORT_FIRST + ((unsigned)getpid() + number++) % PORTS);
	else
		snprintf(pair->address, sizeof(pair->address), "shm://verbena-bench-%d-%u",
			 (int)getpid(), number++);
}

int pair_open(struct pair *ret_pair, const char *host, enum wait_mode wait, int cpu,
	      const struct pair_wrap *wrap)
{
	const char *const words[] = {
		"server", "--listen", ret_pair->address, "--wait", wait_mode_names[wait], NULL,
	};
	char line[128];

	name_address(ret_pair, host);
	if (start(wrap, words, cpu, &ret_pair->server) < 0) {
		warn("cannot start the server");
		return -1;
	}
	if (child_wait_line(&ret_pair->server, line, sizeof(line), PAIR_READY_MS) == 0)
		return 0;
	warn("the server does not listen");
	child_stop(&ret_pair->server);
	return -1;
}

void pair_close(struct pair *pair)
{
	child_stop(&pair->server);
}

int pair_start_client(const struct pair *pair, const char *const *words, int cpu,
		      const struct pair_wrap *wrap, struct child *ret_client)
{
	const char *all[PAIR_WORDS_MAX] = {"client", "--connect", pair->address};
	unsigned n = 3;

	for (; *words && n + 1 < PAIR_WORDS_MAX; words++)
		all[n++] = *words;
	if (start(wrap, all, cpu, ret_client) == 0)
		return 0;
	warn("cannot start the client");
	return -1;
}

int pair_run_client(const struct pair *pair, const char *const *words, int cpu,
		    const struct pair_wrap *wrap, int timeout_ms)
{
	struct child client;
	int status;

	if (pair_start_client(pair, words, cpu, wrap, &client) < 0)
		return -1;
	status = child_finish(&client, NULL, 0, timeout_ms);
	if (status == 0)
		return 0;
	if (status < 0)
		warn("the client did not end");
	else
		warnx("the client failed with status %d", status);
	return -1;
}
