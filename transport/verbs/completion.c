/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completions. Of one that failed only wr_id, status, qp_num and vendor_err are valid, so that
 * wr_id says what it belongs to and nothing here looks at an opcode.
 */
#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/clock.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"

/* After a receive was flushed: how long the completion that says why may take. */
#define CAUSE_NS (50 * TICK_NS_PER_MS)

static struct verbs_slot *slot_of(const struct ibv_wc *wc)
{
	return (struct verbs_slot *)(uintptr_t)(wc->wr_id & ~1ull);
}

struct verbs_endpoint *verbs_completion_owner(const struct verbs_lane *lane,
					      const struct ibv_wc *wc)
{
	if (verbs_id_is_receive(wc->wr_id))
		return verbs_domain_by_qp(lane->device, wc->qp_num);
	return verbs_domain_endpoint(lane->device->domain, verbs_id_endpoint(wc->wr_id));
}

/* ---- Failures ---- */

int verbs_status_errno(enum ibv_wc_status status)
{
	switch (status) {
	case IBV_WC_SUCCESS:
		return 0;
	case IBV_WC_REM_ACCESS_ERR: /* the peer has taken the memory back */
		return -ECANCELED;
	case IBV_WC_LOC_LEN_ERR:
	case IBV_WC_REM_INV_REQ_ERR:
		return -EPROTO;
	case IBV_WC_WR_FLUSH_ERR:
	case IBV_WC_RETRY_EXC_ERR:
	case IBV_WC_RNR_RETRY_EXC_ERR:
		return -ECONNRESET;
	default:
		return -EIO;
	}
}

/* What a status tells about peer and path, for people. */
static const char *meaning(enum ibv_wc_status status)
{
	switch (status) {
	case IBV_WC_RETRY_EXC_ERR:
		return "the peer's host or the path to it is gone: nothing was acknowledged";
	case IBV_WC_RNR_RETRY_EXC_ERR:
		return "the peer has no receive posted, against what it granted";
	case IBV_WC_REM_ACCESS_ERR:
		return "the memory that a call named is not exposed to it, or no more";
	case IBV_WC_LOC_LEN_ERR:
		return "the peer sent a message longer than it may";
	case IBV_WC_REM_INV_REQ_ERR:
		return "the peer's device refuses such a request";
	case IBV_WC_REM_OP_ERR:
		return "the peer's device failed";
	case IBV_WC_WR_FLUSH_ERR:
		return "the queue pair was broken and nobody said why";
	case IBV_WC_LOC_QP_OP_ERR:
		return "this host's port has gone down, or its device failed";
	default:
		return "this host's device failed";
	}
}

/* SoftRoCE calls a message that its receive does not hold an error of the queue pair. */
static enum ibv_wc_status true_status(const struct verbs_endpoint *endpoint,
				      const struct ibv_wc *wc)
{
	return wc->status == IBV_WC_LOC_QP_OP_ERR && verbs_id_is_receive(wc->wr_id) &&
			       verbs_device_is_rxe(endpoint->device)
		       ? IBV_WC_LOC_LEN_ERR
		       : wc->status;
}

static void fail(struct verbs_endpoint *endpoint, const struct ibv_wc *wc)
{
	enum ibv_wc_status status = true_status(endpoint, wc);
	int error = verbs_status_errno(status);

	verbs_endpoint_fail(endpoint, error == -ECANCELED ? ECONNRESET : -error,
			    "connection with peer %s: %s (work completion: %s, queue pair %u, "
			    "vendor code 0x%x, %s)",
			    endpoint->base.peer, meaning(status), ibv_wc_status_str(wc->status),
			    wc->qp_num, wc->vendor_err,
			    verbs_id_is_receive(wc->wr_id) ? "receive" : "send");
}

/* A flushed receive follows from something: its cause is on the way, or never comes. */
static void flushed(struct verbs_endpoint *endpoint)
{
	if (endpoint->flushed)
		return;
	endpoint->flushed = true;
	endpoint->deadline_ns = tick_clock_ns() + CAUSE_NS;
	verbs_timers_note(endpoint->domain, endpoint->deadline_ns);
}

/* ---- Receives ---- */

static uint32_t length_word(const struct verbs_slot *slot)
{
	uint32_t word;

	memcpy(&word, slot->message.data, sizeof(word));
	return word;
}

/* A message of the transport's own. Its slot is given back before. */
static void take_own(struct verbs_endpoint *endpoint, enum verbs_tag tag)
{
	switch (tag) {
	case VERBS_TAG_PING:
		/* It has asked as often as it may without an answer, and those have not even left:
		 * a peer that takes no answers would fill the memory that all send from. */
		if (endpoint->pongs_waiting >= VERBS_PINGS_MAX)
			break;
		verbs_send_own(endpoint, VERBS_TAG_PONG);
		return;
	case VERBS_TAG_PONG:
		if (verbs_keepalive_answered(&endpoint->keepalive))
			return;
		break;
	case VERBS_TAG_GOODBYE:
		verbs_endpoint_fail(endpoint, ECONNRESET, "peer %s has closed the connection",
				    endpoint->base.peer);
		return;
	case VERBS_TAG_RPC:
		break;
	}
	verbs_endpoint_fail(endpoint, EPROTO,
			    "peer %s sent a message that breaks the protocol (tag %u)",
			    endpoint->base.peer, tag);
}

static void take_message(struct verbs_endpoint *endpoint, struct verbs_slot *slot, uint32_t length)
{
	/* Receives that are its own: it may have used those of its control too. */
	if (endpoint->n_held >= endpoint->share) {
		verbs_give_back(endpoint, slot);
		verbs_endpoint_fail(endpoint, EPROTO,
				    "peer %s sent more messages than it was granted (%u)",
				    endpoint->base.peer, endpoint->domain->options.receives);
		return;
	}
	slot->message.length = length;
	DL_PREPEND2(endpoint->held, slot, previous, next);
	endpoint->n_held++;
	endpoint->domain->base.events->received(endpoint->base.owner, &slot->message);
}

/*
 * A SEND of some length: the completion has succeeded, so that its opcode is valid. A WRITE with
 * immediate data takes a receive too and leaves in it what was there before. An empty message never
 * has a length word, and some devices drop it.
 */
static bool is_message(const struct ibv_wc *wc)
{
	return wc->opcode == IBV_WC_RECV && wc->byte_len >= VBI_MESSAGE_MIN;
}

/* SoftRoCE hands the kernel's flag through, which has the value of another here. */
static bool ends_window(const struct verbs_endpoint *endpoint, const struct ibv_wc *wc)
{
	return wc->wc_flags & IBV_WC_WITH_INV ||
	       (wc->wc_flags & IBV_WC_IP_CSUM_OK && verbs_device_is_rxe(endpoint->device));
}

static void received(struct verbs_endpoint *endpoint, struct verbs_slot *slot,
		     const struct ibv_wc *wc)
{
	uint32_t bytes = wc->byte_len;
	uint32_t word = is_message(wc) ? length_word(slot) : 0;
	enum verbs_tag tag = (enum verbs_tag)(word & VERBS_TAG_MASK);
	uint32_t length = word & ~VERBS_TAG_MASK;

	endpoint->keepalive.heard = true;
	if (endpoint->state == VERBS_CONNECTING)
		verbs_endpoint_live(endpoint);
	if (length != bytes || bytes < VBI_MESSAGE_MIN ||
	    bytes > endpoint->base.limits.receive_max) {
		verbs_give_back(endpoint, slot);
		verbs_endpoint_fail(
			endpoint, EPROTO,
			"peer %s sent %u bytes as a message of %u; %u to %u were agreed",
			endpoint->base.peer, bytes, length, VBI_MESSAGE_MIN,
			endpoint->base.limits.receive_max);
		return;
	}
	if (__builtin_expect(endpoint->has_windows, 0) && ends_window(endpoint, wc) &&
	    verbs_exposure_ended(endpoint, wc->invalidated_rkey)) {
		verbs_give_back(endpoint, slot);
		verbs_endpoint_fail(endpoint, EPROTO,
				    "peer %s ended an exposure (key 0x%x) that there is not",
				    endpoint->base.peer, wc->invalidated_rkey);
		return;
	}
	if (__builtin_expect(tag == VERBS_TAG_RPC, 1)) {
		take_message(endpoint, slot, length);
		return;
	}
	verbs_give_back(endpoint, slot);
	if (endpoint->state == VERBS_LIVE)
		take_own(endpoint, tag);
}

static void receive_completed(struct verbs_lane *lane, struct verbs_endpoint *endpoint,
			      const struct ibv_wc *wc)
{
	struct verbs_slot *slot = slot_of(wc);
	bool takes = endpoint &&
		     (endpoint->state == VERBS_LIVE || endpoint->state == VERBS_CONNECTING);

	if (lane->srq)
		verbs_lane_received(lane, slot);
	else if (endpoint)
		endpoint->rq_posted--;
	if (__builtin_expect(takes && wc->status == IBV_WC_SUCCESS, 1)) {
		received(endpoint, slot, wc);
		return;
	}
	if (endpoint)
		verbs_give_back(endpoint, slot);
	else if (lane->srq)
		verbs_lane_refill(lane, slot);
	if (!takes)
		return;
	if (wc->status == IBV_WC_WR_FLUSH_ERR)
		flushed(endpoint);
	else
		fail(endpoint, wc);
}

/* ---- All ---- */

static void send_completed(struct verbs_endpoint *endpoint, const struct ibv_wc *wc)
{
	bool is_leaving = endpoint->state == VERBS_LEAVING;

	/* The cause first: what the failed work belonged to may want to know it. */
	if (__builtin_expect(wc->status != IBV_WC_SUCCESS, 0)) {
		fail(endpoint, wc);
		verbs_sq_completed(endpoint, wc);
		if (is_leaving && endpoint->state == VERBS_LEAVING)
			verbs_endpoint_destroy(endpoint);
		return;
	}
	verbs_sq_completed(endpoint, wc);
	/* One that leaves too: its goodbye may stand behind what waits, and has its time from when
	 * the last of that arrived. */
	if (endpoint->state == VERBS_LEAVING)
		endpoint->deadline_ns = tick_clock_ns() + VERBS_GOODBYE_NS;
	if (endpoint->state == VERBS_LIVE || endpoint->state == VERBS_LEAVING)
		verbs_sq_resume(endpoint);
}

void verbs_completion(struct verbs_lane *lane, const struct ibv_wc *wc)
{
	struct verbs_endpoint *endpoint = verbs_completion_owner(lane, wc);

	if (verbs_id_is_receive(wc->wr_id))
		receive_completed(lane, endpoint, wc);
	else if (endpoint)
		send_completed(endpoint, wc);
}

void verbs_completion_drained(struct verbs_endpoint *endpoint, const struct ibv_wc *wc)
{
	if (verbs_id_is_receive(wc->wr_id)) {
		if (endpoint->lane->srq)
			verbs_lane_received(endpoint->lane, slot_of(wc));
		else
			endpoint->rq_posted--;
		verbs_give_back(endpoint, slot_of(wc));
	} else {
		verbs_sq_completed(endpoint, wc);
	}
}
