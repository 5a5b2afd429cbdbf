/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/fitting.h"

#include <errno.h>

bool fitting_may_time_out(int point)
{
	switch (point) {
	case -1:
	case VERBS_FAULT_EVENT_ADDR_RESOLVED:
	case VERBS_FAULT_EVENT_ROUTE_RESOLVED:
	case VERBS_FAULT_EVENT_CONNECT_REQUEST:
	case VERBS_FAULT_EVENT_CONNECT_RESPONSE:
	case VERBS_FAULT_EVENT_REJECTED:
	case VERBS_FAULT_CM_REJECT:
		return true;
	default:
		return false;
	}
}

/* Errors of the path, of resources, and the fault's own. */
bool fitting_errno(enum side side, int point, int errnum)
{
	switch (errnum) {
	case ECONNRESET:
	case EHOSTUNREACH:
	case EIO:
	case ENOMEM:
	case ENOBUFS:
		return true;
	case ECONNREFUSED:
		return side == SERVER || point < 0;
	case ETIMEDOUT:
		return fitting_may_time_out(point);
	default:
		return errnum > 0 && errnum != EPROTO && errnum != EILSEQ && errnum != EFAULT &&
		       (point < 0 || errnum == verbs_fault_default((enum verbs_fault_point)point));
	}
}
