// SPDX-License-Identifier: Apache-2.0
#include "idl/layout_priv.h"

/* ---- what a type is on the wire ---- */

static const struct idl_struct_layout *layout_of(const struct idl_decl *decl)
{
	return decl->u.structure.layout;
}

/* The block of a growing struct at the last minor, which is also its largest. */
static uint32_t block_size(const struct idl_decl *decl)
{
	const struct idl_wire_block *block = &layout_of(decl)->block;

	return block->forms[block->n_forms - 1].size;
}

static enum idl_wire_kind kind_of(const struct idl_type *type)
{
	switch (type->kind) {
	case IDL_TYPE_SCALAR:
		return IDL_WIRE_SCALAR;
	case IDL_TYPE_STRING:
		return IDL_WIRE_STRING;
	case IDL_TYPE_BYTES:
		return IDL_WIRE_BYTES;
	case IDL_TYPE_SEQUENCE:
		return IDL_WIRE_SEQUENCE;
	case IDL_TYPE_NAMED:
		break;
	}
	if (type->decl->kind == IDL_DECL_ENUM)
		return IDL_WIRE_SCALAR;
	return type->decl->u.structure.is_frozen_type ? IDL_WIRE_FROZEN : IDL_WIRE_STRUCT;
}

static enum idl_scalar scalar_of(const struct idl_type *type)
{
	if (type->kind == IDL_TYPE_NAMED && type->decl->kind == IDL_DECL_ENUM)
		return type->decl->u.enumeration.scalar;
	return type->scalar;
}

static void inline_size(const struct idl_type *type, uint32_t *ret_size, uint32_t *ret_align)
{
	switch (kind_of(type)) {
	case IDL_WIRE_SCALAR:
		*ret_size = *ret_align = idl_scalar_info(scalar_of(type))->size;
		break;
	case IDL_WIRE_FROZEN:
		*ret_size = layout_of(type->decl)->c_size;
		*ret_align = layout_of(type->decl)->c_align;
		break;
	default:
		*ret_size = *ret_align = IDL_SPAN_SIZE;
		break;
	}
}

struct idl_wire_element idl_wire_element_of(const struct idl_type *type)
{
	struct idl_wire_element element = {
		.kind = kind_of(type),
		.scalar = IDL_UINT8,
		.decl = type->decl,
		.bound = type->bound,
	};
	uint32_t align;

	if (element.kind == IDL_WIRE_BYTES) {
		/* The unit of a buffer of bytes. */
		element.kind = IDL_WIRE_SCALAR;
		element.size = 1;
		element.bound = 0;
		return element;
	}
	inline_size(type, &element.size, &align);
	if (element.kind == IDL_WIRE_SCALAR)
		element.scalar = scalar_of(type);
	if (element.kind == IDL_WIRE_STRUCT)
		element.size = block_size(type->decl);
	return element;
}

/* ---- heap ---- */

static uint64_t string_size(uint32_t bound)
{
	return idl_size_round((uint64_t)bound + 1, IDL_HEAP_ALIGN);
}

static uint64_t struct_heap_max(const struct idl_decl *decl)
{
	return idl_size_add(idl_size_round(block_size(decl), IDL_HEAP_ALIGN),
			    layout_of(decl)->heap_max);
}

static uint64_t sequence_heap_max(const struct idl_wire_field *field)
{
	const struct idl_wire_element *e = &field->element;
	uint64_t below = 0;

	if (e->kind == IDL_WIRE_STRING)
		below = string_size(e->bound);
	else if (e->kind == IDL_WIRE_STRUCT)
		below = layout_of(e->decl)->heap_max;
	return idl_size_add(idl_size_round(idl_size_multiply(field->bound, e->size),
					   IDL_HEAP_ALIGN),
			    idl_size_multiply(field->bound, below));
}

static uint64_t heap_max(const struct idl_wire_field *field)
{
	switch (field->kind) {
	case IDL_WIRE_STRING:
		return string_size(field->bound);
	case IDL_WIRE_BYTES:
		return idl_size_round(field->bound, IDL_HEAP_ALIGN);
	case IDL_WIRE_SEQUENCE:
		return sequence_heap_max(field);
	case IDL_WIRE_STRUCT:
		return struct_heap_max(field->decl);
	case IDL_WIRE_RESULT:
	case IDL_WIRE_PRESENCE:
	case IDL_WIRE_SCALAR:
	case IDL_WIRE_FROZEN:
	case IDL_WIRE_BUFFER:
		break;
	}
	return 0;
}

/* Only a string is never empty, for its NUL, and a lone struct always there. */
uint64_t idl_wire_heap_min(const struct idl_wire_field *field)
{
	if (field->kind == IDL_WIRE_STRING)
		return IDL_HEAP_ALIGN;
	if (field->kind != IDL_WIRE_STRUCT)
		return 0;
	return idl_size_add(idl_size_round(layout_of(field->decl)->block.forms[0].size,
					   IDL_HEAP_ALIGN),
			    layout_of(field->decl)->heap_min);
}

uint64_t idl_wire_arena_max(const struct idl_wire_field *field)
{
	const struct idl_wire_element *e = &field->element;
	const struct idl_struct_layout *layout;

	if (field->kind == IDL_WIRE_STRUCT)
		return layout_of(field->decl)->arena_max;
	if (field->kind != IDL_WIRE_SEQUENCE)
		return 0;
	if (e->kind == IDL_WIRE_STRING)
		return idl_size_multiply(field->bound, sizeof(uint64_t)); /* a pointer each */
	if (e->kind != IDL_WIRE_STRUCT)
		return 0;
	layout = layout_of(e->decl);
	return idl_size_add(idl_size_round(idl_size_multiply(field->bound, layout->c_size),
					   IDL_HEAP_ALIGN),
			    idl_size_multiply(field->bound, layout->arena_max));
}

/* ---- fields ---- */

struct idl_wire_field *idl_block_add_type(struct idl_block_builder *builder,
					  const struct idl_type *type, uint32_t array_size)
{
	uint32_t count = array_size ? array_size : 1;
	struct idl_wire_field *field;
	uint32_t size, align;

	inline_size(type, &size, &align);
	field = idl_block_add(builder, (uint64_t)size * count, align);
	field->kind = kind_of(type);
	field->count = count;
	field->is_array = array_size != 0;
	field->scalar = scalar_of(type);
	field->decl = type->decl;
	field->bound = type->bound;
	if (type->kind == IDL_TYPE_SEQUENCE)
		field->element = idl_wire_element_of(type->element);
	field->heap_max = heap_max(field);
	return field;
}
