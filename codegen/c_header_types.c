// SPDX-License-Identifier: Apache-2.0
/* Constants, enums and structs as a program sees them. */
#include <inttypes.h>

#include "codegen/c_types.h"
#include "codegen/docs.h"
#include "codegen/gen.h"

static void header_const(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_const *const constant = &decl->u.constant;

	gen_doc(e, &decl->node.doc);
	gen_emit(e, "#define $name$ $value$\n\n", "name", decl->c_name, "value",
		 gen_c_value(e, constant->scalar, &constant->value), NULL);
}

static void enum_item(struct gen_emit *e, const struct idl_decl *decl, const struct idl_item *item)
{
	const struct idl_enum *const en = &decl->u.enumeration;
	const bool is_later = decl->owner && item->since.minor > 0;

	gen_doc_member(e, &item->node.doc, item->is_deprecated, &item->since, is_later);
	if (!en->fits_int) {
		gen_emit(e, "#define $name$ $value$\n", "name", item->c_name, "value",
			 gen_c_value(e, en->scalar, &item->value), NULL);
		return;
	}
	/* An int: the suffix that the type's own macro adds would make C23 and C++ disagree. */
	const char *value = gen_number(e, item->value.bits);
	if (item->value.is_negative && (int64_t)item->value.bits == INT32_MIN)
		value = "-2147483647 - 1";
	else if (item->value.is_negative)
		value = gen_format(e, "%" PRId64, (int64_t)item->value.bits);
	gen_emit(e, "$name$ = $value$,\n", "name", item->c_name, "value", value, NULL);
}

static void header_enum(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_enum *const en = &decl->u.enumeration;

	gen_doc(e, &decl->node.doc);
	if (en->fits_int) {
		gen_emit(e, "enum $name$ {\n", "name", decl->c_name, NULL);
		gen_emit_indent(e);
	}
	for (const struct idl_item *item = en->items; item; item = item->next)
		enum_item(e, decl, item);
	if (en->fits_int) {
		gen_emit_outdent(e);
		gen_emit(e, "};\n", NULL);
	}
	gen_emit(e,
		 "\n/* A value's name as the interface spells it, a static string; or NULL. */\n"
		 "const char *$name$_name($type$ value);\n\n",
		 "name", decl->c_name, "type", idl_scalar_info(en->scalar)->c_type, NULL);
}

static void struct_field(struct gen_emit *e, const struct idl_field *field)
{
	const struct idl_type *const type = field->type;
	const char *const name = field->node.name.text;
	const bool is_later = field->owner->owner && field->since.minor > 0;
	const char *const array = field->array_size
					  ? gen_format(e, "[%" PRIu32 "]", field->array_size)
					  : "";
	const char *decl;

	gen_doc_member(e, &field->node.doc, field->is_deprecated, &field->since, is_later);
	if (field->is_optional)
		gen_emit(e, "bool has_$name$;\n", "name", name, NULL);
	if (type->kind == IDL_TYPE_SEQUENCE)
		decl = gen_format(e, "%s *%s", gen_c_element(e, type), name);
	else if (type->kind == IDL_TYPE_STRING || type->kind == IDL_TYPE_BYTES)
		decl = gen_format(e, "const %s *%s", gen_c_type(e, type), name);
	else
		decl = gen_format(e, "%s %s%s", gen_c_type(e, type), name, array);
	gen_emit(e, "$decl$;$comment$\n", "decl", decl, "comment", gen_enum_comment(e, type), NULL);
	if (type->kind == IDL_TYPE_SEQUENCE || type->kind == IDL_TYPE_BYTES)
		gen_emit(e, "uint32_t n_$name$;\n", "name", name, NULL);
}

static void frozen_asserts(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_struct *const s = &decl->u.structure;

	gen_emit(e, "static_assert(sizeof(struct $name$) == $size$, \"$name$ is frozen\");\n",
		 "name", decl->c_name, "size", gen_number(e, s->layout->c_size), NULL);
	for (const struct idl_field *f = s->fields; f; f = f->next)
		gen_emit(e,
			 "static_assert(offsetof(struct $name$, $field$) == $offset$, "
			 "\"$name$ is frozen\");\n",
			 "name", decl->c_name, "field", f->node.name.text, "offset",
			 gen_number(e, s->layout->c_offsets[f->index]), NULL);
}

static void header_struct(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_struct *const s = &decl->u.structure;

	gen_doc(e, &decl->node.doc);
	gen_emit(e, "struct $name$ {\n", "name", decl->c_name, NULL);
	gen_emit_indent(e);
	bool is_empty = true;
	for (const struct idl_field *f = s->fields; f; f = f->next) {
		if (f->is_reserved)
			continue;
		struct_field(e, f);
		is_empty = false;
	}
	/* All of them removed: C has no empty structs. */
	if (is_empty)
		gen_emit(e, "uint8_t vb_nothing;\n", NULL);
	gen_emit_outdent(e);
	gen_emit(e, "};\n", NULL);
	if (s->is_frozen_type)
		frozen_asserts(e, decl);
	gen_emit(e, "\n", NULL);
}

void gen_header_type(struct gen_emit *e, const struct idl_decl *decl)
{
	if (decl->kind == IDL_DECL_CONST)
		header_const(e, decl);
	else if (decl->kind == IDL_DECL_ENUM)
		header_enum(e, decl);
	else if (decl->kind == IDL_DECL_STRUCT)
		header_struct(e, decl);
}
