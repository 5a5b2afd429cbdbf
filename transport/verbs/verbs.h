/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of this transport and what its files say to each other.
 *
 *   domain    one worker's: the CM's event channel, an epoll, devices, endpoints
 *   device    of a domain, by ibv_context: PD of the accepting side, completion channel, lanes
 *   lane      a CQ with the queue pairs that were admitted to it, and for the accepting side an SRQ
 *   slab      message buffers of one PD
 *   endpoint  a queue pair
 *
 * Everything here belongs to the domain's thread. Only librdmacm's contexts are shared by a
 * process: PDs, CQs, SRQs are not.
 */
#ifndef VERBS_VERBS_H
#define VERBS_VERBS_H

#include <assert.h>
#include <sys/epoll.h>

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#include "transport/clock.h"
#include "transport/transport.h"
#include "transport/verbs/address.h"
#include "transport/verbs/hello.h"
#include "transport/verbs/keepalive.h"
#include "transport/verbs/ranges.h"
#include "transport/verbs/slab.h"

struct verbs_bounce;
struct verbs_device;
struct verbs_domain;
struct verbs_endpoint;
struct verbs_lane;
struct verbs_memory_budget;
struct verbs_regions;
struct verbs_resolver;
struct verbs_unwilling;
struct verbs_windows;

/* ---- Sizes ---- */

/* Smallest message_max of a domain, bytes. */
#define VERBS_MESSAGE_MAX_LEAST 256u

/*
 * Send work requests of one queue pair, posted and not retired. More wait in the endpoint's queue.
 * A power of two. The largest burst of small calls that others post is 64; as many again for bulk.
 */
#define VERBS_SQ_DEPTH 128u

/* Work requests that one doorbell carries at most. Some lines of descriptors for the NIC. */
#define VERBS_CHAIN 16u

/*
 * One signalled send of so many. With VERBS_SQ_DEPTH of 128 at least seven are always under way
 * before the queue is full, so that room always comes back.
 */
#define VERBS_SIGNAL_EVERY 16u
static_assert(VERBS_SQ_DEPTH >= 2 * VERBS_SIGNAL_EVERY, "a full queue has a signalled send in it");

/* How long a goodbye may take, or what is left to be sent before it may say nothing: a packet, or
 * an acknowledgement, may be lost three times. */
#define VERBS_GOODBYE_NS (1000 * TICK_NS_PER_MS)

/* Released receives are posted again in chains of so many: so many more are there. */
#define VERBS_REFILL 16u

/*
 * Receives of one endpoint that are the transport's own: the accepting side takes pings, the
 * connecting side as many pongs, and either a goodbye.
 */
#define VERBS_RECEIVES_OWN (VERBS_PINGS_MAX + 1)

/* Polls that fail one after another until the queue is given up: one alone may be a completion that
 * the driver could not make sense of. */
#define VERBS_POLL_ERRORS_MAX 64u

/* READs that a connection may have under way at its client, if both devices can: more do not get
 * faster over any path that a chunk of 256 KiB already fills. */
#define VERBS_READS_MAX 16u

/* Tries after the first, in three bits. Not 7, which is for ever on SoftRoCE. */
#define VERBS_RETRY_COUNT 6

/* The same for a peer that has no receive posted. For ever: it is late, not dead. What decides is
 * what the peer asked for, and it asks for the same. */
#define VERBS_RNR_RETRY_COUNT 7

/* Completions taken at a time. */
#define VERBS_POLL_BATCH 16

/*
 * Bytes of a message up to which it is asked to be inline: a small call with its header. mlx5 takes
 * up to 900, SoftRoCE 512; each 64 bytes more make every descriptor a line longer.
 */
#define VERBS_INLINE_MAX 256u

/* Sizes of message buffers: a slab for each power of two from VERBS_MESSAGE_MAX_LEAST. */
#define VERBS_SIZES 9u
static_assert(VERBS_MESSAGE_MAX_LEAST << (VERBS_SIZES - 1) == VBI_MESSAGE_MAX, "a slab for each");

/* ---- Work under way ---- */

/*
 * What a posted send was for; decides what its completion does. The object of the first three is
 * the struct verbs_slot, free again when this is over; NULL: it was inline and is free already.
 */
enum verbs_work_kind {
	VERBS_WORK_MESSAGE,
	VERBS_WORK_PING,     /* or what is asked without a message: no object */
	VERBS_WORK_GOODBYE,  /* what was sent before it has arrived */
	VERBS_WORK_TRANSFER, /* object: struct vbi_transfer, one piece of it */
	VERBS_WORK_BIND,     /* object: struct verbs_window */
};

/* One word, since each endpoint has VERBS_SQ_DEPTH of them: the object's address, in whose low bits
 * stands the kind. */
struct verbs_work {
	uintptr_t word;
};
#define VERBS_WORK_KINDS ((uintptr_t)7)
static_assert(VERBS_WORK_BIND <= VERBS_WORK_KINDS, "objects lie at multiples of 8");

/*
 * Work requests that are posted together. Endpoints have none of their own, because most of them
 * idle and work requests are large: the domain lends one while something is in it.
 */
struct verbs_chain {
	struct ibv_send_wr wrs[VERBS_CHAIN];
	struct ibv_sge pieces[VERBS_CHAIN];
	struct verbs_endpoint *owner; /* whom it was lent to last */
	struct verbs_chain *next;     /* domain->free_chains */
};

/* Chains of a domain: as many as it has endpoints, up to those that one batch of completions can
 * make speak. If more speak, one of them has its doorbell rung earlier. */
#define VERBS_CHAINS_MAX 16u
static_assert(VERBS_CHAINS_MAX >= VERBS_POLL_BATCH, "one for each completion of a batch");

/* ---- Lanes and devices ---- */

struct verbs_lane {
	struct verbs_device *device;
	uint32_t number; /* from 1, of the lanes that the device ever had */
	struct ibv_cq *cq;
	struct ibv_srq *srq;  /* accepting side only */
	uint32_t cqes;	      /* entries that the CQ has */
	uint32_t reserved;    /* of these, what its queue pairs and its SRQ may fill at worst */
	uint32_t n_endpoints; /* admitted */

	/* The SRQ's receives. */
	uint32_t srq_depth;	   /* work requests it takes */
	uint32_t shares;	   /* receives that its endpoints need */
	uint32_t n_ended;	   /* endpoints that left: each may have taken a receive along */
	uint32_t target;	   /* that should be posted: the endpoints' shares, headroom */
	uint32_t posted;	   /* with the device */
	struct verbs_slot *refill; /* released, to be posted again in a chain */
	uint32_t n_refill;
	uint64_t refused_since; /* ns: the device has taken no receives since; 0: it does */

	enum verbs_armed { VERBS_DISARMED, VERBS_ARMED_SOLICITED, VERBS_ARMED_ANY } armed;
	uint32_t n_unacked; /* events of the completion channel to be acknowledged */
	uint32_t n_works;   /* sends of its endpoints under way: any completion must wake */

	/* Completions taken from the CQ and not handled: a batch, or what was found while one
	 * endpoint was drained. */
	struct ibv_wc *taken;
	uint32_t at_taken, n_taken, taken_room;
	uint32_t n_poll_errors; /* since one worked */
	struct verbs_lane *next;
};

struct verbs_device {
	struct verbs_domain *domain;
	struct ibv_context *context; /* librdmacm's */
	struct ibv_device_attr attr;
	uint32_t inline_max; /* bytes; what queue pairs here were given */
	bool flushes_not;    /* the last queue pair that broke did not flush all in its time */
	struct ibv_pd *pd;   /* of the accepting side: no region in it has a remote flag */
	struct ibv_comp_channel *channel;
	struct verbs_slab receives;	      /* of the SRQs */
	struct verbs_slab sends[VERBS_SIZES]; /* of accepted endpoints, by the largest message */
	struct verbs_lane *lanes;
	uint32_t n_lanes; /* that there ever were */
	struct verbs_device *next;
};

/* ---- Endpoints ---- */

enum verbs_state {
	VERBS_RESOLVING_NAME,
	VERBS_RESOLVING_ADDRESS,
	VERBS_RESOLVING_ROUTE,
	VERBS_CONNECTING, /* client: asked; server: accepted, not yet ESTABLISHED nor heard */
	VERBS_LIVE,
	VERBS_FAILED,  /* has a cause; failed() has been or will be called */
	VERBS_LEAVING, /* closed by rpc; its goodbye is under way */
	VERBS_CLOSED,  /* its memory is freed when poll() is left */
};

struct verbs_endpoint {
	struct vbi_endpoint base;
	struct verbs_domain *domain;
	struct verbs_device *device;
	struct verbs_lane *lane;
	struct ibv_qp *qp;
	struct ibv_pd *pd; /* connecting side: its own; accepting side: the device's */
	enum verbs_state state;
	uint32_t id; /* index in the domain's table and generation; names it in wr_id */

	/* The send queue. Work HEAD - TAIL is under way; HEAD counts what is in the chain too. */
	uint32_t head, tail;
	uint32_t since_signal; /* works posted since the last signalled one */
	uint32_t n_chain;
	struct verbs_chain *chain; /* while something is in it */
	struct verbs_work works[VERBS_SQ_DEPTH];
	struct verbs_slot *queue, **queue_end;		 /* messages that wait for room */
	struct vbi_transfer *transfers, **transfers_end; /* that wait for room, the first perhaps in
							    part posted */
	struct verbs_endpoint *flush_next;		 /* domain->flush */
	bool to_flush;

	/* Receives. */
	struct verbs_slab *send_slab;
	struct verbs_slot *unsent; /* buffers that rpc has neither sent nor put */
	struct verbs_slot *held;   /* messages that rpc has not released */
	uint32_t n_held;
	uint32_t share;		   /* receives that are there for it */
	uint32_t rq_posted;	   /* connecting side: posted and not completed */
	struct verbs_slot *refill; /* connecting side */
	uint32_t n_refill;
	struct verbs_slab own_sends, own_receives; /* connecting side */

	/* Bulk. */
	struct verbs_bounce *bounce;	/* connecting side: memory to copy through */
	struct vbi_exposure *exposures; /* connecting side: alive */
	uint32_t n_exposures;
	uint64_t memory_max;		    /* connecting side: bytes for the application */
	struct verbs_memory_budget *memory; /* of which these are given out; NULL: none yet */
	struct verbs_ranges given;	    /* the application's, registered for this endpoint */
	struct verbs_unwilling *unwilling;  /* registrations that the device did not end */
	struct verbs_windows *windows;	    /* connecting side; NULL: none yet */
	bool has_windows;		    /* both ends have agreed on windows */
	uint32_t n_underway;		    /* transfers begun whose done() has not run, */
	uint32_t n_pulling;		    /* and those of them that are pulls */
	uint32_t max_msg_size;		    /* bytes that one READ or WRITE of the port moves */

	/* Keepalive. */
	struct verbs_keepalive keepalive;
	uint32_t pongs_waiting; /* in queue: answers that the peer does not have yet */

	/* Connection management. */
	struct rdma_cm_id *cm;
	struct verbs_listener *listener;   /* accepting side */
	struct verbs_resolver *resolver;   /* connecting side, while the name is looked up */
	struct verbs_addresses *addresses; /* connecting side */
	unsigned at_address;
	uint64_t connect_by;	 /* ns: rpc waits until then; 0: unknown */
	uint8_t initiator_depth; /* READs we may have under way at the peer */
	uint64_t deadline_ns;	 /* 0: none; a stage of the connecting or of the leaving */
	bool accepting;
	bool established;    /* the CM says so: the peer is owed a disconnect */
	bool broken;	     /* the queue pair is in ERR */
	bool moves_still;    /* it should be, and the device would not do it */
	bool flushed;	     /* a receive was flushed: the cause comes, or deadline_ns */
	bool counted_remote; /* in domain->n_remote */
	bool reported;	     /* failed() has been called */
	struct vbi_cause cause;
	struct verbs_endpoint *previous, *next; /* domain->endpoints */
	struct verbs_endpoint *report_next;	/* domain->failed */
	struct verbs_endpoint *free_next;	/* domain->closed */
};

struct verbs_listener {
	struct vbi_listener base;
	struct verbs_domain *domain;
	struct rdma_cm_id *cm;
	struct verbs_listener *next; /* domain->listeners */
};

/* What a descriptor in the domain's epoll belongs to: bits, of which a sleep collects those that
 * are ready. */
enum verbs_watch {
	VERBS_WATCH_CM = 1,
	VERBS_WATCH_COMPLETIONS = 2,
	VERBS_WATCH_RESOLVER = 4,
	VERBS_WATCH_FOREIGN = 8, /* somebody else's: it ends a sleep and nothing more */
};
#define VERBS_WATCH_ALL (VERBS_WATCH_CM | VERBS_WATCH_COMPLETIONS | VERBS_WATCH_RESOLVER)

struct verbs_domain {
	struct vbi_domain base;
	struct vbi_domain_options options;
	struct rdma_event_channel *cm;
	int epoll_fd;
	struct verbs_device *devices;
	struct verbs_endpoint *endpoints;
	struct verbs_endpoint **table; /* by the index in endpoint->id */
	uint32_t table_size, n_endpoints, next_generation;
	struct verbs_endpoint **by_qp; /* open addressing; twice table_size */
	struct verbs_regions *regions; /* of region_alloc() */

	struct verbs_chain *chains[VERBS_CHAINS_MAX], *free_chains;
	uint32_t n_chains, next_chain; /* next_chain, modulo n_chains: posted if none is free */

	struct verbs_endpoint *flush; /* have a chain to be posted */
	struct verbs_endpoint *failed, **failed_end;
	struct verbs_endpoint *closed;
	struct verbs_listener *listeners;
	uint32_t n_leaving;
	uint32_t n_live;   /* connected endpoints */
	uint32_t n_remote; /* of these, those whose peer is on another host */
	uint32_t depth;	   /* inside poll() */
	unsigned ready;	   /* enum verbs_watch: what to look at in the next poll() */
	bool one_cpu;	   /* this thread may run on one CPU only */

	uint64_t look_ticks;
	struct tick_length tick;
	uint64_t next_scan; /* ns: when the timers are looked at next; UINT64_MAX: never */
};

static inline struct verbs_domain *verbs_domain_of(const struct vbi_domain *domain)
{
	return (struct verbs_domain *)(uintptr_t)domain;
}

static inline struct verbs_endpoint *verbs_endpoint_of(const struct vbi_endpoint *endpoint)
{
	return (struct verbs_endpoint *)(uintptr_t)endpoint;
}

/* ---- Domain (domain.c) ---- */

int verbs_domain_open(const struct vbi_events *events, struct vb_stats *stats,
		      const struct vbi_domain_options *options, struct vbi_domain **ret_domain,
		      struct vbi_cause *ret_cause);
void verbs_domain_close(struct vbi_domain *domain);
int verbs_domain_fd(const struct vbi_domain *domain);
int verbs_domain_watch_foreign(struct vbi_domain *domain, int fd);
/* Adds FD to the epoll as KIND. Negative errno. */
int verbs_domain_watch(struct verbs_domain *domain, int fd, enum verbs_watch kind);
/* Gives the endpoint an id and a place in the tables. Negative errno. */
int verbs_domain_add(struct verbs_domain *domain, struct verbs_endpoint *endpoint);
void verbs_domain_remove(struct verbs_domain *domain, struct verbs_endpoint *endpoint);
/* By id; NULL: it is gone. */
struct verbs_endpoint *verbs_domain_endpoint(const struct verbs_domain *domain, uint32_t id);
/* By queue pair: needed with an SRQ, whose completions name nothing else. Each device has numbers
 * of its own, and two that are equally old give the same. */
void verbs_domain_add_qp(struct verbs_domain *domain, struct verbs_endpoint *endpoint);
void verbs_domain_remove_qp(struct verbs_domain *domain, const struct verbs_endpoint *endpoint);
struct verbs_endpoint *verbs_domain_by_qp(const struct verbs_device *device, uint32_t qp_num);

/* ---- Progress (progress.c) ---- */

int verbs_domain_poll(struct vbi_domain *domain);
int verbs_domain_arm(struct vbi_domain *domain);
int verbs_domain_sleep(struct vbi_domain *domain, uint64_t timeout_ns);
uint64_t verbs_domain_next_timeout(const struct vbi_domain *domain);
bool verbs_domain_spin_pays(const struct vbi_domain *domain);
/* Frees the memory of closed endpoints, unless within poll(). */
void verbs_domain_free_closed(struct verbs_domain *domain);

/* ---- Devices and lanes (device.c, lane.c) ---- */

/* The domain's device of a CM id that is bound to one; opened if it is new. Negative errno. */
int verbs_device_get(struct verbs_domain *domain, struct ibv_context *context,
		     struct verbs_device **ret_device, struct vbi_cause *ret_cause);
void verbs_device_close(struct verbs_device *device);
/* Whether a server can use the device: -EOPNOTSUPP, and why not. */
int verbs_device_check_serves(const struct verbs_device *device, struct vbi_cause *ret_cause);
/* The slab of the device for messages of SIZE bytes to accepted endpoints' peers. */
struct verbs_slab *verbs_device_sends(struct verbs_device *device, uint32_t size);
/* Whether the device's driver is SoftRoCE, whose windows have gaps (docs/verbs.md). */
bool verbs_device_is_rxe(const struct verbs_device *device);

/*
 * Admits the endpoint to a lane of the device whose CQ holds the worst case with it, which is made
 * if there is none; posts its share of the SRQ's receives. Negative errno.
 */
int verbs_lane_admit(struct verbs_device *device, struct verbs_endpoint *endpoint);
void verbs_lane_leave(struct verbs_endpoint *endpoint);
void verbs_lane_close(struct verbs_lane *lane);
/* A receive of the SRQ has completed: the slot is whoever's takes it from here. */
static inline void verbs_lane_received(struct verbs_lane *lane, struct verbs_slot *slot)
{
	lane->posted--;
	slot->lane = 0;
}
/* Gives a receive of the SRQ back; posts a chain when there is one. */
void verbs_lane_refill(struct verbs_lane *lane, struct verbs_slot *slot);
/* Posts again what the device did not take, and closes a worn lane, which is not to be looked at
 * again. When to look next, ns; UINT64_MAX: all is posted. */
uint64_t verbs_lane_look(struct verbs_lane *lane, uint64_t now);
/* Takes and handles a batch of completions. How many. */
int verbs_lane_poll(struct verbs_lane *lane);
/* Takes all completions that are there. Whether one of them, not handled yet, is that of a send of
 * the endpoint. */
bool verbs_lane_has_send(struct verbs_lane *lane, const struct verbs_endpoint *endpoint);
/* Asks for an event at the next completion. -EBUSY: one is there already; or negative errno. */
int verbs_lane_arm(struct verbs_lane *lane);
/* Takes the events of the device's completion channel. */
void verbs_device_take_events(struct verbs_device *device);
/* Takes completions, handles those of the endpoint as of one that is drained and keeps the others.
 * How many were the endpoint's. */
unsigned verbs_lane_drain(struct verbs_lane *lane, struct verbs_endpoint *endpoint);

/* ---- Queue pairs (queue_pair.c) ---- */

/* Says that a resource of the device of the endpoint's CM id could not be had, and whether
 * RLIMIT_MEMLOCK may be why: not where it does not hold for this process. Returns ERROR (negative).
 */
int verbs_explain_resources(const struct verbs_endpoint *endpoint, int error, const char *what,
			    struct vbi_cause *ret_cause);
/* Sets what the endpoint's port can move at a time. -ENETDOWN: it is not active; or another
 * negative errno. */
int verbs_port_limits(struct verbs_endpoint *endpoint, struct vbi_cause *ret_cause);
/* Creates the endpoint's queue pair and brings it to INIT, with the access flags it keeps. */
int verbs_qp_create(struct verbs_endpoint *endpoint, struct vbi_cause *ret_cause);
/* To RTR and RTS, by what the CM has agreed on and by what we mean. */
int verbs_qp_start(struct verbs_endpoint *endpoint, struct vbi_cause *ret_cause);
/* To ERR: nothing moves any more, what is posted is flushed. */
void verbs_qp_break(struct verbs_endpoint *endpoint);
/* Of an endpoint that has failed: if its queue pair could not be broken, destroys it. */
void verbs_qp_isolate(struct verbs_endpoint *endpoint);
/* Takes completions until nothing of the endpoint is under way, in bounded time; destroys. */
void verbs_qp_destroy(struct verbs_endpoint *endpoint);

/* ---- Endpoints (endpoint.c) ---- */

struct verbs_endpoint *verbs_endpoint_new(struct verbs_domain *domain);
/*
 * The endpoint has failed; the first cause counts, what follows from it is dropped. Breaks the
 * queue pair and tells the peer. rpc hears of it from poll().
 */
void verbs_endpoint_fail(struct verbs_endpoint *endpoint, int errnum, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void verbs_endpoint_fail_cause(struct verbs_endpoint *endpoint, const struct vbi_cause *cause);
/* It can send and receive from now on. */
void verbs_endpoint_live(struct verbs_endpoint *endpoint);
void verbs_endpoint_close(struct vbi_endpoint *endpoint);
/* Frees everything of an endpoint at once; its memory goes at the end of poll(). */
void verbs_endpoint_destroy(struct verbs_endpoint *endpoint);

/* ---- Connection management (cm.c, connect.c, listener.c) ---- */

/*
 * Before librdmacm opens a device, which it keeps for the process's life: a child that is forked
 * afterwards would find its descriptors refused by the kernel, and its queues not mapped. -EPERM
 * there.
 */
int verbs_cm_claim(struct vbi_cause *ret_cause);
/* Handles the CM's events that are there. How many. */
int verbs_cm_poll(struct verbs_domain *domain);
int verbs_connect(struct vbi_domain *domain, const char *rest, uint64_t arena_max, void *owner,
		  struct vbi_endpoint **ret_endpoint, struct vbi_cause *ret_cause);
int verbs_listen(struct vbi_domain *domain, const char *rest, void *owner,
		 struct vbi_listener **ret_listener, struct vbi_cause *ret_cause);
void verbs_listener_close(struct vbi_listener *listener);
/* An event of an endpoint or of a listener. It has been acknowledged. */
struct verbs_cm_event {
	enum rdma_cm_event_type type;
	int status;
	struct rdma_cm_id *id;
	struct rdma_conn_param param; /* private_data points to DATA */
	uint8_t data[256];
};
void verbs_connect_event(struct verbs_endpoint *endpoint, const struct verbs_cm_event *event);
void verbs_listener_event(struct verbs_listener *listener, const struct verbs_cm_event *event);
/* The name has been looked up: goes on with the addresses. */
void verbs_connect_resolved(struct verbs_endpoint *endpoint);
/* The stage has taken too long. */
void verbs_connect_expired(struct verbs_endpoint *endpoint);

/* Whether both ends are on this host. */
bool verbs_cm_is_local(const struct rdma_cm_id *id);

/* ---- Messages (message.c) ---- */

struct vbi_message *verbs_message_get(struct vbi_endpoint *endpoint);
void verbs_message_put(struct vbi_endpoint *endpoint, struct vbi_message *message);
void verbs_send(struct vbi_endpoint *endpoint, struct vbi_message *message, uint32_t length,
		bool more);
void verbs_flush(struct vbi_endpoint *endpoint);
void verbs_release(struct vbi_endpoint *endpoint, struct vbi_message *message);
void verbs_end_with(struct vbi_endpoint *endpoint, struct vbi_message *message,
		    const struct vbi_record *record);
void verbs_prepare(struct vbi_endpoint *endpoint);
/* Sends messages that waited for room. */
void verbs_queue_resume(struct verbs_endpoint *endpoint);
/* Sends one of the transport's own messages. */
void verbs_send_own(struct verbs_endpoint *endpoint, enum verbs_tag tag);
/* Takes a received buffer back for another message. */
void verbs_give_back(struct verbs_endpoint *endpoint, struct verbs_slot *slot);
/*
 * Posts up to VERBS_REFILL of the slots in *REFILL, in one chain, to SRQ or, if that is NULL, to
 * QP, and counts: *N_REFILL less, *POSTED more. What the device does not take stays. Negative
 * errno.
 */
int verbs_post_refill(struct ibv_qp *qp, struct ibv_srq *srq, struct verbs_slot **refill,
		      uint32_t *n_refill, uint32_t *posted);
/* Posts the receives of a connecting endpoint's queue that are due. Negative errno. */
int verbs_receives_post(struct verbs_endpoint *endpoint, bool all);

/* ---- The send queue (send_queue.c) ---- */

/* Sees that there is a chain for one endpoint more. -ENOMEM. */
int verbs_chains_reserve(struct verbs_domain *domain);
/* All endpoints are gone. */
void verbs_chains_free(struct verbs_domain *domain);
/* Work requests that can be added now. */
static inline uint32_t verbs_sq_room(const struct verbs_endpoint *endpoint)
{
	return VERBS_SQ_DEPTH - (endpoint->head - endpoint->tail);
}
/*
 * One more work request, for which there is room, at the end of the chain: written in place, since
 * a copy costs as much as all else here. Of what the last one there left behind, begin() sets next
 * and one piece, which the caller fills, or sets num_sge to 0. The caller sets opcode and
 * send_flags always, and whatever else the opcode has. end() sets wr_id and the flag to signal.
 * Nothing else is added between the two. SIGNAL: ask for a completion in any case. OBJECT and KIND
 * come back at its end.
 */
struct ibv_send_wr *verbs_sq_begin(struct verbs_endpoint *endpoint);
void verbs_sq_end(struct verbs_endpoint *endpoint, struct ibv_send_wr *wr,
		  enum verbs_work_kind kind, void *object, bool signal);
/* Adds a WRITE of nothing, for which there is room, and asks for its completion. It names no
 * memory: without bytes neither address nor key is looked at (InfiniBand specification, C9-88). */
void verbs_sq_add_empty_write(struct verbs_endpoint *endpoint);
/* Posts the chain: one doorbell. */
void verbs_sq_flush(struct verbs_endpoint *endpoint);
/* Posts it now, or at the end of the poll() that we are in. */
void verbs_sq_flush_soon(struct verbs_endpoint *endpoint);
/* A send's completion: retires the works up to it. */
void verbs_sq_completed(struct verbs_endpoint *endpoint, const struct ibv_wc *wc);
/* Ends all works with -ECONNRESET: the queue pair is gone. */
void verbs_sq_abort(struct verbs_endpoint *endpoint);
/* Goes on with what waited for room. */
void verbs_sq_resume(struct verbs_endpoint *endpoint);

/* ---- Completions (completion.c) ---- */

/* Handles one completion of the lane. */
void verbs_completion(struct verbs_lane *lane, const struct ibv_wc *wc);
/* The same for an endpoint that is drained: nothing is told to rpc. */
void verbs_completion_drained(struct verbs_endpoint *endpoint, const struct ibv_wc *wc);
/* What a completion's status means, negative errno; 0 for success. */
int verbs_status_errno(enum ibv_wc_status status);
/* The endpoint that a completion belongs to; NULL: it is gone. */
struct verbs_endpoint *verbs_completion_owner(const struct verbs_lane *lane,
					      const struct ibv_wc *wc);

/*
 * wr_id. A receive's is its slot's address with bit 0 set; a send's is the endpoint's id and the
 * work's number: they are valid in error completions too, where the opcode is not.
 */
static inline bool verbs_id_is_receive(uint64_t wr_id)
{
	return wr_id & 1;
}
static inline uint64_t verbs_id_of_send(const struct verbs_endpoint *endpoint, uint32_t number)
{
	return (uint64_t)endpoint->id << 33 | (uint64_t)number << 1;
}
static inline uint32_t verbs_id_endpoint(uint64_t wr_id)
{
	return (uint32_t)(wr_id >> 33);
}
static inline uint32_t verbs_id_number(uint64_t wr_id)
{
	return (uint32_t)(wr_id >> 1);
}

/* ---- Keepalive and timers (timers.c) ---- */

/* Looks at the endpoints' timers if it is time. How many expired. */
int verbs_timers_look(struct verbs_domain *domain, uint64_t now);
/* A timer was set for WHEN. */
void verbs_timers_note(struct verbs_domain *domain, uint64_t when);

/* ---- Bulk: what is exposed (expose.c), memory (memory.c, region.c), moves (transfer.c) ---- */

int verbs_expose(struct vbi_endpoint *endpoint, struct vbi_exposure *exposure);
/* The peer has ended the window that KEY names. Negative errno: none has that name. */
int verbs_exposure_ended(struct verbs_endpoint *endpoint, uint32_t key);
int verbs_revoke(struct vbi_endpoint *endpoint, struct vbi_exposure *exposure, enum vbi_revoke how);
/* The endpoint is being closed: ends all that is exposed, before its queue pair breaks, and forgets
 * it. Fails an endpoint whose device keeps some of it. */
void verbs_exposures_end(struct verbs_endpoint *endpoint);
/* Deregisters. Negative errno: the device would not; it is asked again in verbs_bulk_free(). */
int verbs_withdraw(struct verbs_endpoint *endpoint, struct ibv_mr *mr);
/* Frees what the endpoint has for bulk, its queue pair being gone. */
void verbs_bulk_free(struct verbs_endpoint *endpoint);
void *verbs_memory_alloc(struct vbi_endpoint *endpoint, size_t size,
			 const struct vb_memory_options *options);
bool verbs_memory_free(void *memory);
int verbs_memory_register(struct vbi_endpoint *endpoint, void *address, size_t size);
void verbs_memory_unregister(struct vbi_endpoint *endpoint, void *address);
void *verbs_region_alloc(struct vbi_domain *domain, size_t size);
void verbs_region_free(struct vbi_domain *domain, void *region, size_t size);
/* Deregisters the regions on a device that is closed; frees all at the domain's end. */
void verbs_regions_leave_device(struct verbs_domain *domain, struct verbs_device *device);
void verbs_regions_free(struct verbs_domain *domain);
int verbs_pull(struct vbi_endpoint *endpoint, struct vbi_transfer *transfer);
int verbs_push(struct vbi_endpoint *endpoint, struct vbi_transfer *transfer);
/* Posts pieces of waiting transfers as there is room. */
void verbs_transfers_resume(struct verbs_endpoint *endpoint);
/* A piece has ended; STATUS 0 or negative errno. */
void verbs_transfer_piece_done(struct verbs_endpoint *endpoint, struct vbi_transfer *transfer,
			       int status);
/* A piece was never posted, and the endpoint has failed over it. Nothing is told to rpc yet. */
void verbs_transfer_piece_dropped(struct verbs_endpoint *endpoint, struct vbi_transfer *transfer);
/* Ends those of which no piece is posted, with -ECONNRESET; the others have ended. From inside
 * poll() or close(). */
void verbs_transfers_abort(struct verbs_endpoint *endpoint);
void *verbs_map(struct vbi_endpoint *endpoint, const struct vbi_record *record, unsigned rights);
void verbs_unmap(struct vbi_endpoint *endpoint, const struct vbi_record *record, unsigned rights);

#endif
