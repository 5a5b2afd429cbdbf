/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which errors a client may be told when one call of one verb fails, at its own side or at the
 * server's: what docs/verbs.md ("Errors") says, verb by verb. Of several faults at once, as with
 * seeds (POINT -1), no more can be said than what is never right.
 */
#ifndef FAULTS_FITTING_H
#define FAULTS_FITTING_H

#include <stdbool.h>

#include "transport/verbs/faults.h"

enum side { CLIENT, SERVER, SIDES };

/* What ends. */
enum end {
	END_CONNECT, /* vb_connect(), or a bind, fails */
	END_LOSS,    /* a connection: the call under way, "unknown", and all others, "not sent" */
	END_REFUSAL, /* one call, of which it is known whether it ran; the connection goes on */
	ENDS,
};

/* Whether END may come with ERRNUM when POINT (enum verbs_fault_point) fails at SIDE, with the
 * errno that the verb gives as a rule. ERRNUM 0: whether it may come at all. */
bool fitting_end(enum side side, int point, enum end end, int errnum);

/* The same for whichever end. */
bool fitting_errno(enum side side, int point, int errnum);

/* Whether to connect may end by time: nobody hears of an event that is lost. */
bool fitting_may_time_out(int point);

#endif
