/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to one array of tokens. Words are not told apart here: which of them is a keyword
 * depends on where it stands. Comments are tokens, for the formatter; the parser steps over them.
 */
#ifndef VERBENA_IDL_LEX_H
#define VERBENA_IDL_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "idl/source.h"

struct idl_arena;
struct idl_diags;

enum idl_token_kind {
	IDL_TOKEN_END, /* empty, at the end of the text */
	IDL_TOKEN_WORD,
	IDL_TOKEN_NUMBER, /* digits, or 0x and digits, and the letters that touch them */
	IDL_TOKEN_STRING, /* with its quotes */
	IDL_TOKEN_DOC,	  /* one line: three slashes and what follows, without the line end */
	IDL_TOKEN_COMMENT,
	IDL_TOKEN_LEFT_BRACE,
	IDL_TOKEN_RIGHT_BRACE,
	IDL_TOKEN_LEFT_PAREN,
	IDL_TOKEN_RIGHT_PAREN,
	IDL_TOKEN_LEFT_BRACKET,
	IDL_TOKEN_RIGHT_BRACKET,
	IDL_TOKEN_LESS,
	IDL_TOKEN_GREATER,
	IDL_TOKEN_SHIFT,
	IDL_TOKEN_COMMA,
	IDL_TOKEN_SEMICOLON,
	IDL_TOKEN_COLON,
	IDL_TOKEN_EQUALS,
	IDL_TOKEN_AT,
	IDL_TOKEN_DOT,
	IDL_TOKEN_PLUS,
	IDL_TOKEN_MINUS,
	IDL_TOKEN_STAR,
	IDL_TOKEN_SLASH,
	IDL_TOKEN_PERCENT,
	IDL_TOKEN_PIPE,
	IDL_TOKEN_TILDE,
	IDL_N_TOKENS,
};

struct idl_token {
	enum idl_token_kind kind;
	uint32_t start;
	uint32_t end;
	uint32_t unit; /* NUMBER: where its letters begin; end when it has none */
};

/*
 * Cuts a source up. Bytes that are refused are reported and left out, so the array is always good;
 * it lies in the arena and its last token is END.
 */
void idl_lex(struct idl_arena *arena, struct idl_diags *diags, const struct idl_source *source,
	     const struct idl_token **ret_tokens, size_t *ret_n);

/* How a message names a kind of token: "';'", "a name", "the end of the file". */
const char *idl_token_kind_name(enum idl_token_kind kind);

/* The value of a NUMBER without its unit. False when it exceeds 64 bits. */
bool idl_token_number(const struct idl_source *source, const struct idl_token *token,
		      uint64_t *ret_value);

/* Whether a NUMBER is written in hexadecimal. */
bool idl_token_is_hex(const struct idl_source *source, const struct idl_token *token);

/* Whether a token is exactly this text. */
bool idl_token_is(const struct idl_source *source, const struct idl_token *token, const char *text);

struct idl_span idl_token_span(const struct idl_source *source, const struct idl_token *token);

#endif
