/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of messages in shared memory: one producer, one consumer, who do not trust each other.
 *
 * The data is mapped twice, back to back, so that no message is split. A message starts on a cache
 * line; the low three bits of its first word, the length, are a mark: 1 to 7, another one each lap.
 * The producer writes that word last, and the consumer looks at nothing else: a small message moves
 * one line between the CPUs and no index. For this to work, no stale payload may look like a mark
 * where a message can start: after copying a message out the consumer clears the first word of its
 * other lines. What then lies at the start of a line is either 0 or the mark of the lap before.
 *
 * The consumer tells how far it is only each quarter of the ring; the producer reads that only when
 * what it knows leaves too little room.
 */
#ifndef SHM_RING_H
#define SHM_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "transport/shm/layout.h"

#define SHM_MARK_BITS 7u
#define SHM_MARKS     7u

/* Memory mapped twice. */
struct shm_mirror {
	uint8_t *data;
	uint32_t size; /* of one of the two, bytes, a power of two */
};

/* The producer's private view. */
struct shm_tx {
	uint8_t *data;
	uint32_t mask;
	uint32_t mark;
	uint64_t position;	  /* bytes written since the beginning */
	uint64_t limit;		  /* position that is known to be free to write up to */
	const uint64_t *consumed; /* shared: the consumer's word */
};

/* The consumer's private view. */
struct shm_rx {
	const uint8_t *line; /* where the next message will start */
	uint8_t *data;
	uint32_t mask;
	uint32_t mark;
	uint64_t position;  /* bytes taken since the beginning */
	uint64_t told;	    /* the position that *consumed says */
	uint64_t *consumed; /* shared: our word */
	uint32_t max;	    /* bytes of the largest message */
};

/* Maps SIZE bytes at OFFSET of FD twice. Negative errno. */
int shm_mirror_map(int fd, uint64_t offset, uint32_t size, struct shm_mirror *ret_mirror);
/* A mirror of which data is NULL is ignored. */
void shm_mirror_unmap(struct shm_mirror *mirror);

void shm_tx_init(struct shm_tx *tx, const struct shm_mirror *mirror, const uint64_t *consumed);
void shm_rx_init(struct shm_rx *rx, const struct shm_mirror *mirror, uint64_t *consumed,
		 uint32_t max);

/* Reads the consumer's word again. -EPROTO: it is not a position it can have. */
int shm_tx_refresh(struct shm_tx *tx);

/* Bytes that a message of LENGTH takes in the ring. */
static inline uint32_t shm_span(uint32_t length)
{
	return (length + SHM_LINE - 1) & ~(SHM_LINE - 1);
}

static inline uint32_t shm_mark_next(uint32_t mark)
{
	return mark == SHM_MARKS ? 1 : mark + 1;
}

static inline bool shm_tx_has_room(const struct shm_tx *tx, uint32_t length)
{
	return tx->position + shm_span(length) <= tx->limit;
}

/*
 * Writes LENGTH bytes (VBI_MESSAGE_MIN to a quarter of the ring, a multiple of 8) of MESSAGE,
 * 8-byte aligned; there is room. Copies no byte more than LENGTH: what follows in the buffer may
 * be of another connection.
 */
static inline void shm_tx_write(struct shm_tx *tx, const uint8_t *message, uint32_t length)
{
	uint8_t *line = tx->data + (tx->position & tx->mask);
	uint32_t span = shm_span(length);
	uint64_t first;

	memcpy(&first, message, sizeof(first));
	first = (first & ~(uint64_t)UINT32_MAX) | length | tx->mark;
	if (length <= SHM_LINE) {
		/* Word by word: the caller has just stored words, and a wider load would have to
		 * wait until all of them have left the store buffer. */
		for (uint32_t at = sizeof(first); at < length; at += (uint32_t)sizeof(first))
			memcpy(line + at, message + at, sizeof(first));
	} else {
		memcpy(line + sizeof(first), message + sizeof(first), length - sizeof(first));
	}
	__atomic_store_n((uint64_t *)(void *)line, first, __ATOMIC_RELEASE);
	tx->position += span;
	if ((tx->position & tx->mask) < span)
		tx->mark = shm_mark_next(tx->mark);
}

static inline bool shm_rx_ready(const struct shm_rx *rx)
{
	const uint32_t *word = (const uint32_t *)(const void *)rx->line;

	return (__atomic_load_n(word, __ATOMIC_RELAXED) & SHM_MARK_BITS) == rx->mark;
}

/* Whether there is a message, and what it says of itself, read once: its first 8 bytes, the mark
 * taken off. */
static inline bool shm_rx_peek(const struct shm_rx *rx, uint64_t *ret_first)
{
	const uint64_t *word = (const uint64_t *)(const void *)rx->line;
	uint64_t first = __atomic_load_n(word, __ATOMIC_ACQUIRE);

	if ((first & SHM_MARK_BITS) != rx->mark)
		return false;
	*ret_first = first & ~(uint64_t)SHM_MARK_BITS;
	return true;
}

/* Whether a length that the peer wrote can be one. */
static inline bool shm_rx_length_valid(const struct shm_rx *rx, uint32_t length)
{
	return length >= VBI_MESSAGE_MIN && length <= rx->max;
}

/* Tells the producer how far we are. */
static inline void shm_rx_tell(struct shm_rx *rx)
{
	rx->told = rx->position;
	__atomic_store_n(rx->consumed, rx->position, __ATOMIC_RELEASE);
}

/*
 * Takes the message of which FIRST was peeked and whose length is valid into TO, which has room for
 * shm_span(length) bytes. True: the producer has been told, and may be waiting for room.
 */
static inline bool shm_rx_take(struct shm_rx *rx, uint64_t first, uint8_t *to)
{
	uint32_t length = (uint32_t)first;
	uint32_t span = shm_span(length);
	uint8_t *line = rx->data + (rx->position & rx->mask);

	memcpy(to, &first, sizeof(first));
	if (length <= SHM_LINE) {
		memcpy(to + sizeof(first), line + sizeof(first), SHM_LINE - sizeof(first));
	} else {
		memcpy(to + sizeof(first), line + sizeof(first), length - sizeof(first));
		for (uint32_t at = SHM_LINE; at < span; at += SHM_LINE)
			__atomic_store_n((uint64_t *)(void *)(line + at), 0, __ATOMIC_RELAXED);
	}
	rx->position += span;
	rx->line = rx->data + (rx->position & rx->mask);
	if ((rx->position & rx->mask) < span)
		rx->mark = shm_mark_next(rx->mark);
	if (rx->position - rx->told <= rx->mask / 4)
		return false;
	shm_rx_tell(rx);
	return true;
}

#endif
