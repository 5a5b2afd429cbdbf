// SPDX-License-Identifier: Apache-2.0
/* Reading: fields of any block, and the functions of growing structs. */
#include <inttypes.h>

#include "codegen/c_types.h"
#include "codegen/gen.h"
#include "codegen/wire.h"

static void get_fail(struct gen_emit *e, const struct gen_place *place, const char *condition)
{
	gen_emit(e, "if ($condition$)\n\t$fail$\n", "condition", condition, "fail", place->fail,
		 NULL);
}

/* True when the value at `bytes` is none of its type's; NULL when every value is. */
static const char *get_invalid(struct gen_emit *e, const struct gen_place *place,
			       enum idl_wire_kind kind, enum idl_scalar scalar,
			       const struct idl_decl *decl, const char *bytes)
{
	if (!gen_kind_is_checked(kind, scalar, decl))
		return NULL;
	if (kind == IDL_WIRE_FROZEN)
		return gen_format(e, "!%s(%s, %s)", gen_wire_name(e, decl, "valid"), bytes,
				  place->minor);
	if (scalar == IDL_BOOL)
		return gen_format(e, "!vb_is_bool(%s, 1)", bytes);
	return gen_format(e, "!%s(vb_get_%s(%s), %s)", gen_wire_name(e, decl, "valid"),
			  idl_scalar_info(scalar)->name, bytes, place->minor);
}

/* The same of `count` elements of `size` bytes. */
static void check_elements(struct gen_emit *e, const struct gen_place *place,
			   enum idl_wire_kind kind, enum idl_scalar scalar,
			   const struct idl_decl *decl, const char *bytes, const char *count,
			   uint32_t size)
{
	if (kind == IDL_WIRE_SCALAR && scalar == IDL_BOOL) {
		get_fail(e, place, gen_format(e, "!vb_is_bool(%s, %s)", bytes, count));
		return;
	}
	gen_emit(e, "for (uint32_t vb_i = 0; vb_i < $count$; vb_i++)\n", "count", count, NULL);
	gen_emit_indent(e);
	get_fail(e, place,
		 get_invalid(e, place, kind, scalar, decl,
			     gen_format(e, "%s + (size_t)vb_i * %" PRIu32, bytes, size)));
	gen_emit_outdent(e);
}

void gen_check_field(struct gen_emit *e, const struct gen_place *place,
		     const struct idl_wire_field *field)
{
	const char *const bytes = gen_field_bytes(e, place, field);

	if (!gen_kind_is_checked(field->kind, field->scalar, field->decl))
		return;
	if (field->is_array)
		check_elements(e, place, field->kind, field->scalar, field->decl, bytes,
			       gen_number(e, field->count), field->size / field->count);
	else
		get_fail(e, place,
			 get_invalid(e, place, field->kind, field->scalar, field->decl, bytes));
}

void gen_check_gaps(struct gen_emit *e, const struct gen_place *place,
		    const struct idl_wire_form *form)
{
	for (size_t i = 0; i < form->n_gaps; i++)
		get_fail(e, place,
			 gen_format(e, "!vb_is_zero(%s + %" PRIu32 ", %" PRIu32 ")", place->bytes,
				    place->skip + form->gaps[i].offset, form->gaps[i].size));
}

static void get_flat_sequence(struct gen_emit *e, const struct gen_place *place,
			      const struct idl_wire_field *field, const struct gen_value *value,
			      const char *type)
{
	const struct idl_wire_element *const element = &field->element;

	get_fail(e, place,
		 gen_format(e, "!vb_read_units(%s, %s, %" PRIu32 ", %" PRIu32 ", &vb_block, &%s)",
			    place->io, gen_field_at(e, place, field), element->size, field->bound,
			    value->count));
	gen_emit(e, "const uint8_t *const vb_data = vb_read_data($io$, vb_block);\n", "io",
		 place->io, NULL);
	if (gen_kind_is_checked(element->kind, element->scalar, element->decl))
		check_elements(e, place, element->kind, element->scalar, element->decl, "vb_data",
			       value->count, element->size);
	gen_emit(e, "$value$ = (const $type$ *)(const void *)vb_data;\n", "value", value->value,
		 "type", type, NULL);
}

static void get_deep_sequence(struct gen_emit *e, const struct gen_place *place,
			      const struct idl_wire_field *field, const struct gen_value *value,
			      const char *type)
{
	const struct idl_wire_element *const element = &field->element;
	const bool is_string = element->kind == IDL_WIRE_STRING;
	const char *const stride = is_string ? gen_format(e, "%uu", IDL_SPAN_SIZE)
					     : gen_struct_size(e, element->decl, place->minor);

	gen_emit(e, "const uint32_t vb_stride = $stride$;\n", "stride", stride, NULL);
	get_fail(e, place,
		 gen_format(e, "!vb_read_units(%s, %s, vb_stride, %" PRIu32 ", &vb_block, &%s)",
			    place->io, gen_field_at(e, place, field), field->bound, value->count));
	gen_emit(e,
		 "$type$*const vb_items = ($type$*)vb_read_alloc(\n"
		 "\t$io$, (uint64_t)$count$ * sizeof(*vb_items));\n",
		 "type", is_string ? "const char *" : gen_format(e, "%s ", type), "io", place->io,
		 "count", value->count, NULL);
	get_fail(e, place, gen_format(e, "!vb_items && %s > 0", value->count));
	gen_emit(e, "for (uint32_t vb_i = 0; vb_i < $count$; vb_i++)\n", "count", value->count,
		 NULL);
	gen_emit_indent(e);
	if (is_string)
		get_fail(e, place,
			 gen_format(e,
				    "!vb_read_string(%s, vb_block + vb_i * vb_stride, %" PRIu32
				    ", &vb_items[vb_i])",
				    place->io, element->bound));
	else
		get_fail(e, place,
			 gen_format(e, "!%s(%s, vb_block + vb_i * vb_stride, &vb_items[vb_i])",
				    gen_wire_name(e, element->decl, "get"), place->io));
	gen_emit_outdent(e);
	gen_emit(e, "$value$ = vb_items;\n", "value", value->value, NULL);
}

static void get_sequence(struct gen_emit *e, const struct gen_place *place,
			 const struct idl_wire_field *field, const struct gen_value *value)
{
	const struct idl_type *const type = field->field ? field->field->type : field->param->type;
	const bool is_flat = field->element.kind == IDL_WIRE_SCALAR ||
			     field->element.kind == IDL_WIRE_FROZEN;

	gen_emit(e, "{\n", NULL);
	gen_emit_indent(e);
	gen_emit(e, "uint32_t vb_block;\n\n", NULL);
	if (is_flat)
		get_flat_sequence(e, place, field, value, gen_c_type(e, type->element));
	else
		get_deep_sequence(e, place, field, value, gen_c_type(e, type->element));
	gen_emit_outdent(e);
	gen_emit(e, "}\n", NULL);
}

void gen_get_heap(struct gen_emit *e, const struct gen_place *place,
		  const struct idl_wire_field *field, const struct gen_value *value)
{
	const char *const at = gen_field_at(e, place, field);

	switch (field->kind) {
	case IDL_WIRE_STRING:
		get_fail(e, place,
			 gen_format(e, "!vb_read_string(%s, %s, %" PRIu32 ", &%s)", place->io, at,
				    field->bound, value->value));
		return;
	case IDL_WIRE_BYTES:
		gen_emit(e, "{\n\tuint32_t vb_block;\n\n", NULL);
		gen_emit_indent(e);
		get_fail(e, place,
			 gen_format(e, "!vb_read_units(%s, %s, 1, %" PRIu32 ", &vb_block, &%s)",
				    place->io, at, field->bound, value->count));
		gen_emit(e, "$value$ = vb_read_data($io$, vb_block);\n", "value", value->value,
			 "io", place->io, NULL);
		gen_emit_outdent(e);
		gen_emit(e, "}\n", NULL);
		return;
	case IDL_WIRE_SEQUENCE:
		get_sequence(e, place, field, value);
		return;
	case IDL_WIRE_STRUCT:
		gen_emit(e, "{\n\tuint32_t vb_block;\n\n", NULL);
		gen_emit_indent(e);
		get_fail(e, place,
			 gen_format(e,
				    "!vb_read_struct(%s, %s, %s, &vb_block) ||\n\t    "
				    "!%s(%s, vb_block, %s)",
				    place->io, at, gen_struct_size(e, field->decl, place->minor),
				    gen_wire_name(e, field->decl, "get"), place->io,
				    value->address));
		gen_emit_outdent(e);
		gen_emit(e, "}\n", NULL);
		return;
	default:
		return;
	}
}

/* ---- the functions of a growing struct ---- */

/* Whether a string is in the struct, or in one inside of it. Types do not recurse. */
static bool has_string(const struct idl_decl *decl)
{
	const struct idl_wire_block *const block = &decl->u.structure.layout->block;

	for (size_t i = 0; i < block->n_fields; i++) {
		const struct idl_wire_field *const field = &block->fields[i];

		if (field->kind == IDL_WIRE_STRING)
			return true;
		if (field->kind == IDL_WIRE_STRUCT && has_string(field->decl))
			return true;
	}
	return false;
}

/* What a member holds, beyond zeroes, until it is read. */
static void get_default(struct gen_emit *e, const struct idl_wire_field *field)
{
	if (field->kind == IDL_WIRE_STRING)
		gen_emit(e, "value->$name$ = \"\";\n", "name", field->name, NULL);
	else if (field->kind == IDL_WIRE_STRUCT && has_string(field->decl))
		gen_emit(e, "$default$(&value->$name$);\n", "default",
			 gen_wire_name(e, field->decl, "default"), "name", field->name, NULL);
}

void gen_default_struct(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_wire_block *const block = &decl->u.structure.layout->block;

	if (!has_string(decl))
		return;
	gen_emit(e, "static void $name$(struct $struct$ *value)\n{\n", "name",
		 gen_wire_name(e, decl, "default"), "struct", decl->c_name, NULL);
	gen_emit_indent(e);
	for (size_t i = 0; i < block->n_fields; i++)
		get_default(e, &block->fields[i]);
	gen_emit_outdent(e);
	gen_emit(e, "}\n\n", NULL);
}

static void get_plain(struct gen_emit *e, const struct gen_place *place,
		      const struct idl_wire_field *field)
{
	const char *const bytes = gen_field_bytes(e, place, field);

	gen_check_field(e, place, field);
	if (field->kind == IDL_WIRE_SCALAR && !field->is_array)
		gen_emit(e, "value->$name$ = vb_get_$type$($bytes$);\n", "name", field->name,
			 "type", idl_scalar_info(field->scalar)->name, "bytes", bytes, NULL);
	else
		gen_emit(e, "vb_copy(&value->$name$, $bytes$, $size$);\n", "name", field->name,
			 "bytes", bytes, "size", gen_number(e, field->size), NULL);
}

static void get_member(struct gen_emit *e, const struct gen_place *place,
		       const struct idl_wire_field *field)
{
	const char *const name = field->name;
	const struct gen_value value = {
		.value = gen_format(e, "value->%s", name),
		.address = gen_format(e, "&value->%s", name),
		.count = gen_format(e, "value->n_%s", name),
	};

	if (field->presence_word == IDL_NOT_OPTIONAL) {
		if (field->kind == IDL_WIRE_SCALAR || field->kind == IDL_WIRE_FROZEN)
			get_plain(e, place, field);
		else
			gen_get_heap(e, place, field, &value);
		return;
	}
	gen_emit(e,
		 "value->has_$name$ = presence$word$ >> $bit$ & 1;\n"
		 "if (value->has_$name$) {\n",
		 "name", name, "word", gen_number(e, field->presence_word), "bit",
		 gen_number(e, field->presence_bit), NULL);
	gen_emit_indent(e);
	get_plain(e, place, field);
	gen_emit_outdent(e);
	gen_emit(e, "} else if (!vb_is_zero($bytes$, $size$)) {\n\treturn false;\n}\n", "bytes",
		 gen_field_bytes(e, place, field), "size", gen_number(e, field->size), NULL);
}

/* Reads a word of presence bits and refuses those that no field of this minor has. */
static void get_presence(struct gen_emit *e, const struct gen_place *place,
			 const struct idl_wire_block *block, const struct idl_wire_field *field,
			 uint32_t word)
{
	gen_emit(e, "$name$ = vb_get_uint32($bytes$);\n", "name", field->name, "bytes",
		 gen_field_bytes(e, place, field), NULL);
	for (size_t i = block->n_forms; i-- > 0;) {
		const uint32_t minor = block->forms[i].minor;
		const uint32_t mask = idl_wire_presence_mask(block, word, minor);

		if (minor < field->since_minor || mask == UINT32_MAX)
			continue;
		/* Only the form in force: below the next one's minor. */
		const char *const until = i + 1 < block->n_forms
						  ? gen_format(e, "reader->minor < %" PRIu32 " && ",
							       block->forms[i + 1].minor)
						  : "";
		gen_emit(e, "if ($until$($name$ & ~UINT32_C(0x$mask$)) != 0)\n\treturn false;\n",
			 "until", until, "name", field->name, "mask",
			 gen_format(e, "%" PRIx32, mask), NULL);
	}
}

static void get_gaps(struct gen_emit *e, const struct gen_place *place,
		     const struct idl_wire_block *block)
{
	for (size_t i = block->n_forms; i-- > 0;) {
		if (block->n_forms == 1) {
			gen_check_gaps(e, place, &block->forms[0]);
			return;
		}
		if (!block->forms[i].n_gaps)
			continue;
		/* The form in force: from its own minor until that of the next. */
		const char *const from = i > 0 ? gen_format(e, "reader->minor >= %" PRIu32,
							    block->forms[i].minor)
					       : "";
		const char *const until = i + 1 < block->n_forms
						  ? gen_format(e, "reader->minor < %" PRIu32,
							       block->forms[i + 1].minor)
						  : "";
		gen_emit(e, "if ($from$$and$$until$) {\n", "from", from, "and",
			 from[0] && until[0] ? " && " : "", "until", until, NULL);
		gen_emit_indent(e);
		gen_check_gaps(e, place, &block->forms[i]);
		gen_emit_outdent(e);
		gen_emit(e, "}\n", NULL);
	}
}

static void get_fields(struct gen_emit *e, const struct gen_place *place,
		       const struct idl_wire_block *block)
{
	uint32_t n_words = 0;

	for (size_t i = 0; i < block->n_fields; i++) {
		const struct idl_wire_field *const field = &block->fields[i];

		if (field->since_minor > 0)
			get_default(e, field);
		if (field->since_minor > 0) {
			gen_emit(e, "if (reader->minor >= $since$) {\n", "since",
				 gen_number(e, field->since_minor), NULL);
			gen_emit_indent(e);
		}
		if (field->kind == IDL_WIRE_PRESENCE)
			get_presence(e, place, block, field, n_words++);
		else
			get_member(e, place, field);
		if (field->since_minor > 0) {
			gen_emit_outdent(e);
			gen_emit(e, "}\n", NULL);
		}
	}
}

void gen_get_struct(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_wire_block *const block = &decl->u.structure.layout->block;
	const struct gen_place place = {
		.io = "reader",
		.bytes = "block",
		.at = "at + ",
		.minor = "reader->minor",
		.fail = "return false;",
	};

	gen_emit(e,
		 "static bool $name$(struct vb_reader *reader, uint32_t at,\n"
		 "\tstruct $struct$ *value)\n"
		 "{\n"
		 "\tconst uint8_t *const block = reader->message + at;\n",
		 "name", gen_wire_name(e, decl, "get"), "struct", decl->c_name, NULL);
	gen_emit_indent(e);
	for (size_t i = 0; i < block->n_fields; i++)
		if (block->fields[i].kind == IDL_WIRE_PRESENCE)
			gen_emit(e, "uint32_t $name$ = 0;\n", "name", block->fields[i].name, NULL);
	gen_emit(e, "\n(void)block;\nvb_zero(value, sizeof(*value));\n", NULL);
	get_gaps(e, &place, block);
	get_fields(e, &place, block);
	gen_emit(e, "return true;\n", NULL);
	gen_emit_outdent(e);
	gen_emit(e, "}\n\n", NULL);
}
