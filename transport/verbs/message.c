/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: buffers, sends, releases. */
#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"
#include "transport/verbs/window.h"

/* Bytes of a message of our own: a bare header. */
#define OWN_LENGTH VBI_MESSAGE_MIN

/* ---- Buffers ---- */

struct vbi_message *verbs_message_get(struct vbi_endpoint *base)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);
	struct verbs_slot *slot = verbs_slab_get(endpoint->send_slab);

	if (__builtin_expect(!slot, 0))
		return NULL;
	DL_PREPEND2(endpoint->unsent, slot, previous, next);
	return &slot->message;
}

void verbs_end_with(struct vbi_endpoint *base, struct vbi_message *message,
		    const struct vbi_record *record)
{
	if (verbs_endpoint_of(base)->has_windows && record->flags == VERBS_RECORD_WINDOW)
		verbs_slot_of(message)->ends = record->key;
}

void verbs_message_put(struct vbi_endpoint *base, struct vbi_message *message)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);
	struct verbs_slot *slot = verbs_slot_of(message);

	DL_DELETE2(endpoint->unsent, slot, previous, next);
	verbs_slab_put(endpoint->send_slab, slot);
}

void verbs_prepare(struct vbi_endpoint *base)
{
	(void)base;
}

/* ---- Sending ---- */

static enum verbs_work_kind kind_of(enum verbs_tag tag)
{
	switch (tag) {
	case VERBS_TAG_PING:
		return VERBS_WORK_PING;
	case VERBS_TAG_GOODBYE:
		return VERBS_WORK_GOODBYE;
	default:
		return VERBS_WORK_MESSAGE;
	}
}

static enum verbs_tag tag_of(const struct vbi_message *message)
{
	return (enum verbs_tag)(message->data[0] & VERBS_TAG_MASK);
}

/* A message's work request into the chain. A ping and a goodbye ask for a completion: that they
 * have arrived is what they are for. */
static void add(struct verbs_endpoint *endpoint, struct verbs_slot *slot)
{
	uint32_t length = slot->message.length;
	enum verbs_tag tag = tag_of(&slot->message);
	enum verbs_work_kind kind = kind_of(tag);
	struct ibv_send_wr *wr = verbs_sq_begin(endpoint);

	*wr->sg_list = (struct ibv_sge){
		.addr = (uintptr_t)slot->message.data,
		.length = length,
		.lkey = slot->lkey,
	};
	wr->opcode = IBV_WR_SEND;
	if (__builtin_expect(slot->ends != 0, 0)) {
		wr->opcode = IBV_WR_SEND_WITH_INV;
		wr->invalidate_rkey = slot->ends;
	}
	/* A pong must wake nobody: who asked is awake for its own completion. */
	wr->send_flags = tag == VERBS_TAG_PONG ? 0 : IBV_SEND_SOLICITED;
	if (length <= endpoint->base.limits.inline_max) {
		wr->send_flags |= IBV_SEND_INLINE;
		endpoint->domain->base.stats->messages_inline++;
	}
	verbs_sq_end(endpoint, wr, kind, slot, kind != VERBS_WORK_MESSAGE);
}

static void enqueue(struct verbs_endpoint *endpoint, struct verbs_slot *slot)
{
	slot->next = NULL;
	endpoint->pongs_waiting += tag_of(&slot->message) == VERBS_TAG_PONG;
	*endpoint->queue_end = slot;
	endpoint->queue_end = &slot->next;
}

void verbs_queue_resume(struct verbs_endpoint *endpoint)
{
	while (endpoint->queue && verbs_sq_room(endpoint) && !endpoint->broken) {
		struct verbs_slot *slot = endpoint->queue;

		endpoint->queue = slot->next;
		if (!endpoint->queue)
			endpoint->queue_end = &endpoint->queue;
		endpoint->pongs_waiting -= tag_of(&slot->message) == VERBS_TAG_PONG;
		add(endpoint, slot);
	}
	verbs_sq_flush_soon(endpoint);
}

static void send_slot(struct verbs_endpoint *endpoint, struct verbs_slot *slot, bool more)
{
	if (__builtin_expect(endpoint->queue || !verbs_sq_room(endpoint), 0)) {
		endpoint->domain->base.stats->ring_full++;
		enqueue(endpoint, slot);
		return;
	}
	add(endpoint, slot);
	if (more)
		return;
	/* The last completion of a batch has as a rule no more to say: whoever waits for this waits
	 * for no more than it, not for what the pass still has to do. Otherwise one doorbell for
	 * all of it. */
	if (endpoint->lane->at_taken == endpoint->lane->n_taken)
		verbs_sq_flush(endpoint);
	else
		verbs_sq_flush_soon(endpoint);
}

void verbs_send(struct vbi_endpoint *base, struct vbi_message *message, uint32_t length, bool more)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);
	struct verbs_slot *slot = verbs_slot_of(message);

	DL_DELETE2(endpoint->unsent, slot, previous, next);
	if (__builtin_expect(endpoint->state >= VERBS_FAILED, 0)) {
		verbs_slab_put(endpoint->send_slab, slot);
		return;
	}
	message->length = length;
	send_slot(endpoint, slot, more);
}

void verbs_flush(struct vbi_endpoint *base)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);

	if (endpoint->state < VERBS_FAILED)
		verbs_sq_flush(endpoint);
}

void verbs_send_own(struct verbs_endpoint *endpoint, enum verbs_tag tag)
{
	struct verbs_slot *slot = verbs_slab_get(endpoint->send_slab);

	if (!slot) {
		verbs_endpoint_fail(endpoint, ENOMEM, "no memory for a message to %s",
				    endpoint->base.peer);
		return;
	}
	memset(slot->message.data, 0, OWN_LENGTH);
	slot->message.data[0] = (uint8_t)(OWN_LENGTH | tag);
	slot->message.length = OWN_LENGTH;
	send_slot(endpoint, slot, false);
}

/* ---- Receives ---- */

static void receive_wr(struct ibv_recv_wr *wr, struct ibv_sge *piece, struct verbs_slot *slot,
		       struct ibv_recv_wr *previous)
{
	*piece = (struct ibv_sge){
		.addr = (uintptr_t)slot->message.data,
		.length = slot->message.capacity,
		.lkey = slot->lkey,
	};
	*wr = (struct ibv_recv_wr){
		.wr_id = (uintptr_t)slot | 1,
		.sg_list = piece,
		.num_sge = 1,
	};
	if (previous)
		previous->next = wr;
}

int verbs_post_refill(struct ibv_qp *qp, struct ibv_srq *srq, struct verbs_slot **refill,
		      uint32_t *n_refill, uint32_t *posted)
{
	struct ibv_recv_wr wrs[VERBS_REFILL], *bad = NULL;
	struct ibv_sge pieces[VERBS_REFILL];
	struct verbs_slot *slots[VERBS_REFILL];
	uint32_t n = 0, n_taken;
	int error;

	while (*refill && n < VERBS_REFILL) {
		struct verbs_slot *slot = *refill;

		*refill = slot->next;
		receive_wr(&wrs[n], &pieces[n], slot, n ? &wrs[n - 1] : NULL);
		slots[n++] = slot;
	}
	if (!n)
		return 0;
	error = srq ? verbs_post_srq_recv(srq, wrs, &bad) : verbs_post_recv(qp, wrs, &bad);
	n_taken = error ? (uint32_t)(bad - wrs) : n;
	*posted += n_taken;
	*n_refill -= n_taken;
	while (n > n_taken) {
		slots[--n]->next = *refill;
		*refill = slots[n];
	}
	return error;
}

int verbs_receives_post(struct verbs_endpoint *endpoint, bool all)
{
	int error = 0;

	while (!error && endpoint->n_refill && (all || endpoint->n_refill >= VERBS_REFILL))
		error = verbs_post_refill(endpoint->qp, NULL, &endpoint->refill,
					  &endpoint->n_refill, &endpoint->rq_posted);
	return error;
}

void verbs_give_back(struct verbs_endpoint *endpoint, struct verbs_slot *slot)
{
	int error;

	if (endpoint->lane && endpoint->lane->srq) {
		verbs_lane_refill(endpoint->lane, slot);
		return;
	}
	slot->next = endpoint->refill;
	endpoint->refill = slot;
	endpoint->n_refill++;
	error = endpoint->broken ? 0 : verbs_receives_post(endpoint, false);
	if (error)
		verbs_endpoint_fail(endpoint, EIO,
				    "the RDMA device %s does not take receives for %s: %s",
				    ibv_get_device_name(endpoint->device->context->device),
				    endpoint->base.peer, vbi_errno_text(-error));
}

void verbs_release(struct vbi_endpoint *base, struct vbi_message *message)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);
	struct verbs_slot *slot = verbs_slot_of(message);

	/* A closed endpoint's are back already. */
	if (endpoint->state > VERBS_FAILED)
		return;
	DL_DELETE2(endpoint->held, slot, previous, next);
	endpoint->n_held--;
	verbs_give_back(endpoint, slot);
}
