/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/cpu.h"
#include "bench/ticks.h"

/* A server that was asked to end gets this long. */
#define STOP_TIMEOUT_MS 30000
#define NS_PER_MS	UINT64_C(1000000)

static bool realtime;

static int set_realtime(void)
{
	const struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};

	return sched_setscheduler(0, SCHED_FIFO, &lowest);
}

int child_realtime(void)
{
	const struct sched_param ordinary = {0};

	/* Tried here, or each child would fail for itself. */
	if (set_realtime() < 0 || sched_setscheduler(0, SCHED_OTHER, &ordinary) < 0)
		return -1;
	realtime = true;
	return 0;
}

static int redirect(const struct child_options *options, int out)
{
	int error_fd;

	if (dup2(out, STDOUT_FILENO) < 0)
		return -1;
	if (!options->error_path)
		return 0;
	error_fd = open(options->error_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return error_fd < 0 ? -1 : dup2(error_fd, STDERR_FILENO);
}

static void run_child(const char *const *argv, const struct child_options *options, int out,
		      int report, pid_t parent)
{
	const char *const *variable = options->environment;
	int errnum;

	/* The parent may have died before prctl(), and then nobody would tell. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		_exit(1);
	for (; variable && *variable; variable++)
		putenv((char *)(uintptr_t)*variable);
	if (cpu_pin(options->cpu) == 0 && (!realtime || set_realtime() == 0) &&
	    redirect(options, out) >= 0)
		execvp(argv[0], (char *const *)(uintptr_t)argv);
	errnum = errno;
	(void)!write(report, &errnum, sizeof(errnum));
	_exit(127);
}

int child_start(struct child *ret_child, const char *const *argv,
		const struct child_options *options)
{
	int out[2], report[2], errnum = 0;
	pid_t parent = getpid(), pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(report, O_CLOEXEC) < 0)
		goto no_report;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		goto no_fork;
	if (pid == 0)
		run_child(argv, options, out[1], report[1], parent);
	close(out[1]);
	close(report[1]);
	/* The pipe is closed by a successful exec; a failed one sends its errno first. */
	if (read(report[0], &errnum, sizeof(errnum)) != sizeof(errnum))
		errnum = 0;
	close(report[0]);
	ret_child->pid = pid;
	ret_child->out = out[0];
	if (errnum == 0)
		return 0;
	close(out[0]);
	waitpid(pid, NULL, 0);
	errno = errnum;
	return -1;

no_fork:
	close(report[0]);
	close(report[1]);
no_report:
	close(out[0]);
	close(out[1]);
	return -1;
}

static int remaining_ms(uint64_t until_ns)
{
	uint64_t now = monotonic_ns();

	return now >= until_ns ? 0 : (int)((until_ns - now) / NS_PER_MS) + 1;
}

/* One read of what the child has written; 0 at its end. */
static ssize_t read_some(struct child *child, char *text, size_t size, uint64_t until_ns)
{
	struct pollfd poll_fd = {.fd = child->out, .events = POLLIN};
	int ready;

	do {
		ready = poll(&poll_fd, 1, remaining_ms(until_ns));
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return -1;
	if (ready == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	return read(child->out, text, size);
}

int child_wait_line(struct child *child, char *ret_line, size_t size, int timeout_ms)
{
	uint64_t until_ns = monotonic_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	size_t length = 0;

	while (length + 1 < size) {
		ssize_t got = read_some(child, ret_line + length, 1, until_ns);

		if (got < 0)
			return -1;
		if (got == 0) {
			errno = EPIPE;
			return -1;
		}
		if (ret_line[length] == '\n')
			break;
		length++;
	}
	ret_line[length] = '\0';
	return 0;
}

static int collect(struct child *child)
{
	int status;

	close(child->out);
	while (waitpid(child->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int child_finish(struct child *child, char *ret_text, size_t size, int timeout_ms)
{
	uint64_t until_ns = monotonic_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	char dropped[4096];
	size_t length = 0;
	ssize_t got;

	for (;;) {
		bool room = ret_text && length + 1 < size;

		got = read_some(child, room ? ret_text + length : dropped,
				room ? size - length - 1 : sizeof(dropped), until_ns);
		if (got <= 0)
			break;
		if (room)
			length += (size_t)got;
	}
	if (ret_text)
		ret_text[length] = '\0';
	if (got == 0)
		return collect(child);
	kill(child->pid, SIGKILL);
	collect(child);
	errno = ETIMEDOUT;
	return -1;
}

int child_stop(struct child *child)
{
	kill(child->pid, SIGTERM);
	return child_finish(child, NULL, 0, STOP_TIMEOUT_MS);
}

int child_helper_path(const char *file_name, char *ret_path, size_t size)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	int n;

	if (length > 0) {
		self[length] = '\0';
		slash = strrchr(self, '/');
		n = snprintf(ret_path, size, "%.*s/%s", (int)(slash - self), self, file_name);
		if (n > 0 && (size_t)n < size && access(ret_path, R_OK) == 0)
			return 0;
	}
	n = snprintf(ret_path, size, "%s/%s", BENCH_HELPER_DIR, file_name);
	if (n > 0 && (size_t)n < size && access(ret_path, R_OK) == 0)
		return 0;
	errno = ENOENT;
	return -1;
}

int child_program_exists(const char *program)
{
	const char *path = getenv("PATH");
	char candidate[PATH_MAX];

	while (path && *path) {
		size_t length = strcspn(path, ":");

		snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)length, path, program);
		if (access(candidate, X_OK) == 0)
			return 1;
		path += length + (path[length] == ':');
	}
	return 0;
}
