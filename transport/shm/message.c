/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers, and the way out: from a buffer into the ring. The way in is in progress.c. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "transport/cause.h"
#include "transport/shm/bulk.h"
#include "transport/shm/expose.h"
#include "transport/shm/shm.h"

/*
 * Send buffers of one endpoint in use at most: 1024 calls and control messages. rpc's credits bound
 * it lower; this bounds what a peer that does not read can hold of the domain's pool.
 */
#define SENDING_MAX SHM_POOL_STEP

void shm_endpoint_release(struct vbi_endpoint *base, struct vbi_message *message)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);

	endpoint->n_received--;
	shm_pool_put((struct shm_message *)message);
}

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

static __attribute__((noinline)) bool has_room(struct shm_endpoint *endpoint, uint32_t length)
{
	int error = 0;

	if (!shm_tx_has_room(&endpoint->tx, length))
		error = shm_tx_make_room(&endpoint->tx, shm_tx_span(length), endpoint->calm);
	if (error == -EPROTO)
		shm_endpoint_fail(endpoint, EPROTO,
				  "peer (pid %d) says that it has read what was not sent",
				  endpoint->base.identity.pid);
	return !error;
}

bool shm_endpoint_send_queued(struct shm_endpoint *endpoint)
{
	struct shm_message *message;
	bool sent = false;

	while ((message = endpoint->queue) && has_room(endpoint, message->length)) {
		endpoint->queue = message->next;
		shm_tx_write(&endpoint->tx, message->base.data, message->length,
			     shm_rx_ack(&endpoint->rx));
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
static __attribute__((noinline)) void send_later(struct shm_endpoint *endpoint,
						 struct shm_message *message, uint32_t length)
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
	endpoint->chores = true;
}

/* Lets the peer see what was sent, if it sleeps, and listens for what it will answer. */
static inline void flush(struct shm_endpoint *endpoint)
{
	shm_endpoint_nudge(endpoint, SHM_SLEEPING);
	if (__builtin_expect(!endpoint->active, 0) && endpoint->state == SHM_LIVE)
		shm_endpoint_activate(endpoint);
}

void shm_endpoint_prepare(struct vbi_endpoint *base)
{
	shm_tx_prepare(&shm_endpoint_of(base)->tx);
}

void shm_endpoint_send(struct vbi_endpoint *base, struct vbi_message *base_message, uint32_t length,
		       bool more)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);
	struct shm_message *message = (struct shm_message *)base_message;

	if (__builtin_expect(endpoint->state != SHM_LIVE || endpoint->queue ||
				     (!shm_tx_has_room(&endpoint->tx, length) &&
				      !has_room(endpoint, length)),
			     0)) {
		send_later(endpoint, message, length);
		if (endpoint->state != SHM_LIVE)
			return;
	} else {
		shm_tx_write(&endpoint->tx, message->base.data, length, shm_rx_ack(&endpoint->rx));
		put_buffer(endpoint, message);
	}
	if (!more)
		flush(endpoint);
}

void shm_endpoint_flush(struct vbi_endpoint *base)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);

	if (__builtin_expect(endpoint->state == SHM_LIVE, 1))
		flush(endpoint);
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
	return endpoint->queue && (endpoint->tx.edge == 0 || shm_tx_has_news(&endpoint->tx));
}
