/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/verbs/raw.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

/* Bytes of a receive; of a send. */
#define SLOT	   4096u
/* What is waited for comes at once, or something is broken. */
#define PATIENCE_S 120

static_assert(RAW_RECEIVES * SLOT <= RAW_MEMORY / 2, "receives lie in the first half");

static bool out_of_patience(time_t *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!*end)
		*end = now.tv_sec + PATIENCE_S;
	return now.tv_sec > *end;
}

void raw_init(struct raw *raw, void (*turn)(void *), void *context)
{
	*raw = (struct raw){
		.turn = turn,
		.context = context,
		.receives = 64,
		.sends = RAW_SENDS,
		.responder_resources = 16,
		.rnr_retry_count = 7,
		.hello_bytes = sizeof(raw->hello),
	};
	verbs_hello_make(&raw->hello, 4096, 64, 0, 0);
	raw->channel = rdma_create_event_channel();
	assert_non_null(raw->channel);
	assert_true(fcntl(raw->channel->fd, F_SETFL, O_NONBLOCK) == 0);
	raw->memory = mmap(NULL, RAW_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	assert_true(raw->memory != MAP_FAILED);
}

void raw_close(struct raw *raw)
{
	if (raw->id && raw->id->qp)
		rdma_destroy_qp(raw->id);
	if (raw->mr)
		ibv_dereg_mr(raw->mr);
	if (raw->cq)
		ibv_destroy_cq(raw->cq);
	if (raw->id)
		rdma_destroy_id(raw->id);
	if (raw->listener)
		rdma_destroy_id(raw->listener);
	rdma_destroy_event_channel(raw->channel);
	munmap(raw->memory, RAW_MEMORY);
}

/* ---- Events ---- */

bool raw_has_event(const struct raw *raw)
{
	struct pollfd fd = {.fd = raw->channel->fd, .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

static void keep_answer(struct raw *raw, const struct rdma_cm_event *event)
{
	memset(&raw->answer, 0, sizeof(raw->answer));
	raw->answer_bytes = event->param.conn.private_data_len;
	if (event->param.conn.private_data && raw->answer_bytes >= sizeof(raw->answer))
		memcpy(&raw->answer, event->param.conn.private_data, sizeof(raw->answer));
}

enum rdma_cm_event_type raw_event(struct raw *raw)
{
	struct rdma_cm_event *event;
	enum rdma_cm_event_type type;
	time_t end = 0;

	while (rdma_get_cm_event(raw->channel, &event)) {
		assert_int_equal(errno, EAGAIN);
		if (out_of_patience(&end))
			fail_msg("no event of the connection manager");
		raw->turn(raw->context);
	}
	type = event->event;
	raw->status = event->status;
	keep_answer(raw, event);
	if (type == RDMA_CM_EVENT_CONNECT_REQUEST)
		raw->id = event->id;
	rdma_ack_cm_event(event);
	return type;
}

/* ---- Queues ---- */

static void post_receive(struct raw *raw, unsigned slot)
{
	struct ibv_sge piece = {
		.addr = (uintptr_t)raw->memory + slot * SLOT,
		.length = SLOT,
		.lkey = raw->mr->lkey,
	};
	struct ibv_recv_wr wr = {.wr_id = 1, .sg_list = &piece, .num_sge = 1}, *bad;

	assert_int_equal(ibv_post_recv(raw->id->qp, &wr, &bad), 0);
}

static void make_queues(struct raw *raw)
{
	struct ibv_qp_init_attr attr = {
		.cap = {.max_send_wr = raw->sends,
			.max_recv_wr = RAW_RECEIVES,
			.max_send_sge = 1,
			.max_recv_sge = 1},
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
	};

	raw->cq = ibv_create_cq(raw->id->verbs, (int)(raw->sends + RAW_RECEIVES), NULL, NULL, 0);
	assert_non_null(raw->cq);
	attr.send_cq = attr.recv_cq = raw->cq;
	assert_int_equal(rdma_create_qp(raw->id, NULL, &attr), 0);
	raw->mr = ibv_reg_mr(raw->id->pd, raw->memory, RAW_MEMORY,
			     IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ |
				     IBV_ACCESS_REMOTE_WRITE);
	assert_non_null(raw->mr);
	for (unsigned i = 0; i < raw->receives; i++)
		post_receive(raw, i);
}

static struct sockaddr_in address_of(const char *host, unsigned port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
	return address;
}

static struct rdma_conn_param param_of(const struct raw *raw)
{
	return (struct rdma_conn_param){
		.private_data = raw->hello_bytes ? &raw->hello : NULL,
		.private_data_len = raw->hello_bytes,
		.responder_resources = raw->responder_resources,
		.retry_count = 6,
		.rnr_retry_count = raw->rnr_retry_count,
	};
}

/* ---- As a client ---- */

void raw_ask(struct raw *raw, const char *host, unsigned port)
{
	struct sockaddr_in to = address_of(host, port);
	struct rdma_conn_param param = param_of(raw);

	assert_int_equal(rdma_create_id(raw->channel, &raw->id, NULL, RDMA_PS_TCP), 0);
	assert_int_equal(rdma_resolve_addr(raw->id, NULL, (struct sockaddr *)&to, 2000), 0);
	assert_int_equal(raw_event(raw), RDMA_CM_EVENT_ADDR_RESOLVED);
	assert_int_equal(rdma_resolve_route(raw->id, 2000), 0);
	assert_int_equal(raw_event(raw), RDMA_CM_EVENT_ROUTE_RESOLVED);
	make_queues(raw);
	assert_int_equal(rdma_connect(raw->id, &param), 0);
}

enum rdma_cm_event_type raw_connect(struct raw *raw, const char *host, unsigned port)
{
	raw_ask(raw, host, port);
	return raw_event(raw);
}

/* ---- As a server ---- */

void raw_listen(struct raw *raw, const char *host, unsigned port)
{
	struct sockaddr_in at = address_of(host, port);

	assert_int_equal(rdma_create_id(raw->channel, &raw->listener, NULL, RDMA_PS_TCP), 0);
	assert_int_equal(rdma_bind_addr(raw->listener, (struct sockaddr *)&at), 0);
	assert_int_equal(rdma_listen(raw->listener, 8), 0);
}

void raw_await_request(struct raw *raw)
{
	assert_int_equal(raw_event(raw), RDMA_CM_EVENT_CONNECT_REQUEST);
}

void raw_accept(struct raw *raw)
{
	struct rdma_conn_param param = param_of(raw);

	param.responder_resources = 0;
	param.initiator_depth = raw->responder_resources;
	make_queues(raw);
	assert_int_equal(rdma_accept(raw->id, &param), 0);
}

void raw_reject(struct raw *raw, const void *data, uint8_t bytes)
{
	assert_int_equal(rdma_reject(raw->id, data, bytes), 0);
}

/* ---- Messages ---- */

void raw_post(struct raw *raw, const void *bytes, uint32_t length, enum ibv_wr_opcode opcode)
{
	/* One buffer for all: what is sent at a time is the same. */
	uint8_t *place = raw->memory + RAW_MEMORY / 2;
	struct ibv_sge piece = {
		.addr = (uintptr_t)place,
		.length = length,
		.lkey = raw->mr->lkey,
	};
	struct ibv_send_wr *bad, wr = {
					 .sg_list = &piece,
					 .num_sge = length ? 1 : 0,
					 .opcode = opcode,
					 .send_flags = IBV_SEND_SOLICITED,
				 };

	if (length)
		memcpy(place, bytes, length);
	assert_int_equal(ibv_post_send(raw->id->qp, &wr, &bad), 0);
}

void raw_post_word(struct raw *raw, uint32_t length, uint32_t word)
{
	uint8_t *bytes = calloc(1, length + sizeof(word));

	memcpy(bytes, &word, sizeof(word));
	raw_post(raw, bytes, length, IBV_WR_SEND);
	free(bytes);
}

void raw_poll(struct raw *raw)
{
	struct ibv_wc wc;

	while (ibv_poll_cq(raw->cq, 1, &wc) == 1) {
		if (wc.status != IBV_WC_SUCCESS && raw->error == IBV_WC_SUCCESS)
			raw->error = wc.status;
		else if (wc.status == IBV_WC_SUCCESS && wc.wr_id == 1)
			raw->n_received++;
	}
}

void raw_await_messages(struct raw *raw, unsigned n)
{
	time_t end = 0;

	while (raw->n_received < n) {
		raw->turn(raw->context);
		raw_poll(raw);
		if (out_of_patience(&end))
			fail_msg("%u messages of %u came", raw->n_received, n);
	}
}

void raw_await_error(struct raw *raw)
{
	time_t end = 0;

	while (raw->error == IBV_WC_SUCCESS && !raw_has_event(raw)) {
		raw->turn(raw->context);
		raw_poll(raw);
		if (out_of_patience(&end))
			fail_msg("nothing happened to the queue pair");
	}
}
