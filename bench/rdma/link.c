/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/rdma/link.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* wr_id of a send: this bit and the work requests that its completion accounts for. That of a
 * receive is its slot. */
#define SEND_BIT     (UINT64_C(1) << 63)
/* Looks in vain between two questions whether the other end lives: some milliseconds. */
#define LOOKS_ASK    (UINT64_C(1) << 16)
#define SLEEP_ASK_MS 1000
/* Acknowledging an event takes a lock, so many are acknowledged at once. */
#define EVENTS_ACK   64u

static struct ibv_send_wr *chain_add(const struct link *link, struct link_chain *chain,
				     const uint8_t *from, uint64_t bytes)
{
	struct ibv_send_wr *wr = &chain->wr[chain->n];
	struct ibv_sge *sge = &chain->sge[chain->n++];

	*sge = (struct ibv_sge){
		.addr = (uintptr_t)from, .length = (uint32_t)bytes, .lkey = link->mr->lkey};
	*wr = (struct ibv_send_wr){.sg_list = sge, .num_sge = 1};
	return wr;
}

void link_send(const struct link *link, struct link_chain *chain, uint64_t bytes)
{
	struct ibv_send_wr *wr = chain_add(link, chain, link->memory, bytes);

	wr->opcode = IBV_WR_SEND;
	wr->send_flags = IBV_SEND_SOLICITED;
	if (bytes <= LINK_INLINE)
		wr->send_flags |= IBV_SEND_INLINE;
}

void link_write(const struct link *link, struct link_chain *chain, uint64_t bytes, bool signalled)
{
	struct ibv_send_wr *wr = chain_add(link, chain, link->bulk, bytes);

	wr->opcode = IBV_WR_RDMA_WRITE;
	wr->send_flags = signalled ? IBV_SEND_SIGNALED : 0;
	wr->wr.rdma.remote_addr = link->far_bulk;
	wr->wr.rdma.rkey = link->far_key;
}

void link_read(const struct link *link, struct link_chain *chain, uint64_t bytes)
{
	struct ibv_send_wr *wr = chain_add(link, chain, link->bulk, bytes);

	wr->opcode = IBV_WR_RDMA_READ;
	wr->send_flags = IBV_SEND_SIGNALED;
	wr->wr.rdma.remote_addr = link->far_bulk;
	wr->wr.rdma.rkey = link->far_key;
}

int link_refill(struct link *link)
{
	struct ibv_recv_wr wrs[LINK_BATCH_MAX], *bad;
	struct ibv_sge sges[LINK_BATCH_MAX];
	unsigned n = 0;
	int result;

	while (n < LINK_BATCH_MAX && link->n_free > 0) {
		unsigned slot = link->free_slots[--link->n_free];

		sges[n] = (struct ibv_sge){
			.addr = (uintptr_t)(link->memory + (1 + slot) * link->slot_bytes),
			.length = (uint32_t)link->slot_bytes,
			.lkey = link->mr->lkey,
		};
		wrs[n] = (struct ibv_recv_wr){.wr_id = slot, .sg_list = &sges[n], .num_sge = 1};
		if (n > 0)
			wrs[n - 1].next = &wrs[n];
		n++;
	}
	if (n == 0)
		return 0;
	result = link->srq ? ibv_post_srq_recv(link->srq, wrs, &bad)
			   : ibv_post_recv(link->id->qp, wrs, &bad);
	if (result == 0)
		return 0;
	errno = result;
	return -1;
}

/* Takes in what has completed. How many did, or -1. */
static int look(struct link *link)
{
	struct ibv_wc wcs[LINK_BATCH_MAX];
	int n = ibv_poll_cq(link->cq, LINK_BATCH_MAX, wcs), i;

	for (i = 0; i < n; i++) {
		const struct ibv_wc *wc = &wcs[i];

		if (wc->status != IBV_WC_SUCCESS) {
			/* The other end has gone: the caller ends it so. */
			if (wc->status != IBV_WC_WR_FLUSH_ERR)
				warnx("rdma: a work request failed: %s",
				      ibv_wc_status_str(wc->status));
			errno = EIO;
			return -1;
		}
		if (wc->wr_id & SEND_BIT) {
			link->in_queue -= (unsigned)(wc->wr_id & ~SEND_BIT);
		} else {
			link->free_slots[link->n_free++] = (unsigned)wc->wr_id;
			link->received++;
		}
	}
	if (n > 0)
		link->looks = 0;
	while (link->n_free >= link->refill) {
		if (link_refill(link) < 0)
			return -1;
	}
	return n;
}

static int ask_alive(struct link *link)
{
	link->looks = 0;
	if (!link->alive || link->alive(link->alive_arg))
		return 0;
	errno = EPIPE;
	return -1;
}

/* Arms, looks again, and only then sleeps. Messages are sent solicited; completions of sends wake
 * nobody unless they are waited for. */
static int sleep_for(struct link *link, bool sends)
{
	struct pollfd fd = {.fd = link->channel->fd, .events = POLLIN};
	struct ibv_cq *cq;
	void *context;
	int n = ibv_req_notify_cq(link->cq, !sends);

	if (n != 0) {
		errno = n;
		return -1;
	}
	n = look(link);
	if (n != 0)
		return n < 0 ? -1 : 0;
	n = poll(&fd, 1, SLEEP_ASK_MS);
	if (n <= 0)
		return n < 0 && errno != EINTR ? -1 : ask_alive(link);
	if (ibv_get_cq_event(link->channel, &cq, &context) != 0)
		return -1;
	if (++link->events == EVENTS_ACK) {
		ibv_ack_cq_events(link->cq, link->events);
		link->events = 0;
	}
	return 0;
}

/* One look; when it was in vain, waits as the link waits. */
static int await(struct link *link, bool sends)
{
	int n = look(link);

	if (n != 0)
		return n < 0 ? -1 : 0;
	if (link->channel)
		return sleep_for(link, sends);
	return ++link->looks == LOOKS_ASK ? ask_alive(link) : 0;
}

int link_post(struct link *link, struct link_chain *chain)
{
	struct ibv_send_wr *bad;
	unsigned i;
	int result;

	while (link->in_queue + chain->n > link->depth) {
		if (await(link, true) < 0)
			return -1;
	}
	for (i = 0; i < chain->n; i++) {
		struct ibv_send_wr *wr = &chain->wr[i];

		wr->next = i + 1 < chain->n ? wr + 1 : NULL;
		if (++link->unsignalled == LINK_SIGNAL_EVERY)
			wr->send_flags |= IBV_SEND_SIGNALED;
		if (wr->send_flags & IBV_SEND_SIGNALED) {
			wr->wr_id = SEND_BIT | link->unsignalled;
			link->unsignalled = 0;
		}
	}
	link->in_queue += chain->n;
	result = ibv_post_send(link->id->qp, chain->wr, &bad);
	chain->n = 0;
	if (result == 0)
		return 0;
	errno = result;
	return -1;
}

int link_wait(struct link *link)
{
	while (link->received == 0) {
		if (await(link, false) < 0)
			return -1;
	}
	return 0;
}

int link_drain(struct link *link)
{
	while (link->in_queue > link->unsignalled) {
		if (await(link, true) < 0)
			return -1;
	}
	return 0;
}
