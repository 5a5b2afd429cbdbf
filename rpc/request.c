/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/arena.h"
#include "rpc/conn.h"
#include "rpc/control.h"
#include "rpc/service.h"
#include "rpc/worker.h"

/* ---- Stock ---- */

static struct vbi_request *take_free(struct vbi_worker *worker)
{
	struct vbi_request *request = worker->free_requests.first;

	if (__builtin_expect(request != NULL, 1)) {
		worker->free_requests.first = request->next;
		return request;
	}
	request = calloc(1, sizeof(*request));
	if (request) {
		worker->stats.allocations++;
		request->head.buffers = request->buffers;
	}
	return request;
}

void vbi_request_free_all(struct vbi_worker *worker)
{
	struct vbi_request *request;

	while ((request = worker->free_requests.first)) {
		worker->free_requests.first = request->next;
		free(request);
	}
}

static inline void give_free(struct vbi_worker *worker, struct vbi_request *request)
{
	request->next = worker->free_requests.first;
	worker->free_requests.first = request;
}

/* ---- End ---- */

/* Gives back all but its bulk memory: its slot and its message can be another's. */
static inline void part(struct vbi_request *request)
{
	struct vb_conn *conn = request->conn;

	if (request->arena)
		vbi_arena_release(request);
	if (!conn->is_closing) {
		if (__builtin_expect(request->reply != NULL, 0))
			conn->ops->message_put(conn->endpoint, request->reply);
		if (!conn->spare)
			conn->spare = conn->ops->message_get(conn->endpoint);
		conn->ops->release(conn->endpoint, request->message);
	}
	if (request->slot != VBI_SLOT_NONE)
		conn->requests[request->slot] = NULL;
}

static inline void end(struct vbi_request *request)
{
	part(request);
	request->state = VBI_REQUEST_FREE;
	give_free(request->conn->worker, request);
}

/* Those that wait for the memory come last: they may be answered at once, and one message that is
 * answered but not released is all that receives are there for. */
static __attribute__((noinline)) void end_with_buffers(struct vbi_request *request)
{
	struct vbi_worker *worker = request->conn->worker;
	bool others_can_go_on = vbi_bulk_release(request);

	if (request->state == VBI_REQUEST_ANSWERED) {
		request->state = VBI_REQUEST_FREE;
		give_free(worker, request);
	} else {
		end(request);
	}
	if (others_can_go_on)
		vbi_bulk_retry_waiting(worker);
}

void vbi_request_end(struct vbi_request *request)
{
	if (request->n_buffers)
		end_with_buffers(request);
	else
		end(request);
}

/* Sends the answer in request->reply, all but its header written. */
static inline void send_answer(struct vbi_request *request, uint32_t length, uint8_t kind,
			       uint8_t flags, uint16_t status)
{
	struct vb_conn *conn = request->conn;
	struct vbi_message *reply = request->reply;
	const struct vbi_words *asked = (const struct vbi_words *)request->message->data;
	struct vbi_words *words = (struct vbi_words *)reply->data;

	if (__builtin_expect(request->n_buffers != 0, 0))
		vbi_bulk_unmap(request);
	vbi_credits_over(&conn->credits);
	words->call = length | (asked->call & ~(uint64_t)UINT32_MAX);
	words->route = vbi_route_word((uint32_t)asked->route, kind, flags,
				      vbi_credits_tell(&conn->credits));
	words->tail = (uint64_t)status << VBI_STATUS_SHIFT;
	request->reply = NULL;
	conn->stats->messages_sent++;
	conn->ops->send(conn->endpoint, reply, length, false);
}

/* A one-way request is over: its credit goes back with the next message, or by itself at half the
 * window. */
static void end_oneway(struct vbi_request *request)
{
	struct vb_conn *conn = request->conn;

	vbi_request_end(request);
	if (vbi_credits_oneway_over(&conn->credits)) {
		conn->control.credit_wanted = true;
		vbi_control_kick(conn);
	}
}

static bool can_answer(const struct vbi_request *request)
{
	return request->conn->state == VBI_CONN_OPEN;
}

void vbi_request_fail(struct vbi_request *request, int errnum, bool ran)
{
	struct vb_conn *conn = request->conn;

	conn->stats->calls_failed++;
	if (request->slot == VBI_SLOT_NONE && can_answer(request)) {
		end_oneway(request);
		return;
	}
	if (can_answer(request))
		send_answer(request, VB_HEADER_SIZE, VBI_KIND_FAILURE, ran ? VBI_FLAG_RAN : 0,
			    (uint16_t)errnum);
	vbi_request_end(request);
}

void vbi_request_refuse(struct vbi_request *request, const char *sentence)
{
	struct vb_conn *conn = request->conn;

	vbi_conn_fail(conn, EPROTO, request->method->method->name,
		      "%s sent a request for %s that is not one of that method: %s", conn->address,
		      request->method->method->name, sentence);
	vbi_request_end(request);
}

/* ---- Arrival ---- */

static void refuse_message(struct vb_conn *conn, struct vbi_message *message, const char *fault)
{
	vbi_conn_fail(conn, EPROTO, "receive", "%s broke the protocol: %s", conn->address, fault);
	conn->ops->release(conn->endpoint, message);
}

/* What breaks the rules in a request's header; NULL: nothing. */
static const char *request_fault(const struct vb_conn *conn, const struct vbi_header *header)
{
	if (vbi_credits_overstepped(&conn->credits))
		return "it sent a request without a credit";
	if (header->interface == 0 || header->interface > conn->n_bindings)
		return "it called an interface that it has not bound";
	if (header->slot == VBI_SLOT_NONE)
		return NULL;
	if (header->slot >= conn->credits.window)
		return "its call's slot does not exist";
	if (conn->requests[header->slot])
		return "its call's slot is in use";
	if (!header->time)
		return "it waits for an answer and leaves no time for it";
	return NULL;
}

/* Why there is no handler: the errno that bound() refused with, or ENOSYS. */
static int refusal(struct vb_conn *conn, const struct vbi_binding *binding)
{
	if (binding->refused)
		return binding->refused;
	conn->stats->unknown_methods++;
	return ENOSYS;
}

static inline const struct vb_service_method *find_method(const struct vbi_binding *binding,
							  uint16_t number)
{
	const struct vbi_service *service = binding->service;
	const struct vb_service_method *method = number < service->n_methods
							 ? service->methods[number]
							 : NULL;

	if (!method || method->method->since > binding->minor || binding->refused)
		return NULL;
	return method;
}

/* The message for the next answer. NULL: the transport has none, and the connection fails. */
static struct vbi_message *take_spare(struct vb_conn *conn)
{
	struct vbi_message *reply = conn->spare;

	conn->spare = NULL;
	return reply ? reply : conn->ops->message_get(conn->endpoint);
}

static inline struct vbi_request *new_request(struct vb_conn *conn, struct vbi_message *message)
{
	const struct vbi_header *header = (const struct vbi_header *)message->data;
	struct vbi_binding *binding = conn->bindings[header->interface - 1];
	struct vbi_request *request = take_free(conn->worker);
	struct vbi_message *reply = request ? take_spare(conn) : NULL;

	if (__builtin_expect(!reply, 0)) {
		if (request)
			give_free(conn->worker, request);
		return NULL;
	}
	request->conn = conn;
	request->binding = binding;
	request->message = message;
	request->reply = reply;
	request->slot = header->slot;
	request->generation = header->generation;
	request->state = VBI_REQUEST_NEW;
	request->canceled = false;
	request->ran = false;
	request->n_buffers = 0;
	request->time = header->time;
	request->arrival = conn->worker->now;
	request->head.message = message->data;
	request->head.reply = reply->data;
	request->head.ops = binding->service->ops;
	request->head.length = message->length;
	request->head.reply_max = conn->endpoint->limits.send_max;
	request->head.minor = binding->minor;
	if (__builtin_expect(header->slot != VBI_SLOT_NONE, 1))
		conn->requests[header->slot] = request;
	return request;
}

void vbi_request_received(struct vb_conn *conn, struct vbi_message *message)
{
	const struct vbi_header *header = (const struct vbi_header *)message->data;
	const char *fault = request_fault(conn, header);
	const struct vb_service_method *method;
	struct vbi_request *request;

	if (__builtin_expect(fault != NULL, 0)) {
		refuse_message(conn, message, fault);
		return;
	}
	vbi_credits_received(&conn->credits);
	request = new_request(conn, message);
	if (__builtin_expect(!request, 0)) {
		vbi_conn_fail(conn, ENOMEM, "receive", "no memory to take a request");
		conn->ops->release(conn->endpoint, message);
		return;
	}
	method = find_method(request->binding, header->method);
	if (__builtin_expect(!method, 0)) {
		vbi_request_fail(request, refusal(conn, request->binding), false);
		return;
	}
	request->method = method;
	if (__builtin_expect((header->slot == VBI_SLOT_NONE) !=
				     !!(method->method->flags & VB_METHOD_ONEWAY),
			     0)) {
		vbi_request_refuse(request, "one side takes it for a one-way call");
		return;
	}
	conn->stats->calls++;
	conn->ops->prepare(conn->endpoint);
	method->serve(&request->head);
}

void vbi_request_cancel(struct vb_conn *conn, uint16_t slot, uint16_t generation)
{
	struct vbi_request *request = slot < conn->credits.window ? conn->requests[slot] : NULL;

	/* The answer may have crossed the cancel. */
	if (!request || request->generation != generation)
		return;
	request->canceled = true;
	if (request->state == VBI_REQUEST_WAITING)
		vbi_bulk_cancel_waiting(request);
}

void vbi_request_conn_died(struct vb_conn *conn)
{
	struct vbi_request **link = &conn->worker->waiting.first;
	struct vbi_request *last = NULL;

	/* Only those that wait for memory: others end with their transfers, inside ops->close(). */
	while (*link) {
		struct vbi_request *request = *link;

		if (request->conn != conn) {
			last = request;
			link = &request->next;
			continue;
		}
		*link = request->next;
		vbi_request_end(request);
	}
	conn->worker->waiting.last = last;
}

/* ---- What server stubs call to end a request ---- */

void vb_stub_bad_request(struct vb_request *req)
{
	vbi_request_refuse(vbi_request_of(req), "its arguments do not decode");
}

void vb_stub_fail(struct vb_request *req, int64_t result)
{
	struct vbi_request *request = vbi_request_of(req);
	struct vb_stats *stats = request->conn->stats;
	int errnum = errno;

	if (result < -1) {
		stats->handler_out_of_range++;
		errnum = EREMOTEIO;
	} else if (errnum <= 0 || errnum > UINT16_MAX) {
		stats->handler_errno_zero++;
		errnum = EIO;
	}
	vbi_request_fail(request, errnum, true);
}

void vb_stub_fail_length(struct vb_request *req)
{
	struct vbi_request *request = vbi_request_of(req);

	request->conn->stats->handler_out_of_range++;
	vbi_request_fail(request, EREMOTEIO, true);
}

void vb_stub_oneway_done(struct vb_request *req)
{
	end_oneway(vbi_request_of(req));
}

/* Every out buffer lies in the message: those that were not asked for inline do so too. */
static uint8_t reply_flags(const struct vbi_request *request)
{
	uint8_t flags = 0;

	for (unsigned i = 0; i < request->n_buffers; i++) {
		const struct vb_buffer *buffer = &request->buffers[i];

		if (!(buffer->direction & VB_OUT))
			continue;
		if (buffer->flags & VB_BUFFER_EXPOSED && buffer->length)
			return 0;
		flags = VBI_FLAG_INLINE;
	}
	return flags;
}

void vbi_request_send_reply(struct vbi_request *request)
{
	if (can_answer(request) && request->n_buffers)
		vbi_bulk_end(request);
	if (can_answer(request))
		send_answer(request, request->reply_length, VBI_KIND_REPLY, reply_flags(request),
			    0);
	if (request->state == VBI_REQUEST_PUSHING && vbi_bulk_is_underway(request)) {
		part(request);
		request->state = VBI_REQUEST_ANSWERED;
	} else {
		vbi_request_end(request);
	}
}

void vb_stub_reply_send(struct vb_request *req, uint32_t length)
{
	struct vbi_request *request = vbi_request_of(req);
	int error;

	request->reply_length = length;
	if (__builtin_expect(request->n_buffers != 0, 0)) {
		error = vbi_bulk_push(request);
		if (error == -EINPROGRESS)
			return;
		if (error) {
			vbi_request_fail(request, -error, true);
			return;
		}
	}
	vbi_request_send_reply(request);
}

/* ---- What handlers ask ---- */

uint64_t vb_request_remaining_ns(const struct vb_request *req)
{
	const struct vbi_request *request = vbi_request_of_const(req);
	uint64_t deadline;
	uint64_t now;

	if (request->time == 0 || request->time == VBI_TIME_UNLIMITED)
		return VB_NO_DEADLINE;
	deadline = vbi_deadline_after(request->arrival, request->time * VBI_NS_PER_US);
	now = request->conn->worker->clock();
	return deadline > now ? deadline - now : 0;
}

bool vb_request_canceled(const struct vb_request *req)
{
	const struct vbi_request *request = vbi_request_of_const(req);

	return request->canceled || vb_request_remaining_ns(req) == 0;
}

void *vb_request_data(const struct vb_request *req)
{
	return vbi_request_of_const(req)->binding->service->data;
}

struct vb_session *vb_request_session(const struct vb_request *req)
{
	return (struct vb_session *)vbi_request_of_const(req)->binding;
}
