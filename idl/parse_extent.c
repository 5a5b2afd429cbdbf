// SPDX-License-Identifier: Apache-2.0
#include "idl/parser.h"

static struct idl_extent *extent_new(struct idl_parser *parser, enum idl_extent_kind kind,
				     struct idl_span span)
{
	struct idl_extent *extent = idl_arena_alloc(parser->arena, sizeof(*extent));

	extent->kind = kind;
	extent->span = span;
	extent->depth = 1;
	return extent;
}

static struct idl_extent *parse_atom(struct idl_parser *parser)
{
	struct idl_span span = idl_parser_span(parser);
	struct idl_extent *extent;
	struct idl_diag *diag;

	if (idl_parser_at(parser, IDL_TOKEN_NUMBER)) {
		extent = extent_new(parser, IDL_EXTENT_NUMBER, span);
		return idl_parser_integer(parser, "a number", &extent->number) ? extent : NULL;
	}
	if (idl_parser_at_word(parser, "return")) {
		diag = idl_diag_at(parser->diags, IDL_E0101, span,
				   "'return' stands alone, without + and *");
		idl_diag_fix(diag, "let the method return the product itself");
		return NULL;
	}
	if (!idl_parser_at(parser, IDL_TOKEN_WORD)) {
		diag = idl_parser_unexpected(parser, "a parameter, a constant or a number");
		if (idl_parser_at(parser, IDL_TOKEN_RIGHT_BRACKET))
			idl_diag_fix(diag, "name the parameter that holds the size");
		return NULL;
	}
	extent = extent_new(parser, IDL_EXTENT_NAME, span);
	if (!idl_parser_qname(parser, "a name", &extent->name))
		return NULL;
	extent->span = extent->name.span;
	return extent;
}

static struct idl_extent *join(struct idl_parser *parser, enum idl_extent_kind kind,
			       struct idl_extent *left, struct idl_extent *right)
{
	struct idl_extent *extent;

	extent = extent_new(parser, kind, idl_span_join(left->span, right->span));
	extent->left = left;
	extent->right = right;
	extent->depth = 1 + (left->depth > right->depth ? left->depth : right->depth);
	if (extent->depth <= IDL_MAX_EXPR_DEPTH)
		return extent;
	idl_diag_at(parser->diags, IDL_E0120, extent->span, "this extent has more than %d levels",
		    IDL_MAX_EXPR_DEPTH);
	return NULL;
}

static struct idl_extent *parse_product(struct idl_parser *parser)
{
	struct idl_extent *left = parse_atom(parser);

	while (left && idl_parser_take(parser, IDL_TOKEN_STAR)) {
		struct idl_extent *right = parse_atom(parser);

		left = right ? join(parser, IDL_EXTENT_MULTIPLY, left, right) : NULL;
	}
	return left;
}

/* Only + and *: what grows with its operands can be bounded by bounding them. */
static bool refuse_operator(struct idl_parser *parser)
{
	struct idl_diag *diag;

	switch (idl_parser_token(parser)->kind) {
	case IDL_TOKEN_MINUS:
	case IDL_TOKEN_SLASH:
	case IDL_TOKEN_PERCENT:
	case IDL_TOKEN_SHIFT:
	case IDL_TOKEN_PIPE:
	case IDL_TOKEN_LEFT_PAREN:
		diag = idl_parser_unexpected(parser, "'+', '*' or the end of the extent");
		idl_diag_fix(diag, "an extent is a sum of products");
		return true;
	default:
		return false;
	}
}

struct idl_extent *idl_parse_extent(struct idl_parser *parser)
{
	struct idl_span span = idl_parser_span(parser);
	struct idl_extent *left;

	if (idl_parser_at_word(parser, "return") &&
	    idl_parser_peek(parser, 1)->kind != IDL_TOKEN_PLUS &&
	    idl_parser_peek(parser, 1)->kind != IDL_TOKEN_STAR) {
		idl_parser_step(parser);
		return refuse_operator(parser) ? NULL : extent_new(parser, IDL_EXTENT_RETURN, span);
	}
	left = parse_product(parser);
	while (left && idl_parser_take(parser, IDL_TOKEN_PLUS)) {
		struct idl_extent *right = parse_product(parser);

		left = right ? join(parser, IDL_EXTENT_ADD, left, right) : NULL;
	}
	return left && refuse_operator(parser) ? NULL : left;
}
