/* SPDX-License-Identifier: Apache-2.0 */
/* Stages that take too long, and the keepalive. */
#include <errno.h>
#include <utlist.h>

#include "transport/clock.h"
#include "transport/verbs/verbs.h"

void verbs_timers_note(struct verbs_domain *domain, uint64_t when)
{
	if (when < domain->next_scan)
		domain->next_scan = when;
}

/*
 * A zero-length WRITE: the device acknowledges it, and neither a receive nor the peer's process has
 * a part in it. A client without a call in progress runs no code and could not answer. Only clients
 * can be asked so: what the accepting side has is open to nobody.
 */
static void probe(struct verbs_endpoint *endpoint)
{
	/* What fills the queue is asking already. */
	if (!verbs_sq_room(endpoint)) {
		verbs_keepalive_unasked(&endpoint->keepalive);
		return;
	}
	verbs_sq_add_empty_write(endpoint);
	verbs_sq_flush_soon(endpoint);
}

/* When the endpoint wants to be looked at next. */
static uint64_t keep_alive(struct verbs_endpoint *endpoint, uint64_t now)
{
	uint64_t next;

	switch (verbs_keepalive_look(&endpoint->keepalive, now, &next)) {
	case VERBS_LIFE_WAIT:
		return next;
	case VERBS_LIFE_ASK:
		endpoint->domain->base.stats->keepalives++;
		if (endpoint->accepting)
			probe(endpoint);
		else
			verbs_send_own(endpoint, VERBS_TAG_PING);
		return next;
	case VERBS_LIFE_GONE:
		break;
	}
	/*
	 * Nor have we looked: while a handler ran, the acknowledgement may have come. The peer's
	 * device gives it, and ours takes it, whatever this thread is doing, so that the time
	 * counts; what it brought comes first. A peer that is gone brings nothing new: this ends.
	 */
	if (verbs_lane_has_send(endpoint->lane, endpoint))
		return now + TICK_NS_PER_MS;
	verbs_endpoint_fail(
		endpoint, ECONNRESET,
		"the host of peer %s has acknowledged nothing for %llu ms: it, or the path to it, "
		"is gone, or it takes no messages any more",
		endpoint->base.peer,
		(unsigned long long)((now - endpoint->keepalive.asked_at) / TICK_NS_PER_MS));
	return UINT64_MAX;
}

static void expire(struct verbs_endpoint *endpoint)
{
	endpoint->deadline_ns = 0;
	if (endpoint->state == VERBS_LEAVING)
		verbs_endpoint_destroy(endpoint);
	else if (endpoint->flushed)
		verbs_endpoint_fail(endpoint, ECONNRESET,
				    "connection with peer %s: the queue pair was broken and nobody "
				    "said why; the peer, or the port, may be gone",
				    endpoint->base.peer);
	else
		verbs_connect_expired(endpoint);
}

/* Returns when the endpoint is to be looked at next; it may be destroyed. */
static uint64_t look_at(struct verbs_endpoint *endpoint, uint64_t now, int *expired)
{
	if (endpoint->deadline_ns) {
		if (now < endpoint->deadline_ns)
			return endpoint->deadline_ns;
		++*expired;
		expire(endpoint);
		return now;
	}
	if (endpoint->state != VERBS_LIVE)
		return UINT64_MAX;
	return keep_alive(endpoint, now);
}

static void look_at_lanes(struct verbs_domain *domain, uint64_t now)
{
	struct verbs_device *device;
	struct verbs_lane *lane, *next;

	LL_FOREACH(domain->devices, device) {
		LL_FOREACH_SAFE(device->lanes, lane, next) {
			verbs_timers_note(domain, verbs_lane_look(lane, now));
		}
	}
}

int verbs_timers_look(struct verbs_domain *domain, uint64_t now)
{
	struct verbs_endpoint *endpoint, *next;
	int expired = 0;

	if (now < domain->next_scan)
		return 0;
	domain->next_scan = UINT64_MAX;
	look_at_lanes(domain, now);
	DL_FOREACH_SAFE2(domain->endpoints, endpoint, next, next)
	{
		verbs_timers_note(domain, look_at(endpoint, now, &expired));
	}
	return expired;
}
