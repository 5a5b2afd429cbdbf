/* SPDX-License-Identifier: Apache-2.0 */
/* How a link comes to be and ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/rdma/link.h"

#define RESOLVE_MS	 2000
/* Slots above this are posted one by one, or sixteen of them would be gigabytes. */
#define SLOT_CHAINED_MAX (UINT64_C(64) << 10)
#define REFILL		 16u
/* rdma_cm leaves 0, which is 655 ms; 1 is 10 us. */
#define MIN_RNR_TIMER	 1
/* 7 is for ever on SoftRoCE. */
#define RETRIES		 6
#define RNR_RETRIES	 7

/* What each end tells the other with the connection; both are on one machine. */
struct introduction {
	uint64_t bulk;
	uint32_t key;
	uint32_t reserved;
};

static int fill_address(const char *text, uint16_t port, struct sockaddr_in *ret_address)
{
	*ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	if (inet_pton(AF_INET, text, &ret_address->sin_addr) == 1)
		return 0;
	errno = EINVAL;
	return -1;
}

static void settle(struct link *link, const struct link_options *options)
{
	*link = (struct link){.options = *options};
	link->slot_bytes = (options->message + 63) & ~UINT64_C(63);
	link->refill = link->slot_bytes <= SLOT_CHAINED_MAX ? REFILL : 1;
	link->slots = options->window + link->refill;
	link->depth = options->window + LINK_BATCH_MAX + LINK_SIGNAL_EVERY;
}

/* The memory, and what of the device does not hang on the queue pair. */
static int open_resources(struct link *link)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t messages = (link->slot_bytes * (1 + link->slots) + page - 1) & ~(page - 1);
	size_t bytes = messages + ((link->options.bulk + page - 1) & ~(page - 1));
	unsigned i;

	link->memory = aligned_alloc(page, bytes);
	link->free_slots = calloc(link->slots, sizeof(*link->free_slots));
	if (!link->memory || !link->free_slots)
		return -1;
	memset(link->memory, 1, bytes);
	link->bulk = link->memory + messages;
	for (i = 0; i < link->slots; i++)
		link->free_slots[i] = i;
	link->n_free = link->slots;
	link->pd = ibv_alloc_pd(link->id->verbs);
	if (!link->pd)
		return -1;
	link->mr = ibv_reg_mr(link->pd, link->memory, bytes,
			      IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
				      IBV_ACCESS_REMOTE_READ);
	if (!link->mr)
		return -1;
	if (link->options.sleeping) {
		link->channel = ibv_create_comp_channel(link->id->verbs);
		if (!link->channel)
			return -1;
	}
	link->cq = ibv_create_cq(link->id->verbs, (int)(link->slots + link->depth), NULL,
				 link->channel, 0);
	return link->cq ? 0 : -1;
}

static int open_queue_pair(struct link *link)
{
	struct ibv_srq_init_attr srq = {.attr = {.max_wr = link->slots, .max_sge = 1}};
	struct ibv_qp_init_attr attr = {
		.send_cq = link->cq,
		.recv_cq = link->cq,
		.cap =
			{
				.max_send_wr = link->depth,
				.max_recv_wr = link->slots,
				.max_send_sge = 1,
				.max_recv_sge = 1,
				.max_inline_data = LINK_INLINE,
			},
		.qp_type = IBV_QPT_RC,
	};

	if (link->listener) {
		link->srq = ibv_create_srq(link->pd, &srq);
		if (!link->srq)
			return -1;
		attr.srq = link->srq;
		attr.cap.max_recv_wr = 0;
	}
	return rdma_create_qp(link->id, link->pd, &attr);
}

/* Receives are posted before the other end can send. */
static int post_first(struct link *link)
{
	while (link->n_free > 0) {
		if (link_refill(link) < 0)
			return -1;
	}
	return 0;
}

static int open_all(struct link *link)
{
	if (open_resources(link) < 0 || open_queue_pair(link) < 0)
		return -1;
	return post_first(link);
}

static struct rdma_conn_param parameters(const struct introduction *introduction)
{
	return (struct rdma_conn_param){
		.private_data = introduction,
		.private_data_len = sizeof(*introduction),
		.responder_resources = RDMA_MAX_RESP_RES,
		.initiator_depth = RDMA_MAX_INIT_DEPTH,
		.retry_count = RETRIES,
		.rnr_retry_count = RNR_RETRIES,
	};
}

static struct introduction introduce(const struct link *link)
{
	return (struct introduction){.bulk = (uintptr_t)link->bulk, .key = link->mr->rkey};
}

/* What the event that is held at the connection carries. */
static int meet(struct link *link)
{
	const struct rdma_conn_param *param = &link->id->event->param.conn;
	struct introduction other;

	if (param->private_data_len < sizeof(other)) {
		errno = EPROTO;
		return -1;
	}
	memcpy(&other, param->private_data, sizeof(other));
	link->far_bulk = other.bulk;
	link->far_key = other.key;
	return 0;
}

static int adjust(struct link *link)
{
	struct ibv_qp_attr attr = {
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ,
		.min_rnr_timer = MIN_RNR_TIMER,
	};
	int result = ibv_modify_qp(link->id->qp, &attr, IBV_QP_ACCESS_FLAGS | IBV_QP_MIN_RNR_TIMER);

	if (result == 0)
		return 0;
	errno = result;
	return -1;
}

int link_listen(struct link *link, const struct link_options *options, uint16_t *ret_port)
{
	struct sockaddr_in address;

	settle(link, options);
	if (fill_address(options->address, 0, &address) < 0 ||
	    rdma_create_id(NULL, &link->listener, NULL, RDMA_PS_TCP) < 0 ||
	    rdma_bind_addr(link->listener, (struct sockaddr *)&address) < 0)
		return -1;
	/* An address of no RDMA device binds too. */
	if (!link->listener->verbs) {
		errno = ENODEV;
		return -1;
	}
	if (rdma_listen(link->listener, 1) < 0)
		return -1;
	*ret_port = ntohs(rdma_get_src_port(link->listener));
	return 0;
}

int link_accept(struct link *link)
{
	struct rdma_conn_param param;
	struct introduction own;

	if (rdma_get_request(link->listener, &link->id) < 0 || meet(link) < 0 || open_all(link) < 0)
		return -1;
	own = introduce(link);
	param = parameters(&own);
	if (rdma_accept(link->id, &param) < 0)
		return -1;
	return adjust(link);
}

int link_connect(struct link *link, const struct link_options *options, uint16_t port)
{
	struct rdma_conn_param param;
	struct introduction own;
	struct sockaddr_in address;

	settle(link, options);
	if (fill_address(options->address, port, &address) < 0 ||
	    rdma_create_id(NULL, &link->id, NULL, RDMA_PS_TCP) < 0 ||
	    rdma_resolve_addr(link->id, NULL, (struct sockaddr *)&address, RESOLVE_MS) < 0 ||
	    rdma_resolve_route(link->id, RESOLVE_MS) < 0 || open_all(link) < 0)
		return -1;
	own = introduce(link);
	param = parameters(&own);
	if (rdma_connect(link->id, &param) < 0 || meet(link) < 0)
		return -1;
	return adjust(link);
}

void link_watch(struct link *link, bool (*alive)(void *), void *arg)
{
	link->alive = alive;
	link->alive_arg = arg;
}

void link_close(struct link *link)
{
	if (link->id && link->id->qp)
		rdma_destroy_qp(link->id);
	if (link->srq)
		ibv_destroy_srq(link->srq);
	if (link->cq) {
		/* Destruction waits for every event's acknowledgement. */
		ibv_ack_cq_events(link->cq, link->events);
		ibv_destroy_cq(link->cq);
	}
	if (link->channel)
		ibv_destroy_comp_channel(link->channel);
	if (link->mr)
		ibv_dereg_mr(link->mr);
	if (link->pd)
		ibv_dealloc_pd(link->pd);
	if (link->id)
		rdma_destroy_id(link->id);
	if (link->listener)
		rdma_destroy_id(link->listener);
	free(link->free_slots);
	free(link->memory);
	*link = (struct link){0};
}
