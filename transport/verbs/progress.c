/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poll() and sleep(). While messages flow, poll() looks at the completion queues and at nothing
 * else; the connection manager and the timers have their turn once a millisecond and after sleep.
 */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "transport/clock.h"
#include "transport/epoll.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"

/*
 * Looks at the lanes that one pass makes until one finds something. What surrounds them (the clock
 * first) costs about as much as a look, and what has just arrived waits for it. Few, because to a
 * worker with several transports and to one that sleeps rather than spins a pass is one look.
 */
#define LOOKS 4

/* Events taken from the epoll at a time: they are only bits. */
#define EPOLL_BATCH 16

static void look_at_resolvers(struct verbs_domain *domain)
{
	struct verbs_endpoint *endpoint, *next;

	DL_FOREACH_SAFE2(domain->endpoints, endpoint, next, next)
	{
		if (endpoint->state == VERBS_RESOLVING_NAME)
			verbs_connect_resolved(endpoint);
	}
}

/* A call that succeeds leaves errno as it was, whatever was looked for and not found meanwhile. */
static int look_at_ready(struct verbs_domain *domain)
{
	unsigned ready = domain->ready;
	struct verbs_device *device;
	int saved = errno;
	int n = 0;

	domain->ready = 0;
	if (ready & VERBS_WATCH_COMPLETIONS) {
		LL_FOREACH(domain->devices, device) {
			verbs_device_take_events(device);
		}
	}
	if (ready & VERBS_WATCH_RESOLVER)
		look_at_resolvers(domain);
	if (ready & VERBS_WATCH_CM)
		n = verbs_cm_poll(domain);
	errno = saved;
	return n;
}

/* The slow look, once a millisecond. */
static int look(struct verbs_domain *domain, uint64_t ticks)
{
	uint64_t now = tick_clock_ns();

	domain->look_ticks = ticks;
	tick_length_measure(&domain->tick, ticks, now);
	domain->ready |= VERBS_WATCH_CM | VERBS_WATCH_RESOLVER;
	return look_at_ready(domain) + verbs_timers_look(domain, now);
}

static int poll_lanes(struct verbs_domain *domain)
{
	struct verbs_device *device;
	struct verbs_lane *lane;
	int n = 0;

	LL_FOREACH(domain->devices, device) {
		LL_FOREACH(device->lanes, lane) {
			n += verbs_lane_poll(lane);
		}
	}
	return n;
}

static void flush_all(struct verbs_domain *domain)
{
	while (domain->flush) {
		struct verbs_endpoint *endpoint = domain->flush;

		domain->flush = endpoint->flush_next;
		endpoint->to_flush = false;
		/* A broken queue pair's too: what is posted there is flushed, and so accounted for.
		 */
		if (endpoint->state != VERBS_CLOSED)
			verbs_sq_flush(endpoint);
	}
}

static int report_failures(struct verbs_domain *domain)
{
	int n = 0;

	while (domain->failed) {
		struct verbs_endpoint *endpoint = domain->failed;

		domain->failed = endpoint->report_next;
		if (!domain->failed)
			domain->failed_end = &domain->failed;
		endpoint->report_next = NULL;
		if (endpoint->reported)
			continue;
		endpoint->reported = true;
		n++;
		if (endpoint->base.owner)
			domain->base.events->failed(endpoint->base.owner, &endpoint->cause);
		else
			verbs_endpoint_destroy(endpoint);
	}
	return n;
}

void verbs_domain_free_closed(struct verbs_domain *domain)
{
	while (domain->closed && !domain->depth) {
		struct verbs_endpoint *endpoint = domain->closed;

		domain->closed = endpoint->free_next;
		free(endpoint);
	}
}

int verbs_domain_poll(struct vbi_domain *base)
{
	struct verbs_domain *domain = verbs_domain_of(base);
	unsigned looks = 0;
	uint64_t ticks;
	int n = 0, found;

	domain->depth++;
	if (__builtin_expect(domain->ready != 0, 0))
		n += look_at_ready(domain);
	do {
		found = poll_lanes(domain);
	} while (!found && ++looks < LOOKS);
	n += found;
	ticks = tick_clock_ticks();
	if (ticks - domain->look_ticks >= domain->tick.per_ms)
		n += look(domain, ticks);
	flush_all(domain);
	if (__builtin_expect(domain->failed != NULL, 0))
		n += report_failures(domain);
	domain->depth--;
	verbs_domain_free_closed(domain);
	return n;
}

/* ---- Sleeping ---- */

int verbs_domain_arm(struct vbi_domain *base)
{
	struct verbs_domain *domain = verbs_domain_of(base);
	struct verbs_device *device;
	struct verbs_lane *lane;
	int error = 0;

	domain->ready = VERBS_WATCH_ALL;
	if (domain->failed || domain->flush)
		return -EBUSY;
	LL_FOREACH(domain->devices, device) {
		LL_FOREACH(device->lanes, lane) {
			error = verbs_lane_arm(lane);
			if (error)
				return -EBUSY;
		}
	}
	return 0;
}

int verbs_domain_sleep(struct vbi_domain *base, uint64_t timeout_ns)
{
	struct verbs_domain *domain = verbs_domain_of(base);
	struct epoll_event events[EPOLL_BATCH];
	int saved = errno;
	int n = vbi_epoll_wait(domain->epoll_fd, events, EPOLL_BATCH, timeout_ns);

	errno = saved;
	domain->ready = 0;
	for (int i = 0; i < n; i++)
		domain->ready |= events[i].data.u32 & VERBS_WATCH_ALL;
	/* Timers, whichever woke us. */
	domain->look_ticks = tick_clock_ticks() - domain->tick.per_ms;
	return n < 0 ? -EINTR : 0;
}

uint64_t verbs_domain_next_timeout(const struct vbi_domain *base)
{
	const struct verbs_domain *domain = verbs_domain_of(base);
	uint64_t now;

	if (domain->next_scan == UINT64_MAX)
		return UINT64_MAX;
	now = tick_clock_ns();
	return domain->next_scan > now ? domain->next_scan - now : 0;
}

/* A peer on another host has CPUs of its own; one on this host may wait for ours. */
bool verbs_domain_spin_pays(const struct vbi_domain *base)
{
	const struct verbs_domain *domain = verbs_domain_of(base);

	return domain->n_remote || (domain->n_live && !domain->one_cpu);
}
