// SPDX-License-Identifier: Apache-2.0
#include "idl/parser.h"

#include <string.h>

const struct idl_token *idl_parser_token(const struct idl_parser *parser)
{
	return &parser->tokens[parser->at];
}

static bool is_comment(const struct idl_token *token)
{
	return token->kind == IDL_TOKEN_COMMENT || token->kind == IDL_TOKEN_DOC;
}

const struct idl_token *idl_parser_peek(const struct idl_parser *parser, unsigned n)
{
	const struct idl_token *token = idl_parser_token(parser);

	while (n && token->kind != IDL_TOKEN_END) {
		token++;
		n -= !is_comment(token);
	}
	return token;
}

bool idl_parser_at(const struct idl_parser *parser, enum idl_token_kind kind)
{
	return idl_parser_token(parser)->kind == kind;
}

bool idl_parser_at_word(const struct idl_parser *parser, const char *word)
{
	const struct idl_token *token = idl_parser_token(parser);

	return token->kind == IDL_TOKEN_WORD && idl_token_is(parser->source, token, word);
}

static bool has_newline(const struct idl_parser *parser, uint32_t from, uint32_t to)
{
	return memchr(parser->source->text + from, '\n', to - from) != NULL;
}

static void warn_docs(struct idl_parser *parser, size_t doc, const char *fix)
{
	struct idl_diag *diag;

	if (parser->skipping)
		return;
	diag = idl_diag_at(parser->diags, IDL_W0101,
			   idl_token_span(parser->source, &parser->tokens[doc]),
			   "this comment documents nothing");
	idl_diag_fix(diag, "%s", fix);
}

/*
 * Steps over comments to the token at or behind `at`. Documentation goes before what it is about;
 * on the line of the token before it, it would silently describe the wrong thing.
 */
static void settle(struct idl_parser *parser, bool first)
{
	uint32_t line_from = parser->tokens[parser->previous].end;

	parser->docs_first = parser->at;
	while (is_comment(&parser->tokens[parser->at])) {
		const struct idl_token *token = &parser->tokens[parser->at];

		if (token->kind == IDL_TOKEN_DOC && !first &&
		    !has_newline(parser, line_from, token->start)) {
			warn_docs(parser, parser->at,
				  "it goes on the line above, or begins with two slashes");
			parser->docs_first = parser->at + 1;
		}
		parser->at++;
	}
	parser->docs_end = parser->at;
}

void idl_parser_init(struct idl_parser *parser)
{
	parser->at = 0;
	parser->previous = 0;
	parser->unclosed_at = SIZE_MAX;
	settle(parser, true);
	parser->previous = parser->at;
}

void idl_parser_step(struct idl_parser *parser)
{
	for (size_t i = parser->docs_first; i < parser->docs_end; i++) {
		if (parser->tokens[i].kind == IDL_TOKEN_DOC) {
			warn_docs(parser, i, "write it with two slashes, or before a declaration");
			break;
		}
	}
	if (idl_parser_at(parser, IDL_TOKEN_END)) {
		parser->docs_first = parser->docs_end;
		return;
	}
	parser->previous = parser->at++;
	settle(parser, false);
}

bool idl_parser_take(struct idl_parser *parser, enum idl_token_kind kind)
{
	if (!idl_parser_at(parser, kind))
		return false;
	idl_parser_step(parser);
	return true;
}

bool idl_parser_take_word(struct idl_parser *parser, const char *word)
{
	if (!idl_parser_at_word(parser, word))
		return false;
	idl_parser_step(parser);
	return true;
}

bool idl_parser_expect(struct idl_parser *parser, enum idl_token_kind kind, const char *where)
{
	if (idl_parser_take(parser, kind))
		return true;
	idl_parser_unexpected(parser, idl_arena_printf(parser->arena, "%s %s",
						       idl_token_kind_name(kind), where));
	return false;
}

/*
 * One line without slashes, one blank and trailing blanks. It goes into a comment of C, so
 * neither a comment's end nor its beginning may stand in it.
 */
static const char *doc_line(struct idl_parser *parser, const struct idl_token *token)
{
	const char *text = parser->source->text + token->start + 3;
	size_t size = token->end - token->start - 3;
	size_t n = 0;
	char *line;

	if (size && (*text == ' ' || *text == '\t')) {
		text++;
		size--;
	}
	while (size && strchr(" \t\r", text[size - 1]))
		size--;
	/* At worst a blank goes before every byte. */
	line = idl_arena_alloc(parser->arena, 2 * size + 1);
	for (size_t i = 0; i < size; i++) {
		if (i && ((text[i - 1] == '*' && text[i] == '/') ||
			  (text[i - 1] == '/' && text[i] == '*')))
			line[n++] = ' ';
		line[n++] = text[i] == '\t' || text[i] == '\r' ? ' ' : text[i];
	}
	line[n] = '\0';
	return line;
}

struct idl_doc idl_parser_docs(struct idl_parser *parser)
{
	struct idl_doc doc = {.lines = NULL};
	const char **lines;

	for (size_t i = parser->docs_first; i < parser->docs_end; i++)
		doc.n_lines += parser->tokens[i].kind == IDL_TOKEN_DOC;
	if (doc.n_lines == 0)
		return doc;
	lines = idl_arena_array(parser->arena, doc.n_lines, sizeof(*lines));
	doc.lines = lines;
	for (size_t i = parser->docs_first; i < parser->docs_end; i++) {
		if (parser->tokens[i].kind == IDL_TOKEN_DOC)
			*lines++ = doc_line(parser, &parser->tokens[i]);
	}
	parser->docs_first = parser->docs_end;
	return doc;
}

struct idl_span idl_parser_span(const struct idl_parser *parser)
{
	return idl_token_span(parser->source, idl_parser_token(parser));
}

struct idl_span idl_parser_previous_span(const struct idl_parser *parser)
{
	return idl_token_span(parser->source, &parser->tokens[parser->previous]);
}

struct idl_span idl_parser_span_from(const struct idl_parser *parser, struct idl_span start)
{
	return idl_span_join(start, idl_parser_previous_span(parser));
}

bool idl_parser_on_new_line(const struct idl_parser *parser)
{
	return has_newline(parser, parser->tokens[parser->previous].end,
			   idl_parser_token(parser)->start);
}

const char *idl_parser_text(const struct idl_parser *parser)
{
	const struct idl_token *token = idl_parser_token(parser);

	return idl_arena_copy(parser->arena, parser->source->text + token->start,
			      token->end - token->start);
}

const char *idl_parser_found(const struct idl_parser *parser)
{
	const struct idl_token *token = idl_parser_token(parser);

	/* A string may be long and is seen in the excerpt anyway. */
	if (token->kind == IDL_TOKEN_END || token->kind == IDL_TOKEN_STRING)
		return idl_token_kind_name(token->kind);
	return idl_arena_printf(parser->arena, "'%s'", idl_parser_text(parser));
}

struct idl_diag *idl_parser_unexpected(struct idl_parser *parser, const char *wanted)
{
	return idl_diag_at(parser->diags, IDL_E0101, idl_parser_span(parser),
			   "expected %s, found %s", wanted, idl_parser_found(parser));
}

bool idl_parser_name(struct idl_parser *parser, const char *what, struct idl_name *ret_name)
{
	if (!idl_parser_at(parser, IDL_TOKEN_WORD)) {
		idl_parser_unexpected(parser, what);
		return false;
	}
	ret_name->text = idl_parser_text(parser);
	ret_name->span = idl_parser_span(parser);
	idl_parser_step(parser);
	return true;
}

bool idl_parser_qname(struct idl_parser *parser, const char *what, struct idl_qname *ret_name)
{
	struct idl_span start = idl_parser_span(parser);
	struct idl_name parts[IDL_MAX_QNAME_PARTS];
	struct idl_name *copy;
	const char *full = "";
	size_t n = 0;

	do {
		if (idl_parser_full(parser, n, IDL_MAX_QNAME_PARTS, "parts of a name") ||
		    !idl_parser_name(parser, n ? "a name after '.'" : what, &parts[n]))
			return false;
		full = idl_arena_printf(parser->arena, "%s%s%s", full, n ? "." : "", parts[n].text);
		n++;
	} while (idl_parser_take(parser, IDL_TOKEN_DOT));
	copy = idl_arena_array(parser->arena, n, sizeof(*copy));
	memcpy(copy, parts, n * sizeof(*copy));
	ret_name->parts = copy;
	ret_name->n_parts = n;
	ret_name->full = full;
	ret_name->span = idl_parser_span_from(parser, start);
	return true;
}

bool idl_parser_integer(struct idl_parser *parser, const char *what, uint64_t *ret_value)
{
	const struct idl_token *token = idl_parser_token(parser);
	struct idl_span span = idl_parser_span(parser);
	struct idl_diag *diag;
	bool is_hex;

	if (token->kind != IDL_TOKEN_NUMBER) {
		idl_parser_unexpected(parser, what);
		return false;
	}
	*ret_value = 0;
	is_hex = idl_token_is_hex(parser->source, token);
	if (token->unit != token->end) {
		span.start = token->unit;
		diag = idl_diag_at(parser->diags, IDL_E0119, span,
				   "'%s' has no meaning behind this number",
				   idl_parser_text(parser) + (token->unit - token->start));
		idl_diag_fix(diag, "a plain number belongs here");
	} else if (is_hex && token->unit - token->start == 2) {
		idl_diag_at(parser->diags, IDL_E0006, span, "'0x' without digits");
	} else if (!is_hex && token->unit - token->start > 1 &&
		   parser->source->text[token->start] == '0') {
		diag = idl_diag_at(parser->diags, IDL_E0006, span,
				   "a leading zero: octal in C, decimal here");
		idl_diag_fix(diag, "write it without the zero, or in hexadecimal");
	} else if (!idl_token_number(parser->source, token, ret_value)) {
		idl_diag_at(parser->diags, IDL_E0006, span, "this number exceeds 64 bits");
	}
	idl_parser_step(parser);
	return true;
}

bool idl_parser_full(struct idl_parser *parser, size_t n, size_t limit, const char *what)
{
	if (n < limit)
		return false;
	idl_diag_at(parser->diags, IDL_E0121, idl_parser_span(parser), "more than %zu %s", limit,
		    what);
	return true;
}

/* Reports a missing `;` where it belongs: behind the token before, not at the innocent next one. */
static void semicolon_missing(struct idl_parser *parser, enum idl_code code, const char *text)
{
	struct idl_diag *diag;

	diag = idl_diag_at(parser->diags, code, idl_span_after(idl_parser_previous_span(parser)),
			   "%s", text);
	idl_diag_fix(diag, "add ';'");
}

bool idl_parser_semicolon(struct idl_parser *parser)
{
	if (idl_parser_take(parser, IDL_TOKEN_SEMICOLON))
		return true;
	/* Two words begin a declaration, so the one before them is complete. */
	if (idl_parser_on_new_line(parser) || idl_parser_at(parser, IDL_TOKEN_RIGHT_BRACE) ||
	    idl_parser_at(parser, IDL_TOKEN_END) ||
	    (idl_parser_at(parser, IDL_TOKEN_WORD) &&
	     idl_parser_peek(parser, 1)->kind == IDL_TOKEN_WORD)) {
		semicolon_missing(parser, IDL_E0102, "a ';' is missing here");
		return true;
	}
	idl_parser_unexpected(parser, "';'");
	return false;
}

bool idl_parser_semicolon_after_brace(struct idl_parser *parser)
{
	struct idl_diag *diag;

	if (idl_parser_take(parser, IDL_TOKEN_SEMICOLON))
		return true;
	if (idl_parser_at(parser, IDL_TOKEN_EQUALS)) {
		diag = idl_diag_at(parser->diags, IDL_E0109, idl_parser_span(parser),
				   "numbers behind a closing brace belong to rpcgen");
		idl_diag_fix(diag, "an interface has its id and version before the '{'");
		return false;
	}
	if (idl_parser_at(parser, IDL_TOKEN_WORD) &&
	    idl_parser_peek(parser, 1)->kind == IDL_TOKEN_SEMICOLON &&
	    !idl_parser_on_new_line(parser)) {
		diag = idl_parser_unexpected(parser, "';'");
		idl_diag_fix(diag, "the name stands before the '{'");
		return false;
	}
	semicolon_missing(parser, IDL_E0103, "the ';' after '}' is missing");
	return true;
}

void idl_parser_resume(struct idl_parser *parser)
{
	unsigned depth = 0;

	/* What follows an unclosed body is the next part of the file: nothing to skip. */
	if (parser->unclosed_at == parser->at)
		return;
	parser->skipping = true;
	while (!idl_parser_at(parser, IDL_TOKEN_END)) {
		enum idl_token_kind kind = idl_parser_token(parser)->kind;

		if (kind == IDL_TOKEN_RIGHT_BRACE && depth == 0)
			break;
		idl_parser_step(parser);
		if (kind == IDL_TOKEN_SEMICOLON && depth == 0)
			break;
		if (kind == IDL_TOKEN_LEFT_BRACE)
			depth++;
		if (kind == IDL_TOKEN_RIGHT_BRACE && --depth == 0) {
			depth = 0;
			if (idl_parser_take(parser, IDL_TOKEN_SEMICOLON) ||
			    !idl_parser_at(parser, IDL_TOKEN_EQUALS)) /* } = 1; of rpcgen */
				break;
		}
	}
	parser->skipping = false;
}

bool idl_parser_body_ends(struct idl_parser *parser, struct idl_span open, const char *of,
			  bool *ret_closed)
{
	struct idl_diag *diag;
	enum idl_token_kind next;
	bool begins_file_part;

	*ret_closed = true;
	if (idl_parser_take(parser, IDL_TOKEN_RIGHT_BRACE))
		return true;
	/* No type can be named by a word of the language, so none of these begins a member. */
	begins_file_part = idl_parser_at_word(parser, "interface") ||
			   idl_parser_at_word(parser, "package") ||
			   idl_parser_at_word(parser, "import");
	next = idl_parser_peek(parser, 1)->kind;
	if (next == IDL_TOKEN_EQUALS || next == IDL_TOKEN_DOT) /* a value or import so named */
		begins_file_part = false;
	if (!idl_parser_at(parser, IDL_TOKEN_END) && !begins_file_part)
		return false;
	*ret_closed = false;
	if (parser->unclosed_at == parser->at)
		return true;
	parser->unclosed_at = parser->at;
	diag = idl_diag_at(parser->diags, IDL_E0101, idl_parser_span(parser),
			   "expected '}' of %s, found %s", of, idl_parser_found(parser));
	idl_diag_note(diag, open, "its '{' is here");
	return true;
}
