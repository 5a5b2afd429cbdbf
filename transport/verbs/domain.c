/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker has of this transport: the CM's channel, its epoll, its tables. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/clock.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"

/* Ticks of the clock between two slow looks before we know how long a tick is: a millisecond at 1
 * GHz. A faster clock only makes us look more often. */
#define TICKS_PER_LOOK_GUESS 1000000u

/* Endpoints of a new table; it doubles. An id has 16 bits for the place in it. */
#define TABLE_FIRST 16u
#define TABLE_MOST  65536u

/* How long a domain that is closed waits for goodbyes under way. */
#define LEAVE_NS (500 * TICK_NS_PER_MS)

/* ---- Open, close ---- */

static bool one_cpu(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) == 1;
}

static int no_channel(int error, struct vbi_cause *ret_cause)
{
	if (error == -ENODEV || error == -ENOENT || error == -ENOSYS)
		return vbi_cause_set(ret_cause, ENODEV,
				     "this host has no RDMA, or its connection manager is not "
				     "loaded (modprobe rdma_ucm): verbena doctor says what to do");
	if (error == -EACCES || error == -EPERM)
		return vbi_cause_set(ret_cause, EACCES,
				     "no right to open /dev/infiniband/rdma_cm: its mode must let "
				     "this user read and write it");
	return vbi_cause_set(ret_cause, -error, "cannot open RDMA's connection manager: %s",
			     vbi_errno_text(-error));
}

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

static void domain_init(struct verbs_domain *domain)
{
	domain->base.ops = &vbi_verbs;
	domain->failed_end = &domain->failed;
	domain->next_scan = UINT64_MAX;
	domain->look_ticks = tick_clock_ticks();
	tick_length_begin(&domain->tick, TICKS_PER_LOOK_GUESS, domain->look_ticks, tick_clock_ns());
	domain->one_cpu = one_cpu();
	domain->epoll_fd = -1;
}

static int open_channel(struct verbs_domain *domain, struct vbi_cause *ret_cause)
{
	int error = verbs_cm_create_channel(&domain->cm);

	if (error)
		return no_channel(error, ret_cause);
	domain->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	error = domain->epoll_fd < 0 ? -errno : set_nonblocking(domain->cm->fd);
	if (!error)
		error = verbs_domain_watch(domain, domain->cm->fd, VERBS_WATCH_CM);
	if (!error)
		return 0;
	vbi_cause_set(ret_cause, -error,
		      "cannot open a descriptor for rdma: %s; raise the limit "
		      "on open files (ulimit -n) if it was reached",
		      vbi_errno_text(-error));
	if (domain->epoll_fd >= 0)
		close(domain->epoll_fd);
	verbs_cm_destroy_channel(domain->cm);
	return error;
}

int verbs_domain_open(const struct vbi_events *events, struct vb_stats *stats,
		      const struct vbi_domain_options *options, struct vbi_domain **ret_domain,
		      struct vbi_cause *ret_cause)
{
	struct verbs_domain *domain;
	int error;

	if (options->message_max < VERBS_MESSAGE_MAX_LEAST ||
	    options->message_max > VBI_MESSAGE_MAX)
		return vbi_cause_set(ret_cause, EINVAL,
				     "message_max is %u bytes; it must be %u to %u",
				     options->message_max, VERBS_MESSAGE_MAX_LEAST,
				     VBI_MESSAGE_MAX);
	domain = calloc(1, sizeof(*domain));
	if (!domain)
		return vbi_cause_set(ret_cause, ENOMEM, "no memory for a domain of rdma");
	domain->base.events = events;
	domain->base.stats = stats;
	domain->base.message_max = options->message_max & ~7u;
	domain->options = *options;
	domain_init(domain);
	error = open_channel(domain, ret_cause);
	if (error) {
		free(domain);
		return error;
	}
	*ret_domain = &domain->base;
	return 0;
}

/* Lets goodbyes arrive, for a moment: a peer that is gone must not hold us up. */
static void await_leaving(struct verbs_domain *domain)
{
	uint64_t end = tick_clock_ns() + LEAVE_NS;

	while (domain->n_leaving && tick_clock_ns() < end)
		verbs_domain_poll(&domain->base);
	while (domain->endpoints)
		verbs_endpoint_destroy(domain->endpoints);
	verbs_domain_free_closed(domain);
}

void verbs_domain_close(struct vbi_domain *base)
{
	struct verbs_domain *domain = verbs_domain_of(base);

	await_leaving(domain);
	verbs_regions_free(domain);
	while (domain->devices)
		verbs_device_close(domain->devices);
	close(domain->epoll_fd);
	verbs_cm_destroy_channel(domain->cm);
	verbs_chains_free(domain);
	free(domain->table);
	free(domain->by_qp);
	free(domain);
}

int verbs_domain_fd(const struct vbi_domain *base)
{
	return verbs_domain_of(base)->epoll_fd;
}

int verbs_domain_watch(struct verbs_domain *domain, int fd, enum verbs_watch kind)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = kind};

	return epoll_ctl(domain->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int verbs_domain_watch_foreign(struct vbi_domain *base, int fd)
{
	return verbs_domain_watch(verbs_domain_of(base), fd, VERBS_WATCH_FOREIGN);
}

/* ---- Endpoints by id ---- */

static uint32_t place_of(uint32_t id)
{
	return id & (TABLE_MOST - 1);
}

static int grow_tables(struct verbs_domain *domain)
{
	uint32_t size = domain->table_size ? 2 * domain->table_size : TABLE_FIRST;
	struct verbs_endpoint **table, **by_qp;

	if (size > TABLE_MOST)
		return -ENOSPC;
	table = calloc(size, sizeof(*table));
	by_qp = calloc(2 * size, sizeof(*by_qp));
	if (!table || !by_qp) {
		free(table);
		free(by_qp);
		return -ENOMEM;
	}
	if (domain->table)
		memcpy(table, domain->table, domain->table_size * sizeof(*table));
	free(domain->table);
	free(domain->by_qp);
	domain->table = table;
	domain->by_qp = by_qp;
	domain->table_size = size;
	for (uint32_t i = 0; i < size; i++)
		if (table[i] && table[i]->qp)
			verbs_domain_add_qp(domain, table[i]);
	return 0;
}

int verbs_domain_add(struct verbs_domain *domain, struct verbs_endpoint *endpoint)
{
	uint32_t place = 0;
	int error = domain->n_endpoints == domain->table_size ? grow_tables(domain) : 0;

	if (error)
		return error;
	while (domain->table[place])
		place++;
	/* 15 bits: an id is 31 bits wide. */
	domain->next_generation = (domain->next_generation + 1) & 0x7fff;
	endpoint->id = domain->next_generation << 16 | place;
	domain->table[place] = endpoint;
	domain->n_endpoints++;
	DL_APPEND2(domain->endpoints, endpoint, previous, next);
	return 0;
}

void verbs_domain_remove(struct verbs_domain *domain, struct verbs_endpoint *endpoint)
{
	domain->table[place_of(endpoint->id)] = NULL;
	domain->n_endpoints--;
	DL_DELETE2(domain->endpoints, endpoint, previous, next);
}

struct verbs_endpoint *verbs_domain_endpoint(const struct verbs_domain *domain, uint32_t id)
{
	struct verbs_endpoint *endpoint = place_of(id) < domain->table_size
						  ? domain->table[place_of(id)]
						  : NULL;

	return endpoint && endpoint->id == id ? endpoint : NULL;
}

/* ---- Endpoints by queue pair: open addressing, never more than half full ---- */

/* Numbers of queue pairs are dense or have a stride; Knuth's multiplier spreads both. The same
 * number of several devices has one home: a host has few of those. */
static uint32_t home_of(const struct verbs_domain *domain, uint32_t qp_num)
{
	return (qp_num * 2654435761u >> 8) & (2 * domain->table_size - 1);
}

void verbs_domain_add_qp(struct verbs_domain *domain, struct verbs_endpoint *endpoint)
{
	uint32_t mask = 2 * domain->table_size - 1;
	uint32_t at = home_of(domain, endpoint->qp->qp_num);

	while (domain->by_qp[at])
		at = (at + 1) & mask;
	domain->by_qp[at] = endpoint;
}

/* What stands behind the hole and belongs before it moves up, so that no search ends too early. */
void verbs_domain_remove_qp(struct verbs_domain *domain, const struct verbs_endpoint *endpoint)
{
	uint32_t mask = 2 * domain->table_size - 1;
	uint32_t hole = home_of(domain, endpoint->qp->qp_num);

	while (domain->by_qp[hole] != endpoint) {
		if (!domain->by_qp[hole])
			return;
		hole = (hole + 1) & mask;
	}
	for (uint32_t at = (hole + 1) & mask; domain->by_qp[at]; at = (at + 1) & mask) {
		uint32_t home = home_of(domain, domain->by_qp[at]->qp->qp_num);

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		domain->by_qp[hole] = domain->by_qp[at];
		hole = at;
	}
	domain->by_qp[hole] = NULL;
}

struct verbs_endpoint *verbs_domain_by_qp(const struct verbs_device *device, uint32_t qp_num)
{
	const struct verbs_domain *domain = device->domain;
	uint32_t mask = 2 * domain->table_size - 1;

	if (!domain->table_size)
		return NULL;
	for (uint32_t at = home_of(domain, qp_num); domain->by_qp[at]; at = (at + 1) & mask) {
		struct verbs_endpoint *endpoint = domain->by_qp[at];

		if (endpoint->qp->qp_num == qp_num && endpoint->device == device)
			return endpoint;
	}
	return NULL;
}
