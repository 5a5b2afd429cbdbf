/* SPDX-License-Identifier: Apache-2.0 */
/* Which errors calls may report when a verb has failed on one side (docs/verbs.md, "Errors"). */
#ifndef FAULTS_FITTING_H
#define FAULTS_FITTING_H

#include <stdbool.h>

#include "transport/verbs/faults.h"

enum side { CLIENT, SERVER, SIDES };

/* Whether calls, or connecting, may end by time: nobody hears of an event that is lost. POINT:
 * enum verbs_fault_point; -1: several, as with seeds. */
bool fitting_may_time_out(int point);

/* Whether a client's call, its bind or vb_connect() may fail with ERRNUM when POINT fails at SIDE,
 * by whatever errno the verb gives as a rule. */
bool fitting_errno(enum side side, int point, int errnum);

#endif
