/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/ring.h"

#include <errno.h>
#include <stdlib.h>

int shm_tx_init(struct shm_tx *tx, uint8_t *data, uint32_t size, const struct shm_side *peer)
{
	uint8_t *marks = calloc(size / SHM_LINE + 1, 1);

	if (!marks)
		return -ENOMEM;
	*tx = (struct shm_tx){
		.data = data,
		.marks = marks,
		.size = size,
		.mark = 1,
		.edge = size,
		.peer = peer,
	};
	return 0;
}

void shm_tx_fini(struct shm_tx *tx)
{
	free(tx->marks);
}

void shm_rx_init(struct shm_rx *rx, uint8_t *data, uint32_t size, uint64_t *consumed, uint32_t max)
{
	*rx = (struct shm_rx){
		.line = data,
		.data = data,
		.size = size,
		.mark = 1,
		.consumed = consumed,
		.max = max,
	};
}

/* Bytes by which the consumer's word is ahead of what is known; what came with a message may be
 * newer than the word. */
static int64_t news(const struct shm_tx *tx)
{
	return (int64_t)(__atomic_load_n(&tx->peer->consumed, __ATOMIC_ACQUIRE) - tx->consumed);
}

bool shm_tx_has_news(const struct shm_tx *tx)
{
	return news(tx) > 0;
}

static int refresh(struct shm_tx *tx)
{
	int64_t bytes = news(tx);

	if (bytes <= 0)
		return 0;
	if ((uint64_t)bytes > tx->lap + tx->offset - tx->consumed || bytes % SHM_LINE)
		return -EPROTO;
	tx->consumed += (uint64_t)bytes;
	return 0;
}

/* Begins the next lap, if its first SPAN bytes are free. */
static bool turn(struct shm_tx *tx, uint32_t span)
{
	if (tx->lap + span > tx->consumed)
		return false;
	tx->lap += tx->size;
	tx->offset = 0;
	tx->mark = shm_mark_next(tx->mark);
	return true;
}

static bool find_room(struct shm_tx *tx, uint32_t span)
{
	tx->edge = shm_tx_edge(tx);
	if (tx->offset + span <= tx->edge)
		return true;
	if (tx->offset + span <= tx->size || !turn(tx, span))
		return false;
	tx->edge = shm_tx_edge(tx);
	return true;
}

int shm_tx_make_room(struct shm_tx *tx, uint32_t span, uint32_t calm)
{
	uint32_t wanted;
	int error;

	if (calm >= SHM_CALM) {
		if (tx->offset >= SHM_LAP_SHORT && tx->consumed == tx->lap + tx->offset)
			turn(tx, span);
		wanted = tx->offset + span > SHM_LAP_SHORT ? tx->offset + span : SHM_LAP_SHORT;
		tx->edge = shm_tx_edge(tx);
		tx->edge = tx->edge < wanted ? tx->edge : wanted;
		if (tx->offset + span <= tx->edge)
			return 0;
	}
	if (find_room(tx, span))
		return 0;
	error = refresh(tx);
	if (error)
		return error;
	return find_room(tx, span) ? 0 : -ENOBUFS;
}

void shm_tx_copy_lines(struct shm_tx *tx, const uint8_t *message, uint32_t length)
{
	uint8_t *marks = tx->marks + tx->offset / SHM_LINE;

	/* Lines that the consumer clears will have been cleared when we come here again. */
	if (length > SHM_KEPT)
		memset(marks + 1, 0, shm_span(length) / SHM_LINE - 1);
	else
		marks[1] = message[SHM_LINE] & SHM_MARK_BITS;
	memcpy(tx->data + tx->offset + 8, message + 8, length - 8);
}

void shm_rx_copy_lines(struct shm_rx *rx, uint8_t *to, uint32_t length)
{
	memcpy(to + 8, rx->line + 8, length - 8);
	if (length <= SHM_KEPT)
		return;
	for (uint32_t at = SHM_LINE; at < length; at += SHM_LINE)
		__atomic_store_n((uint64_t *)(void *)(rx->line + at), 0, __ATOMIC_RELAXED);
}
