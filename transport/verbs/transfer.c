/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulls and pushes: READs and WRITEs that the serving side issues. A transfer waits in
 * endpoint->transfers until all of its pieces are posted; each piece is one work request.
 */
#include <errno.h>

#include "transport/verbs/region.h"
#include "transport/verbs/verbs.h"
#include "transport/verbs/window.h"

/* Work requests that transfers leave to messages: an answer must not wait for bulk of others. */
#define ROOM_FOR_MESSAGES (VERBS_SQ_DEPTH / 4)

/* vbi_transfer.state, as we use it. */
struct __attribute__((may_alias)) moving {
	uint64_t posted; /* bytes */
	uint32_t lkey;
	uint32_t underway; /* pieces */
	int32_t error;	   /* the first; no more is posted */
	bool is_push;
	bool is_waiting; /* in endpoint->transfers */
};
static_assert(sizeof(struct moving) <= sizeof(((struct vbi_transfer *)0)->state), "fits");

static struct moving *state_of(const struct vbi_transfer *transfer)
{
	return (struct moving *)(uintptr_t)transfer->state;
}

/* ---- The queue ---- */

static void enqueue(struct verbs_endpoint *endpoint, struct vbi_transfer *transfer)
{
	transfer->next = NULL;
	*endpoint->transfers_end = transfer;
	endpoint->transfers_end = &transfer->next;
	state_of(transfer)->is_waiting = true;
}

static void dequeue(struct verbs_endpoint *endpoint, struct vbi_transfer *transfer)
{
	struct vbi_transfer **link = &endpoint->transfers;

	while (*link != transfer)
		link = &(*link)->next;
	*link = transfer->next;
	if (!*link)
		endpoint->transfers_end = link;
	state_of(transfer)->is_waiting = false;
}

/* All that will be posted has been, and has ended. */
static void finish_if_over(struct verbs_endpoint *endpoint, struct vbi_transfer *transfer)
{
	struct moving *state = state_of(transfer);

	if (state->underway || state->is_waiting)
		return;
	endpoint->n_underway--;
	endpoint->n_pulling -= !state->is_push;
	transfer->done(transfer, state->error);
}

/* ---- Posting ---- */

static void post_piece(struct verbs_endpoint *endpoint, struct vbi_transfer *transfer)
{
	struct moving *state = state_of(transfer);
	uint64_t at = state->posted, left = transfer->length - at;
	uint32_t length = left < endpoint->max_msg_size ? (uint32_t)left : endpoint->max_msg_size;
	struct ibv_send_wr *wr;

	state->posted += length;
	state->underway++;
	/* Behind these two: a full chain is posted here, and may fail with pieces of this very
	 * transfer in it. */
	wr = verbs_sq_begin(endpoint);
	*wr->sg_list = (struct ibv_sge){
		.addr = (uintptr_t)transfer->local + at,
		.length = length,
		.lkey = state->lkey,
	};
	wr->opcode = state->is_push ? IBV_WR_RDMA_WRITE : IBV_WR_RDMA_READ;
	wr->send_flags = 0;
	wr->wr.rdma.remote_addr = transfer->record.address + transfer->offset + at;
	wr->wr.rdma.rkey = transfer->record.key;
	/* Only the end of it is news to anybody. */
	verbs_sq_end(endpoint, wr, VERBS_WORK_TRANSFER, transfer,
		     state->posted == transfer->length);
}

void verbs_transfers_resume(struct verbs_endpoint *endpoint)
{
	bool any = false;

	while (endpoint->transfers && endpoint->state == VERBS_LIVE &&
	       verbs_sq_room(endpoint) > ROOM_FOR_MESSAGES) {
		struct vbi_transfer *transfer = endpoint->transfers;

		post_piece(endpoint, transfer);
		if (state_of(transfer)->posted == transfer->length)
			dequeue(endpoint, transfer);
		any = true;
	}
	if (any)
		verbs_sq_flush_soon(endpoint);
}

void verbs_transfer_piece_done(struct verbs_endpoint *endpoint, struct vbi_transfer *transfer,
			       int status)
{
	struct moving *state = state_of(transfer);

	state->underway--;
	if (status && !state->error)
		state->error = status;
	if (state->error && state->is_waiting)
		dequeue(endpoint, transfer);
	finish_if_over(endpoint, transfer);
}

void verbs_transfer_piece_dropped(struct verbs_endpoint *endpoint, struct vbi_transfer *transfer)
{
	struct moving *state = state_of(transfer);

	state->underway--;
	if (!state->error)
		state->error = -ECONNRESET;
	/* rpc may be in the middle of something: it is told by verbs_transfers_abort(). */
	if (!state->underway && !state->is_waiting)
		enqueue(endpoint, transfer);
}

void verbs_transfers_abort(struct verbs_endpoint *endpoint)
{
	while (endpoint->transfers) {
		struct vbi_transfer *transfer = endpoint->transfers;
		struct moving *state = state_of(transfer);

		dequeue(endpoint, transfer);
		if (!state->error)
			state->error = -ECONNRESET;
		finish_if_over(endpoint, transfer);
	}
}

/* ---- What rpc calls ---- */

/* Whether what the transfer names can lie in an exposure of this transport. Where it does not, the
 * peer's device refuses. */
static bool is_within(const struct verbs_endpoint *endpoint, const struct vbi_transfer *transfer)
{
	const struct vbi_record *record = &transfer->record;
	uint32_t flags = endpoint->has_windows ? VERBS_RECORD_WINDOW : 0;

	return !(record->flags & ~flags) && record->length != 0 &&
	       record->length <= UINT64_MAX - record->address && transfer->length != 0 &&
	       transfer->offset <= record->length &&
	       transfer->length <= record->length - transfer->offset;
}

static int start(struct verbs_endpoint *endpoint, struct vbi_transfer *transfer, bool is_push)
{
	struct moving *state = state_of(transfer);
	uint32_t lkey;
	int error;

	if (endpoint->state != VERBS_LIVE)
		return -ECONNRESET;
	if (!is_within(endpoint, transfer))
		return -EPROTO;
	/* Its client has agreed to none: a READ would hang in the queue, or break it. */
	if (!is_push && endpoint->initiator_depth == 0)
		return -EOPNOTSUPP;
	error = verbs_region_key(endpoint->domain, endpoint->device, transfer->local,
				 transfer->length, &lkey);
	if (error)
		return error;
	*state = (struct moving){.lkey = lkey, .is_push = is_push};
	endpoint->n_underway++;
	endpoint->n_pulling += !is_push;
	enqueue(endpoint, transfer);
	verbs_transfers_resume(endpoint);
	/* All of it stands in the send queue, which keeps its order. */
	return is_push && !state->is_waiting ? VBI_ORDERED : 0;
}

int verbs_pull(struct vbi_endpoint *base, struct vbi_transfer *transfer)
{
	return start(verbs_endpoint_of(base), transfer, false);
}

int verbs_push(struct vbi_endpoint *base, struct vbi_transfer *transfer)
{
	return start(verbs_endpoint_of(base), transfer, true);
}

/* Another host's memory cannot be mapped. */
void *verbs_map(struct vbi_endpoint *base, const struct vbi_record *record, unsigned rights)
{
	(void)base;
	(void)record;
	(void)rights;
	return NULL;
}

void verbs_unmap(struct vbi_endpoint *base, const struct vbi_record *record, unsigned rights)
{
	(void)base;
	(void)record;
	(void)rights;
}
