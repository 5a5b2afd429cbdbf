/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The word of an exposure and the records that name it. Word: state in the low two bits,
 * generation above. The client opens and closes it; the server makes an open one busy for as long
 * as it touches the memory, a chunk at a time.
 *
 *     closed --client--> open <--server--> busy --client--> closing --server--> closed
 *                          '--client--> closed
 */
#ifndef SHM_SLOT_H
#define SHM_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "transport/shm/layout.h"

enum shm_word { SHM_WORD_CLOSED, SHM_WORD_OPEN, SHM_WORD_BUSY, SHM_WORD_CLOSING };

#define SHM_WORD_STATES 4u

/* vbi_record.flags: enum vbi_rights in the low bits, then these. */
#define SHM_RECORD_RIGHTS     3u
#define SHM_RECORD_PIPE	      4u /* address: in the windows part; else in the arena part */
#define SHM_RECORD_SHIFT_AT   8u /* log2 of the window's size, 8 bits */
#define SHM_RECORD_SHIFT_MASK 0xff00u

/* vbi_record.key: the slot below, its generation above. */
#define SHM_KEY_SLOT_BITS 16u

/*
 * Bytes that the server copies in one go, word busy: a client that wants its memory back waits for
 * no more than this, some microseconds.
 */
#define SHM_CHUNK (64u << 10)

static inline uint32_t shm_key(uint32_t slot, uint16_t generation)
{
	return slot | (uint32_t)generation << SHM_KEY_SLOT_BITS;
}

static inline uint32_t shm_key_slot(uint32_t key)
{
	return key & ((1u << SHM_KEY_SLOT_BITS) - 1);
}

static inline uint64_t shm_word_make(uint32_t key, enum shm_word state)
{
	return (uint64_t)(key >> SHM_KEY_SLOT_BITS) * SHM_WORD_STATES + state;
}

/* From one state to another of the same generation. Whether it was in the first. */
static inline bool shm_word_move(struct shm_slot *slot, uint32_t key, enum shm_word from,
				 enum shm_word to)
{
	uint64_t expected = shm_word_make(key, from);

	return __atomic_compare_exchange_n(&slot->word, &expected, shm_word_make(key, to), false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static inline bool shm_word_is(const struct shm_slot *slot, uint32_t key, enum shm_word state)
{
	return __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE) == shm_word_make(key, state);
}

/* Server: may the memory be touched? If so, it must end with release. */
static inline bool shm_word_take(struct shm_slot *slot, uint32_t key)
{
	return shm_word_move(slot, key, SHM_WORD_OPEN, SHM_WORD_BUSY);
}

/* Server: the memory is touched no more. False: the client has closed the exposure meanwhile, and
 * what was read does not count. */
static inline bool shm_word_release(struct shm_slot *slot, uint32_t key)
{
	if (shm_word_move(slot, key, SHM_WORD_BUSY, SHM_WORD_OPEN))
		return true;
	shm_word_move(slot, key, SHM_WORD_CLOSING, SHM_WORD_CLOSED);
	return false;
}

#endif
