/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs that can be made to fail on purpose, and what else can go wrong beneath a transport:
 * docs/faults.md. Without -Dfaults=true it costs nothing.
 */
#ifndef VERBS_FAULTS_H
#define VERBS_FAULTS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

enum verbs_fault_point {
	VERBS_FAULT_POST_SEND,
	VERBS_FAULT_POST_SEND_MIDDLE, /* a chain of two or more: its second half is not taken */
	VERBS_FAULT_POST_RECV,
	VERBS_FAULT_POST_RECV_MIDDLE,
	VERBS_FAULT_POST_SRQ_RECV,
	VERBS_FAULT_POST_SRQ_RECV_MIDDLE,
	VERBS_FAULT_POLL_CQ, /* counts only those that would return something */
	VERBS_FAULT_REQ_NOTIFY,
	VERBS_FAULT_GET_CQ_EVENT,
	VERBS_FAULT_ALLOC_PD,
	VERBS_FAULT_REG_MR,
	VERBS_FAULT_DEREG_MR,
	VERBS_FAULT_ALLOC_MW,
	VERBS_FAULT_DEALLOC_MW,
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
	VERBS_FAULT_CM_REJECT,
	VERBS_FAULT_CM_DISCONNECT,
	VERBS_FAULT_CM_GET_EVENT,
	VERBS_FAULT_FLUSH,   /* its queue pair goes to ERR as a completion is handed out */
	VERBS_FAULT_BIND_MW, /* the device takes the work request, and refuses to bind */
	/* Events of the connection manager that are lost. */
	VERBS_FAULT_EVENT_ADDR_RESOLVED,
	VERBS_FAULT_EVENT_ROUTE_RESOLVED,
	VERBS_FAULT_EVENT_CONNECT_REQUEST,
	VERBS_FAULT_EVENT_CONNECT_RESPONSE,
	VERBS_FAULT_EVENT_ESTABLISHED,
	VERBS_FAULT_EVENT_REJECTED,
	VERBS_FAULT_EVENT_DISCONNECTED,
	VERBS_FAULT_EVENT_TIMEWAIT_EXIT,
	VERBS_FAULT_POINTS,
};

/* What is made and must be destroyed. */
enum verbs_object_kind {
	VERBS_OBJECT_PD,
	VERBS_OBJECT_MR,
	VERBS_OBJECT_MW,
	VERBS_OBJECT_CHANNEL,
	VERBS_OBJECT_CQ,
	VERBS_OBJECT_SRQ,
	VERBS_OBJECT_QP,
	VERBS_OBJECT_CM_CHANNEL,
	VERBS_OBJECT_CM_ID,
	VERBS_OBJECT_KINDS,
};

#ifdef VBI_FAULTS

/* All of these from any thread. */

/* Counts a call; whether it is to fail. */
bool verbs_fault(enum verbs_fault_point point);
/* An object that was not given up is somebody's still: not a leak. */
void verbs_faults_keep(void *object);
/* Counts the binds of a chain that is about to be posted; spoils those that are to fail. */
void verbs_faults_bind(struct ibv_send_wr *wr);
/* The errno value of the calling thread's last fault. */
int verbs_fault_errno(enum verbs_fault_point point);
/* Counts an event; whether it is lost. */
bool verbs_fault_loses(enum rdma_cm_event_type type);
/* ibv_poll_cq(), with completions late and in another order, and queue pairs that break. */
int verbs_faults_poll(struct ibv_cq *cq, int n, struct ibv_wc *wc);
/* Somebody will sleep until CQ has an event: nothing that it has is kept back now. */
void verbs_faults_armed(const struct ibv_cq *cq);
void verbs_faults_made(enum verbs_object_kind kind, void *object);
/* Before it is destroyed. */
void verbs_faults_gone(enum verbs_object_kind kind, void *object);

/*
 * For tests. A plan replaces the last one and the counts begin at 0; NULL or "" makes nothing fail.
 * -EINVAL: it does not parse.
 */
int verbs_faults_plan(const char *plan);
/* Calls of a point since the plan was made, and how many of them failed. */
uint64_t verbs_faults_calls(enum verbs_fault_point point);
uint64_t verbs_faults_fired(enum verbs_fault_point point);
const char *verbs_fault_name(enum verbs_fault_point point);
/* The errno value that it fails with, if the plan names none. */
int verbs_fault_default(enum verbs_fault_point point);
/*
 * Whether objects of a kind may be there when all is closed, by how often each point has failed:
 * what a device would not give up, and what that belongs to. It is asked for a window twice.
 */
bool verbs_faults_may_leave(enum verbs_object_kind kind, const uint64_t *n_fired);
/* Objects there are: made and not destroyed, plans notwithstanding. */
int64_t verbs_faults_objects(enum verbs_object_kind kind);
const char *verbs_object_name(enum verbs_object_kind kind);

#else

static inline bool verbs_fault(enum verbs_fault_point point)
{
	(void)point;
	return false;
}

static inline void verbs_faults_keep(void *object)
{
	(void)object;
}

static inline void verbs_faults_bind(struct ibv_send_wr *wr)
{
	(void)wr;
}

static inline int verbs_fault_errno(enum verbs_fault_point point)
{
	(void)point;
	return EIO;
}

static inline bool verbs_fault_loses(enum rdma_cm_event_type type)
{
	(void)type;
	return false;
}

static inline int verbs_faults_poll(struct ibv_cq *cq, int n, struct ibv_wc *wc)
{
	return ibv_poll_cq(cq, n, wc);
}

static inline void verbs_faults_armed(const struct ibv_cq *cq)
{
	(void)cq;
}

static inline void verbs_faults_made(enum verbs_object_kind kind, void *object)
{
	(void)kind;
	(void)object;
}

static inline void verbs_faults_gone(enum verbs_object_kind kind, void *object)
{
	(void)kind;
	(void)object;
}

#endif

#endif
