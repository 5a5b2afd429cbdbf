/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue pair's life: INIT, RTR, RTS, ERR. The transitions are made here and not by librdmacm, so
 * that its attributes are right from the first moment: rdma_cm would give an accepting one
 * REMOTE_WRITE, and an RNR timer of 655 ms.
 */
#include <errno.h>
#include <string.h>

#include "transport/cause.h"
#include "transport/clock.h"
#include "transport/memlock.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"
#include "transport/verbs/window.h"

/* Encoded 1: 10 us. Credits mean that nobody is ever told to wait; if a peer oversteps, the least
 * wait there is. What rdma_cm leaves, 0, is the longest: 655 ms. */
#define MIN_RNR_TIMER 1

/*
 * 4.096 us << 16 = 268 ms without an acknowledgement before a packet is sent again: with
 * VERBS_RETRY_COUNT a connection outlives 1.9 s in which nothing gets through, as when a switch
 * fails over or a virtual machine moves. Less than a keepalive period, which bounds it where a
 * device takes up to four times as long, as it may.
 */
#define ACK_TIMEOUT 16

/*
 * How long a broken queue pair may take to flush: hardware takes microseconds, and some devices
 * never do. Where a device's last one did not, its next ones have a twentieth each: a thousand
 * connections that end at once hold up the worker for seconds, and not for minutes.
 */
#define DRAIN_NS       (100 * TICK_NS_PER_MS)
#define DRAIN_AGAIN_NS (DRAIN_NS / 20)

int verbs_explain_resources(const struct verbs_endpoint *endpoint, int error, const char *what,
			    struct vbi_cause *ret_cause)
{
	const char *device = ibv_get_device_name(endpoint->cm->verbs->device);
	uint64_t memlock = error == -ENOMEM ? vbi_memlock_max() : UINT64_MAX;
	const char *mend = "";

	/* Which it was the kernel does not say, and the limit is what can be mended. */
	if (memlock != UINT64_MAX)
		return vbi_cause_set(ret_cause, ENOMEM,
				     "the RDMA device %s could not %s for %s: out of memory, "
				     "probably of that which may be locked: for this process "
				     "(RLIMIT_MEMLOCK, ulimit -l) it is limited to %llu KiB; "
				     "raise that",
				     device, what, endpoint->base.peer,
				     (unsigned long long)memlock / 1024);
	if (error == -ENOMEM)
		mend = "; no limit of this process is in the way (RLIMIT_MEMLOCK): the device, or "
		       "the host, has no more";
	else if (error == -EMFILE)
		mend = "; raise the limit on open files (ulimit -n)";
	/* EINVAL is what a wrong address or option is told by, and this was neither. */
	return vbi_cause_set(ret_cause, error == -EINVAL ? EIO : -error,
			     "the RDMA device %s could not %s for %s: %s%s", device, what,
			     endpoint->base.peer, vbi_errno_text(-error), mend);
}

/* A device may offer less inline than we ask for, and says so only by refusing. */
static int create(struct verbs_endpoint *endpoint)
{
	struct verbs_device *device = endpoint->device;
	struct verbs_lane *lane = endpoint->lane;
	struct ibv_qp_init_attr attr;
	int error;

	for (;;) {
		attr = (struct ibv_qp_init_attr){
			.qp_context = endpoint,
			.send_cq = lane->cq,
			.recv_cq = lane->cq,
			.srq = lane->srq,
			.cap = {.max_send_wr = VERBS_SQ_DEPTH,
				.max_recv_wr = lane->srq ? 0 : endpoint->share + VERBS_REFILL,
				.max_send_sge = 1,
				.max_recv_sge = lane->srq ? 0 : 1,
				.max_inline_data = device->inline_max},
			.qp_type = IBV_QPT_RC,
		};
		error = verbs_create_qp(endpoint->pd, &attr, &endpoint->qp);
		if (error != -EINVAL || !device->inline_max)
			return error;
		device->inline_max = device->inline_max > 64 ? device->inline_max / 2 : 0;
	}
}

/* Of a connection that the peer has ended meanwhile the CM knows no attributes. */
static int get_attributes(struct verbs_endpoint *endpoint, struct ibv_qp_attr *attr, int *ret_mask,
			  struct vbi_cause *ret_cause)
{
	int error = verbs_cm_qp_attr(endpoint->cm, attr, ret_mask);

	if (error == -EINVAL)
		return vbi_cause_set(ret_cause, ECONNRESET,
				     "peer %s ended the connection while it was made",
				     endpoint->base.peer);
	return error ? verbs_explain_resources(endpoint, error, "start a queue pair", ret_cause)
		     : 0;
}

int verbs_qp_create(struct verbs_endpoint *endpoint, struct vbi_cause *ret_cause)
{
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_INIT};
	int mask;
	int error = create(endpoint);

	if (error)
		return verbs_explain_resources(endpoint, error, "make a queue pair", ret_cause);
	verbs_domain_add_qp(endpoint->domain, endpoint);
	error = get_attributes(endpoint, &attr, &mask, ret_cause);
	if (error)
		return error;
	/* The side that serves exposes nothing, not even by mistake. */
	attr.qp_access_flags = endpoint->accepting
				       ? 0
				       : IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE;
	error = verbs_modify_qp(endpoint->qp, &attr, mask | IBV_QP_ACCESS_FLAGS);
	return error ? verbs_explain_resources(endpoint, error, "prepare a queue pair", ret_cause)
		     : 0;
}

int verbs_qp_start(struct verbs_endpoint *endpoint, struct vbi_cause *ret_cause)
{
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_RTR};
	int mask;
	int error = get_attributes(endpoint, &attr, &mask, ret_cause);

	if (error)
		return error;
	attr.min_rnr_timer = MIN_RNR_TIMER;
	if (endpoint->accepting)
		attr.max_dest_rd_atomic = 0;
	error = verbs_modify_qp(endpoint->qp, &attr, mask | IBV_QP_MIN_RNR_TIMER);
	if (error)
		return verbs_explain_resources(endpoint, error, "let a queue pair receive",
					       ret_cause);
	memset(&attr, 0, sizeof(attr));
	attr.qp_state = IBV_QPS_RTS;
	error = get_attributes(endpoint, &attr, &mask, ret_cause);
	if (error)
		return error;
	attr.timeout = ACK_TIMEOUT;
	attr.retry_cnt = VERBS_RETRY_COUNT;
	attr.rnr_retry = VERBS_RNR_RETRY_COUNT;
	attr.max_rd_atomic = endpoint->initiator_depth;
	error = verbs_modify_qp(endpoint->qp, &attr,
				mask | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
					IBV_QP_MAX_QP_RD_ATOMIC);
	return error ? verbs_explain_resources(endpoint, error, "let a queue pair send", ret_cause)
		     : 0;
}

void verbs_qp_break(struct verbs_endpoint *endpoint)
{
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_ERR};

	if (endpoint->qp && !endpoint->broken)
		endpoint->moves_still = verbs_modify_qp(endpoint->qp, &attr, IBV_QP_STATE) < 0;
	endpoint->broken = true;
	if (endpoint->established)
		verbs_cm_disconnect(endpoint->cm);
	endpoint->established = false;
}

/*
 * Behind all that a broken queue pair has posted: flushed as that is, and asks for a completion.
 * What was sent before and asked for none never has one, and would be waited for in vain. A WRITE
 * of nothing, which no peer notices.
 */
static void mark_end(struct verbs_endpoint *endpoint)
{
	if (endpoint->moves_still || endpoint->head == endpoint->tail || !verbs_sq_room(endpoint))
		return;
	verbs_sq_add_empty_write(endpoint);
}

static bool has_work(const struct verbs_endpoint *endpoint)
{
	return endpoint->head != endpoint->tail || endpoint->rq_posted;
}

static void drain(struct verbs_endpoint *endpoint)
{
	struct verbs_lane *lane = endpoint->lane;
	struct verbs_device *device = endpoint->device;
	uint64_t end = tick_clock_ns() + (device->flushes_not ? DRAIN_AGAIN_NS : DRAIN_NS);

	/* Of one that had nothing under way, or was not broken, or whose completions cannot be
	 * had, nothing is learnt about its device. */
	if (!has_work(endpoint) || endpoint->moves_still)
		return;
	while (has_work(endpoint) && lane->n_poll_errors < VERBS_POLL_ERRORS_MAX &&
	       tick_clock_ns() < end)
		verbs_lane_drain(lane, endpoint);
	if (lane->n_poll_errors < VERBS_POLL_ERRORS_MAX)
		device->flushes_not = has_work(endpoint);
}

void verbs_qp_destroy(struct verbs_endpoint *endpoint)
{
	if (!endpoint->qp)
		return;
	verbs_qp_break(endpoint);
	verbs_sq_flush(endpoint);
	/* First what has completed: the mark needs a place. */
	verbs_lane_drain(endpoint->lane, endpoint);
	mark_end(endpoint);
	verbs_sq_flush(endpoint);
	drain(endpoint);
	verbs_windows_ask_again(endpoint);
	verbs_domain_remove_qp(endpoint->domain, endpoint);
	verbs_destroy_qp(endpoint->qp);
	endpoint->qp = NULL;
	/* Those of a device that never flushed: the next queue pair begins at 0. */
	endpoint->rq_posted = 0;
	endpoint->moves_still = false;
	verbs_sq_abort(endpoint);
}

void verbs_qp_isolate(struct verbs_endpoint *endpoint)
{
	if (endpoint->moves_still)
		verbs_qp_destroy(endpoint);
}

int verbs_port_limits(struct verbs_endpoint *endpoint, struct vbi_cause *ret_cause)
{
	struct ibv_port_attr port;
	int error = verbs_query_port(endpoint->cm->verbs, endpoint->cm->port_num, &port);

	if (error)
		return verbs_explain_resources(endpoint, error, "describe its port", ret_cause);
	if (port.state != IBV_PORT_ACTIVE && port.state != IBV_PORT_ACTIVE_DEFER)
		return vbi_cause_set(ret_cause, ENETDOWN,
				     "the port %u of the RDMA device %s, the way to %s, is down: "
				     "is its cable in, its link up?",
				     endpoint->cm->port_num,
				     ibv_get_device_name(endpoint->cm->verbs->device),
				     endpoint->base.peer);
	endpoint->max_msg_size = port.max_msg_sz;
	return 0;
}
