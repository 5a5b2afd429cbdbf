/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: one thread's progress engine. It has one domain of a transport for each transport it
 * uses, the requests that are at work, the memory for their bulk, and a clock.
 *
 * A client connection has a worker of its own; a server has one.
 */
#ifndef VBI_WORKER_H
#define VBI_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include <verbena/verbena.h>

#include "rpc/clock.h"
#include "rpc/pool.h"
#include "rpc/request.h"
#include "transport/transport.h"

struct vb_conn;
struct vb_server;

/* Transports a worker may use at the same time: shm and verbs, and two to come. */
#define VBI_DOMAINS_MAX 4

struct vbi_worker {
	struct vbi_domain *domains[VBI_DOMAINS_MAX];
	unsigned n_domains;
	enum vb_wait wait;
	struct vbi_domain_options transport_options;
	vbi_clock_fn *clock;
	uint64_t now; /* last reading of the clock: at most a pass of the loop old */
	struct vb_stats stats;
	struct vb_server *server; /* NULL: a client's */
	struct vb_conn *hellos;	  /* connections whose hello is awaited, oldest first */
	struct vb_conn *doomed;	  /* closed within poll(): freed after it */
	struct vbi_request_list free_requests;
	struct vbi_request *moving;	 /* with bulk under way, longest still first */
	struct vbi_request_list waiting; /* for pool memory, in order of arrival */
	struct vbi_pool pool;
	bool inside_poll;
	bool is_retrying; /* inside vbi_bulk_retry_waiting() */
};

/*
 * How long an adaptive thread spins before it sleeps: at most about twice what a wake-up costs. A
 * wake-up across CPUs of a virtual machine takes 22 us each way, so that 50 us are about one
 * round trip of them; on bare metal, where it takes 3 to 5 us, an idle moment costs 50 us of CPU
 * once.
 */
#define VBI_SPIN_NS (50 * VBI_NS_PER_US)

/*
 * Fruitless polls between two looks at the clock. Over shared memory a poll takes some 5 ns and a
 * look 20, so that a waiting thread notices its deadline within a microsecond; over verbs within
 * some.
 */
#define VBI_POLLS_PER_LOOK 64

/* Time a new connection has for its hello: a peer that says nothing must not hold a place. As long
 * as connecting takes by default, of which an answer that is lost on its way takes half. */
#define VBI_HELLO_NS (10 * VBI_NS_PER_S)

/* Prepares a worker; no domain is opened. BULK_MAX: bytes of pool memory. */
void vbi_worker_init(struct vbi_worker *worker, enum vb_wait wait,
		     const struct vbi_domain_options *options, uint64_t bulk_max);

/* All connections are closed. Closes the domains and frees what the worker holds. */
void vbi_worker_fini(struct vbi_worker *worker);

/* The worker's domain of TRANSPORT, opened if need be. Negative errno and *RET_CAUSE. */
int vbi_worker_domain(struct vbi_worker *worker, const struct vbi_transport *transport,
		      struct vbi_domain **ret_domain, struct vbi_cause *ret_cause);

/* One pass: returns how many events there were. */
int vbi_worker_poll(struct vbi_worker *worker);

/* Reads the clock into worker->now, ends what is overdue, and returns it. */
uint64_t vbi_worker_look(struct vbi_worker *worker);

/*
 * Polls until DONE(CONTEXT), or TIMEOUT_NS have passed. Spins and sleeps as the worker's way of
 * waiting says. Returns whether DONE. Looks at the clock only after the transport's
 * polls_untimed: the time-out may come so much later.
 */
typedef bool vbi_done_fn(const void *context);
bool vbi_worker_wait(struct vbi_worker *worker, vbi_done_fn *done, const void *context,
		     uint64_t timeout_ns);

/* Arms all domains. False: there is work. */
bool vbi_worker_arm(struct vbi_worker *worker);

/* Whether spinning can pay now: the way of waiting and the transports say so. */
bool vbi_worker_may_spin(const struct vbi_worker *worker);

/* When the worker wants to be polled though nothing arrives: absolute, UINT64_MAX for never. */
uint64_t vbi_worker_next_timeout(const struct vbi_worker *worker);

#endif
