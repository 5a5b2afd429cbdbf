/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connected queue pair in each of two processes, over libibverbs and librdmacm and nothing
 * else, set up and waited for as Verbena does it: SENDs inline where they fit, one of many
 * signalled, posted in chains behind one doorbell, received from a shared receive queue at the
 * accepting end and from the queue pair's own at the connecting end. A link belongs to one thread.
 */
#ifndef BENCH_RDMA_LINK_H
#define BENCH_RDMA_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

/* Work requests of one chain, and completions taken by one look. */
#define LINK_BATCH_MAX	  64u
/* Messages under way; the guest of a virtual machine has 32,767 places in a completion queue. */
#define LINK_WINDOW_MAX	  1024u
/* What a message may have to go inline; more is refused by some devices. */
#define LINK_INLINE	  256u
/* One work request of so many is signalled: often enough to free the queue, seldom enough not to
 * be felt. */
#define LINK_SIGNAL_EVERY 16u

struct link_options {
	const char *address; /* of the device at this end, and of the other: one machine */
	uint64_t message;    /* bytes of the longest message */
	uint64_t bulk;	     /* bytes that are read and written; 0: none */
	unsigned window;     /* messages under way one way */
	bool sleeping;	     /* on a completion channel, else polling */
};

/* Work requests that go behind one doorbell. */
struct link_chain {
	struct ibv_send_wr wr[LINK_BATCH_MAX];
	struct ibv_sge sge[LINK_BATCH_MAX];
	unsigned n;
};

struct link {
	struct rdma_cm_id *listener; /* NULL at the connecting end */
	struct rdma_cm_id *id;
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel; /* NULL: polling */
	struct ibv_cq *cq;
	struct ibv_srq *srq; /* NULL at the connecting end */
	struct ibv_mr *mr;
	uint8_t *memory; /* a message to send, then the receive slots, then the bulk */
	uint64_t slot_bytes;
	uint8_t *bulk;
	uint64_t far_bulk; /* the other end's */
	uint32_t far_key;
	unsigned slots;
	unsigned refill;      /* slots that are posted in one chain */
	unsigned *free_slots; /* taken in, not posted again */
	unsigned n_free;
	unsigned depth;	      /* of the send queue */
	unsigned in_queue;    /* work requests that may still be in it */
	unsigned unsignalled; /* since the last that was signalled */
	unsigned received;    /* messages taken in, for the caller to count down */
	unsigned events;      /* of the channel, not acknowledged yet */
	uint64_t looks;	      /* in vain, in a row */
	bool (*alive)(void *);
	void *alive_arg;
	struct link_options options;
};

/* Opens the device of OPTIONS' address and listens there on a port of the system's choice. -1 with
 * errno. link_close() in any case. */
int link_listen(struct link *link, const struct link_options *options, uint16_t *ret_port);

/* Waits for the one connection and accepts it. -1 with errno. */
int link_accept(struct link *link);

/* Connects to PORT at OPTIONS' address. -1 with errno. link_close() in any case. */
int link_connect(struct link *link, const struct link_options *options, uint16_t port);

/* While it waits it asks ALIVE from time to time whether the other end still lives. */
void link_watch(struct link *link, bool (*alive)(void *), void *arg);

void link_close(struct link *link);

/* Posts free slots as receives, at most LINK_BATCH_MAX in one chain. -1 with errno. */
int link_refill(struct link *link);

/* Adds a SEND of BYTES, at most the options' message. The chain has room: the caller's to see. */
void link_send(const struct link *link, struct link_chain *chain, uint64_t bytes);

/* Adds a WRITE of BYTES of our bulk to the far one's, or a READ the other way. SIGNALLED: its
 * completion is told by link_drain(). */
void link_write(const struct link *link, struct link_chain *chain, uint64_t bytes, bool signalled);
void link_read(const struct link *link, struct link_chain *chain, uint64_t bytes);

/* Posts the chain, which is empty then. -1 with errno. */
int link_post(struct link *link, struct link_chain *chain);

/* Waits until a message has come: link->received is not 0. -1 with errno (EIO with a message on
 * standard error: a work request failed; EPIPE: the other end is dead). */
int link_wait(struct link *link);

/* Waits until all work requests that were signalled have completed. -1 as link_wait(). */
int link_drain(struct link *link);

#endif
