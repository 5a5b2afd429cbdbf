/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two processes of a connection share: the words of the rendezvous and the layout of the
 * memfd. The client makes the file; the server trusts nothing in it.
 *
 *   0            struct shm_control: flags and positions of both sides
 *   SLOTS_AT     exposure slots
 *   RING_AT(0)   ring that the client writes
 *   RING_AT(1)   ring that the server writes
 *   WINDOWS_AT   windows through which ordinary memory is piped
 *   ARENA_AT     what memory_alloc() gives out
 *
 * The file is sparse: what nobody touches costs address space only.
 */
#ifndef SHM_LAYOUT_H
#define SHM_LAYOUT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/transport.h"

#define SHM_MAGIC   0x31534256u /* "VBS1" */
#define SHM_VERSION 1u

/* What moves between two CPUs in one piece. */
#define SHM_LINE 64u

/* Parts of the file begin at multiples of the largest page that Linux uses by default anywhere. */
#define SHM_PART_ALIGN (64u << 10)

/*
 * A ring holds four of the largest message, so that one can be written while a quarter, the
 * consumer's step of telling how far it is, has not been told yet. Not smaller than 32 KiB, so that
 * a batch of small calls fits; not larger than needed, so that it stays in the first caches.
 */
#define SHM_RING_MESSAGES 4u
#define SHM_RING_MIN	  (32u << 10)
#define SHM_RING_CAPACITY (SHM_RING_MESSAGES * VBI_MESSAGE_MAX)

/* Two exposed buffers for each of 1024 calls, the most that can be outstanding on a connection. */
#define SHM_SLOTS 2048u

/*
 * A window is what is between the two copies of a pipe. Bytes that are not yet copied out should
 * still be in the second cache.
 */
#define SHM_WINDOW_SHIFT_MIN 12u
#define SHM_WINDOW_SHIFT_MAX 19u
/* Half of it for 32 of the largest windows; half so that each slot has one of the smallest for each
 * direction, whatever the others have taken. */
#define SHM_WINDOWS_SIZE     (32u << 20)

/* Address space for one connection; beyond it a size is an error, not a wish. */
#define SHM_ARENA_MAX (1ull << 40)

#define SHM_ROUND_UP(n, unit) (((n) + (unit)-1) / (unit) * (unit))

enum shm_role { SHM_CLIENT, SHM_SERVER };

/*
 * shm_side.flags. The rest of the word counts the sleeps, so that the other side sees whether it
 * has woken this one already.
 */
#define SHM_SLEEPING	1u /* wake me for anything new */
#define SHM_WANT_ROOM	2u /* wake me when you have taken messages */
#define SHM_SLEEP_COUNT 4u

/*
 * One side's words; only that side writes them. Flags and position lie on lines of their own: the
 * first is read by each flush and hardly changes.
 */
struct shm_side {
	_Alignas(SHM_LINE) uint32_t flags;
	uint32_t cpu;			      /* where it last waited, plus 1; 0: not said yet */
	_Alignas(SHM_LINE) uint64_t consumed; /* bytes taken from the other side's ring */
};
static_assert(sizeof(struct shm_side) == 2 * SHM_LINE, "each side has two lines");

struct shm_control {
	struct shm_side side[2]; /* by enum shm_role */
};

/*
 * One exposure. WORD says whether it may be touched; both write it, by compare and swap. The
 * counters are bytes since the exposure began; each has one writer.
 */
struct shm_slot {
	_Alignas(SHM_LINE) uint64_t in_filled; /* by the client */
	uint64_t out_drained;		       /* by the client */
	_Alignas(SHM_LINE) uint64_t word;
	uint64_t in_drained; /* by the server */
	uint64_t out_filled; /* by the server */
};
static_assert(sizeof(struct shm_slot) == 2 * SHM_LINE, "one line for each writer");

#define SHM_SLOTS_AT ((uint64_t)SHM_PART_ALIGN)
#define SHM_RINGS_AT \
	(SHM_SLOTS_AT + SHM_ROUND_UP(SHM_SLOTS * sizeof(struct shm_slot), SHM_PART_ALIGN))
/* Behind a ring there is one more line, at which the consumer may look. */
#define SHM_RING_PART	  (SHM_RING_CAPACITY + SHM_PART_ALIGN)
#define SHM_RING_AT(role) (SHM_RINGS_AT + (uint64_t)(role)*SHM_RING_PART)
#define SHM_WINDOWS_AT	  SHM_RING_AT(2)
#define SHM_ARENA_AT	  (SHM_WINDOWS_AT + SHM_WINDOWS_SIZE)
static_assert(SHM_RING_CAPACITY % SHM_PART_ALIGN == 0, "rings are parts");
static_assert(SHM_WINDOWS_SIZE % SHM_PART_ALIGN == 0, "windows are a part");

/* Client to server, with the memfd, the client's and the server's eventfd as SCM_RIGHTS. */
#define SHM_HELLO_FDS 3
struct shm_hello {
	uint32_t magic;
	uint16_t version;
	uint16_t size; /* of this struct: a later version may be longer */
	uint32_t message_max;
	uint32_t n_slots;
	uint32_t ring_capacity;
	uint32_t windows_size;
	uint64_t arena_size;
	uint64_t file_size;
};
static_assert(sizeof(struct shm_hello) == 40, "wire");

/* Server to client. */
struct shm_answer {
	uint32_t magic;
	uint16_t version;
	uint16_t size;
	uint32_t status; /* 0, or the errno of the refusal */
	uint32_t message_max;
	char text[240]; /* why it was refused; ends with a NUL */
};
static_assert(sizeof(struct shm_answer) == 256, "wire");

/* Bytes of the ring to a side that receives messages of at most MESSAGE_MAX. */
static inline uint32_t shm_ring_size(uint32_t message_max)
{
	uint32_t size = SHM_RING_MIN;

	while (size < message_max * SHM_RING_MESSAGES)
		size *= 2;
	return size;
}

static inline uint64_t shm_file_size(uint64_t arena_size)
{
	return SHM_ARENA_AT + arena_size;
}

#endif
