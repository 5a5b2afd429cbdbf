/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the scene once for every fault: each point, on each side, at its first few calls; then from
 * seeds. A run is a server and a client in processes of their own: the driver never opens a device,
 * and what it forks may.
 *
 *   faults_driver                     all
 *   faults_driver permanent           those that never end
 *   faults_driver client post_send:3  one, by its plan (docs/faults.md)
 *   faults_driver both seed=7,rate=50,delay=8
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/faults/judge.h"

/* Of each point, the calls that fail one by one, if it has so many. */
#define CALLS_MAX	4u
/* Of posts and registrations, where most of what can go wrong is. */
#define CALLS_MAX_OFTEN 8u

/* How long a client tries to connect; and where that is what ends it, but in the last scene. */
#define CONNECT_MS	10000
#define CONNECT_LOST_MS 3000

#define SEEDS	   8u
#define FIRST_SEED 1u

/* No other test's range. */
#define FIRST_PORT 27000u
#define PORTS	   2000u

static struct shared *shared;
static const char *host;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- One run ---- */

static pid_t start(int (*body)(const struct setting *setting), const struct setting *setting)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(SCENE_LIFE_S);
	exit(body(setting));
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static bool is_ready(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 1;
}

static void perform(struct run *run, struct setting *setting)
{
	static unsigned serial;
	char address[128];
	int fds[2];
	pid_t server;

	memset(shared, 0, sizeof(*shared));
	snprintf(address, sizeof(address), "rdma://%s:%u", host, FIRST_PORT + serial++ % PORTS);
	if (pipe(fds) < 0) {
		perror("pipe");
		exit(2);
	}
	setting->shared = shared;
	setting->address = address;
	setting->ready_fd = fds[1];
	server = start(scene_server, setting);
	close(fds[1]);
	if (is_ready(fds[0])) {
		run->status[CLIENT] = wait_for(start(scene_client, setting));
		kill(server, SIGTERM);
	}
	close(fds[0]);
	run->status[SERVER] = wait_for(server);
}

static unsigned run_and_judge(struct run *run, struct setting *setting)
{
	uint64_t begin = now_ms();
	unsigned n;

	setting->connect_ms = fitting_may_time_out(run->point) ? CONNECT_LOST_MS : CONNECT_MS;
	setting->connect_last_ms = CONNECT_MS;
	perform(run, setting);
	judge_tell(run, shared, (unsigned)(now_ms() - begin));
	n = judge(run, shared);
	fflush(stdout);
	return n;
}

static unsigned run_plan(enum side side, int point, const char *plan)
{
	struct setting setting = {.plans = {[CLIENT] = "", [SERVER] = ""}};
	struct run run = {.side = side, .point = point};

	setting.plans[side] = plan;
	run.errnum = point >= 0 ? verbs_fault_default((enum verbs_fault_point)point) : 0;
	snprintf(run.name, sizeof(run.name), "%s %s", side == CLIENT ? "client" : "server", plan);
	return run_and_judge(&run, &setting);
}

static unsigned run_both(const char *plan)
{
	struct setting setting = {
		.plans = {[CLIENT] = plan, [SERVER] = plan},
		.faults_go_on = true,
	};
	struct run run = {.point = -1};

	snprintf(run.name, sizeof(run.name), "both %s", plan);
	return run_and_judge(&run, &setting);
}

/* ---- All ---- */

static uint64_t calls_max(int point)
{
	switch (point) {
	case VERBS_FAULT_POST_SEND:
	case VERBS_FAULT_POST_RECV:
	case VERBS_FAULT_POST_SRQ_RECV:
	case VERBS_FAULT_REG_MR:
	case VERBS_FAULT_FLUSH:
		return CALLS_MAX_OFTEN;
	default:
		return CALLS_MAX;
	}
}

static unsigned run_point(enum side side, int point, uint64_t n_calls)
{
	unsigned failed = 0;
	char plan[64];

	for (uint64_t n = 1; n <= n_calls && n <= calls_max(point); n++) {
		snprintf(plan, sizeof(plan), "%s:%llu",
			 verbs_fault_name((enum verbs_fault_point)point), (unsigned long long)n);
		failed += run_plan(side, point, plan) != 0;
	}
	return failed;
}

/* Devices that fail for good. On the server's side nobody can say what calls do then but end. */
static unsigned run_permanent(void)
{
	static const struct {
		enum side side;
		const char *plan;
	} runs[] = {
		{CLIENT, "post_recv:7+"},
		{CLIENT, "post_send:9+"},
		{CLIENT, "poll_cq:6+"},
		{CLIENT, "req_notify:2+"},
		{CLIENT, "get_cq_event:2+"},
		{CLIENT, "cm_get_event:5+"},
		{CLIENT, "reg_mr:3+"},
		{CLIENT, "dereg_mr:2+"},
		{CLIENT, "modify_qp:4+"},
		{CLIENT, "cm_disconnect:1+"},
		{CLIENT, "dereg_mr:1+,modify_qp:4+"},
		{SERVER, "post_srq_recv:8+"},
		{SERVER, "post_send:4+"},
		{SERVER, "poll_cq:6+"},
		{SERVER, "req_notify:3+"},
		{SERVER, "cm_get_event:3+"},
		{SERVER, "reg_mr:3+"},
		{SERVER, "modify_qp:4+"},
		{SERVER, "cm_disconnect:1+"},
		{SERVER, "cm_reject:1+,cm_accept:1"},
	};
	unsigned failed = 0;

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		failed += run_plan(runs[i].side, -1, runs[i].plan) != 0;
	return failed;
}

/* Windows are bound ahead of a request, in its chain, and ended by its answer, or, as the second of
 * a call, behind it. */
static unsigned run_windows(void)
{
	static const struct {
		enum side side;
		int point;
		uint64_t n_calls;
	} runs[] = {
		{CLIENT, VERBS_FAULT_ALLOC_MW, 2},
		{CLIENT, VERBS_FAULT_DEALLOC_MW, 2},
		{CLIENT, VERBS_FAULT_BIND_MW, 4},
		{CLIENT, VERBS_FAULT_DEREG_MR, 2},
		{CLIENT, VERBS_FAULT_POST_SEND_MIDDLE, 3},
		{SERVER, VERBS_FAULT_POST_SEND_MIDDLE, 3},
	};
	unsigned failed = 0;

	setenv("VERBENA_VERBS_WINDOWS", "force", 1);
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		failed += run_point(runs[i].side, runs[i].point, runs[i].n_calls);
	failed += run_plan(CLIENT, -1, "dealloc_mw:1,modify_qp:4+") != 0;
	failed += run_both("seed=1,rate=200,delay=8") != 0;
	unsetenv("VERBENA_VERBS_WINDOWS");
	return failed;
}

static unsigned run_all(void)
{
	struct run run = {.name = "without faults", .point = 0};
	struct setting setting = {.plans = {[CLIENT] = "", [SERVER] = ""}};
	uint64_t calls[SIDES][VERBS_FAULT_POINTS];
	unsigned failed = run_and_judge(&run, &setting) != 0;
	char plan[64];

	/* What fails without faults says nothing with them. */
	if (failed)
		return failed;
	memcpy(calls, shared->calls, sizeof(calls));
	for (int side = 0; side < SIDES; side++)
		for (int point = 0; point < VERBS_FAULT_POINTS; point++)
			failed += run_point((enum side)side, point, calls[side][point]);
	failed += run_permanent();
	failed += run_windows();
	for (unsigned seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
		snprintf(plan, sizeof(plan), "seed=%u,rate=60,delay=12", seed);
		failed += run_both(plan) != 0;
	}
	return failed;
}

static unsigned run_named(const char *side, const char *plan)
{
	if (strcmp(side, "both") == 0)
		return run_both(plan);
	return run_plan(strcmp(side, "server") == 0 ? SERVER : CLIENT,
			strchr(plan, '+') ? -1 : judge_find_point(plan), plan);
}

int main(int argc, char **argv)
{
	unsigned failed = 0;

	host = getenv("VERBENA_TEST_ADDRESS");
	if (!host) {
		printf("needs an RDMA device: ./dev vm, or VERBENA_TEST_ADDRESS=its address\n");
		return 77;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return 2;
	if (argc < 3)
		failed = argc < 2 ? run_all() : run_permanent();
	for (int i = 1; i + 1 < argc; i += 2)
		failed += run_named(argv[i], argv[i + 1]) != 0;
	printf(failed ? "%u runs FAILED\n" : "all is well (%u failed)\n", failed);
	return failed != 0;
}
