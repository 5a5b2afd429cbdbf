/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine of a domain. While messages flow, poll() looks at the rings of the active endpoints
 * and at nothing else. Slow things (sockets, deadlines, what has gone idle) get their turn about
 * once a millisecond, and whenever the domain has slept.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

#include "transport/shm/bulk.h"
#include "transport/shm/clock.h"
#include "transport/shm/expose.h"
#include "transport/shm/shm.h"

/* Messages of one endpoint in one poll: a busy peer must not starve the others. */
#define RECEIVE_BATCH 16u

/*
 * The clock is read once in so many polls; one that found something counts as CLOCK_BUSY, because
 * handling it takes longer than finding nothing.
 */
#define CLOCK_POLLS 64u
#define CLOCK_BUSY  8u

/* Looks to keep between two questions of which CPUs we may run on: 100 ms. */
#define LOOKS_TO_AFFINITY 100u

/*
 * Endpoints that are polled though they are idle: to look at so many costs less than to be woken.
 * The others go to sleep one by one after IDLE_LOOKS milliseconds without a message.
 */
#define ACTIVE_KEEP 8u
#define IDLE_LOOKS  2u

/* ---- Which endpoints are polled ---- */

static void flags_store(struct shm_endpoint *endpoint, uint32_t bits)
{
	__atomic_store_n(&endpoint->side->flags, endpoint->sleep_flags | bits, __ATOMIC_RELAXED);
}

static void flags_set(struct shm_endpoint *endpoint)
{
	endpoint->sleep_flags += SHM_SLEEP_COUNT;
	flags_store(endpoint, SHM_SLEEPING | (endpoint->queue ? SHM_WANT_ROOM : 0));
	endpoint->asleep = true;
}

static void flags_clear(struct shm_endpoint *endpoint)
{
	if (!endpoint->asleep)
		return;
	flags_store(endpoint, 0);
	endpoint->asleep = false;
}

void shm_endpoint_activate(struct shm_endpoint *endpoint)
{
	struct shm_domain *domain = endpoint->domain;
	uint32_t at = domain->n_active;

	if (endpoint->active)
		return;
	/* A full table has a hole: it has room for all endpoints. */
	if (at == domain->active_room)
		for (at = 0; domain->active[at]; at++)
			;
	else
		domain->n_active++;
	domain->active[at] = endpoint;
	endpoint->active_at = at;
	endpoint->active = true;
	endpoint->idle = 0;
	__atomic_store_n(&endpoint->side->cpu, domain->cpu, __ATOMIC_RELAXED);
	flags_clear(endpoint);
}

void shm_endpoint_deactivate(struct shm_endpoint *endpoint)
{
	struct shm_domain *domain = endpoint->domain;
	struct shm_endpoint *last;

	if (!endpoint->active)
		return;
	endpoint->active = false;
	if (domain->depth) {
		domain->active[endpoint->active_at] = NULL;
		domain->active_holes = true;
		return;
	}
	last = domain->active[--domain->n_active];
	domain->active[endpoint->active_at] = last;
	last->active_at = endpoint->active_at;
}

static void close_holes(struct shm_domain *domain)
{
	uint32_t to = 0;

	for (uint32_t from = 0; from < domain->n_active; from++) {
		struct shm_endpoint *endpoint = domain->active[from];

		if (!endpoint)
			continue;
		endpoint->active_at = to;
		domain->active[to++] = endpoint;
	}
	domain->n_active = to;
	domain->active_holes = false;
}

/* ---- The slow things ---- */

void shm_endpoint_set_deadline(struct shm_endpoint *endpoint, uint64_t deadline_ns)
{
	struct shm_domain *domain = endpoint->domain;

	if (endpoint->deadline_ns && !deadline_ns)
		domain->n_timed--;
	if (!endpoint->deadline_ns && deadline_ns)
		domain->n_timed++;
	endpoint->deadline_ns = deadline_ns;
}

/* Something on the socket of a connection that is up: its end, or a breach. */
static void socket_readable(struct shm_endpoint *endpoint)
{
	char byte;
	ssize_t n = recv(endpoint->socket_fd, &byte, sizeof(byte), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		shm_endpoint_fail(endpoint, EPROTO,
				  "peer (pid %d) sent something on the socket after the handshake",
				  endpoint->base.identity.pid);
		return;
	}
	/* What it wrote before its end is still delivered; no more than the ring can hold. */
	shm_domain_unwatch(endpoint->domain, endpoint->socket_fd, &endpoint->socket_watch);
	endpoint->eof = true;
	endpoint->eof_limit = endpoint->rx.position + endpoint->rx.mask + 1;
	shm_endpoint_activate(endpoint);
}

static void handle_event(const struct shm_watch *watch)
{
	struct shm_endpoint *endpoint = watch->object;

	switch (watch->kind) {
	case SHM_WATCH_LISTENER:
		shm_listener_readable(watch->object);
		break;
	case SHM_WATCH_WAKEUP:
		if (endpoint->state == SHM_LIVE)
			shm_endpoint_activate(endpoint);
		break;
	case SHM_WATCH_SOCKET:
		if (endpoint->state == SHM_CONNECT_SENT)
			shm_connect_readable(endpoint);
		else if (endpoint->state == SHM_HANDSHAKE)
			shm_handshake_readable(endpoint);
		else if (endpoint->state == SHM_LIVE)
			socket_readable(endpoint);
		break;
	}
}

/* Handles what the kernel has. A poll nested in an event goes on where the outer one stands. */
static int handle_events(struct shm_domain *domain)
{
	int n = 0;

	if (domain->next_event >= domain->n_events) {
		domain->next_event = 0;
		domain->n_events = epoll_wait(domain->epoll_fd, domain->events, SHM_EVENTS, 0);
	}
	while (domain->next_event < domain->n_events) {
		const struct shm_watch *watch = domain->events[domain->next_event++].data.ptr;

		if (!watch)
			continue;
		handle_event(watch);
		n++;
	}
	return n;
}

static int handle_deadlines(struct shm_domain *domain)
{
	struct shm_endpoint *endpoint, *next;
	uint64_t now;
	int n = 0;

	if (!domain->n_timed)
		return 0;
	now = shm_clock_ns();
	DL_FOREACH_SAFE2(domain->endpoints, endpoint, next, next)
	{
		if (!endpoint->deadline_ns || endpoint->deadline_ns > now)
			continue;
		n++;
		if (endpoint->state == SHM_HANDSHAKE)
			shm_handshake_expired(endpoint);
		else
			shm_connect_retry(endpoint);
	}
	return n;
}

/* Lets ENDPOINT sleep by itself, unless something comes at this very moment. */
static void rest(struct shm_endpoint *endpoint)
{
	flags_set(endpoint);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (shm_endpoint_has_work(endpoint))
		flags_clear(endpoint);
	else
		shm_endpoint_deactivate(endpoint);
}

static void rest_idle(struct shm_domain *domain)
{
	uint32_t n_left = domain->n_active;

	for (uint32_t i = 0; i < domain->n_active && n_left > ACTIVE_KEEP; i++) {
		struct shm_endpoint *endpoint = domain->active[i];

		if (!endpoint)
			continue;
		if (endpoint->seen != endpoint->rx.position) {
			endpoint->seen = endpoint->rx.position;
			endpoint->idle = 0;
		} else if (++endpoint->idle >= IDLE_LOOKS) {
			rest(endpoint);
			n_left -= !endpoint->active;
		}
	}
}

static void ask_affinity(struct shm_domain *domain)
{
	cpu_set_t set;

	domain->one_cpu = !sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) == 1;
	domain->looks_to_affinity = LOOKS_TO_AFFINITY;
}

/* About once a millisecond. */
static int look(struct shm_domain *domain, uint64_t ticks)
{
	uint64_t ns = shm_clock_ns();

	domain->look_ticks = ticks;
	/* After a second the length of a tick is known well enough. */
	if (ns - domain->start_ns > SHM_NS_PER_MS && ns - domain->start_ns < SHM_NS_PER_S)
		domain->ticks_per_look = (ticks - domain->start_ticks) * SHM_NS_PER_MS /
					 (ns - domain->start_ns);
	if (!domain->looks_to_affinity--)
		ask_affinity(domain);
	rest_idle(domain);
	return handle_events(domain) + handle_deadlines(domain);
}

static int look_if_due(struct shm_domain *domain)
{
	uint64_t ticks = shm_clock_ticks();

	domain->countdown = CLOCK_POLLS;
	return ticks - domain->look_ticks < domain->ticks_per_look ? 0 : look(domain, ticks);
}

/* ---- poll ---- */

static void check_eof(struct shm_endpoint *endpoint)
{
	if (shm_rx_ready(&endpoint->rx) && endpoint->rx.position < endpoint->eof_limit)
		return;
	shm_endpoint_fail(endpoint, ECONNRESET, "peer (pid %d) has ended or closed the connection",
			  endpoint->base.identity.pid);
}

static unsigned progress(struct shm_endpoint *endpoint)
{
	unsigned n = 0;

	if (shm_rx_ready(&endpoint->rx))
		n = shm_endpoint_receive(endpoint, RECEIVE_BATCH);
	if (endpoint->state != SHM_LIVE)
		return n;
	if (__builtin_expect(endpoint->queue != NULL, 0))
		n += shm_endpoint_send_queued(endpoint);
	if (__builtin_expect(endpoint->transfers != NULL, 0))
		n += shm_transfers_progress(endpoint);
	if (__builtin_expect(endpoint->pipes != NULL, 0))
		n += shm_exposures_progress(endpoint);
	if (__builtin_expect(endpoint->eof, 0) && endpoint->state == SHM_LIVE)
		check_eof(endpoint);
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

static void leave(struct shm_domain *domain)
{
	struct shm_endpoint *endpoint;
	struct shm_listener *listener;

	if (domain->active_holes)
		close_holes(domain);
	while ((listener = domain->closed_listeners)) {
		domain->closed_listeners = listener->free_next;
		free(listener);
	}
	while ((endpoint = domain->closed)) {
		domain->closed = endpoint->free_next;
		shm_endpoint_free(endpoint);
	}
}

static void disarm(struct shm_domain *domain)
{
	domain->flagged = false;
	for (uint32_t i = 0; i < domain->n_active; i++)
		if (domain->active[i])
			flags_clear(domain->active[i]);
}

int shm_domain_poll(struct vbi_domain *base)
{
	struct shm_domain *domain = shm_domain_of(base);
	int n = 0;

	domain->depth++;
	if (__builtin_expect(domain->flagged, 0))
		disarm(domain);
	if (__builtin_expect(domain->armed, 0)) {
		domain->armed = false;
		n += handle_events(domain) + handle_deadlines(domain);
	}
	for (uint32_t i = 0; i < domain->n_active; i++)
		if (domain->active[i])
			n += (int)progress(domain->active[i]);
	if (n)
		domain->countdown -= domain->countdown < CLOCK_BUSY ? domain->countdown
								    : CLOCK_BUSY;
	if (__builtin_expect(!domain->countdown, 0))
		n += look_if_due(domain);
	else
		domain->countdown--;
	if (__builtin_expect(domain->failed != NULL, 0))
		n += report_failures(domain);
	if (!--domain->depth &&
	    __builtin_expect(domain->closed || domain->closed_listeners || domain->active_holes, 0))
		leave(domain);
	return n;
}

/* ---- Sleeping ---- */

static void tell_cpu(struct shm_domain *domain)
{
	uint32_t cpu = (uint32_t)sched_getcpu() + 1;

	if (cpu == domain->cpu)
		return;
	domain->cpu = cpu;
	for (uint32_t i = 0; i < domain->n_active; i++)
		if (domain->active[i])
			__atomic_store_n(&domain->active[i]->side->cpu, cpu, __ATOMIC_RELAXED);
}

int shm_domain_arm(struct vbi_domain *base)
{
	struct shm_domain *domain = shm_domain_of(base);

	tell_cpu(domain);
	domain->flagged = true;
	for (uint32_t i = 0; i < domain->n_active; i++)
		if (domain->active[i])
			flags_set(domain->active[i]);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (domain->failed || domain->next_event < domain->n_events)
		return -EBUSY;
	for (uint32_t i = 0; i < domain->n_active; i++)
		if (domain->active[i] && shm_endpoint_has_work(domain->active[i]))
			return -EBUSY;
	domain->armed = true;
	return 0;
}

int shm_domain_sleep(struct vbi_domain *base, uint64_t timeout_ns)
{
	struct shm_domain *domain = shm_domain_of(base);
	struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / SHM_NS_PER_S),
		.tv_nsec = (long)(timeout_ns % SHM_NS_PER_S),
	};
	int n = epoll_pwait2(domain->epoll_fd, domain->events, SHM_EVENTS,
			     timeout_ns == UINT64_MAX ? NULL : &timeout, NULL);

	if (n < 0 && errno == ENOSYS) {
		uint64_t ms = timeout_ns / SHM_NS_PER_MS + 1;

		n = epoll_wait(domain->epoll_fd, domain->events, SHM_EVENTS,
			       ms > INT32_MAX ? -1 : (int)ms);
	}
	domain->next_event = 0;
	domain->n_events = n < 0 ? 0 : n;
	return n < 0 ? -EINTR : 0;
}

uint64_t shm_domain_next_timeout(const struct vbi_domain *base)
{
	const struct shm_domain *domain = shm_domain_of(base);
	const struct shm_endpoint *endpoint;
	uint64_t first = UINT64_MAX;
	uint64_t now;

	if (!domain->n_timed)
		return UINT64_MAX;
	DL_FOREACH2(domain->endpoints, endpoint, next)
	if (endpoint->deadline_ns && endpoint->deadline_ns < first)
		first = endpoint->deadline_ns;
	now = shm_clock_ns();
	return first > now ? first - now : 0;
}

bool shm_domain_spin_pays(const struct vbi_domain *base)
{
	struct shm_domain *domain = shm_domain_of(base);

	if (domain->one_cpu)
		return false;
	tell_cpu(domain);
	for (uint32_t i = 0; i < domain->n_active; i++) {
		const struct shm_endpoint *endpoint = domain->active[i];

		/* One that has not said where it waits may be anywhere. */
		if (endpoint &&
		    __atomic_load_n(&endpoint->peer_side->cpu, __ATOMIC_RELAXED) != domain->cpu)
			return true;
	}
	return false;
}
