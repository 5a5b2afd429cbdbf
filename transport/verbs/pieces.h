/* SPDX-License-Identifier: Apache-2.0 */
/* How a range is cut into registrations: arithmetic only. */
#ifndef VERBS_PIECES_H
#define VERBS_PIECES_H

#include <stdint.h>

#include "transport/transport.h"

/*
 * Bytes of one registration at most, as long as VBI_RECORDS_MAX of them name the whole range. A
 * device may limit how much one key covers, and pinning is not interrupted: 64 MiB are some
 * milliseconds of it.
 */
#define VERBS_PIECE_MAX (64ull << 20)

/* The largest range: half of what there are addresses for, so that no sum below overflows. */
#define VERBS_EXPOSURE_MAX (1ull << 47)

#define VERBS_PAGE 4096ull

/* Bytes of each piece, but the last, of a range of LENGTH (1 to VERBS_EXPOSURE_MAX) bytes. */
static inline uint64_t verbs_piece_size(uint64_t length)
{
	uint64_t least = (length + VBI_RECORDS_MAX - 1) / VBI_RECORDS_MAX;

	least = (least + VERBS_PAGE - 1) / VERBS_PAGE * VERBS_PAGE;
	return least > VERBS_PIECE_MAX ? least : VERBS_PIECE_MAX;
}

/* How many pieces: 1 to VBI_RECORDS_MAX. */
static inline uint32_t verbs_piece_count(uint64_t length)
{
	uint64_t size = verbs_piece_size(length);

	return (uint32_t)((length + size - 1) / size);
}

/* Bytes of piece I. */
static inline uint64_t verbs_piece_length(uint64_t length, uint32_t i)
{
	uint64_t size = verbs_piece_size(length);
	uint64_t left = length - i * size;

	return left < size ? left : size;
}

#endif
