// SPDX-License-Identifier: Apache-2.0
#include "idl/checker.h"

#include <string.h>

#define uthash_fatal(msg) idl_out_of_memory()
#include <uthash.h>

#include "idl/limits.h"
#include "idl/suggest.h"

/*
 * A key is the scope's address and the name, side by side: one table serves every scope. A number
 * is entered as its decimal text with a leading sign or '+', which no name has.
 */
#define MAX_KEY_NAME ((IDL_MAX_NAME + 1) * IDL_MAX_QNAME_PARTS)
#define MAX_KEY	     (sizeof(void *) + MAX_KEY_NAME)

struct idl_name_entry {
	const struct idl_node *node;
	UT_hash_handle hh;
	unsigned char key[];
};

/* Bytes of the key; a name beyond what the language allows is cut. */
static size_t key_make(unsigned char key[MAX_KEY], const void *scope, const char *name)
{
	size_t size = strnlen(name, MAX_KEY_NAME);

	memcpy(key, &scope, sizeof(scope));
	memcpy(key + sizeof(scope), name, size);
	return sizeof(scope) + size;
}

const struct idl_node *idl_names_add(struct idl_checker *c, const void *scope, const char *name,
				     const struct idl_node *node)
{
	struct idl_name_entry *entry = NULL;
	unsigned char key[MAX_KEY];
	size_t size = key_make(key, scope, name);

	HASH_FIND(hh, c->names, key, size, entry);
	if (entry)
		return entry->node;
	entry = idl_arena_alloc(c->arena, sizeof(*entry) + size);
	entry->node = node;
	memcpy(entry->key, key, size);
	HASH_ADD_KEYPTR(hh, c->names, entry->key, size, entry);
	return NULL;
}

const struct idl_node *idl_names_find(struct idl_checker *c, const void *scope, const char *name)
{
	struct idl_name_entry *entry = NULL;
	unsigned char key[MAX_KEY];
	size_t size = key_make(key, scope, name);

	HASH_FIND(hh, c->names, key, size, entry);
	return entry ? entry->node : NULL;
}

const struct idl_node *idl_names_add_number(struct idl_checker *c, const void *scope,
					    uint64_t number, bool is_negative,
					    const struct idl_node *node)
{
	char text[24]; /* sign, 20 digits, NUL */

	snprintf(text, sizeof(text), "%c%llu", is_negative ? '-' : '+', (unsigned long long)number);
	return idl_names_add(c, scope, text, node);
}

void idl_names_release(struct idl_checker *c)
{
	HASH_CLEAR(hh, c->names);
}

const void *idl_names_methods(const struct idl_decl *interface)
{
	return &interface->u.interface.n_methods;
}

/* Imports are entered under a scope of their own, by their full name. */
static const void *import_scope(const struct idl_file *file)
{
	return &file->imports;
}

const char *idl_decl_kind_name(enum idl_decl_kind kind)
{
	static const char *const names[] = {
		[IDL_DECL_CONST] = "a constant", [IDL_DECL_ENUM] = "an enum",
		[IDL_DECL_STRUCT] = "a struct",	 [IDL_DECL_INTERFACE] = "an interface",
		[IDL_DECL_METHOD] = "a method",	 [IDL_DECL_RESERVED] = "reserved",
	};

	return names[kind];
}

void idl_names_declare(struct idl_checker *c, const void *scope, struct idl_node *node,
		       const char *what)
{
	const struct idl_node *first = idl_names_add(c, scope, node->name.text, node);
	struct idl_diag *d;

	if (!first)
		return;
	d = idl_diag_on(c->diags, &node->in_error, IDL_E0303, node->name.span,
			"%s '%s' is declared twice", what, node->name.text);
	idl_diag_note(d, first->name.span, "first declared here");
}

/* ---- collecting ---- */

/* An import has no node; one is made for its entry. */
struct import_entry {
	struct idl_node node; /* first: entries point at it */
	const struct idl_import *import;
};

static const char *import_name(const struct idl_import *import)
{
	return import->alias.text ? import->alias.text : import->file->package.name.full;
}

/*
 * Only the first part of an import's name can meet a package-level name, and several imports may
 * share it.
 */
static void collect_import(struct idl_checker *c, struct idl_import *import)
{
	const struct idl_node *first, *clash;
	struct import_entry *entry;
	struct idl_node *node;
	const char *name;
	struct idl_diag *d;

	if (!import->file)
		return;
	name = import_name(import);
	entry = idl_arena_alloc(c->arena, sizeof(*entry));
	entry->import = import;
	node = &entry->node;
	node->name.text = name;
	node->name.span = import->alias.text ? import->alias.span : import->path_span;
	first = idl_names_add(c, import_scope(c->file), name, node);
	if (first) {
		d = idl_diag_on(c->diags, &import->in_error, IDL_E0303, node->name.span,
				"two imports are called '%s'", name);
		idl_diag_note(d, first->name.span, "the first is here");
		idl_diag_fix(d, "name one of them otherwise: import \"%s\" as NAME;", import->path);
		return;
	}
	clash = idl_names_find(c, c->file, idl_arena_copy(c->arena, name, strcspn(name, ".")));
	if (!clash)
		return;
	d = idl_diag_on(c->diags, &import->in_error, IDL_E0303, node->name.span,
			"import '%s' has the name of a declaration of this file", name);
	idl_diag_note(d, clash->name.span, "declared here");
	idl_diag_fix(d, "give it another: import \"%s\" as NAME;", import->path);
}

static const char *decl_word(enum idl_decl_kind kind)
{
	return strchr(idl_decl_kind_name(kind), ' ') + 1;
}

static void collect_decl(struct idl_checker *c, const void *scope, struct idl_decl *decl)
{
	idl_names_declare(c, scope, &decl->node, decl_word(decl->kind));
	if (decl->kind != IDL_DECL_ENUM)
		return;
	for (struct idl_item *i = decl->u.enumeration.items; i; i = i->next)
		idl_names_declare(c, decl, &i->node, "value");
}

static void collect_interface(struct idl_checker *c, struct idl_decl *interface)
{
	for (struct idl_decl *d = interface->u.interface.decls; d; d = d->next) {
		if (d->kind == IDL_DECL_METHOD)
			idl_names_declare(c, idl_names_methods(interface), &d->node, "method");
		else if (d->kind != IDL_DECL_RESERVED)
			collect_decl(c, interface, d);
	}
}

void idl_names_collect(struct idl_checker *c)
{
	for (struct idl_decl *d = c->file->decls; d; d = d->next) {
		collect_decl(c, c->file, d);
		if (d->kind == IDL_DECL_INTERFACE)
			collect_interface(c, d);
	}
	for (struct idl_import *i = c->file->imports; i; i = i->next)
		collect_import(c, i);
}

/* ---- lookup ---- */

/* A declaration of a file or of an interface; `node` of an idl_decl is its first member. */
static const struct idl_decl *find_decl(struct idl_checker *c, const void *scope, const char *name)
{
	return (const struct idl_decl *)idl_names_find(c, scope, name);
}

static struct idl_target walk(struct idl_checker *c, const struct idl_decl *decl,
			      const struct idl_qname *qname, size_t at)
{
	const struct idl_target none = {.kind = IDL_TARGET_NONE};
	const struct idl_item *item;

	for (; decl && at < qname->n_parts; at++) {
		if (decl->kind == IDL_DECL_INTERFACE) {
			decl = find_decl(c, decl, qname->parts[at].text);
			continue;
		}
		if (decl->kind != IDL_DECL_ENUM || at + 1 != qname->n_parts)
			return none;
		item = (const struct idl_item *)idl_names_find(c, decl, qname->parts[at].text);
		if (!item)
			return none;
		return (struct idl_target){.kind = IDL_TARGET_ITEM, .decl = decl, .item = item};
	}
	if (!decl)
		return none;
	return (struct idl_target){.kind = IDL_TARGET_DECL, .decl = decl};
}

/* The import whose name is the longest beginning of a qname; *ret_used of its parts. */
static const struct idl_import *find_import(struct idl_checker *c, const struct idl_qname *qname,
					    size_t *ret_used)
{
	const struct import_entry *entry;

	for (size_t used = qname->n_parts - 1; used > 0; used--) {
		size_t size = 0;
		const char *name;

		for (size_t i = 0; i < used; i++)
			size += strlen(qname->parts[i].text) + 1;
		name = idl_arena_copy(c->arena, qname->full, size - 1);
		entry = (const struct import_entry *)idl_names_find(c, import_scope(c->file), name);
		if (entry) {
			*ret_used = used;
			return entry->import;
		}
	}
	return NULL;
}

/* What the first part of a name means here, imports left aside. */
static const struct idl_decl *find_first(struct idl_checker *c, const struct idl_qname *qname)
{
	const struct idl_decl *decl = NULL;

	if (c->interface)
		decl = find_decl(c, c->interface, qname->parts[0].text);
	if (!decl)
		decl = find_decl(c, c->file, qname->parts[0].text);
	return decl;
}

struct idl_target idl_names_lookup(struct idl_checker *c, const struct idl_qname *qname)
{
	const struct idl_decl *decl = find_first(c, qname);
	const struct idl_import *import;
	size_t used = 0;

	if (decl)
		return walk(c, decl, qname, 1);
	import = find_import(c, qname, &used);
	if (import)
		return walk(c, find_decl(c, import->file, qname->parts[used].text), qname,
			    used + 1);
	return (struct idl_target){.kind = IDL_TARGET_NONE};
}

/* ---- uses ---- */

static void offer_decls(struct idl_suggest *suggest, const struct idl_decl *decls)
{
	for (const struct idl_decl *d = decls; d; d = d->next) {
		if (d->kind != IDL_DECL_METHOD)
			idl_suggest_offer(suggest, d->node.name.text);
	}
}

/* The enum value that someone writes without its enum, as in C. */
static const struct idl_decl *enum_of_item(struct idl_checker *c, const struct idl_decl *decls,
					   const char *name)
{
	for (const struct idl_decl *d = decls; d; d = d->next) {
		if (d->kind == IDL_DECL_ENUM && idl_names_find(c, d, name))
			return d;
	}
	return NULL;
}

static void report_bare(struct idl_checker *c, bool *in_error, const struct idl_qname *qname)
{
	const struct idl_decl *owner = NULL;
	const struct idl_node *method;
	struct idl_suggest suggest;
	struct idl_diag *d;

	d = idl_diag_on(c->diags, in_error, IDL_E0201, qname->span, "'%s' is not declared",
			qname->full);
	if (c->interface) {
		owner = enum_of_item(c, c->interface->u.interface.decls, qname->full);
		method = idl_names_find(c, idl_names_methods(c->interface), qname->full);
		if (method)
			idl_diag_note(d, method->name.span, "only a method has this name");
	}
	if (!owner)
		owner = enum_of_item(c, c->file->decls, qname->full);
	if (owner) {
		idl_diag_fix(d, "write '%s.%s'", owner->node.name.text, qname->full);
		return;
	}
	idl_suggest_init(&suggest, qname->full);
	if (c->interface)
		offer_decls(&suggest, c->interface->u.interface.decls);
	offer_decls(&suggest, c->file->decls);
	idl_diag_mean(d, &suggest);
	if (suggest.best)
		return;
	for (const struct idl_import *i = c->file->imports; i; i = i->next) {
		if (i->file && find_decl(c, i->file, qname->full))
			idl_diag_fix(d, "write '%s.%s'", import_name(i), qname->full);
	}
}

static void offer_first(struct idl_checker *c, struct idl_suggest *suggest)
{
	if (c->interface)
		offer_decls(suggest, c->interface->u.interface.decls);
	offer_decls(suggest, c->file->decls);
	for (const struct idl_import *i = c->file->imports; i; i = i->next) {
		if (i->file)
			idl_suggest_offer(suggest, import_name(i));
	}
}

/* Points at the part that names nothing; what stands before it does. */
static void report_dotted(struct idl_checker *c, bool *in_error, const struct idl_qname *qname)
{
	const struct idl_decl *decl = find_first(c, qname);
	const struct idl_import *import = NULL;
	struct idl_suggest suggest;
	const char *container;
	struct idl_diag *d;
	size_t at = 1;

	if (!decl && !(import = find_import(c, qname, &at))) {
		d = idl_diag_on(c->diags, in_error, IDL_E0201, qname->parts[0].span,
				"'%s' is no import, interface or enum of this file",
				qname->parts[0].text);
		idl_suggest_init(&suggest, qname->parts[0].text);
		offer_first(c, &suggest);
		idl_diag_mean(d, &suggest);
		return;
	}
	container = import ? import_name(import) : decl->node.name.text;
	for (; !decl || decl->kind == IDL_DECL_INTERFACE; at++) {
		const void *scope = decl ? (const void *)decl : (const void *)import->file;
		const struct idl_decl *inner = find_decl(c, scope, qname->parts[at].text);

		if (!inner)
			break;
		decl = inner;
		container = decl->node.name.text;
	}
	d = idl_diag_on(c->diags, in_error, IDL_E0201, qname->parts[at].span,
			"'%s' has nothing called '%s'", container, qname->parts[at].text);
	idl_suggest_init(&suggest, qname->parts[at].text);
	if (!decl)
		offer_decls(&suggest, import->file->decls);
	else if (decl->kind == IDL_DECL_INTERFACE)
		offer_decls(&suggest, decl->u.interface.decls);
	else if (decl->kind == IDL_DECL_ENUM)
		for (const struct idl_item *i = decl->u.enumeration.items; i; i = i->next)
			idl_suggest_offer(&suggest, i->node.name.text);
	idl_diag_mean(d, &suggest);
}

/* Declared before it is used, which is also what keeps types from containing themselves. */
static bool check_order(struct idl_checker *c, bool *in_error, const struct idl_qname *qname,
			const struct idl_node *node, bool is_container)
{
	struct idl_diag *d;

	if (node->span.source != qname->span.source || is_container)
		return true;
	if (qname->span.start < node->name.span.start) {
		d = idl_diag_on(c->diags, in_error, IDL_E0223, qname->span,
				"'%s' is used before its declaration", qname->full);
		idl_diag_note(d, node->name.span, "declared here; move it up");
		return false;
	}
	if (qname->span.start < node->span.end) {
		d = idl_diag_on(c->diags, in_error, IDL_E0222, qname->span, "'%s' contains itself",
				qname->full);
		idl_diag_fix(d, "use an index into a sequence of them");
		return false;
	}
	return true;
}

bool idl_names_resolve(struct idl_checker *c, bool *in_error, const struct idl_qname *qname,
		       struct idl_target *ret_target)
{
	struct idl_target target = idl_names_lookup(c, qname);
	const struct idl_node *node;

	if (target.kind == IDL_TARGET_NONE) {
		if (qname->n_parts == 1)
			report_bare(c, in_error, qname);
		else
			report_dotted(c, in_error, qname);
		return false;
	}
	node = target.kind == IDL_TARGET_ITEM ? &target.item->node : &target.decl->node;
	if (!check_order(c, in_error, qname, node, target.decl->kind == IDL_DECL_INTERFACE))
		return false;
	*ret_target = target;
	return true;
}
