// SPDX-License-Identifier: Apache-2.0
#include "idl/checker.h"

#include "idl/limits.h"

/* ---- rules ---- */

static void check_rule(struct idl_checker *c, struct idl_decl *decl, const struct idl_rule *rule,
		       const char *name, uint64_t min, uint64_t max)
{
	if (rule->value >= min && rule->value <= max)
		return;
	idl_diag_on(c->diags, &decl->node.in_error, IDL_E0406, rule->value_span,
		    "%s is %llu; it must be %llu to %llu", name, (unsigned long long)rule->value,
		    (unsigned long long)min, (unsigned long long)max);
}

bool idl_check_deadline(struct idl_checker *c, bool *in_error, uint64_t deadline_us,
			struct idl_span span)
{
	if (deadline_us >= IDL_MIN_DEADLINE_US && deadline_us <= IDL_MAX_DEADLINE_US)
		return true;
	idl_diag_on(c->diags, in_error, IDL_E0407, span,
		    "a deadline must be 1us to %llus, which is 71 minutes",
		    IDL_MAX_DEADLINE_US / 1000000);
	return false;
}

static void apply_rule(struct idl_checker *c, struct idl_decl *decl, const struct idl_rule *rule)
{
	struct idl_interface *i = &decl->u.interface;

	switch (rule->kind) {
	case IDL_RULE_DEADLINE:
		if (idl_check_deadline(c, &decl->node.in_error, rule->value, rule->value_span))
			i->deadline_us = rule->value;
		break;
	case IDL_RULE_MAX_MESSAGE:
		check_rule(c, decl, rule, "max_message", IDL_MIN_MAX_MESSAGE, IDL_MAX_MAX_MESSAGE);
		/* Messages are multiples of 8: what is above the last one is never used. */
		i->max_message = (uint32_t)rule->value & ~(IDL_HEAP_ALIGN - 1);
		break;
	case IDL_RULE_MAX_INLINE:
		check_rule(c, decl, rule, "max_inline", 0, IDL_MAX_MAX_MESSAGE);
		i->max_inline = (uint32_t)rule->value;
		break;
	case IDL_RULE_MAX_TRANSFER:
		check_rule(c, decl, rule, "max_transfer", 1, IDL_MAX_MAX_TRANSFER);
		i->max_transfer = rule->value;
		break;
	case IDL_RULE_INFLIGHT:
		check_rule(c, decl, rule, "inflight", 1, IDL_MAX_INFLIGHT);
		i->inflight = (uint32_t)rule->value;
		break;
	case IDL_RULE_PREFIX:
	case IDL_RULE_PRIORITY:
	case IDL_N_RULES:
		break;
	}
}

static void check_rules(struct idl_checker *c, struct idl_decl *decl)
{
	struct idl_interface *i = &decl->u.interface;

	i->deadline_us = IDL_DEFAULT_DEADLINE_US;
	i->max_message = IDL_DEFAULT_MAX_MESSAGE;
	i->max_inline = IDL_DEFAULT_MAX_INLINE;
	i->max_transfer = IDL_DEFAULT_MAX_TRANSFER;
	for (const struct idl_rule *r = i->rules; r; r = r->next)
		apply_rule(c, decl, r);
}

/* ---- identity ---- */

static void check_id(struct idl_checker *c, struct idl_decl *decl)
{
	const struct idl_interface *i = &decl->u.interface;
	const struct idl_node *first;
	struct idl_diag *d;
	uint64_t id;

	if (i->id != 0) {
		first = idl_names_add_number(c, c->program, i->id, false, &decl->node);
		if (!first)
			return;
		d = idl_diag_on(c->diags, &decl->node.in_error, IDL_E0312, i->id_span,
				"interface '%s' has the id of '%s'", decl->node.name.text,
				first->name.text);
		idl_diag_note(d, first->name.span, "'%s' is here", first->name.text);
	} else {
		d = idl_diag_on(c->diags, &decl->node.in_error, IDL_E0312, i->id_span,
				"the id of interface '%s' is 0", decl->node.name.text);
	}
	if (d && idl_new_id(&id) == 0)
		idl_diag_fix(d, "a new random one: @0x%016llx", (unsigned long long)id);
}

/* ---- method numbers ---- */

/* Numbers have a scope of their own. */
static const void *number_scope(const struct idl_decl *interface)
{
	return &interface->u.interface.last_method;
}

static struct idl_reserved_set collect_reserved(struct idl_checker *c, struct idl_decl *interface)
{
	const struct idl_decl *decls = interface->u.interface.decls;
	struct idl_range *ranges;
	size_t n = 0;

	for (const struct idl_decl *d = decls; d; d = d->next)
		n += d->kind == IDL_DECL_RESERVED ? d->u.reserved.n_ranges : 0;
	ranges = idl_arena_array(c->arena, n + 1, sizeof(*ranges));
	n = 0;
	for (const struct idl_decl *d = decls; d; d = d->next) {
		if (d->kind != IDL_DECL_RESERVED)
			continue;
		for (size_t k = 0; k < d->u.reserved.n_ranges; k++)
			ranges[n++] = d->u.reserved.ranges[k];
	}
	return idl_reserved_collect(c, &interface->node.in_error, ranges, n, IDL_MIN_METHOD_NUMBER,
				    IDL_MAX_METHOD_NUMBER);
}

/* Above all that are used or reserved; 0 when there is none. */
static uint64_t next_free(const struct idl_decl *interface, const struct idl_reserved_set *reserved)
{
	uint64_t last = 0;

	for (const struct idl_decl *d = interface->u.interface.decls; d; d = d->next) {
		if (d->kind == IDL_DECL_METHOD && d->u.method.number > last &&
		    d->u.method.number <= IDL_MAX_METHOD_NUMBER)
			last = d->u.method.number;
	}
	if (reserved->n_ranges && reserved->ranges[reserved->n_ranges - 1].last > last)
		last = reserved->ranges[reserved->n_ranges - 1].last;
	return last < IDL_MAX_METHOD_NUMBER ? last + 1 : 0;
}

static void note_number(struct idl_diag *d, struct idl_span span, const char *text,
			const struct idl_decl *interface, const struct idl_reserved_set *reserved)
{
	uint64_t next = d ? next_free(interface, reserved) : 0;

	if (next)
		idl_diag_note(d, span, "%s; the next free number is %llu", text,
			      (unsigned long long)next);
	else
		idl_diag_note(d, span, "%s", text);
}

static void check_number(struct idl_checker *c, struct idl_decl *interface, struct idl_decl *decl,
			 const struct idl_reserved_set *reserved)
{
	struct idl_interface *i = &interface->u.interface;
	const struct idl_method *m = &decl->u.method;
	bool *in_error = &decl->node.in_error;
	const struct idl_range *range;
	const struct idl_node *first;
	struct idl_diag *d;

	if (m->number < IDL_MIN_METHOD_NUMBER || m->number > IDL_MAX_METHOD_NUMBER) {
		idl_diag_on(c->diags, in_error, IDL_E0308, m->number_span,
			    "method number %llu: it must be %u to %u",
			    (unsigned long long)m->number, IDL_MIN_METHOD_NUMBER,
			    IDL_MAX_METHOD_NUMBER);
		return;
	}
	first = idl_names_add_number(c, number_scope(interface), m->number, false, &decl->node);
	if (first) {
		d = idl_diag_on(c->diags, in_error, IDL_E0302, m->number_span,
				"method number %llu is already '%s'", (unsigned long long)m->number,
				first->name.text);
		note_number(d, first->name.span, "first used here", interface, reserved);
		return;
	}
	range = idl_reserved_find(reserved, m->number);
	if (range) {
		d = idl_diag_on(c->diags, in_error, IDL_E0309, m->number_span,
				"method number %llu is reserved", (unsigned long long)m->number);
		note_number(d, range->span, "reserved here", interface, reserved);
		return;
	}
	i->n_methods++;
	if (m->number > i->last_method)
		i->last_method = (uint32_t)m->number;
}

void idl_check_interface(struct idl_checker *c, struct idl_decl *decl)
{
	struct idl_reserved_set reserved;

	check_id(c, decl);
	check_rules(c, decl);
	reserved = collect_reserved(c, decl);
	c->interface = decl;
	for (struct idl_decl *d = decl->u.interface.decls; d; d = d->next) {
		if (d->kind == IDL_DECL_METHOD)
			check_number(c, decl, d, &reserved);
		idl_check_decl(c, d);
	}
	c->interface = NULL;
}
