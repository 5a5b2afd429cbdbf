/* SPDX-License-Identifier: Apache-2.0 */
/* What may be said of calls whose verbs failed, and what may not. */
#ifndef FAULTS_JUDGE_H
#define FAULTS_JUDGE_H

#include "tests/faults/scene.h"

/* One run: a server and a client, and what fails. */
struct run {
	char name[80];
	enum side side;
	int point;  /* enum verbs_fault_point; -1: by seed */
	int errnum; /* what the fault says */
	bool may_never_come;
	int status[SIDES];
};

/* Prints what is wrong with a run that is over. How many complaints. */
unsigned judge(const struct run *run, const struct shared *shared);

/* Whether everything in the scene went as if there were no faults. */
bool judge_is_good(const struct scene_result *scene);

/* One line about a run. */
void judge_tell(const struct run *run, const struct shared *shared, unsigned milliseconds);

/* The point that PLAN, "POINT:n", begins with; -1: there is no such. */
int judge_find_point(const char *plan);

#endif
