/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What client stubs call: bind, the synchronous call, exposure, refusal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "rpc/conn.h"
#include "rpc/control.h"
#include "rpc/owner.h"
#include "rpc/peer.h"
#include "rpc/worker.h"

/* ---- Bind ---- */

static int find_offer(struct vb_conn *conn, const struct vb_interface *interface,
		      const struct vbi_offer **ret_offer)
{
	for (uint32_t i = 0; i < conn->n_offers; i++) {
		const struct vbi_offer *offer = &conn->offers[i];

		if (offer->id != interface->id)
			continue;
		if (offer->major != interface->major) {
			vbi_error_set(
				&conn->refusal, EPROTONOSUPPORT, "bind",
				"%s serves version %u.%u of interface %s, and this program was "
				"built for %u.%u: another major version is another interface",
				conn->address, offer->major, offer->minor, interface->name,
				interface->major, interface->minor);
			return -EPROTONOSUPPORT;
		}
		*ret_offer = offer;
		return 0;
	}
	vbi_error_set(&conn->refusal, ENOSYS, "bind",
		      "%s does not serve interface %s (@0x%016llx %u.%u); it serves %u other",
		      conn->address, interface->name, (unsigned long long)interface->id,
		      interface->major, interface->minor, conn->n_offers);
	return -ENOSYS;
}

/* Every method's fixed part must fit the messages of both ends. */
static int check_sizes(struct vb_conn *conn, const struct vb_interface *interface, uint16_t minor)
{
	const struct vbi_limits *limits = &conn->endpoint->limits;

	for (uint32_t i = 0; i < interface->n_methods; i++) {
		const struct vb_method *method = &interface->methods[i];

		if (method->since > minor)
			continue;
		if (method->request_fixed <= limits->send_max &&
		    method->reply_fixed <= limits->receive_max)
			continue;
		vbi_error_set(&conn->refusal, EMSGSIZE, "bind",
			      "%s needs %u bytes for a request and %u for a reply; messages to %s "
			      "hold %u, from it %u: raise message_max",
			      method->name, method->request_fixed, method->reply_fixed,
			      conn->address, limits->send_max, limits->receive_max);
		return -EMSGSIZE;
	}
	return 0;
}

/* The place of INTERFACE among what is bound on CONN: one session each, shared by its peers. */
static int find_or_add_bound(struct vb_conn *conn, const struct vb_interface *interface,
			     uint16_t minor, uint16_t *ret_index)
{
	struct vbi_bound *bound;

	for (uint16_t i = 0; i < conn->n_bound; i++) {
		if (conn->bound[i].id == interface->id && conn->bound[i].minor == minor) {
			*ret_index = (uint16_t)(i + 1);
			return 0;
		}
	}
	if (conn->n_bound == VBI_BINDINGS_MAX) {
		vbi_error_set(&conn->refusal, ENOSPC, "bind",
			      "%u interfaces are bound on the connection to %s, which is the most",
			      VBI_BINDINGS_MAX, conn->address);
		return -ENOSPC;
	}
	bound = realloc(conn->bound, (conn->n_bound + 1u) * sizeof(*bound));
	if (!bound)
		return -ENOMEM;
	conn->bound = bound;
	bound[conn->n_bound] = (struct vbi_bound){
		.id = interface->id,
		.major = interface->major,
		.minor = minor,
	};
	*ret_index = ++conn->n_bound;
	conn->control.binds_wanted = true;
	vbi_control_kick(conn);
	return 0;
}

static struct vbi_peer *new_peer(struct vb_conn *conn, const struct vb_interface *interface,
				 uint16_t minor)
{
	const struct vbi_limits *limits = &conn->endpoint->limits;
	struct vbi_message *message = conn->ops->message_get(conn->endpoint);
	struct vbi_peer *peer = message ? calloc(1, sizeof(*peer)) : NULL;
	uint32_t max = interface->message_max;

	if (!peer) {
		if (message)
			conn->ops->message_put(conn->endpoint, message);
		return NULL;
	}
	peer->conn = conn;
	peer->interface = interface;
	peer->message = message;
	peer->head.message = message->data;
	peer->head.message_max = max < limits->send_max ? max : limits->send_max;
	peer->head.reply_max = max < limits->receive_max ? max : limits->receive_max;
	peer->head.minor = minor;
	peer->head.outcome = VB_NOT_SENT;
	return peer;
}

static int bind_checked(struct vb_conn *conn, const struct vb_interface *interface,
			struct vbi_peer **ret_peer)
{
	const struct vbi_offer *offer;
	struct vbi_peer *peer;
	uint16_t minor;
	int error;

	if (!vbi_owner_is(conn->owner))
		return -EPERM;
	if (conn->state != VBI_CONN_OPEN)
		return conn->error.errnum ? -conn->error.errnum : -ENOTCONN;
	error = find_offer(conn, interface, &offer);
	if (error)
		return error;
	minor = offer->minor < interface->minor ? offer->minor : interface->minor;
	error = check_sizes(conn, interface, minor);
	if (error)
		return error;
	peer = new_peer(conn, interface, minor);
	if (!peer)
		return -ENOMEM;
	error = find_or_add_bound(conn, interface, minor, &peer->index);
	if (error) {
		conn->ops->message_put(conn->endpoint, peer->message);
		free(peer);
		return error;
	}
	DL_APPEND(conn->peers, peer);
	*ret_peer = peer;
	return 0;
}

struct vb_peer *vb_stub_bind(struct vb_conn *conn, const struct vb_interface *interface)
{
	struct vbi_peer *peer;
	int error = conn ? bind_checked(conn, interface, &peer) : -EFAULT;

	if (error) {
		errno = -error;
		return NULL;
	}
	return &peer->head;
}

void vb_stub_unbind(struct vb_peer *head)
{
	struct vbi_peer *peer = vbi_peer_of(head);
	struct vb_conn *conn;

	if (!peer)
		return;
	conn = peer->conn;
	/* In a forked child the connection is the parent's: only our copy of the memory goes. */
	if (conn && vbi_owner_is(conn->owner)) {
		if (conn->endpoint) {
			if (peer->held)
				conn->ops->release(conn->endpoint, peer->held);
			if (peer->message)
				conn->ops->message_put(conn->endpoint, peer->message);
		}
		DL_DELETE(conn->peers, peer);
	}
	free(peer);
}

void vbi_peer_detach(struct vbi_peer *peer)
{
	peer->message = NULL;
	peer->held = NULL;
	peer->head.message = peer->conn->scratch;
}

void vb_stub_set_deadline(struct vb_peer *head, uint64_t nanoseconds)
{
	vbi_peer_of(head)->deadline_ns = nanoseconds;
}

/* ---- Refuse ---- */

int vb_stub_refuse(struct vb_peer *head, const struct vb_method *method, int errnum)
{
	struct vbi_peer *peer = vbi_peer_of(head);
	struct vb_conn *conn = peer->conn;

	if (vbi_owner_is(conn->owner)) {
		peer->call.peer = peer;
		peer->call.method = method;
		if (peer->call.n_exposures)
			vbi_call_revoke(&peer->call, VBI_REVOKE_ANSWERED);
		conn->worker->stats.calls_failed++;
		head->outcome = VB_NOT_SENT;
		vbi_conn_settle(conn);
	}
	return vbi_edge(-errnum);
}

int vb_stub_bad_reply(struct vb_peer *head, const struct vb_method *method)
{
	struct vbi_peer *peer = vbi_peer_of(head);
	struct vb_conn *conn = peer->conn;

	vbi_conn_fail(
		conn, EPROTO, method->name,
		"%s answered %s with a reply that is not one of that method: it may have been "
		"built from another version of the interface file",
		conn->address, method->name);
	conn->worker->stats.calls_failed++;
	head->outcome = VB_EXECUTED;
	vbi_conn_settle(conn);
	return vbi_edge(-EPROTO);
}

/* ---- Expose ---- */

int vb_stub_expose(struct vb_peer *head, struct vb_buffer *buffer, uint32_t *cursor)
{
	struct vbi_peer *peer = vbi_peer_of(head);
	struct vb_conn *conn = peer->conn;
	struct vb_call *call = &peer->call;
	struct vbi_exposure *exposure;
	uint32_t bytes;
	int error;

	if (!vbi_owner_is(conn->owner))
		return -EPERM;
	if (conn->state != VBI_CONN_OPEN)
		return conn->error.errnum ? -conn->error.errnum : -ENOTCONN;
	if (call->n_exposures == VB_BUFFERS_MAX)
		return -EMSGSIZE;
	exposure = &call->exposures[call->n_exposures];
	exposure->address = buffer->address;
	exposure->length = buffer->room;
	exposure->rights = (buffer->direction & VB_IN ? VBI_REMOTE_READ : 0u) |
			   (buffer->direction & VB_OUT ? VBI_REMOTE_WRITE : 0u);
	error = conn->ops->expose(conn->endpoint, exposure);
	if (error)
		return error;
	call->peer = peer;
	call->n_exposures++;
	conn->n_exposures++;
	conn->worker->stats.bulk_exposures++;
	bytes = exposure->n_records * VB_RECORD_SIZE;
	if (bytes > head->message_max - *cursor)
		return -EMSGSIZE;
	memcpy(head->message + *cursor, exposure->records, bytes);
	*cursor += bytes;
	buffer->flags |= VB_BUFFER_EXPOSED;
	return (int)exposure->n_records;
}

/* ---- Call ---- */

static bool call_done(const void *context)
{
	const struct vb_call *call = context;

	return call->done;
}

/* The caller leaves; the slot stays taken until the answer comes. */
static void abandon_slot(struct vb_call *call)
{
	struct vb_conn *conn = call->peer->conn;
	struct vbi_slot *slot = &conn->slots[call->slot];

	slot->call = NULL;
	slot->state = VBI_SLOT_ABANDONED;
	conn->n_abandoned++;
	if (conn->n_abandoned >= (conn->n_slots + 1) / 2)
		vbi_conn_fail(
			conn, ETIMEDOUT, call->method->name,
			"%s owes answers to %u calls whose callers have given up, half of what "
			"may be outstanding: it does not keep up, or hangs",
			conn->address, conn->n_abandoned);
}

static void ask_to_cancel(struct vb_call *call)
{
	struct vb_conn *conn = call->peer->conn;

	conn->slots[call->slot].cancel_wanted = true;
	conn->control.n_cancels_wanted++;
	vbi_control_kick(conn);
}

/*
 * The deadline has passed. A call with nothing exposed is over at once. Memory that the server may
 * still write must not be given back: the server is asked to stop, has the grace to answer, and
 * after that the exposures are broken, which costs the connection.
 */
static void give_up(struct vb_call *call)
{
	struct vb_conn *conn = call->peer->conn;
	struct vbi_worker *worker = conn->worker;
	enum vb_outcome outcome = VB_UNKNOWN;

	worker->stats.deadlines++;
	ask_to_cancel(call);
	if (call->n_exposures) {
		if (vbi_worker_wait(worker, call_done, call, conn->grace_ns)) {
			outcome = call->outcome;
			if (call->reply)
				conn->ops->release(conn->endpoint, call->reply);
			vbi_call_complete(call, ETIMEDOUT, outcome, NULL);
			return;
		}
		vbi_call_revoke(call, VBI_REVOKE_ABANDON);
		worker->stats.abandoned++;
		abandon_slot(call);
		vbi_conn_fail(conn, ETIMEDOUT, call->method->name,
			      "%s did not answer %s within its deadline nor within the grace after "
			      "it; the connection is closed so that nothing can write the caller's "
			      "buffers any more",
			      conn->address, call->method->name);
	} else {
		abandon_slot(call);
	}
	vbi_call_complete(call, ETIMEDOUT, VB_UNKNOWN, NULL);
}

/*
 * The call has been completed. With an answer, what was pushed before it is there, though the
 * connection may have died right after it. An answer about bytes that cannot be right is none.
 */
static void end_exposures(struct vb_call *call)
{
	struct vb_conn *conn = call->peer->conn;
	bool is_dead = call->errnum && conn->state == VBI_CONN_FAILED;
	int error = vbi_call_revoke(call, is_dead ? VBI_REVOKE_ABANDON : VBI_REVOKE_ANSWERED);

	if (!error || call->errnum)
		return;
	conn->ops->release(conn->endpoint, call->reply);
	vbi_call_complete(call, -error, call->outcome, NULL);
	vbi_conn_fail(conn, -error, call->method->name,
		      "%s answered %s, but what it wrote into the caller's buffers cannot be right",
		      conn->address, call->method->name);
}

static const uint8_t *fail_call(struct vb_call *call)
{
	struct vb_conn *conn = call->peer->conn;

	conn->worker->stats.calls_failed++;
	vbi_conn_settle(conn);
	errno = call->errnum;
	return NULL;
}

static void release_held(struct vbi_peer *peer)
{
	struct vb_conn *conn = peer->conn;

	if (peer->held)
		conn->ops->release(conn->endpoint, peer->held);
	peer->held = NULL;
}

const uint8_t *vb_stub_call(struct vb_peer *head, const struct vb_method *method, uint32_t length)
{
	struct vbi_peer *peer = vbi_peer_of(head);
	struct vb_call *call = &peer->call;
	struct vb_conn *conn = peer->conn;
	int error;

	if (__builtin_expect(!vbi_owner_is(conn->owner), 0)) {
		errno = EPERM;
		return NULL;
	}
	release_held(peer);
	error = vbi_call_start(call, peer, method, length);
	if (__builtin_expect(error != 0, 0)) {
		vb_stub_refuse(head, method, -error);
		return NULL;
	}
	if (!vbi_worker_wait(conn->worker, call_done, call, call->timeout_ns))
		give_up(call);
	if (__builtin_expect(call->n_exposures != 0, 0))
		end_exposures(call);
	head->outcome = call->outcome;
	if (__builtin_expect(call->errnum != 0, 0))
		return fail_call(call);
	peer->held = call->reply;
	return call->reply->data;
}

int vb_stub_send(struct vb_peer *head, const struct vb_method *method, uint32_t length)
{
	struct vbi_peer *peer = vbi_peer_of(head);
	struct vb_conn *conn = peer->conn;
	int error;

	if (__builtin_expect(!vbi_owner_is(conn->owner), 0))
		return vbi_edge(-EPERM);
	release_held(peer);
	/* Nobody waits after a one-way call: credits and the peer's death are seen here. */
	vbi_worker_poll(conn->worker);
	error = vbi_call_start(&peer->call, peer, method, length);
	if (error)
		return vb_stub_refuse(head, method, -error);
	conn->worker->stats.oneways++;
	head->outcome = VB_UNKNOWN;
	return 0;
}
