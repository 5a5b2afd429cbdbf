/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end, spoken by hand: librdmacm and libibverbs without any of the transport's code, so
 * that a test can break each rule by itself. Both ends run on one thread: what waits here calls
 * raw->turn() meanwhile.
 */
#ifndef TEST_VERBS_RAW_H
#define TEST_VERBS_RAW_H

#include <stdbool.h>
#include <stdint.h>

#include <rdma/rdma_cma.h>

#include "transport/verbs/hello.h"

#define RAW_MEMORY   (1u << 20)
#define RAW_RECEIVES 128u
#define RAW_SENDS    768u

struct raw {
	void (*turn)(void *context); /* lets the other end work */
	void *context;
	struct rdma_event_channel *channel;
	struct rdma_cm_id *listener; /* as a server */
	struct rdma_cm_id *id;	     /* the connection; id->qp */
	struct ibv_cq *cq;
	struct ibv_mr *mr; /* of memory: LOCAL_WRITE and whatever a test asks for */
	uint8_t *memory;   /* RAW_MEMORY bytes: first half receives, second half sends */
	unsigned receives; /* posted before connecting; a test may say less */
	unsigned sends;	   /* that its queue takes: RAW_SENDS; a test may say less */
	uint8_t responder_resources, rnr_retry_count;
	struct verbs_hello hello;  /* what it says; a test may change it */
	uint8_t hello_bytes;	   /* of it; 0: no private data at all */
	struct verbs_hello answer; /* what was said to it */
	uint8_t answer_bytes;
	int status; /* of the last event */
	unsigned n_received;
	enum ibv_wc_status error; /* the first that was not IBV_WC_SUCCESS */
};

/* A good client's hello and 64 receives. Nothing is opened. */
void raw_init(struct raw *raw, void (*turn)(void *), void *context);
void raw_close(struct raw *raw);

/* ---- As a client ---- */

/* Address, route, queue pair, receives; asks. */
void raw_ask(struct raw *raw, const char *host, unsigned port);
/* Asks and waits for the answer: RDMA_CM_EVENT_ESTABLISHED, _REJECTED, _UNREACHABLE ... */
enum rdma_cm_event_type raw_connect(struct raw *raw, const char *host, unsigned port);

/* ---- As a server ---- */

void raw_listen(struct raw *raw, const char *host, unsigned port);
/* Waits until somebody asks; raw->id is his. */
void raw_await_request(struct raw *raw);
void raw_accept(struct raw *raw);
void raw_reject(struct raw *raw, const void *data, uint8_t bytes);

/* ---- Both ---- */

/* The next event: waits for it, with the other end at work. Its private data is in raw->answer. */
enum rdma_cm_event_type raw_event(struct raw *raw);
/* Whether an event is there. */
bool raw_has_event(const struct raw *raw);
/* Posts BYTES as one SEND, with OPCODE and flags of its own. No wait. */
void raw_post(struct raw *raw, const void *bytes, uint32_t length, enum ibv_wr_opcode opcode);
/* Posts a SEND of LENGTH bytes that begins with WORD, the rest zeros. */
void raw_post_word(struct raw *raw, uint32_t length, uint32_t word);
/* Looks at its completions. */
void raw_poll(struct raw *raw);
/* Waits for one more received message; it lies in raw->memory, slot by slot in order. */
void raw_await_messages(struct raw *raw, unsigned n);
/* Until its queue pair has broken. */
void raw_await_error(struct raw *raw);

#endif
