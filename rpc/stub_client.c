/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What client stubs call: bind, the synchronous call, exposure, refusal.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "rpc/conn.h"
#include "rpc/control.h"
#include "rpc/owner.h"
#include "rpc/peer.h"
#include "rpc/worker.h"
#include "transport/memlock.h"

/* FORMAT: what there is no memory for. */
static void __attribute__((format(printf, 3, 4)))
explain_no_memory(struct vb_conn *conn, const char *where, const char *format, ...)
{
	uint64_t memlock = vbi_memlock_max();
	char what[sizeof(conn->refusal.sentence)];
	char limit[128] = "";
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	if (memlock != UINT64_MAX)
		snprintf(limit, sizeof(limit),
			 ", or none that may be locked: for this process (RLIMIT_MEMLOCK, "
			 "ulimit -l) it is limited to %llu KiB",
			 (unsigned long long)memlock / 1024);
	vbi_error_set(&conn->refusal, ENOMEM, where, "%s: there is no memory for it%s", what,
		      limit);
}

/* ---- Bind ---- */

static void explain_no_bind(struct vb_conn *conn, const struct vb_interface *interface)
{
	explain_no_memory(conn, "bind", "interface %s could not be bound at %s", interface->name,
			  conn->address);
}

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
	if (!bound) {
		explain_no_bind(conn, interface);
		return -ENOMEM;
	}
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
		return -vbi_conn_errno(conn);
	error = find_offer(conn, interface, &offer);
	if (error)
		return error;
	minor = offer->minor < interface->minor ? offer->minor : interface->minor;
	error = check_sizes(conn, interface, minor);
	if (error)
		return error;
	peer = new_peer(conn, interface, minor);
	if (!peer) {
		explain_no_bind(conn, interface);
		return -ENOMEM;
	}
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
	/* To a foreign thread it is still the owner's; in a forked child our copy of it is left to
	 * our exit, as the connection's is. */
	if (conn && !vbi_owner_is(conn->owner))
		return;
	if (conn) {
		if (conn->endpoint && peer->message)
			conn->ops->message_put(conn->endpoint, peer->message);
		DL_DELETE(conn->peers, peer);
	}
	free(peer);
}

void vbi_peer_detach(struct vbi_peer *peer)
{
	peer->message = NULL;
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
		conn->stats->calls_failed++;
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
	conn->stats->calls_failed++;
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
		return -vbi_conn_errno(conn);
	if (call->n_exposures == VB_BUFFERS_MAX)
		return -EMSGSIZE;
	exposure = &call->exposures[call->n_exposures];
	exposure->address = buffer->address;
	exposure->length = buffer->room;
	exposure->rights = (buffer->direction & VB_IN ? VBI_REMOTE_READ : 0u) |
			   (buffer->direction & VB_OUT ? VBI_REMOTE_WRITE : 0u);
	error = conn->ops->expose(conn->endpoint, exposure);
	if (error == -ENOMEM)
		explain_no_memory(conn, "expose",
				  "a buffer of %llu bytes could not be exposed to %s",
				  (unsigned long long)buffer->room, conn->address);
	if (error)
		return vbi_conn_refused(conn, error);
	call->peer = peer;
	call->n_exposures++;
	conn->n_exposures++;
	conn->stats->bulk_exposures++;
	bytes = exposure->n_records * VB_RECORD_SIZE;
	if (bytes > head->message_max - *cursor)
		return -EMSGSIZE;
	memcpy(head->message + *cursor, exposure->records, bytes);
	*cursor += bytes;
	buffer->flags |= VB_BUFFER_EXPOSED;
	return (int)exposure->n_records;
}
