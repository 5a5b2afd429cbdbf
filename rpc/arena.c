/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/arena.h"

#include <errno.h>
#include <stdlib.h>

#include "rpc/conn.h"
#include "rpc/worker.h"

struct vbi_request_arena {
	struct vbi_request_arena *next;
	size_t used;
	size_t size;
	uint8_t bytes[] __attribute__((aligned(16)));
};

/* What a request with a few short sequences needs comes with one allocation. */
#define BLOCK_SIZE 4000u

void vbi_arena_release(struct vbi_request *request)
{
	while (request->arena) {
		struct vbi_request_arena *block = request->arena;

		request->arena = block->next;
		free(block);
	}
	request->arena_bytes = 0;
}

static struct vbi_request_arena *add_block(struct vbi_request *request, size_t size)
{
	size_t block_size = size > BLOCK_SIZE ? size : BLOCK_SIZE;
	struct vbi_request_arena *block = malloc(sizeof(*block) + block_size);

	if (!block)
		return NULL;
	request->conn->worker->stats.allocations++;
	block->next = request->arena;
	block->used = 0;
	block->size = block_size;
	request->arena = block;
	return block;
}

void *vb_stub_request_alloc(struct vb_request *req, size_t size)
{
	struct vbi_request *request = vbi_request_of(req);
	struct vbi_request_arena *block = request->arena;
	size_t rounded = (size + 7u) & ~(size_t)7;
	void *memory;

	if (size > VB_ARENA_MAX || rounded > VB_ARENA_MAX - request->arena_bytes)
		goto fail;
	if (!block || rounded > block->size - block->used)
		block = add_block(request, rounded);
	if (!block)
		goto fail;
	memory = block->bytes + block->used;
	block->used += rounded;
	request->arena_bytes += rounded;
	return memory;
fail:
	vbi_request_fail(request, ENOMEM, request->ran);
	return NULL;
}
