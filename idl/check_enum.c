// SPDX-License-Identifier: Apache-2.0
#include "idl/checker.h"

#include <limits.h>
#include <string.h>

/* Values have a scope of their own beside the names. */
static const void *value_scope(const struct idl_decl *decl)
{
	return &decl->u.enumeration.items;
}

static void check_value(struct idl_checker *c, struct idl_decl *decl, struct idl_item *item,
			const struct idl_reserved_set *reserved)
{
	const struct idl_range *range = NULL;
	const struct idl_node *first;
	struct idl_diag *d;

	first = idl_names_add_number(c, value_scope(decl), item->value.bits,
				     item->value.is_negative, &item->node);
	if (first) {
		d = idl_diag_on(c->diags, &item->node.in_error, IDL_E0310, item->expr->span,
				"value %s is already '%s'", idl_value_text(c, &item->value),
				first->name.text);
		idl_diag_note(d, first->name.span, "first used here");
		return;
	}
	if (!item->value.is_negative)
		range = idl_reserved_find(reserved, item->value.bits);
	if (!range)
		return;
	d = idl_diag_on(c->diags, &item->node.in_error, IDL_E0309, item->expr->span,
			"value %s is reserved", idl_value_text(c, &item->value));
	idl_diag_note(d, range->span, "reserved here");
}

static void check_item(struct idl_checker *c, struct idl_decl *decl, struct idl_item *item,
		       const struct idl_reserved_set *reserved)
{
	struct idl_node *node = &item->node;

	item->is_deprecated = idl_node_mark(node, IDL_MARK_DEPRECATED) != NULL;
	if (c->interface)
		item->since = idl_check_since(c, node);
	else
		idl_check_no_since(c, node, "a package has no version");
	if (idl_const_evaluate(c, &node->in_error, item->expr, decl->u.enumeration.scalar,
			       &item->value))
		check_value(c, decl, item, reserved);
	if (node->in_error)
		decl->node.in_error = true;
}

static struct idl_reserved_set collect_reserved(struct idl_checker *c, struct idl_decl *decl)
{
	const struct idl_enum *e = &decl->u.enumeration;
	struct idl_range *ranges;
	size_t n = 0;

	for (size_t i = 0; i < e->n_reserved; i++)
		n += e->reserved[i].n_ranges;
	ranges = idl_arena_array(c->arena, n + 1, sizeof(*ranges));
	n = 0;
	for (size_t i = 0; i < e->n_reserved; i++) {
		for (size_t k = 0; k < e->reserved[i].n_ranges; k++)
			ranges[n++] = e->reserved[i].ranges[k];
	}
	return idl_reserved_collect(c, &decl->node.in_error, ranges, n, 0,
				    idl_scalar_info(e->scalar)->max);
}

static bool fits_int(const struct idl_value *value)
{
	if (value->is_negative)
		return (int64_t)value->bits >= INT_MIN;
	return value->bits <= INT_MAX;
}

void idl_check_enum(struct idl_checker *c, struct idl_decl *decl)
{
	struct idl_enum *e = &decl->u.enumeration;
	struct idl_reserved_set reserved = collect_reserved(c, decl);

	e->fits_int = true;
	for (struct idl_item *i = e->items; i; i = i->next) {
		check_item(c, decl, i, &reserved);
		if (!fits_int(&i->value))
			e->fits_int = false;
	}
}
