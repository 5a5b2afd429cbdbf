// SPDX-License-Identifier: Apache-2.0
/*
 * The canonical layout of a file. It works on tokens, not on the tree, so that comments and the
 * author's way of writing numbers survive, and the result has the same tokens by construction.
 *
 * One declaration a line, four blanks a level, lines of at most 100 columns broken behind commas
 * and before marks. A {...} that stood on one line and fits stays there. Blank lines stay, one at a
 * time.
 */
#include <string.h>

#include "idl/idl.h"
#include "idl/lex.h"

#define COLUMNS	     100
#define INDENT	     4
#define CONTINUATION 8

/* An enum in an interface is the deepest that parses; one more for the file itself. */
#define MAX_BLOCKS 3

struct formatter {
	struct idl_arena *arena;
	const struct idl_source *source;
	const struct idl_token *tokens;
	char *out;
	size_t size;
	size_t room;
	size_t column; /* of what is written next, from 0 */
	bool in_enum[MAX_BLOCKS];
	unsigned depth;
};

static void put(struct formatter *f, const char *text, size_t size)
{
	if (f->room - f->size <= size) {
		size_t room = (f->room + size) * 2 + 256;
		char *out = idl_arena_alloc(f->arena, room);

		if (f->size)
			memcpy(out, f->out, f->size);
		f->out = out;
		f->room = room;
	}
	memcpy(f->out + f->size, text, size);
	f->size += size;
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n')
			f->column = 0;
		else
			f->column += ((unsigned char)text[i] & 0xc0) != 0x80;
	}
}

static void put_blanks(struct formatter *f, size_t n)
{
	while (n--)
		put(f, " ", 1);
}

static void end_line(struct formatter *f)
{
	if (f->column)
		put(f, "\n", 1);
}

static bool is_comment(const struct idl_token *token)
{
	return token->kind == IDL_TOKEN_COMMENT || token->kind == IDL_TOKEN_DOC;
}

/* A comment that only a line's end closes. */
static bool ends_line(const struct formatter *f, const struct idl_token *token)
{
	return is_comment(token) && f->source->text[token->start + 1] == '/';
}

/* Lines between the token before i and token i; 0: the same line. */
static unsigned lines_before(const struct formatter *f, size_t i)
{
	const char *at = f->source->text + (i ? f->tokens[i - 1].end : 0);
	const char *end = f->source->text + f->tokens[i].start;
	unsigned n = 0;

	for (; at < end; at++)
		n += *at == '\n';
	return n;
}

/* The next token at or behind i that is no comment. */
static size_t significant(const struct formatter *f, size_t i)
{
	while (is_comment(&f->tokens[i]))
		i++;
	return i;
}

/* Text of a token. In comments blanks before a line's end go, and so do carriage returns there. */
static void put_token(struct formatter *f, const struct idl_token *token)
{
	const char *at = f->source->text + token->start;
	const char *end = f->source->text + token->end;

	if (!is_comment(token)) {
		put(f, at, (size_t)(end - at));
		return;
	}
	for (;;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;

		while (stop > at && strchr(" \t\r", stop[-1]))
			stop--;
		put(f, at, (size_t)(stop - at));
		if (!newline)
			return;
		put(f, "\n", 1);
		at = newline + 1;
	}
}

/* ---- blanks between tokens ----------------------------------------------------------------- */

static bool is_operand_end(enum idl_token_kind kind)
{
	return kind == IDL_TOKEN_WORD || kind == IDL_TOKEN_NUMBER || kind == IDL_TOKEN_RIGHT_PAREN;
}

/* Whether token i is a sign before its operand and not an operator between two. */
static bool is_sign(const struct formatter *f, size_t i)
{
	enum idl_token_kind kind = f->tokens[i].kind;

	if (kind == IDL_TOKEN_TILDE || kind == IDL_TOKEN_AT)
		return true;
	if (kind != IDL_TOKEN_MINUS || i == 0)
		return false;
	do
		i--;
	while (i && is_comment(&f->tokens[i]));
	return !is_operand_end(f->tokens[i].kind);
}

static bool no_blank_before(const struct formatter *f, size_t i)
{
	switch (f->tokens[i].kind) {
	case IDL_TOKEN_SEMICOLON:
	case IDL_TOKEN_COMMA:
	case IDL_TOKEN_RIGHT_PAREN:
	case IDL_TOKEN_RIGHT_BRACKET:
	case IDL_TOKEN_LEFT_BRACKET:
	case IDL_TOKEN_LESS:
	case IDL_TOKEN_GREATER:
	case IDL_TOKEN_DOT:
		return true;
	case IDL_TOKEN_LEFT_PAREN: /* of parameters and errors, not of an expression */
		return f->tokens[i - 1].kind == IDL_TOKEN_WORD;
	default:
		return false;
	}
}

static bool no_blank_after(const struct formatter *f, size_t i)
{
	switch (f->tokens[i].kind) {
	case IDL_TOKEN_LEFT_PAREN:
	case IDL_TOKEN_LEFT_BRACKET:
	case IDL_TOKEN_LESS:
	case IDL_TOKEN_DOT:
		return true;
	default:
		return is_sign(f, i);
	}
}

/* Whether a blank goes between tokens i - 1 and i of one line. */
static bool blank_between(const struct formatter *f, size_t i)
{
	if (is_comment(&f->tokens[i]))
		return true;
	if (is_comment(&f->tokens[i - 1]))
		return !no_blank_before(f, i);
	return !no_blank_before(f, i) && !no_blank_after(f, i - 1);
}

/* ---- statements ---------------------------------------------------------------------------- */

/* Columns of tokens [first, end) on one line; no comment among them runs over lines. */
static size_t width(const struct formatter *f, size_t first, size_t end)
{
	size_t columns = 0;

	for (size_t i = first; i < end; i++) {
		columns += i > first && blank_between(f, i);
		for (uint32_t at = f->tokens[i].start; at < f->tokens[i].end; at++)
			columns += ((unsigned char)f->source->text[at] & 0xc0) != 0x80;
	}
	return columns;
}

/* Behind the `}` that closes the `{` at i, and the `;` behind that. */
static size_t block_end(const struct formatter *f, size_t i)
{
	unsigned depth = 0;

	for (;; i++) {
		if (f->tokens[i].kind == IDL_TOKEN_LEFT_BRACE)
			depth++;
		if (f->tokens[i].kind == IDL_TOKEN_RIGHT_BRACE && --depth == 0)
			break;
	}
	i = significant(f, i + 1);
	return i + 1;
}

/* Whether the block whose `{` is at `open` stays on the line of its head, which begins at first. */
static bool stays_flat(const struct formatter *f, size_t first, size_t open)
{
	size_t end = block_end(f, open);

	for (size_t i = first; i < end; i++) {
		if (is_comment(&f->tokens[i]) || (i > open && lines_before(f, i)))
			return false;
	}
	return f->depth * INDENT + width(f, first, end) <= COLUMNS;
}

/*
 * Where the statement that begins at `first` ends: behind its `;`, the `{` of a block that is laid
 * out over lines, or in an enum the `,`; before a `}` that nothing separates from it.
 */
static size_t statement_end(const struct formatter *f, size_t first)
{
	unsigned nesting = 0;
	size_t next;

	for (size_t i = first;; i++) {
		switch (f->tokens[i].kind) {
		case IDL_TOKEN_END:
			return i;
		case IDL_TOKEN_LEFT_PAREN:
			nesting++;
			break;
		case IDL_TOKEN_RIGHT_PAREN:
			nesting--;
			break;
		case IDL_TOKEN_SEMICOLON:
			return i + 1;
		case IDL_TOKEN_COMMA:
			if (f->in_enum[f->depth] && nesting == 0 &&
			    f->tokens[significant(f, i + 1)].kind != IDL_TOKEN_NUMBER)
				return i + 1;
			break;
		case IDL_TOKEN_LEFT_BRACE:
			return stays_flat(f, first, i) ? block_end(f, i) : i + 1;
		case IDL_TOKEN_RIGHT_BRACE:
			if (i > first)
				return i;
			break;
		case IDL_TOKEN_COMMENT:
		case IDL_TOKEN_DOC:
			/* A comment before the `}` belongs to the block, not to its last value. */
			next = significant(f, i);
			if (f->tokens[next].kind == IDL_TOKEN_RIGHT_BRACE)
				return i;
			i = next - 1;
			break;
		default:
			break;
		}
	}
}

/* Whether a long line may be broken before token i: behind a comma, before a mark or a '|'. */
static bool may_break(const struct formatter *f, size_t i)
{
	enum idl_token_kind kind = f->tokens[i].kind;
	enum idl_token_kind before = f->tokens[i - 1].kind;

	if (before == IDL_TOKEN_COMMA || kind == IDL_TOKEN_PIPE)
		return true;
	return kind == IDL_TOKEN_WORD &&
	       (before == IDL_TOKEN_NUMBER || before == IDL_TOKEN_RIGHT_PAREN);
}

static void put_statement(struct formatter *f, size_t first, size_t end)
{
	size_t i = first;

	put_blanks(f, f->depth * INDENT);
	while (i < end) {
		bool own_line = i > first && ends_line(f, &f->tokens[i]) && lines_before(f, i);
		size_t next = i + 1;

		while (next < end && !may_break(f, next) && !is_comment(&f->tokens[next]) &&
		       !is_comment(&f->tokens[next - 1]))
			next++;
		if (i > first && f->column &&
		    (own_line || f->column + 1 + width(f, i, next) > COLUMNS))
			end_line(f);
		if (i > first && f->column == 0)
			put_blanks(f, f->depth * INDENT + CONTINUATION);
		else if (i > first && blank_between(f, i))
			put(f, " ", 1);
		for (size_t k = i; k < next; k++) {
			if (k > i && blank_between(f, k))
				put(f, " ", 1);
			put_token(f, &f->tokens[k]);
		}
		if (ends_line(f, &f->tokens[next - 1]))
			end_line(f);
		i = next;
	}
}

/* What the statement that was written does to the nesting. */
static void enter_block(struct formatter *f, size_t first, size_t end)
{
	const struct idl_token *head = &f->tokens[significant(f, first)];
	const struct idl_token *second = &f->tokens[significant(f, first) + 1];

	if (f->tokens[end - 1].kind != IDL_TOKEN_LEFT_BRACE || f->depth + 1 >= MAX_BLOCKS)
		return;
	f->depth++;
	f->in_enum[f->depth] = idl_token_is(f->source, head, "enum") ||
			       (idl_token_is(f->source, head, "closed") &&
				idl_token_is(f->source, second, "enum"));
}

/* Blank lines before token i: none at the top of the file or a block, nor before its end. */
static void put_blank_line(struct formatter *f, size_t i)
{
	if (i == 0 || lines_before(f, i) < 2 || f->tokens[i].kind == IDL_TOKEN_RIGHT_BRACE ||
	    f->tokens[i].kind == IDL_TOKEN_END || f->tokens[i - 1].kind == IDL_TOKEN_LEFT_BRACE)
		return;
	put(f, "\n", 1);
}

/* A comment between statements: behind the one before it, or on a line of its own. */
static void put_comment(struct formatter *f, size_t i)
{
	if (i && lines_before(f, i) == 0 && f->size) {
		f->size--; /* the newline that ended the line */
		f->column = 1;
		put(f, " ", 1);
	} else {
		put_blank_line(f, i);
		put_blanks(f, f->depth * INDENT);
	}
	put_token(f, &f->tokens[i]);
	end_line(f);
}

const char *idl_format(struct idl_program *program, size_t *ret_size)
{
	const struct idl_file *file = program->main;
	struct formatter f = {
		.arena = &program->arena,
		.source = file->source,
		.tokens = file->tokens,
	};
	size_t i = 0;

	while (f.tokens[i].kind != IDL_TOKEN_END) {
		size_t end;

		if (is_comment(&f.tokens[i])) {
			put_comment(&f, i++);
			continue;
		}
		put_blank_line(&f, i);
		if (f.tokens[i].kind == IDL_TOKEN_RIGHT_BRACE && f.depth)
			f.depth--;
		end = statement_end(&f, i);
		put_statement(&f, i, end);
		end_line(&f);
		enter_block(&f, i, end);
		i = end;
	}
	put(&f, "", 1);
	*ret_size = f.size - 1;
	return f.out;
}
