/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/conn.h"

void vbi_worker_init(struct vbi_worker *worker, enum vb_wait wait,
		     const struct vbi_domain_options *options, uint64_t bulk_max)
{
	memset(worker, 0, sizeof(*worker));
	worker->wait = wait;
	worker->transport_options = *options;
	worker->clock = vbi_clock_monotonic;
	worker->now = worker->clock();
	worker->stats.size = sizeof(worker->stats);
	vbi_pool_init(&worker->pool, bulk_max);
}

void vbi_worker_fini(struct vbi_worker *worker)
{
	vbi_request_free_all(worker);
	vbi_pool_fini(&worker->pool);
	for (unsigned i = 0; i < worker->n_domains; i++)
		worker->domains[i]->ops->domain_close(worker->domains[i]);
	worker->n_domains = 0;
}

int vbi_worker_domain(struct vbi_worker *worker, const struct vbi_transport *transport,
		      struct vbi_domain **ret_domain, struct vbi_cause *ret_cause)
{
	struct vbi_domain *domain;
	int error;

	for (unsigned i = 0; i < worker->n_domains; i++) {
		if (worker->domains[i]->ops == transport) {
			*ret_domain = worker->domains[i];
			return 0;
		}
	}
	if (worker->n_domains == VBI_DOMAINS_MAX)
		return -ENOSPC;
	error = transport->domain_open(&vbi_conn_events, &worker->stats, &worker->transport_options,
				       &domain, ret_cause);
	if (error)
		return error;
	worker->domains[worker->n_domains++] = domain;
	*ret_domain = domain;
	return 0;
}

int vbi_worker_poll(struct vbi_worker *worker)
{
	int events = 0;

	worker->inside_poll = true;
	for (unsigned i = 0; i < worker->n_domains; i++)
		events += worker->domains[i]->ops->poll(worker->domains[i]);
	worker->inside_poll = false;
	if (__builtin_expect(worker->doomed != NULL, 0))
		vbi_conn_reap(worker);
	return events;
}

uint64_t vbi_worker_look(struct vbi_worker *worker)
{
	uint64_t before = worker->now;

	worker->now = worker->clock();
	if (__builtin_expect(worker->hellos != NULL, 0))
		vbi_conn_expire_hellos(worker);
	if (__builtin_expect(worker->moving != NULL, 0))
		vbi_bulk_expire(worker, worker->now - before);
	return worker->now;
}

bool vbi_worker_may_spin(const struct vbi_worker *worker)
{
	if (worker->wait != VB_WAIT_ADAPTIVE)
		return worker->wait == VB_WAIT_SPIN;
	for (unsigned i = 0; i < worker->n_domains; i++)
		if (worker->domains[i]->ops->spin_pays(worker->domains[i]))
			return true;
	return false;
}

bool vbi_worker_arm(struct vbi_worker *worker)
{
	for (unsigned i = 0; i < worker->n_domains; i++)
		if (worker->domains[i]->ops->arm(worker->domains[i]) != 0)
			return false;
	return true;
}

uint64_t vbi_worker_next_timeout(const struct vbi_worker *worker)
{
	uint64_t next = vbi_conn_next_hello_end(worker);
	uint64_t stall = worker->moving ? worker->moving->moved_at + VBI_STALL_NS : UINT64_MAX;

	if (worker->moving && worker->now + VBI_STALL_LOOK_NS < stall)
		stall = worker->now + VBI_STALL_LOOK_NS;
	if (stall < next)
		next = stall;
	for (unsigned i = 0; i < worker->n_domains; i++) {
		const struct vbi_domain *domain = worker->domains[i];
		uint64_t end = vbi_deadline_after(worker->now, domain->ops->next_timeout(domain));

		if (end < next)
			next = end;
	}
	return next;
}

/* Sleeps until something may have arrived or END. A client's worker has one domain to sleep on. */
static void sleep_until(struct vbi_worker *worker, uint64_t end)
{
	struct vbi_domain *domain = worker->domains[0];
	uint64_t next = vbi_worker_next_timeout(worker);
	uint64_t now = worker->clock();

	if (next < end)
		end = next;
	if (end <= now || !vbi_worker_arm(worker))
		return;
	worker->stats.sleeps++;
	domain->ops->sleep(domain, end == UINT64_MAX ? UINT64_MAX : end - now);
}

/* Polls N times or until done, whichever comes first. */
static bool poll_some(struct vbi_worker *worker, vbi_done_fn *done, const void *context, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		vbi_worker_poll(worker);
		if (done(context))
			return true;
	}
	return false;
}

/* A client's worker has one domain. */
static unsigned polls_untimed(const struct vbi_worker *worker)
{
	return worker->n_domains ? worker->domains[0]->ops->polls_untimed : 0;
}

bool vbi_worker_wait(struct vbi_worker *worker, vbi_done_fn *done, const void *context,
		     uint64_t timeout_ns)
{
	uint64_t end;
	uint64_t spin_end;

	if (vbi_worker_may_spin(worker) && poll_some(worker, done, context, polls_untimed(worker)))
		return true;
	end = vbi_deadline_after(vbi_worker_look(worker), timeout_ns);
	spin_end = vbi_deadline_after(worker->now, VBI_SPIN_NS);
	for (;;) {
		bool may_spin = vbi_worker_may_spin(worker);

		if (poll_some(worker, done, context, may_spin ? VBI_POLLS_PER_LOOK : 1))
			return true;
		if (vbi_worker_look(worker) >= end)
			return false;
		if (worker->wait != VB_WAIT_SPIN && (!may_spin || worker->now >= spin_end))
			sleep_until(worker, end);
	}
}
