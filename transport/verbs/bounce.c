/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/bounce.h"

#include <stdlib.h>
#include <utlist.h>

#include "transport/transport.h"
#include "transport/verbs/pieces.h"

#define CLASSES (VERBS_BOUNCE_SHIFT_MAX - VERBS_BOUNCE_SHIFT_MIN + 1)
#define KINDS	((VBI_REMOTE_READ | VBI_REMOTE_WRITE) + 1)

/* Of a block that is made for one call and goes with it. */
#define CLASS_NONE CLASSES

struct verbs_bounce_chunk {
	struct verbs_bounce_pages pages;
	uint64_t size;
	unsigned rights, class;
	struct verbs_bounce_chunk *prev, *next;
	struct verbs_bounce_block blocks[];
};

struct verbs_bounce {
	struct verbs_bounce_source source;
	struct verbs_bounce_chunk *chunks;
	uint64_t kept; /* bytes of chunks that are cut into blocks */
	struct verbs_bounce_block *free[KINDS][CLASSES];
};

struct verbs_bounce *verbs_bounce_create(const struct verbs_bounce_source *source)
{
	struct verbs_bounce *bounce = calloc(1, sizeof(*bounce));

	if (bounce)
		bounce->source = *source;
	return bounce;
}

static unsigned class_of(uint64_t size)
{
	unsigned class = 0;

	while (class < CLASS_NONE && 1ull << (class + VERBS_BOUNCE_SHIFT_MIN) < size)
		class ++;
	return class;
}

static uint64_t class_size(unsigned class)
{
	return 1ull << (class + VERBS_BOUNCE_SHIFT_MIN);
}

/* SIZE bytes, cut into N blocks. */
static struct verbs_bounce_chunk *add_chunk(struct verbs_bounce *bounce, uint64_t size, uint64_t n,
					    unsigned rights, unsigned class)
{
	struct verbs_bounce_chunk *chunk = calloc(1, sizeof(*chunk) + n * sizeof(chunk->blocks[0]));

	if (!chunk)
		return NULL;
	if (bounce->source.get(bounce->source.context, size, rights, &chunk->pages) < 0) {
		free(chunk);
		return NULL;
	}
	chunk->size = size;
	chunk->rights = rights;
	chunk->class = class;
	for (uint64_t i = 0; i < n; i++) {
		chunk->blocks[i].memory = chunk->pages.memory + i * (size / n);
		chunk->blocks[i].key = chunk->pages.key;
		chunk->blocks[i].chunk = chunk;
	}
	DL_APPEND(bounce->chunks, chunk);
	return chunk;
}

static void drop_chunk(struct verbs_bounce *bounce, struct verbs_bounce_chunk *chunk)
{
	DL_DELETE(bounce->chunks, chunk);
	bounce->source.put(bounce->source.context, &chunk->pages, chunk->size);
	free(chunk);
}

/* More blocks of a kind and size. */
static void grow(struct verbs_bounce *bounce, unsigned rights, unsigned class)
{
	uint64_t block = class_size(class);
	uint64_t size = block < VERBS_BOUNCE_STEP ? VERBS_BOUNCE_STEP : block;
	struct verbs_bounce_chunk *chunk;

	if (size > VERBS_BOUNCE_MAX - bounce->kept)
		return;
	chunk = add_chunk(bounce, size, size / block, rights, class);
	if (!chunk)
		return;
	bounce->kept += size;
	for (uint64_t i = size / block; i-- > 0;)
		LL_PREPEND(bounce->free[rights][class], &chunk->blocks[i]);
}

static struct verbs_bounce_block *take(struct verbs_bounce *bounce, unsigned rights, unsigned class)
{
	struct verbs_bounce_block *block = bounce->free[rights][class];

	if (block)
		LL_DELETE(bounce->free[rights][class], block);
	return block;
}

/* A block for larger buffers, when memory of the right size is not to be had. */
static struct verbs_bounce_block *take_larger(struct verbs_bounce *bounce, unsigned rights,
					      unsigned class)
{
	struct verbs_bounce_block *block = NULL;

	while (!block && class < CLASSES)
		block = take(bounce, rights, class ++);
	return block;
}

struct verbs_bounce_block *verbs_bounce_get(struct verbs_bounce *bounce, uint64_t size,
					    unsigned rights, bool must)
{
	unsigned class = class_of(size);
	struct verbs_bounce_block *block = NULL;
	struct verbs_bounce_chunk *chunk;

	if (class != CLASS_NONE) {
		if (!bounce->free[rights][class])
			grow(bounce, rights, class);
		block = take(bounce, rights, class);
	}
	if (block || !must || size > VERBS_EXPOSURE_MAX)
		return block;
	size = (size + VERBS_PAGE - 1) / VERBS_PAGE * VERBS_PAGE;
	chunk = add_chunk(bounce, size, 1, rights, CLASS_NONE);
	return chunk ? &chunk->blocks[0] : take_larger(bounce, rights, class);
}

void verbs_bounce_put(struct verbs_bounce *bounce, struct verbs_bounce_block *block)
{
	struct verbs_bounce_chunk *chunk = block->chunk;

	if (chunk->class == CLASS_NONE)
		drop_chunk(bounce, chunk);
	else
		LL_PREPEND(bounce->free[chunk->rights][chunk->class], block);
}

void verbs_bounce_destroy(struct verbs_bounce *bounce)
{
	if (!bounce)
		return;
	while (bounce->chunks)
		drop_chunk(bounce, bounce->chunks);
	free(bounce);
}
