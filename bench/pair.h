/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bench server and the clients that are run against it, as processes of this program, for the
 * commands that measure both together. One thread.
 */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include <limits.h>

#include "bench/child.h"
#include "bench/wait.h"

/* Words in front of a command that run it under a tool, and variables of its environment. */
struct pair_wrap {
	const char *const *words; /* ends with NULL; NULL: none */
	const char *const *environment;
};

#define PAIR_WORDS_MAX 48u
/* The start of a server: long under valgrind or strace on a busy machine. */
#define PAIR_READY_MS  30000

struct pair {
	struct child server;
	char address[80];
};

/* Starts `verbena-bench server` on an address of its own, over rdma:// at HOST or over shm:// if
 * that is NULL, and waits until it listens. -1 with a message on standard error. */
int pair_open(struct pair *ret_pair, const char *host, enum wait_mode wait, int cpu,
	      const struct pair_wrap *wrap);

/* Ends the server. */
void pair_close(struct pair *pair);

/* Starts `verbena-bench client` against it with further WORDS (ending with NULL). -1 with a
 * message. */
int pair_start_client(const struct pair *pair, const char *const *words, int cpu,
		      const struct pair_wrap *wrap, struct child *ret_client);

/* Starts it and waits. -1 with a message if it failed or took longer than TIMEOUT_MS. */
int pair_run_client(const struct pair *pair, const char *const *words, int cpu,
		    const struct pair_wrap *wrap, int timeout_ms);

#endif
