/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/harness.h"

#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/nursery.h"
#include "tests/e2e/probe.h"

#ifdef NDEBUG
#error "tests need their assertions"
#endif

/* What one test may take: far more than it does on a loaded machine under a sanitizer; and where
 * the RDMA device is an emulated machine's, which may be some ten times slower. Meson's limits of
 * whole programs are above these, so that it is this one that ends, and names, what hangs. */
#define TEST_SECONDS	  180
#define TEST_SECONDS_RDMA 1200

/*
 * Ports of servers over RDMA: below those that the kernel gives to clients, and apart from those of
 * other tests. One after the other, so that a test's servers and those beside it never meet.
 */
#define FIRST_PORT 22000u
#define N_PORTS	   10000u

/* Addresses that one test names. */
#define ADDRESSES_MAX 64

/* Exit status of a skipped test, as meson has it. */
#define EXIT_SKIPPED 77

#define JOBS_MAX 16

struct job {
	const struct harness_test *test;
	pid_t pid; /* 0: none */
	uint64_t end_ns;
	char directory[64];
};

struct run {
	struct job jobs[JOBS_MAX];
	unsigned n_running;
	unsigned n_failed;
	unsigned n_skipped;
	unsigned n_passed;
};

const struct harness_watcher *harness_watcher;

static char own_directory[64];

/* The next port, counted by all tests of this program and what they fork. */
static atomic_uint *next_port;

uint64_t harness_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const char *harness_directory(void)
{
	return own_directory;
}

void harness_skip(const char *why)
{
	printf("[  SKIPPED ] %s\n", why);
	fflush(stdout);
	_exit(EXIT_SKIPPED);
}

/* ---- Transports ---- */

bool harness_is_rdma(void)
{
	const char *transport = getenv("VERBENA_TEST_TRANSPORT");

	return transport && strcmp(transport, "rdma") == 0;
}

void harness_only_shm(const char *why)
{
	if (harness_is_rdma())
		harness_skip(why);
}

void harness_only_rdma(const char *why)
{
	if (!harness_is_rdma())
		harness_skip(why);
}

void harness_make_address(char *address, size_t size, const char *name)
{
	const char *host = getenv("VERBENA_TEST_ADDRESS");

	if (!harness_is_rdma())
		snprintf(address, size, "shm://%s", name);
	else
		snprintf(address, size, "rdma://%s:%u", host,
			 FIRST_PORT + atomic_fetch_add(next_port, 1) % N_PORTS);
}

const char *harness_address(const char *name)
{
	static struct {
		char name[64];
		char address[80];
	} addresses[ADDRESSES_MAX];
	unsigned i = 0;

	while (i < ADDRESSES_MAX && addresses[i].name[0] && strcmp(addresses[i].name, name) != 0)
		i++;
	assert(i < ADDRESSES_MAX);
	if (!addresses[i].name[0]) {
		snprintf(addresses[i].name, sizeof(addresses[i].name), "%s", name);
		harness_make_address(addresses[i].address, sizeof(addresses[i].address), name);
	}
	return addresses[i].address;
}

const char *harness_rest(const char *address)
{
	return strstr(address, "://") + strlen("://");
}

static void prepare_transport(void)
{
	if (!harness_is_rdma())
		return;
	if (!getenv("VERBENA_TEST_ADDRESS"))
		harness_skip("needs an RDMA device, and its address in VERBENA_TEST_ADDRESS");
	next_port = mmap(NULL, sizeof(*next_port), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(next_port != MAP_FAILED);
	/* Programs that run beside this one are some numbers away. */
	atomic_init(next_port, (unsigned)getpid() * 97u);
}

/* ---- Processes of a test ---- */

static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
}

pid_t harness_spawn(int (*work)(void *context), void *context)
{
	pid_t parent = getpid();
	pid_t pid;

	fflush(stdout);
	pid = fork();
	assert(pid >= 0);
	if (pid == 0) {
		die_with(parent);
		_exit(work(context));
	}
	return pid;
}

pid_t harness_spawn_fresh(int (*work)(void *context), const void *context, size_t size, int fd)
{
	static_assert(NURSERY_FD == HARNESS_FRESH_FD, "what the test is told");
	fflush(stdout);
	return nursery_spawn(work, context, size, fd);
}

int harness_wait(pid_t pid)
{
	int status;
	pid_t got;

	do {
		got = waitpid(pid, &status, 0);
	} while (got < 0 && errno == EINTR);
	assert(got == pid);
	if (harness_watcher)
		harness_watcher->waited(pid);
	return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

void harness_wait_stopped(pid_t pid)
{
	int status;

	assert(waitpid(pid, &status, WUNTRACED) == pid);
	assert(WIFSTOPPED(status));
}

void harness_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	harness_wait(pid);
}

/* ---- The runner ---- */

static unsigned test_seconds(void)
{
	const char *asked = getenv("VERBENA_TEST_SECONDS");

	if (asked)
		return (unsigned)strtoul(asked, NULL, 0);
	return harness_is_rdma() ? TEST_SECONDS_RDMA : TEST_SECONDS;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static void end_child(bool broke_off)
{
	int status = harness_watcher ? harness_watcher->end(broke_off) : broke_off;

	fflush(stdout);
	/* What a test that broke off has left is not a leak. */
	if (status)
		_exit(status);
	exit(0);
}

static void run_child(const struct job *job, pid_t runner)
{
	const struct CMUnitTest unit = {job->test->name, job->test->run, NULL, NULL, NULL};

	die_with(runner);
	setpgid(0, 0);
	signal(SIGCHLD, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	memcpy(own_directory, job->directory, sizeof(own_directory));
	setenv("XDG_RUNTIME_DIR", own_directory, 1);
	if (harness_watcher)
		harness_watcher->begin();
	nursery_open();
	end_child(_cmocka_run_group_tests(job->test->name, &unit, 1, NULL, NULL) != 0);
}

static void start(struct run *run, const struct harness_test *test)
{
	struct job *job = run->jobs;
	pid_t runner = getpid();

	while (job->pid)
		job++;
	job->test = test;
	snprintf(job->directory, sizeof(job->directory), "/tmp/vb-e2e.XXXXXX");
	assert(mkdtemp(job->directory));
	/* Tests of what another user may do need to get there. */
	chmod(job->directory, 0755);
	fflush(stdout);
	job->pid = fork();
	assert(job->pid >= 0);
	if (job->pid == 0)
		run_child(job, runner);
	setpgid(job->pid, job->pid);
	job->end_ns = harness_now_ns() + test_seconds() * 1000000000ull;
	run->n_running++;
}

static void finish(struct run *run, struct job *job, int status, bool late)
{
	bool ok = !late && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	bool skipped = !late && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED;

	kill(-job->pid, SIGKILL);
	while (waitpid(-job->pid, NULL, 0) > 0)
		;
	nftw(job->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	if (late)
		printf("[  FAILED  ] %s: not done after %u s\n", job->test->name, test_seconds());
	else if (WIFSIGNALED(status))
		printf("[  FAILED  ] %s: killed by signal %d\n", job->test->name, WTERMSIG(status));
	else if (!ok && !skipped)
		printf("[  FAILED  ] %s: exit status %d\n", job->test->name, WEXITSTATUS(status));
	/* Whoever ends this program would lose it. */
	fflush(stdout);
	run->n_passed += ok;
	run->n_skipped += skipped;
	run->n_failed += !ok && !skipped;
	run->n_running--;
	job->pid = 0;
}

static void reap(struct run *run)
{
	for (struct job *job = run->jobs; job < run->jobs + JOBS_MAX; job++) {
		int status;

		if (!job->pid)
			continue;
		if (waitpid(job->pid, &status, WNOHANG) == job->pid) {
			finish(run, job, status, false);
		} else if (harness_now_ns() > job->end_ns) {
			kill(-job->pid, SIGKILL);
			waitpid(job->pid, &status, 0);
			finish(run, job, status, true);
		}
	}
}

/* Until a child ends, or a second has passed: then time limits are looked at. */
static void wait_for_child(const sigset_t *child)
{
	const struct timespec second = {.tv_sec = 1};

	sigtimedwait(child, NULL, &second);
}

/*
 * The tests pass without windows too. So that those of them that are run for windows' sake do not
 * do so unnoticed when none is agreed on, one more is run whatever was chosen.
 */
static const struct harness_test windows_test = HARNESS_TEST(probe_test_windows);

static bool windows_are_forced(void)
{
	const char *asked = getenv("VERBENA_VERBS_WINDOWS");

	return harness_is_rdma() && asked && strcmp(asked, "force") == 0;
}

static bool is_chosen(const struct harness_test *test, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], test->name) == 0)
			return true;
	return argc < 2;
}

int harness_main(const struct harness_test *tests, size_t n, unsigned jobs, int argc, char **argv)
{
	struct run run = {0};
	sigset_t child;

	assert(jobs <= JOBS_MAX);
	/* Where a test fails, why a connection did is of interest. */
	setenv("VERBENA_LOG", "1", 0);
	prepare_transport();
	/* Grandchildren of a test that died are ours to wait for. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	if (windows_are_forced())
		start(&run, &windows_test);
	for (size_t i = 0; i < n; i++) {
		if (!is_chosen(&tests[i], argc, argv))
			continue;
		while (run.n_running == jobs) {
			wait_for_child(&child);
			reap(&run);
		}
		start(&run, &tests[i]);
	}
	while (run.n_running) {
		wait_for_child(&child);
		reap(&run);
	}
	printf("%u passed, %u skipped, %u failed\n", run.n_passed, run.n_skipped, run.n_failed);
	if (!run.n_failed && !run.n_passed)
		return run.n_skipped ? EXIT_SKIPPED : 1;
	return run.n_failed ? 1 : 0;
}
