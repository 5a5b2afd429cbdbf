/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads and stores of generated code, all of them static inline. Included by <verbena/stub.h>,
 * never by programs.
 *
 * A message is a header, a root block and a heap. Blocks of the heap lie one behind the other, in
 * the order of the fields that name them, each rounded up to 8 with zeroes: whoever writes moves a
 * cursor, and whoever reads finds each block exactly there or refuses the message. So nothing
 * overlaps, nothing is named twice, and a value has one encoding.
 *
 * Functions that can fail return 0 or a positive errno to refuse the call with (writing), or false
 * for bytes that are not what they must be (reading). The host is little-endian, as the wire is.
 */
#ifndef VERBENA_MARSHAL_H
#define VERBENA_MARSHAL_H

#include <errno.h>
#include <string.h>

#include <verbena/stub.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Verbena needs a little-endian host: the C form of a frozen struct is its wire form"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A buffer's direction is a constant where its stub is: inlined, the path that a small buffer takes
 * is a handful of instructions. What moves bulk is not, and stays a function.
 */
#if defined(__GNUC__)
#define VB_INLINE static inline __attribute__((always_inline))
#define VB_APART  static __attribute__((noinline, cold, unused))
#else
#define VB_INLINE static inline
#define VB_APART  static inline
#endif

/* Two places in the header, and the flag by which a server says that it pushed nothing. */
#define VB_AT_LENGTH   0
#define VB_AT_FLAGS    13
#define VB_FLAG_INLINE 8

/* Bytes of a span {u32 offset, u32 length} and of a buffer's field {u32 offset, u32 records}. */
#define VB_SPAN_SIZE 8

/* One bulk record covers at most this much; what an exposure's records take is reckoned by it. */
#define VB_RECORD_COVERS (UINT64_C(64) << 20)

/* ---- Scalars at any place ---- */

#define VB_SCALAR(name, type)                                        \
	static inline void vb_put_##name(uint8_t *place, type value) \
	{                                                            \
		memcpy(place, &value, sizeof(value));                \
	}                                                            \
	static inline type vb_get_##name(const uint8_t *place)       \
	{                                                            \
		type value;                                          \
		memcpy(&value, place, sizeof(value));                \
		return value;                                        \
	}
VB_SCALAR(int8, int8_t)
VB_SCALAR(int16, int16_t)
VB_SCALAR(int32, int32_t)
VB_SCALAR(int64, int64_t)
VB_SCALAR(uint8, uint8_t)
VB_SCALAR(uint16, uint16_t)
VB_SCALAR(uint32, uint32_t)
VB_SCALAR(uint64, uint64_t)
VB_SCALAR(float32, float)
VB_SCALAR(float64, double)
#undef VB_SCALAR

static inline void vb_put_bool(uint8_t *place, bool value)
{
	*place = value ? 1 : 0;
}

/* Only where vb_is_bool() has been asked: another byte is no value of a bool. */
static inline bool vb_get_bool(const uint8_t *place)
{
	return *place != 0;
}

static inline bool vb_is_bool(const uint8_t *place, uint32_t count)
{
	uint8_t any = 0;

	for (uint32_t i = 0; i < count; i++)
		any |= place[i];
	return any <= 1;
}

/* Also of C objects: whether SIZE bytes are all zero. */
static inline bool vb_is_zero(const void *place, size_t size)
{
	const uint8_t *const bytes = (const uint8_t *)place;
	uint64_t word = 0;

	if (size <= sizeof(word)) {
		memcpy(&word, bytes, size);
		return word == 0;
	}
	for (size_t i = 0; i < size; i++)
		word |= bytes[i];
	return word == 0;
}

static inline uint32_t vb_message_length(const uint8_t *message)
{
	return vb_get_uint32(message + VB_AT_LENGTH);
}

/* Generated code calls nothing but vb_ functions: a parameter may have any other name. */
static inline void vb_copy(void *to, const void *from, size_t size)
{
	memcpy(to, from, size);
}

static inline void vb_zero(void *place, size_t size)
{
	memset(place, 0, size);
}

/* A handler that fails says why in errno; a failure without a reason must not find an old one. */
static inline void vb_clear_errno(void)
{
	errno = 0;
}

static inline uint64_t vb_round_up(uint64_t size)
{
	return (size + 7) & ~UINT64_C(7);
}

/* ---- Refusing before there is anything to refuse ---- */

/* A stub was called with a NULL peer. */
static inline int vb_stub_no_peer(void)
{
	errno = EFAULT;
	return -1;
}

/* ---- Extents ---- */

/*
 * An extent that is negative or beyond 64 bits is VB_EXTENT_BAD, which is above every bound, so
 * that one comparison with the bound finds it.
 */
#define VB_EXTENT_BAD UINT64_MAX

static inline uint64_t vb_extent_signed(int64_t value)
{
	return value < 0 ? VB_EXTENT_BAD : (uint64_t)value;
}

static inline uint64_t vb_extent_add(uint64_t left, uint64_t right)
{
	return left > UINT64_MAX - right ? VB_EXTENT_BAD : left + right;
}

/* Bad times 0 is bad. */
static inline uint64_t vb_extent_multiply(uint64_t left, uint64_t right)
{
	if (left == VB_EXTENT_BAD || right == VB_EXTENT_BAD)
		return VB_EXTENT_BAD;
	if (right != 0 && left > UINT64_MAX / right)
		return VB_EXTENT_BAD;
	return left * right;
}

/* ---- Writing ---- */

struct vb_writer {
	uint8_t *message;
	uint32_t cursor; /* multiple of 8 */
	uint32_t limit;	 /* bytes the message may have */
	uint16_t minor;	 /* the agreed one: fields of a later one are not written */
	bool is_reply;	 /* such fields are left out silently; in a request they are refused */
};

static inline struct vb_writer vb_writer_request(const struct vb_peer *peer, uint32_t fixed)
{
	const struct vb_writer writer = {peer->message, fixed, peer->message_max, peer->minor,
					 false};

	return writer;
}

static inline struct vb_writer vb_writer_reply(const struct vb_request *req, uint32_t fixed)
{
	const struct vb_writer writer = {req->reply, fixed, req->reply_max, req->minor, true};

	return writer;
}

/*
 * Takes SIZE bytes (not 0) at the cursor; *RET_BLOCK is where they begin in the message. The last
 * bytes up to the next multiple of 8 are zeroed, the block's own are the caller's to write.
 */
static inline int vb_write_block(struct vb_writer *writer, uint64_t size, uint32_t *ret_block)
{
	if (size > writer->limit - writer->cursor)
		return EMSGSIZE;
	const uint32_t end = writer->cursor + (uint32_t)vb_round_up(size);
	if (end > writer->limit)
		return EMSGSIZE;
	vb_put_uint64(writer->message + end - 8, 0);
	*ret_block = writer->cursor;
	writer->cursor = end;
	return 0;
}

static inline void vb_put_span(struct vb_writer *writer, uint32_t at, uint32_t offset,
			       uint32_t length)
{
	vb_put_uint32(writer->message + at, offset);
	vb_put_uint32(writer->message + at + 4, length);
}

/* The span at AT names COUNT elements of SIZE bytes, to be written from *RET_BLOCK on. */
static inline int vb_write_elements(struct vb_writer *writer, uint32_t at, uint32_t count,
				    uint32_t size, uint32_t *ret_block)
{
	*ret_block = 0;
	if (!count) {
		vb_put_span(writer, at, 0, 0);
		return 0;
	}
	const int error = vb_write_block(writer, (uint64_t)count * size, ret_block);
	if (!error)
		vb_put_span(writer, at, *ret_block, count * size);
	return error;
}

/* The span at AT names the SIZE bytes at DATA; a NULL DATA is EFAULT unless SIZE is 0. */
static inline int vb_write_bytes(struct vb_writer *writer, uint32_t at, const void *data,
				 uint64_t size)
{
	uint32_t block;

	if (!size) {
		vb_put_span(writer, at, 0, 0);
		return 0;
	}
	if (!data)
		return EFAULT;
	const int error = vb_write_block(writer, size, &block);
	if (error)
		return error;
	vb_put_span(writer, at, block, (uint32_t)size);
	memcpy(writer->message + block, data, size);
	return 0;
}

/*
 * The span at AT names the string and its NUL. More than BOUND bytes are EMSGSIZE; they are looked
 * at, and copied, no further than that.
 */
static inline int vb_write_string(struct vb_writer *writer, uint32_t at, const char *string,
				  uint32_t bound)
{
	if (!string)
		return EFAULT;
	const char *const end = (const char *)memchr(string, 0, (size_t)bound + 1);
	if (!end)
		return EMSGSIZE;
	return vb_write_bytes(writer, at, string, (uint64_t)(end - string) + 1);
}

/* ---- Reading ---- */

struct vb_reader {
	const uint8_t *message;
	uint32_t cursor; /* multiple of 8 */
	uint32_t length; /* multiple of 8 */
	uint16_t minor;
	bool is_over;		    /* there was no memory: the library has ended the request */
	struct vb_request *request; /* whose memory decoded arrays take; NULL for an answer */
};

/* False if the message is shorter than FIXED bytes. */
static inline bool vb_reader_request(struct vb_reader *reader, struct vb_request *req,
				     uint32_t fixed)
{
	const struct vb_reader start = {req->message, fixed, req->length, req->minor, false, req};

	*reader = start;
	return start.length >= fixed && start.length % 8 == 0;
}

static inline bool vb_reader_answer(struct vb_reader *reader, const struct vb_peer *peer,
				    const uint8_t *answer, uint32_t fixed)
{
	const struct vb_reader start = {answer,	     fixed, vb_message_length(answer),
					peer->minor, false, NULL};

	*reader = start;
	return start.length >= fixed && start.length % 8 == 0;
}

/* Whether everything has been read. */
static inline bool vb_reader_done(const struct vb_reader *reader)
{
	return reader->cursor == reader->length;
}

/* Moves the cursor past a block of SIZE bytes (not 0) that must begin there at OFFSET. */
static inline bool vb_read_block(struct vb_reader *reader, uint32_t offset, uint64_t size)
{
	const uint32_t left = reader->length - reader->cursor;

	/* left is a multiple of 8: what fits, fits rounded up. */
	if (offset != reader->cursor || size > left)
		return false;
	const uint32_t padded = (uint32_t)vb_round_up(size);
	reader->cursor += padded;
	if (padded == size)
		return true;
	/* The padding is the upper part of the last word, as the host is little-endian. */
	const uint64_t word = vb_get_uint64(reader->message + offset + padded - 8);
	return word >> (size % 8 * 8) == 0;
}

/* The span at AT: at most BOUND units of UNIT bytes, from *RET_BLOCK on, which is 0 for none. */
static inline bool vb_read_units(struct vb_reader *reader, uint32_t at, uint32_t unit,
				 uint32_t bound, uint32_t *ret_block, uint32_t *ret_count)
{
	const uint32_t offset = vb_get_uint32(reader->message + at);
	const uint32_t length = vb_get_uint32(reader->message + at + 4);

	*ret_block = offset;
	*ret_count = length / unit;
	if (!length)
		return offset == 0;
	return length % unit == 0 && length / unit <= bound &&
	       vb_read_block(reader, offset, length);
}

/* Where the bytes of a block are; NULL for a block that is not there. */
static inline const uint8_t *vb_read_data(const struct vb_reader *reader, uint32_t block)
{
	return block ? reader->message + block : NULL;
}

/* Memory of the request for what is decoded; NULL for no bytes, or when there is none. */
static inline void *vb_read_alloc(struct vb_reader *reader, uint64_t size)
{
	if (!size)
		return NULL;
	void *const memory = vb_stub_request_alloc(reader->request, size);
	reader->is_over = !memory;
	return memory;
}

/* The span at AT names a string of at most BOUND bytes and its NUL, the only one. */
static inline bool vb_read_string(struct vb_reader *reader, uint32_t at, uint32_t bound,
				  const char **ret_string)
{
	const uint32_t offset = vb_get_uint32(reader->message + at);
	const uint32_t length = vb_get_uint32(reader->message + at + 4);

	if (!length || length - 1 > bound || !vb_read_block(reader, offset, length))
		return false;
	const uint8_t *const string = reader->message + offset;
	*ret_string = (const char *)string;
	return memchr(string, 0, length) == string + length - 1;
}

/* The span at AT names one block of SIZE bytes. */
static inline bool vb_read_struct(struct vb_reader *reader, uint32_t at, uint32_t size,
				  uint32_t *ret_block)
{
	const uint32_t offset = vb_get_uint32(reader->message + at);
	const uint32_t length = vb_get_uint32(reader->message + at + 4);

	*ret_block = offset;
	return length == size && vb_read_block(reader, offset, size);
}

/* Decoding has failed: for want of memory, which the library has answered, or for what was read. */
static inline void vb_reader_refuse(const struct vb_reader *reader)
{
	if (!reader->is_over)
		vb_stub_bad_request(reader->request);
}

/* ---- Buffers, in the client ---- */

/* Heap bytes that a string will take, at most. */
static inline uint64_t vb_string_room(const char *string, uint32_t bound)
{
	if (!string)
		return 0;
	const char *const end = (const char *)memchr(string, 0, (size_t)bound + 1);
	return vb_round_up((end ? (uint64_t)(end - string) : bound) + 1);
}

/* Heap bytes that the bulk records of ROOM bytes take. */
static inline uint64_t vb_records_size(uint64_t room)
{
	return (room + VB_RECORD_COVERS - 1) / VB_RECORD_COVERS * VB_RECORD_SIZE;
}

VB_APART int vb_write_exposed(struct vb_writer *writer, struct vb_peer *peer, uint32_t at,
			      struct vb_buffer *buffer)
{
	const uint32_t offset = writer->cursor;
	const int count = vb_stub_expose(peer, buffer, &writer->cursor);

	if (count < 0)
		return -count;
	vb_put_span(writer, at, offset, (uint32_t)count);
	return 0;
}

/*
 * The field at AT for BUFFER (address, room, direction set): inline if the room is at most
 * INLINE_MAX and fits with the REST bytes of heap behind it, and, if bytes come back, fits the
 * answer, of which *REPLY_USED bytes are spoken for; else exposed if MAY_EXPOSE.
 */
VB_INLINE int vb_write_buffer(struct vb_writer *writer, struct vb_peer *peer, uint32_t at,
			      struct vb_buffer *buffer, uint64_t inline_max, uint64_t rest,
			      uint64_t *reply_used, bool may_expose)
{
	const uint64_t padded = vb_round_up(buffer->room);
	const uint64_t going = buffer->direction & VB_IN ? padded : 0;
	const uint64_t coming = buffer->direction & VB_OUT ? padded : 0;

	if (!buffer->room) {
		vb_put_span(writer, at, 0, 0);
		return 0;
	}
	if (!buffer->address)
		return EFAULT;
	if (may_expose && (buffer->room > inline_max || *reply_used + coming > peer->reply_max ||
			   writer->cursor + going + rest > writer->limit))
		return vb_write_exposed(writer, peer, at, buffer);
	if (*reply_used + coming > peer->reply_max)
		return EMSGSIZE;
	*reply_used += coming;
	if (!going) {
		vb_put_span(writer, at, 0, 0);
		return 0;
	}
	const uint32_t offset = writer->cursor;
	const int error = vb_write_bytes(writer, at, buffer->address, buffer->room);
	vb_put_span(writer, at, offset, 0);
	return error;
}

/*
 * Where the answer has the LENGTH bytes of an out buffer: *RET_DATA points there, or is NULL when
 * they have been pushed or there are none.
 */
static inline bool vb_read_buffer(struct vb_reader *reader, const struct vb_buffer *buffer,
				  uint64_t length, const uint8_t **ret_data)
{
	const bool is_pushed = (buffer->flags & VB_BUFFER_EXPOSED) &&
			       !(reader->message[VB_AT_FLAGS] & VB_FLAG_INLINE);

	*ret_data = NULL;
	if (is_pushed || !length)
		return true;
	*ret_data = reader->message + reader->cursor;
	return vb_read_block(reader, reader->cursor, length);
}

/* ---- Buffers, in the server ---- */

/* Moves the cursor past N bulk records at OFFSET, which must cover exactly ROOM bytes. */
VB_APART bool vb_read_records(struct vb_reader *reader, uint32_t offset, uint32_t n, uint64_t room)
{
	const uint8_t *const records = reader->message + offset;

	if (n > VB_RECORDS_MAX || !vb_read_block(reader, offset, (uint64_t)n * VB_RECORD_SIZE))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		const uint64_t length = vb_get_uint64(records + (uint64_t)i * VB_RECORD_SIZE + 8);

		if (!length || length > room)
			return false;
		room -= length;
	}
	return room == 0;
}

/*
 * The field at AT of a buffer of ROOM bytes: fills *BUFFER for vb_stub_request_buffers(). The
 * address of an in or inout buffer that is inline is in the message, which is not to be written.
 */
VB_INLINE bool vb_read_request_buffer(struct vb_reader *reader, uint32_t at, uint64_t room,
				      enum vb_direction direction, unsigned flags,
				      struct vb_buffer *buffer)
{
	const uint32_t offset = vb_get_uint32(reader->message + at);
	const uint32_t n = vb_get_uint32(reader->message + at + 4);
	struct vb_buffer made = {NULL, room, 0, NULL, 0, (uint8_t)direction, (uint8_t)flags, 0};

	if (n > 0) {
		if (!vb_read_records(reader, offset, n, room))
			return false;
		made.records = reader->message + offset;
		made.n_records = n;
		made.flags |= VB_BUFFER_EXPOSED;
	} else if (room > 0 && (direction & VB_IN)) {
		if (!vb_read_block(reader, offset, room))
			return false;
		made.address = (void *)(uintptr_t)(reader->message + offset);
	} else if (offset) {
		return false;
	}
	*buffer = made;
	return true;
}

/*
 * An inout buffer that is inline has got a place in the reply by vb_stub_request_buffers(); the
 * handler expects the caller's bytes there. AT is its field in the request.
 */
static inline void vb_fill_inout(const struct vb_request *req, const struct vb_buffer *buffer,
				 uint32_t at)
{
	if (!(buffer->flags & VB_BUFFER_EXPOSED) && buffer->room)
		vb_copy(buffer->address, req->message + vb_get_uint32(req->message + at),
			buffer->room);
}

/*
 * Where no buffer is exposed, stubs do without vb_stub_request_buffers(): each out buffer lies in
 * the reply behind the one before it. *AT is where the next one goes. False: the client lied about
 * the room of its answers, and the request is over.
 */
static inline bool vb_place_buffer(struct vb_request *req, struct vb_buffer *buffer, uint64_t *at)
{
	if (*at > req->reply_max || buffer->room > req->reply_max - *at) {
		vb_stub_bad_request(req);
		return false;
	}
	buffer->address = buffer->room ? req->reply + *at : NULL;
	if (buffer->room && (buffer->flags & VB_BUFFER_ZERO))
		vb_zero(buffer->address, buffer->room);
	*at += vb_round_up(buffer->room);
	return true;
}

/*
 * Where one is exposed, calls vb_stub_reply_buffers(). A buffer that was to be pushed may now be
 * inline, before one that lies in the reply already and would be overwritten: such a one is saved
 * first. False: there was no memory, and the library has answered.
 */
VB_APART bool vb_settle_buffers(struct vb_request *req, unsigned n, uint32_t fixed)
{
	const uintptr_t reply = (uintptr_t)req->reply;
	bool is_outside = false;

	vb_stub_reply_buffers(req, n, fixed);
	for (unsigned i = 0; i < n; i++) {
		struct vb_buffer *const buffer = &req->buffers[i];

		if (!(buffer->direction & VB_OUT) || (buffer->flags & VB_BUFFER_EXPOSED) ||
		    !buffer->length)
			continue;
		if ((uintptr_t)buffer->address - reply >= req->reply_max) {
			is_outside = true;
		} else if (is_outside) {
			void *const saved = vb_stub_request_alloc(req, buffer->length);

			if (!saved)
				return false;
			vb_copy(saved, buffer->address, buffer->length);
			buffer->address = saved;
		}
	}
	return true;
}

/*
 * Puts the buffer's bytes, unless they are pushed, at CURSOR of the reply; returns where the next
 * block goes. The bytes are there already, or further on in the reply, or elsewhere.
 */
static inline uint32_t vb_reply_buffer(const struct vb_request *req, const struct vb_buffer *buffer,
				       uint32_t cursor)
{
	if ((buffer->flags & VB_BUFFER_EXPOSED) || !buffer->length)
		return cursor;
	uint8_t *const place = req->reply + cursor;
	const uint32_t end = cursor + (uint32_t)vb_round_up(buffer->length);
	if (place != buffer->address)
		memmove(place, buffer->address, buffer->length);
	/* At most seven: a loop is less than a call. */
	for (uint8_t *pad = place + buffer->length; pad < req->reply + end; pad++)
		*pad = 0;
	return end;
}

#ifdef __cplusplus
}
#endif

#endif
