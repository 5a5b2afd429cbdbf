// SPDX-License-Identifier: Apache-2.0
#include "idl/parser.h"

static struct idl_type *parse_type(struct idl_parser *parser);

static struct idl_type *type_new(struct idl_parser *parser, enum idl_type_kind kind)
{
	struct idl_type *type = idl_arena_alloc(parser->arena, sizeof(*type));

	type->kind = kind;
	type->span = idl_parser_span(parser);
	return type;
}

/* What stands in for a type that was reported, so that the rest of the line is still looked at. */
static struct idl_type *type_in_error(struct idl_parser *parser)
{
	struct idl_type *type = type_new(parser, IDL_TYPE_SCALAR);

	type->scalar = IDL_UINT8;
	return type;
}

/* E0106, unless it is the order of an .x file: string name<N>. */
static void bound_missing(struct idl_parser *parser, const struct idl_type *type, const char *fix)
{
	struct idl_diag *diag;
	const char *name;

	if (!idl_parser_at(parser, IDL_TOKEN_WORD) ||
	    idl_parser_peek(parser, 1)->kind != IDL_TOKEN_LESS) {
		diag = idl_diag_at(parser->diags, IDL_E0106, type->span,
				   "a string needs a bound: how many bytes it may have");
		idl_diag_fix(diag, "%s", fix);
		return;
	}
	name = idl_parser_text(parser);
	diag = idl_diag_at(parser->diags, IDL_E0109, idl_parser_span(parser),
			   "the bound stands before the name, not behind it as in rpcgen");
	idl_diag_fix(diag, "write string<N> %s", name);
}

/* "<" expr ">" */
static bool parse_bound(struct idl_parser *parser, struct idl_type *type)
{
	if (!idl_parser_expect(parser, IDL_TOKEN_LESS, "before the bound"))
		return false;
	type->bound_expr = idl_parse_expr(parser);
	return type->bound_expr && idl_parser_expect(parser, IDL_TOKEN_GREATER, "after the bound");
}

static struct idl_type *parse_string(struct idl_parser *parser)
{
	struct idl_type *type = type_new(parser, IDL_TYPE_STRING);

	idl_parser_step(parser);
	if (!idl_parser_at(parser, IDL_TOKEN_LESS)) {
		bound_missing(parser, type, "string<255>, say");
		return type;
	}
	return parse_bound(parser, type) ? type : NULL;
}

static struct idl_type *parse_bytes(struct idl_parser *parser)
{
	struct idl_type *type = type_new(parser, IDL_TYPE_BYTES);

	idl_parser_step(parser);
	if (!idl_parser_at(parser, IDL_TOKEN_LESS))
		return type;
	return parse_bound(parser, type) ? type : NULL;
}

static struct idl_type *parse_sequence(struct idl_parser *parser)
{
	struct idl_type *type = type_new(parser, IDL_TYPE_SEQUENCE);
	struct idl_diag *diag;

	idl_parser_step(parser);
	if (!idl_parser_expect(parser, IDL_TOKEN_LESS, "after 'sequence'"))
		return NULL;
	type->element = parse_type(parser);
	if (!type->element)
		return NULL;
	if (idl_parser_at(parser, IDL_TOKEN_GREATER)) {
		diag = idl_diag_at(parser->diags, IDL_E0106, idl_parser_span(parser),
				   "a sequence needs a bound: how many elements it may have");
		idl_diag_fix(diag, "write sequence<T, N>");
		idl_parser_step(parser);
		return type;
	}
	if (!idl_parser_expect(parser, IDL_TOKEN_COMMA, "after the type of the elements"))
		return NULL;
	type->bound_expr = idl_parse_expr(parser);
	if (!type->bound_expr || !idl_parser_expect(parser, IDL_TOKEN_GREATER, "after the bound"))
		return NULL;
	return type;
}

/* proto<N> pkg.Msg and vector<N>: known words, refused as a whole. */
static struct idl_type *parse_later(struct idl_parser *parser, enum idl_code code, const char *text,
				    const char *fix)
{
	struct idl_type *type = type_in_error(parser);
	struct idl_diag *diag;
	struct idl_qname message;

	diag = idl_diag_at(parser->diags, code, type->span, "%s are not supported yet", text);
	idl_diag_fix(diag, "%s", fix);
	idl_parser_step(parser);
	if (idl_parser_at(parser, IDL_TOKEN_LESS) && !parse_bound(parser, type))
		return NULL;
	type->bound_expr = NULL;
	/* The message's name; what follows it is then the name of the field or parameter. */
	if (code == IDL_E0152 && idl_parser_at(parser, IDL_TOKEN_WORD) &&
	    !idl_parser_qname(parser, "a message", &message))
		return NULL;
	return type;
}

static struct idl_type *parse_named(struct idl_parser *parser)
{
	struct idl_type *type = type_new(parser, IDL_TYPE_NAMED);

	if (!idl_parser_qname(parser, "a type", &type->name))
		return NULL;
	return type;
}

static struct idl_type *parse_word(struct idl_parser *parser)
{
	const struct idl_token *token = idl_parser_token(parser);
	struct idl_type *type;
	enum idl_scalar scalar;

	if (idl_scalar_find(parser->source->text + token->start, token->end - token->start,
			    &scalar)) {
		type = type_new(parser, IDL_TYPE_SCALAR);
		type->scalar = scalar;
		idl_parser_step(parser);
		return type;
	}
	if (idl_parser_at_word(parser, "string"))
		return parse_string(parser);
	if (idl_parser_at_word(parser, "bytes"))
		return parse_bytes(parser);
	if (idl_parser_at_word(parser, "sequence"))
		return parse_sequence(parser);
	if (idl_parser_at_word(parser, "proto"))
		return parse_later(parser, IDL_E0152, "protobuf arguments",
				   "pass the packed message as bytes");
	if (idl_parser_at_word(parser, "vector"))
		return parse_later(parser, IDL_E0153, "vectors", "use one buffer with an extent");
	if (idl_foreign_c_type(parser))
		return type_in_error(parser);
	return parse_named(parser);
}

/* A pointer sign behind a good type. */
static void refuse_pointer(struct idl_parser *parser, const struct idl_type *type)
{
	struct idl_span span = idl_parser_span(parser);
	struct idl_diag *diag;

	if (!idl_parser_at(parser, IDL_TOKEN_STAR))
		return;
	while (idl_parser_at(parser, IDL_TOKEN_STAR))
		idl_parser_step(parser);
	diag = idl_diag_at(parser->diags, IDL_E0107, idl_parser_span_from(parser, span),
			   "a pointer means nothing to another process");
	if (type->kind == IDL_TYPE_NAMED)
		idl_diag_fix(diag, "write the type alone: structs are passed by pointer in C");
	else
		idl_diag_fix(diag, "give the parameter an extent, or the direction out");
}

static struct idl_type *parse_type(struct idl_parser *parser)
{
	struct idl_type *type;

	if (!idl_parser_at(parser, IDL_TOKEN_WORD)) {
		idl_parser_unexpected(parser, "a type");
		return NULL;
	}
	if (++parser->depth > IDL_MAX_TYPE_DEPTH) {
		idl_diag_at(parser->diags, IDL_E0120, idl_parser_span(parser),
			    "types nest at most %d deep", IDL_MAX_TYPE_DEPTH);
		return NULL;
	}
	type = parse_word(parser);
	parser->depth--;
	if (!type)
		return NULL;
	type->span = idl_parser_span_from(parser, type->span);
	refuse_pointer(parser, type);
	return type;
}

struct idl_type *idl_parse_type(struct idl_parser *parser)
{
	parser->depth = 0;
	return parse_type(parser);
}

bool idl_parse_scalar(struct idl_parser *parser, const char *what, enum idl_scalar *ret_scalar,
		      struct idl_span *ret_span)
{
	const struct idl_token *token = idl_parser_token(parser);
	struct idl_diag *diag;

	*ret_span = idl_parser_span(parser);
	*ret_scalar = IDL_UINT32;
	if (token->kind == IDL_TOKEN_WORD && idl_foreign_c_type(parser))
		return true;
	if (token->kind == IDL_TOKEN_WORD &&
	    idl_scalar_find(parser->source->text + token->start, token->end - token->start,
			    ret_scalar)) {
		idl_parser_step(parser);
		return true;
	}
	diag = idl_diag_at(parser->diags, IDL_E0124, *ret_span, "expected %s, found %s", what,
			   idl_parser_found(parser));
	if (token->kind == IDL_TOKEN_WORD)
		idl_diag_fix(diag, "only scalars: bool, int8 to uint64, float32, float64");
	return false;
}
