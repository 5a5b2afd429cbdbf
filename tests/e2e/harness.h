/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests with several processes. Each test runs in a process of its own, the leader of a group, with
 * a time limit that fails it; when it is over, the whole group is killed, stopped processes
 * included. Sockets lie in a directory of the test's own.
 */
#ifndef E2E_HARNESS_H
#define E2E_HARNESS_H

#include <stdarg.h>
#include <stdbool.h>
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

/* Whether the tests run over RDMA, as VERBENA_TEST_TRANSPORT=rdma says, and not over shared
 * memory. */
bool harness_is_rdma(void);

/* Skip the test if it runs over the other transport, where what it is about differs by nature:
 * WHY. */
void harness_only_shm(const char *why);
void harness_only_rdma(const char *why);

/* An address of the test's own on the transport that is tested; over RDMA a new one each time,
 * whatever the NAME. */
void harness_make_address(char *address, size_t size, const char *name);

/* The same, kept: for the same NAME the same address. */
const char *harness_address(const char *name);

/* How the transport names it: what is behind the scheme. */
const char *harness_rest(const char *address);

/* A process beside the test: runs WORK(CONTEXT), exits with what it returns, dies with the test. */
pid_t harness_spawn(int (*work)(void *context), void *context);

/*
 * The same for a process that may use the library whatever the test has done with it: an RDMA
 * device belongs to the process that opened it, and not to its children. WORK gets a copy of the
 * SIZE bytes at CONTEXT. Of the descriptors that the test has opened only FD (or -1) is there, as
 * HARNESS_FRESH_FD.
 */
#define HARNESS_FRESH_FD 9
pid_t harness_spawn_fresh(int (*work)(void *context), const void *context, size_t size, int fd);

/* Waits for a process; the exit status, or 256 + the signal that killed it. */
int harness_wait(pid_t pid);

/* Waits until PID, a child, is stopped. */
void harness_wait_stopped(pid_t pid);

/* Kills PID with SIGKILL and waits for it. */
void harness_kill(pid_t pid);

/* Monotonic time. */
uint64_t harness_now_ns(void);

/*
 * Whoever watches each test of a program (tests/faults/), from within the test's process. NULL,
 * unless one is linked in that sets it before main().
 */
struct harness_watcher {
	/* Before the test, and before any process of it. */
	void (*begin)(void);
	/* A probe server has been started, with the end of its gate that lets handlers go. */
	void (*server_started)(pid_t pid, int gate);
	/* The test has waited for a process. */
	void (*waited)(pid_t pid);
	/* The test is over, or broke off at an assertion. What it returns is the test's exit
	 * status: 0 if it has passed. */
	int (*end)(bool broke_off);
};
extern const struct harness_watcher *harness_watcher;

#endif
