/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker has of this transport: its tables and its epoll. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/clock.h"
#include "transport/shm/shm.h"

/* Entries by which the table of active endpoints grows. */
#define ACTIVE_STEP 64u

/* Ticks of the clock between two slow looks before we know how long a tick is: a millisecond at 1
 * GHz. A faster clock only makes us look more often. */
#define TICKS_PER_LOOK_GUESS 1000000u

static void domain_init(struct shm_domain *domain)
{
	domain->base.ops = &vbi_shm;
	domain->failed_end = &domain->failed;
	domain->look_ticks = tick_clock_ticks();
	tick_length_begin(&domain->tick, TICKS_PER_LOOK_GUESS, domain->look_ticks, tick_clock_ns());
	domain->n_allocations = &domain->base.stats->allocations;
	for (uint32_t i = 0; i < SHM_POOLS; i++)
		shm_pool_init(&domain->pools[i], 1u << (SHM_POOL_SHIFT_MIN + i),
			      domain->n_allocations);
	domain->rx_pool = shm_domain_pool(domain, domain->base.message_max);
}

int shm_domain_open(const struct vbi_events *events, struct vb_stats *stats,
		    const struct vbi_domain_options *options, struct vbi_domain **ret_domain,
		    struct vbi_cause *ret_cause)
{
	uint32_t message_max = options->message_max;
	struct shm_domain *domain;
	int error;

	if (message_max < SHM_MESSAGE_MAX_LEAST || message_max > VBI_MESSAGE_MAX)
		return vbi_cause_set(ret_cause, EINVAL,
				     "message_max is %u bytes; it must be %u to %u", message_max,
				     SHM_MESSAGE_MAX_LEAST, VBI_MESSAGE_MAX);
	domain = calloc(1, sizeof(*domain));
	if (!domain)
		return vbi_cause_set(ret_cause, ENOMEM, "no memory for a shm domain");
	domain->base.events = events;
	domain->base.stats = stats;
	domain->base.message_max = message_max & ~7u;
	domain_init(domain);
	domain->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	domain->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (domain->epoll_fd < 0 || domain->reserve_fd < 0) {
		error = vbi_cause_set(ret_cause, errno,
				      "cannot open a descriptor for shm: %s; raise the limit on "
				      "open files (ulimit -n) if it was reached",
				      vbi_errno_text(errno));
		goto close_fds;
	}
	*ret_domain = &domain->base;
	return 0;
close_fds:
	if (domain->epoll_fd >= 0)
		close(domain->epoll_fd);
	if (domain->reserve_fd >= 0)
		close(domain->reserve_fd);
	free(domain);
	return error;
}

void shm_domain_close(struct vbi_domain *base)
{
	struct shm_domain *domain = shm_domain_of(base);

	for (uint32_t i = 0; i < SHM_POOLS; i++)
		shm_pool_fini(&domain->pools[i]);
	close(domain->epoll_fd);
	if (domain->reserve_fd >= 0)
		close(domain->reserve_fd);
	free(domain->active);
	free(domain);
}

int shm_domain_fd(const struct vbi_domain *base)
{
	return shm_domain_of(base)->epoll_fd;
}

struct shm_pool *shm_domain_pool(struct shm_domain *domain, uint32_t size)
{
	struct shm_pool *pool = domain->pools;

	while (pool->capacity < size)
		pool++;
	return pool;
}

int shm_domain_add(struct shm_domain *domain, struct shm_endpoint *endpoint)
{
	if (domain->n_endpoints == domain->active_room) {
		uint32_t room = domain->active_room + ACTIVE_STEP;
		struct shm_endpoint **active = realloc(domain->active,
						       room * sizeof(domain->active[0]));

		if (!active)
			return -ENOMEM;
		domain->active = active;
		domain->active_room = room;
	}
	domain->n_endpoints++;
	DL_APPEND2(domain->endpoints, endpoint, previous, next);
	return 0;
}

void shm_domain_remove(struct shm_domain *domain, struct shm_endpoint *endpoint)
{
	domain->n_endpoints--;
	DL_DELETE2(domain->endpoints, endpoint, previous, next);
}

int shm_domain_watch(struct shm_domain *domain, int fd, uint32_t events, struct shm_watch *watch)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(domain->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void shm_domain_unwatch(struct shm_domain *domain, int fd, const struct shm_watch *watch)
{
	epoll_ctl(domain->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	for (int i = domain->next_event; i < domain->n_events; i++)
		if (domain->events[i].data.ptr == watch)
			domain->events[i].data.ptr = NULL;
}

int shm_domain_watch_foreign(struct vbi_domain *base, int fd)
{
	static struct shm_watch foreign = {SHM_WATCH_FOREIGN, NULL};

	return shm_domain_watch(shm_domain_of(base), fd, EPOLLIN, &foreign);
}
