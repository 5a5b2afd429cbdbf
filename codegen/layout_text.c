// SPDX-License-Identifier: Apache-2.0
/* --layout: offsets and sizes, one to a line, so that a change of the wire shows in review. */
#include <inttypes.h>

#include "codegen/c_types.h"
#include "codegen/gen.h"

/* As the source writes it; a named type by its C name, which says where it is from. */
static const char *type_text(struct gen_emit *e, const struct idl_type *type)
{
	switch (type->kind) {
	case IDL_TYPE_SCALAR:
		return idl_scalar_info(type->scalar)->name;
	case IDL_TYPE_STRING:
		return gen_format(e, "string<%" PRIu32 ">", type->bound);
	case IDL_TYPE_BYTES:
		return type->bound ? gen_format(e, "bytes<%" PRIu32 ">", type->bound) : "bytes";
	case IDL_TYPE_SEQUENCE:
		return gen_format(e, "sequence<%s, %" PRIu32 ">", type_text(e, type->element),
				  type->bound);
	case IDL_TYPE_NAMED:
		return type->decl->c_name;
	}
	return "";
}

static const char *extent_text(struct gen_emit *e, const struct idl_extent *extent)
{
	switch (extent->kind) {
	case IDL_EXTENT_RETURN:
		return "return";
	case IDL_EXTENT_NAME:
		if (extent->param)
			return extent->param->node.name.text;
		return gen_number(e, extent->value);
	case IDL_EXTENT_ADD:
		return gen_format(e, "%s + %s", extent_text(e, extent->left),
				  extent_text(e, extent->right));
	case IDL_EXTENT_MULTIPLY:
		return gen_format(e, "%s * %s", extent_text(e, extent->left),
				  extent_text(e, extent->right));
	default:
		return gen_number(e, extent->value);
	}
}

static const char *field_text(struct gen_emit *e, const struct idl_wire_field *field)
{
	const char *text;

	if (field->kind == IDL_WIRE_PRESENCE)
		return gen_format(e, "uint32 (%s)", field->name);
	if (field->kind == IDL_WIRE_RESULT)
		return gen_format(e, "%s (result)", idl_scalar_info(field->scalar)->name);
	if (field->param) {
		text = gen_format(e, "%s %s", type_text(e, field->param->type), field->name);
		if (field->param->is_buffer)
			text = gen_format(e, "%s[%s : %s]", text,
					  extent_text(e, field->param->room),
					  extent_text(e, field->param->length));
		return text;
	}
	text = gen_format(e, "%s%s %s", field->field->is_optional ? "optional " : "",
			  type_text(e, field->field->type), field->name);
	if (field->is_array)
		text = gen_format(e, "%s[%" PRIu32 "]", text, field->count);
	if (field->presence_word != IDL_NOT_OPTIONAL)
		text = gen_format(e, "%s (presence%" PRIu32 " bit %" PRIu32 ")", text,
				  field->presence_word, field->presence_bit);
	return text;
}

static void layout_block(struct gen_emit *e, const struct idl_wire_block *block, uint32_t skip)
{
	for (size_t i = 0; i < block->n_fields; i++) {
		const struct idl_wire_field *const field = &block->fields[i];
		const char *since = "";

		if (field->since_minor > 0)
			since = gen_format(e, " since %" PRIu32, field->since_minor);
		if (!field->size)
			gen_emit(e, "\theap     $text$$since$\n", "text", field_text(e, field),
				 "since", since, NULL);
		else
			gen_emit(e, "\t$range$ $text$$since$\n", "range",
				 gen_format(e, "%4" PRIu32 " %4" PRIu32, skip + field->offset,
					    field->size),
				 "text", field_text(e, field), "since", since, NULL);
	}
}

static void layout_frozen(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_struct *const s = &decl->u.structure;

	gen_emit(e, "frozen struct $name$: $size$ bytes, aligned to $align$\n", "name",
		 decl->c_name, "size", gen_number(e, s->layout->c_size), "align",
		 gen_number(e, s->layout->c_align), NULL);
	for (const struct idl_field *f = s->fields; f; f = f->next)
		gen_emit(e, "\t$offset$      $type$ $name$$array$\n", "offset",
			 gen_format(e, "%4" PRIu32, s->layout->c_offsets[f->index]), "type",
			 type_text(e, f->type), "name", f->node.name.text, "array",
			 f->array_size ? gen_format(e, "[%" PRIu32 "]", f->array_size) : "", NULL);
}

static void layout_growing(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_wire_block *const block = &decl->u.structure.layout->block;

	gen_emit(e, "struct $name$:", "name", decl->c_name, NULL);
	for (size_t i = 0; i < block->n_forms; i++)
		gen_emit(e, "$comma$ $size$ bytes at minor $minor$", "comma", i ? "," : "", "size",
			 gen_number(e, block->forms[i].size), "minor",
			 gen_number(e, block->forms[i].minor), NULL);
	gen_emit(e, ", aligned to $align$\n", "align", gen_number(e, block->forms[0].align), NULL);
	layout_block(e, block, 0);
}

static void layout_enum(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_enum *const en = &decl->u.enumeration;
	const bool is_signed = idl_scalar_info(en->scalar)->is_signed;

	gen_emit(e, "$open$ enum $name$: $type$\n", "open", en->is_closed ? "closed" : "open",
		 "name", decl->c_name, "type", idl_scalar_info(en->scalar)->name, NULL);
	for (const struct idl_item *item = en->items; item; item = item->next)
		gen_emit(e, "\t$value$ $name$\n", "value",
			 is_signed ? gen_format(e, "%" PRId64, (int64_t)item->value.bits)
				   : gen_number(e, item->value.bits),
			 "name", item->node.name.text, NULL);
}

static void layout_type(struct gen_emit *e, const struct idl_decl *decl)
{
	if (decl->kind == IDL_DECL_ENUM)
		layout_enum(e, decl);
	else if (decl->kind != IDL_DECL_STRUCT)
		return;
	else if (decl->u.structure.is_frozen_type)
		layout_frozen(e, decl);
	else
		layout_growing(e, decl);
	gen_emit(e, "\n", NULL);
}

static void layout_message(struct gen_emit *e, const char *what,
			   const struct idl_message_layout *message)
{
	gen_emit(e, "    $what$: $fixed$ bytes", "what", what, "fixed",
		 gen_number(e, message->fixed), NULL);
	if (message->max != message->fixed)
		gen_emit(e, " and a heap, at most $max$", "max", gen_number(e, message->max), NULL);
	gen_emit(e, "\n", NULL);
	layout_block(e, &message->root, IDL_HEADER_SIZE);
}

static void layout_method(struct gen_emit *e, const struct idl_decl *decl)
{
	static const char *const results[] = {
		[IDL_RESULT_VOID] = "void",   [IDL_RESULT_INT32] = "int32",
		[IDL_RESULT_INT64] = "int64", [IDL_RESULT_ONEWAY] = "oneway void",
		[IDL_RESULT_OTHER] = "",
	};
	const struct idl_method *const m = &decl->u.method;

	gen_emit(e, "method $number$ $name$: $result$$idempotent$$since$\n", "number",
		 gen_number(e, m->number), "name", decl->node.name.text, "result",
		 results[m->result], "idempotent", m->is_idempotent ? ", idempotent" : "", "since",
		 m->since.minor ? gen_format(e, ", since %" PRIu32, m->since.minor) : "", NULL);
	layout_message(e, "request", &m->layout->request);
	if (m->result != IDL_RESULT_ONEWAY)
		layout_message(e, "reply", &m->layout->reply);
	gen_emit(e, "\n", NULL);
}

static void layout_interface(struct gen_emit *e, const struct idl_decl *interface)
{
	const struct idl_interface *const i = &interface->u.interface;
	const struct idl_decl *const *const methods = gen_methods(e, interface);

	gen_emit(e, "interface $name$ $id$ version $version$, messages of at most $max$ bytes\n\n",
		 "name", interface->node.name.text, "id", gen_format(e, "@0x%016" PRIx64, i->id),
		 "version",
		 gen_format(e, "%" PRIu32 ".%" PRIu32, i->version.major, i->version.minor), "max",
		 gen_number(e, i->max_message), NULL);
	for (const struct idl_decl *d = i->decls; d; d = d->next)
		layout_type(e, d);
	for (size_t m = 0; m < i->n_methods; m++)
		layout_method(e, methods[m]);
}

void gen_layout(struct gen_emit *e, const struct idl_file *file)
{
	gen_emit(e, "package $name$\n\n", "name", file->package.name.full, NULL);
	for (const struct idl_decl *d = file->decls; d; d = d->next) {
		if (d->kind == IDL_DECL_INTERFACE)
			layout_interface(e, d);
		else
			layout_type(e, d);
	}
}
