// SPDX-License-Identifier: Apache-2.0
#include "idl/checker.h"

#include <string.h>

#define uthash_fatal(msg) idl_out_of_memory()
#include <uthash.h>

#include "idl/c_words.h"
#include "idl/errno_names.h"

/* Who generates a C name. */
struct idl_c_name {
	const char *text;
	const struct idl_node *node;
	const char *word; /* "method" */
	const char *what; /* "the asynchronous start"; NULL: the C name itself */
	UT_hash_handle hh;
};

/* What is made of one declaration: prefix, the name's own part, suffix. */
struct derived {
	const char *suffix;
	const char *what;
};

static const struct derived of_interface[] = {
	{"_peer", "the client's end"},
	{"_ops", "the table of handlers"},
	{"_peer_bind", "the binding function"},
	{"_peer_free", "the releasing function"},
	{"_peer_set_deadline", "the deadline function"},
	{"_peer_minor", "the version function"},
	{"_peer_outcome", "the outcome function"},
	{"_serve", "the serving function"},
	{"_serve_conn", "the serving function of a connection"},
};

/* Methods that wait are there today; the names of the others stay free for when they come. */
static const struct derived of_method[] = {
	{"", NULL},
	{"_start", "the asynchronous start"},
	{"_finish", "the asynchronous finish"},
	{"_reply", "the deferred reply"},
};

static const struct derived of_method_upper[] = {
	{"_REQUEST_MAX", "the largest request's size"},
	{"_REPLY_MAX", "the largest reply's size"},
	{"_ARENA_MAX", "the largest arena's size"},
};

static const struct derived of_enum[] = {
	{"", NULL},
	{"_name", "the naming function"},
};

static const struct derived of_one[] = {
	{"", NULL},
};

static bool add(struct idl_checker *c, const char *text, struct idl_node *node, const char *word,
		const struct derived *derived)
{
	struct idl_c_name *entry = NULL;
	struct idl_diag *d;

	HASH_FIND_STR(c->c_names, text, entry);
	if (entry) {
		d = idl_diag_on(c->diags, &node->in_error, IDL_E0301, node->name.span,
				"%s '%s' generates '%s', which %s '%s' generates too", word,
				node->name.text, text, entry->word, entry->node->name.text);
		idl_diag_note(d, entry->node->name.span, "'%s' is %s of this %s", text,
			      entry->what ? entry->what : "the C name", entry->word);
		if (derived->what)
			idl_diag_note(d, node->name.span, "'%s' is %s of this %s", text,
				      derived->what, word);
		return false;
	}
	entry = idl_arena_alloc(c->arena, sizeof(*entry));
	entry->text = text;
	entry->node = node;
	entry->word = word;
	entry->what = derived->what;
	HASH_ADD_KEYPTR(hh, c->c_names, entry->text, strlen(entry->text), entry);
	return true;
}

static bool add_all(struct idl_checker *c, const char *base, struct idl_node *node,
		    const char *word, const struct derived *derived, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *text = base;

		if (derived[i].suffix[0])
			text = idl_arena_printf(c->arena, "%s%s", base, derived[i].suffix);
		if (!add(c, text, node, word, &derived[i]))
			return false;
	}
	return true;
}

#define ADD_ALL(c, base, node, word, table) \
	add_all(c, base, node, word, table, sizeof(table) / sizeof((table)[0]))

void idl_c_names_release(struct idl_checker *c)
{
	HASH_CLEAR(hh, c->c_names);
}

/* ---- single names ---- */

static bool shape_error(struct idl_checker *c, bool *in_error, const struct idl_name *name,
			const char *why)
{
	idl_diag_on(c->diags, in_error, IDL_E0305, name->span, "'%s' %s", name->text, why);
	return false;
}

static bool begins_with_vb(const char *text)
{
	return text[0] == 'v' && text[1] == 'b' && (text[2] == '_' || text[2] == '\0');
}

bool idl_c_name_check_shape(struct idl_checker *c, bool *in_error, const struct idl_name *name)
{
	size_t size = strlen(name->text);

	if (strstr(name->text, "__"))
		return shape_error(c, in_error, name, "has '__', which belongs to the C compiler");
	if (name->text[size - 1] == '_')
		return shape_error(c, in_error, name,
				   "ends with '_', which generated code uses for itself");
	if (begins_with_vb(name->text) && name->text[2])
		return shape_error(c, in_error, name, "begins with 'vb_', which is the library's");
	return true;
}

void idl_c_name_check_alone(struct idl_checker *c, struct idl_node *node)
{
	const char *what = idl_c_word_taken(node->name.text);
	struct idl_diag *d;

	if (!what && node->name.text[0] == 'E' && idl_errno_find(node->name.text))
		what = "a macro of <errno.h>";
	if (!what)
		return;
	d = idl_diag_on(c->diags, &node->in_error, IDL_E0304, node->name.span, "'%s' is %s",
			node->name.text, what);
	idl_diag_fix(d, "it stands alone in C; give it another name");
}

/* The name as it stands before every other: not the library's own. */
static bool check_prefix(struct idl_checker *c, bool *in_error, const struct idl_name *name)
{
	if (!idl_c_name_check_shape(c, in_error, name))
		return false;
	if (begins_with_vb(name->text))
		return shape_error(c, in_error, name,
				   "makes names that begin with 'vb_', which is the library's");
	return true;
}

void idl_c_name_package(struct idl_checker *c)
{
	struct idl_package *package = &c->file->package;
	struct idl_name joined = {.span = package->name.span};
	char *text;

	if (package->prefix.text) {
		package->c_prefix = package->prefix.text;
		check_prefix(c, &package->in_error, &package->prefix);
		return;
	}
	text = idl_arena_copy(c->arena, package->name.full, strlen(package->name.full));
	for (char *p = text; *p; p++) {
		if (*p == '.')
			*p = '_';
	}
	joined.text = text;
	package->c_prefix = text;
	check_prefix(c, &package->in_error, &joined);
}

/* ---- declarations ---- */

static char upper(char letter)
{
	return letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
}

static const char *joined(struct idl_checker *c, const char *prefix, const char *name,
			  bool is_upper)
{
	char *text = idl_arena_printf(c->arena, "%s_%s", prefix, name);

	for (char *p = text; is_upper && *p; p++)
		*p = upper(*p);
	return text;
}

static const char *prefix_here(const struct idl_checker *c)
{
	return c->interface ? c->interface->c_name : c->file->package.c_prefix;
}

static void check_system(struct idl_checker *c, struct idl_node *node, const char *c_name)
{
	const char *what = idl_c_word_system(c_name);

	if (what)
		idl_diag_on(c->diags, &node->in_error, IDL_E0307, node->name.span,
			    "'%s' would be '%s' in C, which is %s", node->name.text, c_name, what);
}

static const char *const word_of[] = {
	[IDL_DECL_CONST] = "constant", [IDL_DECL_ENUM] = "enum",
	[IDL_DECL_STRUCT] = "struct",  [IDL_DECL_INTERFACE] = "interface",
	[IDL_DECL_METHOD] = "method",
};

static void name_interface(struct idl_checker *c, struct idl_decl *decl)
{
	const struct idl_name *prefix = &decl->node.name;

	for (const struct idl_rule *r = decl->u.interface.rules; r; r = r->next) {
		if (r->kind == IDL_RULE_PREFIX)
			prefix = &r->name;
	}
	decl->c_name = prefix->text;
	if (!check_prefix(c, &decl->node.in_error, prefix))
		return;
	ADD_ALL(c, decl->c_name, &decl->node, "interface", of_interface);
	add_all(c, idl_arena_printf(c->arena, "VB_PREFIX_%s", decl->c_name), &decl->node,
		"interface", of_one, 1);
}

static void name_method(struct idl_checker *c, struct idl_decl *decl)
{
	const char *upper_name = joined(c, prefix_here(c), decl->node.name.text, true);

	decl->c_name = joined(c, prefix_here(c), decl->node.name.text, false);
	check_system(c, &decl->node, decl->c_name);
	if (ADD_ALL(c, decl->c_name, &decl->node, "method", of_method))
		ADD_ALL(c, upper_name, &decl->node, "method", of_method_upper);
}

static void name_items(struct idl_checker *c, struct idl_decl *decl)
{
	for (struct idl_item *i = decl->u.enumeration.items; i; i = i->next) {
		i->c_name = joined(c, decl->c_name, i->node.name.text, true);
		if (idl_c_name_check_shape(c, &i->node.in_error, &i->node.name))
			ADD_ALL(c, i->c_name, &i->node, "value", of_one);
	}
}

/* An interface whose names are taken makes no others: they would all be taken too. */
static bool may_add(const struct idl_checker *c, const struct idl_decl *decl)
{
	return !decl->node.in_error && !(c->interface && c->interface->node.in_error);
}

void idl_c_name_decl(struct idl_checker *c, struct idl_decl *decl)
{
	const char *name = decl->node.name.text;

	if (decl->kind == IDL_DECL_RESERVED)
		return;
	idl_c_name_check_shape(c, &decl->node.in_error, &decl->node.name);
	decl->c_name = decl->kind == IDL_DECL_INTERFACE ? name
							: joined(c, prefix_here(c), name, false);
	if (!may_add(c, decl))
		return;
	switch (decl->kind) {
	case IDL_DECL_INTERFACE:
		name_interface(c, decl);
		break;
	case IDL_DECL_METHOD:
		name_method(c, decl);
		break;
	case IDL_DECL_CONST:
		decl->c_name = joined(c, prefix_here(c), name, true);
		ADD_ALL(c, decl->c_name, &decl->node, word_of[decl->kind], of_one);
		break;
	case IDL_DECL_ENUM:
		check_system(c, &decl->node, decl->c_name);
		if (ADD_ALL(c, decl->c_name, &decl->node, word_of[decl->kind], of_enum))
			name_items(c, decl);
		break;
	case IDL_DECL_STRUCT:
		check_system(c, &decl->node, decl->c_name);
		ADD_ALL(c, decl->c_name, &decl->node, word_of[decl->kind], of_one);
		break;
	case IDL_DECL_RESERVED:
		break;
	}
}
