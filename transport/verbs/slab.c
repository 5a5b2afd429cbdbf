/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/slab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "transport/verbs/calls.h"
#include "transport/verbs/memory.h"

struct verbs_chunk {
	struct verbs_chunk *next;
	struct ibv_mr *mr;
	void *memory;
	size_t size;
	struct verbs_slot slots[];
};

void verbs_slab_init(struct verbs_slab *slab, struct ibv_pd *pd, uint32_t size, uint32_t step,
		     uint32_t n_max)
{
	*slab = (struct verbs_slab){
		.pd = pd,
		.size = (size + 63) & ~63u,
		.step = step,
		.n_max = n_max,
	};
}

static int add_chunk(struct verbs_slab *slab, uint32_t n)
{
	struct verbs_chunk *chunk = calloc(1, sizeof(*chunk) + n * sizeof(chunk->slots[0]));
	int error = -ENOMEM;

	if (!chunk)
		return -ENOMEM;
	chunk->size = (size_t)n * slab->size;
	/* Whole pages: nothing else lies on a page that a device reads or writes. */
	chunk->memory = verbs_pages_alloc(chunk->size);
	if (!chunk->memory)
		goto free_chunk;
	/* Never a remote flag: peers have no business in message buffers. */
	error = verbs_reg_mr(slab->pd, chunk->memory, chunk->size, IBV_ACCESS_LOCAL_WRITE,
			     &chunk->mr);
	if (error)
		goto unmap;
	for (uint32_t i = n; i-- > 0;) {
		struct verbs_slot *slot = &chunk->slots[i];

		slot->message.data = (uint8_t *)chunk->memory + (size_t)i * slab->size;
		slot->message.capacity = slab->size;
		slot->lkey = chunk->mr->lkey;
		verbs_slab_put(slab, slot);
	}
	chunk->next = slab->chunks;
	slab->chunks = chunk;
	slab->n += n;
	if (slab->n_registrations)
		++*slab->n_registrations;
	return 0;
unmap:
	verbs_pages_free(chunk->memory, chunk->size);
free_chunk:
	free(chunk);
	return error;
}

int verbs_slab_grow(struct verbs_slab *slab, uint32_t n)
{
	if (n > slab->n_max - slab->n)
		return -ENOBUFS;
	return n ? add_chunk(slab, n) : 0;
}

struct verbs_slot *verbs_slab_get(struct verbs_slab *slab)
{
	struct verbs_slot *slot = slab->free;
	uint32_t left = slab->n_max - slab->n;

	if (__builtin_expect(!slot, 0)) {
		if (verbs_slab_grow(slab, left < slab->step ? left : slab->step) || !slab->free)
			return NULL;
		slot = slab->free;
	}
	slab->free = slot->next;
	return slot;
}

void verbs_slab_put(struct verbs_slab *slab, struct verbs_slot *slot)
{
	slot->ends = 0;
	slot->next = slab->free;
	slab->free = slot;
}

void verbs_slab_take_back(struct verbs_slab *slab, uint32_t lane)
{
	struct verbs_chunk *chunk;

	LL_FOREACH(slab->chunks, chunk) {
		for (size_t i = 0; i < chunk->size / slab->size; i++)
			if (chunk->slots[i].lane == lane)
				verbs_slab_put(slab, &chunk->slots[i]);
	}
}

void verbs_slab_fini(struct verbs_slab *slab)
{
	while (slab->chunks) {
		struct verbs_chunk *chunk = slab->chunks;

		slab->chunks = chunk->next;
		verbs_dereg_mr(chunk->mr);
		verbs_pages_free(chunk->memory, chunk->size);
		free(chunk);
	}
	slab->free = NULL;
	slab->n = 0;
}
