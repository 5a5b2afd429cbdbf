/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of vb_memory_alloc(): pieces of the client's end of the memfd. A piece holds the arena,
 * the arena its mapping, so that a piece outlives the connection; a table of the whole process
 * finds the arena of a piece.
 */
#ifndef SHM_ARENA_H
#define SHM_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/shm/mapping.h"

struct shm_arena;

/* An arena over the arena part of MAPPING, which it holds. The endpoint holds the arena. NULL: no
 * memory. */
struct shm_arena *shm_arena_create(struct shm_mapping *mapping, uint64_t size);
/* The endpoint lets go of it. NULL is ignored. */
void shm_arena_drop(struct shm_arena *arena);

/* SIZE bytes, page-aligned and zeroed. NULL: no room in one piece, or no memory. */
void *shm_arena_alloc(struct shm_arena *arena, size_t size);
/* Any thread; in a forked child nothing happens. False: not a piece of any arena. */
bool shm_arena_free(void *memory);

/*
 * Replaces this process's mapping of the pages of LENGTH bytes at MEMORY by private memory with the
 * same content: whatever the peer does to them from now on is not seen here. -ENOMEM.
 */
int shm_arena_make_private(void *memory, uint64_t length);

#endif
