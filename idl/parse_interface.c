// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "idl/idl.h"
#include "idl/parser.h"
#include "idl/suggest.h"

static const char *const rule_words[IDL_N_RULES] = {
	[IDL_RULE_PREFIX] = "prefix",
	[IDL_RULE_DEADLINE] = "deadline",
	[IDL_RULE_MAX_MESSAGE] = "max_message",
	[IDL_RULE_MAX_INLINE] = "max_inline",
	[IDL_RULE_MAX_TRANSFER] = "max_transfer",
	[IDL_RULE_INFLIGHT] = "inflight",
	[IDL_RULE_PRIORITY] = "priority",
};

/* What the loop over the members keeps. */
struct body {
	struct idl_decl *decl;
	struct idl_rule **rules_end;
	struct idl_decl **decls_end;
	struct idl_span first_decl; /* source NULL: none yet */
};

/* The rule that the current word begins, or IDL_N_RULES. */
static enum idl_rule_kind rule_here(const struct idl_parser *parser)
{
	unsigned kind = 0;

	while (kind < IDL_N_RULES && !idl_parser_at_word(parser, rule_words[kind]))
		kind++;
	return (enum idl_rule_kind)kind;
}

static bool parse_rule_value(struct idl_parser *parser, struct idl_rule *rule)
{
	struct idl_name level;

	switch (rule->kind) {
	case IDL_RULE_PREFIX:
		return idl_parser_name(parser, "the prefix", &rule->name);
	case IDL_RULE_DEADLINE:
		return idl_parse_time(parser, &rule->value);
	case IDL_RULE_INFLIGHT:
		return idl_parser_integer(parser, "a number of calls", &rule->value);
	case IDL_RULE_PRIORITY:
		idl_diag_fix(idl_diag_at(parser->diags, IDL_E0154, rule->span,
					 "priorities are not supported yet"),
			     "leave it out");
		return idl_parser_name(parser, "low, normal or high", &level);
	default:
		return idl_parse_size(parser, &rule->value);
	}
}

/*
 * A rule that comes late is reported and kept: it is well-formed otherwise. One that comes again is
 * not kept, so that the list stays short, whatever the file repeats.
 */
static bool check_place(struct idl_parser *parser, const struct body *body,
			const struct idl_rule *rule)
{
	const struct idl_rule *before = body->decl->u.interface.rules;
	struct idl_diag *diag;

	while (before && before->kind != rule->kind)
		before = before->next;
	if (before) {
		diag = idl_diag_at(parser->diags, IDL_E0115, rule->span,
				   "the rule '%s' is given twice", rule_words[rule->kind]);
		idl_diag_note(diag, before->span, "first given here");
		return false;
	}
	if (body->first_decl.source) {
		diag = idl_diag_at(parser->diags, IDL_E0114, rule->span,
				   "rules come before the declarations of an interface");
		idl_diag_note(diag, body->first_decl, "put it before this one");
	}
	return true;
}

static bool parse_rule(struct idl_parser *parser, struct body *body, enum idl_rule_kind kind)
{
	struct idl_rule *rule = idl_arena_alloc(parser->arena, sizeof(*rule));

	rule->kind = kind;
	rule->span = idl_parser_span(parser);
	idl_parser_step(parser);
	rule->value_span = idl_parser_span(parser);
	if (!parse_rule_value(parser, rule))
		return false;
	rule->span = idl_parser_span_from(parser, rule->span);
	if (check_place(parser, body, rule)) {
		*body->rules_end = rule;
		body->rules_end = &rule->next;
	}
	return idl_parser_semicolon(parser);
}

/* `max_mesage 4KiB;`: no method has a number for a name. */
static bool unknown_rule(struct idl_parser *parser)
{
	struct idl_suggest suggest;
	struct idl_diag *diag;

	if (!idl_parser_at(parser, IDL_TOKEN_WORD) ||
	    idl_parser_peek(parser, 1)->kind != IDL_TOKEN_NUMBER)
		return false;
	diag = idl_diag_at(parser->diags, IDL_E0101, idl_parser_span(parser),
			   "'%s' is no rule of an interface", idl_parser_text(parser));
	idl_suggest_init(&suggest, idl_parser_text(parser));
	for (unsigned kind = 0; kind < IDL_N_RULES; kind++)
		idl_suggest_offer(&suggest, rule_words[kind]);
	idl_diag_mean(diag, &suggest);
	return true;
}

static struct idl_decl *parse_reserved(struct idl_parser *parser, const struct idl_decl *owner)
{
	struct idl_decl *decl = idl_parse_decl_new(parser, IDL_DECL_RESERVED, owner);

	idl_parser_step(parser);
	if (!idl_parse_ranges(parser, &decl->u.reserved))
		return NULL;
	decl->node.span = idl_parser_span_from(parser, decl->node.span);
	return decl;
}

static bool parse_member(struct idl_parser *parser, struct body *body)
{
	struct idl_interface *interface = &body->decl->u.interface;
	enum idl_rule_kind rule = rule_here(parser);
	struct idl_decl *decl;
	bool ends_with_brace = false;

	if (rule < IDL_N_RULES)
		return parse_rule(parser, body, rule);
	if (idl_foreign_declaration(parser, false))
		return false;
	if (!body->first_decl.source)
		body->first_decl = idl_parser_span(parser);
	if (idl_parser_full(parser, interface->n_decls, IDL_MAX_METHODS, "declarations"))
		return false;
	if (idl_parse_at_typedecl(parser)) {
		decl = idl_parse_typedecl(parser, body->decl);
		ends_with_brace = decl && decl->kind != IDL_DECL_CONST;
	} else if (idl_parser_at_word(parser, "reserved")) {
		decl = parse_reserved(parser, body->decl);
	} else {
		decl = unknown_rule(parser) ? NULL : idl_parse_method(parser, body->decl);
	}
	if (!decl)
		return false;
	*body->decls_end = decl;
	body->decls_end = &decl->next;
	interface->n_decls++;
	return ends_with_brace ? idl_parser_semicolon_after_brace(parser)
			       : idl_parser_semicolon(parser);
}

static void propose_id(struct idl_diag *diag)
{
	uint64_t id;

	if (idl_new_id(&id) == 0)
		idl_diag_fix(diag, "add ' @0x%016" PRIx64 "'", id);
	else
		idl_diag_fix(diag, "make one with verbenac --new-id");
}

/* "@" hex64 */
static bool parse_id(struct idl_parser *parser, struct idl_interface *interface)
{
	struct idl_diag *diag;

	interface->id_span = idl_span_after(idl_parser_previous_span(parser));
	if (!idl_parser_take(parser, IDL_TOKEN_AT)) {
		diag = idl_diag_at(parser->diags, IDL_E0112, interface->id_span,
				   "an interface needs a random id that it keeps for ever");
		propose_id(diag);
		return true;
	}
	interface->id_span = idl_parser_span(parser);
	if (idl_parser_at(parser, IDL_TOKEN_NUMBER) &&
	    !idl_token_is_hex(parser->source, idl_parser_token(parser))) {
		diag = idl_diag_at(parser->diags, IDL_E0112, interface->id_span,
				   "an id is a hexadecimal number of 64 bits");
		propose_id(diag);
		idl_parser_step(parser);
		return true;
	}
	return idl_parser_integer(parser, "the interface's id", &interface->id);
}

static bool parse_head_version(struct idl_parser *parser, struct idl_interface *interface)
{
	struct idl_diag *diag;
	bool ok;

	interface->version_span = idl_span_after(idl_parser_previous_span(parser));
	if (!idl_parser_take_word(parser, "version")) {
		if (!idl_parser_at(parser, IDL_TOKEN_LEFT_BRACE)) {
			idl_parser_unexpected(parser, "'version' and the interface's version");
			return false;
		}
		diag = idl_diag_at(parser->diags, IDL_E0113, interface->version_span,
				   "an interface needs a version");
		idl_diag_fix(diag, "add ' version 1.0'");
		return true;
	}
	interface->version_span = idl_parser_span(parser);
	ok = idl_parse_version(parser, &interface->version);
	interface->version_span = idl_parser_span_from(parser, interface->version_span);
	return ok;
}

static bool parse_body(struct idl_parser *parser, struct idl_decl *decl)
{
	struct idl_interface *interface = &decl->u.interface;
	struct body body = {
		.decl = decl,
		.rules_end = &interface->rules,
		.decls_end = &interface->decls,
	};
	struct idl_span open = idl_parser_previous_span(parser);
	unsigned n_errors = parser->diags->n_errors;
	struct idl_diag *diag;
	bool closed;

	parser->body = parser->at;
	parser->proposed = 0;
	while (!idl_parser_body_ends(parser, open, "the interface", &closed)) {
		if (!parse_member(parser, &body))
			idl_parser_resume(parser);
	}
	if (interface->n_decls == 0 && parser->diags->n_errors == n_errors) {
		diag = idl_diag_at(parser->diags, IDL_E0122, decl->node.name.span,
				   "interface '%s' is empty", decl->node.name.text);
		idl_diag_fix(diag, "give it at least one method");
	}
	return closed;
}

struct idl_decl *idl_parse_interface(struct idl_parser *parser)
{
	struct idl_decl *decl = idl_parse_decl_new(parser, IDL_DECL_INTERFACE, NULL);
	struct idl_interface *interface = &decl->u.interface;

	idl_parser_step(parser);
	if (!idl_parse_type_name(parser, "the interface's name", &decl->node.name) ||
	    !parse_id(parser, interface) || !parse_head_version(parser, interface) ||
	    !idl_parser_expect(parser, IDL_TOKEN_LEFT_BRACE, "before the interface's body") ||
	    !parse_body(parser, decl))
		return NULL;
	decl->node.span = idl_parser_span_from(parser, decl->node.span);
	return decl;
}
