/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays a round (rounds.h) for every point of fault and side and each of its first calls; whether a
 * point is used at all is seen when it fails.
 *
 *   faults_rounds                      all
 *   faults_rounds server cm_reject:2   one, by its plan (docs/faults.md)
 *
 * VERBENA_TEST_SEED repeats a run's calls.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/faults/rounds.h"

/* Of each point, the calls that fail one by one, if it has so many: one while the first connection
 * is made or used, and one behind it. */
#define CALLS_MAX	2u
/* Of posts, registrations and flush, where most of what can go wrong is. */
#define CALLS_MAX_OFTEN 4u

/* Another seed is another hundred of rounds. */
#define SEED 1u

/* No other test's. */
#define PORT 29500u

/* What both processes know, for the one that survives. */
static struct {
	struct shared shared;
	char name[80]; /* of the round under way */
} * common;

static char address[128];

/* Calls of each point until a first connection was made and its first call handled. */
static uint64_t set_up[SIDES][VERBS_FAULT_POINTS];

/* ---- Judging ---- */

static unsigned complain(const struct run *run, const char *what)
{
	printf("FAILED %s: %s\n", run->name, what);
	return 1;
}

static unsigned judge_round(const struct run *run)
{
	unsigned failed = judge(run, &common->shared);

	if (round_buffers_touched())
		failed += complain(run, "memory of a call that had returned was written");
	fflush(stdout);
	return failed;
}

/* Without faults calls fail only where the server stops under them: a scene's last two. */
static bool is_good_until_stop(const struct scene_result *scene)
{
	for (uint32_t i = 0; i + 2 < STEPS && scene->steps[i + 2].done; i++)
		if (scene->steps[i].errnum && !scene->steps[i].is_hurried)
			return false;
	return !scene->connect_errnum;
}

static unsigned judge_without(const struct run *run)
{
	const struct shared *shared = &common->shared;
	unsigned failed = judge_round(run);

	if (!is_good_until_stop(&shared->scenes[0]))
		failed += complain(run, "calls failed without a fault");
	if (shared->scenes[0].excess_errnum != EBUSY)
		failed += complain(run, "one connection too many was not refused");
	for (uint32_t i = 1; i < shared->n_scenes; i++)
		if (!judge_is_good(&shared->scenes[i]))
			failed += complain(run, "calls failed without a fault");
	return failed;
}

/* ---- Rounds ---- */

static void name_round(struct run *run, enum side side, const char *what)
{
	snprintf(run->name, sizeof(run->name), "%s %s", side == CLIENT ? "client" : "server", what);
	memcpy(common->name, run->name, sizeof(common->name));
}

static void give_up(void)
{
	fflush(stdout);
	exit(3);
}

/* Whether the fault came in *RET_CAME. */
static unsigned play(struct rounds *rounds, enum side side, int point, const char *plan,
		     bool *ret_came)
{
	struct run run = {
		.side = side,
		.point = point,
		.errnum = verbs_fault_default((enum verbs_fault_point)point),
		.may_never_come = true,
	};

	name_round(&run, side, plan);
	if (!round_play(rounds, &run, plan))
		give_up();
	*ret_came = common->shared.fired[side][point] != 0;
	if (*ret_came)
		judge_tell(&run, &common->shared, rounds->took_ms);
	return judge_round(&run);
}

static unsigned play_without(struct rounds *rounds)
{
	struct run run = {.point = 0};

	name_round(&run, CLIENT, "without faults");
	if (!round_play(rounds, &run, ""))
		give_up();
	judge_tell(&run, &common->shared, rounds->took_ms);
	memcpy(set_up, common->shared.set_up, sizeof(set_up));
	return judge_without(&run);
}

/* ---- Beside one another ---- */

/* What the victim, or the third connection, sees of it. */
enum effect {
	UNANSWERED, /* its call ran, and there is no answer to it */
	LOST,	    /* its connection, by this call or the next */
	SPARED,	    /* nothing */
	REFUSED,    /* the third is not connected */
};

static unsigned judge_unanswered(const struct run *run)
{
	const struct shared *shared = &common->shared;
	const struct step_result *step = &shared->scenes[SCENE_VICTIM].steps[1];
	unsigned failed = 0;

	if (!step->done || step->errnum != ECONNRESET || step->outcome != VB_UNKNOWN)
		failed += complain(run, "not ECONNRESET, outcome 'unknown'");
	if (shared->ran[1] != 1)
		failed += complain(run, "it did not run once");
	return failed;
}

static unsigned judge_beside(const struct run *run, enum effect effect)
{
	const struct scene_result *scenes = common->shared.scenes;
	bool is_good = judge_is_good(&scenes[SCENE_VICTIM]);
	unsigned failed = judge_round(run);

	if (!common->shared.fired[run->side][run->point])
		failed += complain(run, "it never came");
	if (!judge_is_good(&scenes[SCENE_BYSTANDER]))
		failed += complain(run, "another connection noticed");
	if (is_good != (effect == SPARED || effect == REFUSED))
		failed += complain(run, is_good ? "its connection goes on" : "its calls fail");
	if (effect == UNANSWERED)
		failed += judge_unanswered(run);
	if (effect == REFUSED && !scenes[SCENE_THIRD].connect_errnum)
		failed += complain(run, "a connection was made");
	return failed;
}

static unsigned play_one_beside(struct rounds *rounds, const struct beside *beside,
				enum effect effect)
{
	struct run run = {.side = beside->side, .point = judge_find_point(beside->plan)};
	char what[64];

	run.errnum = verbs_fault_default((enum verbs_fault_point)run.point);
	run.may_never_come = true;
	snprintf(what, sizeof(what), "%s: %s %u", beside->plan, beside->what, beside->size);
	name_round(&run, beside->side, what);
	if (!round_play_beside(rounds, beside))
		give_up();
	judge_tell(&run, &common->shared, rounds->took_ms);
	return judge_beside(&run, effect);
}

#define KIB 1024u

static unsigned play_all_beside(struct rounds *rounds)
{
	static const struct {
		struct beside beside;
		enum effect effect;
	} all[] = {
		/* Answers go in one chain with what is pushed ahead of them: none of it is taken,
		 * or a part: [WRITE,] SEND; [WRITE,] WRITE, SEND. */
		{{SERVER, "post_send:1", "add", 0}, UNANSWERED},
		{{SERVER, "post_send:1", "check", 320 * KIB}, UNANSWERED},
		{{SERVER, "post_send:1", "fill", 24 * KIB}, UNANSWERED},
		{{SERVER, "post_send_middle:1", "fill", 24 * KIB}, UNANSWERED},
		{{SERVER, "post_send:1", "fill", 320 * KIB}, UNANSWERED},
		{{SERVER, "post_send_middle:1", "fill", 320 * KIB}, UNANSWERED},
		{{SERVER, "post_send_middle:1", "flip", 320 * KIB}, UNANSWERED},
		{{SERVER, "flush:1", "fill", 320 * KIB}, LOST},
		{{SERVER, "post_srq_recv:1", "adds", 0}, SPARED},
		{{SERVER, "create_qp:1", "connect", 0}, REFUSED},
		{{SERVER, "cm_accept:1", "connect", 0}, REFUSED},
		{{CLIENT, "post_send:1", "add", 0}, LOST},
		{{CLIENT, "flush:1", "add", 0}, LOST},
		{{CLIENT, "dereg_mr:1", "fill", 320 * KIB}, LOST},
	};
	unsigned failed = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		failed += play_one_beside(rounds, &all[i].beside, all[i].effect) != 0;
	return failed;
}

/* ---- Points ---- */

/* What one side never does. */
static const enum verbs_fault_point only_servers[] = {
	VERBS_FAULT_POST_SRQ_RECV,     VERBS_FAULT_POST_SRQ_RECV_MIDDLE,
	VERBS_FAULT_CREATE_SRQ,	       VERBS_FAULT_CM_BIND,
	VERBS_FAULT_CM_LISTEN,	       VERBS_FAULT_CM_ACCEPT,
	VERBS_FAULT_CM_REJECT,	       VERBS_FAULT_EVENT_CONNECT_REQUEST,
	VERBS_FAULT_EVENT_ESTABLISHED,
};
static const enum verbs_fault_point only_clients[] = {
	VERBS_FAULT_POST_RECV,
	VERBS_FAULT_POST_RECV_MIDDLE,
	VERBS_FAULT_CM_RESOLVE_ADDR,
	VERBS_FAULT_CM_RESOLVE_ROUTE,
	VERBS_FAULT_CM_CONNECT,
	VERBS_FAULT_CM_ESTABLISH,
	VERBS_FAULT_EVENT_ADDR_RESOLVED,
	VERBS_FAULT_EVENT_ROUTE_RESOLVED,
	VERBS_FAULT_EVENT_CONNECT_RESPONSE,
	VERBS_FAULT_EVENT_REJECTED,
};

static bool is_among(int point, const enum verbs_fault_point *points, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((int)points[i] == point)
			return true;
	return false;
}

enum use { NEVER, MAYBE, ALWAYS };

static enum use use_of(enum side side, int point)
{
	/* Windows, which are forced where there are none but SoftRoCE's: driver.c. */
	if (point == VERBS_FAULT_ALLOC_MW || point == VERBS_FAULT_DEALLOC_MW ||
	    point == VERBS_FAULT_BIND_MW)
		return NEVER;
	if (side == CLIENT
		    ? is_among(point, only_servers, sizeof(only_servers) / sizeof(only_servers[0]))
		    : is_among(point, only_clients, sizeof(only_clients) / sizeof(only_clients[0])))
		return NEVER;
	/* Whether there is a chain, or an event before the queue pair is gone, depends on who is
	 * quicker. */
	if (point == VERBS_FAULT_EVENT_TIMEWAIT_EXIT || point == VERBS_FAULT_EVENT_DISCONNECTED ||
	    (side == CLIENT && point == VERBS_FAULT_POST_SEND_MIDDLE))
		return MAYBE;
	return ALWAYS;
}

static unsigned calls_max(int point)
{
	switch (point) {
	case VERBS_FAULT_POST_SEND:
	case VERBS_FAULT_POST_SEND_MIDDLE:
	case VERBS_FAULT_POST_RECV:
	case VERBS_FAULT_POST_RECV_MIDDLE:
	case VERBS_FAULT_POST_SRQ_RECV:
	case VERBS_FAULT_POST_SRQ_RECV_MIDDLE:
	case VERBS_FAULT_REG_MR:
	case VERBS_FAULT_FLUSH:
		return CALLS_MAX_OFTEN;
	default:
		return CALLS_MAX;
	}
}

/* Receives that a connection begins with come in several posts: two of those, and two of the ones
 * that take their place. */
static uint64_t nth_call(enum side side, int point, unsigned i)
{
	return round_is_of_receives(point) && i >= CALLS_MAX ? set_up[side][point] + i - 1 : i + 1;
}

static unsigned complain_of_point(const char *what)
{
	printf("FAILED %s: %s\n", common->name, what);
	return 1;
}

static unsigned play_point(struct rounds *rounds, enum side side, int point)
{
	enum use use = use_of(side, point);
	unsigned failed = 0;
	bool comes = use != NEVER;
	char plan[64];

	for (unsigned i = 0; i < calls_max(point) && comes; i++) {
		bool is_refill = round_is_of_receives(point) && i >= CALLS_MAX;

		snprintf(plan, sizeof(plan), "%s:%llu",
			 verbs_fault_name((enum verbs_fault_point)point),
			 (unsigned long long)nth_call(side, point, i));
		failed += play(rounds, side, point, plan, &comes) != 0;
		if (use == ALWAYS && (i == 0 || is_refill) && !comes)
			failed += complain_of_point("it never came");
		if (is_refill && common->shared.scenes[0].connect_errnum)
			failed += complain_of_point("it came before the connection was used");
	}
	return failed;
}

static unsigned play_all(struct rounds *rounds)
{
	unsigned failed = play_without(rounds) != 0;

	/* What fails without faults says nothing with them. */
	if (failed)
		return failed;
	failed += play_all_beside(rounds);
	for (int side = 0; side < SIDES; side++)
		for (int point = 0; point < VERBS_FAULT_POINTS; point++)
			failed += play_point(rounds, (enum side)side, point);
	return failed;
}

static int find_point(const char *plan)
{
	int point = judge_find_point(plan);

	if (point < 0) {
		fprintf(stderr, "there is no verb %.*s\n", (int)strcspn(plan, ":"), plan);
		exit(2);
	}
	return point;
}

/* ---- Processes ---- */

static int client(struct rounds *rounds, int argc, char **argv)
{
	unsigned failed = 0;
	bool came;

	if (argc < 3)
		failed = play_all(rounds);
	for (int i = 1; i + 1 < argc; i += 2)
		failed += play(rounds, strcmp(argv[i], "server") == 0 ? SERVER : CLIENT,
			       find_point(argv[i + 1]), argv[i + 1], &came) != 0;
	printf(failed ? "%u of %u rounds FAILED\n" : "all is well (%u failed of %u rounds)\n",
	       failed, rounds->n);
	fflush(stdout);
	return failed != 0;
}

static unsigned wait_for(pid_t pid, const char *who)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0)
		return 0;
	/* It has said why. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		return 1;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		printf("FAILED %s: the %s hangs\n", common->name, who);
	else if (WIFSIGNALED(status))
		printf("FAILED %s: the %s died by signal %d\n", common->name, who,
		       WTERMSIG(status));
	else
		printf("FAILED %s: the %s exited with %d: %s\n", common->name, who,
		       WEXITSTATUS(status), common->shared.words[SERVER]);
	return 1;
}

static pid_t spawn(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
	}
	return pid;
}

int main(int argc, char **argv)
{
	const char *host = getenv("VERBENA_TEST_ADDRESS");
	const char *seed = getenv("VERBENA_TEST_SEED");
	struct rounds rounds = {.seed = seed ? strtoull(seed, NULL, 0) : SEED};
	unsigned failed;
	pid_t player;
	int fds[2];

	if (!host) {
		printf("needs an RDMA device: ./dev vm, or VERBENA_TEST_ADDRESS=its address\n");
		return 77;
	}
	common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (common == MAP_FAILED || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return 2;
	snprintf(address, sizeof(address), "rdma://%s:%u", host, PORT);
	rounds.setting.shared = &common->shared;
	rounds.setting.address = address;
	rounds.server = spawn();
	if (!rounds.server) {
		close(fds[0]);
		exit(scene_server_lives(&rounds.setting, fds[1]));
	}
	close(fds[1]);
	rounds.fd = fds[0];
	player = spawn();
	if (!player)
		exit(client(&rounds, argc, argv));
	failed = wait_for(player, "client");
	/* One that a client has left in the middle. */
	if (failed)
		kill(rounds.server, SIGTERM);
	close(fds[0]);
	failed += wait_for(rounds.server, "server");
	return failed != 0;
}
