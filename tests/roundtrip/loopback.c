// SPDX-License-Identifier: Apache-2.0
#include "loopback.h"

#include <assert.h>
#include <stdlib.h>

#ifdef NDEBUG
#error "the checks of this file are assertions"
#endif

#define VALUES_MAX  4096 /* allocations of one request */
#define CANARY	    0x5a
#define CANARY_SIZE 64u

/* A request may name more bulk than there is memory, and is then refused as a server refuses it.
 * What answers are made of here has some mebibytes. */
#define HOSTILE_BULK_MAX (1u << 20)

/* A request while it is served: the head that stubs know, and the rest. */
struct serving {
	struct vb_request head;
	struct vb_conn *conn;
	struct vb_buffer buffers[VB_BUFFERS_MAX];
	unsigned n_buffers;
	bool is_again; /* the second time, when the data has come */
	bool wants_again;
	bool is_over;
	bool has_answer;
	int errnum;
	enum vb_outcome outcome;
	void *memory[VALUES_MAX];
	unsigned n_memory;
};

struct client {
	struct vb_peer head;
	struct vb_conn *conn;
	const struct vb_interface *interface;
	_Alignas(8) uint8_t message[LOOPBACK_MESSAGE_MAX + CANARY_SIZE];
};

static _Alignas(8) uint8_t last_request[LOOPBACK_MESSAGE_MAX];
static uint32_t last_length;
static _Alignas(8) uint8_t reply[LOOPBACK_MESSAGE_MAX + CANARY_SIZE];

void loopback_init(struct vb_conn *conn)
{
	*conn = (struct vb_conn){
		.message_max = LOOPBACK_MESSAGE_MAX,
		.reply_max = LOOPBACK_MESSAGE_MAX,
		.record_covers = UINT64_MAX,
	};
}

const uint8_t *loopback_last_request(uint32_t *ret_length)
{
	*ret_length = last_length;
	return last_request;
}

const uint8_t *loopback_last_reply(uint32_t *ret_length)
{
	*ret_length = vb_message_length(reply);
	return reply;
}

/* ---- memory ---- */

static void canary_set(uint8_t *end)
{
	memset(end, CANARY, CANARY_SIZE);
}

static void canary_check(const uint8_t *end)
{
	for (unsigned i = 0; i < CANARY_SIZE; i++)
		if (end[i] != CANARY)
			abort();
}

static void *serving_alloc(struct serving *s, size_t size)
{
	if (s->n_memory == VALUES_MAX)
		abort();
	void *const memory = malloc(size ? size : 1);
	if (!memory)
		abort();
	s->memory[s->n_memory++] = memory;
	return memory;
}

static void serving_release(struct serving *s)
{
	while (s->n_memory)
		free(s->memory[--s->n_memory]);
}

void *vb_stub_request_alloc(struct vb_request *req, size_t size)
{
	/* Recycled memory is never clean. */
	void *const memory = serving_alloc((struct serving *)req, size);

	memset(memory, 0xa5, size);
	return memory;
}

static void serving_end(struct vb_request *req, int errnum, enum vb_outcome outcome)
{
	struct serving *const s = (struct serving *)req;

	assert(!s->is_over);
	s->is_over = true;
	s->errnum = errnum;
	s->outcome = outcome;
}

/* ---- bulk ---- */

/* Moves LENGTH bytes between MEMORY and what the buffer's records name. */
static void bulk_move(const struct vb_buffer *buffer, uint8_t *memory, uint64_t length,
		      bool is_push)
{
	const uint8_t *record = buffer->records;

	for (uint32_t i = 0; i < buffer->n_records && length; i++, record += VB_RECORD_SIZE) {
		uint8_t *const there = (uint8_t *)(uintptr_t)vb_get_uint64(record);
		uint64_t n = vb_get_uint64(record + 8);

		n = n < length ? n : length;
		if (is_push)
			memcpy(there, memory, n);
		else
			memcpy(memory, there, n);
		memory += n;
		length -= n;
	}
}

/* Whether the request wants more bulk memory than a hostile one gets. */
static bool wants_too_much(const struct vb_request *req, unsigned n)
{
	uint64_t left = HOSTILE_BULK_MAX;

	for (unsigned i = 0; i < n; i++) {
		if (!(req->buffers[i].flags & VB_BUFFER_EXPOSED))
			continue;
		if (req->buffers[i].room > left)
			return true;
		left -= req->buffers[i].room;
	}
	return false;
}

bool vb_stub_request_buffers(struct vb_request *req, unsigned n, uint32_t heap)
{
	struct serving *const s = (struct serving *)req;
	uint64_t at = heap;

	if (s->conn->is_hostile && wants_too_much(req, n)) {
		serving_end(req, EMSGSIZE, VB_NOT_EXECUTED);
		return false;
	}

	if (s->conn->is_deferring && !s->is_again) {
		s->wants_again = true;
		return false;
	}
	s->n_buffers = n;
	for (unsigned i = 0; i < n; i++) {
		struct vb_buffer *const b = &req->buffers[i];

		if (b->flags & VB_BUFFER_EXPOSED) {
			b->address = vb_stub_request_alloc(req, b->room);
			if (s->conn->is_hostile)
				memset(b->address, 0, b->room);
			else if (b->direction & VB_IN)
				bulk_move(b, b->address, b->room, false);
		} else if (b->direction & VB_OUT) {
			if (at + b->room > req->reply_max) {
				vb_stub_bad_request(req);
				return false;
			}
			b->address = b->room ? req->reply + at : NULL;
			at += vb_round_up(b->room);
		}
		if ((b->flags & VB_BUFFER_ZERO) && b->address)
			memset(b->address, 0, b->room);
	}
	return true;
}

void vb_stub_reply_buffers(struct vb_request *req, unsigned n, uint32_t fixed)
{
	struct serving *const s = (struct serving *)req;
	uint64_t size = fixed;

	for (unsigned i = 0; i < n; i++)
		if (req->buffers[i].direction & VB_OUT)
			size += vb_round_up(req->buffers[i].length);
	if (!s->conn->is_inlining || size > req->reply_max)
		return;
	for (unsigned i = 0; i < n; i++)
		if (req->buffers[i].direction & VB_OUT)
			req->buffers[i].flags &= (uint8_t)~VB_BUFFER_EXPOSED;
	req->reply[VB_AT_FLAGS] |= VB_FLAG_INLINE;
}

/* ---- the ends of a request ---- */

void vb_stub_reply_send(struct vb_request *req, uint32_t length)
{
	struct serving *const s = (struct serving *)req;

	assert(length >= VB_HEADER_SIZE && length <= req->reply_max && length % 8 == 0);
	for (unsigned i = 0; i < s->n_buffers; i++) {
		const struct vb_buffer *const b = &req->buffers[i];

		if (!s->conn->is_hostile && (b->flags & VB_BUFFER_EXPOSED) &&
		    (b->direction & VB_OUT))
			bulk_move(b, b->address, b->length, true);
	}
	vb_put_uint32(req->reply + VB_AT_LENGTH, length);
	s->has_answer = true;
	serving_end(req, 0, VB_EXECUTED);
}

void vb_stub_fail(struct vb_request *req, int64_t result)
{
	serving_end(req, result < -1 ? EREMOTEIO : errno ? errno : EIO, VB_EXECUTED);
}

void vb_stub_fail_length(struct vb_request *req)
{
	((struct serving *)req)->conn->n_out_of_range++;
	serving_end(req, EREMOTEIO, VB_EXECUTED);
}

void vb_stub_oneway_done(struct vb_request *req)
{
	serving_end(req, 0, VB_EXECUTED);
}

void vb_stub_bad_request(struct vb_request *req)
{
	((struct serving *)req)->conn->n_bad_requests++;
	serving_end(req, EPROTO, VB_NOT_EXECUTED);
}

/* ---- a call ---- */

static const struct vb_service_method *find_method(const struct vb_service *service,
						   uint16_t number, uint16_t minor)
{
	for (uint32_t i = 0; i < service->n_methods; i++)
		if (service->methods[i].method->number == number &&
		    service->methods[i].method->since <= minor)
			return &service->methods[i];
	return NULL;
}

static bool serve(struct serving *s, uint16_t number)
{
	const struct vb_service_method *const m = find_method(s->conn->service, number,
							      s->head.minor);

	if (!m) {
		s->errnum = ENOSYS;
		return false;
	}
	memset(reply, 0xa5, sizeof(reply));
	memset(reply, 0, VB_HEADER_SIZE);
	canary_set(reply + s->head.reply_max);
	m->serve(&s->head);
	if (s->wants_again) {
		serving_release(s);
		s->is_again = true;
		m->serve(&s->head);
	}
	assert(s->is_over);
	canary_check(reply + s->head.reply_max);
	serving_release(s);
	return s->has_answer;
}

static void serving_init(struct serving *s, struct vb_conn *conn, const uint8_t *message,
			 uint32_t length, uint16_t minor)
{
	*s = (struct serving){.conn = conn};
	s->head.message = message;
	s->head.reply = reply;
	s->head.ops = conn->ops;
	s->head.buffers = s->buffers;
	s->head.length = length;
	s->head.reply_max = conn->reply_max;
	s->head.minor = minor;
}

const uint8_t *loopback_serve(struct vb_conn *conn, uint16_t number, const uint8_t *message,
			      uint32_t length, uint16_t minor)
{
	static struct serving s;

	serving_init(&s, conn, message, length, minor);
	return serve(&s, number) ? reply : NULL;
}

static bool call(struct client *c, const struct vb_method *method, uint32_t length)
{
	static struct serving s;

	assert(length >= method->request_fixed && length <= c->head.message_max);
	assert(length <= method->request_max && length % 8 == 0);
	canary_check(c->message + c->head.message_max);
	c->conn->n_calls++;
	if (c->conn->captured) {
		memcpy(c->conn->captured, c->message, length);
		c->conn->captured_length = length;
		errno = ECANCELED;
		return false;
	}
	if (c->conn->answer) {
		memset(reply, 0, VB_HEADER_SIZE);
		memcpy(reply + VB_HEADER_SIZE, c->conn->answer + VB_HEADER_SIZE,
		       c->conn->answer_length - VB_HEADER_SIZE);
		vb_put_uint32(reply + VB_AT_LENGTH, c->conn->answer_length);
		c->head.outcome = VB_EXECUTED;
		return true;
	}
	memcpy(last_request, c->message, length);
	last_length = length;
	/* The stub may look at nothing of its request once it is sent. */
	memset(c->message + VB_HEADER_SIZE, 0xee, length - VB_HEADER_SIZE);
	serving_init(&s, c->conn, last_request, length, c->head.minor);
	const int saved = errno;
	const bool has_answer = serve(&s, method->number);
	c->conn->has_answered = has_answer;
	errno = s.errnum ? s.errnum : saved;
	c->head.outcome = s.outcome;
	return has_answer || !s.errnum;
}

const uint8_t *vb_stub_call(struct vb_peer *peer, const struct vb_method *method, uint32_t length)
{
	return call((struct client *)peer, method, length) ? reply : NULL;
}

int vb_stub_send(struct vb_peer *peer, const struct vb_method *method, uint32_t length)
{
	return call((struct client *)peer, method, length) ? 0 : -1;
}

int vb_stub_refuse(struct vb_peer *peer, const struct vb_method *method, int errnum)
{
	(void)method;
	((struct client *)peer)->conn->n_refused++;
	peer->outcome = VB_NOT_SENT;
	errno = errnum;
	return -1;
}

int vb_stub_bad_reply(struct vb_peer *peer, const struct vb_method *method)
{
	(void)method;
	((struct client *)peer)->conn->n_bad_replies++;
	peer->outcome = VB_EXECUTED;
	errno = EPROTO;
	return -1;
}

int vb_stub_expose(struct vb_peer *peer, struct vb_buffer *buffer, uint32_t *cursor)
{
	struct vb_conn *const conn = ((struct client *)peer)->conn;
	uint64_t address = (uintptr_t)buffer->address;
	uint64_t left = buffer->room;
	int n = 0;

	while (left) {
		const bool is_last = n + 1 == VB_RECORDS_MAX;
		const uint64_t size = left > conn->record_covers && !is_last ? conn->record_covers
									     : left;
		uint8_t *const record = peer->message + *cursor;

		if (peer->message_max - *cursor < VB_RECORD_SIZE)
			return -EMSGSIZE;
		vb_put_uint64(record, address);
		vb_put_uint64(record + 8, size);
		vb_put_uint64(record + 16, 0);
		*cursor += VB_RECORD_SIZE;
		address += size;
		left -= size;
		n++;
	}
	buffer->flags |= VB_BUFFER_EXPOSED;
	conn->n_exposures++;
	return n;
}

struct vb_conn *loopback_conn(struct vb_peer *peer)
{
	return ((struct client *)peer)->conn;
}

/* ---- binding ---- */

struct vb_peer *vb_stub_bind(struct vb_conn *conn, const struct vb_interface *interface)
{
	/* Where calls go nowhere, nobody serves them. */
	const uint16_t served = conn->service ? conn->service->interface->minor : interface->minor;
	struct client *const c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->conn = conn;
	c->interface = interface;
	c->head.message = c->message;
	c->head.message_max = conn->message_max;
	c->head.reply_max = conn->reply_max;
	c->head.minor = interface->minor < served ? interface->minor : served;
	canary_set(c->message + conn->message_max);
	return &c->head;
}

void vb_stub_unbind(struct vb_peer *peer)
{
	free(peer);
}

void vb_stub_set_deadline(struct vb_peer *peer, uint64_t nanoseconds)
{
	(void)peer;
	(void)nanoseconds;
}

int vb_stub_serve(struct vb_server *server, const struct vb_service *service, const void *ops,
		  void *data)
{
	(void)data;
	server->conn->service = service;
	server->conn->ops = ops;
	return 0;
}
