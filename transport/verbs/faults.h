/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that can be made to fail on purpose. Without -Dfaults=true it costs nothing. */
#ifndef VERBS_FAULTS_H
#define VERBS_FAULTS_H

#include <errno.h>
#include <stdbool.h>

#include <infiniband/verbs.h>

enum verbs_fault_point {
	VERBS_FAULT_POST_SEND,
	VERBS_FAULT_POST_RECV,
	VERBS_FAULT_POST_SRQ_RECV,
	VERBS_FAULT_REQ_NOTIFY,
	VERBS_FAULT_ALLOC_PD,
	VERBS_FAULT_REG_MR,
	VERBS_FAULT_CREATE_CHANNEL,
	VERBS_FAULT_CREATE_CQ,
	VERBS_FAULT_CREATE_SRQ,
	VERBS_FAULT_CREATE_QP,
	VERBS_FAULT_MODIFY_QP,
	VERBS_FAULT_QUERY,
	VERBS_FAULT_CM_CREATE_CHANNEL,
	VERBS_FAULT_CM_CREATE_ID,
	VERBS_FAULT_CM_BIND,
	VERBS_FAULT_CM_LISTEN,
	VERBS_FAULT_CM_RESOLVE_ADDR,
	VERBS_FAULT_CM_RESOLVE_ROUTE,
	VERBS_FAULT_CM_QP_ATTR,
	VERBS_FAULT_CM_CONNECT,
	VERBS_FAULT_CM_ESTABLISH,
	VERBS_FAULT_CM_ACCEPT,
};

static inline bool verbs_fault(enum verbs_fault_point point)
{
	(void)point;
	return false;
}

static inline int verbs_fault_errno(enum verbs_fault_point point)
{
	(void)point;
	return EIO;
}

static inline int verbs_faults_poll(struct ibv_cq *cq, int n, struct ibv_wc *wc)
{
	return ibv_poll_cq(cq, n, wc);
}

#endif
