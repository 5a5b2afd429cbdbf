/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which endpoints are polled, and how the others, or all of them, sleep: the flags in shared memory
 * say to the peer that it has to wake us, and every sleeper looks once more after having set them.
 */
#include <errno.h>
#include <sched.h>

#include "transport/clock.h"
#include "transport/epoll.h"
#include "transport/shm/shm.h"

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
		domain->chores = true;
		return;
	}
	last = domain->active[--domain->n_active];
	domain->active[endpoint->active_at] = last;
	last->active_at = endpoint->active_at;
}

void shm_domain_close_holes(struct shm_domain *domain)
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

void shm_endpoint_rest(struct shm_endpoint *endpoint)
{
	flags_set(endpoint);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (shm_endpoint_has_work(endpoint))
		flags_clear(endpoint);
	else
		shm_endpoint_deactivate(endpoint);
}

void shm_domain_disarm(struct shm_domain *domain)
{
	domain->flagged = false;
	for (uint32_t i = 0; i < domain->n_active; i++)
		if (domain->active[i])
			flags_clear(domain->active[i]);
}

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
	domain->slept = domain->flagged = true;
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
	int n = vbi_epoll_wait(domain->epoll_fd, domain->events, SHM_EVENTS, timeout_ns);

	domain->next_event = 0;
	domain->n_events = n < 0 ? 0 : n;
	return n < 0 ? -EINTR : 0;
}

bool shm_domain_spin_pays(const struct vbi_domain *base)
{
	struct shm_domain *domain = shm_domain_of(base);

	tell_cpu(domain);
	for (uint32_t i = 0; i < domain->n_active; i++) {
		const struct shm_endpoint *endpoint = domain->active[i];
		uint32_t peer_cpu;

		if (!endpoint)
			continue;
		peer_cpu = __atomic_load_n(&endpoint->tx.peer->cpu, __ATOMIC_RELAXED);
		/* One that has not said where it waits may be anywhere: with one CPU, that is
		 * here. */
		if (peer_cpu != domain->cpu && (peer_cpu || !domain->one_cpu))
			return true;
	}
	return false;
}
