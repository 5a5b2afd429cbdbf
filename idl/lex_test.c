// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "idl/lex.h"
#include "idl/limits.h"
#include "idl/test_program.h"

struct fixture {
	struct idl_arena arena;
	struct idl_diags diags;
	const struct idl_source *source;
	const struct idl_token *tokens;
	size_t n;
};

static void lex(struct fixture *f, const char *text, size_t size)
{
	idl_arena_init(&f->arena);
	idl_diags_init(&f->diags, &f->arena);
	assert_int_equal(idl_source_from_memory(&f->arena, "t.idl", text, size, &f->source), 0);
	idl_lex(&f->arena, &f->diags, f->source, &f->tokens, &f->n);
}

static void expect_kinds(const char *text, const enum idl_token_kind *kinds, size_t n)
{
	struct fixture f;

	lex(&f, text, strlen(text));
	assert_null(f.diags.first);
	assert_int_equal(f.n, n + 1);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(f.tokens[i].kind, kinds[i]);
	assert_int_equal(f.tokens[n].kind, IDL_TOKEN_END);
	assert_int_equal(f.tokens[n].start, strlen(text));
	idl_arena_release(&f.arena);
}

#define expect_tokens(text, ...)                                          \
	expect_kinds(text, (const enum idl_token_kind[]){__VA_ARGS__},    \
		     sizeof((const enum idl_token_kind[]){__VA_ARGS__}) / \
			     sizeof(enum idl_token_kind))

static void signs_and_words(void **state)
{
	(void)state;
	expect_tokens("a1_b @ { } ( ) [ ] ;", IDL_TOKEN_WORD, IDL_TOKEN_AT, IDL_TOKEN_LEFT_BRACE,
		      IDL_TOKEN_RIGHT_BRACE, IDL_TOKEN_LEFT_PAREN, IDL_TOKEN_RIGHT_PAREN,
		      IDL_TOKEN_LEFT_BRACKET, IDL_TOKEN_RIGHT_BRACKET, IDL_TOKEN_SEMICOLON);
	expect_tokens("+-*/%|~=:,.", IDL_TOKEN_PLUS, IDL_TOKEN_MINUS, IDL_TOKEN_STAR,
		      IDL_TOKEN_SLASH, IDL_TOKEN_PERCENT, IDL_TOKEN_PIPE, IDL_TOKEN_TILDE,
		      IDL_TOKEN_EQUALS, IDL_TOKEN_COLON, IDL_TOKEN_COMMA, IDL_TOKEN_DOT);
}

static void shift_is_a_token_and_its_mirror_is_not(void **state)
{
	(void)state;
	expect_tokens("<<", IDL_TOKEN_SHIFT);
	expect_tokens(">>", IDL_TOKEN_GREATER, IDL_TOKEN_GREATER);
	expect_tokens("< <", IDL_TOKEN_LESS, IDL_TOKEN_LESS);
}

static void a_version_is_three_tokens(void **state)
{
	(void)state;
	expect_tokens("1.1", IDL_TOKEN_NUMBER, IDL_TOKEN_DOT, IDL_TOKEN_NUMBER);
}

static void three_slashes_are_documentation(void **state)
{
	(void)state;
	expect_tokens("/// a\n// b\n//// c\n///\n/* d */ x", IDL_TOKEN_DOC, IDL_TOKEN_COMMENT,
		      IDL_TOKEN_COMMENT, IDL_TOKEN_DOC, IDL_TOKEN_COMMENT, IDL_TOKEN_WORD);
}

static void byte_order_mark_tabs_and_crlf_are_blank(void **state)
{
	struct fixture f;
	const char text[] = "\xef\xbb\xbf\ta\r\n/// doc\r\nb";

	(void)state;
	lex(&f, text, sizeof(text) - 1);
	assert_null(f.diags.first);
	assert_int_equal(f.n, 4);
	assert_int_equal(f.tokens[1].kind, IDL_TOKEN_DOC);
	assert_int_equal(f.tokens[1].end - f.tokens[1].start, strlen("/// doc"));
	assert_int_equal(idl_source_place(f.source, f.tokens[2].start).line, 3);
	idl_arena_release(&f.arena);
}

static void expect_number(const char *text, uint64_t value, size_t unit, bool fits)
{
	struct fixture f;
	uint64_t got = 0;

	lex(&f, text, strlen(text));
	assert_int_equal(f.n, 2);
	assert_int_equal(f.tokens[0].kind, IDL_TOKEN_NUMBER);
	assert_int_equal(f.tokens[0].unit, unit);
	assert_int_equal(idl_token_number(f.source, &f.tokens[0], &got), fits);
	if (fits)
		assert_int_equal(got, value);
	idl_arena_release(&f.arena);
}

static void numbers_and_the_units_that_touch_them(void **state)
{
	(void)state;
	expect_number("0", 0, 1, true);
	expect_number("64MiB", 64, 2, true);
	expect_number("0xfFs", 255, 4, true);
	expect_number("18446744073709551615", UINT64_MAX, 20, true);
	expect_number("18446744073709551616", 0, 20, false);
	expect_number("0xffffffffffffffff", UINT64_MAX, 18, true);
	expect_number("0x10000000000000000", 0, 19, false);
}

static void expect_refused(const char *text, size_t size, enum idl_code code, size_t n_tokens)
{
	struct fixture f;

	lex(&f, text, size);
	assert_non_null(f.diags.first);
	assert_int_equal(f.diags.first->code, code);
	assert_null(f.diags.first->next);
	assert_int_equal(f.n, n_tokens + 1);
	idl_arena_release(&f.arena);
}

static void what_means_nothing_is_refused_once_and_left_out(void **state)
{
	(void)state;
	expect_refused("a & b", 5, IDL_E0003, 2);
	expect_refused("a \xc3\xa4\xc3\xb6 b", 8, IDL_E0003, 2);
	expect_refused("a \0 b", 5, IDL_E0003, 2);
	expect_refused("a \x1b b", 5, IDL_E0003, 2);
	expect_refused("a \xff\xfe b", 6, IDL_E0003, 2);
	expect_refused("_a", 2, IDL_E0003, 1);
}

static void comments_hold_utf8_but_no_control_characters(void **state)
{
	(void)state;
	expect_tokens("// gr\xc3\xbc\xc3\x9f\n", IDL_TOKEN_COMMENT);
	expect_refused("// \xc3(", 5, IDL_E0003, 1);
	expect_refused("// \xed\xa0\x80", 6, IDL_E0003, 1);
	expect_refused("// \xc0\xaf", 5, IDL_E0003, 1);
	expect_refused("/* \x1b[2J */", 10, IDL_E0003, 1);
	expect_refused("// \0 x", 6, IDL_E0003, 1);
}

static void open_ends_are_reported_where_they_begin(void **state)
{
	(void)state;
	expect_refused("a /* b", 6, IDL_E0004, 1);
	expect_refused("a /*/", 5, IDL_E0004, 1);
	expect_refused("\"abc", 4, IDL_E0005, 1);
	expect_refused("\"abc\n\"", 4, IDL_E0005, 1);
	expect_refused("\"", 1, IDL_E0005, 1);
}

static void names_and_strings_have_a_longest(void **state)
{
	char text[IDL_MAX_STRING + 4];

	(void)state;
	memset(text, 'a', sizeof(text));
	expect_refused(text, IDL_MAX_NAME + 1, IDL_E0007, 1);
	text[IDL_MAX_NAME] = '\0';
	expect_tokens(text, IDL_TOKEN_WORD);
	text[IDL_MAX_NAME] = 'a';
	text[0] = text[sizeof(text) - 1] = '"';
	expect_refused(text, sizeof(text), IDL_E0007, 1);
}

static void every_kind_has_a_name(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < IDL_N_TOKENS; kind++)
		assert_non_null(idl_token_kind_name((enum idl_token_kind)kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_and_words),
		cmocka_unit_test(shift_is_a_token_and_its_mirror_is_not),
		cmocka_unit_test(a_version_is_three_tokens),
		cmocka_unit_test(three_slashes_are_documentation),
		cmocka_unit_test(byte_order_mark_tabs_and_crlf_are_blank),
		cmocka_unit_test(numbers_and_the_units_that_touch_them),
		cmocka_unit_test(what_means_nothing_is_refused_once_and_left_out),
		cmocka_unit_test(comments_hold_utf8_but_no_control_characters),
		cmocka_unit_test(open_ends_are_reported_where_they_begin),
		cmocka_unit_test(names_and_strings_have_a_longest),
		cmocka_unit_test(every_kind_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
