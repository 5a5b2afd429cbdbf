/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/judge.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static unsigned n_complaints;

static void __attribute__((format(printf, 2, 3)))
complain(const struct run *run, const char *format, ...)
{
	va_list arguments;

	printf("FAILED %s: ", run->name);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	n_complaints++;
}

static const char *errno_name(int errnum)
{
	const char *name = errnum > 0 ? strerrorname_np(errnum) : NULL;

	return name ? name : errnum ? "?" : "0";
}

static const char *const outcomes[] = {
	[VB_NOT_SENT] = "not sent",
	[VB_NOT_EXECUTED] = "not executed",
	[VB_EXECUTED] = "executed",
	[VB_UNKNOWN] = "unknown",
};

static bool is_oneway(const struct step_result *step)
{
	return strcmp(step->what, "post") == 0;
}

static bool is_many(const struct step_result *step)
{
	return strcmp(step->what, "adds") == 0;
}

/* ---- Calls ---- */

/* By the fault; or by the end of the server, or of a deadline that costs the connection. */
static bool may_be_lost(const struct run *run, const struct step_result *step)
{
	if (step->errnum == ECONNRESET && (step->is_ending || step->conn_errnum == ETIMEDOUT))
		return true;
	return fitting_end(run->side, run->point, END_LOSS, step->errnum);
}

static bool may_be_refused(const struct run *run, const struct step_result *step)
{
	return step->outcome != VB_UNKNOWN &&
	       fitting_end(run->side, run->point, END_REFUSAL, step->errnum);
}

/* *LOST: the errno that the scene's connection was lost with by an earlier step; 0: it is there. */
static void judge_errno(const struct run *run, const struct step_result *step, int *lost)
{
	if (*lost) {
		if (step->errnum != *lost || step->outcome != VB_NOT_SENT)
			complain(run,
				 "%s ended with %s, '%s', though the connection was lost by %s",
				 step->what, errno_name(step->errnum), outcomes[step->outcome],
				 errno_name(*lost));
		return;
	}
	if (step->is_hurried && step->errnum == ETIMEDOUT)
		return;
	if (may_be_refused(run, step))
		return;
	if (!may_be_lost(run, step) || step->outcome == VB_EXECUTED ||
	    step->outcome == VB_NOT_EXECUTED)
		complain(run, "%s failed with %s, '%s'", step->what, errno_name(step->errnum),
			 outcomes[step->outcome]);
	*lost = step->errnum;
}

/* The connection says why, if it knew nothing of the call's own end. */
static void judge_cause(const struct run *run, const struct step_result *step)
{
	int conn_errnum = step->conn_errnum == ETIMEDOUT ? ECONNRESET : step->conn_errnum;

	if (step->errnum == ETIMEDOUT || step->outcome == VB_EXECUTED ||
	    step->outcome == VB_NOT_EXECUTED)
		return;
	if (!step->has_sentence)
		complain(run, "%s failed with %s, '%s', without a sentence", step->what,
			 errno_name(step->errnum), outcomes[step->outcome]);
	if (step->errnum != conn_errnum)
		complain(run, "%s failed with %s, '%s', and the connection says %s", step->what,
			 errno_name(step->errnum), outcomes[step->outcome],
			 errno_name(step->conn_errnum));
}

static void judge_outcome(const struct run *run, const struct step_result *step, uint32_t ran)
{
	if (is_many(step))
		return;
	if ((step->outcome == VB_NOT_SENT || step->outcome == VB_NOT_EXECUTED) && ran)
		complain(run, "%s: outcome '%s', and it ran", step->what, outcomes[step->outcome]);
	if (step->outcome == VB_EXECUTED && !ran)
		complain(run, "%s: outcome 'executed', and it did not run", step->what);
}

static void judge_step(const struct run *run, const struct step_result *step, uint32_t ran,
		       int *lost)
{
	if (ran > (is_many(step) ? ADDS : 1))
		complain(run, "%s ran %u times", step->what, ran);
	if (step->errnum < 0)
		complain(run, "%s succeeded with wrong data", step->what);
	if (step->errnum <= 0 && *lost)
		complain(run, "%s succeeded though the connection was lost", step->what);
	if (step->errnum > 0) {
		judge_errno(run, step, lost);
		judge_cause(run, step);
		judge_outcome(run, step, ran);
	} else if (!is_oneway(step) && !ran) {
		complain(run, "%s succeeded and never ran", step->what);
	}
}

/* ---- Scenes ---- */

static bool may_not_connect(const struct run *run, int errnum)
{
	return fitting_end(run->side, run->point, END_CONNECT, errnum);
}

static void judge_scene(const struct run *run, const struct shared *shared, uint32_t number)
{
	const struct scene_result *scene = &shared->scenes[number];

	int lost = 0;

	if (scene->connect_errnum && !may_not_connect(run, scene->connect_errnum))
		complain(run, "connect failed with %s: %s", errno_name(scene->connect_errnum),
			 scene->sentence);
	if ((scene->connect_errnum || scene->cause) && !scene->sentence[0])
		complain(run, "a connection failed without a sentence");
	if (scene->excess_errnum > 0 && scene->excess_errnum != EBUSY &&
	    !may_not_connect(run, scene->excess_errnum))
		complain(run, "one connection too many was refused with %s",
			 errno_name(scene->excess_errnum));
	for (uint32_t i = 0; i < STEPS && scene->steps[i].done; i++)
		judge_step(run, &scene->steps[i], shared->ran[number * STEPS + i], &lost);
}

bool judge_is_good(const struct scene_result *scene)
{
	if (scene->connect_errnum || scene->cause || !scene->steps[0].done)
		return false;
	for (uint32_t i = 0; i < STEPS && scene->steps[i].done; i++)
		if (scene->steps[i].errnum &&
		    !(scene->steps[i].is_hurried && scene->steps[i].errnum == ETIMEDOUT))
			return false;
	return true;
}

/* ---- Processes ---- */

static void judge_process(const struct run *run, const struct shared *shared, enum side side)
{
	const char *who = side == CLIENT ? "client" : "server";
	int status = run->status[side];

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		complain(run, "the %s hangs", who);
	else if (WIFSIGNALED(status))
		complain(run, "the %s died by signal %d", who, WTERMSIG(status));
	else if (WEXITSTATUS(status))
		complain(run, "the %s exited with %d: %s", who, WEXITSTATUS(status),
			 shared->words[side]);
	for (int i = 0; i < VERBS_OBJECT_KINDS; i++)
		if (shared->objects[side][i] &&
		    !verbs_faults_may_leave((enum verbs_object_kind)i, shared->fired[side]))
			complain(run, "the %s leaves a %s (%lld)", who,
				 verbs_object_name((enum verbs_object_kind)i),
				 (long long)shared->objects[side][i]);
}

/* How often these are called, or come before the queue pair is gone, depends on who is quicker. */
static bool may_never_come(int point)
{
	switch (point) {
	case VERBS_FAULT_POST_SEND_MIDDLE:
	case VERBS_FAULT_POST_SRQ_RECV:
	case VERBS_FAULT_POST_SRQ_RECV_MIDDLE:
	case VERBS_FAULT_POLL_CQ:
	case VERBS_FAULT_REQ_NOTIFY:
	case VERBS_FAULT_GET_CQ_EVENT:
	case VERBS_FAULT_CM_GET_EVENT:
	case VERBS_FAULT_EVENT_DISCONNECTED:
	case VERBS_FAULT_EVENT_TIMEWAIT_EXIT:
		return true;
	default:
		return false;
	}
}

unsigned judge(const struct run *run, const struct shared *shared)
{
	n_complaints = 0;
	if (run->errnum && !run->may_never_come && !may_never_come(run->point) &&
	    !shared->fired[run->side][run->point])
		complain(run, "the fault never came");
	judge_process(run, shared, CLIENT);
	judge_process(run, shared, SERVER);
	for (uint32_t i = 0; i < shared->n_scenes; i++)
		judge_scene(run, shared, i);
	if (run->point >= 0 && !judge_is_good(&shared->scenes[shared->n_scenes - 1]))
		complain(run, "calls on further connections fail too");
	return n_complaints;
}

void judge_tell(const struct run *run, const struct shared *shared, unsigned milliseconds)
{
	printf("%s (%u ms):", run->name, milliseconds);
	for (uint32_t i = 0; i < shared->n_scenes; i++) {
		const struct scene_result *scene = &shared->scenes[i];

		if (judge_is_good(scene)) {
			printf(" good;");
			continue;
		}
		printf(" connect %s, connection %s", errno_name(scene->connect_errnum),
		       errno_name(scene->cause));
		for (uint32_t at = 0; at < STEPS && scene->steps[at].done; at++) {
			if (!scene->steps[at].errnum)
				continue;
			printf(", %s %s %s", scene->steps[at].what,
			       errno_name(scene->steps[at].errnum),
			       outcomes[scene->steps[at].outcome]);
			if (!scene->steps[at].is_hurried)
				break;
		}
		printf(" \"%s\";", scene->sentence);
	}
	printf("\n");
}

int judge_find_point(const char *plan)
{
	size_t length = strcspn(plan, ":");

	for (int i = 0; i < VERBS_FAULT_POINTS; i++) {
		const char *name = verbs_fault_name((enum verbs_fault_point)i);

		if (strlen(name) == length && memcmp(name, plan, length) == 0)
			return i;
	}
	return -1;
}
