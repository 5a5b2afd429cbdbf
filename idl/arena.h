/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is released all at once. Everything a compilation makes (text, tokens, tree,
 * diagnostics) lies in one arena and lives exactly as long as the program it belongs to.
 *
 * Nothing here returns NULL: when memory is exhausted the process prints one line and exits with
 * 1. A compiler that writes its output last has nothing to undo.
 */
#ifndef VERBENA_IDL_ARENA_H
#define VERBENA_IDL_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct idl_arena_block;

struct idl_arena {
	struct idl_arena_block *blocks; /* newest first */
	size_t used;			/* of the newest block */
};

/* Makes an empty arena; allocates nothing. */
void idl_arena_init(struct idl_arena *arena);

/* Releases all memory of the arena, which is empty afterwards and may be used again. */
void idl_arena_release(struct idl_arena *arena);

/* `size` zeroed bytes, aligned for any type, valid until the arena is released. */
void *idl_arena_alloc(struct idl_arena *arena, size_t size);

/* `count` zeroed elements of `size` bytes; the product is checked. */
void *idl_arena_array(struct idl_arena *arena, size_t count, size_t size);

/* A NUL-terminated copy of `size` bytes. */
char *idl_arena_copy(struct idl_arena *arena, const char *text, size_t size);

/* A NUL-terminated formatted string. */
char *idl_arena_printf(struct idl_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
char *idl_arena_vprintf(struct idl_arena *arena, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* Says so on stderr and exits with 1. */
void idl_out_of_memory(void) __attribute__((noreturn));

#endif
