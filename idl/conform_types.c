// SPDX-License-Identifier: Apache-2.0
#include "idl/conform_priv.h"

#include <string.h>

#define uthash_fatal(msg) idl_out_of_memory()
#include <uthash.h>

/* ---- what has been compared ---- */

#define KEY_SIZE (2 * sizeof(void *))

struct idl_conform_pair {
	unsigned char key[KEY_SIZE]; /* both addresses */
	UT_hash_handle hh;
};

static void key_make(unsigned char key[KEY_SIZE], const struct idl_decl *old,
		     const struct idl_decl *new)
{
	memcpy(key, &old, KEY_SIZE / 2);
	memcpy(key + KEY_SIZE / 2, &new, KEY_SIZE / 2);
}

/* True the first time. */
static bool enter(struct idl_conform *c, struct idl_conform_pair **table,
		  const struct idl_decl *old, const struct idl_decl *new)
{
	struct idl_conform_pair *pair = NULL;
	unsigned char key[KEY_SIZE];

	key_make(key, old, new);
	HASH_FIND(hh, *table, key, KEY_SIZE, pair);
	if (pair)
		return false;
	pair = idl_arena_alloc(c->arena, sizeof(*pair));
	memcpy(pair->key, key, KEY_SIZE);
	HASH_ADD_KEYPTR(hh, *table, pair->key, KEY_SIZE, pair);
	return true;
}

bool idl_conform_is_seen(struct idl_conform *c, const struct idl_decl *old)
{
	struct idl_conform_pair *pair = NULL;
	unsigned char key[KEY_SIZE];

	key_make(key, old, NULL);
	HASH_FIND(hh, c->seen, key, KEY_SIZE, pair);
	return pair != NULL;
}

void idl_conform_release(struct idl_conform *c)
{
	HASH_CLEAR(hh, c->pairs);
	HASH_CLEAR(hh, c->seen);
}

/* ---- types ---- */

static const char *bound_changed(struct idl_conform *c, const struct idl_type *old,
				 const struct idl_type *new)
{
	if (old->bound == new->bound)
		return NULL;
	if (!old->bound || !new->bound)
		return old->bound ? "it had a bound" : "it had no bound";
	return idl_arena_printf(c->arena, "its bound was %u and is %u", old->bound, new->bound);
}

static const char *kind_word(const struct idl_type *type)
{
	switch (type->kind) {
	case IDL_TYPE_SCALAR:
		return idl_scalar_info(type->scalar)->name;
	case IDL_TYPE_STRING:
		return "a string";
	case IDL_TYPE_BYTES:
		return "bytes";
	case IDL_TYPE_SEQUENCE:
		return "a sequence";
	case IDL_TYPE_NAMED:
		break;
	}
	return idl_decl_kind_name(type->decl->kind);
}

static const char *kind_changed(struct idl_conform *c, const struct idl_type *old,
				const struct idl_type *new)
{
	return idl_arena_printf(c->arena, "it was %s and is %s", kind_word(old), kind_word(new));
}

/* Nesting is bounded by IDL_MAX_TYPE_DEPTH and IDL_MAX_STRUCT_DEPTH. */
const char *idl_conform_type(struct idl_conform *c, const struct idl_type *old,
			     const struct idl_type *new)
{
	const char *changed;

	if (old->kind != new->kind)
		return kind_changed(c, old, new);
	switch (old->kind) {
	case IDL_TYPE_SCALAR:
		return old->scalar == new->scalar ? NULL : kind_changed(c, old, new);
	case IDL_TYPE_STRING:
	case IDL_TYPE_BYTES:
		return bound_changed(c, old, new);
	case IDL_TYPE_SEQUENCE:
		changed = idl_conform_type(c, old->element, new->element);
		return changed ? changed : bound_changed(c, old, new);
	case IDL_TYPE_NAMED:
		break;
	}
	if (old->decl->kind != new->decl->kind)
		return kind_changed(c, old, new);
	idl_conform_decl(c, old->decl, new->decl);
	return NULL;
}

/* ---- fields ---- */

static void report_field(struct idl_conform *c, const struct idl_field *old,
			 const struct idl_field *new, const char *changed)
{
	struct idl_diag *d = idl_diag_at(c->diags, IDL_E0517, new->node.span,
					 "field '%s' of '%s' has changed: %s", new->node.name.text,
					 new->owner->node.name.text, changed);

	idl_diag_fix(d, "keep it, and add another at the end");
	idl_diag_note(d, old->node.span, "released as this");
}

static const char *field_changed(struct idl_conform *c, const struct idl_field *old,
				 const struct idl_field *new)
{
	const char *changed = idl_conform_type(c, old->type, new->type);

	if (changed)
		return changed;
	if (old->array_size != new->array_size)
		return idl_arena_printf(c->arena, "it had %u elements and has %u",
					old->array_size ? old->array_size : 1,
					new->array_size ? new->array_size : 1);
	if (old->is_optional != new->is_optional)
		return old->is_optional ? "it was optional" : "it was not optional";
	if (old->is_reserved && !new->is_reserved)
		return "it was reserved";
	return NULL;
}

static void compare_field(struct idl_conform *c, const struct idl_field *old,
			  const struct idl_field *new)
{
	const char *changed = field_changed(c, old, new);
	struct idl_diag *d;

	if (changed) {
		report_field(c, old, new, changed);
		return;
	}
	if (old->since.minor != new->since.minor) {
		d = idl_diag_at(c->diags, IDL_E0525, new->node.span,
				"field '%s' was since %u.%u and is since %u.%u",
				new->node.name.text, old->since.major, old->since.minor,
				new->since.major, new->since.minor);
		idl_diag_note(d, old->node.span, "released as this");
		return;
	}
	if (!new->is_reserved) {
		idl_conform_name(c, &old->node, &new->node, "field");
	} else if (!old->is_reserved) {
		d = idl_diag_at(c->diags, IDL_W0504, new->node.span,
				"field '%s' of '%s' is reserved now", old->node.name.text,
				new->owner->node.name.text);
		idl_diag_note(d, old->node.span, "released as this");
	}
}

static const struct idl_field *field_named(const struct idl_decl *decl, const char *name)
{
	for (const struct idl_field *f = decl->u.structure.fields; f; f = f->next) {
		if (strcmp(f->node.name.text, name) == 0)
			return f;
	}
	return NULL;
}

/* ---- structs ---- */

static void report_gone(struct idl_conform *c, const struct idl_field *old,
			const struct idl_decl *new)
{
	bool is_frozen = new->u.structure.is_frozen_type;
	struct idl_diag *d;

	d = idl_diag_at(c->diags, is_frozen ? IDL_E0521 : IDL_E0517, new->node.name.span,
			"field '%s' of '%s' is gone", old->node.name.text, new->node.name.text);
	idl_diag_fix(d, is_frozen ? "a frozen struct keeps its fields"
				  : "leave 'reserved' before its type and name");
	idl_diag_note(d, old->node.span, "released as this");
}

/* A field of the same name elsewhere: positions have changed, and with them all that follows. */
static bool has_moved(struct idl_conform *c, const struct idl_field *old,
		      const struct idl_field *new, const struct idl_decl *decl)
{
	const struct idl_field *moved;
	struct idl_diag *d;

	if (strcmp(old->node.name.text, new->node.name.text) == 0)
		return false;
	moved = field_named(decl, old->node.name.text);
	if (!moved)
		return false;
	d = idl_diag_at(c->diags, IDL_E0517, moved->node.span,
			"field '%s' of '%s' has moved: fields have positions", old->node.name.text,
			decl->node.name.text);
	idl_diag_fix(d, "what is new comes last");
	idl_diag_note(d, old->node.span, "released here");
	return true;
}

static void report_added(struct idl_conform *c, const struct idl_field *field,
			 const struct idl_decl *old)
{
	struct idl_diag *d;

	if (!field->owner->u.structure.is_frozen_type) {
		idl_conform_check_new(c, &field->node, field->since, old, "field");
		return;
	}
	d = idl_diag_at(c->diags, IDL_E0521, field->node.span, "frozen struct '%s' has a new field",
			field->owner->node.name.text);
	idl_diag_fix(d, "declare another struct, and a method that has it");
	idl_diag_note(d, old->node.name.span, "released without it");
}

static void compare_structs(struct idl_conform *c, const struct idl_decl *old,
			    const struct idl_decl *new)
{
	const struct idl_field *of = old->u.structure.fields, *nf = new->u.structure.fields;
	struct idl_diag *d;

	if (old->u.structure.is_frozen_type != new->u.structure.is_frozen_type) {
		d = idl_diag_at(c->diags, IDL_E0518, new->node.name.span, "struct '%s' was %s",
				new->node.name.text,
				old->u.structure.is_frozen_type ? "frozen" : "growing");
		idl_diag_note(d, old->node.name.span, "released as this");
		return;
	}
	for (; of && nf; of = of->next, nf = nf->next) {
		if (has_moved(c, of, nf, new))
			return;
		compare_field(c, of, nf);
	}
	for (; of; of = of->next)
		report_gone(c, of, new);
	for (; nf; nf = nf->next)
		report_added(c, nf, old);
}

/* ---- enums ---- */

static bool same_value(const struct idl_value *a, const struct idl_value *b)
{
	return a->bits == b->bits && a->is_negative == b->is_negative;
}

static const struct idl_item *item_named(const struct idl_enum *e, const char *name)
{
	for (const struct idl_item *i = e->items; i; i = i->next) {
		if (strcmp(i->node.name.text, name) == 0)
			return i;
	}
	return NULL;
}

static const struct idl_item *item_valued(const struct idl_enum *e, const struct idl_value *value)
{
	for (const struct idl_item *i = e->items; i; i = i->next) {
		if (same_value(&i->value, value))
			return i;
	}
	return NULL;
}

static bool is_reserved(const struct idl_enum *e, const struct idl_value *value)
{
	for (size_t i = 0; i < e->n_reserved && !value->is_negative; i++) {
		if (idl_conform_in_ranges(e->reserved[i].ranges, e->reserved[i].n_ranges,
					  value->bits))
			return true;
	}
	return false;
}

static void compare_item(struct idl_conform *c, const struct idl_item *old,
			 const struct idl_decl *new)
{
	const struct idl_enum *e = &new->u.enumeration;
	const struct idl_item *item = item_named(e, old->node.name.text);
	struct idl_diag *d;

	if (item && !same_value(&item->value, &old->value)) {
		d = idl_diag_at(c->diags, IDL_E0522, item->expr->span, "'%s.%s' has another value",
				new->node.name.text, item->node.name.text);
		idl_diag_note(d, old->node.span, "released as this");
		return;
	}
	if (item && e->is_closed && item->since.minor != old->since.minor) {
		d = idl_diag_at(c->diags, IDL_E0525, item->node.span,
				"'%s.%s' was since %u.%u and is since %u.%u", new->node.name.text,
				item->node.name.text, old->since.major, old->since.minor,
				item->since.major, item->since.minor);
		idl_diag_note(d, old->node.span, "released as this");
		return;
	}
	if (item)
		return;
	item = item_valued(e, &old->value);
	if (item) {
		idl_conform_name(c, &old->node, &item->node, "value");
	} else if (is_reserved(e, &old->value)) {
		d = idl_diag_at(c->diags, IDL_W0504, new->node.name.span, "'%s.%s' is reserved now",
				new->node.name.text, old->node.name.text);
		idl_diag_note(d, old->node.span, "released as this");
	} else {
		d = idl_diag_at(c->diags, IDL_E0522, new->node.name.span, "'%s.%s' is gone",
				new->node.name.text, old->node.name.text);
		idl_diag_fix(d, "reserve its value, so that it never means something else");
		idl_diag_note(d, old->node.span, "released as this");
	}
}

/* Whoever has the old text refuses a new value of a closed enum, so it needs a version. */
static void compare_new_item(struct idl_conform *c, const struct idl_item *item,
			     const struct idl_decl *old)
{
	struct idl_diag *d;

	if (item_valued(&old->u.enumeration, &item->value) ||
	    item_named(&old->u.enumeration, item->node.name.text) || !old->u.enumeration.is_closed)
		return;
	if (old->owner) {
		idl_conform_check_new(c, &item->node, item->since, old, "value");
		return;
	}
	d = idl_diag_at(c->diags, IDL_E0522, item->node.span,
			"closed enum '%s' has a new value, which peers of the old version refuse",
			old->node.name.text);
	idl_diag_note(d, old->node.name.span, "released without it");
}

static void compare_reserved(struct idl_conform *c, const struct idl_decl *old,
			     const struct idl_decl *new)
{
	const struct idl_enum *e = &new->u.enumeration;
	struct idl_range *all;
	size_t n = 0;

	for (size_t i = 0; i < e->n_reserved; i++)
		n += e->reserved[i].n_ranges;
	all = idl_arena_array(c->arena, n + 1, sizeof(*all));
	n = 0;
	for (size_t i = 0; i < e->n_reserved; i++) {
		for (size_t k = 0; k < e->reserved[i].n_ranges; k++)
			all[n++] = e->reserved[i].ranges[k];
	}
	for (size_t i = 0; i < old->u.enumeration.n_reserved; i++) {
		const struct idl_ranges *r = &old->u.enumeration.reserved[i];

		idl_conform_reserved(c, r->ranges, r->n_ranges, all, n, new->node.name.span);
	}
}

static void compare_enums(struct idl_conform *c, const struct idl_decl *old,
			  const struct idl_decl *new)
{
	const struct idl_enum *oe = &old->u.enumeration, *ne = &new->u.enumeration;
	struct idl_diag *d;

	if (oe->is_closed != ne->is_closed || oe->scalar != ne->scalar) {
		d = idl_diag_at(c->diags, IDL_E0519, new->node.name.span,
				"enum '%s' was %s and of type %s", new->node.name.text,
				oe->is_closed ? "closed" : "open",
				idl_scalar_info(oe->scalar)->name);
		idl_diag_note(d, old->node.name.span, "released as this");
		return;
	}
	for (const struct idl_item *i = oe->items; i; i = i->next)
		compare_item(c, i, new);
	for (const struct idl_item *i = ne->items; i; i = i->next)
		compare_new_item(c, i, old);
	compare_reserved(c, old, new);
}

void idl_conform_decl(struct idl_conform *c, const struct idl_decl *old, const struct idl_decl *new)
{
	if (!enter(c, &c->pairs, old, new))
		return;
	enter(c, &c->seen, old, NULL);
	idl_conform_name(c, &old->node, &new->node, old->kind == IDL_DECL_ENUM ? "enum" : "struct");
	if (old->kind == IDL_DECL_ENUM)
		compare_enums(c, old, new);
	else
		compare_structs(c, old, new);
}
