/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stages that take too long, and the keepalive.
 *
 * An idle queue pair never times out: a host that has lost power is noticed only if something is
 * sent to it. So the connecting side asks after a quarter of keepalive_ns of silence, the accepting
 * side after a third: as a rule it is asked before. The device's acknowledgement of the ping is the
 * host's sign of life, the pong the process's. The look at an endpoint happens when its next
 * question would be due, and silence counts from there: at worst one interval late.
 *
 *   connecting:  interval T/4 late, T/4 of silence, T/4 for the acknowledgement: 3/4 T
 *   accepting:   interval T/3 late, T/3 of silence, T/3 for the acknowledgement: T
 *
 * A process that was busy for longer first looks at what its device has told it since.
 *
 * One ping at a time: its receive at the peer is there again when the pong has come. A peer whose
 * process is busy or stopped takes the ping by its device and is left in peace.
 */
#include <errno.h>
#include <utlist.h>

#include "transport/clock.h"
#include "transport/verbs/verbs.h"

void verbs_timers_note(struct verbs_domain *domain, uint64_t when)
{
	if (when < domain->next_scan)
		domain->next_scan = when;
}

static uint64_t interval_of(const struct verbs_endpoint *endpoint)
{
	return endpoint->domain->options.keepalive_ns / (endpoint->accepting ? 3 : 4);
}

/* When the endpoint wants to be looked at next. */
static uint64_t keep_alive(struct verbs_endpoint *endpoint, uint64_t now)
{
	uint64_t interval = interval_of(endpoint);

	if (endpoint->heard) {
		endpoint->heard = false;
		endpoint->heard_at = now;
	}
	if (!endpoint->ping_unacknowledged && !endpoint->ping_unanswered &&
	    now - endpoint->heard_at >= interval) {
		endpoint->ping_unacknowledged = endpoint->ping_unanswered = true;
		endpoint->pinged_at = now;
		endpoint->domain->base.stats->keepalives++;
		verbs_send_own(endpoint, VERBS_TAG_PING);
	}
	if (!endpoint->ping_unacknowledged)
		return (endpoint->ping_unanswered ? now : endpoint->heard_at) + interval;
	if (now - endpoint->pinged_at < interval)
		return endpoint->pinged_at + interval;
	/* The acknowledgement may be among the completions that we have not looked at yet. */
	if (endpoint->lane->is_behind)
		return now + TICK_NS_PER_MS;
	verbs_endpoint_fail(endpoint, ECONNRESET,
			    "the host of peer %s has acknowledged nothing for %llu ms: it, or the "
			    "path to it, is gone, or it takes no messages any more",
			    endpoint->base.peer,
			    (unsigned long long)((now - endpoint->pinged_at) / TICK_NS_PER_MS));
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
	if (endpoint->state != VERBS_LIVE || !endpoint->domain->options.keepalive_ns)
		return UINT64_MAX;
	return keep_alive(endpoint, now);
}

static void look_at_lanes(struct verbs_domain *domain, uint64_t now)
{
	struct verbs_device *device;
	struct verbs_lane *lane;

	LL_FOREACH(domain->devices, device) {
		LL_FOREACH(device->lanes, lane) {
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
