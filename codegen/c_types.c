// SPDX-License-Identifier: Apache-2.0
#include "codegen/c_types.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum idl_scalar gen_type_scalar(const struct idl_type *type)
{
	if (type->kind == IDL_TYPE_SCALAR)
		return type->scalar;
	if (type->kind == IDL_TYPE_NAMED && type->decl->kind == IDL_DECL_ENUM)
		return type->decl->u.enumeration.scalar;
	return IDL_N_SCALARS;
}

bool gen_type_is_struct(const struct idl_type *type)
{
	return type->kind == IDL_TYPE_NAMED && type->decl->kind == IDL_DECL_STRUCT;
}

bool gen_type_is_frozen(const struct idl_type *type)
{
	return gen_type_is_struct(type) && type->decl->u.structure.is_frozen_type;
}

const char *gen_c_type(struct gen_emit *e, const struct idl_type *type)
{
	if (gen_type_is_struct(type))
		return gen_format(e, "struct %s", type->decl->c_name);
	switch (type->kind) {
	case IDL_TYPE_STRING:
		return "char";
	case IDL_TYPE_BYTES:
		return "void";
	default:
		return idl_scalar_info(gen_type_scalar(type))->c_type;
	}
}

const char *gen_enum_comment(struct gen_emit *e, const struct idl_type *type)
{
	if (type->kind == IDL_TYPE_SEQUENCE)
		type = type->element;
	if (type->kind != IDL_TYPE_NAMED || type->decl->kind != IDL_DECL_ENUM)
		return "";
	return gen_format(e, " /* enum %s */", type->decl->c_name);
}

const char *gen_c_element(struct gen_emit *e, const struct idl_type *sequence)
{
	const struct idl_type *const element = sequence->element;

	if (element->kind == IDL_TYPE_STRING)
		return "const char *const";
	return gen_format(e, "const %s", gen_c_type(e, element));
}

static const char *param_decl(struct gen_emit *e, const struct idl_param *param)
{
	const struct idl_type *const type = param->type;
	const char *const name = param->node.name.text;
	const bool is_in = param->direction == IDL_IN;
	const char *const qualifier = is_in ? "const " : "";

	if (param->is_buffer || gen_type_is_struct(type))
		return gen_format(e, "%s%s *%s%s", qualifier, gen_c_type(e, type), name,
				  gen_enum_comment(e, type));
	switch (type->kind) {
	case IDL_TYPE_STRING:
	case IDL_TYPE_BYTES:
		return gen_format(e, "const %s *%s", gen_c_type(e, type), name);
	case IDL_TYPE_SEQUENCE:
		return gen_format(e, "%s *%s%s", gen_c_element(e, type), name,
				  gen_enum_comment(e, type));
	default:
		return gen_format(e, "%s %s%s%s", gen_c_type(e, type), is_in ? "" : "*", name,
				  gen_enum_comment(e, type));
	}
}

size_t gen_c_params(struct gen_emit *e, const struct idl_method *method,
		    const struct gen_c_param **ret_params)
{
	struct gen_c_param *const params = idl_arena_array(&e->arena, method->n_params * 2 + 1,
							   sizeof(*params));
	size_t n = 0;

	for (const struct idl_param *p = method->params; p; p = p->next) {
		const char *const name = p->node.name.text;

		params[n++] = (struct gen_c_param){param_decl(e, p), name, p, false};
		if (!p->is_buffer &&
		    (p->type->kind == IDL_TYPE_SEQUENCE || p->type->kind == IDL_TYPE_BYTES)) {
			const char *const count = gen_format(e, "n_%s", name);
			const char *const decl = gen_format(e, "uint32_t %s", count);

			params[n++] = (struct gen_c_param){decl, count, p, true};
		}
	}
	*ret_params = params;
	return n;
}

const char *gen_c_result(const struct idl_method *method, bool is_handler)
{
	switch (method->result) {
	case IDL_RESULT_INT32:
		return "int32_t";
	case IDL_RESULT_INT64:
		return "int64_t";
	case IDL_RESULT_ONEWAY:
		return is_handler ? "void" : "int";
	default:
		return "int";
	}
}

static const char *c_integer(struct gen_emit *e, const struct idl_scalar_info *info,
			     const struct idl_value *value)
{
	if (!value->is_negative)
		return gen_format(e, "%s(%" PRIu64 ")", info->constant_macro, value->bits);
	const uint64_t magnitude = UINT64_C(0) - value->bits;
	/* The lowest value has no positive twin to negate. */
	if (magnitude > info->max)
		return gen_format(e, "(-%s(%" PRIu64 ") - 1)", info->constant_macro, magnitude - 1);
	return gen_format(e, "(-%s(%" PRIu64 "))", info->constant_macro, magnitude);
}

const char *gen_c_value(struct gen_emit *e, enum idl_scalar scalar, const struct idl_value *value)
{
	const struct idl_scalar_info *const info = idl_scalar_info(scalar);

	if (info->is_integer)
		return c_integer(e, info, value);
	if (!info->is_float)
		return value->bits ? "true" : "false";
	double number = value->number;
	if (value->kind == IDL_VALUE_INT)
		number = value->is_negative ? (double)(int64_t)value->bits : (double)value->bits;
	/* Enough digits to come back as the same bits. */
	const char *text = gen_format(e, info->size == sizeof(float) ? "%.9g" : "%.17g", number);
	if (!strpbrk(text, ".en"))
		text = gen_format(e, "%s.0", text);
	if (info->size == sizeof(float))
		text = gen_format(e, "%sf", text);
	return number < 0 ? gen_format(e, "(%s)", text) : text;
}

const char *gen_upper(struct gen_emit *e, const char *text)
{
	char *const upper = idl_arena_copy(&e->arena, text, strlen(text));

	for (char *c = upper; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	return upper;
}

const char *gen_base_name(const char *path)
{
	const char *const slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *gen_guard(struct gen_emit *e, const char *header_path)
{
	char *const guard = idl_arena_copy(&e->arena, header_path, strlen(header_path));

	for (char *c = guard; *c; c++) {
		const bool is_lower = *c >= 'a' && *c <= 'z';
		const bool is_upper = *c >= 'A' && *c <= 'Z';
		const bool is_digit = *c >= '0' && *c <= '9';

		if (is_lower)
			*c = (char)(*c - 'a' + 'A');
		else if (!is_upper && !is_digit)
			*c = '_';
	}
	return gen_format(e, "VB_HEADER_%s", guard);
}

const char *gen_method_title(struct gen_emit *e, const struct idl_decl *method)
{
	return gen_format(e, "%s.%s", method->owner->node.name.text, method->node.name.text);
}

static int compare_numbers(const void *a, const void *b)
{
	const struct idl_decl *const *const left = a;
	const struct idl_decl *const *const right = b;

	return ((*left)->u.method.number > (*right)->u.method.number) -
	       ((*left)->u.method.number < (*right)->u.method.number);
}

const struct idl_decl *const *gen_methods(struct gen_emit *e, const struct idl_decl *interface)
{
	const struct idl_interface *const i = &interface->u.interface;
	const struct idl_decl **const methods = idl_arena_array(&e->arena, i->n_methods + 1,
								sizeof(struct idl_decl *));
	size_t n = 0;

	for (const struct idl_decl *d = i->decls; d; d = d->next)
		if (d->kind == IDL_DECL_METHOD)
			methods[n++] = d;
	qsort(methods, n, sizeof(struct idl_decl *), compare_numbers);
	return methods;
}
