// SPDX-License-Identifier: Apache-2.0
#include "idl/layout.h"

#include "idl/arena.h"
#include "idl/idl.h"
#include "idl/layout_priv.h"

/* ---- growing structs ---- */

/* The bit of the next optional field; the first of a word brings the word along. */
static uint32_t take_presence_bit(struct idl_block_builder *builder)
{
	uint32_t bit = builder->n_optional++ % IDL_PRESENCE_BITS;
	struct idl_wire_field *word;

	if (bit == 0) {
		word = idl_block_add(builder, sizeof(uint32_t), sizeof(uint32_t));
		word->kind = IDL_WIRE_PRESENCE;
		word->scalar = IDL_UINT32;
		word->name = idl_arena_printf(builder->arena, "presence%u", builder->n_presence++);
	}
	return bit;
}

/*
 * A reserved field keeps its bytes, and its bit, and has no field: the gaps cover it. It is laid
 * out like the others, because what was removed decides how much stays.
 */
static void add_field(struct idl_block_builder *builder, const struct idl_field *field)
{
	struct idl_wire_field *wire;
	uint32_t bit = 0;

	if (field->is_optional)
		bit = take_presence_bit(builder);
	wire = idl_block_add_type(builder, field->type, field->array_size);
	if (field->is_reserved) {
		*wire = (struct idl_wire_field){0};
		builder->n_fields--;
		return;
	}
	wire->field = field;
	wire->name = field->node.name.text;
	if (field->is_optional) {
		wire->presence_word = builder->n_presence - 1;
		wire->presence_bit = bit;
	}
}

static void sum_fields(struct idl_struct_layout *layout)
{
	for (size_t i = 0; i < layout->block.n_fields; i++) {
		const struct idl_wire_field *f = &layout->block.fields[i];

		if (f->since_minor == 0)
			layout->heap_min = idl_size_add(layout->heap_min, idl_wire_heap_min(f));
		layout->heap_max = idl_size_add(layout->heap_max, f->heap_max);
		layout->arena_max = idl_size_add(layout->arena_max, idl_wire_arena_max(f));
		if (f->kind >= IDL_WIRE_STRING)
			layout->has_heap = true;
	}
}

/* False when the block is too large to speak of. */
static bool layout_growing(struct idl_arena *arena, const struct idl_decl *decl,
			   struct idl_struct_layout *layout)
{
	const struct idl_struct *structure = &decl->u.structure;
	struct idl_block_builder builder;

	/* At worst each field brings a word of presence bits. */
	idl_block_init(&builder, arena, 2 * structure->n_fields);
	for (const struct idl_field *f = structure->fields; f; f = f->next) {
		if (f->since.minor != builder.minor) {
			idl_block_close_form(&builder, 1);
			builder.minor = f->since.minor;
		}
		add_field(&builder, f);
		if (builder.end > IDL_MAX_STRUCT_SIZE)
			return false;
	}
	idl_block_close_form(&builder, 1);
	layout->block = idl_block_finish(&builder);
	sum_fields(layout);
	return true;
}

/* False when reported: what contains the struct cannot be laid out then. */
static bool layout_struct(struct idl_program *program, struct idl_decl *decl)
{
	struct idl_struct *structure = &decl->u.structure;
	struct idl_struct_layout *layout;

	if (structure->is_frozen_type)
		return true; /* the checker has asked for its C form, which is all of it */
	layout = idl_arena_alloc(&program->arena, sizeof(*layout));
	*layout = *structure->layout;
	structure->layout = layout;
	if (layout_growing(&program->arena, decl, layout))
		return true;
	idl_diag_on(&program->diags, &decl->node.in_error, IDL_E0404, decl->node.name.span,
		    "struct '%s' is larger than %u bytes on the wire", decl->node.name.text,
		    IDL_MAX_STRUCT_SIZE);
	return false;
}

/* ---- methods ---- */

static bool check_message(struct idl_program *program, struct idl_decl *decl,
			  const struct idl_message_layout *message, const char *what,
			  uint32_t max_message)
{
	struct idl_diag *d;

	if (message->min > max_message) {
		d = idl_diag_on(&program->diags, &decl->node.in_error, IDL_E0405,
				decl->node.name.span,
				"every %s of '%s' has at least %u bytes, and max_message is %u",
				what, decl->node.name.text, message->min, max_message);
		idl_diag_fix(d, "raise max_message, or pass a buffer with an extent");
		return false;
	}
	if (message->max_exposed <= max_message)
		return true;
	d = idl_diag_on(&program->diags, &decl->node.in_error, IDL_W0402, decl->node.name.span,
			"a %s of '%s' can have %u bytes, and max_message is %u", what,
			decl->node.name.text, message->max_exposed, max_message);
	idl_diag_fix(d, "larger ones fail with EMSGSIZE; lower the bounds, or raise max_message");
	return true;
}

static void layout_method(struct idl_program *program, struct idl_decl *decl)
{
	const struct idl_interface *interface = &decl->owner->u.interface;
	struct idl_method_layout *layout;
	const char *too_large;

	layout = idl_layout_method(&program->arena, decl, interface, &too_large);
	decl->u.method.layout = layout;
	if (too_large) {
		idl_diag_on(&program->diags, &decl->node.in_error, IDL_E0404, decl->node.name.span,
			    "the bounds of '%s' allow a %s of more than 4 GiB",
			    decl->node.name.text, too_large);
		return;
	}
	if (check_message(program, decl, &layout->request, "request", interface->max_message))
		check_message(program, decl, &layout->reply, "reply", interface->max_message);
}

/* ---- all ---- */

static bool layout_decls(struct idl_program *program, struct idl_decl *decls)
{
	for (struct idl_decl *d = decls; d; d = d->next) {
		if (d->kind == IDL_DECL_STRUCT && !layout_struct(program, d))
			return false;
		if (d->kind == IDL_DECL_METHOD)
			layout_method(program, d);
	}
	return true;
}

/* A type comes before its users in the text, and an imported file before the importing one. */
void idl_layout_program(struct idl_program *program)
{
	for (struct idl_file *f = program->files; f; f = f->next) {
		if (!layout_decls(program, f->decls))
			return;
		for (struct idl_decl *d = f->decls; d; d = d->next) {
			if (d->kind == IDL_DECL_INTERFACE &&
			    !layout_decls(program, d->u.interface.decls))
				return;
		}
	}
}
