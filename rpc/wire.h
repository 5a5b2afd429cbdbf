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

/*
 * The same header as three words, which is how the data path writes and reads it: a transport
 * copies words, and a load that is wider than the stores before it has to wait until they have left
 * the store buffer.
 *
 *   call   length, slot << 32, generation << 48
 *   route  interface, method << 16, kind << 32, flags << 40, credits << 48
 *   tail   time, status << 32, extension << 48
 */
typedef uint64_t vbi_word __attribute__((may_alias));

struct vbi_words {
	vbi_word call;
	vbi_word route;
	vbi_word tail;
} __attribute__((may_alias));

#define VBI_CALL_SHIFT	  32 /* slot and generation together, within `call` */
#define VBI_KIND_SHIFT	  32
#define VBI_FLAGS_SHIFT	  40
#define VBI_CREDITS_SHIFT 48
#define VBI_STATUS_SHIFT  32
#define VBI_EXT_SHIFT	  48

static inline uint64_t vbi_call_word(uint32_t length, uint16_t slot, uint16_t generation)
{
	return length | (uint64_t)slot << VBI_CALL_SHIFT | (uint64_t)generation << 48;
}

/* PLACE: interface and method << 16. */
static inline uint64_t vbi_route_word(uint32_t place, uint8_t kind, uint8_t flags, uint16_t credits)
{
	return place | (uint64_t)kind << VBI_KIND_SHIFT | (uint64_t)flags << VBI_FLAGS_SHIFT |
	       (uint64_t)credits << VBI_CREDITS_SHIFT;
}

static inline uint32_t vbi_place(uint16_t interface, uint16_t method)
{
	return interface | (uint32_t)method << 16;
}

/* Protocol version in the hello; another one is refused there. */
#define VBI_PROTOCOL_VERSION 1

/*
 * A hello and a control message are bounded so that a peer cannot make us parse more than a page:
 * body = u32 length, protobuf bytes, zeros up to a multiple of 8.
 */
#define VBI_CONTROL_MAX	 4096u
#define VBI_CONTROL_BODY (VB_HEADER_SIZE + 4u)

#endif
