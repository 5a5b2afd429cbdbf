// SPDX-License-Identifier: Apache-2.0
/* Writing: fields of any block, and the functions of growing structs. */
#include <inttypes.h>

#include "codegen/c_types.h"
#include "codegen/gen.h"
#include "codegen/wire.h"

static void put_fail(struct gen_emit *e, const struct gen_place *place, const char *condition,
		     const char *error)
{
	gen_emit(e, gen_format(e, "if ($condition$)\n\t%s\n", place->fail), "condition", condition,
		 "error", error, NULL);
}

/* vb_error = CALL, and what follows from it. */
static void put_call(struct gen_emit *e, const struct gen_place *place, const char *call)
{
	gen_emit(e, "vb_error = $call$;\n", "call", call, NULL);
	put_fail(e, place, "vb_error", "vb_error");
}

/* A value of a closed enum, or a frozen struct that holds some; `value` is the struct's address. */
static const char *put_invalid(struct gen_emit *e, const struct gen_place *place,
			       const struct idl_decl *decl, const char *value)
{
	return gen_format(e, "!%s(%s, %s)", gen_wire_name(e, decl, "valid"), value, place->minor);
}

/* The caller's bools are bools: only what C does not see to is checked before it is sent. */
static bool is_worth_checking(enum idl_wire_kind kind, const struct idl_decl *decl)
{
	return decl && gen_kind_is_checked(kind, IDL_N_SCALARS, decl);
}

static void put_check_elements(struct gen_emit *e, const struct gen_place *place,
			       enum idl_wire_kind kind, const struct idl_decl *decl,
			       const char *elements, const char *count)
{
	const char *const amp = kind == IDL_WIRE_FROZEN ? "&" : "";

	gen_emit(e, "for (uint32_t vb_i = 0; vb_i < $count$; vb_i++)\n", "count", count, NULL);
	gen_emit_indent(e);
	put_fail(e, place, put_invalid(e, place, decl, gen_format(e, "%s%s[vb_i]", amp, elements)),
		 "EINVAL");
	gen_emit_outdent(e);
}

static void put_plain(struct gen_emit *e, const struct gen_place *place,
		      const struct idl_wire_field *field, const struct gen_value *value)
{
	const char *const bytes = gen_field_bytes(e, place, field);
	const bool is_scalar = field->kind == IDL_WIRE_SCALAR;

	if (is_worth_checking(field->kind, field->decl)) {
		if (field->is_array)
			put_check_elements(e, place, field->kind, field->decl, value->address,
					   gen_number(e, field->count));
		else
			put_fail(e, place,
				 put_invalid(e, place, field->decl,
					     is_scalar ? value->value : value->address),
				 "EINVAL");
	}
	if (is_scalar && !field->is_array)
		gen_emit(e, "vb_put_$type$($bytes$, $value$);\n", "type",
			 idl_scalar_info(field->scalar)->name, "bytes", bytes, "value",
			 value->value, NULL);
	else
		gen_emit(e, "vb_copy($bytes$, $address$, $size$);\n", "bytes", bytes, "address",
			 value->address, "size", gen_number(e, field->size), NULL);
}

/* Elements that lie in the message as they lie in memory. */
static void put_flat_sequence(struct gen_emit *e, const struct gen_place *place,
			      const struct idl_wire_field *field, const struct gen_value *value)
{
	const struct idl_wire_element *const element = &field->element;

	if (is_worth_checking(element->kind, element->decl)) {
		put_fail(e, place, gen_format(e, "!%s && %s > 0", value->address, value->count),
			 "EFAULT");
		put_check_elements(e, place, element->kind, element->decl, value->address,
				   value->count);
	}
	put_call(e, place,
		 gen_format(e, "vb_write_bytes(%s, %s, %s, (uint64_t)%s * %" PRIu32 ")", place->io,
			    gen_field_at(e, place, field), value->address, value->count,
			    element->size));
}

/* Elements that need work: strings and growing structs. */
static void put_deep_sequence(struct gen_emit *e, const struct gen_place *place,
			      const struct idl_wire_field *field, const struct gen_value *value)
{
	const struct idl_wire_element *const element = &field->element;
	const bool is_string = element->kind == IDL_WIRE_STRING;
	const char *const stride = is_string ? gen_format(e, "%uu", IDL_SPAN_SIZE)
					     : gen_struct_size(e, element->decl, place->minor);
	const char *const item = gen_format(e, "%s[vb_i]", value->address);

	gen_emit(e, "{\n", NULL);
	gen_emit_indent(e);
	gen_emit(e, "const uint32_t vb_stride = $stride$;\nuint32_t vb_block;\n\n", "stride",
		 stride, NULL);
	put_fail(e, place, gen_format(e, "!%s && %s > 0", value->address, value->count), "EFAULT");
	put_call(e, place,
		 gen_format(e, "vb_write_elements(%s, %s, %s, vb_stride, &vb_block)", place->io,
			    gen_field_at(e, place, field), value->count));
	gen_emit(e, "for (uint32_t vb_i = 0; vb_i < $count$; vb_i++) {\n", "count", value->count,
		 NULL);
	gen_emit_indent(e);
	if (is_string)
		put_call(e, place,
			 gen_format(e,
				    "vb_write_string(%s, vb_block + vb_i * vb_stride, %s, %" PRIu32
				    ")",
				    place->io, item, element->bound));
	else
		put_call(e, place,
			 gen_format(e, "%s(%s, vb_block + vb_i * vb_stride, &%s)",
				    gen_wire_name(e, element->decl, "put"), place->io, item));
	gen_emit_outdent(e);
	gen_emit(e, "}\n", NULL);
	gen_emit_outdent(e);
	gen_emit(e, "}\n", NULL);
}

static void put_struct_field(struct gen_emit *e, const struct gen_place *place,
			     const struct idl_wire_field *field, const struct gen_value *value)
{
	gen_emit(e, "{\n", NULL);
	gen_emit_indent(e);
	gen_emit(e, "uint32_t vb_block;\n\n", NULL);
	put_call(e, place,
		 gen_format(e, "vb_write_elements(%s, %s, 1, %s, &vb_block)", place->io,
			    gen_field_at(e, place, field),
			    gen_struct_size(e, field->decl, place->minor)));
	put_call(e, place,
		 gen_format(e, "%s(%s, vb_block, %s)", gen_wire_name(e, field->decl, "put"),
			    place->io, value->address));
	gen_emit_outdent(e);
	gen_emit(e, "}\n", NULL);
}

void gen_put_field(struct gen_emit *e, const struct gen_place *place,
		   const struct idl_wire_field *field, const struct gen_value *value)
{
	const char *const at = gen_field_at(e, place, field);

	switch (field->kind) {
	case IDL_WIRE_SCALAR:
	case IDL_WIRE_FROZEN:
		put_plain(e, place, field, value);
		return;
	case IDL_WIRE_STRING:
		put_call(e, place,
			 gen_format(e, "vb_write_string(%s, %s, %s, %" PRIu32 ")", place->io, at,
				    value->value, field->bound));
		return;
	case IDL_WIRE_BYTES:
		put_fail(e, place, gen_format(e, "%s > %" PRIu32, value->count, field->bound),
			 "EMSGSIZE");
		put_call(e, place,
			 gen_format(e, "vb_write_bytes(%s, %s, %s, %s)", place->io, at,
				    value->address, value->count));
		return;
	case IDL_WIRE_SEQUENCE:
		put_fail(e, place, gen_format(e, "%s > %" PRIu32, value->count, field->bound),
			 "EMSGSIZE");
		if (field->element.kind == IDL_WIRE_SCALAR ||
		    field->element.kind == IDL_WIRE_FROZEN)
			put_flat_sequence(e, place, field, value);
		else
			put_deep_sequence(e, place, field, value);
		return;
	case IDL_WIRE_STRUCT:
		put_struct_field(e, place, field, value);
		return;
	default:
		return;
	}
}

/* ---- functions of a growing struct ---- */

static struct gen_value field_value(struct gen_emit *e, const struct idl_wire_field *field)
{
	const bool is_object = !field->is_array &&
			       (field->kind == IDL_WIRE_FROZEN || field->kind == IDL_WIRE_STRUCT ||
				field->kind == IDL_WIRE_SCALAR);

	return (struct gen_value){
		.value = gen_format(e, "value->%s", field->name),
		.address = gen_format(e, "%svalue->%s", is_object ? "&" : "", field->name),
		.count = gen_format(e, "value->n_%s", field->name),
	};
}

/* True when the field of `value` is neither zero nor absent. */
static const char *field_is_set(struct gen_emit *e, const struct idl_wire_field *field)
{
	const char *const name = field->name;

	if (field->field && field->field->is_optional)
		return gen_format(e, "value->has_%s", name);
	switch (field->kind) {
	case IDL_WIRE_STRING:
		return gen_format(e, "(value->%s && value->%s[0])", name, name);
	case IDL_WIRE_BYTES:
	case IDL_WIRE_SEQUENCE:
		return gen_format(e, "value->n_%s > 0", name);
	case IDL_WIRE_STRUCT:
		return gen_format(e, "!%s(&value->%s)", gen_wire_name(e, field->decl, "is_zero"),
				  name);
	default:
		return gen_format(e, "!vb_is_zero(&value->%s, sizeof(value->%s))", name, name);
	}
}

void gen_zero_struct(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_wire_block *const block = &decl->u.structure.layout->block;

	gen_emit(e, "static bool $name$(const struct $struct$ *value)\n{\n", "name",
		 gen_wire_name(e, decl, "is_zero"), "struct", decl->c_name, NULL);
	gen_emit_indent(e);
	for (size_t i = 0; i < block->n_fields; i++)
		if (block->fields[i].kind != IDL_WIRE_PRESENCE)
			gen_emit(e, "if ($set$)\n\treturn false;\n", "set",
				 field_is_set(e, &block->fields[i]), NULL);
	gen_emit(e, "(void)value;\nreturn true;\n", NULL);
	gen_emit_outdent(e);
	gen_emit(e, "}\n\n", NULL);
}

static void put_member(struct gen_emit *e, const struct gen_place *place,
		       const struct idl_wire_field *field)
{
	const struct gen_value value = field_value(e, field);
	const bool is_optional = field->presence_word != IDL_NOT_OPTIONAL;

	if (field->kind == IDL_WIRE_PRESENCE)
		return;
	if (field->since_minor > 0) {
		gen_emit(e, "if (writer->minor >= $since$) {\n", "since",
			 gen_number(e, field->since_minor), NULL);
		gen_emit_indent(e);
	}
	if (is_optional) {
		gen_emit(e, "if (value->has_$name$) {\n", "name", field->name, NULL);
		gen_emit_indent(e);
		gen_emit(e, "presence$word$ |= UINT32_C(1) << $bit$;\n", "word",
			 gen_number(e, field->presence_word), "bit",
			 gen_number(e, field->presence_bit), NULL);
	}
	gen_put_field(e, place, field, &value);
	if (is_optional) {
		gen_emit_outdent(e);
		gen_emit(e, "}\n", NULL);
	}
	if (field->since_minor > 0) {
		gen_emit_outdent(e);
		gen_emit(e,
			 "} else if (!writer->is_reply && $set$) {\n"
			 "\treturn EOPNOTSUPP;\n"
			 "}\n",
			 "set", field_is_set(e, field), NULL);
	}
}

static void put_presence(struct gen_emit *e, const struct gen_place *place,
			 const struct idl_wire_field *field)
{
	const char *const bytes = gen_field_bytes(e, place, field);

	if (field->since_minor > 0)
		gen_emit(e, "if (writer->minor >= $since$)\n\t", "since",
			 gen_number(e, field->since_minor), NULL);
	gen_emit(e, "vb_put_uint32($bytes$, $name$);\n", "bytes", bytes, "name", field->name, NULL);
}

static bool has_error(const struct idl_wire_block *block)
{
	for (size_t i = 0; i < block->n_fields; i++)
		if (block->fields[i].kind >= IDL_WIRE_STRING)
			return true;
	return false;
}

void gen_put_struct(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_wire_block *const block = &decl->u.structure.layout->block;
	const struct gen_place place = {
		.io = "writer",
		.bytes = "block",
		.at = "at + ",
		.minor = "writer->minor",
		.fail = "return $error$;",
	};

	gen_emit(e,
		 "static int $name$(struct vb_writer *writer, uint32_t at,\n"
		 "\tconst struct $struct$ *value)\n"
		 "{\n"
		 "\tuint8_t *const block = writer->message + at;\n",
		 "name", gen_wire_name(e, decl, "put"), "struct", decl->c_name, NULL);
	gen_emit_indent(e);
	for (size_t i = 0; i < block->n_fields; i++)
		if (block->fields[i].kind == IDL_WIRE_PRESENCE)
			gen_emit(e, "uint32_t $name$ = 0;\n", "name", block->fields[i].name, NULL);
	if (has_error(block))
		gen_emit(e, "int vb_error;\n", NULL);
	gen_emit(e, "\n(void)value;\nvb_zero(block, $size$);\n", "size",
		 gen_struct_size(e, decl, "writer->minor"), NULL);
	for (size_t i = 0; i < block->n_fields; i++)
		put_member(e, &place, &block->fields[i]);
	for (size_t i = 0; i < block->n_fields; i++)
		if (block->fields[i].kind == IDL_WIRE_PRESENCE)
			put_presence(e, &place, &block->fields[i]);
	gen_emit(e, "return 0;\n", NULL);
	gen_emit_outdent(e);
	gen_emit(e, "}\n\n", NULL);
}
