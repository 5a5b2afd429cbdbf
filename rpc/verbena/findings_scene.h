/* SPDX-License-Identifier: Apache-2.0 */
/* A host that is made up, on which all is well until a test changes it, and what is said of it. */
#ifndef VERBENA_FINDINGS_SCENE_H
#define VERBENA_FINDINGS_SCENE_H

#include "rpc/verbena/findings.h"

/* What nobody's interface has: an address for documentation. */
#define ADDRESS "203.0.113.7"

#define N_DEVICES 2

struct host {
	struct exam exam;
	struct vbi_survey_device devices[N_DEVICES];
	struct vbi_survey_port ports[N_DEVICES];
	struct vbi_survey_gid gids[N_DEVICES][2];
};

extern struct host host;
extern struct findings findings;

/* A setup of cmocka's. */
int host_make(void **state);

/* The finding of a rule; NULL if it has not spoken. */
const struct finding *find(const char *rule);

/* Whether a mend of RULE, which must have spoken, has WORD. */
bool has_mend(const char *rule, const char *word);

/* All rules speak. Each problem must have something to be done about it. */
void judge(void);

/* That RULE is all that is heard, with a word in its cause and one in its mends ("": no mend). */
void only(const char *rule, enum severity severity, const char *cause, const char *mend);

/* That nothing is heard. */
void nothing(void);

#endif
