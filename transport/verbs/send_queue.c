/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The send queue: how many work requests are under way is counted here, because a place is free
 * only when a later signalled completion has been polled, and because devices may say more than
 * they were asked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"
#include "transport/verbs/window.h"

static struct verbs_work *work_at(struct verbs_endpoint *endpoint, uint32_t number)
{
	return &endpoint->works[number & (VERBS_SQ_DEPTH - 1)];
}

static enum verbs_work_kind kind_of(struct verbs_work work)
{
	return (enum verbs_work_kind)(work.word & VERBS_WORK_KINDS);
}

static void *object_of(struct verbs_work work)
{
	return (void *)(work.word & ~VERBS_WORK_KINDS);
}

/* The buffer that is free when the work is over, NULL: it has none, or is free already. */
static struct verbs_slot *slot_of(struct verbs_work work)
{
	return kind_of(work) <= VERBS_WORK_GOODBYE ? object_of(work) : NULL;
}

/* ---- Chains ---- */

int verbs_chains_reserve(struct verbs_domain *domain)
{
	struct verbs_chain *chain;

	if (domain->n_chains > domain->n_endpoints || domain->n_chains == VERBS_CHAINS_MAX)
		return 0;
	chain = calloc(1, sizeof(*chain));
	if (!chain)
		return -ENOMEM;
	domain->chains[domain->n_chains++] = chain;
	LL_PREPEND(domain->free_chains, chain);
	return 0;
}

void verbs_chains_free(struct verbs_domain *domain)
{
	while (domain->n_chains)
		free(domain->chains[--domain->n_chains]);
}

static struct verbs_chain *borrow(struct verbs_endpoint *endpoint)
{
	struct verbs_domain *domain = endpoint->domain;
	struct verbs_chain *chain = domain->free_chains;

	if (__builtin_expect(!chain, 0)) {
		/* Each has something in it, and is back when that has been posted. */
		verbs_sq_flush(domain->chains[domain->next_chain++ % domain->n_chains]->owner);
		chain = domain->free_chains;
	}
	domain->free_chains = chain->next;
	chain->owner = endpoint;
	endpoint->chain = chain;
	return chain;
}

static struct verbs_chain *take_chain(struct verbs_endpoint *endpoint)
{
	struct verbs_chain *chain = endpoint->chain;

	endpoint->chain = NULL;
	endpoint->n_chain = 0;
	return chain;
}

static void give_back(struct verbs_domain *domain, struct verbs_chain *chain)
{
	chain->next = domain->free_chains;
	domain->free_chains = chain;
}

/* ---- A work request ---- */

struct ibv_send_wr *verbs_sq_begin(struct verbs_endpoint *endpoint)
{
	struct verbs_chain *chain;
	struct ibv_send_wr *wr;

	if (__builtin_expect(endpoint->n_chain == VERBS_CHAIN, 0))
		verbs_sq_flush(endpoint);
	chain = endpoint->n_chain ? endpoint->chain : borrow(endpoint);
	wr = &chain->wrs[endpoint->n_chain];
	wr->next = NULL;
	wr->sg_list = &chain->pieces[endpoint->n_chain];
	wr->num_sge = 1;
	return wr;
}

void verbs_sq_end(struct verbs_endpoint *endpoint, struct ibv_send_wr *wr,
		  enum verbs_work_kind kind, void *object, bool signal)
{
	struct vb_stats *stats = endpoint->domain->base.stats;

	wr->wr_id = verbs_id_of_send(endpoint, endpoint->head);
	if (signal || endpoint->since_signal + 1 >= VERBS_SIGNAL_EVERY) {
		wr->send_flags |= IBV_SEND_SIGNALED;
		endpoint->since_signal = 0;
		stats->completions_signalled++;
	} else {
		endpoint->since_signal++;
	}
	if (endpoint->n_chain)
		wr[-1].next = wr;
	endpoint->n_chain++;
	work_at(endpoint, endpoint->head++)->word = (uintptr_t)object | kind;
	endpoint->lane->n_works++;
	stats->work_requests++;
}

void verbs_sq_add_empty_write(struct verbs_endpoint *endpoint)
{
	struct ibv_send_wr *wr = verbs_sq_begin(endpoint);

	wr->num_sge = 0;
	wr->opcode = IBV_WR_RDMA_WRITE;
	wr->send_flags = 0;
	wr->wr.rdma.remote_addr = 0;
	wr->wr.rdma.rkey = 0;
	verbs_sq_end(endpoint, wr, VERBS_WORK_PING, NULL, true);
}

/* ---- The end of a work ---- */

static void retire(struct verbs_endpoint *endpoint, int status)
{
	struct verbs_work work = *work_at(endpoint, endpoint->tail);

	endpoint->tail++;
	endpoint->lane->n_works--;
	if (slot_of(work))
		verbs_slab_put(endpoint->send_slab, slot_of(work));
	switch (kind_of(work)) {
	case VERBS_WORK_MESSAGE:
		break;
	case VERBS_WORK_PING:
		if (!status)
			verbs_keepalive_acknowledged(&endpoint->keepalive);
		break;
	case VERBS_WORK_GOODBYE:
		if (endpoint->state == VERBS_LEAVING)
			verbs_endpoint_destroy(endpoint);
		break;
	case VERBS_WORK_TRANSFER:
		verbs_transfer_piece_done(endpoint, object_of(work), status);
		break;
	case VERBS_WORK_BIND:
		break;
	}
}

void verbs_sq_abort(struct verbs_endpoint *endpoint)
{
	if (endpoint->n_chain)
		give_back(endpoint->domain, take_chain(endpoint));
	while (endpoint->tail != endpoint->head)
		retire(endpoint, -ECONNRESET);
}

void verbs_sq_completed(struct verbs_endpoint *endpoint, const struct ibv_wc *wc)
{
	uint32_t number = verbs_id_number(wc->wr_id);

	/* Not one of those under way: it ended with its queue pair. */
	if (number - endpoint->tail >= endpoint->head - endpoint->tail)
		return;
	/* Those before it, which asked for no completion, have succeeded: one that had not would
	 * have had one. A retired work may close the endpoint, and with it the rest. */
	while (endpoint->tail != endpoint->head && (int32_t)(number - endpoint->tail) > 0)
		retire(endpoint, 0);
	if (endpoint->tail != endpoint->head && endpoint->tail == number)
		retire(endpoint, verbs_status_errno(wc->status));
}

/* ---- Posting ---- */

/* What the device did not take has failed, and with it the queue pair. */
static void post_failed(struct verbs_endpoint *endpoint, uint32_t n_posted, int error)
{
	verbs_endpoint_fail(endpoint, EIO,
			    "the RDMA device %s does not take work for %s: %s (work request %u of "
			    "a chain)",
			    ibv_get_device_name(endpoint->device->context->device),
			    endpoint->base.peer, vbi_errno_text(-error), n_posted);
}

/*
 * Inline messages are copied by the time that a post returns: their buffers are free at once. They
 * are those of the last N works, which were CHAIN's.
 */
static void free_inline(struct verbs_endpoint *endpoint, const struct verbs_chain *chain,
			uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct verbs_work *work = work_at(endpoint, endpoint->head - n + i);

		if (kind_of(*work) == VERBS_WORK_BIND)
			verbs_window_posted(object_of(*work));
		if (!(chain->wrs[i].send_flags & IBV_SEND_INLINE))
			continue;
		verbs_slab_put(endpoint->send_slab, slot_of(*work));
		work->word = kind_of(*work);
	}
}

/* The works from BAD on were never posted: no completion will name them. */
static void drop_unposted(struct verbs_endpoint *endpoint, uint32_t n_unposted)
{
	struct verbs_work lost[VERBS_CHAIN];

	for (uint32_t i = 0; i < n_unposted; i++)
		lost[i] = *work_at(endpoint, endpoint->head - n_unposted + i);
	endpoint->head -= n_unposted;
	endpoint->lane->n_works -= n_unposted;
	for (uint32_t i = 0; i < n_unposted; i++) {
		if (slot_of(lost[i]))
			verbs_slab_put(endpoint->send_slab, slot_of(lost[i]));
		else if (kind_of(lost[i]) == VERBS_WORK_TRANSFER)
			verbs_transfer_piece_dropped(endpoint, object_of(lost[i]));
	}
}

/* A queue pair that should be broken and is not would send what stands behind a gap. */
static int post(struct verbs_endpoint *endpoint, struct verbs_chain *chain,
		struct ibv_send_wr **ret_bad)
{
	*ret_bad = chain->wrs;
	if (endpoint->moves_still)
		return -EIO;
	endpoint->domain->base.stats->doorbells++;
	return verbs_post_send(endpoint->qp, chain->wrs, ret_bad);
}

void verbs_sq_flush(struct verbs_endpoint *endpoint)
{
	struct ibv_send_wr *bad = NULL;
	uint32_t n = endpoint->n_chain;
	uint32_t n_posted = n;
	struct verbs_chain *chain;
	int error;

	if (!n)
		return;
	chain = take_chain(endpoint);
	error = post(endpoint, chain, &bad);
	if (error)
		n_posted = (uint32_t)(bad - chain->wrs);
	if (n_posted == n)
		free_inline(endpoint, chain, n);
	give_back(endpoint->domain, chain);
	if (n_posted == n)
		return;
	post_failed(endpoint, n_posted, error);
	drop_unposted(endpoint, n - n_posted);
}

void verbs_sq_flush_soon(struct verbs_endpoint *endpoint)
{
	struct verbs_domain *domain = endpoint->domain;

	if (!domain->depth) {
		verbs_sq_flush(endpoint);
	} else if (!endpoint->to_flush) {
		endpoint->to_flush = true;
		endpoint->flush_next = domain->flush;
		domain->flush = endpoint;
	}
}

void verbs_sq_resume(struct verbs_endpoint *endpoint)
{
	if (endpoint->queue)
		verbs_queue_resume(endpoint);
	if (endpoint->transfers && endpoint->state == VERBS_LIVE)
		verbs_transfers_resume(endpoint);
}
