/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs and the CM's calls, as this transport uses them: the only place that calls libibverbs
 * and librdmacm, accessors aside (tests/house/verbs.py). Errors become negative errno here
 * (libibverbs returns errno values in some calls, -1 or NULL and errno in others), and here faults
 * are made on purpose and objects are counted (faults.h).
 */
#ifndef VERBS_CALLS_H
#define VERBS_CALLS_H

#include <errno.h>
#include <poll.h>

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#include "transport/verbs/faults.h"

/* A call that returns 0 or an errno value. */
#define VERBS_CALL(verb, call) (verbs_fault(verb) ? -verbs_fault_errno(verb) : -(call))
/* A call that returns 0, or -1 and errno. */
#define VERBS_CALL_ERRNO(verb, call) \
	(verbs_fault(verb) ? -verbs_fault_errno(verb) : (call) == 0 ? 0 : -(errno ? errno : EIO))
/* A call that returns an object, or NULL and errno. */
#define VERBS_CALL_OBJECT(verb, kind, object, call)                       \
	(verbs_fault(verb)	? -verbs_fault_errno(verb)                \
	 : (*(object) = (call)) ? (verbs_faults_made(kind, *(object)), 0) \
				: -(errno ? errno : ENOMEM))
/*
 * A call that destroys an object. It does not fail on purpose: what cannot be undone has no way
 * out.
 */
#define VERBS_DESTROY(kind, object, call) \
	(verbs_faults_gone(kind, object), verbs_destroyed(kind, object, call))

/* RESULT is 0, an errno value, or -1 with errno. What is there still is counted as there. */
static inline int verbs_destroyed(enum verbs_object_kind kind, void *object, int result)
{
	if (!result)
		return 0;
	verbs_faults_made(kind, object);
	return result < 0 ? -(errno ? errno : EIO) : -result;
}

/*
 * The same for what takes memory out of a peer's reach, which fails on purpose: a device may refuse
 * (a window is bound to the region), and then the memory must be out of reach all the same.
 */
#define VERBS_REVOKE(verb, kind, object, call)                                     \
	(verbs_fault(verb) ? (verbs_faults_keep(object), -verbs_fault_errno(verb)) \
			   : VERBS_DESTROY(kind, object, call))

/* ---- The data path ---- */

/*
 * CALL posts the chain WR; VERB##_MIDDLE has a fault in the middle of one: its second half is not
 * taken, and *RET_BAD is where that begins. A provider that fails without saying where (SoftRoCE's,
 * when the process has changed its credentials) has told the device of none.
 */
#define VERBS_POST_CHAIN(verb, wr, ret_bad, call)                              \
	__extension__({                                                        \
		__typeof__(wr) last_ = (wr), rest_ = (wr)->next;               \
		int result_;                                                   \
		*(ret_bad) = (wr);                                             \
		if (!rest_ || !verbs_fault(verb##_MIDDLE)) {                   \
			result_ = VERBS_CALL(verb, call);                      \
		} else {                                                       \
			while ((rest_ = rest_->next) && (rest_ = rest_->next)) \
				last_ = last_->next;                           \
			rest_ = last_->next;                                   \
			last_->next = NULL;                                    \
			result_ = -(call);                                     \
			last_->next = rest_;                                   \
			if (!result_) {                                        \
				*(ret_bad) = rest_;                            \
				result_ = -verbs_fault_errno(verb##_MIDDLE);   \
			}                                                      \
		}                                                              \
		if (!*(ret_bad))                                               \
			*(ret_bad) = (wr);                                     \
		result_;                                                       \
	})

static inline int verbs_post_send(struct ibv_qp *qp, struct ibv_send_wr *wr,
				  struct ibv_send_wr **ret_bad)
{
	verbs_faults_bind(wr);
	return VERBS_POST_CHAIN(VERBS_FAULT_POST_SEND, wr, ret_bad, ibv_post_send(qp, wr, ret_bad));
}

static inline int verbs_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr,
				  struct ibv_recv_wr **ret_bad)
{
	return VERBS_POST_CHAIN(VERBS_FAULT_POST_RECV, wr, ret_bad, ibv_post_recv(qp, wr, ret_bad));
}

static inline int verbs_post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wr,
				      struct ibv_recv_wr **ret_bad)
{
	return VERBS_POST_CHAIN(VERBS_FAULT_POST_SRQ_RECV, wr, ret_bad,
				ibv_post_srq_recv(srq, wr, ret_bad));
}

/* How many, or negative errno. */
static inline int verbs_poll_cq(struct ibv_cq *cq, int n, struct ibv_wc *wc)
{
	int result = verbs_faults_poll(cq, n, wc);

	return result < 0 ? -EIO : result;
}

static inline int verbs_req_notify_cq(struct ibv_cq *cq, bool solicited_only)
{
	int error = VERBS_CALL(VERBS_FAULT_REQ_NOTIFY, ibv_req_notify_cq(cq, solicited_only));

	verbs_faults_armed(cq);
	return error;
}

/* -EAGAIN: none is there. *RET_OWNER is what the queue was created with. */
static inline int verbs_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **ret_cq,
				     void **ret_owner)
{
	return VERBS_CALL_ERRNO(VERBS_FAULT_GET_CQ_EVENT,
				ibv_get_cq_event(channel, ret_cq, ret_owner));
}

static inline void verbs_ack_cq_events(struct ibv_cq *cq, uint32_t n)
{
	ibv_ack_cq_events(cq, n);
}

/* ---- Objects ---- */

static inline int verbs_alloc_pd(struct ibv_context *context, struct ibv_pd **ret)
{
	return VERBS_CALL_OBJECT(VERBS_FAULT_ALLOC_PD, VERBS_OBJECT_PD, ret, ibv_alloc_pd(context));
}

static inline int verbs_dealloc_pd(struct ibv_pd *pd)
{
	return VERBS_DESTROY(VERBS_OBJECT_PD, pd, ibv_dealloc_pd(pd));
}

/* The header's ibv_reg_mr() is a macro that takes a constant's sign amiss: this is the function. */
static inline struct ibv_mr *verbs_reg_mr_call(struct ibv_pd *pd, void *address, size_t length,
					       int access)
{
	return (ibv_reg_mr)(pd, address, length, access);
}

static inline int verbs_reg_mr(struct ibv_pd *pd, void *address, size_t length, int access,
			       struct ibv_mr **ret)
{
	return VERBS_CALL_OBJECT(VERBS_FAULT_REG_MR, VERBS_OBJECT_MR, ret,
				 verbs_reg_mr_call(pd, address, length, access));
}

static inline int verbs_dereg_mr(struct ibv_mr *mr)
{
	return VERBS_REVOKE(VERBS_FAULT_DEREG_MR, VERBS_OBJECT_MR, mr, ibv_dereg_mr(mr));
}

static inline int verbs_alloc_mw(struct ibv_pd *pd, struct ibv_mw **ret)
{
	return VERBS_CALL_OBJECT(VERBS_FAULT_ALLOC_MW, VERBS_OBJECT_MW, ret,
				 ibv_alloc_mw(pd, IBV_MW_TYPE_2));
}

static inline int verbs_dealloc_mw(struct ibv_mw *mw)
{
	return VERBS_REVOKE(VERBS_FAULT_DEALLOC_MW, VERBS_OBJECT_MW, mw, ibv_dealloc_mw(mw));
}

/* The key that a window's next bind is to have. */
static inline uint32_t verbs_next_key(const struct ibv_mw *mw)
{
	return ibv_inc_rkey(mw->rkey);
}

static inline int verbs_create_channel(struct ibv_context *context, struct ibv_comp_channel **ret)
{
	return VERBS_CALL_OBJECT(VERBS_FAULT_CREATE_CHANNEL, VERBS_OBJECT_CHANNEL, ret,
				 ibv_create_comp_channel(context));
}

static inline int verbs_destroy_channel(struct ibv_comp_channel *channel)
{
	return VERBS_DESTROY(VERBS_OBJECT_CHANNEL, channel, ibv_destroy_comp_channel(channel));
}

static inline int verbs_create_cq(struct ibv_context *context, uint32_t cqes, void *owner,
				  struct ibv_comp_channel *channel, struct ibv_cq **ret)
{
	return VERBS_CALL_OBJECT(VERBS_FAULT_CREATE_CQ, VERBS_OBJECT_CQ, ret,
				 ibv_create_cq(context, (int)cqes, owner, channel, 0));
}

static inline int verbs_destroy_cq(struct ibv_cq *cq)
{
	return VERBS_DESTROY(VERBS_OBJECT_CQ, cq, ibv_destroy_cq(cq));
}

static inline int verbs_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *attr,
				   struct ibv_srq **ret)
{
	return VERBS_CALL_OBJECT(VERBS_FAULT_CREATE_SRQ, VERBS_OBJECT_SRQ, ret,
				 ibv_create_srq(pd, attr));
}

static inline int verbs_destroy_srq(struct ibv_srq *srq)
{
	return VERBS_DESTROY(VERBS_OBJECT_SRQ, srq, ibv_destroy_srq(srq));
}

static inline int verbs_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr,
				  struct ibv_qp **ret)
{
	return VERBS_CALL_OBJECT(VERBS_FAULT_CREATE_QP, VERBS_OBJECT_QP, ret,
				 ibv_create_qp(pd, attr));
}

static inline int verbs_destroy_qp(struct ibv_qp *qp)
{
	return VERBS_DESTROY(VERBS_OBJECT_QP, qp, ibv_destroy_qp(qp));
}

static inline int verbs_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	return VERBS_CALL(VERBS_FAULT_MODIFY_QP, ibv_modify_qp(qp, attr, mask));
}

static inline int verbs_query_device(struct ibv_context *context, struct ibv_device_attr *ret)
{
	return VERBS_CALL(VERBS_FAULT_QUERY, ibv_query_device(context, ret));
}

static inline int verbs_query_port(struct ibv_context *context, uint8_t port,
				   struct ibv_port_attr *ret)
{
	return VERBS_CALL(VERBS_FAULT_QUERY, ibv_query_port(context, port, ret));
}

/* ---- Connection management ---- */

static inline int verbs_cm_create_channel(struct rdma_event_channel **ret)
{
	errno = 0;
	return VERBS_CALL_OBJECT(VERBS_FAULT_CM_CREATE_CHANNEL, VERBS_OBJECT_CM_CHANNEL, ret,
				 rdma_create_event_channel());
}

static inline void verbs_cm_destroy_channel(struct rdma_event_channel *channel)
{
	verbs_faults_gone(VERBS_OBJECT_CM_CHANNEL, channel);
	rdma_destroy_event_channel(channel);
}

static inline int verbs_cm_create_id(struct rdma_event_channel *channel, void *context,
				     struct rdma_cm_id **ret)
{
	int error = VERBS_CALL_ERRNO(VERBS_FAULT_CM_CREATE_ID,
				     rdma_create_id(channel, ret, context, RDMA_PS_TCP));

	if (!error)
		verbs_faults_made(VERBS_OBJECT_CM_ID, *ret);
	return error;
}

/* All its events must have been acknowledged: it waits for that. */
static inline int verbs_cm_destroy_id(struct rdma_cm_id *id)
{
	return VERBS_DESTROY(VERBS_OBJECT_CM_ID, id, rdma_destroy_id(id));
}

/* IPv6's "any" is to hear IPv4 too, and no other address of IPv6 to take IPv4's port, whatever
 * net.ipv6.bindv6only says. 0, or -1 and errno. */
static inline int verbs_cm_bind_call(struct rdma_cm_id *id, struct sockaddr *address)
{
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)address;
	int only_ipv6;

	if (address->sa_family == AF_INET6) {
		only_ipv6 = !IN6_IS_ADDR_UNSPECIFIED(&ipv6->sin6_addr);
		if (rdma_set_option(id, RDMA_OPTION_ID, RDMA_OPTION_ID_AFONLY, &only_ipv6,
				    sizeof(only_ipv6)))
			return -1;
	}
	return rdma_bind_addr(id, address);
}

static inline int verbs_cm_bind(struct rdma_cm_id *id, struct sockaddr *address)
{
	return VERBS_CALL_ERRNO(VERBS_FAULT_CM_BIND, verbs_cm_bind_call(id, address));
}

static inline int verbs_cm_listen(struct rdma_cm_id *id, int backlog)
{
	return VERBS_CALL_ERRNO(VERBS_FAULT_CM_LISTEN, rdma_listen(id, backlog));
}

static inline int verbs_cm_resolve_addr(struct rdma_cm_id *id, struct sockaddr *to, int timeout_ms)
{
	return VERBS_CALL_ERRNO(VERBS_FAULT_CM_RESOLVE_ADDR,
				rdma_resolve_addr(id, NULL, to, timeout_ms));
}

static inline int verbs_cm_resolve_route(struct rdma_cm_id *id, int timeout_ms)
{
	return VERBS_CALL_ERRNO(VERBS_FAULT_CM_RESOLVE_ROUTE, rdma_resolve_route(id, timeout_ms));
}

static inline int verbs_cm_qp_attr(struct rdma_cm_id *id, struct ibv_qp_attr *attr, int *ret_mask)
{
	return VERBS_CALL_ERRNO(VERBS_FAULT_CM_QP_ATTR, rdma_init_qp_attr(id, attr, ret_mask));
}

static inline int verbs_cm_connect(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	return VERBS_CALL_ERRNO(VERBS_FAULT_CM_CONNECT, rdma_connect(id, param));
}

static inline int verbs_cm_establish(struct rdma_cm_id *id)
{
	return VERBS_CALL_ERRNO(VERBS_FAULT_CM_ESTABLISH, rdma_establish(id));
}

static inline int verbs_cm_accept(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	return VERBS_CALL_ERRNO(VERBS_FAULT_CM_ACCEPT, rdma_accept(id, param));
}

/* The peer is told or not: its own time-out is its safety. */
static inline int verbs_cm_reject(struct rdma_cm_id *id, const void *data, uint8_t length)
{
	return VERBS_CALL_ERRNO(VERBS_FAULT_CM_REJECT, rdma_reject(id, data, length));
}

/* The peer is told or not: its keepalive is its safety. */
static inline int verbs_cm_disconnect(struct rdma_cm_id *id)
{
	return VERBS_CALL_ERRNO(VERBS_FAULT_CM_DISCONNECT, rdma_disconnect(id));
}

/* Ends an event's life, and that of the connection that it may have brought. */
static inline void verbs_cm_lose(struct rdma_cm_event *event)
{
	struct rdma_cm_id *id = event->id;
	bool is_request = event->event == RDMA_CM_EVENT_CONNECT_REQUEST;

	rdma_ack_cm_event(event);
	if (is_request)
		rdma_destroy_id(id);
}

/* -EAGAIN: none is there. One that asks for a connection brings an id, the caller's to destroy. */
static inline int verbs_cm_get_event(struct rdma_event_channel *channel, struct rdma_cm_event **ret)
{
	int error;

	do {
		error = VERBS_CALL_ERRNO(VERBS_FAULT_CM_GET_EVENT, rdma_get_cm_event(channel, ret));
	} while (!error && verbs_fault_loses((*ret)->event) && (verbs_cm_lose(*ret), true));
	if (!error && (*ret)->event == RDMA_CM_EVENT_CONNECT_REQUEST)
		verbs_faults_made(VERBS_OBJECT_CM_ID, (*ret)->id);
	return error;
}

static inline void verbs_cm_ack_event(struct rdma_cm_event *event)
{
	rdma_ack_cm_event(event);
}

#endif
