// SPDX-License-Identifier: Apache-2.0
#include "idl/checker.h"

#include <string.h>

#include "idl/limits.h"

/* The arguments that every generated function has beside the declared ones. */
static void check_name(struct idl_checker *c, struct idl_param *param)
{
	static const char *const taken[] = {"peer", "call", "req"};
	struct idl_node *node = &param->node;

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		if (strcmp(node->name.text, taken[i]) == 0)
			idl_diag_on(c->diags, &node->in_error, IDL_E0305, node->name.span,
				    "'%s' is an argument of the generated functions", taken[i]);
	}
	idl_c_name_check_shape(c, &node->in_error, &node->name);
	idl_c_name_check_alone(c, node);
}

static bool is_int(const struct idl_method *method)
{
	return method->result == IDL_RESULT_INT32 || method->result == IDL_RESULT_INT64;
}

/* What to write instead of a string or bytes that would come out. */
static void fix_with_buffer(struct idl_checker *c, struct idl_diag *d,
			    const struct idl_method *method, const struct idl_param *param)
{
	const char *name = param->node.name.text;
	const char *type = "bytes";

	if (param->type->kind == IDL_TYPE_SEQUENCE)
		type = idl_source_text(c, param->type->element->span);
	if (is_int(method))
		idl_diag_fix(d,
			     "let the caller bring the memory: out %s %s[room : return], in "
			     "uint64 room",
			     type, name);
	else
		idl_diag_fix(d,
			     "let the caller bring the memory: out %s %s[room : length], in "
			     "uint64 room, out uint64 length",
			     type, name);
}

/*
 * The field with memory behind it in a growing struct that has one, which structs within structs
 * may hide; at most IDL_MAX_STRUCT_DEPTH of them.
 */
static const struct idl_field *find_heavy(const struct idl_decl *decl)
{
	for (const struct idl_field *f = decl->u.structure.fields; f; f = f->next) {
		if (f->is_reserved)
			continue;
		if (f->type->kind == IDL_TYPE_STRING || f->type->kind == IDL_TYPE_BYTES ||
		    f->type->kind == IDL_TYPE_SEQUENCE)
			return f;
		if (idl_type_is_growing(f->type) && f->type->decl->u.structure.layout->is_variable)
			return find_heavy(f->type->decl);
	}
	return NULL;
}

static void check_out_struct(struct idl_checker *c, struct idl_param *param)
{
	const struct idl_field *heavy = find_heavy(param->type->decl);
	struct idl_diag *d;

	if (!heavy)
		return;
	d = idl_diag_on(c->diags, &param->node.in_error, IDL_E0208, param->type->span,
			"'%s' cannot come out: nobody would own the memory of its field '%s'",
			param->type->name.full, heavy->node.name.text);
	idl_diag_note(d, heavy->node.span, "'%s' is here", heavy->node.name.text);
	idl_diag_fix(d, "use an out buffer beside a struct without it");
}

static void check_unextended(struct idl_checker *c, struct idl_decl *decl, struct idl_param *param)
{
	const struct idl_type *type = param->type;
	bool *in_error = &param->node.in_error;
	struct idl_diag *d;

	if (type->kind == IDL_TYPE_BYTES && !type->bound_expr) {
		d = idl_diag_on(c->diags, in_error, IDL_E0211, type->span,
				"bytes without a bound or an extent");
		if (param->direction == IDL_IN)
			idl_diag_fix(d, "say how many: bytes %s[n], or at most how many: bytes<N>",
				     param->node.name.text);
		else
			fix_with_buffer(c, d, &decl->u.method, param);
		return;
	}
	if (idl_node_mark(&param->node, IDL_MARK_DIRECT)) {
		d = idl_diag_on(c->diags, in_error, IDL_E0218,
				idl_node_mark(&param->node, IDL_MARK_DIRECT)->span,
				"direct is for a buffer with an extent, which '%s' has not got",
				param->node.name.text);
		if (type->kind == IDL_TYPE_BYTES || type->kind == IDL_TYPE_SEQUENCE)
			idl_diag_fix(d, "name its size in brackets: %s[n]", param->node.name.text);
		return;
	}
	if (param->direction == IDL_IN || idl_type_is_plain(type))
		return;
	if (idl_type_is_growing(type)) {
		check_out_struct(c, param);
		return;
	}
	d = idl_diag_on(c->diags, in_error, IDL_E0210, type->span,
			"'%s' only goes in: nobody would own its memory when it comes out",
			idl_source_text(c, type->span));
	fix_with_buffer(c, d, &decl->u.method, param);
}

/* Bulk is not checked, so its elements must be ones that cannot be wrong. */
static const char *bad_element(const struct idl_type *type)
{
	if (type->kind == IDL_TYPE_BYTES)
		return NULL;
	if (type->kind == IDL_TYPE_STRING || type->kind == IDL_TYPE_SEQUENCE)
		return "its elements have memory of their own";
	if (type->kind == IDL_TYPE_SCALAR)
		return type->scalar == IDL_BOOL ? "a bool must be checked, and bulk data is not"
						: NULL;
	if (idl_type_is_enum(type))
		return type->decl->u.enumeration.is_closed
			       ? "a closed enum must be checked, and bulk data is not"
			       : NULL;
	if (idl_type_is_growing(type))
		return "a growing struct has no fixed form; freeze it";
	return type->decl->u.structure.is_bulk_element
		       ? NULL
		       : "it holds a bool or closed enum, which must be checked, and bulk is not";
}

static uint32_t element_size(const struct idl_type *type)
{
	if (type->kind == IDL_TYPE_BYTES)
		return 1;
	if (type->kind == IDL_TYPE_SCALAR)
		return idl_scalar_info(type->scalar)->size;
	if (idl_type_is_enum(type))
		return idl_scalar_info(type->decl->u.enumeration.scalar)->size;
	return type->decl->u.structure.layout->c_size;
}

static void check_buffer(struct idl_checker *c, struct idl_param *param)
{
	const char *why = bad_element(param->type);
	struct idl_diag *d;

	param->is_buffer = true;
	param->is_direct = idl_node_mark(&param->node, IDL_MARK_DIRECT) != NULL;
	if (!why) {
		param->element_size = element_size(param->type);
		return;
	}
	d = idl_diag_on(c->diags, &param->node.in_error, IDL_E0209, param->type->span,
			"'%s' cannot be the element of a buffer: %s",
			idl_source_text(c, param->type->span), why);
	if (param->direction == IDL_IN &&
	    (param->type->kind == IDL_TYPE_STRING || param->type->kind == IDL_TYPE_SEQUENCE))
		idl_diag_fix(d, "leave the extent away: its length travels with it");
	else if (param->direction == IDL_IN)
		idl_diag_fix(d, "use sequence<%s, N>", idl_source_text(c, param->type->span));
}

void idl_check_param(struct idl_checker *c, struct idl_decl *method, struct idl_param *param)
{
	struct idl_node *node = &param->node;

	idl_names_declare(c, method, node, "parameter");
	check_name(c, param);
	if (!idl_check_type(c, &node->in_error, param->type))
		return;
	if (param->extent)
		check_buffer(c, param);
	else
		check_unextended(c, method, param);
}
