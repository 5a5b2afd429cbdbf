// SPDX-License-Identifier: Apache-2.0
#include "idl/parser.h"

/* "oneway" "void" */
static bool parse_oneway(struct idl_parser *parser, struct idl_method *method)
{
	struct idl_diag *diag;

	idl_parser_step(parser);
	method->result = IDL_RESULT_ONEWAY;
	if (idl_parser_take_word(parser, "void"))
		return true;
	diag = idl_parser_unexpected(parser, "'void' after 'oneway'");
	idl_diag_fix(diag, "nothing comes back from a one-way call");
	return false;
}

static void refuse_stream(struct idl_parser *parser)
{
	struct idl_diag *diag;

	if (!idl_parser_at_word(parser, "stream"))
		return;
	diag = idl_diag_at(parser->diags, IDL_E0150, idl_parser_span(parser),
			   "streams are not supported yet");
	idl_diag_fix(diag, "read in steps: a cookie in, a buffer and the next cookie out");
	idl_parser_step(parser);
}

/* Any type is read; which may be a result is for the checker to say, with the mended line. */
static bool parse_result(struct idl_parser *parser, struct idl_method *method)
{
	struct idl_span start = idl_parser_span(parser);
	bool ok = true;

	refuse_stream(parser);
	if (idl_parser_at_word(parser, "oneway")) {
		ok = parse_oneway(parser, method);
	} else if (idl_parser_at_word(parser, "void") &&
		   idl_parser_peek(parser, 1)->kind != IDL_TOKEN_STAR) {
		method->result = IDL_RESULT_VOID;
		idl_parser_step(parser);
	} else {
		struct idl_type *type = idl_parse_type(parser);

		method->result = IDL_RESULT_OTHER;
		method->result_type = type;
		ok = type != NULL;
		if (ok && type->kind == IDL_TYPE_SCALAR && type->scalar == IDL_INT32)
			method->result = IDL_RESULT_INT32;
		if (ok && type->kind == IDL_TYPE_SCALAR && type->scalar == IDL_INT64)
			method->result = IDL_RESULT_INT64;
	}
	method->result_span = idl_parser_span_from(parser, start);
	return ok;
}

/* The brackets of MIDL before a parameter: [in, size_is(n)]. */
static void skip_brackets(struct idl_parser *parser)
{
	struct idl_span start = idl_parser_span(parser);
	struct idl_diag *diag;

	while (!idl_parser_at(parser, IDL_TOKEN_END) &&
	       !idl_parser_at(parser, IDL_TOKEN_SEMICOLON) &&
	       !idl_parser_take(parser, IDL_TOKEN_RIGHT_BRACKET))
		idl_parser_step(parser);
	diag = idl_diag_at(parser->diags, IDL_E0104, idl_parser_span_from(parser, start),
			   "a direction has no brackets");
	idl_diag_fix(diag, "write in, out or inout; sizes go behind the name: name[size]");
}

static void parse_direction(struct idl_parser *parser, struct idl_param *param)
{
	struct idl_diag *diag;

	param->direction = IDL_IN;
	param->direction_span = idl_parser_span(parser);
	if (idl_parser_take_word(parser, "in"))
		return;
	if (idl_parser_take_word(parser, "out")) {
		param->direction = IDL_OUT;
	} else if (idl_parser_take_word(parser, "inout")) {
		param->direction = IDL_INOUT;
	} else if (idl_parser_at(parser, IDL_TOKEN_LEFT_BRACKET)) {
		skip_brackets(parser);
	} else if (idl_parser_at(parser, IDL_TOKEN_WORD)) {
		diag = idl_diag_at(parser->diags, IDL_E0104, param->direction_span,
				   "a parameter begins with its direction");
		idl_diag_fix(diag, "put in, out or inout before it");
	}
}

/* "[" extent [ ":" extent ] "]" */
static bool parse_extents(struct idl_parser *parser, struct idl_param *param)
{
	if (!idl_parser_take(parser, IDL_TOKEN_LEFT_BRACKET))
		return true;
	param->extent = idl_parse_extent(parser);
	if (!param->extent)
		return false;
	if (idl_parser_take(parser, IDL_TOKEN_COLON)) {
		param->extent_length = idl_parse_extent(parser);
		if (!param->extent_length)
			return false;
	}
	return idl_parser_expect(parser, IDL_TOKEN_RIGHT_BRACKET, "after the extent");
}

static struct idl_param *parse_param(struct idl_parser *parser, const struct idl_decl *owner)
{
	struct idl_param *param = idl_arena_alloc(parser->arena, sizeof(*param));

	param->owner = owner;
	param->node.span = idl_parser_span(parser);
	param->node.doc = idl_parser_docs(parser);
	parse_direction(parser, param);
	refuse_stream(parser);
	param->type = idl_parse_type(parser);
	if (!param->type || !idl_parser_name(parser, "the parameter's name", &param->node.name) ||
	    !parse_extents(parser, param) ||
	    !idl_parse_marks(parser, IDL_MARK_ON_PARAM, &param->node))
		return NULL;
	param->node.span = idl_parser_span_from(parser, param->node.span);
	return param;
}

/* `(void)` and `(Request)`: no parameters, or a whole message, elsewhere. */
static bool refuse_foreign_params(struct idl_parser *parser)
{
	struct idl_diag *diag;

	if (idl_parser_peek(parser, 1)->kind != IDL_TOKEN_RIGHT_PAREN ||
	    !idl_parser_at_word(parser, "void"))
		return false;
	diag = idl_parser_unexpected(parser, "parameters or ')'");
	idl_diag_fix(diag, "no parameters: ()");
	idl_parser_step(parser);
	return true;
}

static bool parse_params(struct idl_parser *parser, struct idl_decl *decl)
{
	struct idl_method *method = &decl->u.method;
	struct idl_param **end = &method->params;

	if (!idl_parser_expect(parser, IDL_TOKEN_LEFT_PAREN, "after the method's name"))
		return false;
	if (refuse_foreign_params(parser) || idl_parser_at(parser, IDL_TOKEN_RIGHT_PAREN)) {
		idl_parser_step(parser);
		return true;
	}
	do {
		struct idl_param *param;

		if (idl_parser_full(parser, method->n_params, IDL_MAX_PARAMS, "parameters"))
			return false;
		param = parse_param(parser, decl);
		if (!param)
			return false;
		param->index = method->n_params++;
		*end = param;
		end = &param->next;
	} while (idl_parser_take(parser, IDL_TOKEN_COMMA));
	if (idl_parser_take(parser, IDL_TOKEN_RIGHT_PAREN))
		return true;
	idl_parser_unexpected(parser, "',' or ')'");
	return false;
}

/*
 * The highest number that the interface uses: behind `) =`, and behind `reserved`. Looks ahead, so
 * that a proposal is free; only ever for a diagnostic that is shown.
 */
static uint64_t find_last_number(const struct idl_parser *parser)
{
	const struct idl_token *token = &parser->tokens[parser->body];
	uint64_t last = 0, value;
	bool reserved = false;
	unsigned depth = 1;

	for (; depth && token->kind != IDL_TOKEN_END; token++) {
		depth += token->kind == IDL_TOKEN_LEFT_BRACE;
		depth -= token->kind == IDL_TOKEN_RIGHT_BRACE;
		if (depth != 1)
			continue;
		if (token->kind == IDL_TOKEN_SEMICOLON)
			reserved = false;
		else if (idl_token_is(parser->source, token, "reserved"))
			reserved = true;
		if (token->kind == IDL_TOKEN_NUMBER &&
		    (reserved || (token[-1].kind == IDL_TOKEN_EQUALS &&
				  token[-2].kind == IDL_TOKEN_RIGHT_PAREN)) &&
		    idl_token_number(parser->source, token, &value) && value > last)
			last = value;
	}
	return last;
}

/* "=" int */
static bool parse_number(struct idl_parser *parser, struct idl_method *method)
{
	struct idl_diag *diag;

	if (idl_parser_take(parser, IDL_TOKEN_EQUALS)) {
		method->number_span = idl_parser_span(parser);
		return idl_parser_integer(parser, "the method's number", &method->number);
	}
	method->number_span = idl_span_after(idl_parser_previous_span(parser));
	diag = idl_diag_at(parser->diags, IDL_E0123, method->number_span,
			   "a method needs a number: its name on the wire");
	if (diag && !parser->proposed)
		parser->proposed = find_last_number(parser);
	if (diag && parser->proposed < IDL_MAX_METHOD_NUMBER)
		idl_diag_fix(diag, "add ' = %u'", (unsigned)++parser->proposed);
	return true;
}

struct idl_decl *idl_parse_method(struct idl_parser *parser, const struct idl_decl *owner)
{
	struct idl_decl *decl = idl_parse_decl_new(parser, IDL_DECL_METHOD, owner);
	struct idl_method *method = &decl->u.method;

	if (!parse_result(parser, method) ||
	    !idl_parser_name(parser, "the method's name", &decl->node.name) ||
	    !parse_params(parser, decl) || !parse_number(parser, method) ||
	    !idl_parse_marks(parser, IDL_MARK_ON_METHOD, &decl->node))
		return NULL;
	decl->node.span = idl_parser_span_from(parser, decl->node.span);
	return decl;
}
