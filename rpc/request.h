/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request: one call seen from the side that serves it.
 *
 *   received --> (WAITING: for pool memory, GATHERING: pulls) --> READY: the handler -->
 *   (PUSHING) --> answered (ANSWERED: what the answer stands behind is still on its way)
 *
 * Small calls go from received to answered within one call of the stub. All states belong to the
 * worker's thread. Exactly one final answer is sent for each, unless its connection is dead or the
 * method is one-way.
 */
#ifndef VBI_REQUEST_H
#define VBI_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <verbena/stub.h>

#include "transport/transport.h"

struct vb_conn;
struct vbi_binding;
struct vbi_request;
struct vbi_worker;

enum vbi_request_state {
	VBI_REQUEST_FREE,
	VBI_REQUEST_NEW,       /* the stub decodes it for the first time */
	VBI_REQUEST_WAITING,   /* in worker->waiting for pool memory */
	VBI_REQUEST_GATHERING, /* its bulk is being pulled */
	VBI_REQUEST_READY,     /* the stub runs (again), with all buffers there */
	VBI_REQUEST_PUSHING,   /* the handler is done, its bulk is being pushed */
	VBI_REQUEST_ANSWERED,  /* only its bulk memory is left, from which bytes still go */
};

struct vbi_request_list {
	struct vbi_request *first;
	struct vbi_request *last;
};

/* One exposed buffer of a request: where its bytes are here. */
struct vbi_bulk {
	void *memory;	/* of the pool, or the peer's when mapped; NULL: none yet */
	uint64_t size;	/* as asked of the pool */
	bool mapped;	/* `direct`, and the transport can reach the peer's memory */
	uint8_t rights; /* of the mapping */
};

/*
 * Moves the exposed buffers of one request, in order, in chunks. Between two chunks it looks for a
 * cancel. Two chunks are under way at a time so that the wire does not wait for us. Nothing is
 * under way in a request that is new or over.
 */
#define VBI_CHUNK	    (256u << 10)
#define VBI_CHUNKS_UNDERWAY 2

enum vbi_chunk { VBI_CHUNK_FREE, VBI_CHUNK_UNDERWAY, VBI_CHUNK_ORDERED };

struct vbi_mover {
	bool push;	    /* else pull */
	uint8_t buffer;	    /* the next chunk: of this buffer, */
	uint8_t record;	    /* this record, */
	uint64_t offset;    /* from here in the record, */
	uint64_t position;  /* and here in the buffer */
	unsigned underway;  /* chunks, */
	unsigned unordered; /* and those of them that an answer would overtake */
	int error;	    /* the first, negative */
	struct vbi_transfer transfers[VBI_CHUNKS_UNDERWAY];
	enum vbi_chunk chunks[VBI_CHUNKS_UNDERWAY];
};

struct vbi_request_arena;

struct vbi_request {
	struct vb_request head; /* what the stub sees */
	enum vbi_request_state state;
	bool canceled;
	bool ran; /* the handler has returned, and its buffers are on their way back */
	uint8_t n_buffers;
	uint16_t slot;
	uint16_t generation;
	struct vb_conn *conn; /* NULL: it died; nothing can be answered */
	struct vbi_binding *binding;
	const struct vb_service_method *method;
	struct vbi_message *message;
	struct vbi_message *reply;
	uint32_t time;	  /* the header's: microseconds left at its arrival */
	uint64_t arrival; /* on the worker's clock, at most one pass of the loop early */
	uint32_t reply_length;
	struct vbi_request_arena *arena;
	uint64_t arena_bytes;
	struct vbi_request *next;		       /* in a list of the worker */
	struct vbi_request *next_moving, *prev_moving; /* in worker->moving */
	uint64_t moved_at; /* when its bulk moved last, on the worker's clock */
	struct vb_buffer buffers[VB_BUFFERS_MAX];
	struct vbi_bulk bulk[VB_BUFFERS_MAX];
	struct vbi_mover mover;
};

/* A request or one-way message has arrived on an open connection. Takes the message. */
void vbi_request_received(struct vb_conn *conn, struct vbi_message *message);

/* The caller of SLOT does not want its answer any more: the next look at it ends it. */
void vbi_request_cancel(struct vb_conn *conn, uint16_t slot, uint16_t generation);

/* The connection is dead: its requests end as soon as their transfers have. */
void vbi_request_conn_died(struct vb_conn *conn);

/* Answers with a failure: ERRNUM positive; RAN: the handler had started. The request is over. */
void vbi_request_fail(struct vbi_request *request, int errnum, bool ran);

/* The request's final answer is out, or will never be: gives everything back. */
void vbi_request_end(struct vbi_request *request);

/* Ends the connection over a request that breaks the rules. The request is over. */
void vbi_request_refuse(struct vbi_request *request, const char *sentence);

/*
 * Sends the reply of request->reply_length bytes; what had to be pushed has been, or what is left
 * of it is ordered before the reply. In the first case the request is over; in the second it is
 * ANSWERED, and over by vbi_request_end() when its memory is free.
 */
void vbi_request_send_reply(struct vbi_request *request);

/* Frees the worker's stock of requests; none is at work. */
void vbi_request_free_all(struct vbi_worker *worker);

/* ---- bulk.c ---- */

/* Gets memory for the exposed buffers and starts to pull. 0: all there; -EINPROGRESS; else negative
 * errno: failed and over. */
int vbi_bulk_gather(struct vbi_request *request);

/* Pushes what is exposed and has length. 0: nothing to push; -EINPROGRESS: the reply has gone out
 * behind it, or follows by itself. */
int vbi_bulk_push(struct vbi_request *request);

/* Whether bytes of its bulk memory are still on their way. */
bool vbi_bulk_is_underway(const struct vbi_request *request);

/* The answer that is sent next ends an exposure, one that was written to if there is one. */
void vbi_bulk_end(struct vbi_request *request);

/* Lets go of the peer's memory that was mapped. Before the answer: with it, the peer takes its
 * memory back. */
void vbi_bulk_unmap(struct vbi_request *request);

/* Gives the request's bulk memory back. Whether waiting requests can have some of it now. */
bool vbi_bulk_release(struct vbi_request *request);

/*
 * A client with bulk under way that has moved none of it for so long is stopped, or wants to keep
 * what others wait for: its connection ends. One that runs moves a chunk in well under a second.
 */
#define VBI_STALL_NS (10 * VBI_NS_PER_S)

/* While bulk is under way the worker looks so often at least. Where it has not for twice as long, a
 * handler kept it busy, or it was stopped itself: that time is not its clients'. */
#define VBI_STALL_LOOK_NS (VBI_STALL_NS / 4)

/* Ends the connections of requests whose bulk stands still. SINCE_LOOK_NS: since the worker looked
 * last. Not from inside poll(). */
void vbi_bulk_expire(struct vbi_worker *worker, uint64_t since_look_ns);

/* Pool memory has come back: requests that wait for it try again, in order. */
void vbi_bulk_retry_waiting(struct vbi_worker *worker);

/* The caller of a request that waits for pool memory has given up: it is over. */
void vbi_bulk_cancel_waiting(struct vbi_request *request);

static inline struct vbi_request *vbi_request_of(struct vb_request *req)
{
	return (struct vbi_request *)req;
}

static inline const struct vbi_request *vbi_request_of_const(const struct vb_request *req)
{
	return (const struct vbi_request *)req;
}

#endif
