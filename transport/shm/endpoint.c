/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: its messages, its failure, its end. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/shm/arena.h"
#include "transport/shm/bulk.h"
#include "transport/shm/expose.h"
#include "transport/shm/shm.h"
#include "transport/shm/socket.h"

struct shm_endpoint *shm_endpoint_new(struct shm_domain *domain, enum shm_role role, int socket_fd)
{
	struct shm_endpoint *endpoint = aligned_alloc(SHM_LINE, sizeof(*endpoint));

	if (!endpoint)
		return NULL;
	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->base.ops = &vbi_shm;
	endpoint->domain = domain;
	endpoint->role = role;
	endpoint->queue_end = &endpoint->queue;
	endpoint->socket_fd = socket_fd;
	endpoint->memory_fd = endpoint->own_fd = endpoint->peer_fd = endpoint->process_fd = -1;
	endpoint->socket_watch = (struct shm_watch){SHM_WATCH_SOCKET, endpoint};
	endpoint->wakeup_watch = (struct shm_watch){SHM_WATCH_WAKEUP, endpoint};
	endpoint->process_watch = (struct shm_watch){SHM_WATCH_PROCESS, endpoint};
	if (shm_domain_add(domain, endpoint) < 0) {
		free(endpoint);
		return NULL;
	}
	return endpoint;
}

/* What a client calls with. */
static int equip_client(struct shm_endpoint *endpoint)
{
	if (endpoint->role != SHM_CLIENT)
		return 0;
	endpoint->exposures = shm_exposures_create();
	endpoint->arena = shm_arena_create(endpoint->mapping, endpoint->arena_size);
	return endpoint->exposures && endpoint->arena ? 0 : -ENOMEM;
}

/* Without a pidfd the end of the socket has to do. */
static void watch_process(struct shm_endpoint *endpoint)
{
	endpoint->process_fd = shm_socket_process(endpoint->socket_fd);
	if (endpoint->process_fd >= 0 && shm_domain_watch(endpoint->domain, endpoint->process_fd,
							  EPOLLIN, &endpoint->process_watch) < 0) {
		close(endpoint->process_fd);
		endpoint->process_fd = -1;
	}
}

int shm_endpoint_go_live(struct shm_endpoint *endpoint, uint32_t peer_message_max)
{
	struct shm_domain *domain = endpoint->domain;
	struct shm_control *control = shm_mapping_control(endpoint->mapping);
	uint8_t *base = endpoint->mapping->base;
	enum shm_role own = endpoint->role;
	enum shm_role peer = own == SHM_CLIENT ? SHM_SERVER : SHM_CLIENT;
	int error;

	error = shm_tx_init(&endpoint->tx, base + SHM_RING_AT(own), shm_ring_size(peer_message_max),
			    &control->side[peer]);
	if (error)
		return error;
	error = equip_client(endpoint);
	if (error)
		return error;
	error = shm_domain_watch(domain, endpoint->own_fd, EPOLLIN | EPOLLET,
				 &endpoint->wakeup_watch);
	if (error)
		return error;
	watch_process(endpoint);
	endpoint->side = &control->side[own];
	shm_rx_init(&endpoint->rx, base + SHM_RING_AT(peer),
		    shm_ring_size(domain->base.message_max), &endpoint->side->consumed,
		    domain->base.message_max);
	endpoint->tx_pool = shm_domain_pool(domain, peer_message_max);
	endpoint->base.limits = (struct vbi_limits){
		.send_max = peer_message_max,
		.receive_max = domain->base.message_max,
		.inline_max = SHM_LINE,
	};
	endpoint->state = SHM_LIVE;
	shm_endpoint_activate(endpoint);
	return 0;
}

static void close_fd(struct shm_endpoint *endpoint, int *fd, const struct shm_watch *watch)
{
	if (*fd < 0)
		return;
	if (watch)
		shm_domain_unwatch(endpoint->domain, *fd, watch);
	close(*fd);
	*fd = -1;
}

/* The end of the socket is what the peer learns of us by, though a child of ours may hold it. */
static void close_socket(struct shm_endpoint *endpoint)
{
	if (endpoint->socket_fd >= 0)
		shutdown(endpoint->socket_fd, SHUT_RDWR);
	close_fd(endpoint, &endpoint->socket_fd, &endpoint->socket_watch);
}

void shm_endpoint_fail(struct shm_endpoint *endpoint, int errnum, const char *format, ...)
{
	struct shm_domain *domain = endpoint->domain;
	va_list arguments;

	if (endpoint->state >= SHM_FAILED)
		return;
	endpoint->state = SHM_FAILED;
	endpoint->cause.errnum = errnum;
	va_start(arguments, format);
	vsnprintf(endpoint->cause.sentence, sizeof(endpoint->cause.sentence), format, arguments);
	va_end(arguments);
	shm_endpoint_deactivate(endpoint);
	shm_endpoint_set_deadline(endpoint, 0);
	close_socket(endpoint);
	close_fd(endpoint, &endpoint->own_fd, &endpoint->wakeup_watch);
	close_fd(endpoint, &endpoint->process_fd, &endpoint->process_watch);
	endpoint->report_next = NULL;
	*domain->failed_end = endpoint;
	domain->failed_end = &endpoint->report_next;
	domain->chores = true;
}

/* ---- The end ---- */

static void forget_report(struct shm_endpoint *endpoint)
{
	struct shm_domain *domain = endpoint->domain;
	struct shm_endpoint **link = &domain->failed;

	while (*link && *link != endpoint)
		link = &(*link)->report_next;
	if (!*link)
		return;
	*link = endpoint->report_next;
	if (!*link)
		domain->failed_end = link;
}

void shm_endpoint_close(struct vbi_endpoint *base)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);
	struct shm_domain *domain = endpoint->domain;

	if (endpoint->state == SHM_LIVE)
		shm_endpoint_send_queued(endpoint);
	shm_endpoint_deactivate(endpoint);
	shm_endpoint_set_deadline(endpoint, 0);
	forget_report(endpoint);
	endpoint->state = SHM_CLOSED;
	shm_transfers_fail(endpoint, -ECONNRESET);
	shm_exposures_abandon(endpoint);
	close_socket(endpoint);
	close_fd(endpoint, &endpoint->own_fd, &endpoint->wakeup_watch);
	close_fd(endpoint, &endpoint->process_fd, &endpoint->process_watch);
	close_fd(endpoint, &endpoint->peer_fd, NULL);
	close_fd(endpoint, &endpoint->memory_fd, NULL);
	if (endpoint->n_sending)
		shm_pool_reclaim(endpoint->tx_pool, endpoint);
	if (endpoint->n_received)
		shm_pool_reclaim(domain->rx_pool, endpoint);
	shm_domain_remove(domain, endpoint);
	if (domain->depth) {
		endpoint->free_next = domain->closed;
		domain->closed = endpoint;
		domain->chores = true;
	} else {
		shm_endpoint_free(endpoint);
	}
}

void shm_endpoint_free(struct shm_endpoint *endpoint)
{
	shm_arena_drop(endpoint->arena);
	shm_mapping_drop(endpoint->mapping);
	free(endpoint->exposures);
	shm_tx_fini(&endpoint->tx);
	free(endpoint->address);
	free(endpoint);
}
