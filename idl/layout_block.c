// SPDX-License-Identifier: Apache-2.0
#include "idl/layout_priv.h"

#include "idl/arena.h"

uint64_t idl_size_add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? IDL_SIZE_OVERFLOW : sum;
}

uint64_t idl_size_multiply(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? IDL_SIZE_OVERFLOW : product;
}

uint64_t idl_size_round(uint64_t size, uint32_t align)
{
	uint64_t sum = idl_size_add(size, align - 1);

	return sum == IDL_SIZE_OVERFLOW ? sum : sum / align * align;
}

/* ---- building ---- */

void idl_block_init(struct idl_block_builder *builder, struct idl_arena *arena, size_t n)
{
	*builder = (struct idl_block_builder){
		.arena = arena,
		.fields = idl_arena_array(arena, n + 1, sizeof(*builder->fields)),
		.forms = idl_arena_array(arena, n + 1, sizeof(*builder->forms)),
		.align = 1,
	};
}

uint64_t idl_block_place(struct idl_block_builder *builder, uint64_t size, uint32_t align)
{
	uint64_t offset = idl_size_round(builder->end, align);

	builder->end = idl_size_add(offset, size);
	if (align > builder->align)
		builder->align = align;
	return offset;
}

struct idl_wire_field *idl_block_add(struct idl_block_builder *builder, uint64_t size,
				     uint32_t align)
{
	struct idl_wire_field *field = &builder->fields[builder->n_fields++];

	/* A block beyond 32 bits is refused by its size; these are never looked at then. */
	field->offset = (uint32_t)idl_block_place(builder, size, align);
	field->size = (uint32_t)size;
	field->count = 1;
	field->since_minor = builder->minor;
	field->presence_word = IDL_NOT_OPTIONAL;
	return field;
}

/* What lies between the fields, and behind the last: never more runs than fields and one. */
static void find_gaps(const struct idl_block_builder *builder, struct idl_wire_form *form)
{
	struct idl_wire_gap *gaps = idl_arena_array(builder->arena, form->n_fields + 1,
						    sizeof(*gaps));
	uint32_t end = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < form->n_fields; i++) {
		const struct idl_wire_field *f = &builder->fields[i];

		if (f->offset > end)
			gaps[n++] = (struct idl_wire_gap){end, f->offset - end};
		end = f->offset + f->size;
	}
	if (form->size > end)
		gaps[n++] = (struct idl_wire_gap){end, form->size - end};
	form->gaps = gaps;
	form->n_gaps = n;
}

void idl_block_close_form(struct idl_block_builder *builder, uint32_t min_align)
{
	struct idl_wire_form *form = &builder->forms[builder->n_forms++];

	form->minor = builder->minor;
	form->n_fields = builder->n_fields;
	form->align = builder->align > min_align ? builder->align : min_align;
	form->size = (uint32_t)idl_size_round(builder->end, form->align);
	find_gaps(builder, form);
}

struct idl_wire_block idl_block_finish(const struct idl_block_builder *builder)
{
	return (struct idl_wire_block){
		.fields = builder->fields,
		.n_fields = builder->n_fields,
		.forms = builder->forms,
		.n_forms = builder->n_forms,
		.n_presence = builder->n_presence,
	};
}

/* ---- reading ---- */

const struct idl_wire_form *idl_wire_form_at(const struct idl_wire_block *block, uint32_t minor)
{
	size_t i = block->n_forms - 1;

	while (i > 0 && block->forms[i].minor > minor)
		i--;
	return &block->forms[i];
}

uint32_t idl_wire_presence_mask(const struct idl_wire_block *block, uint32_t word, uint32_t minor)
{
	const struct idl_wire_form *form = idl_wire_form_at(block, minor);
	uint32_t mask = 0;

	for (uint32_t i = 0; i < form->n_fields; i++) {
		if (block->fields[i].presence_word == word)
			mask |= 1u << block->fields[i].presence_bit;
	}
	return mask;
}
