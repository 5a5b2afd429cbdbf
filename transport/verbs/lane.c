/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane: a completion queue, the queue pairs admitted to it and, for the accepting side, a shared
 * receive queue. Admission is arithmetic: what may be posted at worst fits the queues, so that
 * neither can overrun, mass death of peers included (every work request completes at most once,
 * flushed or not).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/clock.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"

/*
 * Entries of an accepting lane's completion queue, if the device has so many; half of them for the
 * SRQ. With 64 calls a connection (76 receives and an eighth, 128 sends) 64 connections share a
 * lane: (16384 - 8192) / 128; the SRQ would hold 95.
 */
#define LANE_CQES 16384u

/* The headroom that a peer can use up before it is seen to overstep: an eighth. */
#define HEADROOM_SHIFT 3

/* Receives that the device did not take are posted again that often: it may have been out of memory
 * for a moment. */
#define RETRY_NS (5 * TICK_NS_PER_MS)

/* So long may an SRQ have fewer receives than were granted before its connections are ended. Their
 * peers' sends wait meanwhile; for ever would be a hang. */
#define PATIENCE_NS (200 * TICK_NS_PER_MS)

/*
 * A queue pair that ends may take a receive of the SRQ with it: one that its device had begun to
 * fill, or whose completion comes after the last look, which the driver then removes and says
 * nothing of (InfiniBand specification, 10.3.1; the event by which a device tells the last of them
 * is not read: docs/verbs.md). So for each that has ended on a lane one more is posted. A lane
 * where so many have ended, 2 MiB of receives of the default size, admits no more, and is closed
 * when its last endpoint leaves.
 */
#define ENDED_MAX 256u

/* ---- Arithmetic ---- */

/* Receives that a SRQ is filled with for SHARES. */
static uint32_t srq_target(uint32_t shares)
{
	return shares + (shares >> HEADROOM_SHIFT) + VERBS_REFILL;
}

static void set_target(struct verbs_lane *lane)
{
	lane->target = srq_target(lane->shares) + lane->n_ended;
}

static bool is_worn(const struct verbs_lane *lane)
{
	return lane->n_ended >= ENDED_MAX;
}

/* Entries of the CQ that a connecting endpoint may fill. */
static uint32_t own_worst(const struct verbs_endpoint *endpoint)
{
	return VERBS_SQ_DEPTH + endpoint->share + VERBS_REFILL;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static bool has_room(const struct verbs_lane *lane, const struct verbs_endpoint *endpoint)
{
	if (lane->n_poll_errors >= VERBS_POLL_ERRORS_MAX)
		return false;
	if (!endpoint->accepting)
		return !lane->srq && lane->reserved + own_worst(endpoint) <= lane->cqes;
	/* Any one queue pair may get all that the SRQ holds. */
	return lane->srq && !is_worn(lane) &&
	       srq_target(lane->shares + endpoint->share) + lane->n_ended <= lane->srq_depth &&
	       lane->reserved + VERBS_SQ_DEPTH + lane->srq_depth <= lane->cqes;
}

/* ---- Make, close ---- */

static int make_srq(struct verbs_lane *lane)
{
	struct ibv_srq_init_attr attr = {.attr = {.max_wr = lane->cqes / 2, .max_sge = 1}};
	int error;

	attr.attr.max_wr = least(attr.attr.max_wr, (uint32_t)lane->device->attr.max_srq_wr);
	error = verbs_create_srq(lane->device->pd, &attr, &lane->srq);
	if (!error)
		lane->srq_depth = attr.attr.max_wr;
	return error;
}

/* Entries of a new lane's CQ: for a connecting one as much as is needed, twice the last one's. */
static uint32_t lane_size(const struct verbs_device *device, const struct verbs_endpoint *endpoint)
{
	uint32_t most = (uint32_t)device->attr.max_cqe;
	uint32_t size = LANE_CQES;

	if (!endpoint->accepting) {
		size = own_worst(endpoint);
		if (device->lanes && size < 2 * device->lanes->cqes)
			size = 2 * device->lanes->cqes;
	}
	return least(size, most);
}

static int lane_open(struct verbs_device *device, const struct verbs_endpoint *endpoint,
		     struct verbs_lane **ret_lane)
{
	struct verbs_lane *lane = calloc(1, sizeof(*lane));
	int error = -ENOMEM;

	if (!lane)
		return -ENOMEM;
	lane->device = device;
	lane->number = ++device->n_lanes;
	lane->cqes = lane_size(device, endpoint);
	LL_PREPEND(device->lanes, lane);
	lane->taken_room = 2 * VERBS_POLL_BATCH;
	lane->taken = calloc(lane->taken_room, sizeof(*lane->taken));
	if (lane->taken)
		error = verbs_create_cq(device->context, lane->cqes, lane, device->channel,
					&lane->cq);
	if (!error && endpoint->accepting)
		error = make_srq(lane);
	if (!error && !has_room(lane, endpoint))
		error = -ENOSPC;
	if (error) {
		verbs_lane_close(lane);
		return error;
	}
	*ret_lane = lane;
	return 0;
}

void verbs_lane_close(struct verbs_lane *lane)
{
	if (lane->srq)
		verbs_destroy_srq(lane->srq);
	verbs_slab_take_back(&lane->device->receives, lane->number);
	if (lane->cq) {
		/* Events that nobody acknowledges would hold up the destruction. */
		verbs_device_take_events(lane->device);
		verbs_ack_cq_events(lane->cq, lane->n_unacked);
		verbs_destroy_cq(lane->cq);
	}
	LL_DELETE(lane->device->lanes, lane);
	free(lane->taken);
	free(lane);
}

/* ---- The shared receive queue ---- */

static void fail_all(struct verbs_lane *lane, int errnum, const char *what)
{
	struct verbs_endpoint *endpoint;

	DL_FOREACH2(lane->device->domain->endpoints, endpoint, next)
	{
		if (endpoint->lane == lane)
			verbs_endpoint_fail(endpoint, errnum, "the RDMA device %s %s: %s",
					    ibv_get_device_name(lane->device->context->device),
					    what, vbi_errno_text(errnum));
	}
}

static void note_refusal(struct verbs_lane *lane, int error)
{
	if (!error) {
		lane->refused_since = 0;
	} else if (!lane->refused_since) {
		lane->refused_since = tick_clock_ns();
		verbs_timers_note(lane->device->domain, lane->refused_since + RETRY_NS);
	}
}

/* Posts what was given back, in one chain. What the device does not take waits for the next try. */
static int post_refill(struct verbs_lane *lane)
{
	bool any = lane->refill != NULL;
	int error = verbs_post_refill(NULL, lane->srq, &lane->refill, &lane->n_refill,
				      &lane->posted);

	if (any)
		note_refusal(lane, error);
	return error;
}

static void add_refill(struct verbs_lane *lane, struct verbs_slot *slot)
{
	slot->lane = lane->number;
	slot->next = lane->refill;
	lane->refill = slot;
	lane->n_refill++;
}

void verbs_lane_refill(struct verbs_lane *lane, struct verbs_slot *slot)
{
	if (lane->posted + lane->n_refill >= lane->target) {
		verbs_slab_put(&lane->device->receives, slot);
		return;
	}
	add_refill(lane, slot);
	if (lane->n_refill >= VERBS_REFILL)
		post_refill(lane);
}

uint64_t verbs_lane_look(struct verbs_lane *lane, uint64_t now)
{
	int error = 0;

	if (is_worn(lane) && !lane->n_endpoints) {
		/* Whoever polls around this poll may be at this lane. */
		if (lane->device->domain->depth > 1)
			return now + RETRY_NS;
		verbs_lane_close(lane);
		return UINT64_MAX;
	}
	if (!lane->refused_since)
		return UINT64_MAX;
	while (!error && lane->n_refill)
		error = post_refill(lane);
	if (!error || !lane->n_endpoints) {
		lane->refused_since = 0;
		return UINT64_MAX;
	}
	if (lane->posted < lane->shares && now - lane->refused_since >= PATIENCE_NS)
		fail_all(lane, -error, "takes no receives");
	return now + RETRY_NS;
}

/* Buffers of the slab for as many receives as are missing. */
static void take_missing(struct verbs_lane *lane)
{
	struct verbs_slab *slab = &lane->device->receives;

	while (slab->free && lane->posted + lane->n_refill < lane->target)
		add_refill(lane, verbs_slab_get(slab));
}

static int fill_srq(struct verbs_lane *lane)
{
	int error = 0;

	take_missing(lane);
	/* One registration for all that the slab did not have. */
	if (lane->posted + lane->n_refill < lane->target)
		error = verbs_slab_grow(&lane->device->receives,
					lane->target - lane->posted - lane->n_refill);
	if (!error)
		take_missing(lane);
	/* What is there for those that have ended is no reason to turn a client away. */
	else if (lane->posted + lane->n_refill >= srq_target(lane->shares))
		error = 0;
	while (!error && lane->n_refill)
		error = post_refill(lane);
	return error;
}

/* ---- Admission ---- */

int verbs_lane_admit(struct verbs_device *device, struct verbs_endpoint *endpoint)
{
	struct verbs_lane *lane;
	int error = 0;

	LL_FOREACH(device->lanes, lane) {
		if (has_room(lane, endpoint))
			break;
	}
	if (!lane)
		error = lane_open(device, endpoint, &lane);
	if (error)
		return error;
	endpoint->lane = lane;
	lane->n_endpoints++;
	if (!endpoint->accepting) {
		lane->reserved += own_worst(endpoint);
		return 0;
	}
	lane->reserved += VERBS_SQ_DEPTH;
	lane->shares += endpoint->share;
	set_target(lane);
	error = fill_srq(lane);
	if (error)
		verbs_lane_leave(endpoint);
	return error;
}

void verbs_lane_leave(struct verbs_endpoint *endpoint)
{
	struct verbs_lane *lane = endpoint->lane;

	if (!lane)
		return;
	endpoint->lane = NULL;
	lane->n_endpoints--;
	if (!endpoint->accepting) {
		lane->reserved -= own_worst(endpoint);
		return;
	}
	/* What is posted too much comes back by and by: released slots are not posted again. */
	lane->reserved -= VERBS_SQ_DEPTH;
	lane->shares -= endpoint->share;
	lane->n_ended++;
	set_target(lane);
	if (is_worn(lane) && !lane->n_endpoints)
		verbs_timers_note(lane->device->domain, 0);
}

/* ---- Completions ---- */

/* Takes more completions from the device, behind those that are there. How many. */
static uint32_t take(struct verbs_lane *lane)
{
	int n;

	if (lane->at_taken == lane->n_taken)
		lane->at_taken = lane->n_taken = 0;
	if (lane->n_taken + VERBS_POLL_BATCH > lane->taken_room) {
		struct ibv_wc *more = realloc(lane->taken,
					      2 * lane->taken_room * sizeof(*lane->taken));

		/* Later: there is something to be handled first. */
		if (!more)
			return 0;
		lane->taken = more;
		lane->taken_room *= 2;
	}
	n = verbs_poll_cq(lane->cq, VERBS_POLL_BATCH, &lane->taken[lane->n_taken]);
	if (n < 0) {
		lane->n_poll_errors += lane->n_poll_errors < VERBS_POLL_ERRORS_MAX;
		return 0;
	}
	lane->n_poll_errors = 0;
	lane->n_taken += (uint32_t)n;
	return (uint32_t)n;
}

int verbs_lane_poll(struct verbs_lane *lane)
{
	int handled = 0;

	if (lane->at_taken == lane->n_taken && !take(lane)) {
		if (__builtin_expect(lane->n_poll_errors >= VERBS_POLL_ERRORS_MAX, 0))
			fail_all(lane, EIO, "says nothing of its completions");
		return 0;
	}
	while (lane->at_taken < lane->n_taken && handled < VERBS_POLL_BATCH) {
		/* A copy: what handles it may take more, and move the array. */
		struct ibv_wc wc = lane->taken[lane->at_taken++];

		verbs_completion(lane, &wc);
		handled++;
	}
	return handled;
}

unsigned verbs_lane_drain(struct verbs_lane *lane, struct verbs_endpoint *endpoint)
{
	uint32_t from, to;
	unsigned n = 0;

	while (take(lane))
		;
	from = to = lane->at_taken;
	for (; from < lane->n_taken; from++) {
		struct ibv_wc wc = lane->taken[from];

		if (verbs_completion_owner(lane, &wc) == endpoint) {
			verbs_completion_drained(endpoint, &wc);
			n++;
		} else {
			lane->taken[to++] = wc;
		}
	}
	lane->n_taken = to;
	return n;
}

bool verbs_lane_has_send(struct verbs_lane *lane, const struct verbs_endpoint *endpoint)
{
	while (take(lane))
		;
	for (uint32_t i = lane->at_taken; i < lane->n_taken; i++) {
		const struct ibv_wc *wc = &lane->taken[i];

		if (!verbs_id_is_receive(wc->wr_id) && verbs_completion_owner(lane, wc) == endpoint)
			return true;
	}
	/* While polls fail, nobody knows what is there. */
	return lane->n_poll_errors && lane->n_poll_errors < VERBS_POLL_ERRORS_MAX;
}

int verbs_lane_arm(struct verbs_lane *lane)
{
	/* An error of a send does not wake a queue that is armed for solicited completions. */
	enum verbs_armed wanted = lane->n_works ? VERBS_ARMED_ANY : VERBS_ARMED_SOLICITED;
	int error = 0;

	if (lane->at_taken < lane->n_taken)
		return -EBUSY;
	if (lane->armed < wanted) {
		error = verbs_req_notify_cq(lane->cq, wanted == VERBS_ARMED_SOLICITED);
		if (!error)
			lane->armed = wanted;
	}
	/* What came before the queue was armed makes no event. Nor is it known while polls fail. */
	if (take(lane) || (lane->n_poll_errors && lane->n_poll_errors < VERBS_POLL_ERRORS_MAX))
		return -EBUSY;
	return error;
}
