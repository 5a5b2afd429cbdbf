/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that the bench starts: servers, clients, peers' tools. A child dies with the bench. One
 * thread.
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stddef.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int out; /* its standard output; -1 if it goes where ours goes */
};

/* How a child is started. */
struct child_options {
	int cpu;			/* that it is kept on; -1: any */
	const char *const *environment; /* NULL, or "NAME=VALUE" strings to add, ending with NULL */
	const char *error_path;		/* file for its standard error; NULL: ours */
};

/* Has every child from here on run before all ordinary programs (SCHED_FIFO), for a machine that
 * others use too. -1 with errno: EPERM. */
int child_realtime(void);

/* Starts ARGV[0], looked up in PATH. -1 with errno (also that of exec itself). */
int child_start(struct child *ret_child, const char *const *argv,
		const struct child_options *options);

/* Waits until the child has written a line, at most TIMEOUT_MS: a server says so that it listens.
 * -1 with errno: ETIMEDOUT, EPIPE (it ended without). */
int child_wait_line(struct child *child, char *ret_line, size_t size, int timeout_ms);

/* Reads what the child writes until it ends (what does not fit is dropped) and ends it after
 * TIMEOUT_MS. Its exit status, 128 + N if signal N ended it, -1 with errno ETIMEDOUT. RET_TEXT may
 * be NULL. */
int child_finish(struct child *child, char *ret_text, size_t size, int timeout_ms);

/* Asks the child to end (SIGTERM), makes it end, and collects it: as child_finish. */
int child_stop(struct child *child);

/* Writes the path of FILE_NAME beside this program, else in the directory of the bench's helpers,
 * into RET_PATH. -1 with ENOENT if it is in neither. */
int child_helper_path(const char *file_name, char *ret_path, size_t size);

/* Whether PROGRAM is found in PATH. */
int child_program_exists(const char *program);

#endif
