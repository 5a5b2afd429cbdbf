// SPDX-License-Identifier: Apache-2.0
#include "idl/checker.h"

#include <string.h>

#include "idl/suggest.h"

/* Where an extent stands decides what its names may be. */
struct place {
	struct idl_checker *c;
	const struct idl_decl *method;
	struct idl_param *param; /* whose extent it is */
	bool is_length;		 /* behind the colon, and not the room once more */
};

static bool *mark_of(const struct place *at)
{
	return &at->param->node.in_error;
}

static bool returns_count(const struct idl_decl *method)
{
	return method->u.method.result == IDL_RESULT_INT32 ||
	       method->u.method.result == IDL_RESULT_INT64;
}

/* ---- names ---- */

static void report_unknown(const struct place *at, const struct idl_extent *extent)
{
	struct idl_suggest suggest;
	struct idl_diag *d;

	d = idl_diag_on(at->c->diags, mark_of(at), IDL_E0203, extent->span,
			"'%s' names no parameter of '%s'", extent->name.full,
			at->method->node.name.text);
	idl_suggest_init(&suggest, extent->name.full);
	for (const struct idl_param *p = at->method->u.method.params; p; p = p->next) {
		if (p != at->param)
			idl_suggest_offer(&suggest, p->node.name.text);
	}
	idl_diag_mean(d, &suggest);
}

static bool refuse_param(const struct place *at, const struct idl_extent *extent,
			 const struct idl_param *param, const char *why, const char *fix)
{
	struct idl_diag *d = idl_diag_on(at->c->diags, mark_of(at), IDL_E0204, extent->span,
					 "'%s' cannot be the %s of '%s': %s", extent->name.full,
					 at->is_length ? "length" : "room",
					 at->param->node.name.text, why);

	idl_diag_note(d, param->node.span, "'%s' is declared here", param->node.name.text);
	if (fix)
		idl_diag_fix(d, "%s", fix);
	return false;
}

static bool resolve_param(const struct place *at, struct idl_extent *extent,
			  struct idl_param *param)
{
	if (param->extent || param->type->kind != IDL_TYPE_SCALAR ||
	    !idl_scalar_info(param->type->scalar)->is_integer)
		return refuse_param(at, extent, param, "it is no integer", NULL);
	if (!at->is_length && param->direction == IDL_OUT)
		return refuse_param(at, extent, param,
				    "it only comes out, and the room must be known before",
				    "make it in, or inout");
	if (at->is_length && param->direction == IDL_IN)
		return refuse_param(at, extent, param,
				    "it only goes in, and the length is known after",
				    "'return', an out parameter, or the room itself");
	extent->param = param;
	param->is_extent_of_other = true;
	return true;
}

static bool resolve_constant(const struct place *at, struct idl_extent *extent)
{
	struct idl_target target = idl_names_lookup(at->c, &extent->name);
	const struct idl_value *value;

	if (target.kind != IDL_TARGET_DECL || target.decl->kind != IDL_DECL_CONST) {
		report_unknown(at, extent);
		return false;
	}
	if (!idl_names_resolve(at->c, mark_of(at), &extent->name, &target))
		return false;
	value = &target.decl->u.constant.value;
	if (value->kind == IDL_VALUE_NONE) {
		/* Its declaration is in error and was reported. */
		*mark_of(at) = true;
		return false;
	}
	if (value->kind != IDL_VALUE_INT || value->is_negative) {
		idl_diag_on(at->c->diags, mark_of(at), IDL_E0204, extent->span,
			    "'%s' is %s, and a size is an integer from 0", extent->name.full,
			    idl_value_text(at->c, value));
		return false;
	}
	extent->constant = target.decl;
	extent->value = value->bits;
	extent->is_constant = true;
	return true;
}

static bool resolve_name(const struct place *at, struct idl_extent *extent)
{
	if (extent->name.n_parts == 1) {
		const struct idl_node *node = idl_names_find(at->c, at->method, extent->name.full);

		/* The scope's nodes belong to the tree that is being checked. */
		if (node)
			return resolve_param(at, extent, (struct idl_param *)node);
	}
	return resolve_constant(at, extent);
}

static bool resolve_return(const struct place *at, const struct idl_extent *extent)
{
	struct idl_diag *d;

	if (!at->is_length) {
		d = idl_diag_on(at->c->diags, mark_of(at), IDL_E0204, extent->span,
				"'return' cannot be the room of '%s': it is known only after",
				at->param->node.name.text);
		idl_diag_fix(d, "name the room first: %s[room : return]",
			     at->param->node.name.text);
		return false;
	}
	if (returns_count(at->method))
		return true;
	d = idl_diag_on(at->c->diags, mark_of(at), IDL_E0224, extent->span,
			"'%s' returns no count that could be the length of '%s'",
			at->method->node.name.text, at->param->node.name.text);
	idl_diag_fix(d, "make the result int64, or name an out parameter");
	return false;
}

/* ---- sums and products ---- */

static bool fold(const struct place *at, struct idl_extent *extent)
{
	bool overflows;

	extent->is_constant = extent->left->is_constant && extent->right->is_constant;
	if (!extent->is_constant)
		return true;
	if (extent->kind == IDL_EXTENT_ADD)
		overflows = __builtin_add_overflow(extent->left->value, extent->right->value,
						   &extent->value);
	else
		overflows = __builtin_mul_overflow(extent->left->value, extent->right->value,
						   &extent->value);
	if (overflows)
		idl_diag_on(at->c->diags, mark_of(at), IDL_E0409, extent->span,
			    "the size overflows 64 bits");
	return !overflows;
}

/* The height is at most IDL_MAX_EXPR_DEPTH. */
static bool resolve(const struct place *at, struct idl_extent *extent)
{
	switch (extent->kind) {
	case IDL_EXTENT_RETURN:
		return resolve_return(at, extent);
	case IDL_EXTENT_NUMBER:
		extent->value = extent->number;
		extent->is_constant = true;
		return true;
	case IDL_EXTENT_NAME:
		return resolve_name(at, extent);
	case IDL_EXTENT_ADD:
	case IDL_EXTENT_MULTIPLY:
		break;
	}
	return resolve(at, extent->left) && resolve(at, extent->right) && fold(at, extent);
}

/* Whether the length is the room written once more. */
static bool is_same(const struct idl_extent *a, const struct idl_extent *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case IDL_EXTENT_RETURN:
		return true;
	case IDL_EXTENT_NUMBER:
		return a->number == b->number;
	case IDL_EXTENT_NAME:
		return strcmp(a->name.full, b->name.full) == 0;
	case IDL_EXTENT_ADD:
	case IDL_EXTENT_MULTIPLY:
		break;
	}
	return is_same(a->left, b->left) && is_same(a->right, b->right);
}

/* ---- the whole of a buffer's extents ---- */

static bool names_inout(const struct idl_extent *extent)
{
	return extent->kind == IDL_EXTENT_NAME && extent->param &&
	       extent->param->direction == IDL_INOUT;
}

/* [n] on an out buffer: n meaningful units, or as many as the result says? */
static void report_ambiguous(const struct place *at)
{
	const char *room = idl_source_text(at->c, at->param->extent->span);
	const char *name = at->param->node.name.text;
	const struct idl_span nowhere = {0};
	struct idl_diag *d;

	d = idl_diag_on(at->c->diags, mark_of(at), IDL_E0205, at->param->extent->span,
			"'%s' returns an integer: how much of '%s' does it leave meaningful?",
			at->method->node.name.text, name);
	idl_diag_note(d, nowhere, "as much as it returns: %s[%s : return]", name, room);
	idl_diag_note(d, nowhere, "all of it: %s[%s : %s]", name, room, room);
}

static bool resolve_length(struct place *at)
{
	struct idl_param *p = at->param;

	if (!p->extent_length) {
		p->length = p->extent;
		if (p->direction != IDL_OUT || !returns_count(at->method) || names_inout(p->extent))
			return true;
		report_ambiguous(at);
		return false;
	}
	if (is_same(p->extent, p->extent_length)) {
		p->length = p->extent;
		return true;
	}
	at->is_length = true;
	if (!resolve(at, p->extent_length))
		return false;
	p->length = p->extent_length;
	if (!p->extent_length->is_constant)
		return true;
	idl_diag_on(at->c->diags, mark_of(at), IDL_E0204, p->extent_length->span,
		    "a constant cannot be the length of '%s', unless it is the room",
		    p->node.name.text);
	return false;
}

static void check_room(const struct place *at)
{
	const struct idl_param *p = at->param;
	uint64_t most = at->c->interface->u.interface.max_transfer;
	const char *what = "max_transfer";

	if (!p->room->is_constant)
		return;
	if (p->type->kind == IDL_TYPE_BYTES && p->type->bound && p->type->bound < most) {
		most = p->type->bound;
		what = "the bound";
	}
	if (p->room->value == 0)
		idl_diag_on(at->c->diags, mark_of(at), IDL_E0409, p->extent->span,
			    "a room of 0 holds nothing");
	else if (p->room->value > most / p->element_size)
		idl_diag_on(at->c->diags, mark_of(at), IDL_E0409, p->extent->span,
			    "a room of %llu units of %u bytes is above %s, %llu bytes",
			    (unsigned long long)p->room->value, p->element_size, what,
			    (unsigned long long)most);
}

static void check_extent(struct idl_checker *c, struct idl_decl *method, struct idl_param *param)
{
	struct place at = {.c = c, .method = method, .param = param};
	struct idl_diag *d;

	if (param->direction == IDL_IN && param->extent_length) {
		d = idl_diag_on(c->diags, &param->node.in_error, IDL_E0206,
				param->extent_length->span,
				"'%s' only goes in: all of it is meaningful",
				param->node.name.text);
		idl_diag_fix(d, "one extent: %s[%s]", param->node.name.text,
			     idl_source_text(c, param->extent->span));
		return;
	}
	if (!resolve(&at, param->extent))
		return;
	param->room = param->extent;
	check_room(&at);
	resolve_length(&at);
}

/* ---- clamping ---- */

/*
 * A short read is legal, so a room that is one parameter may be lowered when the length says how
 * much came. Not when the parameter also sizes a buffer that cannot be short.
 */
static bool may_clamp(const struct idl_param *param)
{
	if (param->direction != IDL_OUT || param->room->kind != IDL_EXTENT_NAME ||
	    !param->room->param)
		return false;
	return param->length != param->room || names_inout(param->room);
}

static bool names_param(const struct idl_extent *extent, const struct idl_param *param)
{
	if (extent->kind == IDL_EXTENT_NAME)
		return extent->param == param;
	if (extent->kind != IDL_EXTENT_ADD && extent->kind != IDL_EXTENT_MULTIPLY)
		return false;
	return names_param(extent->left, param) || names_param(extent->right, param);
}

static bool is_sized_by(const struct idl_decl *method, const struct idl_param *param)
{
	for (const struct idl_param *p = method->u.method.params; p; p = p->next) {
		if (p->is_buffer && !may_clamp(p) && names_param(p->room, param))
			return true;
	}
	return false;
}

/* A oneway request has nowhere to pull from: all of it must fit the message. */
static void check_oneway_bound(struct idl_checker *c, struct idl_param *param)
{
	struct idl_diag *d;

	if (param->room->is_constant || param->type->bound)
		return;
	d = idl_diag_on(c->diags, &param->node.in_error, IDL_E0220, param->type->span,
			"buffer '%s' of a oneway method has no bound", param->node.name.text);
	if (param->type->kind == IDL_TYPE_BYTES)
		idl_diag_fix(d, "say how many bytes at most: bytes<N>");
	else
		idl_diag_fix(d, "use in sequence<%s, N> %s", idl_source_text(c, param->type->span),
			     param->node.name.text);
}

void idl_check_extents(struct idl_checker *c, struct idl_decl *method)
{
	struct idl_method *m = &method->u.method;
	bool ok = true;

	for (struct idl_param *p = m->params; p; p = p->next) {
		if (p->is_buffer)
			check_extent(c, method, p);
		ok = ok && !p->node.in_error;
	}
	for (struct idl_param *p = m->params; p && ok; p = p->next) {
		if (!p->is_buffer)
			continue;
		p->is_clamped = may_clamp(p) && !is_sized_by(method, p->room->param);
		if (m->result == IDL_RESULT_ONEWAY)
			check_oneway_bound(c, p);
	}
}
