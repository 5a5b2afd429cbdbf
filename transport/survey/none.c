/* SPDX-License-Identifier: Apache-2.0 */
/* In place of verbs.c and resolve.c, where libibverbs and librdmacm are not there to build with. */
#include <errno.h>

#include "transport/survey/files.h"
#include "transport/survey/parts.h"

int vbi_survey_verbs(struct vbi_survey *survey)
{
	survey->has_verbs = false;
	return 0;
}

void vbi_survey_resolve(const struct sockaddr *target, struct vbi_survey_pick *pick)
{
	(void)target;
	pick->errnum = EPROTONOSUPPORT;
	vbi_text_copy(pick->what, sizeof(pick->what), "ask librdmacm");
}
