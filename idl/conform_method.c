// SPDX-License-Identifier: Apache-2.0
#include "idl/conform_priv.h"

/* ---- extents ---- */

/* Parameters by position, for their names are free; constants by value. The height is bounded. */
static bool same_extent(const struct idl_extent *old, const struct idl_extent *new)
{
	if (old->is_constant || new->is_constant)
		return old->is_constant && new->is_constant && old->value == new->value;
	if (old->kind != new->kind)
		return false;
	switch (old->kind) {
	case IDL_EXTENT_RETURN:
	case IDL_EXTENT_NUMBER:
		return true;
	case IDL_EXTENT_NAME:
		return old->param->index == new->param->index;
	case IDL_EXTENT_ADD:
	case IDL_EXTENT_MULTIPLY:
		break;
	}
	return same_extent(old->left, new->left) && same_extent(old->right, new->right);
}

static const char *extents_changed(const struct idl_param *old, const struct idl_param *new)
{
	if (old->is_buffer != new->is_buffer)
		return old->is_buffer ? "it had an extent" : "it had no extent";
	if (!old->is_buffer)
		return NULL;
	if (!same_extent(old->room, new->room))
		return "its room is another";
	if (!same_extent(old->length, new->length))
		return "its length is another";
	return NULL;
}

/* ---- methods ---- */

static void compare_param(struct idl_conform *c, const struct idl_param *old,
			  const struct idl_param *new)
{
	enum idl_code code = IDL_E0513;
	const char *changed = idl_conform_type(c, old->type, new->type);
	struct idl_diag *d;

	if (!changed && old->direction != new->direction)
		changed = "its direction is another";
	if (!changed) {
		code = IDL_E0514;
		changed = extents_changed(old, new);
	}
	if (!changed)
		return;
	d = idl_diag_at(c->diags, code, new->node.span, "parameter '%s' of '%s' has changed: %s",
			new->node.name.text, new->owner->node.name.text, changed);
	idl_diag_fix(d, "keep it, and add a method");
	idl_diag_note(d, old->node.span, "released as this");
}

static void compare_params(struct idl_conform *c, const struct idl_decl *old,
			   const struct idl_decl *new)
{
	const struct idl_param *op = old->u.method.params, *np = new->u.method.params;
	struct idl_diag *d;

	if (old->u.method.n_params != new->u.method.n_params) {
		d = idl_diag_at(c->diags, IDL_E0513, new->node.name.span,
				"'%s' had %zu parameters and has %zu", new->node.name.text,
				old->u.method.n_params, new->u.method.n_params);
		idl_diag_fix(d, "add a method, or a field to a growing struct");
		idl_diag_note(d, old->node.span, "released as this");
		return;
	}
	for (; op && np; op = op->next, np = np->next)
		compare_param(c, op, np);
}

static const char *result_name(enum idl_result_kind result)
{
	static const char *const names[] = {
		[IDL_RESULT_VOID] = "void",   [IDL_RESULT_INT32] = "int32",
		[IDL_RESULT_INT64] = "int64", [IDL_RESULT_ONEWAY] = "oneway void",
		[IDL_RESULT_OTHER] = "other",
	};

	return names[result];
}

static void compare_promises(struct idl_conform *c, const struct idl_decl *old,
			     const struct idl_decl *new)
{
	const struct idl_method *om = &old->u.method, *nm = &new->u.method;
	const char *name = new->node.name.text;
	struct idl_diag *d;

	if (om->is_idempotent && !nm->is_idempotent) {
		d = idl_diag_at(c->diags, IDL_E0516, new->node.name.span,
				"'%s' was idempotent: old clients may send it twice", name);
		idl_diag_note(d, idl_node_mark(&old->node, IDL_MARK_IDEMPOTENT)->span,
			      "promised here");
	} else if (!om->is_idempotent && nm->is_idempotent) {
		d = idl_diag_at(c->diags, IDL_W0505,
				idl_node_mark(&new->node, IDL_MARK_IDEMPOTENT)->span,
				"'%s' was not idempotent: new clients may send it twice to old "
				"servers",
				name);
		idl_diag_note(d, old->node.name.span, "released without it");
	}
	if (om->since.minor != nm->since.minor) {
		d = idl_diag_at(c->diags, IDL_E0525, new->node.name.span,
				"'%s' was since %u.%u and is since %u.%u", name, om->since.major,
				om->since.minor, nm->since.major, nm->since.minor);
		idl_diag_note(d, old->node.name.span, "released as this");
	}
}

void idl_conform_method(struct idl_conform *c, const struct idl_decl *old,
			const struct idl_decl *new)
{
	struct idl_diag *d;

	idl_conform_name(c, &old->node, &new->node, "method");
	if (old->u.method.result != new->u.method.result) {
		d = idl_diag_at(c->diags, IDL_E0515, new->u.method.result_span,
				"the result of '%s' was %s and is %s", new->node.name.text,
				result_name(old->u.method.result),
				result_name(new->u.method.result));
		idl_diag_note(d, old->u.method.result_span, "released as this");
	}
	compare_params(c, old, new);
	compare_promises(c, old, new);
}
