/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint's beginning and its two ends: by failure, by close(). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/clock.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"

/* How long close() waits for the acknowledgement of pushes that answers stand behind: many times
 * what it takes if it is not lost. */
#define SETTLE_NS (100 * TICK_NS_PER_MS)

struct verbs_endpoint *verbs_endpoint_new(struct verbs_domain *domain)
{
	struct verbs_endpoint *endpoint = calloc(1, sizeof(*endpoint));

	if (!endpoint)
		return NULL;
	endpoint->base.ops = &vbi_verbs;
	/* A network does not say who a process is. */
	endpoint->base.identity = (struct vb_identity){(uint32_t)-1, (uint32_t)-1, -1};
	endpoint->domain = domain;
	endpoint->queue_end = &endpoint->queue;
	endpoint->transfers_end = &endpoint->transfers;
	endpoint->share = domain->options.receives + VERBS_RECEIVES_OWN;
	if (verbs_chains_reserve(domain) || verbs_domain_add(domain, endpoint)) {
		free(endpoint);
		return NULL;
	}
	return endpoint;
}

void verbs_endpoint_live(struct verbs_endpoint *endpoint)
{
	struct verbs_domain *domain = endpoint->domain;

	endpoint->state = VERBS_LIVE;
	endpoint->deadline_ns = 0;
	verbs_keepalive_init(&endpoint->keepalive, domain->options.keepalive_ns,
			     endpoint->accepting, tick_clock_ns());
	domain->n_live++;
	endpoint->counted_remote = !verbs_cm_is_local(endpoint->cm);
	domain->n_remote += endpoint->counted_remote;
	verbs_timers_note(domain, endpoint->keepalive.heard_at);
}

static void not_live(struct verbs_endpoint *endpoint)
{
	struct verbs_domain *domain = endpoint->domain;

	if (endpoint->state != VERBS_LIVE)
		return;
	domain->n_live--;
	domain->n_remote -= endpoint->counted_remote;
	endpoint->counted_remote = false;
}

/* ---- Failure ---- */

void verbs_endpoint_fail_cause(struct verbs_endpoint *endpoint, const struct vbi_cause *cause)
{
	struct verbs_domain *domain = endpoint->domain;

	/* Its goodbye will not arrive: nothing is left to wait for, and nothing more is sent, which
	 * would arrive behind a gap. */
	if (endpoint->state == VERBS_LEAVING) {
		verbs_qp_break(endpoint);
		endpoint->deadline_ns = tick_clock_ns();
		verbs_timers_note(domain, endpoint->deadline_ns);
	}
	if (endpoint->state >= VERBS_FAILED)
		return;
	not_live(endpoint);
	endpoint->state = VERBS_FAILED;
	endpoint->deadline_ns = 0;
	endpoint->cause = *cause;
	verbs_qp_break(endpoint);
	endpoint->report_next = NULL;
	*domain->failed_end = endpoint;
	domain->failed_end = &endpoint->report_next;
}

void verbs_endpoint_fail(struct verbs_endpoint *endpoint, int errnum, const char *format, ...)
{
	struct vbi_cause cause = {.errnum = errnum};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(cause.sentence, sizeof(cause.sentence), format, arguments);
	va_end(arguments);
	verbs_endpoint_fail_cause(endpoint, &cause);
}

/* ---- Close ---- */

static void give_back_held(struct verbs_endpoint *endpoint)
{
	while (endpoint->held) {
		struct verbs_slot *slot = endpoint->held;

		DL_DELETE2(endpoint->held, slot, previous, next);
		if (endpoint->lane && endpoint->lane->srq)
			verbs_lane_refill(endpoint->lane, slot);
	}
	endpoint->n_held = 0;
}

/* Nobody else would: an accepting endpoint's are of the slab that all of its device's are. */
static void give_back_unsent(struct verbs_endpoint *endpoint)
{
	while (endpoint->unsent) {
		struct verbs_slot *slot = endpoint->unsent;

		DL_DELETE2(endpoint->unsent, slot, previous, next);
		verbs_slab_put(endpoint->send_slab, slot);
	}
}

static void unlist(struct verbs_endpoint *endpoint)
{
	struct verbs_domain *domain = endpoint->domain;

	for (struct verbs_endpoint **at = &domain->failed; *at; at = &(*at)->report_next) {
		if (*at != endpoint)
			continue;
		*at = endpoint->report_next;
		if (!*at)
			domain->failed_end = at;
		break;
	}
}

static void free_queue(struct verbs_endpoint *endpoint)
{
	while (endpoint->queue) {
		struct verbs_slot *slot = endpoint->queue;

		endpoint->queue = slot->next;
		verbs_slab_put(endpoint->send_slab, slot);
	}
	endpoint->queue_end = &endpoint->queue;
}

void verbs_endpoint_destroy(struct verbs_endpoint *endpoint)
{
	struct verbs_domain *domain = endpoint->domain;

	not_live(endpoint);
	domain->n_leaving -= endpoint->state == VERBS_LEAVING;
	unlist(endpoint);
	endpoint->state = VERBS_CLOSED;
	endpoint->base.owner = NULL;
	verbs_exposures_end(endpoint);
	verbs_qp_destroy(endpoint);
	verbs_transfers_abort(endpoint);
	free_queue(endpoint);
	give_back_unsent(endpoint);
	give_back_held(endpoint);
	verbs_bulk_free(endpoint);
	verbs_lane_leave(endpoint);
	verbs_slab_fini(&endpoint->own_sends);
	verbs_slab_fini(&endpoint->own_receives);
	if (endpoint->cm)
		verbs_cm_destroy_id(endpoint->cm);
	endpoint->cm = NULL;
	if (endpoint->pd && !endpoint->accepting)
		verbs_dealloc_pd(endpoint->pd);
	verbs_resolver_free(endpoint->resolver);
	endpoint->resolver = NULL;
	free(endpoint->addresses);
	endpoint->addresses = NULL;
	verbs_domain_remove(domain, endpoint);
	endpoint->free_next = domain->closed;
	domain->closed = endpoint;
}

/* Waits for pushes that are all in the send queue: the memory that they are sent from is rpc's
 * again when close() returns. */
static void settle(struct verbs_endpoint *endpoint)
{
	uint64_t end = tick_clock_ns() + SETTLE_NS;

	if (endpoint->state != VERBS_LIVE || endpoint->transfers || endpoint->n_pulling)
		return;
	verbs_sq_flush(endpoint);
	while (endpoint->n_underway && endpoint->state == VERBS_LIVE && tick_clock_ns() < end)
		verbs_lane_drain(endpoint->lane, endpoint);
}

/*
 * What was sent is still delivered: the goodbye goes behind it, and when it has been acknowledged
 * all of it has. What moves, and has no answer behind it yet, is cut off.
 */
void verbs_endpoint_close(struct vbi_endpoint *base)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);
	struct verbs_domain *domain = endpoint->domain;
	bool polite;

	if (endpoint->n_underway)
		settle(endpoint);
	/* The queue pair is not to move anything more if the device keeps some of it. */
	verbs_exposures_end(endpoint);
	polite = endpoint->state == VERBS_LIVE && !endpoint->n_underway;
	base->owner = NULL;
	if (!polite) {
		verbs_endpoint_destroy(endpoint);
	} else {
		give_back_unsent(endpoint);
		give_back_held(endpoint);
		verbs_send_own(endpoint, VERBS_TAG_GOODBYE);
		if (endpoint->state == VERBS_LIVE) {
			not_live(endpoint);
			endpoint->state = VERBS_LEAVING;
			domain->n_leaving++;
			endpoint->deadline_ns = tick_clock_ns() + VERBS_GOODBYE_NS;
			verbs_timers_note(domain, endpoint->deadline_ns);
		} else {
			verbs_endpoint_destroy(endpoint);
		}
	}
	verbs_domain_free_closed(domain);
}
