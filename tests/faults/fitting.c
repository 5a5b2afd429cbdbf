/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/fitting.h"

#include <errno.h>

/* Of an end, at most. */
#define ERRNUMS 2

/*
 * By end, in their order; none: it must not come. A point without any must not be noticed: it is
 * tried again (poll_cq, req_notify, get_cq_event, cm_get_event, what listens, the receives of a
 * shared queue that works already), is done in another way (a buffer's reg_mr and alloc_mw), or
 * asks for what comes anyhow (cm_disconnect, events behind "established").
 */
static const int at_client[VERBS_FAULT_POINTS][ENDS][ERRNUMS] = {
	/* rpc's hello goes first: then vb_connect() loses the connection. */
	[VERBS_FAULT_POST_SEND] = {{EIO}, {EIO}},
	[VERBS_FAULT_POST_SEND_MIDDLE] = {{EIO}, {EIO}},
	/* Receives that a queue pair begins with are a resource, as it is itself; later ones are
	 * work that it does not take. */
	[VERBS_FAULT_POST_RECV] = {{ENOMEM}, {EIO}},
	[VERBS_FAULT_POST_RECV_MIDDLE] = {{ENOMEM}, {EIO}},
	[VERBS_FAULT_ALLOC_PD] = {{ENOMEM}},
	/* Where a buffer can be neither registered nor copied, its call is refused. */
	[VERBS_FAULT_REG_MR] = {{ENOMEM}, {0}, {ENOMEM}},
	[VERBS_FAULT_DEREG_MR] = {{0}, {EIO}},
	[VERBS_FAULT_DEALLOC_MW] = {{0}, {EIO}},
	[VERBS_FAULT_CREATE_CHANNEL] = {{EMFILE}},
	[VERBS_FAULT_CREATE_CQ] = {{ENOMEM}},
	[VERBS_FAULT_CREATE_QP] = {{ENOMEM}},
	[VERBS_FAULT_MODIFY_QP] = {{EIO}},
	[VERBS_FAULT_QUERY] = {{EIO}},
	[VERBS_FAULT_CM_CREATE_CHANNEL] = {{EMFILE}},
	[VERBS_FAULT_CM_CREATE_ID] = {{ENOMEM}},
	[VERBS_FAULT_CM_RESOLVE_ADDR] = {{ENETUNREACH}},
	[VERBS_FAULT_CM_RESOLVE_ROUTE] = {{ENOMEM}},
	[VERBS_FAULT_CM_QP_ATTR] = {{EIO}},
	[VERBS_FAULT_CM_CONNECT] = {{ENOMEM}},
	[VERBS_FAULT_CM_ESTABLISH] = {{EIO}},
	/* Nobody says why a queue pair broke. */
	[VERBS_FAULT_FLUSH] = {{ECONNRESET}, {ECONNRESET}},
	[VERBS_FAULT_BIND_MW] = {{0}, {EIO}},
	[VERBS_FAULT_EVENT_ADDR_RESOLVED] = {{ETIMEDOUT}},
	[VERBS_FAULT_EVENT_ROUTE_RESOLVED] = {{ETIMEDOUT}},
	[VERBS_FAULT_EVENT_CONNECT_RESPONSE] = {{ETIMEDOUT}},
	[VERBS_FAULT_EVENT_REJECTED] = {{ETIMEDOUT}},
};

/* What the server lacks it refuses with; what it loses is reset. */
static const int at_server[VERBS_FAULT_POINTS][ENDS][ERRNUMS] = {
	[VERBS_FAULT_POST_SEND] = {{ECONNRESET}, {ECONNRESET}},
	[VERBS_FAULT_POST_SEND_MIDDLE] = {{ECONNRESET}, {ECONNRESET}},
	[VERBS_FAULT_POST_SRQ_RECV] = {{ENOMEM}},
	[VERBS_FAULT_POST_SRQ_RECV_MIDDLE] = {{ENOMEM}},
	[VERBS_FAULT_ALLOC_PD] = {{ENOMEM}},
	/* For what its connections share: refused. Then for the answer to the hello, or to a call:
	 * there is nothing to say it with. And for bulk, whose call fails alone. */
	[VERBS_FAULT_REG_MR] = {{ENOMEM, ECONNRESET}, {ECONNRESET}, {ENOMEM}},
	[VERBS_FAULT_CREATE_CHANNEL] = {{EMFILE}},
	[VERBS_FAULT_CREATE_CQ] = {{ENOMEM}},
	[VERBS_FAULT_CREATE_SRQ] = {{ENOMEM}},
	[VERBS_FAULT_CREATE_QP] = {{ENOMEM}},
	[VERBS_FAULT_MODIFY_QP] = {{EIO}},
	[VERBS_FAULT_QUERY] = {{EIO}},
	[VERBS_FAULT_CM_QP_ATTR] = {{EIO}},
	[VERBS_FAULT_CM_ACCEPT] = {{ENOMEM}},
	/* The kernel refuses in its place, without a word; and what nobody takes. */
	[VERBS_FAULT_CM_REJECT] = {{ECONNREFUSED}},
	[VERBS_FAULT_FLUSH] = {{ECONNRESET}, {ECONNRESET}},
	[VERBS_FAULT_EVENT_CONNECT_REQUEST] = {{ECONNREFUSED}},
};

/* A broken rule, wrong data, a bad pointer: never a device's doing. */
static bool is_thinkable(int errnum)
{
	return errnum >= 0 && errnum != EPROTO && errnum != EILSEQ && errnum != EFAULT &&
	       errnum != EINVAL;
}

bool fitting_end(enum side side, int point, enum end end, int errnum)
{
	const int *errnums;

	if (point < 0)
		return is_thinkable(errnum);
	errnums = side == CLIENT ? at_client[point][end] : at_server[point][end];
	for (unsigned i = 0; i < ERRNUMS && errnums[i]; i++)
		if (!errnum || errnum == errnums[i])
			return true;
	return false;
}

bool fitting_errno(enum side side, int point, int errnum)
{
	for (int end = 0; end < ENDS; end++)
		if (fitting_end(side, point, (enum end)end, errnum))
			return true;
	return false;
}

bool fitting_may_time_out(int point)
{
	return fitting_errno(CLIENT, point, ETIMEDOUT) || fitting_errno(SERVER, point, ETIMEDOUT);
}
