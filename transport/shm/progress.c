/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poll(). While messages flow it looks at the rings of the active endpoints, one line each, and at
 * nothing else.
 */
#include <errno.h>
#include <stdlib.h>

#include "transport/shm/bulk.h"
#include "transport/shm/expose.h"
#include "transport/shm/shm.h"

/* Messages of one endpoint in one poll: a busy peer must not starve the others. */
#define RECEIVE_BATCH 16u

/*
 * The clock is read once in so many polls; one that found something counts as CLOCK_BUSY, because
 * handling it takes longer than finding nothing.
 */
#define CLOCK_POLLS 64
#define CLOCK_BUSY  8

static void check_eof(struct shm_endpoint *endpoint)
{
	if (shm_rx_ready(&endpoint->rx) && shm_rx_position(&endpoint->rx) < endpoint->eof_limit)
		return;
	shm_endpoint_fail(endpoint, ECONNRESET, "peer (pid %d) has ended or closed the connection",
			  endpoint->base.identity.pid);
}

/* What an endpoint has to do beside receiving. */
static __attribute__((noinline)) unsigned do_chores(struct shm_endpoint *endpoint)
{
	unsigned n = 0;

	if (endpoint->queue && endpoint->state == SHM_LIVE)
		n += shm_endpoint_send_queued(endpoint);
	if (endpoint->transfers && endpoint->state == SHM_LIVE)
		n += shm_transfers_progress(endpoint);
	if (endpoint->pipes && endpoint->state == SHM_LIVE)
		n += shm_exposures_progress(endpoint);
	if (endpoint->eof && endpoint->state == SHM_LIVE)
		check_eof(endpoint);
	endpoint->chores = shm_endpoint_has_chores(endpoint);
	return n;
}

static __attribute__((noinline)) void length_wrong(struct shm_endpoint *endpoint, uint32_t length)
{
	shm_endpoint_fail(endpoint, EPROTO,
			  "peer (pid %d) wrote a message of %u bytes into the ring; %u to %u were "
			  "agreed",
			  endpoint->base.identity.pid, length, VBI_MESSAGE_MIN, endpoint->rx.max);
}

/* What a message says of those that we have sent. False: it lies. */
static inline bool take_ack(struct shm_endpoint *endpoint, uint64_t first)
{
	bool wrong = false;

	if (!shm_tx_acknowledge(&endpoint->tx, shm_first_ack(first), &wrong))
		endpoint->calm = 0;
	else if (++endpoint->calm == SHM_CALM)
		endpoint->tx.edge = 0;
	return !wrong;
}

static __attribute__((noinline)) void ack_wrong(struct shm_endpoint *endpoint)
{
	shm_endpoint_fail(endpoint, EPROTO, "peer (pid %d) says that it has read what was not sent",
			  endpoint->base.identity.pid);
}

/* Takes messages out of the ring, of which the first is there, and tells rpc. How many. */
static inline unsigned receive(struct shm_domain *domain, struct shm_endpoint *endpoint)
{
	unsigned n = 0;
	uint64_t first;

	while (n < RECEIVE_BATCH && shm_rx_peek(&endpoint->rx, &first)) {
		uint32_t length = shm_first_length(first);
		struct shm_message *message;

		if (__builtin_expect(!shm_rx_length_valid(&endpoint->rx, length), 0)) {
			length_wrong(endpoint, length);
			break;
		}
		if (__builtin_expect(!take_ack(endpoint, first), 0)) {
			ack_wrong(endpoint);
			break;
		}
		/* Without a buffer the message stays in the ring, and the peer stops for it. */
		message = shm_pool_get(domain->rx_pool, endpoint);
		if (__builtin_expect(!message, 0))
			break;
		message->base.length = length;
		if (__builtin_expect(shm_rx_take(&endpoint->rx, first, message->base.data), 0))
			shm_endpoint_nudge(endpoint, SHM_WANT_ROOM);
		endpoint->n_received++;
		n++;
		domain->base.events->received(endpoint->base.owner, &message->base);
		if (__builtin_expect(endpoint->state != SHM_LIVE, 0))
			break;
	}
	return n;
}

static int report_failures(struct shm_domain *domain)
{
	struct shm_endpoint *endpoint;
	int n = 0;

	while ((endpoint = domain->failed)) {
		domain->failed = endpoint->report_next;
		if (!domain->failed)
			domain->failed_end = &domain->failed;
		shm_transfers_fail(endpoint, -ECONNRESET);
		if (endpoint->state != SHM_FAILED)
			continue;
		endpoint->reported = true;
		domain->base.events->failed(endpoint->base.owner, &endpoint->cause);
		n++;
	}
	return n;
}

/* What is left to do at the end of a poll, if anything failed or was closed. How many events. */
static __attribute__((noinline)) int end_poll(struct shm_domain *domain)
{
	struct shm_endpoint *endpoint;
	struct shm_listener *listener;
	int n = report_failures(domain);

	/* A nested poll leaves the rest to the outer one, which may stand on what is closed. */
	if (domain->depth > 1)
		return n;
	domain->chores = false;
	if (domain->active_holes)
		shm_domain_close_holes(domain);
	while ((listener = domain->closed_listeners)) {
		domain->closed_listeners = listener->free_next;
		free(listener);
	}
	while ((endpoint = domain->closed)) {
		domain->closed = endpoint->free_next;
		shm_endpoint_free(endpoint);
	}
	return n;
}

static __attribute__((noinline)) int wake_up(struct shm_domain *domain)
{
	bool armed = domain->armed;

	domain->slept = domain->flagged = domain->armed = false;
	shm_domain_disarm(domain);
	return armed ? shm_domain_handle_events(domain) : 0;
}

int shm_domain_poll(struct vbi_domain *base)
{
	struct shm_domain *domain = shm_domain_of(base);
	int n = 0;

	domain->depth++;
	if (__builtin_expect(domain->slept, 0))
		n = wake_up(domain);
	for (uint32_t i = 0; i < domain->n_active; i++) {
		struct shm_endpoint *endpoint = domain->active[i];

		if (__builtin_expect(!endpoint, 0))
			continue;
		if (shm_rx_ready(&endpoint->rx) && endpoint->state == SHM_LIVE)
			n += (int)receive(domain, endpoint);
		if (__builtin_expect(endpoint->chores, 0))
			n += (int)do_chores(endpoint);
	}
	domain->countdown -= n ? CLOCK_BUSY : 1;
	if (__builtin_expect(domain->countdown <= 0, 0)) {
		domain->countdown = CLOCK_POLLS;
		n += shm_domain_look_if_due(domain);
	}
	if (__builtin_expect(domain->chores, 0))
		n += end_poll(domain);
	domain->depth--;
	return n;
}
