/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hostile_rpc/raw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/e2e/harness.h"

#ifdef VBI_HAVE_VERBS
#include "transport/verbs/verbs.h"
#include "transport/verbs/window.h"
#endif

#include "control.pb-c.h"

#define MESSAGE_MAX 8192u
#define ARENA_SIZE  (16u << 20)

/* As many as the other side may think that it has the credit for, and what is not counted. */
#define RECEIVES 80u

/* Longer than a test stands still. */
#define KEEPALIVE_NS 60000000000ull

/* ---- Events ---- */

static void refused(void *listener_owner, const struct vbi_cause *cause)
{
	(void)listener_owner;
	/* That a client has left meanwhile is nobody's fault. */
	if (cause->errnum != ECONNRESET)
		abort();
}

static int accepted(void *listener_owner, struct vbi_endpoint *endpoint)
{
	struct raw *raw = listener_owner;

	if (raw->endpoint)
		return -16; /* EBUSY */
	raw->endpoint = endpoint;
	raw->connected = true;
	endpoint->owner = raw;
	return 0;
}

static void connected(void *owner)
{
	struct raw *raw = owner;

	raw->connected = true;
}

static void received(void *owner, struct vbi_message *message)
{
	struct raw *raw = owner;

	if (raw->n_queued == RAW_QUEUE)
		abort();
	memcpy(&raw->queue[raw->n_queued++], message->data, message->length);
	raw->endpoint->ops->release(raw->endpoint, message);
}

static void failed(void *owner, const struct vbi_cause *cause)
{
	struct raw *raw = owner;

	raw->failed = true;
	raw->errnum = cause->errnum;
}

static const struct vbi_events events = {
	.accepted = accepted,
	.refused = refused,
	.connected = connected,
	.received = received,
	.failed = failed,
};

/* ---- Connections ---- */

void raw_poll(struct raw *raw)
{
	const struct timespec moment = {.tv_nsec = 20000};

	if (!raw->ops->poll(raw->domain))
		nanosleep(&moment, NULL);
}

/* *RET_REST: ADDRESS as the transport wants it. */
static bool open_domain(struct raw *raw, const char *address, uint32_t message_max,
			const char **ret_rest)
{
	const struct vbi_domain_options options = {
		.message_max = message_max,
		.receives = RECEIVES,
		.keepalive_ns = KEEPALIVE_NS,
	};
	struct vbi_cause cause;

	memset(raw, 0, sizeof(*raw));
	raw->ops = vbi_transport_find(address, ret_rest);
	if (!raw->ops)
		abort();
	return raw->ops->domain_open(&events, &raw->stats, &options, &raw->domain, &cause) == 0;
}

bool raw_connect(struct raw *raw, const char *address)
{
	return raw_connect_with(raw, address, MESSAGE_MAX);
}

bool raw_connect_with(struct raw *raw, const char *address, uint32_t message_max)
{
	struct vbi_cause cause;
	const char *rest;

	if (!open_domain(raw, address, message_max, &rest) ||
	    raw->ops->connect(raw->domain, rest, ARENA_SIZE, raw, &raw->endpoint, &cause))
		return false;
	while (!raw->connected && !raw->failed)
		raw_poll(raw);
	return raw->connected;
}

bool raw_listen(struct raw *raw, const char *address)
{
	return raw_listen_with(raw, address, MESSAGE_MAX);
}

bool raw_listen_with(struct raw *raw, const char *address, uint32_t message_max)
{
	struct vbi_cause cause;
	const char *rest;

	return open_domain(raw, address, message_max, &rest) &&
	       raw->ops->listen(raw->domain, rest, raw, &raw->listener, &cause) == 0;
}

bool raw_accept(struct raw *raw)
{
	while (!raw->connected)
		raw_poll(raw);
	return true;
}

void raw_close(struct raw *raw)
{
	if (raw->endpoint)
		raw->ops->close(raw->endpoint);
	if (raw->listener)
		raw->ops->listener_close(raw->listener);
	raw->ops->domain_close(raw->domain);
}

/* ---- Messages ---- */

struct raw_message raw_message(enum vbi_kind kind)
{
	struct raw_message message;

	memset(&message, 0, sizeof(message));
	message.header.kind = (uint8_t)kind;
	message.header.credits = 64;
	return message;
}

static struct vbi_message *fill_buffer(struct raw *raw, struct raw_message *message,
				       uint32_t length)
{
	struct vbi_message *buffer = raw->endpoint->ops->message_get(raw->endpoint);

	if (!buffer)
		abort();
	message->header.length = length;
	memcpy(buffer->data, message, length);
	return buffer;
}

void raw_send(struct raw *raw, struct raw_message *message, uint32_t length)
{
	raw->endpoint->ops->send(raw->endpoint, fill_buffer(raw, message, length), length, false);
}

void raw_send_more(struct raw *raw, struct raw_message *message, uint32_t length)
{
	raw->endpoint->ops->send(raw->endpoint, fill_buffer(raw, message, length), length, true);
}

void raw_answer(struct raw *raw, struct raw_message *message, uint32_t length,
		const struct vbi_record *record)
{
	struct vbi_message *buffer = fill_buffer(raw, message, length);

	raw->endpoint->ops->end_with(raw->endpoint, buffer, record);
	raw->endpoint->ops->send(raw->endpoint, buffer, length, false);
}

bool raw_wants_windows(const struct raw *raw)
{
#ifdef VBI_HAVE_VERBS
	return harness_is_rdma() && verbs_windows_offered(verbs_endpoint_of(raw->endpoint)->device);
#else
	(void)raw;
	return false;
#endif
}

void raw_send_ending(struct raw *raw, struct raw_message *message, uint32_t length, uint32_t key)
{
	struct vbi_message *buffer = fill_buffer(raw, message, length);

#ifdef VBI_HAVE_VERBS
	verbs_slot_of(buffer)->ends = key;
#else
	(void)key;
	abort();
#endif
	raw->endpoint->ops->send(raw->endpoint, buffer, length, false);
}

bool raw_receive(struct raw *raw, struct raw_message *ret)
{
	while (!raw->n_queued && !raw->failed)
		raw_poll(raw);
	if (!raw->n_queued)
		return false;
	*ret = raw->queue[0];
	raw->n_queued--;
	memmove(&raw->queue[0], &raw->queue[1], raw->n_queued * sizeof(raw->queue[0]));
	return true;
}

bool raw_ended(struct raw *raw)
{
	while (!raw->n_queued && !raw->failed)
		raw_poll(raw);
	return !raw->n_queued;
}

/* ---- Control ---- */

static struct raw_message pack(const ProtobufCMessage *protobuf, uint32_t *ret_length)
{
	struct raw_message message = raw_message(VBI_KIND_CONTROL);
	uint32_t size = (uint32_t)protobuf_c_message_get_packed_size(protobuf);

	if (size + 4 > sizeof(message.body))
		abort();
	memcpy(message.body, &size, sizeof(size));
	protobuf_c_message_pack(protobuf, message.body + 4);
	*ret_length = (VBI_CONTROL_BODY + size + 7) & ~7u;
	return message;
}

struct raw_message raw_hello_message(const struct raw_hello *hello, uint32_t *ret_length)
{
	static char software[] = "hostile";
	Vbi__Interface interface = VBI__INTERFACE__INIT;
	Vbi__Interface *offers[] = {&interface};
	Vbi__Hello protobuf = VBI__HELLO__INIT;

	protobuf.protocol = hello->protocol;
	protobuf.message_max = hello->message_max;
	protobuf.credits = hello->credits;
	protobuf.errnum = hello->errnum;
	protobuf.extra_round = hello->extra_round;
	protobuf.software = software;
	if (hello->refusal)
		protobuf.refusal = (char *)(uintptr_t)hello->refusal;
	if (hello->offer) {
		interface.id = hello->offer;
		interface.major = 1;
		interface.minor = 1;
		interface.name = software;
		protobuf.n_interfaces = 1;
		protobuf.interfaces = offers;
	}
	return pack(&protobuf.base, ret_length);
}

void raw_send_hello(struct raw *raw, const struct raw_hello *hello)
{
	uint32_t length;
	struct raw_message message = raw_hello_message(hello, &length);

	raw_send(raw, &message, length);
}

bool raw_receive_hello(struct raw *raw, struct raw_hello *ret, char *text, size_t size)
{
	struct raw_message message;
	uint32_t length;
	Vbi__Hello *hello;

	if (!raw_receive(raw, &message) || message.header.kind != VBI_KIND_CONTROL)
		return false;
	memcpy(&length, message.body, sizeof(length));
	hello = vbi__hello__unpack(NULL, length, message.body + 4);
	if (!hello)
		return false;
	*ret = (struct raw_hello){
		.protocol = hello->protocol,
		.message_max = hello->message_max,
		.credits = hello->credits,
		.errnum = hello->errnum,
		.extra_round = hello->extra_round,
	};
	snprintf(text, size, "%s", hello->refusal);
	vbi__hello__free_unpacked(hello, NULL);
	return true;
}

void raw_send_bind(struct raw *raw, uint32_t index, uint64_t id, uint32_t major, uint32_t minor)
{
	Vbi__Bind bind = VBI__BIND__INIT;
	Vbi__Bind *binds[] = {&bind};
	Vbi__Control control = VBI__CONTROL__INIT;
	struct raw_message message;
	uint32_t length;

	bind.index = index;
	bind.id = id;
	bind.major = major;
	bind.minor = minor;
	control.n_binds = 1;
	control.binds = binds;
	message = pack(&control.base, &length);
	raw_send(raw, &message, length);
}
