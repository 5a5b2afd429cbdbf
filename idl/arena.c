// SPDX-License-Identifier: Apache-2.0
#include "idl/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A block holds a few hundred nodes: large enough that malloc does not show in a profile. Under
 * AddressSanitizer every allocation gets a block of its own, so that an overrun is seen.
 */
#if defined(__SANITIZE_ADDRESS__)
#define BLOCK_SIZE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLOCK_SIZE 0
#endif
#endif
#ifndef BLOCK_SIZE
#define BLOCK_SIZE (64u << 10)
#endif

struct idl_arena_block {
	struct idl_arena_block *older;
	size_t size;
	alignas(max_align_t) unsigned char bytes[];
};

void idl_out_of_memory(void)
{
	fputs("verbenac: out of memory\n", stderr);
	exit(1);
}

void idl_arena_init(struct idl_arena *arena)
{
	*arena = (struct idl_arena){.blocks = NULL};
}

void idl_arena_release(struct idl_arena *arena)
{
	while (arena->blocks) {
		struct idl_arena_block *block = arena->blocks;

		arena->blocks = block->older;
		free(block);
	}
	arena->used = 0;
}

static struct idl_arena_block *block_new(size_t size)
{
	struct idl_arena_block *block;

	if (size > SIZE_MAX - sizeof(*block))
		idl_out_of_memory();
	block = calloc(1, sizeof(*block) + size);
	if (!block)
		idl_out_of_memory();
	block->size = size;
	return block;
}

void *idl_arena_alloc(struct idl_arena *arena, size_t size)
{
	struct idl_arena_block *block = arena->blocks;
	const size_t align = alignof(max_align_t);
	void *memory;

	if (size > SIZE_MAX - align)
		idl_out_of_memory();
	if (BLOCK_SIZE != 0)
		size = (size + align - 1) / align * align;
	if (!block || block->size - arena->used < size) {
		block = block_new(size > BLOCK_SIZE ? size : BLOCK_SIZE);
		block->older = arena->blocks;
		arena->blocks = block;
		arena->used = 0;
	}
	memory = block->bytes + arena->used;
	arena->used += size;
	return memory;
}

void *idl_arena_array(struct idl_arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		idl_out_of_memory();
	return idl_arena_alloc(arena, bytes);
}

char *idl_arena_copy(struct idl_arena *arena, const char *text, size_t size)
{
	char *copy = idl_arena_alloc(arena, size + 1);

	if (size)
		memcpy(copy, text, size);
	return copy;
}

char *idl_arena_vprintf(struct idl_arena *arena, const char *format, va_list args)
{
	va_list again;
	char *text;
	int size;

	va_copy(again, args);
	size = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (size < 0)
		idl_out_of_memory();
	text = idl_arena_alloc(arena, (size_t)size + 1);
	vsnprintf(text, (size_t)size + 1, format, args);
	return text;
}

char *idl_arena_printf(struct idl_arena *arena, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = idl_arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}
