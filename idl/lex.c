// SPDX-License-Identifier: Apache-2.0
#include "idl/lex.h"

#include <string.h>

#include "idl/arena.h"
#include "idl/diag.h"
#include "idl/limits.h"
#include "idl/utf8.h"

struct lexer {
	struct idl_arena *arena;
	struct idl_diags *diags;
	const struct idl_source *source;
	const char *text;
	uint32_t size;
	uint32_t at;
	struct idl_token *tokens;
	size_t n;
	size_t room;
};

static const struct {
	char text[3];
	const char *name;
} kinds[IDL_N_TOKENS] = {
	[IDL_TOKEN_END] = {.name = "the end of the file"},
	[IDL_TOKEN_WORD] = {.name = "a name"},
	[IDL_TOKEN_NUMBER] = {.name = "a number"},
	[IDL_TOKEN_STRING] = {.name = "a string"},
	[IDL_TOKEN_DOC] = {.name = "a documentation comment"},
	[IDL_TOKEN_COMMENT] = {.name = "a comment"},
	[IDL_TOKEN_LEFT_BRACE] = {"{", "'{'"},
	[IDL_TOKEN_RIGHT_BRACE] = {"}", "'}'"},
	[IDL_TOKEN_LEFT_PAREN] = {"(", "'('"},
	[IDL_TOKEN_RIGHT_PAREN] = {")", "')'"},
	[IDL_TOKEN_LEFT_BRACKET] = {"[", "'['"},
	[IDL_TOKEN_RIGHT_BRACKET] = {"]", "']'"},
	[IDL_TOKEN_LESS] = {"<", "'<'"},
	[IDL_TOKEN_GREATER] = {">", "'>'"},
	[IDL_TOKEN_SHIFT] = {"<<", "'<<'"},
	[IDL_TOKEN_COMMA] = {",", "','"},
	[IDL_TOKEN_SEMICOLON] = {";", "';'"},
	[IDL_TOKEN_COLON] = {":", "':'"},
	[IDL_TOKEN_EQUALS] = {"=", "'='"},
	[IDL_TOKEN_AT] = {"@", "'@'"},
	[IDL_TOKEN_DOT] = {".", "'.'"},
	[IDL_TOKEN_PLUS] = {"+", "'+'"},
	[IDL_TOKEN_MINUS] = {"-", "'-'"},
	[IDL_TOKEN_STAR] = {"*", "'*'"},
	[IDL_TOKEN_SLASH] = {"/", "'/'"},
	[IDL_TOKEN_PERCENT] = {"%", "'%'"},
	[IDL_TOKEN_PIPE] = {"|", "'|'"},
	[IDL_TOKEN_TILDE] = {"~", "'~'"},
};

const char *idl_token_kind_name(enum idl_token_kind kind)
{
	return kinds[kind].name;
}

/* Not isalpha() and friends: the result may not depend on the locale. */
static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex_digit(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word_part(char c)
{
	return is_letter(c) || is_digit(c) || c == '_';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The byte at the cursor plus n, or NUL behind the end. */
static char byte_at(const struct lexer *lexer, uint32_t n)
{
	return n < lexer->size - lexer->at ? lexer->text[lexer->at + n] : '\0';
}

static struct idl_span span_of(const struct lexer *lexer, uint32_t start, uint32_t end)
{
	return (struct idl_span){lexer->source, start, end};
}

static struct idl_token *push(struct lexer *lexer, enum idl_token_kind kind, uint32_t start)
{
	struct idl_token *token;

	if (lexer->n == lexer->room) {
		size_t room = lexer->room ? lexer->room * 2 : 256;
		struct idl_token *tokens = idl_arena_array(lexer->arena, room, sizeof(*tokens));

		if (lexer->n)
			memcpy(tokens, lexer->tokens, lexer->n * sizeof(*tokens));
		lexer->tokens = tokens;
		lexer->room = room;
	}
	token = &lexer->tokens[lexer->n++];
	*token = (struct idl_token){kind, start, lexer->at, lexer->at};
	return token;
}

/*
 * Comments and strings are copied to headers and terminals, so they may hold UTF-8 but neither
 * control characters nor anything malformed. One report for each comment is enough.
 */
static void check_text(struct lexer *lexer, uint32_t start, uint32_t end)
{
	uint32_t i = start;

	while (i < end) {
		unsigned char byte = (unsigned char)lexer->text[i];
		size_t length = idl_utf8_length(lexer->text + i, end - i);

		if (length == 0) {
			idl_diag_at(lexer->diags, IDL_E0003, span_of(lexer, i, i + 1),
				    "byte 0x%02x is not UTF-8", byte);
			return;
		}
		if ((byte < 0x20 && !is_blank((char)byte)) || byte == 0x7f) {
			idl_diag_at(lexer->diags, IDL_E0003, span_of(lexer, i, i + 1),
				    "control character 0x%02x", byte);
			return;
		}
		i += (uint32_t)length;
	}
}

static void lex_line_comment(struct lexer *lexer)
{
	uint32_t start = lexer->at;
	bool is_doc = byte_at(lexer, 2) == '/' && byte_at(lexer, 3) != '/';

	while (lexer->at < lexer->size && lexer->text[lexer->at] != '\n')
		lexer->at++;
	if (lexer->text[lexer->at - 1] == '\r')
		lexer->at--;
	check_text(lexer, start, lexer->at);
	push(lexer, is_doc ? IDL_TOKEN_DOC : IDL_TOKEN_COMMENT, start);
}

static void lex_block_comment(struct lexer *lexer)
{
	uint32_t start = lexer->at;
	const char *end;
	struct idl_diag *diag;

	end = memmem(lexer->text + start + 2, lexer->size - start - 2, "*/", 2);
	if (!end) {
		diag = idl_diag_at(lexer->diags, IDL_E0004, span_of(lexer, start, start + 2),
				   "this comment is never closed");
		idl_diag_fix(diag, "close it with */");
		lexer->at = lexer->size;
		return;
	}
	lexer->at = (uint32_t)(end + 2 - lexer->text);
	check_text(lexer, start, lexer->at);
	push(lexer, IDL_TOKEN_COMMENT, start);
}

static void lex_string(struct lexer *lexer)
{
	uint32_t start = lexer->at++;
	struct idl_diag *diag;

	while (lexer->at < lexer->size && !strchr("\"\r\n", byte_at(lexer, 0)))
		lexer->at++;
	if (byte_at(lexer, 0) != '"') {
		diag = idl_diag_at(lexer->diags, IDL_E0005, span_of(lexer, start, lexer->at),
				   "this string is not closed on its line");
		idl_diag_fix(diag, "close it with \"");
	} else {
		lexer->at++;
		check_text(lexer, start, lexer->at);
	}
	if (lexer->at - start > IDL_MAX_STRING + 2)
		idl_diag_at(lexer->diags, IDL_E0007, span_of(lexer, start, lexer->at),
			    "a string of more than %d bytes", IDL_MAX_STRING);
	push(lexer, IDL_TOKEN_STRING, start);
}

static void lex_word(struct lexer *lexer)
{
	uint32_t start = lexer->at;

	while (is_word_part(byte_at(lexer, 0)))
		lexer->at++;
	if (lexer->at - start > IDL_MAX_NAME)
		idl_diag_at(lexer->diags, IDL_E0007, span_of(lexer, start, lexer->at),
			    "a name of %u characters: at most %d are allowed",
			    (unsigned)(lexer->at - start), IDL_MAX_NAME);
	if (lexer->text[start] == '_')
		idl_diag_at(lexer->diags, IDL_E0003, span_of(lexer, start, start + 1),
			    "a name begins with a letter");
	push(lexer, IDL_TOKEN_WORD, start);
}

static void lex_number(struct lexer *lexer)
{
	uint32_t start = lexer->at;
	uint32_t unit;

	if (byte_at(lexer, 0) == '0' && (byte_at(lexer, 1) == 'x' || byte_at(lexer, 1) == 'X')) {
		lexer->at += 2;
		while (is_hex_digit(byte_at(lexer, 0)))
			lexer->at++;
	} else {
		while (is_digit(byte_at(lexer, 0)))
			lexer->at++;
	}
	unit = lexer->at;
	while (is_word_part(byte_at(lexer, 0)))
		lexer->at++;
	push(lexer, IDL_TOKEN_NUMBER, start)->unit = unit;
}

/* What C programmers write out of habit gets a word about it. */
static const char *byte_advice(char byte)
{
	switch (byte) {
	case '#':
		return "there is no preprocessor: use const and import";
	case '\'':
		return "strings have double quotes, and there are no character constants";
	case '&':
	case '^':
	case '!':
	case '?':
		return "expressions have | << + - * / % ~ and parentheses";
	default:
		return NULL;
	}
}

/* A run of bytes that mean nothing is one mistake, often a whole word in another script. */
static void lex_refused(struct lexer *lexer)
{
	uint32_t start = lexer->at;
	unsigned char byte = (unsigned char)lexer->text[start];
	const char *advice = byte_advice((char)byte);
	struct idl_diag *diag;

	lexer->at++;
	if (byte > 0x20 && byte < 0x7f) {
		diag = idl_diag_at(lexer->diags, IDL_E0003, span_of(lexer, start, lexer->at),
				   "'%c' means nothing here", byte);
		if (advice)
			idl_diag_fix(diag, "%s", advice);
		return;
	}
	while ((unsigned char)byte_at(lexer, 0) >= 0x80)
		lexer->at++;
	if (byte >= 0x80)
		idl_diag_at(lexer->diags, IDL_E0003, span_of(lexer, start, lexer->at),
			    "only comments may hold characters beyond ASCII");
	else
		idl_diag_at(lexer->diags, IDL_E0003, span_of(lexer, start, lexer->at),
			    "control character 0x%02x", byte);
}

static void lex_sign(struct lexer *lexer)
{
	char byte = byte_at(lexer, 0);
	uint32_t start = lexer->at;

	if (byte == '<' && byte_at(lexer, 1) == '<') {
		lexer->at += 2;
		push(lexer, IDL_TOKEN_SHIFT, start);
		return;
	}
	for (unsigned kind = IDL_TOKEN_LEFT_BRACE; byte && kind < IDL_N_TOKENS; kind++) {
		if (kinds[kind].text[0] == byte && !kinds[kind].text[1]) {
			lexer->at++;
			push(lexer, (enum idl_token_kind)kind, start);
			return;
		}
	}
	lex_refused(lexer);
}

static void lex_one(struct lexer *lexer)
{
	char byte = byte_at(lexer, 0);

	if (is_blank(byte))
		lexer->at++;
	else if (byte == '/' && byte_at(lexer, 1) == '/')
		lex_line_comment(lexer);
	else if (byte == '/' && byte_at(lexer, 1) == '*')
		lex_block_comment(lexer);
	else if (is_letter(byte) || byte == '_')
		lex_word(lexer);
	else if (is_digit(byte))
		lex_number(lexer);
	else if (byte == '"')
		lex_string(lexer);
	else
		lex_sign(lexer);
}

void idl_lex(struct idl_arena *arena, struct idl_diags *diags, const struct idl_source *source,
	     const struct idl_token **ret_tokens, size_t *ret_n)
{
	struct lexer lexer = {
		.arena = arena,
		.diags = diags,
		.source = source,
		.text = source->text,
		.size = (uint32_t)source->size,
	};

	if (lexer.size >= 3 && memcmp(lexer.text, "\xef\xbb\xbf", 3) == 0)
		lexer.at = 3;
	while (lexer.at < lexer.size)
		lex_one(&lexer);
	push(&lexer, IDL_TOKEN_END, lexer.size);
	*ret_tokens = lexer.tokens;
	*ret_n = lexer.n;
}

bool idl_token_is_hex(const struct idl_source *source, const struct idl_token *token)
{
	return token->unit - token->start >= 2 && (source->text[token->start + 1] | 0x20) == 'x';
}

static unsigned digit_value(char c)
{
	return is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

bool idl_token_number(const struct idl_source *source, const struct idl_token *token,
		      uint64_t *ret_value)
{
	bool hex = idl_token_is_hex(source, token);
	uint64_t value = 0;

	for (uint32_t i = token->start + (hex ? 2 : 0); i < token->unit; i++) {
		if (__builtin_mul_overflow(value, hex ? 16u : 10u, &value) ||
		    __builtin_add_overflow(value, digit_value(source->text[i]), &value))
			return false;
	}
	*ret_value = value;
	return true;
}

bool idl_token_is(const struct idl_source *source, const struct idl_token *token, const char *text)
{
	return idl_slice_equal(source->text + token->start, token->end - token->start, text);
}

struct idl_span idl_token_span(const struct idl_source *source, const struct idl_token *token)
{
	return (struct idl_span){source, token->start, token->end};
}
