/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/pool.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

/* The first line of a step links it to the others. */
#define STEP_HEAD SHM_LINE

static size_t step_size(const struct shm_pool *pool)
{
	return STEP_HEAD + (size_t)SHM_POOL_STEP * (sizeof(struct shm_message) + pool->capacity);
}

void shm_pool_init(struct shm_pool *pool, uint32_t capacity, uint64_t *n_allocations)
{
	*pool = (struct shm_pool){.capacity = capacity, .n_allocations = n_allocations};
}

void shm_pool_fini(struct shm_pool *pool)
{
	while (pool->steps) {
		void *step = pool->steps;

		memcpy(&pool->steps, step, sizeof(pool->steps));
		munmap(step, step_size(pool));
	}
	pool->free = NULL;
	pool->fresh = pool->fresh_end = NULL;
}

static bool pool_grow(struct shm_pool *pool)
{
	size_t size = step_size(pool);
	uint8_t *step;

	if (pool->n_total >= SHM_POOL_MAX)
		return false;
	step = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (step == MAP_FAILED)
		return false;
	memcpy(step, &pool->steps, sizeof(pool->steps));
	pool->steps = step;
	pool->fresh = step + STEP_HEAD;
	pool->fresh_end = step + size;
	if (pool->n_total)
		++*pool->n_allocations;
	pool->n_total += SHM_POOL_STEP;
	return true;
}

struct shm_message *shm_pool_get_fresh(struct shm_pool *pool)
{
	struct shm_message *message;

	if (pool->fresh == pool->fresh_end && !pool_grow(pool))
		return NULL;
	message = (struct shm_message *)(void *)pool->fresh;
	pool->fresh += sizeof(*message) + pool->capacity;
	*message = (struct shm_message){
		.base = {.data = (uint8_t *)(message + 1), .capacity = pool->capacity},
		.pool = pool,
	};
	return message;
}

void shm_pool_reclaim(struct shm_pool *pool, const void *owner)
{
	size_t stride = sizeof(struct shm_message) + pool->capacity;
	uint8_t *end = pool->fresh; /* of what has been used, in the newest step */
	uint8_t *step = pool->steps;
	uint8_t *older;

	while (step) {
		for (uint8_t *at = step + STEP_HEAD; at != end; at += stride) {
			struct shm_message *message = (struct shm_message *)(void *)at;

			if (message->owner == owner)
				shm_pool_put(message);
		}
		memcpy(&older, step, sizeof(older));
		step = older;
		end = step ? step + step_size(pool) : NULL;
	}
}
