/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/call.h"

#include <errno.h>

#include "rpc/conn.h"
#include "rpc/control.h"
#include "rpc/owner.h"
#include "rpc/peer.h"
#include "rpc/worker.h"

/* ---- Start ---- */

/* What a request needs before it can leave. */
static inline bool may_send(const struct vb_call *call)
{
	const struct vbi_peer *peer = call->peer;
	const struct vb_conn *conn = peer->conn;

	return vbi_credits_may_send(&conn->credits) && conn->bound[peer->index - 1].told &&
	       (conn->slot_list.free != VBI_SLOT_NONE || call->method->flags & VB_METHOD_ONEWAY);
}

static bool may_send_or_failed(const void *context)
{
	const struct vb_call *call = context;

	return may_send(call) || call->peer->conn->state == VBI_CONN_FAILED;
}

/* 0: the request can leave now. */
static int wait_for_credit(struct vb_call *call)
{
	struct vb_conn *conn = call->peer->conn;
	struct vbi_worker *worker = conn->worker;
	uint64_t start = worker->clock();
	uint64_t waited;
	bool may;

	conn->stats->credit_waits++;
	conn->held_up = call->method;
	may = vbi_worker_wait(worker, may_send_or_failed, call, call->timeout_ns);
	conn->held_up = NULL;
	if (!may) {
		conn->stats->deadlines++;
		return -ETIMEDOUT;
	}
	if (conn->state == VBI_CONN_FAILED)
		return -vbi_conn_errno(conn);
	/* One deadline for this wait and the next. Not 0: on the wire that is none. */
	waited = worker->clock() - start;
	if (call->timeout_ns != VB_NO_DEADLINE)
		call->timeout_ns -= waited < call->timeout_ns ? waited : call->timeout_ns - 1;
	return 0;
}

static uint16_t take_slot(struct vb_conn *conn, struct vb_call *call)
{
	uint16_t index = conn->slot_list.free;
	struct vbi_slot *slot = &conn->slots[index];

	vbi_slot_take(&conn->slot_list, &slot->use);
	slot->call = call;
	slot->place = vbi_place(call->peer->index, call->method->number);
	return index;
}

static void give_slot(struct vb_conn *conn, uint16_t index)
{
	struct vbi_slot *slot = &conn->slots[index];

	if (slot->use.cancel_wanted)
		vbi_control_drop_cancel(&conn->control, &slot->use);
	slot->call = NULL;
	vbi_slot_give(&conn->slot_list, &slot->use, index);
}

/* Header `time`: microseconds left, rounded up, so that a short deadline is not sent as none. */
static uint32_t time_left(uint64_t timeout_ns)
{
	uint64_t us = timeout_ns / VBI_NS_PER_US + (timeout_ns % VBI_NS_PER_US != 0);

	return us < VBI_TIME_UNLIMITED ? (uint32_t)us : VBI_TIME_UNLIMITED;
}

/* The division is done once for a run of calls of one method. */
static inline uint32_t request_time(struct vb_call *call)
{
	struct vbi_peer *peer = call->peer;

	if (__builtin_expect(peer->timed_ns != call->timeout_ns, 0)) {
		peer->timed_ns = call->timeout_ns;
		peer->timed = time_left(call->timeout_ns);
	}
	return peer->timed;
}

static inline void write_header(struct vb_call *call, uint32_t length, uint16_t generation)
{
	struct vbi_peer *peer = call->peer;
	struct vbi_words *words = (struct vbi_words *)peer->head.message;
	uint32_t place = vbi_place(peer->index, call->method->number);

	words->call = vbi_call_word(length, call->slot, generation);
	words->route = vbi_route_word(place, VBI_KIND_REQUEST, 0,
				      vbi_credits_tell(&peer->conn->credits));
	words->tail = call->slot == VBI_SLOT_NONE ? 0 : request_time(call);
}

/* The peer's next request gets another buffer: the transport has this one until it has left. */
static int next_message(struct vbi_peer *peer)
{
	peer->message = peer->conn->ops->message_get(peer->conn->endpoint);
	if (__builtin_expect(!peer->message, 0)) {
		peer->head.message = peer->conn->scratch;
		return -ENOBUFS;
	}
	peer->head.message = peer->message->data;
	return 0;
}

int vbi_call_start(struct vb_call *call, struct vbi_peer *peer, const struct vb_method *method,
		   uint32_t length)
{
	struct vb_conn *conn = peer->conn;
	int error;

	call->peer = peer;
	call->method = method;
	call->done = false;
	call->timeout_ns = peer->deadline_ns ? peer->deadline_ns : method->deadline_ns;
	if (__builtin_expect(conn->state != VBI_CONN_OPEN, 0))
		return -vbi_conn_errno(conn);
	if (__builtin_expect(!may_send(call), 0)) {
		error = wait_for_credit(call);
		if (error)
			return error;
	}
	if (__builtin_expect(!peer->message, 0))
		return -ENOBUFS;
	vbi_credits_sent(&conn->credits);
	if (__builtin_expect(method->flags & VB_METHOD_ONEWAY, 0)) {
		call->slot = VBI_SLOT_NONE;
		write_header(call, length, 0);
	} else {
		call->slot = take_slot(conn, call);
		write_header(call, length, conn->slots[call->slot].use.generation);
	}
	conn->stats->calls++;
	conn->stats->messages_sent++;
	conn->ops->send(conn->endpoint, peer->message, length, false);
	if (__builtin_expect(next_message(peer) != 0, 0))
		vbi_conn_fail(conn, ENOBUFS, "send", "no message buffer is left for %s",
			      peer->interface->name);
	return 0;
}

/* ---- End ---- */

void vbi_call_complete(struct vb_call *call, int errnum, enum vb_outcome outcome,
		       struct vbi_message *reply)
{
	call->errnum = errnum;
	call->outcome = outcome;
	call->reply = reply;
	call->done = true;
}

/* Our architectures agree on errno values; one that none of them knows is EIO. */
static int errno_of_status(uint16_t status)
{
	return status && strerrorname_np(status) ? status : EIO;
}

/* What an answer says that breaks the rules; NULL: nothing. */
static const char *answer_fault(const struct vb_conn *conn, const struct vbi_header *header)
{
	const struct vbi_slot *slot;

	if (header->slot >= conn->slot_list.n)
		return "it answers a call in a slot that does not exist";
	slot = &conn->slots[header->slot];
	if (slot->use.state == VBI_SLOT_FREE || slot->use.generation != header->generation ||
	    slot->place != vbi_place(header->interface, header->method))
		return "it answers a call that is not outstanding";
	return NULL;
}

void vbi_call_answered(struct vb_conn *conn, struct vbi_message *message)
{
	const struct vbi_header *header = (const struct vbi_header *)message->data;
	const char *fault = answer_fault(conn, header);
	struct vb_call *call;

	if (__builtin_expect(fault != NULL, 0)) {
		conn->ops->release(conn->endpoint, message);
		vbi_conn_fail(conn, EPROTO, "receive",
			      "%s sent a message that breaks the protocol: %s", conn->address,
			      fault);
		return;
	}
	call = conn->slots[header->slot].call;
	if (__builtin_expect(!call, 0)) {
		conn->stats->late_replies++;
		vbi_slot_late(&conn->slot_list);
	}
	give_slot(conn, header->slot);
	if (__builtin_expect(call && header->kind == VBI_KIND_REPLY, 1)) {
		vbi_call_complete(call, 0, VB_EXECUTED, message);
		return;
	}
	if (call)
		vbi_call_complete(call, errno_of_status(header->status),
				  header->flags & VBI_FLAG_RAN ? VB_EXECUTED : VB_NOT_EXECUTED,
				  NULL);
	conn->ops->release(conn->endpoint, message);
}

void vbi_call_conn_died(struct vb_conn *conn)
{
	for (uint16_t i = 0; i < conn->slot_list.n; i++) {
		struct vb_call *call = conn->slots[i].call;

		if (conn->slots[i].use.state == VBI_SLOT_FREE)
			continue;
		give_slot(conn, i);
		if (call)
			vbi_call_complete(call, vbi_conn_errno(conn), VB_UNKNOWN, NULL);
	}
}

/* By its slot: what calls write on their way is for them, not for who asks after a failure. */
const struct vb_method *vbi_call_under_way(const struct vb_conn *conn)
{
	for (uint16_t i = 0; i < conn->slot_list.n; i++)
		if (conn->slots[i].use.state != VBI_SLOT_FREE && conn->slots[i].call)
			return conn->slots[i].call->method;
	return conn->held_up;
}

/* ---- Exposures ---- */

static void exposure_revoked(struct vbi_exposure *exposure)
{
	struct vb_call *call = exposure->owner;

	call->is_revoking[exposure - call->exposures] = false;
}

static bool all_revoked(const void *context)
{
	const struct vb_call *call = context;

	for (unsigned i = 0; i < call->n_exposures; i++)
		if (call->is_revoking[i])
			return call->peer->conn->state == VBI_CONN_FAILED;
	return true;
}

static int revoke_all(struct vb_call *call, enum vbi_revoke how)
{
	struct vb_conn *conn = call->peer->conn;
	int first_error = 0;

	for (unsigned i = 0; i < call->n_exposures; i++) {
		struct vbi_exposure *exposure = &call->exposures[i];

		exposure->owner = call;
		exposure->revoked = exposure_revoked;
		int error = conn->ops->revoke(conn->endpoint, exposure, how);

		call->is_revoking[i] = error == -EINPROGRESS;
		if (!call->is_revoking[i] && !first_error)
			first_error = error;
	}
	return first_error;
}

int vbi_call_revoke(struct vb_call *call, enum vbi_revoke how)
{
	struct vb_conn *conn = call->peer->conn;
	int error;

	error = revoke_all(call, how);
	if (!all_revoked(call))
		vbi_worker_wait(conn->worker, all_revoked, call, conn->grace_ns);
	for (unsigned i = 0; i < call->n_exposures; i++)
		if (call->is_revoking[i])
			conn->ops->revoke(conn->endpoint, &call->exposures[i], VBI_REVOKE_ABANDON);
	conn->n_exposures -= call->n_exposures;
	call->n_exposures = 0;
	return error;
}

/* ---- The synchronous stub ---- */

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
	if (vbi_slot_abandon(&conn->slot_list, &slot->use, call->slot))
		vbi_conn_fail(
			conn, ETIMEDOUT, call->method->name,
			"%s owes answers to %u calls whose callers have given up, half of what "
			"may be outstanding: it does not keep up, or hangs",
			conn->address, conn->slot_list.n_abandoned);
}

static void ask_to_cancel(struct vb_call *call)
{
	struct vb_conn *conn = call->peer->conn;

	vbi_control_want_cancel(&conn->control, &conn->slots[call->slot].use);
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

	conn->stats->deadlines++;
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
		conn->stats->abandoned++;
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

	conn->stats->calls_failed++;
	vbi_conn_settle(conn);
	errno = call->errnum;
	return NULL;
}

static void release_held(struct vb_conn *conn)
{
	if (conn->held)
		conn->ops->release(conn->endpoint, conn->held);
	conn->held = NULL;
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
	error = vbi_call_start(call, peer, method, length);
	/* Behind the send: nobody waits for it. */
	release_held(conn);
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
	conn->held = call->reply;
	return call->reply->data;
}

int vb_stub_send(struct vb_peer *head, const struct vb_method *method, uint32_t length)
{
	struct vbi_peer *peer = vbi_peer_of(head);
	struct vb_conn *conn = peer->conn;
	int error;

	if (__builtin_expect(!vbi_owner_is(conn->owner), 0))
		return vbi_edge(-EPERM);
	release_held(conn);
	/* Nobody waits after a one-way call: credits and the peer's death are seen here. */
	vbi_worker_poll(conn->worker);
	error = vbi_call_start(&peer->call, peer, method, length);
	if (error)
		return vb_stub_refuse(head, method, -error);
	conn->stats->oneways++;
	head->outcome = VB_UNKNOWN;
	return 0;
}
