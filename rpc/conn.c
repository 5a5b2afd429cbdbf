/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/conn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "rpc/call.h"
#include "rpc/control.h"
#include "rpc/peer.h"
#include "rpc/request.h"
#include "rpc/server.h"
#include "rpc/service.h"
#include "rpc/worker.h"

struct vb_conn *vbi_conn_new(struct vbi_worker *worker, uint16_t inflight, uint16_t window,
			     uint64_t grace_ns)
{
	struct vb_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->worker = worker;
	conn->stats = &worker->stats;
	conn->inflight = inflight;
	conn->credits.window = window;
	conn->grace_ns = grace_ns;
	conn->slot_list.free = VBI_SLOT_NONE;
	if (window)
		conn->requests = calloc(window, sizeof(struct vbi_request *));
	if (window && !conn->requests) {
		free(conn);
		return NULL;
	}
	return conn;
}

/* What the endpoint knew is gone afterwards: peers write into scratch, requests end. */
static void close_endpoint(struct vb_conn *conn)
{
	struct vbi_endpoint *endpoint = conn->endpoint;
	struct vbi_peer *peer;

	if (!endpoint)
		return;
	DL_FOREACH(conn->peers, peer) {
		vbi_peer_detach(peer);
	}
	conn->held = NULL;
	conn->is_closing = true;
	vbi_request_conn_died(conn);
	conn->ops->close(endpoint);
	conn->is_closing = false;
	conn->endpoint = NULL;
}

void vbi_conn_free(struct vb_conn *conn)
{
	vbi_conn_hello_done(conn);
	if (conn->state != VBI_CONN_FAILED) {
		conn->state = VBI_CONN_FAILED;
		vbi_call_conn_died(conn);
	}
	close_endpoint(conn);
	while (conn->peers) {
		/* Its owner closes first and frees it after: it must find no trace of us. */
		struct vbi_peer *peer = conn->peers;

		DL_DELETE(conn->peers, peer);
		peer->conn = NULL;
	}
	vbi_service_unbind_all(conn);
	if (conn->worker->server)
		vbi_server_forget(conn->worker->server, conn);
	free(conn->bindings);
	free(conn->requests);
	free(conn->slots);
	free(conn->bound);
	free(conn->offers);
	free(conn->scratch);
	free(conn);
}

static void doom(struct vb_conn *conn)
{
	if (conn->is_doomed)
		return;
	conn->is_doomed = true;
	conn->next_doomed = conn->worker->doomed;
	conn->worker->doomed = conn;
}

void vbi_conn_reap(struct vbi_worker *worker)
{
	struct vb_conn *conn;

	do {
		while ((conn = worker->doomed)) {
			worker->doomed = conn->next_doomed;
			vbi_conn_free(conn);
		}
		/* What they held of the pool is back. */
		if (worker->waiting.first)
			vbi_bulk_retry_waiting(worker);
		/* One that could go on now may break the rules, and is doomed as well. */
	} while (worker->doomed);
}

/* The common end of every way to fail; the error is set. */
static void become_failed(struct vb_conn *conn)
{
	if (conn->state == VBI_CONN_FAILED)
		return;
	conn->state = VBI_CONN_FAILED;
	if (conn->error.errnum == EPROTO)
		conn->stats->protocol_errors++;
	vbi_conn_hello_done(conn);
	vbi_call_conn_died(conn);
	if (conn->worker->server)
		doom(conn);
}

void vbi_conn_fail(struct vb_conn *conn, int errnum, const char *where, const char *format, ...)
{
	char sentence[sizeof(conn->error.sentence)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	vbi_error_first(&conn->error, errnum, where, "%s", sentence);
	become_failed(conn);
}

void vbi_conn_settle(struct vb_conn *conn)
{
	if (conn->state == VBI_CONN_FAILED && conn->n_exposures == 0 &&
	    !conn->worker->inside_poll && !conn->worker->server)
		close_endpoint(conn);
}

int vbi_conn_refused(struct vb_conn *conn, int error)
{
	struct vbi_worker *worker = conn->worker;

	if (error != -ECONNRESET)
		return error;
	/* A server's connections are freed by what polls, and its failure is told there anyway. */
	if (conn->state != VBI_CONN_FAILED && !worker->inside_poll && !worker->server)
		vbi_worker_poll(worker);
	return conn->state == VBI_CONN_FAILED ? -vbi_conn_errno(conn) : error;
}

/* ---- New connections must say hello ---- */

void vbi_conn_await_hello(struct vb_conn *conn)
{
	struct vbi_worker *worker = conn->worker;

	conn->hello_end = vbi_deadline_after(worker->clock(), VBI_HELLO_NS);
	DL_APPEND2(worker->hellos, conn, prev_hello, next_hello);
}

void vbi_conn_hello_done(struct vb_conn *conn)
{
	if (!conn->hello_end)
		return;
	conn->hello_end = 0;
	DL_DELETE2(conn->worker->hellos, conn, prev_hello, next_hello);
}

uint64_t vbi_conn_next_hello_end(const struct vbi_worker *worker)
{
	return worker->hellos ? worker->hellos->hello_end : UINT64_MAX;
}

void vbi_conn_expire_hellos(struct vbi_worker *worker)
{
	while (worker->hellos && worker->hellos->hello_end <= worker->now)
		vbi_conn_fail(worker->hellos, ETIMEDOUT, "hello",
			      "the client connected and said no hello within %llu s",
			      VBI_HELLO_NS / VBI_NS_PER_S);
	if (!worker->inside_poll)
		vbi_conn_reap(worker);
}

/* ---- Events of the transport ---- */

static int accepted(void *listener_owner, struct vbi_endpoint *endpoint)
{
	return vbi_server_accepted(listener_owner, endpoint);
}

static void refused(void *listener_owner, const struct vbi_cause *cause)
{
	vbi_server_refused(listener_owner, cause);
}

static void connected(void *owner)
{
	struct vb_conn *conn = owner;

	if (!vbi_conn_takes_control(conn->endpoint)) {
		vbi_conn_fail(conn, EPROTO, "connect",
			      "%s takes messages of at most %u bytes, and a hello may have %u: it "
			      "is no server of this protocol",
			      conn->address, conn->endpoint->limits.send_max, VBI_CONTROL_MAX);
		return;
	}
	conn->state = VBI_CONN_HELLO;
	vbi_hello_send(conn, 0, NULL);
}

/* What is wrong with a header, for a sentence. */
static const char *header_fault(const struct vbi_header *header)
{
	if (header->extension)
		return "it has an extension that no hello agreed on";
	if (header->flags & ~VBI_FLAGS_KNOWN)
		return "it has unknown flags";
	return "its credits go back, or beyond what can be granted";
}

static void refuse_message(struct vb_conn *conn, struct vbi_message *message, const char *fault)
{
	vbi_conn_fail(conn, EPROTO, "receive", "%s sent a message that breaks the protocol: %s",
		      conn->address, fault);
	conn->ops->release(conn->endpoint, message);
}

/* What is no request, reply or failure on an open connection. */
static void received_control(struct vb_conn *conn, struct vbi_message *message)
{
	const struct vbi_header *header = (const struct vbi_header *)message->data;

	switch (header->kind) {
	case VBI_KIND_CANCEL:
	case VBI_KIND_CREDIT:
	case VBI_KIND_CONTROL:
		vbi_control_received(conn, message);
		break;
	default:
		refuse_message(conn, message, "its kind is unknown");
	}
}

static void received_early_or_late(struct vb_conn *conn, struct vbi_message *message)
{
	if (conn->state == VBI_CONN_HELLO)
		vbi_hello_received(conn, message);
	else
		conn->ops->release(conn->endpoint, message);
}

static inline void received_kind(struct vb_conn *conn, struct vbi_message *message, uint8_t kind)
{
	if (kind == VBI_KIND_REQUEST)
		vbi_request_received(conn, message);
	else if (kind == VBI_KIND_REPLY || kind == VBI_KIND_FAILURE)
		vbi_call_answered(conn, message);
	else
		received_control(conn, message);
}

/*
 * With an acknowledgement. The next control message leaves when this one is released: then its
 * acknowledgement finds the receive that was set aside for it.
 */
static __attribute__((noinline)) void received_ack(struct vb_conn *conn,
						   struct vbi_message *message)
{
	const struct vbi_header *header = (const struct vbi_header *)message->data;

	vbi_control_take_ack(conn);
	received_kind(conn, message, header->kind);
	vbi_control_kick(conn);
}

static void received(void *owner, struct vbi_message *message)
{
	const uint64_t unknown = (uint64_t)(uint8_t)~VBI_FLAGS_KNOWN << VBI_FLAGS_SHIFT;
	struct vb_conn *conn = owner;
	const struct vbi_words *words = (const struct vbi_words *)message->data;
	uint64_t route = words->route;

	if (__builtin_expect(conn->state != VBI_CONN_OPEN, 0)) {
		received_early_or_late(conn, message);
		return;
	}
	conn->stats->messages_received++;
	if (__builtin_expect((route & unknown) || words->tail >> VBI_EXT_SHIFT ||
				     !vbi_credits_heard(&conn->credits,
							(uint16_t)(route >> VBI_CREDITS_SHIFT)),
			     0)) {
		refuse_message(conn, message, header_fault((const void *)words));
		return;
	}
	if (__builtin_expect(route & (uint64_t)VBI_FLAG_CONTROL_ACK << VBI_FLAGS_SHIFT, 0))
		received_ack(conn, message);
	else
		received_kind(conn, message, (uint8_t)(route >> VBI_KIND_SHIFT));
}

static void failed(void *owner, const struct vbi_cause *cause)
{
	struct vb_conn *conn = owner;
	const struct vb_method *method = vbi_call_under_way(conn);
	const char *where = conn->state == VBI_CONN_CONNECTING ? "connect" : "connection";

	if (method)
		where = method->name;
	/* The program knows its server by the address; the transport may not say it. */
	if (!conn->worker->server && !strstr(cause->sentence, conn->address))
		vbi_error_first(&conn->error, cause->errnum, where, "%s: %s", conn->address,
				cause->sentence);
	else
		vbi_error_first(&conn->error, cause->errnum, where, "%s", cause->sentence);
	become_failed(conn);
}

const struct vbi_events vbi_conn_events = {
	.accepted = accepted,
	.refused = refused,
	.connected = connected,
	.received = received,
	.failed = failed,
};
