// SPDX-License-Identifier: Apache-2.0
#include "idl/conform.h"

#include <stdlib.h>
#include <string.h>

#include "idl/conform_priv.h"

/* ---- shared ---- */

void idl_conform_name(struct idl_conform *c, const struct idl_node *old, const struct idl_node *new,
		      const char *what)
{
	struct idl_diag *d;

	if (strcmp(old->name.text, new->name.text) == 0)
		return;
	d = idl_diag_at(c->diags, IDL_W0501, new->name.span,
			"%s '%s' was called '%s': sources have to change", what, new->name.text,
			old->name.text);
	idl_diag_note(d, old->name.span, "released as this");
}

void idl_conform_check_new(struct idl_conform *c, const struct idl_node *node,
			   struct idl_version since, const struct idl_decl *old, const char *what)
{
	const struct idl_decl *interface = old->kind == IDL_DECL_INTERFACE ? old : old->owner;
	uint32_t minor = interface->u.interface.version.minor;
	struct idl_diag *d;

	if (since.minor > minor)
		return;
	d = idl_diag_at(c->diags, IDL_E0520, node->name.span,
			"%s '%s' was not in version %u.%u, and is not marked as later", what,
			node->name.text, since.major, minor);
	idl_diag_fix(d, "since %u.%u", since.major, minor + 1);
	idl_diag_note(d, old->node.name.span, "released without it");
}

bool idl_conform_in_ranges(const struct idl_range *ranges, size_t n, uint64_t number)
{
	for (size_t i = 0; i < n; i++) {
		if (number >= ranges[i].first && number <= ranges[i].last)
			return true;
	}
	return false;
}

/* A range may have been cut in pieces; each step goes to the end of the piece that holds `at`. */
static bool find_free(const struct idl_range *range, const struct idl_range *new, size_t n_new,
		      uint64_t *ret_number)
{
	uint64_t at = range->first;

	for (size_t steps = 0; steps <= n_new; steps++) {
		size_t i = 0;

		while (i < n_new && !idl_conform_in_ranges(&new[i], 1, at))
			i++;
		if (i == n_new) {
			*ret_number = at;
			return true;
		}
		if (new[i].last >= range->last)
			return false;
		at = new[i].last + 1;
	}
	return false;
}

void idl_conform_reserved(struct idl_conform *c, const struct idl_range *old, size_t n_old,
			  const struct idl_range *new, size_t n_new, struct idl_span span)
{
	uint64_t number;

	for (size_t i = 0; i < n_old; i++) {
		struct idl_diag *d;

		if (!find_free(&old[i], new, n_new, &number))
			continue;
		d = idl_diag_at(c->diags, IDL_E0524, span, "%llu is no longer reserved",
				(unsigned long long)number);
		idl_diag_note(d, old[i].span, "reserved here for ever");
	}
}

/* The declaration of the same kind and name; what is reserved has none. */
static const struct idl_decl *named(const struct idl_decl *decls, const struct idl_decl *old)
{
	for (const struct idl_decl *d = decls; d; d = d->next) {
		if (d->kind == old->kind && strcmp(d->node.name.text, old->node.name.text) == 0)
			return d;
	}
	return NULL;
}

/* ---- an interface's methods, by number ---- */

struct numbered {
	uint64_t number;
	const struct idl_decl *method;
};

struct table {
	struct numbered *methods; /* ascending */
	size_t n_methods;
	struct idl_range *reserved;
	size_t n_reserved;
};

static int compare_numbers(const void *left, const void *right)
{
	const struct numbered *a = left, *b = right;

	if (a->number == b->number)
		return 0;
	return a->number < b->number ? -1 : 1;
}

static struct table table_of(struct idl_conform *c, const struct idl_decl *interface)
{
	const struct idl_decl *decls = interface->u.interface.decls;
	struct table t = {0};

	for (const struct idl_decl *d = decls; d; d = d->next)
		t.n_reserved += d->kind == IDL_DECL_RESERVED ? d->u.reserved.n_ranges : 0;
	t.methods = idl_arena_array(c->arena, interface->u.interface.n_methods + 1,
				    sizeof(*t.methods));
	t.reserved = idl_arena_array(c->arena, t.n_reserved + 1, sizeof(*t.reserved));
	t.n_reserved = 0;
	for (const struct idl_decl *d = decls; d; d = d->next) {
		if (d->kind == IDL_DECL_METHOD)
			t.methods[t.n_methods++] = (struct numbered){d->u.method.number, d};
		for (size_t k = 0; d->kind == IDL_DECL_RESERVED && k < d->u.reserved.n_ranges; k++)
			t.reserved[t.n_reserved++] = d->u.reserved.ranges[k];
	}
	qsort(t.methods, t.n_methods, sizeof(*t.methods), compare_numbers);
	return t;
}

static const struct idl_decl *find_number(const struct table *table, const struct idl_decl *method)
{
	const struct numbered key = {.number = method->u.method.number};
	const struct numbered *found = bsearch(&key, table->methods, table->n_methods,
					       sizeof(*table->methods), compare_numbers);

	return found ? found->method : NULL;
}

static void report_missing(struct idl_conform *c, const struct idl_decl *old,
			   const struct table *table, const struct idl_decl *new_interface)
{
	unsigned long long number = old->u.method.number;
	struct idl_diag *d;

	for (size_t i = 0; i < table->n_methods; i++) {
		const struct idl_decl *m = table->methods[i].method;

		if (strcmp(m->node.name.text, old->node.name.text) != 0)
			continue;
		d = idl_diag_at(c->diags, IDL_E0512, m->u.method.number_span,
				"method '%s' was number %llu and is %llu", m->node.name.text,
				number, (unsigned long long)m->u.method.number);
		idl_diag_note(d, old->u.method.number_span, "released as this");
		return;
	}
	if (idl_conform_in_ranges(table->reserved, table->n_reserved, number)) {
		d = idl_diag_at(c->diags, IDL_W0504, new_interface->node.name.span,
				"method '%s' is gone", old->node.name.text);
	} else {
		d = idl_diag_at(c->diags, IDL_E0512, new_interface->node.name.span,
				"method '%s' is gone, and its number is free", old->node.name.text);
		idl_diag_fix(d, "put 'reserved %llu;' in its place", number);
	}
	idl_diag_note(d, old->node.name.span, "released here");
}

/* What report_missing() has told of already. */
static bool is_renumbered(const struct idl_decl *method, const struct idl_decl *old,
			  const struct table *new_table)
{
	const struct idl_decl *released = named(old->u.interface.decls, method);

	return released && !find_number(new_table, released);
}

static void compare_all_methods(struct idl_conform *c, const struct idl_decl *old,
				const struct idl_decl *new)
{
	const struct table ot = table_of(c, old), nt = table_of(c, new);

	for (size_t i = 0; i < ot.n_methods; i++) {
		const struct idl_decl *released = ot.methods[i].method;
		const struct idl_decl *m = find_number(&nt, released);

		if (m)
			idl_conform_method(c, released, m);
		else
			report_missing(c, released, &nt, new);
	}
	for (size_t i = 0; i < nt.n_methods; i++) {
		const struct idl_decl *m = nt.methods[i].method;

		if (!find_number(&ot, m) && !is_renumbered(m, old, &nt))
			idl_conform_check_new(c, &m->node, m->u.method.since, old, "method");
	}
	idl_conform_reserved(c, ot.reserved, ot.n_reserved, nt.reserved, nt.n_reserved,
			     new->node.name.span);
}

/* ---- types and constants, by name ---- */

static void report_gone(struct idl_conform *c, const struct idl_decl *old, struct idl_span span)
{
	struct idl_diag *d = idl_diag_at(c->diags, IDL_W0504, span, "%s '%s' is gone",
					 strchr(idl_decl_kind_name(old->kind), ' ') + 1,
					 old->node.name.text);

	idl_diag_note(d, old->node.name.span, "released here");
}

static void compare_constants(struct idl_conform *c, const struct idl_decl *old,
			      const struct idl_decl *new)
{
	const struct idl_const *oc = &old->u.constant, *nc = &new->u.constant;
	struct idl_diag *d;

	if (oc->scalar == nc->scalar && oc->value.bits == nc->value.bits &&
	    oc->value.is_negative == nc->value.is_negative && oc->value.number == nc->value.number)
		return;
	d = idl_diag_at(c->diags, IDL_W0503, nc->expr->span,
			"constant '%s' has another value: sources compiled with the old one "
			"keep it",
			new->node.name.text);
	idl_diag_note(d, old->node.span, "released as this");
}

/* What methods use was compared where it is used, under whatever name. */
static void compare_decls(struct idl_conform *c, const struct idl_decl *old,
			  const struct idl_decl *new, struct idl_span span)
{
	for (; old; old = old->next) {
		const struct idl_decl *d;

		if (old->kind != IDL_DECL_CONST && old->kind != IDL_DECL_ENUM &&
		    old->kind != IDL_DECL_STRUCT)
			continue;
		d = named(new, old);
		if (!d && !idl_conform_is_seen(c, old))
			report_gone(c, old, span);
		else if (d && old->kind == IDL_DECL_CONST)
			compare_constants(c, old, d);
		else if (d)
			idl_conform_decl(c, old, d);
	}
}

/* ---- interfaces ---- */

static void compare_limit(struct idl_conform *c, const struct idl_decl *new, const char *name,
			  enum idl_rule_kind kind, uint64_t old_value, uint64_t new_value)
{
	struct idl_span span = new->node.name.span;

	if (new_value >= old_value)
		return;
	for (const struct idl_rule *r = new->u.interface.rules; r; r = r->next) {
		if (r->kind == kind)
			span = r->span;
	}
	idl_diag_at(c->diags, IDL_E0526, span,
		    "%s was %llu bytes and is %llu: what old clients may send would be refused",
		    name, (unsigned long long)old_value, (unsigned long long)new_value);
}

static bool compare_versions(struct idl_conform *c, const struct idl_decl *old,
			     const struct idl_decl *new)
{
	const struct idl_version ov = old->u.interface.version, nv = new->u.interface.version;
	struct idl_diag *d;

	if (ov.major != nv.major) {
		d = idl_diag_at(c->diags, IDL_E0511, new->u.interface.version_span,
				"interface '%s' was version %u.%u: another major version binds to "
				"none of the old peers",
				new->node.name.text, ov.major, ov.minor);
	} else if (nv.minor < ov.minor) {
		d = idl_diag_at(c->diags, IDL_E0523, new->u.interface.version_span,
				"interface '%s' was version %u.%u already", new->node.name.text,
				ov.major, ov.minor);
	} else {
		return true;
	}
	idl_diag_note(d, old->u.interface.version_span, "released as this");
	return false;
}

static void compare_interfaces(struct idl_conform *c, const struct idl_decl *old,
			       const struct idl_decl *new)
{
	const struct idl_interface *oi = &old->u.interface, *ni = &new->u.interface;
	struct idl_diag *d;

	if (!compare_versions(c, old, new))
		return;
	idl_conform_name(c, &old->node, &new->node, "interface");
	if (strcmp(old->node.name.text, new->node.name.text) == 0 &&
	    strcmp(old->c_name, new->c_name) != 0) {
		d = idl_diag_at(c->diags, IDL_W0502, new->node.name.span,
				"the prefix of '%s' was '%s' and is '%s': sources have to change",
				new->node.name.text, old->c_name, new->c_name);
		idl_diag_note(d, old->node.name.span, "released as this");
	}
	compare_limit(c, new, "max_transfer", IDL_RULE_MAX_TRANSFER, oi->max_transfer,
		      ni->max_transfer);
	compare_limit(c, new, "max_message", IDL_RULE_MAX_MESSAGE, oi->max_message,
		      ni->max_message);
	compare_all_methods(c, old, new);
	compare_decls(c, oi->decls, ni->decls, new->node.name.span);
}

/* By id; by name when the id has changed, which is the mistake to tell of. */
static const struct idl_decl *find_interface(const struct idl_file *file,
					     const struct idl_decl *old)
{
	for (const struct idl_decl *d = file->decls; d; d = d->next) {
		if (d->kind == IDL_DECL_INTERFACE && d->u.interface.id == old->u.interface.id)
			return d;
	}
	return named(file->decls, old);
}

static void compare_interface(struct idl_conform *c, const struct idl_decl *old,
			      const struct idl_file *file)
{
	const struct idl_decl *new = find_interface(file, old);
	struct idl_diag *d;

	if (new &&new->u.interface.id == old->u.interface.id) {
		compare_interfaces(c, old, new);
		return;
	}
	if (new) {
		d = idl_diag_at(c->diags, IDL_E0510, new->u.interface.id_span,
				"interface '%s' has another id: no old peer knows it",
				new->node.name.text);
		idl_diag_fix(d, "@0x%016llx", (unsigned long long)old->u.interface.id);
	} else {
		d = idl_diag_at(c->diags, IDL_E0510, file->package.name.span,
				"interface '%s' is gone", old->node.name.text);
	}
	idl_diag_note(d, old->u.interface.id_span, "released here");
}

void idl_conform(const struct idl_program *old_program, struct idl_program *new_program)
{
	const struct idl_file *of = old_program->main, *nf = new_program->main;
	struct idl_conform c = {.diags = &new_program->diags, .arena = &new_program->arena};
	struct idl_diag *d;

	if (strcmp(of->package.c_prefix, nf->package.c_prefix) != 0) {
		d = idl_diag_at(c.diags, IDL_W0502, nf->package.name.span,
				"the package's prefix was '%s' and is '%s': sources have to change",
				of->package.c_prefix, nf->package.c_prefix);
		idl_diag_note(d, of->package.name.span, "released as this");
	}
	for (const struct idl_decl *i = of->decls; i; i = i->next) {
		if (i->kind == IDL_DECL_INTERFACE)
			compare_interface(&c, i, nf);
	}
	compare_decls(&c, of->decls, nf->decls, nf->package.name.span);
	idl_conform_release(&c);
}
