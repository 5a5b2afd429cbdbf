/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the front end share. Include it behind cmocka.h.
 */
#ifndef VERBENA_IDL_TEST_PROGRAM_H
#define VERBENA_IDL_TEST_PROGRAM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idl/idl.h"

/* Parses a text as the file "t.idl", without imports. Free with idl_program_free(). */
static inline struct idl_program *test_parse(const char *text)
{
	const struct idl_memory_file file = {"t.idl", text, strlen(text)};
	const struct idl_options options = {
		.memory_files = &file, .n_memory_files = 1, .memory_only = true};

	return idl_parse("t.idl", &options);
}

/* The text of a program that must parse without a word. */
static inline struct idl_program *test_parse_good(const char *text)
{
	struct idl_program *program = test_parse(text);

	if (program->diags.first) {
		idl_diags_render(&program->diags, stderr);
		fail_msg("%s", text);
	}
	return program;
}

/* Exactly these numbers, in order of report. */
static inline void test_expect_codes(const char *text, const enum idl_code *codes, size_t n)
{
	struct idl_program *program = test_parse(text);
	const struct idl_diag *diag = program->diags.first;
	size_t i = 0;

	for (; diag && i < n && diag->code == codes[i]; diag = diag->next)
		i++;
	if (diag || i < n) {
		idl_diags_render(&program->diags, stderr);
		fail_msg("expected %zu diagnostics, %s as number %zu, of:\n%s", n,
			 i < n ? idl_code_info(codes[i])->name : "none", i + 1, text);
	}
	idl_program_free(program);
}

#define test_expect(text, ...)                                        \
	test_expect_codes(text, (const enum idl_code[]){__VA_ARGS__}, \
			  sizeof((const enum idl_code[]){__VA_ARGS__}) / sizeof(enum idl_code))

/* What a run would print; free it. */
static inline char *test_render(const struct idl_program *program)
{
	const size_t size = 1 << 16; /* 20 diagnostics of 3 lines with room to spare */
	char *text = calloc(1, size);
	FILE *out = text ? fmemopen(text, size, "w") : NULL;

	assert_non_null(out);
	idl_diags_render(&program->diags, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* That a text prints exactly this. */
static inline void test_expect_output(const char *text, const char *output)
{
	struct idl_program *program = test_parse(text);
	char *rendered = test_render(program);

	assert_string_equal(rendered, output);
	free(rendered);
	idl_program_free(program);
}

/* An interface around some members. */
#define TEST_INTERFACE(members) "package p;\ninterface i @0x1 version 1.0 {\n" members "\n};\n"

#endif
