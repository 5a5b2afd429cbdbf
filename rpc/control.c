/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/conn.h"
#include "rpc/packed.h"
#include "rpc/request.h"
#include "rpc/server.h"
#include "rpc/service.h"
#include "rpc/worker.h"

static void send_bare(struct vb_conn *conn, struct vbi_message *message, uint8_t kind,
		      uint8_t flags, uint16_t slot, uint16_t generation)
{
	vbi_conn_header(conn, message->data, VB_HEADER_SIZE, kind, flags, slot, generation);
	conn->stats->messages_sent++;
	conn->ops->send(conn->endpoint, message, VB_HEADER_SIZE, false);
}

static void acknowledge(struct vb_conn *conn)
{
	struct vbi_message *message = conn->ops->message_get(conn->endpoint);

	if (!message) {
		vbi_conn_fail(conn, ENOBUFS, "control", "no message buffer is left for control");
		return;
	}
	send_bare(conn, message, VBI_KIND_CREDIT, VBI_FLAG_CONTROL_ACK, 0, 0);
}

/* Binds that the peer has not been told of go together, as many as a message takes. */
static void send_binds(struct vb_conn *conn, struct vbi_message *message)
{
	uint32_t length = vbi_packed_binds(conn, message->data, VBI_CONTROL_MAX);

	vbi_conn_header(conn, message->data, length, VBI_KIND_CONTROL, 0, 0, 0);
	conn->stats->messages_sent++;
	conn->ops->send(conn->endpoint, message, length, false);
}

static void send_cancel(struct vb_conn *conn, struct vbi_message *message)
{
	for (uint16_t i = 0; i < conn->slot_list.n; i++) {
		struct vbi_slot *slot = &conn->slots[i];

		if (!slot->use.cancel_wanted)
			continue;
		vbi_control_drop_cancel(&conn->control, &slot->use);
		send_bare(conn, message, VBI_KIND_CANCEL, 0, i, slot->use.generation);
		return;
	}
}

void vbi_control_kick(struct vb_conn *conn)
{
	enum vbi_control_due due = vbi_control_due(&conn->control);
	struct vbi_message *message;

	if (due == VBI_CONTROL_NOTHING || conn->state != VBI_CONN_OPEN)
		return;
	message = conn->ops->message_get(conn->endpoint);
	if (!message) {
		vbi_conn_fail(conn, ENOBUFS, "control", "no message buffer is left for control");
		return;
	}
	vbi_control_sent(&conn->control, due);
	if (due == VBI_CONTROL_CANCEL)
		send_cancel(conn, message);
	else if (due == VBI_CONTROL_BINDS)
		send_binds(conn, message);
	else
		send_bare(conn, message, VBI_KIND_CREDIT, 0, 0, 0);
}

void vbi_control_take_ack(struct vb_conn *conn)
{
	if (!vbi_control_acknowledged(&conn->control))
		vbi_conn_fail(conn, EPROTO, "control",
			      "%s acknowledged a control message that was not sent", conn->address);
}

static int take_binds(struct vb_conn *conn, const struct vbi_message *message)
{
	struct vbi_packed_binds binds;
	int error = vbi_packed_binds_parse(message->data, message->length, &binds);

	if (error)
		return error;
	for (uint32_t i = 0; i < binds.n && !error; i++)
		error = vbi_service_bind(conn, binds.binds[i].index, binds.binds[i].id,
					 binds.binds[i].major, binds.binds[i].minor);
	return error;
}

void vbi_control_received(struct vb_conn *conn, struct vbi_message *message)
{
	const struct vbi_header *header = (const struct vbi_header *)message->data;
	bool is_bare = message->length == VB_HEADER_SIZE;
	bool is_ack = header->flags & VBI_FLAG_CONTROL_ACK;
	int error = 0;

	switch (header->kind) {
	case VBI_KIND_CANCEL:
		error = is_bare ? 0 : -EPROTO;
		if (!error)
			vbi_request_cancel(conn, header->slot, header->generation);
		break;
	case VBI_KIND_CREDIT:
		error = is_bare ? 0 : -EPROTO;
		break;
	default:
		error = take_binds(conn, message);
	}
	/* First: the acknowledgement says that its receive can take the next. */
	conn->ops->release(conn->endpoint, message);
	if (conn->state == VBI_CONN_OPEN && error)
		vbi_conn_fail(conn, -error, "control", "%s sent a malformed control message",
			      conn->address);
	else if (conn->state == VBI_CONN_OPEN && !is_ack)
		acknowledge(conn);
}

/* ---- Hello ---- */

int vbi_hello_check_size(const struct vb_conn *conn)
{
	uint8_t data[VBI_CONTROL_MAX] __attribute__((aligned(8)));

	return vbi_packed_hello(conn, data, sizeof(data), 0, NULL) ? 0 : -ENOSPC;
}

void vbi_hello_send(struct vb_conn *conn, int errnum, const char *refusal)
{
	struct vbi_message *message = conn->ops->message_get(conn->endpoint);
	uint32_t length = 0;

	if (message)
		length = vbi_packed_hello(conn, message->data, VBI_CONTROL_MAX, errnum, refusal);
	if (!length) {
		vbi_conn_fail(conn, ENOBUFS, "hello", "the hello does not fit a message");
		return;
	}
	if (!errnum)
		vbi_credits_open(&conn->credits);
	vbi_conn_header(conn, message->data, length, VBI_KIND_CONTROL, 0, 0, 0);
	conn->stats->messages_sent++;
	conn->ops->send(conn->endpoint, message, length, false);
}

static int make_slots(struct vb_conn *conn, uint32_t credits)
{
	uint16_t n = (uint16_t)(credits < conn->inflight ? credits : conn->inflight);

	conn->credits.granted = (uint16_t)credits;
	if (n == 0)
		return 0;
	conn->slots = calloc(n, sizeof(*conn->slots));
	if (!conn->slots)
		return -ENOMEM;
	conn->slot_list.n = n;
	for (uint16_t i = 0; i < n; i++)
		conn->slots[i].use.next_free = i + 1 < n ? (uint16_t)(i + 1) : VBI_SLOT_NONE;
	conn->slot_list.free = 0;
	return 0;
}

/* 0, or what to fail with; the sentence is set on failure. */
static int take_hello(struct vb_conn *conn, const struct vbi_message *message)
{
	const struct vbi_header *header = (const struct vbi_header *)message->data;
	struct vbi_packed_hello hello;
	int error = -EPROTO;

	if (header->kind == VBI_KIND_CONTROL && !header->flags && !header->extension)
		error = vbi_packed_hello_parse(message->data, message->length, conn, &hello);
	if (error) {
		vbi_error_first(&conn->error, -error, "hello",
				"%s does not speak this protocol: its first message is no hello",
				conn->address);
		return error;
	}
	if (hello.errnum) {
		vbi_error_first(&conn->error, (int)hello.errnum, "hello", "%s refused: %s",
				conn->address, hello.refusal);
		return -(int)hello.errnum;
	}
	if (hello.protocol != VBI_PROTOCOL_VERSION || hello.extra_round) {
		vbi_error_first(&conn->error, EPROTONOSUPPORT, "hello",
				"%s speaks protocol version %u and this library version %u: update "
				"the older side",
				conn->address, hello.protocol, VBI_PROTOCOL_VERSION);
		return -EPROTONOSUPPORT;
	}
	if (hello.credits > VBI_INFLIGHT_MAX) {
		vbi_error_first(&conn->error, EPROTO, "hello",
				"%s grants %u credits; the most is %u", conn->address,
				hello.credits, VBI_INFLIGHT_MAX);
		return -EPROTO;
	}
	error = make_slots(conn, hello.credits);
	if (error)
		vbi_error_first(&conn->error, -error, "hello", "no memory for %u calls",
				hello.credits);
	return error;
}

/* Answers a client's hello, of which take_hello() has said ERROR. 0, or what to fail with. */
static int answer_hello(struct vb_conn *conn, int error)
{
	if (!error)
		error = vbi_server_admit(conn);
	if (error)
		conn->stats->connections_refused++;
	else
		conn->stats->connections_accepted++;
	vbi_hello_send(conn, -error, conn->error.sentence);
	return error;
}

void vbi_hello_received(struct vb_conn *conn, struct vbi_message *message)
{
	int error = take_hello(conn, message);

	conn->ops->release(conn->endpoint, message);
	conn->stats->messages_received++;
	vbi_conn_hello_done(conn);
	if (conn->worker->server)
		error = answer_hello(conn, error);
	if (error)
		vbi_conn_fail(conn, -error, "hello", "%s", conn->error.sentence);
	else if (conn->state == VBI_CONN_HELLO)
		conn->state = VBI_CONN_OPEN;
}
