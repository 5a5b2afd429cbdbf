/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message buffers of one size, for one domain: private memory, last in first out, so that the next
 * one is in the cache. Address space is taken in large pieces and touched only when used; nothing
 * goes back to the system before the domain closes.
 */
#ifndef SHM_POOL_H
#define SHM_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "transport/shm/layout.h"

struct shm_pool;

/*
 * One buffer. It fills a line, and its data follows: buffers of 2^n bytes thus do not start at a
 * distance of 2^n, where they would all compete for the same few places in the cache.
 */
struct shm_message {
	_Alignas(SHM_LINE) struct vbi_message base;
	struct shm_message *next; /* in the pool's list, or in an endpoint's queue */
	struct shm_pool *pool;
	const void *owner; /* the endpoint it was given out for; NULL: in the pool */
	uint32_t length;   /* while it waits in an endpoint's queue */
};
static_assert(sizeof(struct shm_message) == SHM_LINE, "the data behind it is aligned");

/*
 * Buffers added at a time: what 1024 calls outstanding and the control messages need. One step is
 * enough for most programs; it is address space, not memory.
 */
#define SHM_POOL_STEP 1088u
/* Buffers of one pool at most: 64 connections with all their calls outstanding. */
#define SHM_POOL_MAX  (64u * SHM_POOL_STEP)

struct shm_pool {
	struct shm_message *free;
	uint8_t *fresh; /* never used so far: up to fresh_end */
	uint8_t *fresh_end;
	uint32_t capacity; /* of one buffer, bytes, a multiple of SHM_LINE */
	uint32_t n_total;
	uint64_t *n_allocations; /* counts steps after the first */
	void *steps;		 /* the memory, linked by its first word */
};

void shm_pool_init(struct shm_pool *pool, uint32_t capacity, uint64_t *n_allocations);
/* All its buffers are invalid afterwards. */
void shm_pool_fini(struct shm_pool *pool);

/* The slow part of shm_pool_get(). */
struct shm_message *shm_pool_get_fresh(struct shm_pool *pool);

/* Takes back all buffers that were given out for OWNER. Walks the pool. */
void shm_pool_reclaim(struct shm_pool *pool, const void *owner);

/* A buffer for OWNER. NULL: no memory, or SHM_POOL_MAX are in use. */
static inline struct shm_message *shm_pool_get(struct shm_pool *pool, const void *owner)
{
	struct shm_message *message = pool->free;

	if (__builtin_expect(!message, 0)) {
		message = shm_pool_get_fresh(pool);
		if (!message)
			return NULL;
	} else {
		pool->free = message->next;
	}
	message->owner = owner;
	return message;
}

static inline void shm_pool_put(struct shm_message *message)
{
	struct shm_pool *pool = message->pool;

	message->owner = NULL;
	message->next = pool->free;
	pool->free = message;
}

#endif
