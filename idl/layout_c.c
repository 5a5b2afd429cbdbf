// SPDX-License-Identifier: Apache-2.0
#include "idl/layout.h"

#include "idl/arena.h"

/* LP64, which is every machine that Verbena supports. */
#define POINTER_SIZE 8u

/* Bytes and alignment of one C member; 64 bits hold every product of array and struct size. */
struct c_size {
	uint64_t size;
	uint32_t align;
};

static uint64_t round_up(uint64_t size, uint32_t align)
{
	return (size + align - 1) / align * align;
}

static struct c_size type_size(const struct idl_type *type)
{
	const struct idl_struct_layout *layout;
	uint32_t size = POINTER_SIZE;

	if (type->kind == IDL_TYPE_SCALAR) {
		size = idl_scalar_info(type->scalar)->size;
	} else if (type->kind == IDL_TYPE_NAMED && type->decl->kind == IDL_DECL_ENUM) {
		size = idl_scalar_info(type->decl->u.enumeration.scalar)->size;
	} else if (type->kind == IDL_TYPE_NAMED) {
		layout = type->decl->u.structure.layout;
		return (struct c_size){layout->c_size, layout->c_align};
	}
	return (struct c_size){size, size};
}

uint64_t idl_layout_c_field_size(const struct idl_field *field)
{
	struct c_size one = type_size(field->type);

	return one.size * (field->array_size ? field->array_size : 1);
}

/* Where the member of a field lies behind `*end` bytes; its flag and count move the end too. */
static uint64_t place_field(const struct idl_field *field, uint64_t *end)
{
	struct c_size one = type_size(field->type);
	uint64_t at;

	if (field->is_optional)
		*end += sizeof(bool);
	at = round_up(*end, one.align);
	*end = at + idl_layout_c_field_size(field);
	if (field->type->kind == IDL_TYPE_BYTES || field->type->kind == IDL_TYPE_SEQUENCE)
		*end += sizeof(uint32_t);
	return at;
}

static bool is_struct(const struct idl_type *type)
{
	return type->kind == IDL_TYPE_NAMED && type->decl->kind == IDL_DECL_STRUCT;
}

/* What a struct inherits from a field: its depth, and memory behind it. */
static void inherit(struct idl_struct_layout *layout, const struct idl_type *type)
{
	const struct idl_type *element = type->kind == IDL_TYPE_SEQUENCE ? type->element : type;

	if (type->kind == IDL_TYPE_STRING || type->kind == IDL_TYPE_BYTES ||
	    type->kind == IDL_TYPE_SEQUENCE)
		layout->is_variable = true;
	if (!is_struct(element))
		return;
	if (element->decl->u.structure.layout->depth >= layout->depth)
		layout->depth = element->decl->u.structure.layout->depth + 1;
	if (element->decl->u.structure.layout->is_variable)
		layout->is_variable = true;
}

static bool holds_checked_value(const struct idl_type *type)
{
	if (type->kind == IDL_TYPE_SCALAR)
		return type->scalar == IDL_BOOL;
	if (type->decl->kind == IDL_DECL_ENUM)
		return type->decl->u.enumeration.is_closed;
	return type->decl->u.structure.layout->is_checked;
}

struct idl_struct_layout *idl_layout_c_form(struct idl_arena *arena, const struct idl_decl *decl)
{
	const struct idl_struct *structure = &decl->u.structure;
	struct idl_struct_layout *layout = idl_arena_alloc(arena, sizeof(*layout));
	uint32_t *offsets = idl_arena_array(arena, structure->n_fields, sizeof(*offsets));
	uint64_t end = 0;

	layout->c_align = 1;
	layout->depth = 1;
	for (const struct idl_field *f = structure->fields; f; f = f->next) {
		struct c_size one = type_size(f->type);
		uint64_t at;

		if (f->is_reserved)
			continue;
		at = place_field(f, &end);
		if (end > IDL_MAX_STRUCT_SIZE)
			return NULL;
		offsets[f->index] = (uint32_t)at;
		inherit(layout, f->type);
		if (one.align > layout->c_align)
			layout->c_align = one.align;
		if (structure->is_frozen_type && holds_checked_value(f->type))
			layout->is_checked = true;
	}
	layout->c_size = (uint32_t)round_up(end, layout->c_align);
	if (structure->is_frozen_type)
		layout->c_offsets = offsets;
	return layout;
}
