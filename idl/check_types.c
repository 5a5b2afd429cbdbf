// SPDX-License-Identifier: Apache-2.0
#include "idl/checker.h"

#include "idl/limits.h"

bool idl_type_is_enum(const struct idl_type *type)
{
	return type->kind == IDL_TYPE_NAMED && type->decl->kind == IDL_DECL_ENUM;
}

static bool is_struct(const struct idl_type *type)
{
	return type->kind == IDL_TYPE_NAMED && type->decl->kind == IDL_DECL_STRUCT;
}

bool idl_type_is_frozen(const struct idl_type *type)
{
	return is_struct(type) && type->decl->u.structure.is_frozen_type;
}

bool idl_type_is_growing(const struct idl_type *type)
{
	return is_struct(type) && !type->decl->u.structure.is_frozen_type;
}

bool idl_type_is_plain(const struct idl_type *type)
{
	return type->kind == IDL_TYPE_SCALAR || idl_type_is_enum(type) || idl_type_is_frozen(type);
}

const char *idl_source_text(struct idl_checker *c, struct idl_span span)
{
	const char *from = span.source->text + span.start;
	size_t size = span.end - span.start, n = 0;
	char *text = idl_arena_copy(c->arena, from, size);

	for (size_t i = 0; i < size; i++) {
		bool blank = from[i] == ' ' || from[i] == '\t' || from[i] == '\n' ||
			     from[i] == '\r';

		if (!blank)
			text[n++] = from[i];
		else if (n && text[n - 1] != ' ')
			text[n++] = ' ';
	}
	text[n] = '\0';
	return text;
}

/* Whether what a type allows depends on the version of the interface that it stands in. */
static bool has_version(const struct idl_decl *decl)
{
	if (decl->kind == IDL_DECL_ENUM)
		return decl->u.enumeration.is_closed;
	if (!decl->u.structure.is_frozen_type)
		return true;
	/* Types do not contain themselves: this ends. */
	for (const struct idl_field *f = decl->u.structure.fields; f; f = f->next)
		if (f->type->kind == IDL_TYPE_NAMED && f->type->decl && f->type->decl->owner &&
		    has_version(f->type->decl))
			return true;
	return false;
}

/* Each interface agrees on a minor version of its own, and knows no other. */
static bool check_owner(struct idl_checker *c, bool *in_error, const struct idl_type *type)
{
	const struct idl_decl *owner = type->decl->owner;
	struct idl_diag *d;

	if (!owner || owner == c->interface || !has_version(type->decl))
		return true;
	d = idl_diag_on(c->diags, in_error, IDL_E0509, type->span,
			"'%s' grows with interface '%s', whose version is another",
			type->decl->node.name.text, owner->node.name.text);
	idl_diag_fix(d, "declare it here too, or at package level, where nothing grows");
	idl_diag_note(d, type->decl->node.name.span, "'%s' is here", type->decl->node.name.text);
	return false;
}

static bool check_named(struct idl_checker *c, bool *in_error, struct idl_type *type)
{
	struct idl_target target;

	if (!idl_names_resolve(c, in_error, &type->name, &target))
		return false;
	if (target.kind == IDL_TARGET_ITEM) {
		idl_diag_on(c->diags, in_error, IDL_E0202, type->span,
			    "'%s' is a value of an enum, not a type", type->name.full);
		return false;
	}
	if (target.decl->kind != IDL_DECL_ENUM && target.decl->kind != IDL_DECL_STRUCT) {
		idl_diag_on(c->diags, in_error, IDL_E0202, type->span, "'%s' is %s, not a type",
			    type->name.full, idl_decl_kind_name(target.decl->kind));
		return false;
	}
	type->decl = target.decl;
	if (!target.decl->node.in_error)
		return check_owner(c, in_error, type);
	/* What is wrong with the type was said where it stands. */
	*in_error = true;
	return false;
}

static bool check_element(struct idl_checker *c, bool *in_error, const struct idl_type *element)
{
	struct idl_diag *d;

	if (element->kind != IDL_TYPE_BYTES && element->kind != IDL_TYPE_SEQUENCE)
		return true;
	d = idl_diag_on(c->diags, in_error, IDL_E0216, element->span,
			"'%s' cannot be the element of a sequence",
			idl_source_text(c, element->span));
	idl_diag_fix(d, "wrap it in a struct");
	return false;
}

/* Nesting is bounded by IDL_MAX_TYPE_DEPTH. */
bool idl_check_type(struct idl_checker *c, bool *in_error, struct idl_type *type)
{
	const char *what = "the bound";

	if (type->kind == IDL_TYPE_NAMED)
		return check_named(c, in_error, type);
	if (type->kind == IDL_TYPE_SEQUENCE && (!idl_check_type(c, in_error, type->element) ||
						!check_element(c, in_error, type->element)))
		return false;
	if (!type->bound_expr)
		return true;
	return idl_const_bound(c, in_error, type->bound_expr, IDL_MAX_BOUND, what, &type->bound);
}

/* ---- fields ---- */

static bool refuse_in_frozen(struct idl_checker *c, struct idl_decl *decl, struct idl_field *field,
			     const char *what, struct idl_span span)
{
	struct idl_diag *d = idl_diag_on(c->diags, &field->node.in_error, IDL_E0213, span,
					 "%s in frozen struct '%s'", what, decl->node.name.text);

	if (decl->u.structure.is_frozen)
		idl_diag_fix(d, "scalars, enums, frozen structs and arrays of these only");
	else
		idl_diag_fix(d, "structs at package level are frozen: move it into the interface");
	return false;
}

static bool check_frozen_field(struct idl_checker *c, struct idl_decl *decl,
			       struct idl_field *field)
{
	struct idl_diag *d;

	if (field->is_reserved) {
		d = idl_diag_on(c->diags, &field->node.in_error, IDL_E0217, field->node.span,
				"a reserved field in frozen struct '%s'", decl->node.name.text);
		idl_diag_fix(d, "its bytes stay: keep it as a field under another name");
		return false;
	}
	idl_check_no_since(c, &field->node, "a frozen struct never grows");
	if (field->is_optional)
		return refuse_in_frozen(c, decl, field, "an optional field", field->node.span);
	if (idl_type_is_plain(field->type))
		return true;
	return refuse_in_frozen(c, decl, field,
				idl_type_is_growing(field->type) ? "a growing struct"
								 : "a type with memory behind it",
				field->type->span);
}

static bool check_growing_field(struct idl_checker *c, struct idl_field *field)
{
	const struct idl_type *type = field->type;
	bool *in_error = &field->node.in_error;
	struct idl_diag *d;

	if (type->kind == IDL_TYPE_BYTES && !type->bound_expr) {
		d = idl_diag_on(c->diags, in_error, IDL_E0211, type->span, "bytes without a bound");
		idl_diag_fix(d, "say how many at most: bytes<N>");
		return false;
	}
	if (idl_type_is_plain(type))
		return true;
	if (field->is_optional) {
		d = idl_diag_on(c->diags, in_error, IDL_E0214, type->span,
				"'%s' cannot be optional", idl_source_text(c, type->span));
		idl_diag_fix(d, idl_type_is_growing(type) ? "use a sequence of at most one"
							  : "leave it empty instead");
		return false;
	}
	if (!field->array_expr)
		return true;
	d = idl_diag_on(c->diags, in_error, IDL_E0215, type->span,
			"an array of '%s': arrays are of scalars, enums and frozen structs",
			idl_source_text(c, type->span));
	if (type->kind == IDL_TYPE_STRING || type->kind == IDL_TYPE_NAMED)
		idl_diag_fix(d, "sequence<%s, %u> %s", idl_source_text(c, type->span),
			     field->array_size, field->node.name.text);
	else
		idl_diag_fix(d, "wrap it in a struct, and use a sequence of that");
	return false;
}

static void check_field(struct idl_checker *c, struct idl_decl *decl, struct idl_field *field)
{
	struct idl_node *node = &field->node;

	field->is_deprecated = idl_node_mark(node, IDL_MARK_DEPRECATED) != NULL;
	/* The name of a field that is gone is free. */
	if (!field->is_reserved) {
		idl_names_declare(c, decl, node, "field");
		idl_c_name_check_shape(c, &node->in_error, &node->name);
		idl_c_name_check_alone(c, node);
	}
	if (!idl_check_type(c, &node->in_error, field->type))
		return;
	if (field->array_expr &&
	    !idl_const_bound(c, &node->in_error, field->array_expr, IDL_MAX_ARRAY_SIZE,
			     "the size of the array", &field->array_size))
		return;
	if (decl->u.structure.is_frozen_type)
		check_frozen_field(c, decl, field);
	else
		check_growing_field(c, field);
}

void idl_check_companion(struct idl_checker *c, const void *scope, const struct idl_node *node,
			 const struct idl_type *type, bool is_optional, const char *what)
{
	const char *prefix = is_optional ? "has" : "n";
	struct idl_node *taken;
	struct idl_diag *d;

	if (!is_optional && type->kind != IDL_TYPE_BYTES && type->kind != IDL_TYPE_SEQUENCE)
		return;
	/* The scope's nodes belong to the tree that is being checked. */
	taken = (struct idl_node *)idl_names_find(
		c, scope, idl_arena_printf(c->arena, "%s_%s", prefix, node->name.text));
	if (!taken)
		return;
	d = idl_diag_on(c->diags, &taken->in_error, IDL_E0306, taken->name.span,
			"%s '%s' is what C calls the %s of '%s'", what, taken->name.text,
			is_optional ? "presence" : "count", node->name.text);
	idl_diag_note(d, node->name.span, "'%s' is here", node->name.text);
}

/* C has n_x beside a sequence x, and has_x beside an optional one. */
static void check_companions(struct idl_checker *c, struct idl_decl *decl)
{
	for (struct idl_field *f = decl->u.structure.fields; f; f = f->next) {
		if (!f->is_reserved)
			idl_check_companion(c, decl, &f->node, f->type, f->is_optional, "field");
	}
}

/* ---- structs ---- */

static bool any_in_error(const struct idl_decl *decl)
{
	for (const struct idl_field *f = decl->u.structure.fields; f; f = f->next) {
		if (f->node.in_error)
			return true;
	}
	return decl->node.in_error;
}

/* reserved0, or the first one after it that is free. */
static const char *padding_name(struct idl_checker *c, const struct idl_decl *decl, unsigned *next)
{
	const char *name;

	do {
		name = idl_arena_printf(c->arena, "reserved%u", (*next)++);
	} while (idl_names_find(c, decl, name));
	return name;
}

static void check_padding(struct idl_checker *c, struct idl_decl *decl,
			  const struct idl_struct_layout *layout)
{
	struct idl_diag *d;
	uint64_t end = 0;
	unsigned next = 0;

	for (struct idl_field *f = decl->u.structure.fields; f; f = f->next) {
		uint64_t gap = layout->c_offsets[f->index] - end;

		end = layout->c_offsets[f->index] + idl_layout_c_field_size(f);
		if (!gap)
			continue;
		d = idl_diag_on(c->diags, &f->node.in_error, IDL_E0212, f->node.name.span,
				"%llu bytes of padding before '%s' in frozen struct '%s'",
				(unsigned long long)gap, f->node.name.text, decl->node.name.text);
		idl_diag_fix(d, "put 'uint8 %s[%llu];' before it", padding_name(c, decl, &next),
			     (unsigned long long)gap);
	}
	if (end == layout->c_size)
		return;
	d = idl_diag_on(c->diags, &decl->node.in_error, IDL_E0212, decl->node.name.span,
			"%llu bytes of padding at the end of frozen struct '%s'",
			(unsigned long long)(layout->c_size - end), decl->node.name.text);
	idl_diag_fix(d, "put 'uint8 %s[%llu];' at its end", padding_name(c, decl, &next),
		     (unsigned long long)(layout->c_size - end));
}

void idl_check_struct(struct idl_checker *c, struct idl_decl *decl)
{
	struct idl_struct *structure = &decl->u.structure;
	struct idl_struct_layout *layout;

	structure->is_frozen_type = structure->is_frozen || !decl->owner;
	for (struct idl_field *f = structure->fields; f; f = f->next)
		check_field(c, decl, f);
	if (any_in_error(decl)) {
		decl->node.in_error = true;
		return;
	}
	check_companions(c, decl);
	if (!structure->is_frozen_type)
		idl_check_struct_since(c, decl);
	layout = idl_layout_c_form(c->arena, decl);
	if (!layout) {
		idl_diag_on(c->diags, &decl->node.in_error, IDL_E0404, decl->node.name.span,
			    "struct '%s' is larger than %u bytes", decl->node.name.text,
			    IDL_MAX_STRUCT_SIZE);
		return;
	}
	if (layout->depth > IDL_MAX_STRUCT_DEPTH)
		idl_diag_on(c->diags, &decl->node.in_error, IDL_E0120, decl->node.name.span,
			    "'%s' holds structs in structs, more than %u deep",
			    decl->node.name.text, IDL_MAX_STRUCT_DEPTH);
	if (structure->is_frozen_type) {
		check_padding(c, decl, layout);
		structure->is_bulk_element = !layout->is_checked;
	}
	structure->layout = layout;
	idl_check_struct_zero(c, decl);
	if (any_in_error(decl))
		decl->node.in_error = true;
}
