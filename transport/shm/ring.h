/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of messages in shared memory: one producer, one consumer, who do not trust each other.
 *
 * Laps. A message starts on a cache line and is never split. Each lap starts at the ring's
 * beginning; the producer ends a lap when the next message does not fit before the end, or earlier,
 * so that calls made one at a time use the same few lines again and again: those are in both CPUs'
 * first caches, and move between them in two thirds of the time.
 *
 * Marks. The low three bits of a message's first word, the length, are the lap's mark, 1 to 7 in
 * turn; the producer writes that word last. The consumer looks at two words: behind the message it
 * took last, for this lap's mark, and at the ring's beginning, for the next lap's. Thus a small
 * message moves one line and no index. No other word can be taken for a message: the ring's
 * beginning has the mark of the present lap, and before it publishes a message, the producer clears
 * the word behind it if that looks like this lap's mark: from seven laps ago or more, or because a
 * message continued there. It knows from a table of its own: to read a line that the consumer has
 * read last would move it once more, and cost half a call. Of messages of more than two lines the
 * consumer clears the lines behind the first: it then has them for itself, and the producer gets
 * them back in two thirds of the time (2,000 bytes there and back: 1.7 against 2.3 us where the
 * CPUs are far). It writes nothing else into the ring.
 *
 * Room. Positions are bytes since the beginning, a whole ring for each lap. How far the consumer is
 * comes with each message of the other direction, in the top bits of its first word; for a peer
 * that sends nothing, the consumer also tells it in its own line, once a quarter of the ring and at
 * each new lap.
 */
#ifndef SHM_RING_H
#define SHM_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "transport/shm/layout.h"

/* The first word: mark, length, and lines consumed of the other ring, modulo. */
#define SHM_MARK_BITS	7u
#define SHM_MARKS	7u
#define SHM_LENGTH_BITS 0x1fff8u
#define SHM_ACK_SHIFT	17u
#define SHM_ACK_BITS	0x7fffu
static_assert((VBI_MESSAGE_MAX & ~SHM_LENGTH_BITS) == 0, "a length has its own bits");

/* Of messages up to this length the consumer leaves all lines as they are: to clear the second of
 * two would move it once more than the call needs. */
#define SHM_KEPT (2 * SHM_LINE)

/* A calm producer ends its lap after so many bytes: eight lines. */
#define SHM_LAP_SHORT 512u
/*
 * It is calm when so many answers in a row found everything consumed that it had sent. One that
 * sends bursts would have to wait for room after a short lap.
 */
#define SHM_CALM      16u

/* The producer's private view. */
struct shm_tx {
	uint8_t *data;
	uint8_t *marks; /* of each line, and one more: the low bits of its first word */
	uint32_t size;
	uint32_t mark;
	uint32_t offset;   /* in the lap, of the next message */
	uint32_t edge;	   /* up to which the lap can be written without another thought */
	uint64_t lap;	   /* position of the lap's beginning */
	uint64_t consumed; /* position that the consumer is known to have reached */
	uint64_t acked;	   /* position that its messages have said */
	const struct shm_side *peer; /* shared: the consumer's words */
};

/* The consumer's private view. */
struct shm_rx {
	uint8_t *line; /* where the next message of this lap will start */
	uint8_t *data;
	uint32_t size;
	uint32_t mark;
	uint64_t lap;	    /* position of the lap's beginning */
	uint64_t told;	    /* the position that *consumed says */
	uint64_t acked;	    /* the position that our messages have said */
	uint64_t *consumed; /* shared: our word */
	uint32_t max;	    /* bytes of the largest message */
};

/* DATA: SIZE bytes and one line more, all zero. -ENOMEM. */
int shm_tx_init(struct shm_tx *tx, uint8_t *data, uint32_t size, const struct shm_side *peer);
/* One of zeros is ignored. */
void shm_tx_fini(struct shm_tx *tx);
void shm_rx_init(struct shm_rx *rx, uint8_t *data, uint32_t size, uint64_t *consumed, uint32_t max);

/*
 * The slow part of shm_tx_has_room(): looks at the consumer's word, begins a lap. -ENOBUFS: no
 * room; -EPROTO: the consumer's word is not a position it can have. CALM: answers in a row that
 * found everything consumed.
 */
int shm_tx_make_room(struct shm_tx *tx, uint32_t span, uint32_t calm);

/* Whether the consumer's own word says something that tx does not know. */
bool shm_tx_has_news(const struct shm_tx *tx);

/* Bytes that a message of LENGTH takes in the ring. */
static inline uint32_t shm_span(uint32_t length)
{
	return (length + SHM_LINE - 1) & ~(SHM_LINE - 1);
}

/* What a producer wants free for it: the line behind may have to be cleared. */
static inline uint32_t shm_tx_span(uint32_t length)
{
	return shm_span(length) + SHM_LINE;
}

static inline uint32_t shm_mark_next(uint32_t mark)
{
	return mark == SHM_MARKS ? 1 : mark + 1;
}

static inline uint32_t shm_word_load(const uint8_t *line)
{
	return __atomic_load_n((const uint32_t *)(const void *)line, __ATOMIC_RELAXED);
}

static inline uint64_t shm_first_load(const uint8_t *line)
{
	return __atomic_load_n((const uint64_t *)(const void *)line, __ATOMIC_ACQUIRE);
}

static inline void shm_first_store(uint8_t *line, uint64_t first)
{
	__atomic_store_n((uint64_t *)(void *)line, first, __ATOMIC_RELEASE);
}

/* ---- Producer ---- */

/*
 * Asks for the line that the next message will start on. The consumer polls it, so it is shared,
 * and to own it takes about as long as to make the message. Asked for much earlier the consumer
 * would have it back by then: 110 ns became 190 in most calls when this stood where a message
 * arrives.
 */
static inline void shm_tx_prepare(const struct shm_tx *tx)
{
	const uint8_t *line = tx->data + tx->offset;

#if defined(__x86_64__)
	/* The compiler's own prefetch for writing needs an option that not all CPUs have; to those
	 * without it this instruction does nothing. */
	__asm__ volatile("prefetchw (%0)" : : "r"(line));
#else
	__builtin_prefetch(line, 1, 3);
#endif
}

static inline bool shm_tx_has_room(const struct shm_tx *tx, uint32_t length)
{
	return tx->offset + shm_tx_span(length) <= tx->edge;
}

/* Where the lap may be written up to, when it is not ended early. */
static inline uint32_t shm_tx_edge(const struct shm_tx *tx)
{
	uint64_t free = tx->consumed + tx->size - tx->lap;

	return free < tx->size ? (uint32_t)free : tx->size;
}

/*
 * Takes what a message of the other direction says: ACK lines are consumed, modulo; it never says
 * more than SHM_ACK_BITS more than the one before. True: that is all there was. One that cannot be
 * sets *RET_WRONG.
 */
static inline bool shm_tx_acknowledge(struct shm_tx *tx, uint32_t ack, bool *ret_wrong)
{
	uint64_t position = tx->lap + tx->offset;
	uint32_t news = (ack - (uint32_t)(tx->acked / SHM_LINE)) & SHM_ACK_BITS;

	tx->acked += (uint64_t)news * SHM_LINE;
	if (__builtin_expect(tx->acked > position, 0))
		*ret_wrong = true;
	else if (tx->acked > tx->consumed)
		tx->consumed = tx->acked;
	return tx->acked == position;
}

/*
 * Copies the bytes 8 to LENGTH, 24 to 64 and a multiple of 8, word by word: whoever has just stored
 * them, or will load them at once, does so in words, and a wider access would have to wait until
 * the store buffer has been emptied.
 */
static inline void shm_copy_line(uint8_t *to, const uint8_t *from, uint32_t length)
{
#define COPY_WORD(at)                                       \
	do {                                                \
		uint64_t word_;                             \
		memcpy(&word_, from + (at), sizeof(word_)); \
		memcpy(to + (at), &word_, sizeof(word_));   \
	} while (0)

	switch (length) {
	case 64:
		COPY_WORD(56);
		__attribute__((fallthrough));
	case 56:
		COPY_WORD(48);
		__attribute__((fallthrough));
	case 48:
		COPY_WORD(40);
		__attribute__((fallthrough));
	case 40:
		COPY_WORD(32);
		__attribute__((fallthrough));
	case 32:
		COPY_WORD(24);
		__attribute__((fallthrough));
	default:
		COPY_WORD(16);
		COPY_WORD(8);
	}
#undef COPY_WORD
}

/* What shm_tx_write() does for more than a line. */
void shm_tx_copy_lines(struct shm_tx *tx, const uint8_t *message, uint32_t length);

/*
 * Writes LENGTH bytes (VBI_MESSAGE_MIN to a quarter of the ring, a multiple of 8) of MESSAGE,
 * 8-byte aligned; there is room. Copies no byte more than LENGTH: what follows in the buffer may
 * be of another connection.
 */
static inline void shm_tx_write(struct shm_tx *tx, const uint8_t *message, uint32_t length,
				uint32_t ack)
{
	uint8_t *line = tx->data + tx->offset;
	uint32_t span = shm_span(length);
	uint8_t *marks = tx->marks + tx->offset / SHM_LINE;
	uint64_t first;

	if (__builtin_expect(marks[span / SHM_LINE] == tx->mark, 0)) {
		marks[span / SHM_LINE] = 0;
		shm_first_store(line + span, 0);
	}
	marks[0] = (uint8_t)tx->mark;
	memcpy(&first, message, sizeof(first));
	first = (first & ~(uint64_t)UINT32_MAX) | length | tx->mark | ack << SHM_ACK_SHIFT;
	if (__builtin_expect(length <= SHM_LINE, 1))
		shm_copy_line(line, message, length);
	else
		shm_tx_copy_lines(tx, message, length);
	shm_first_store(line, first);
	tx->offset += span;
}

/* ---- Consumer ---- */

static inline bool shm_rx_ready(const struct shm_rx *rx)
{
	return (shm_word_load(rx->line) & SHM_MARK_BITS) == rx->mark ||
	       (shm_word_load(rx->data) & SHM_MARK_BITS) == shm_mark_next(rx->mark);
}

static inline uint64_t shm_rx_position(const struct shm_rx *rx)
{
	return rx->lap + (uint64_t)(rx->line - rx->data);
}

/* Goes on to the next lap. */
static inline void shm_rx_turn(struct shm_rx *rx)
{
	rx->line = rx->data;
	rx->lap += rx->size;
	rx->mark = shm_mark_next(rx->mark);
}

/*
 * Whether there is a message, and its first 8 bytes, read once. It starts at rx->line. When the
 * next lap has begun this one is looked at again: the producer finished it before.
 */
static inline bool shm_rx_peek(struct shm_rx *rx, uint64_t *ret_first)
{
	uint64_t first = shm_first_load(rx->line);
	uint64_t next;

	if ((first & SHM_MARK_BITS) != rx->mark) {
		next = shm_first_load(rx->data);
		if ((next & SHM_MARK_BITS) != shm_mark_next(rx->mark))
			return false;
		first = shm_first_load(rx->line);
		if ((first & SHM_MARK_BITS) != rx->mark) {
			shm_rx_turn(rx);
			first = next;
		}
	}
	*ret_first = first;
	return true;
}

static inline uint32_t shm_first_length(uint64_t first)
{
	return (uint32_t)first & SHM_LENGTH_BITS;
}

static inline uint32_t shm_first_ack(uint64_t first)
{
	return (uint32_t)first >> SHM_ACK_SHIFT;
}

/* Whether the message at rx->line can have LENGTH bytes, as the peer says. */
static inline bool shm_rx_length_valid(const struct shm_rx *rx, uint32_t length)
{
	return length >= VBI_MESSAGE_MIN && length <= rx->max &&
	       (uint64_t)(rx->line - rx->data) + shm_span(length) <= rx->size;
}

/* What shm_rx_take() does for more than a line. */
void shm_rx_copy_lines(struct shm_rx *rx, uint8_t *to, uint32_t length);

/*
 * Takes the message of which FIRST was peeked and whose length is valid into TO, which has room for
 * shm_span(length) bytes. True: the producer has been told how far we are, and may be waiting for
 * that.
 */
static inline bool shm_rx_take(struct shm_rx *rx, uint64_t first, uint8_t *to)
{
	uint32_t length = shm_first_length(first);
	bool turned = rx->line == rx->data;
	uint64_t clean = (first & ~(uint64_t)UINT32_MAX) | length;
	uint64_t position;

	if (__builtin_expect(length <= SHM_LINE, 1))
		shm_copy_line(to, rx->line, SHM_LINE);
	else
		shm_rx_copy_lines(rx, to, length);
	memcpy(to, &clean, sizeof(clean));
	rx->line += shm_span(length);
	position = shm_rx_position(rx);
	if (__builtin_expect(!turned && position - rx->told < rx->size / 4, 1))
		return false;
	rx->told = position;
	__atomic_store_n(rx->consumed, position, __ATOMIC_RELEASE);
	return true;
}

/* What to tell in the next message of the other direction. */
static inline uint32_t shm_rx_ack(struct shm_rx *rx)
{
	uint64_t news = shm_rx_position(rx) - rx->acked;

	/* More than the bits can say is left to the message after it. */
	if (__builtin_expect(news > (uint64_t)SHM_ACK_BITS * SHM_LINE, 0))
		news = (uint64_t)SHM_ACK_BITS * SHM_LINE;
	rx->acked += news;
	return (uint32_t)(rx->acked / SHM_LINE) & SHM_ACK_BITS;
}

#endif
