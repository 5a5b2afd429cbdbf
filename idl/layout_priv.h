/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the layout*.c files share.
 */
#ifndef VERBENA_IDL_LAYOUT_PRIV_H
#define VERBENA_IDL_LAYOUT_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "idl/layout.h"

struct idl_arena;

/* Sizes saturate at IDL_SIZE_OVERFLOW, so that sums of maxima need no checks of their own. */
uint64_t idl_size_add(uint64_t a, uint64_t b);
uint64_t idl_size_multiply(uint64_t a, uint64_t b);

/* Up to the next multiple of a power of two. */
uint64_t idl_size_round(uint64_t size, uint32_t align);

/* A block that is being filled, field by field. */
struct idl_block_builder {
	struct idl_arena *arena;
	struct idl_wire_field *fields; /* room for all of them */
	uint32_t n_fields;
	struct idl_wire_form *forms; /* room for one a field */
	size_t n_forms;
	uint64_t end;	/* bytes placed */
	uint32_t align; /* largest so far */
	uint32_t minor; /* of the fields being placed */
	uint32_t n_optional;
	uint32_t n_presence;
};

/* `n` is the most fields that will be placed, presence words included. */
void idl_block_init(struct idl_block_builder *builder, struct idl_arena *arena, size_t n);

/* Takes the next bytes of the block: an offset of IDL_SIZE_OVERFLOW at worst. */
uint64_t idl_block_place(struct idl_block_builder *builder, uint64_t size, uint32_t align);

/* Adds a field behind the others; kind, size and the rest are the caller's to fill in. */
struct idl_wire_field *idl_block_add(struct idl_block_builder *builder, uint64_t size,
				     uint32_t align);

/* Ends the form of the current minor; `min_align` is what its size is a multiple of at least. */
void idl_block_close_form(struct idl_block_builder *builder, uint32_t min_align);

/* The finished block. */
struct idl_wire_block idl_block_finish(const struct idl_block_builder *builder);

/*
 * Adds a field of a type: its kind, element, bound and maximum. Types within are laid out. `bound`
 * and array sizes come from the checker.
 */
struct idl_wire_field *idl_block_add_type(struct idl_block_builder *builder,
					  const struct idl_type *type, uint32_t array_size);

/* Least bytes of heap beneath a field, rounded; and what a decoded one takes of the arena. */
uint64_t idl_wire_heap_min(const struct idl_wire_field *field);
uint64_t idl_wire_arena_max(const struct idl_wire_field *field);

/* What a type is as an element of a sequence or buffer. */
struct idl_wire_element idl_wire_element_of(const struct idl_type *type);

/*
 * Lays out a method of an interface; no diagnostics. *ret_too_large is NULL, or "request" or
 * "reply": the message whose largest length has no 32 bits, and whose sizes mean nothing.
 */
struct idl_method_layout *idl_layout_method(struct idl_arena *arena, const struct idl_decl *decl,
					    const struct idl_interface *interface,
					    const char **ret_too_large);

#endif
