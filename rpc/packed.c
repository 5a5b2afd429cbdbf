/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/packed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.pb-c.h"
#include "rpc/server.h"
#include "rpc/service.h"
#include "rpc/worker.h"

/*
 * A parsed control message takes at most about 16 bytes of structs for each byte of text (an empty
 * sub-message is 2 bytes, its struct 40 and its pointer 8): 4 KiB need less than 128 KiB.
 */
#define SCRATCH_SIZE (128u << 10)

struct scratch {
	size_t used;
	uint8_t bytes[SCRATCH_SIZE] __attribute__((aligned(16)));
};

static void *scratch_alloc(void *data, size_t size)
{
	struct scratch *scratch = data;
	size_t rounded = (size + 15u) & ~(size_t)15;
	void *memory = scratch->bytes + scratch->used;

	if (rounded < size || rounded > SCRATCH_SIZE - scratch->used)
		return NULL;
	scratch->used += rounded;
	return memory;
}

static void scratch_free(void *data, void *memory)
{
	(void)data;
	(void)memory;
}

/* The protobuf bytes of a control message; NULL: the frame is wrong. */
static const uint8_t *body_of(const uint8_t *data, uint32_t length, uint32_t *ret_size)
{
	uint32_t size;

	if (length < VBI_CONTROL_BODY || length > VBI_CONTROL_MAX)
		return NULL;
	memcpy(&size, data + VB_HEADER_SIZE, sizeof(size));
	if (size > length - VBI_CONTROL_BODY || ((VBI_CONTROL_BODY + size + 7u) & ~7u) != length)
		return NULL;
	for (uint32_t i = VBI_CONTROL_BODY + size; i < length; i++)
		if (data[i])
			return NULL;
	*ret_size = size;
	return data + VBI_CONTROL_BODY;
}

/*
 * Parses the control message at DATA as DESCRIPTOR says, into a scratch that the caller frees, the
 * message with it.
 */
static int unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
		  uint32_t length, struct scratch **ret_scratch, ProtobufCMessage **ret_message)
{
	ProtobufCAllocator allocator = {scratch_alloc, scratch_free, NULL};
	uint32_t size;
	const uint8_t *body = body_of(data, length, &size);
	struct scratch *scratch;

	if (!body)
		return -EPROTO;
	scratch = calloc(1, sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	allocator.allocator_data = scratch;
	*ret_message = protobuf_c_message_unpack(descriptor, &allocator, size, body);
	if (!*ret_message) {
		free(scratch);
		return -EPROTO;
	}
	*ret_scratch = scratch;
	return 0;
}

/* Puts MESSAGE into a control message's frame. 0: it does not fit. */
static uint32_t pack(const ProtobufCMessage *message, uint8_t *data, uint32_t size)
{
	size_t bytes = protobuf_c_message_get_packed_size(message);
	uint32_t length = (uint32_t)((VBI_CONTROL_BODY + bytes + 7u) & ~(size_t)7);
	uint32_t body_size = (uint32_t)bytes;

	if (bytes > VBI_CONTROL_MAX || length > size)
		return 0;
	memset(data + VB_HEADER_SIZE, 0, length - VB_HEADER_SIZE);
	memcpy(data + VB_HEADER_SIZE, &body_size, sizeof(body_size));
	protobuf_c_message_pack(message, data + VBI_CONTROL_BODY);
	return length;
}

/* ---- Hello ---- */

#define OFFERS_MAX 512

static size_t list_services(const struct vb_server *server, Vbi__Interface *interfaces,
			    Vbi__Interface **list)
{
	size_t n = 0;

	for (struct vbi_service *s = server ? vbi_server_services(server) : NULL;
	     s && n < OFFERS_MAX; s = s->next, n++) {
		vbi__interface__init(&interfaces[n]);
		interfaces[n].id = s->interface->id;
		interfaces[n].major = s->interface->major;
		interfaces[n].minor = s->interface->minor;
		interfaces[n].name = (char *)(uintptr_t)s->interface->name;
		list[n] = &interfaces[n];
	}
	return n;
}

uint32_t vbi_packed_hello(const struct vb_conn *conn, uint8_t *data, uint32_t size, int errnum,
			  const char *refusal)
{
	char software[32];
	Vbi__Interface interfaces[OFFERS_MAX];
	Vbi__Interface *list[OFFERS_MAX];
	Vbi__Hello hello = VBI__HELLO__INIT;
	char why[256];

	snprintf(software, sizeof(software), "verbena %s", vb_version());
	hello.protocol = VBI_PROTOCOL_VERSION;
	hello.message_max = conn->worker->transport_options.message_max;
	hello.credits = conn->credits.window;
	hello.software = software;
	if (errnum) {
		snprintf(why, sizeof(why), "%s", refusal ? refusal : "");
		hello.errnum = (uint32_t)errnum;
		hello.refusal = why;
	} else {
		hello.n_interfaces = list_services(conn->worker->server, interfaces, list);
		hello.interfaces = list;
	}
	return pack(&hello.base, data, size);
}

static int take_offers(struct vb_conn *conn, const Vbi__Hello *hello)
{
	snprintf(conn->peer_software, sizeof(conn->peer_software), "%s", hello->software);
	if (hello->n_interfaces == 0)
		return 0;
	conn->offers = calloc(hello->n_interfaces, sizeof(*conn->offers));
	if (!conn->offers)
		return -ENOMEM;
	conn->n_offers = (uint32_t)hello->n_interfaces;
	for (uint32_t i = 0; i < conn->n_offers; i++) {
		const Vbi__Interface *interface = hello->interfaces[i];

		if (interface->major > UINT16_MAX || interface->minor > UINT16_MAX)
			return -EPROTO;
		conn->offers[i] = (struct vbi_offer){
			.id = interface->id,
			.major = (uint16_t)interface->major,
			.minor = (uint16_t)interface->minor,
		};
	}
	return 0;
}

/* For people's eyes, but written by a stranger: nothing that moves a cursor. */
static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
	for (; *to; to++)
		if (*to < ' ' || *to > '~')
			*to = '?';
}

int vbi_packed_hello_parse(const uint8_t *data, uint32_t length, struct vb_conn *conn,
			   struct vbi_packed_hello *ret_hello)
{
	struct scratch *scratch;
	ProtobufCMessage *message;
	const Vbi__Hello *hello;
	int error = unpack(&vbi__hello__descriptor, data, length, &scratch, &message);

	if (error)
		return error;
	hello = (const Vbi__Hello *)message;
	if (hello->errnum > 4095) {
		free(scratch);
		return -EPROTO;
	}
	*ret_hello = (struct vbi_packed_hello){
		.protocol = hello->protocol,
		.message_max = hello->message_max,
		.credits = hello->credits,
		.errnum = hello->errnum,
		.extra_round = hello->extra_round,
	};
	copy_text(ret_hello->refusal, sizeof(ret_hello->refusal), hello->refusal);
	if (conn)
		error = take_offers(conn, hello);
	free(scratch);
	return error;
}

/* ---- Binds ---- */

uint32_t vbi_packed_binds(struct vb_conn *conn, uint8_t *data, uint32_t size)
{
	/* A bind takes at most 25 bytes, so that this many fit a control message. */
	enum { BINDS_IN_MESSAGE = 128 };
	Vbi__Bind binds[BINDS_IN_MESSAGE];
	Vbi__Bind *list[BINDS_IN_MESSAGE];
	Vbi__Control control = VBI__CONTROL__INIT;
	uint32_t n = 0;

	conn->control.binds_wanted = false;
	for (uint16_t i = 0; i < conn->n_bound; i++) {
		struct vbi_bound *bound = &conn->bound[i];

		if (bound->told)
			continue;
		if (n == BINDS_IN_MESSAGE) {
			conn->control.binds_wanted = true;
			break;
		}
		vbi__bind__init(&binds[n]);
		binds[n].index = i + 1u;
		binds[n].id = bound->id;
		binds[n].major = bound->major;
		binds[n].minor = bound->minor;
		list[n] = &binds[n];
		n++;
		bound->told = true;
	}
	control.n_binds = n;
	control.binds = list;
	return pack(&control.base, data, size);
}

int vbi_packed_binds_parse(const uint8_t *data, uint32_t length, struct vbi_packed_binds *ret_binds)
{
	struct scratch *scratch;
	ProtobufCMessage *message;
	const Vbi__Control *control;
	int error = unpack(&vbi__control__descriptor, data, length, &scratch, &message);

	if (error) {
		ret_binds->n = 0;
		return error;
	}
	control = (const Vbi__Control *)message;
	if (control->n_binds > VBI_BINDINGS_MAX)
		error = -EPROTO;
	ret_binds->n = error ? 0 : (uint32_t)control->n_binds;
	for (uint32_t i = 0; i < ret_binds->n; i++)
		ret_binds->binds[i] = (struct vbi_packed_bind){
			.index = control->binds[i]->index,
			.id = control->binds[i]->id,
			.major = control->binds[i]->major,
			.minor = control->binds[i]->minor,
		};
	free(scratch);
	return error;
}
