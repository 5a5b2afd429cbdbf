/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 24 bytes before every message's root block, and what their fields may be.
 *
 * Messages above the seam lie in private memory, 8-aligned, on a little-endian host (meson.build
 * refuses others): the struct is the wire form.
 */
#ifndef VBI_WIRE_H
#define VBI_WIRE_H

#include <stdint.h>

#include <verbena/stub.h>

enum vbi_kind {
	VBI_KIND_REQUEST = 1,
	VBI_KIND_REPLY = 2,
	VBI_KIND_FAILURE = 3,
	VBI_KIND_CANCEL = 4,
	VBI_KIND_ITEM = 5, /* streams: nothing sends or takes them yet */
	VBI_KIND_END = 6,
	VBI_KIND_CREDIT = 7,
	VBI_KIND_CONTROL = 8, /* a protobuf message: hello, bind */
};

enum vbi_flag {
	VBI_FLAG_RAN = 1,	  /* failure: the handler had started */
	VBI_FLAG_TIMED = 2,	  /* reply: `time` holds the microseconds it took */
	VBI_FLAG_CONTROL_ACK = 4, /* the control message in flight has been taken */
	VBI_FLAG_INLINE = 8,	  /* reply: every out buffer's bytes are in this message */
	VBI_FLAG_PRIORITY = 0x30,
};
/* What is accepted; anything else is EPROTO until a hello agrees on it. */
#define VBI_FLAGS_KNOWN (VBI_FLAG_RAN | VBI_FLAG_TIMED | VBI_FLAG_CONTROL_ACK | VBI_FLAG_INLINE)

/* Header `time` of a request without a deadline, or one of 71 minutes and more. */
#define VBI_TIME_UNLIMITED UINT32_MAX

/* Slot of a one-way request: there is no answer that would need one. */
#define VBI_SLOT_NONE UINT16_MAX

struct vbi_header {
	uint32_t length;
	uint16_t slot;
	uint16_t generation;
	uint16_t interface; /* the binder's index, from 1; 0: control */
	uint16_t method;
	uint8_t kind;
	uint8_t flags;
	uint16_t credits;
	uint32_t time;
	uint16_t status;
	uint16_t extension;
} __attribute__((aligned(8), may_alias));

_Static_assert(sizeof(struct vbi_header) == VB_HEADER_SIZE, "the wire's header");

/* Protocol version in the hello; another one is refused there. */
#define VBI_PROTOCOL_VERSION 1

/*
 * A hello and a control message are bounded so that a peer cannot make us parse more than a page:
 * body = u32 length, protobuf bytes, zeros up to a multiple of 8.
 */
#define VBI_CONTROL_MAX	 4096u
#define VBI_CONTROL_BODY (VB_HEADER_SIZE + 4u)

#endif
