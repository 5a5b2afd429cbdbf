// SPDX-License-Identifier: Apache-2.0
#include "idl/checker.h"

struct idl_version idl_check_since(struct idl_checker *c, struct idl_node *node)
{
	const struct idl_version version = c->interface->u.interface.version;
	const struct idl_mark *mark = idl_node_mark(node, IDL_MARK_SINCE);
	struct idl_version first = {.major = version.major, .minor = 0};
	struct idl_diag *d;

	if (!mark)
		return first;
	if (mark->since.major == version.major && mark->since.minor <= version.minor)
		return mark->since;
	d = idl_diag_on(c->diags, &node->in_error, IDL_E0505, mark->span,
			"'%s' is since %u.%u, and interface '%s' is version %u.%u", node->name.text,
			mark->since.major, mark->since.minor, c->interface->node.name.text,
			version.major, version.minor);
	if (mark->since.major == version.major)
		idl_diag_fix(d, "raise the version to %u.%u", mark->since.major, mark->since.minor);
	else
		idl_diag_fix(d, "what is there in every version %u.x needs no since",
			     version.major);
	idl_diag_note(d, c->interface->u.interface.version_span, "the version");
	return first;
}

void idl_check_no_since(struct idl_checker *c, struct idl_node *node, const char *why)
{
	const struct idl_mark *mark = idl_node_mark(node, IDL_MARK_SINCE);

	if (mark)
		idl_diag_on(c->diags, &node->in_error, IDL_E0508, mark->span,
			    "'%s' cannot have a since: %s", node->name.text, why);
}

/* ---- closed enums that must be able to be absent ---- */

static bool has_zero(const struct idl_enum *e)
{
	for (const struct idl_item *i = e->items; i; i = i->next) {
		if (i->value.kind == IDL_VALUE_INT && i->value.bits == 0)
			return true;
	}
	return false;
}

/* Where a struct's own answer is entered, so that no struct is looked into twice. */
static const void *zero_scope(const struct idl_decl *decl)
{
	return &decl->u.structure.n_fields;
}

/* The closed enum without a 0 in a type that an older peer leaves zero, or NULL. */
static const struct idl_decl *closed_without_zero(struct idl_checker *c,
						  const struct idl_type *type)
{
	const struct idl_decl *decl = type->decl;

	if (type->kind != IDL_TYPE_NAMED)
		return NULL;
	if (decl->kind == IDL_DECL_STRUCT)
		return (const struct idl_decl *)idl_names_find(c, zero_scope(decl), "");
	return decl->u.enumeration.is_closed && !has_zero(&decl->u.enumeration) ? decl : NULL;
}

void idl_check_struct_zero(struct idl_checker *c, const struct idl_decl *decl)
{
	for (const struct idl_field *f = decl->u.structure.fields; f; f = f->next) {
		const struct idl_decl *found = f->is_reserved ? NULL
							      : closed_without_zero(c, f->type);

		if (found) {
			idl_names_add(c, zero_scope(decl), "", &found->node);
			return;
		}
	}
}

static void check_later_field(struct idl_checker *c, struct idl_field *field)
{
	const struct idl_decl *decl = closed_without_zero(c, field->type);
	struct idl_diag *d;

	if (!decl)
		return;
	d = idl_diag_on(c->diags, &field->node.in_error, IDL_E0506, field->type->span,
			"'%s' is later than version %u.0 and reads as 0 before, which closed enum "
			"'%s' has not got",
			field->node.name.text, field->since.major, decl->node.name.text);
	idl_diag_fix(d, "give '%s' a value 0", decl->node.name.text);
	idl_diag_note(d, decl->node.name.span, "declared here");
}

void idl_check_struct_since(struct idl_checker *c, struct idl_decl *decl)
{
	const struct idl_field *last = NULL;
	struct idl_diag *d;

	for (struct idl_field *f = decl->u.structure.fields; f; last = f, f = f->next) {
		f->since = idl_check_since(c, &f->node);
		if (!last && f->since.minor > 0) {
			d = idl_diag_on(c->diags, &f->node.in_error, IDL_E0507,
					idl_node_mark(&f->node, IDL_MARK_SINCE)->span,
					"'%s', the first field of '%s', cannot be later than the "
					"struct itself",
					f->node.name.text, decl->node.name.text);
			idl_diag_fix(d, "leave the since away: a new struct needs none");
			continue;
		}
		if (last && f->since.minor < last->since.minor) {
			d = idl_diag_on(
				c->diags, &f->node.in_error, IDL_E0504, f->node.name.span,
				"'%s' is since %u.%u, but stands behind '%s', which is since "
				"%u.%u",
				f->node.name.text, f->since.major, f->since.minor,
				last->node.name.text, last->since.major, last->since.minor);
			idl_diag_fix(d, "new fields come last, each with its since");
			idl_diag_note(d, last->node.name.span, "'%s' is here",
				      last->node.name.text);
		}
		if (f->since.minor > 0 && !f->is_reserved)
			check_later_field(c, f);
	}
}
