/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: its messages, its failure, its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "transport/cause.h"
#include "transport/shm/arena.h"
#include "transport/shm/bulk.h"
#include "transport/shm/expose.h"
#include "transport/shm/shm.h"

/*
 * Send buffers of one endpoint in use at most: 1024 calls and control messages. rpc's credits bound
 * it lower; this bounds what a peer that does not read can hold of the domain's pool.
 */
#define SENDING_MAX SHM_POOL_STEP

struct shm_endpoint *shm_endpoint_new(struct shm_domain *domain, enum shm_role role, int socket_fd)
{
	struct shm_endpoint *endpoint = calloc(1, sizeof(*endpoint));

	if (!endpoint)
		return NULL;
	endpoint->base.ops = &vbi_shm;
	endpoint->domain = domain;
	endpoint->role = role;
	endpoint->queue_end = &endpoint->queue;
	endpoint->socket_fd = socket_fd;
	endpoint->memory_fd = endpoint->own_fd = endpoint->peer_fd = -1;
	endpoint->socket_watch = (struct shm_watch){SHM_WATCH_SOCKET, endpoint};
	endpoint->wakeup_watch = (struct shm_watch){SHM_WATCH_WAKEUP, endpoint};
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

int shm_endpoint_go_live(struct shm_endpoint *endpoint, uint32_t peer_message_max)
{
	struct shm_domain *domain = endpoint->domain;
	struct shm_control *control = shm_mapping_control(endpoint->mapping);
	enum shm_role own = endpoint->role;
	enum shm_role peer = own == SHM_CLIENT ? SHM_SERVER : SHM_CLIENT;
	uint32_t message_max[2];
	int error;

	message_max[own] = peer_message_max;
	message_max[peer] = domain->base.message_max;
	for (unsigned role = SHM_CLIENT; role <= SHM_SERVER; role++) {
		error = shm_mirror_map(endpoint->memory_fd, SHM_RING_AT(role),
				       shm_ring_size(message_max[role], domain->page_size),
				       &endpoint->mirrors[role]);
		if (error)
			return error;
	}
	error = equip_client(endpoint);
	if (error)
		return error;
	error = shm_domain_watch(domain, endpoint->own_fd, EPOLLIN | EPOLLET,
				 &endpoint->wakeup_watch);
	if (error)
		return error;
	endpoint->side = &control->side[own];
	endpoint->peer_side = &control->side[peer];
	endpoint->peer_flags = &endpoint->peer_side->flags;
	shm_tx_init(&endpoint->tx, &endpoint->mirrors[own], &endpoint->peer_side->consumed);
	shm_rx_init(&endpoint->rx, &endpoint->mirrors[peer], &endpoint->side->consumed,
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
	/* The peer learns of it by the end of the socket. */
	close_fd(endpoint, &endpoint->socket_fd, &endpoint->socket_watch);
	close_fd(endpoint, &endpoint->own_fd, &endpoint->wakeup_watch);
	endpoint->report_next = NULL;
	*domain->failed_end = endpoint;
	domain->failed_end = &endpoint->report_next;
}

/* ---- Receiving ---- */

unsigned shm_endpoint_receive(struct shm_endpoint *endpoint, unsigned limit)
{
	const struct vbi_events *events = endpoint->domain->base.events;
	unsigned n = 0;
	uint64_t first;

	while (n < limit && shm_rx_peek(&endpoint->rx, &first)) {
		uint32_t length = (uint32_t)first;
		struct shm_message *message;

		if (!shm_rx_length_valid(&endpoint->rx, length)) {
			shm_endpoint_fail(endpoint, EPROTO,
					  "peer (pid %d) wrote a message of %u bytes into the "
					  "ring; %u to %u were agreed",
					  endpoint->base.identity.pid, length, VBI_MESSAGE_MIN,
					  endpoint->rx.max);
			break;
		}
		/* Without a buffer the message stays in the ring, and the peer stops for it. */
		message = shm_pool_get(endpoint->domain->rx_pool, endpoint);
		if (!message)
			break;
		endpoint->n_received++;
		message->base.length = length;
		if (shm_rx_take(&endpoint->rx, first, message->base.data))
			shm_endpoint_nudge(endpoint, SHM_WANT_ROOM);
		n++;
		events->received(endpoint->base.owner, &message->base);
		if (endpoint->state != SHM_LIVE)
			break;
	}
	return n;
}

void shm_endpoint_release(struct vbi_endpoint *base, struct vbi_message *message)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);

	endpoint->n_received--;
	shm_pool_put((struct shm_message *)message);
}

/* ---- Sending ---- */

struct vbi_message *shm_endpoint_message_get(struct vbi_endpoint *base)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);
	struct shm_message *message;

	if (endpoint->n_sending == SENDING_MAX || !endpoint->tx_pool)
		return NULL;
	message = shm_pool_get(endpoint->tx_pool, endpoint);
	if (!message)
		return NULL;
	endpoint->n_sending++;
	return &message->base;
}

static void put_buffer(struct shm_endpoint *endpoint, struct shm_message *message)
{
	endpoint->n_sending--;
	shm_pool_put(message);
}

void shm_endpoint_message_put(struct vbi_endpoint *base, struct vbi_message *message)
{
	put_buffer(shm_endpoint_of(base), (struct shm_message *)message);
}

void shm_endpoint_wake(struct shm_endpoint *endpoint, uint32_t flags)
{
	uint64_t one = 1;
	int status;

	if (flags == endpoint->woken)
		return;
	/*
	 * The peer has the same eventfd open and could make it block: fill its counter and clear
	 * O_NONBLOCK. One that toggles the flag all the time can still win the race; it is our own
	 * user, or root.
	 */
	status = fcntl(endpoint->peer_fd, F_GETFL);
	if (status < 0 || !(status & O_NONBLOCK)) {
		shm_endpoint_fail(endpoint, EPROTO,
				  "peer (pid %d) made the eventfd for its wake-ups block",
				  endpoint->base.identity.pid);
		return;
	}
	/* A counter that is full wakes as well as one more. */
	if (write(endpoint->peer_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		shm_endpoint_fail(endpoint, errno, "cannot wake the peer (pid %d): %s",
				  endpoint->base.identity.pid, vbi_errno_text(errno));
	endpoint->woken = flags;
	endpoint->domain->base.stats->wakeups_sent++;
}

static bool has_room(struct shm_endpoint *endpoint, uint32_t length)
{
	if (shm_tx_has_room(&endpoint->tx, length))
		return true;
	if (shm_tx_refresh(&endpoint->tx) < 0) {
		shm_endpoint_fail(endpoint, EPROTO,
				  "peer (pid %d) says that it has read what was not sent",
				  endpoint->base.identity.pid);
		return false;
	}
	return shm_tx_has_room(&endpoint->tx, length);
}

bool shm_endpoint_send_queued(struct shm_endpoint *endpoint)
{
	struct shm_message *message;
	bool sent = false;

	while ((message = endpoint->queue) && has_room(endpoint, message->length)) {
		endpoint->queue = message->next;
		shm_tx_write(&endpoint->tx, message->base.data, message->length);
		put_buffer(endpoint, message);
		sent = true;
	}
	if (!endpoint->queue)
		endpoint->queue_end = &endpoint->queue;
	if (sent)
		shm_endpoint_nudge(endpoint, SHM_SLEEPING);
	return sent;
}

/* The way of a message that finds no room, or nobody. */
static void send_later(struct shm_endpoint *endpoint, struct shm_message *message, uint32_t length)
{
	if (endpoint->state != SHM_LIVE) {
		put_buffer(endpoint, message);
		return;
	}
	endpoint->domain->base.stats->ring_full++;
	message->length = length;
	message->next = NULL;
	*endpoint->queue_end = message;
	endpoint->queue_end = &message->next;
}

void shm_endpoint_send(struct vbi_endpoint *base, struct vbi_message *base_message, uint32_t length,
		       bool more)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);
	struct shm_message *message = (struct shm_message *)base_message;

	if (__builtin_expect(endpoint->state != SHM_LIVE || endpoint->queue ||
				     !(shm_tx_has_room(&endpoint->tx, length) ||
				       has_room(endpoint, length)),
			     0)) {
		send_later(endpoint, message, length);
	} else {
		shm_tx_write(&endpoint->tx, message->base.data, length);
		put_buffer(endpoint, message);
	}
	if (!more)
		shm_endpoint_flush(base);
}

void shm_endpoint_flush(struct vbi_endpoint *base)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);

	if (__builtin_expect(endpoint->state != SHM_LIVE, 0))
		return;
	shm_endpoint_nudge(endpoint, SHM_SLEEPING);
	/* What was sent will be answered. */
	if (__builtin_expect(!endpoint->active, 0) && endpoint->state == SHM_LIVE)
		shm_endpoint_activate(endpoint);
}

bool shm_endpoint_has_work(const struct shm_endpoint *endpoint)
{
	if (endpoint->state != SHM_LIVE)
		return false;
	if (shm_rx_ready(&endpoint->rx) || endpoint->eof)
		return true;
	if (endpoint->transfers && shm_transfers_have_work(endpoint))
		return true;
	if (endpoint->pipes && shm_exposures_have_work(endpoint))
		return true;
	/* Room for what waits? The position is checked where it is used. */
	return endpoint->queue &&
	       __atomic_load_n(endpoint->tx.consumed, __ATOMIC_RELAXED) + endpoint->tx.mask + 1 !=
		       endpoint->tx.limit;
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
	close_fd(endpoint, &endpoint->socket_fd, &endpoint->socket_watch);
	close_fd(endpoint, &endpoint->own_fd, &endpoint->wakeup_watch);
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
	} else {
		shm_endpoint_free(endpoint);
	}
}

void shm_endpoint_free(struct shm_endpoint *endpoint)
{
	shm_mirror_unmap(&endpoint->mirrors[SHM_CLIENT]);
	shm_mirror_unmap(&endpoint->mirrors[SHM_SERVER]);
	shm_arena_drop(endpoint->arena);
	shm_mapping_drop(endpoint->mapping);
	free(endpoint->exposures);
	free(endpoint->address);
	free(endpoint);
}
