// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a source file. Lexer, parser, checker and layout must live; what parses is
 * formatted, and the result must have the same tokens and be its own canonical form; what is right
 * conforms to itself.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idl/conform.h"
#include "idl/idl.h"
#include "idl/lex.h"
#include "tests/fuzz/fuzz.h"

static const char imported[] = "package a.b prefix ab;\n"
			       "const uint32 N = 16;\n"
			       "enum e : uint8 { A = 0, B = 1 };\n"
			       "frozen struct s { uint32 x; uint32 y; };\n"
			       "interface i @0x1 version 1.1 {\n"
			       "    struct g { uint32 x; uint8 y since 1.1; };\n"
			       "    void m() = 1;\n"
			       "};\n";

/* The input, and a file "a.idl" that it may import. */
static struct idl_options options_for(struct idl_memory_file files[2], const char *text,
				      size_t size)
{
	files[0] = (struct idl_memory_file){"fuzz.idl", text, size};
	files[1] = (struct idl_memory_file){"a.idl", imported, sizeof(imported) - 1};
	return (struct idl_options){
		.memory_files = files, .n_memory_files = 2, .memory_only = true};
}

static bool is_comment(const struct idl_token *token)
{
	return token->kind == IDL_TOKEN_COMMENT || token->kind == IDL_TOKEN_DOC;
}

/* Bytes of a comment that formatting keeps: all but blanks. */
static size_t next_byte(const char *text, size_t at, size_t end)
{
	while (at < end && strchr(" \t\r\n", text[at]) && text[at])
		at++;
	return at;
}

static bool same_comment(const char *a, const struct idl_token *at, const char *b,
			 const struct idl_token *bt)
{
	size_t i = next_byte(a, at->start, at->end), k = next_byte(b, bt->start, bt->end);

	while (i < at->end && k < bt->end && a[i] == b[k]) {
		i = next_byte(a, i + 1, at->end);
		k = next_byte(b, k + 1, bt->end);
	}
	return i == at->end && k == bt->end;
}

static bool same_token(const struct idl_file *a, const struct idl_file *b, size_t i)
{
	const struct idl_token *at = &a->tokens[i], *bt = &b->tokens[i];
	const char *a_text = a->source->text, *b_text = b->source->text;

	if (at->kind != bt->kind)
		return false;
	if (is_comment(at))
		return same_comment(a_text, at, b_text, bt);
	return at->end - at->start == bt->end - bt->start &&
	       memcmp(a_text + at->start, b_text + bt->start, at->end - at->start) == 0;
}

static void require_same_tokens(const struct idl_file *a, const struct idl_file *b)
{
	FUZZ_REQUIRE(a->n_tokens == b->n_tokens);
	for (size_t i = 0; i < a->n_tokens; i++)
		FUZZ_REQUIRE(same_token(a, b, i));
}

static void format_twice(struct idl_program *program)
{
	struct idl_memory_file files[2];
	struct idl_program *again;
	struct idl_options options;
	const char *first, *second;
	size_t first_size, second_size;

	first = idl_format(program, &first_size);
	options = options_for(files, first, first_size);
	again = idl_parse("fuzz.idl", &options);
	/* Warnings too: documentation may not come loose. */
	FUZZ_REQUIRE(idl_program_ok(again));
	FUZZ_REQUIRE(again->diags.n_warnings == program->diags.n_warnings);
	require_same_tokens(program->main, again->main);
	second = idl_format(again, &second_size);
	FUZZ_REQUIRE(first_size == second_size && memcmp(first, second, first_size) == 0);
	idl_program_free(again);
}

/* A file breaks nothing that it released itself. */
static void compare_with_itself(const struct idl_program *program,
				const struct idl_options *options)
{
	struct idl_program *again = idl_compile("fuzz.idl", options);
	unsigned n_warnings = again->diags.n_warnings;

	FUZZ_REQUIRE(idl_program_ok(again));
	idl_conform(program, again);
	FUZZ_REQUIRE(again->diags.n_errors == 0 && again->diags.n_warnings == n_warnings);
	idl_program_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct idl_memory_file files[2];
	struct idl_options options = options_for(files, (const char *)data, size);
	struct idl_program *program = idl_parse("fuzz.idl", &options);
	static FILE *nowhere;

	if (!nowhere)
		nowhere = fopen("/dev/null", "we");
	FUZZ_REQUIRE(nowhere);
	if (idl_program_ok(program))
		format_twice(program);
	idl_diags_render(&program->diags, nowhere);
	idl_program_free(program);

	program = idl_compile("fuzz.idl", &options);
	idl_diags_render(&program->diags, nowhere);
	if (idl_program_ok(program))
		compare_with_itself(program, &options);
	idl_program_free(program);
	return 0;
}
