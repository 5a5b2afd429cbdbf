/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests with several processes. Each test runs in a process of its own, the leader of a group, with
 * a time limit that fails it; when it is over, the whole group is killed, stopped processes
 * included. Sockets lie in a directory of the test's own.
 */
#ifndef E2E_HARNESS_H
#define E2E_HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <sys/types.h>

#include <cmocka.h>

struct harness_test {
	const char *name;
	void (*run)(void **state);
};

#define HARNESS_TEST(function)      \
	{                           \
#function, function \
	}

/*
 * Runs the tests, at most JOBS at a time; arguments of the program are names of tests to run
 * instead of all. Returns main()'s result.
 */
int harness_main(const struct harness_test *tests, size_t n, unsigned jobs, int argc, char **argv);

#define HARNESS_MAIN(tests, jobs)                                                                 \
	int main(int argc, char **argv)                                                           \
	{                                                                                         \
		return harness_main(tests, sizeof(tests) / sizeof((tests)[0]), jobs, argc, argv); \
	}

/* Ends the test as skipped, and says why. */
void harness_skip(const char *why) __attribute__((noreturn));

/* The directory of the test's own: XDG_RUNTIME_DIR. */
const char *harness_directory(void);

/* A process beside the test: runs WORK(CONTEXT), exits with what it returns, dies with the test. */
pid_t harness_spawn(int (*work)(void *context), void *context);

/* Waits for a process; the exit status, or 256 + the signal that killed it. */
int harness_wait(pid_t pid);

/* Waits until PID, a child, is stopped. */
void harness_wait_stopped(pid_t pid);

/* Kills PID with SIGKILL and waits for it. */
void harness_kill(pid_t pid);

/* Monotonic time. */
uint64_t harness_now_ns(void);

#endif
