// SPDX-License-Identifier: Apache-2.0
#include <locale.h>
#include <stdlib.h>

#include "idl/parser.h"

static struct idl_expr *parse_level(struct idl_parser *parser, unsigned least);

static const struct {
	enum idl_expr_kind kind;
	unsigned level; /* a higher one binds closer; 0: no operator */
} operators[IDL_N_TOKENS] = {
	[IDL_TOKEN_PIPE] = {IDL_EXPR_OR, 1},	    [IDL_TOKEN_SHIFT] = {IDL_EXPR_SHIFT, 2},
	[IDL_TOKEN_PLUS] = {IDL_EXPR_ADD, 3},	    [IDL_TOKEN_MINUS] = {IDL_EXPR_SUBTRACT, 3},
	[IDL_TOKEN_STAR] = {IDL_EXPR_MULTIPLY, 4},  [IDL_TOKEN_SLASH] = {IDL_EXPR_DIVIDE, 4},
	[IDL_TOKEN_PERCENT] = {IDL_EXPR_MODULO, 4},
};

static bool too_deep(struct idl_parser *parser, unsigned depth, struct idl_span span)
{
	if (depth <= IDL_MAX_EXPR_DEPTH)
		return false;
	idl_diag_at(parser->diags, IDL_E0120, span, "this expression has more than %d levels",
		    IDL_MAX_EXPR_DEPTH);
	return true;
}

/* left may be NULL (a leaf), right too (one operand). NULL when the tree gets too high. */
static struct idl_expr *expr_new(struct idl_parser *parser, enum idl_expr_kind kind,
				 struct idl_span span, struct idl_expr *left,
				 struct idl_expr *right)
{
	struct idl_expr *expr = idl_arena_alloc(parser->arena, sizeof(*expr));
	unsigned depth = 0;

	if (left)
		depth = left->depth;
	if (right && right->depth > depth)
		depth = right->depth;
	expr->kind = kind;
	expr->span = span;
	expr->depth = depth + 1;
	expr->left = left;
	expr->right = right;
	return too_deep(parser, expr->depth, span) ? NULL : expr;
}

/* strtod() in the C locale, whatever the process has set. */
static double decimal_value(const char *text)
{
	locale_t c_locale = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
	double value;

	if (!c_locale)
		idl_out_of_memory();
	value = strtod_l(text, NULL, c_locale);
	freelocale(c_locale);
	return value;
}

/* Behind "1" and at ".": the tokens 1 . 5 make a number only when they touch. */
static struct idl_expr *parse_fraction(struct idl_parser *parser, struct idl_span whole)
{
	const struct idl_token *fraction = idl_parser_peek(parser, 1);
	struct idl_span span = {whole.source, whole.start, fraction->end};
	struct idl_expr *expr;

	if (fraction->kind != IDL_TOKEN_NUMBER || fraction->end - whole.start > IDL_MAX_NAME ||
	    idl_parser_token(parser)->start != whole.end || fraction->start != whole.end + 1 ||
	    idl_token_is_hex(parser->source, fraction) ||
	    idl_token_is_hex(parser->source, &parser->tokens[parser->previous])) {
		idl_diag_at(parser->diags, IDL_E0006, idl_parser_span(parser),
			    "a fraction is digits, a point and at least one digit");
		return NULL;
	}
	if (fraction->unit != fraction->end) {
		span.start = fraction->unit;
		idl_diag_at(parser->diags, IDL_E0119, span,
			    "letters behind a fraction: exponents and suffixes do not exist");
		return NULL;
	}
	expr = expr_new(parser, IDL_EXPR_FLOAT, span, NULL, NULL);
	expr->number = decimal_value(idl_arena_copy(parser->arena, whole.source->text + span.start,
						    span.end - span.start));
	idl_parser_step(parser);
	idl_parser_step(parser);
	return expr;
}

static struct idl_expr *parse_number(struct idl_parser *parser)
{
	const struct idl_token *dot = idl_parser_peek(parser, 1);
	struct idl_span span = idl_parser_span(parser);
	struct idl_expr *expr;
	uint64_t value;

	if (dot->kind == IDL_TOKEN_DOT) {
		idl_parser_step(parser);
		return parse_fraction(parser, span);
	}
	if (!idl_parser_integer(parser, "a number", &value))
		return NULL;
	expr = expr_new(parser, IDL_EXPR_INT, span, NULL, NULL);
	expr->integer = value;
	return expr;
}

static struct idl_expr *parse_word(struct idl_parser *parser)
{
	struct idl_span span = idl_parser_span(parser);
	struct idl_expr *expr;

	if (idl_parser_at_word(parser, "true") || idl_parser_at_word(parser, "false")) {
		expr = expr_new(parser, IDL_EXPR_BOOL, span, NULL, NULL);
		expr->integer = idl_parser_at_word(parser, "true");
		idl_parser_step(parser);
		return expr;
	}
	expr = expr_new(parser, IDL_EXPR_NAME, span, NULL, NULL);
	if (!idl_parser_qname(parser, "a name", &expr->name))
		return NULL;
	expr->span = expr->name.span;
	return expr;
}

static struct idl_expr *parse_parenthesis(struct idl_parser *parser)
{
	struct idl_expr *expr;

	if (too_deep(parser, ++parser->depth, idl_parser_span(parser)))
		return NULL;
	idl_parser_step(parser);
	expr = parse_level(parser, 1);
	parser->depth--;
	if (!expr || !idl_parser_expect(parser, IDL_TOKEN_RIGHT_PAREN, "after the expression"))
		return NULL;
	return expr;
}

static struct idl_expr *parse_atom(struct idl_parser *parser)
{
	switch (idl_parser_token(parser)->kind) {
	case IDL_TOKEN_NUMBER:
		return parse_number(parser);
	case IDL_TOKEN_WORD:
		return parse_word(parser);
	case IDL_TOKEN_LEFT_PAREN:
		return parse_parenthesis(parser);
	default:
		idl_parser_unexpected(parser, "a number or a name");
		return NULL;
	}
}

static struct idl_expr *parse_unary(struct idl_parser *parser)
{
	struct idl_span start = idl_parser_span(parser);
	struct idl_expr *operand;
	enum idl_expr_kind kind;

	if (idl_parser_take(parser, IDL_TOKEN_MINUS))
		kind = IDL_EXPR_NEGATE;
	else if (idl_parser_take(parser, IDL_TOKEN_TILDE))
		kind = IDL_EXPR_COMPLEMENT;
	else
		return parse_atom(parser);
	operand = parse_atom(parser);
	if (!operand)
		return NULL;
	return expr_new(parser, kind, idl_parser_span_from(parser, start), operand, NULL);
}

/* Operators of level `least` and above, from left to right. */
static struct idl_expr *parse_level(struct idl_parser *parser, unsigned least)
{
	struct idl_span start = idl_parser_span(parser);
	struct idl_expr *left = parse_unary(parser);

	while (left) {
		enum idl_token_kind sign = idl_parser_token(parser)->kind;
		struct idl_expr *right;

		if (operators[sign].level < least || operators[sign].level == 0)
			return left;
		idl_parser_step(parser);
		right = parse_level(parser, operators[sign].level + 1);
		if (!right)
			return NULL;
		left = expr_new(parser, operators[sign].kind, idl_parser_span_from(parser, start),
				left, right);
	}
	return NULL;
}

struct idl_expr *idl_parse_expr(struct idl_parser *parser)
{
	unsigned depth = parser->depth;
	struct idl_expr *expr;

	parser->depth = 0;
	expr = parse_level(parser, 1);
	parser->depth = depth;
	return expr;
}
