/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slow things: sockets, deadlines, what has gone idle. They get their turn about once a
 * millisecond, and whenever the domain has slept.
 */
#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <utlist.h>

#include "transport/clock.h"
#include "transport/shm/shm.h"

/*
 * The clock is read once in so many polls; one that found something counts as CLOCK_BUSY, because
 * handling it takes longer than finding nothing.
 */
#define CLOCK_POLLS 64u
#define CLOCK_BUSY  8u

/* A peer that is gone can have left the rest of one lap, and another; more than that is written by
 * somebody who lives. */
#define EOF_LAPS 2u

/* Looks to keep between two questions of which CPUs we may run on: 100 ms. */
#define LOOKS_TO_AFFINITY 100u

/*
 * Endpoints that are polled though they are idle: to look at so many costs less than to be woken.
 * The others go to sleep one by one after IDLE_LOOKS milliseconds without a message.
 */
#define ACTIVE_KEEP 8u
#define IDLE_LOOKS  2u

void shm_endpoint_set_deadline(struct shm_endpoint *endpoint, uint64_t deadline_ns)
{
	struct shm_domain *domain = endpoint->domain;

	if (endpoint->deadline_ns && !deadline_ns)
		domain->n_timed--;
	if (!endpoint->deadline_ns && deadline_ns)
		domain->n_timed++;
	endpoint->deadline_ns = deadline_ns;
}

/* What the peer wrote before its end is still delivered; no more than the ring can hold. */
static void peer_ended(struct shm_endpoint *endpoint)
{
	if (endpoint->eof)
		return;
	shm_domain_unwatch(endpoint->domain, endpoint->socket_fd, &endpoint->socket_watch);
	if (endpoint->process_fd >= 0)
		shm_domain_unwatch(endpoint->domain, endpoint->process_fd,
				   &endpoint->process_watch);
	endpoint->eof = endpoint->chores = true;
	endpoint->eof_limit = shm_rx_position(&endpoint->rx) + EOF_LAPS * endpoint->rx.size;
	shm_endpoint_activate(endpoint);
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
	peer_ended(endpoint);
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
	case SHM_WATCH_PROCESS:
		if (endpoint->state == SHM_LIVE)
			peer_ended(endpoint);
		break;
	case SHM_WATCH_SOCKET:
		if (endpoint->state == SHM_CONNECT_SENT)
			shm_connect_readable(endpoint);
		else if (endpoint->state == SHM_HANDSHAKE)
			shm_handshake_readable(endpoint);
		else if (endpoint->state == SHM_LIVE)
			socket_readable(endpoint);
		break;
	case SHM_WATCH_FOREIGN: /* handle_events() has passed it over */
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

		/* A foreign one is no event of ours: it must not look like work. */
		if (!watch || watch->kind == SHM_WATCH_FOREIGN)
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
	now = tick_clock_ns();
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

static void rest_idle(struct shm_domain *domain)
{
	uint32_t n_left = domain->n_active;

	for (uint32_t i = 0; i < domain->n_active && n_left > ACTIVE_KEEP; i++) {
		struct shm_endpoint *endpoint = domain->active[i];

		if (!endpoint)
			continue;
		if (endpoint->seen != shm_rx_position(&endpoint->rx)) {
			endpoint->seen = shm_rx_position(&endpoint->rx);
			endpoint->idle = 0;
		} else if (++endpoint->idle >= IDLE_LOOKS) {
			shm_endpoint_rest(endpoint);
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

int shm_domain_handle_events(struct shm_domain *domain)
{
	return handle_events(domain) + handle_deadlines(domain);
}

/* About once a millisecond. */
static int look(struct shm_domain *domain, uint64_t ticks)
{
	uint64_t ns = tick_clock_ns();

	domain->look_ticks = ticks;
	tick_length_measure(&domain->tick, ticks, ns);
	if (!domain->looks_to_affinity--)
		ask_affinity(domain);
	rest_idle(domain);
	return shm_domain_handle_events(domain);
}

int shm_domain_look_if_due(struct shm_domain *domain)
{
	uint64_t ticks = tick_clock_ticks();

	return ticks - domain->look_ticks < domain->tick.per_ms ? 0 : look(domain, ticks);
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
	now = tick_clock_ns();
	return first > now ? first - now : 0;
}
