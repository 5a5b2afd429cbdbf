/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which parts of the windows area are in use: blocks of 2^n bytes, halved when smaller ones are
 * wanted. A block that comes back is kept as it is and is the next one given out, for its bytes
 * are in the cache; halves are joined only when nothing else is left. All of it is private memory
 * of the client.
 */
#ifndef SHM_WINDOWS_H
#define SHM_WINDOWS_H

#include <stdint.h>

#include "transport/shm/layout.h"

#define SHM_WINDOWS_BLOCKS (SHM_WINDOWS_SIZE >> SHM_WINDOW_SHIFT_MIN)
/* From one smallest block to the whole area. */
#define SHM_WINDOWS_ORDERS 14u
static_assert(SHM_WINDOWS_BLOCKS == 1u << (SHM_WINDOWS_ORDERS - 1), "the last order is all");

struct shm_windows {
	uint32_t n_free_bytes;
	uint16_t free[SHM_WINDOWS_ORDERS]; /* first block of each order's list */
	struct {
		uint16_t next;
		uint8_t order;
		uint8_t is_free;
	} blocks[SHM_WINDOWS_BLOCKS]; /* what stands at a block's first index counts */
};

void shm_windows_init(struct shm_windows *windows);
/* Takes 2^SHIFT bytes. Returns their offset in the area; UINT32_MAX: none in one piece. */
uint32_t shm_windows_get(struct shm_windows *windows, unsigned shift);
/* Gives back what get() with the same SHIFT returned. */
void shm_windows_put(struct shm_windows *windows, uint32_t offset, unsigned shift);

#endif
