// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "idl/limits.h"
#include "idl/suggest.h"
#include "idl/test_program.h"

/* A program of one text, and a span of it given as offset and size. */
struct fixture {
	struct idl_program program;
	const struct idl_source *source;
};

static void fixture_init(struct fixture *f, const char *text)
{
	idl_arena_init(&f->program.arena);
	idl_diags_init(&f->program.diags, &f->program.arena);
	assert_int_equal(idl_source_from_memory(&f->program.arena, "t.idl", text, strlen(text),
						&f->source),
			 0);
}

static struct idl_span at(const struct fixture *f, uint32_t start, uint32_t size)
{
	return (struct idl_span){f->source, start, start + size};
}

static void expect_rendered(struct fixture *f, const char *output)
{
	char *text = test_render(&f->program);

	assert_string_equal(text, output);
	free(text);
	idl_arena_release(&f->program.arena);
}

static void place_line_caret_fix_and_note(void **state)
{
	struct fixture f;
	struct idl_diag *diag;

	(void)state;
	fixture_init(&f, "one two\nthree four\n");
	diag = idl_diag_at(&f.program.diags, IDL_E0203, at(&f, 14, 4), "'%s' is %d", "four", 4);
	idl_diag_fix(diag, "did you mean '%s'?", "five");
	idl_diag_note(diag, at(&f, 4, 3), "first used here");
	idl_diag_note(diag, (struct idl_span){.source = NULL}, "and nowhere");
	expect_rendered(&f, "t.idl:2:7: error: 'four' is 4 [E0203]\n"
			    "    2 | three four\n"
			    "      |       ^^^^ did you mean 'five'?\n"
			    "t.idl:1:5: note: first used here\n"
			    "note: and nowhere\n");
}

static void tabs_and_utf8_before_the_caret(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, "\t\xc3\xa4\tb\xe2\x82\xac c");
	idl_diag_at(&f.program.diags, IDL_W0101, at(&f, 4, 4), "x");
	expect_rendered(&f, "t.idl:1:4: warning: x [W0101]\n"
			    "    1 | \t\xc3\xa4\tb\xe2\x82\xac c\n"
			    "      | \t \t^^\n");
}

static void a_span_of_lines_is_marked_on_its_first(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, "ab cd\r\nef\r\n");
	idl_diag_at(&f.program.diags, IDL_E0101, at(&f, 3, 6), "x");
	expect_rendered(&f, "t.idl:1:4: error: x [E0101]\n"
			    "    1 | ab cd\n"
			    "      |    ^^\n");
}

static void an_empty_span_and_the_end_of_the_file(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, "ab\n");
	idl_diag_at(&f.program.diags, IDL_E0102, idl_span_after(at(&f, 0, 2)), "x");
	idl_diag_at(&f.program.diags, IDL_E0101, at(&f, 3, 0), "y");
	expect_rendered(&f, "t.idl:1:3: error: x [E0102]\n"
			    "    1 | ab\n"
			    "      |   ^\n"
			    "t.idl:2:1: error: y [E0101]\n"
			    "    2 | \n"
			    "      | ^\n");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, "a\x1b[2J\xff b");
	idl_diag_at(&f.program.diags, IDL_E0003, at(&f, 1, 1), "x");
	expect_rendered(&f, "t.idl:1:2: error: x [E0003]\n"
			    "    1 | a?[2J? b\n"
			    "      |  ^\n");
}

static void a_long_line_is_cut_around_the_caret(void **state)
{
	struct fixture f;
	char text[1001], *output, *excerpt;

	(void)state;
	memset(text, 'a', 1000);
	text[900] = 'b';
	text[1000] = '\0';
	fixture_init(&f, text);
	idl_diag_at(&f.program.diags, IDL_E0101, at(&f, 900, 1), "x");
	output = test_render(&f.program);
	excerpt = strstr(output, "    1 | ");
	assert_non_null(excerpt);
	assert_true(strlen(excerpt) < 3 * IDL_MAX_SHOWN_COLUMNS);
	assert_int_equal(strchr(excerpt, 'b') - excerpt,
			 strchr(excerpt, '^') - (strchr(excerpt, '\n') + 1));
	free(output);
	idl_arena_release(&f.program.arena);
}

static void sorted_by_place(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, "a b c");
	idl_diag_at(&f.program.diags, IDL_E0102, at(&f, 4, 1), "late");
	idl_diag_at(&f.program.diags, IDL_W0101, at(&f, 0, 1), "early");
	expect_rendered(&f, "t.idl:1:1: warning: early [W0101]\n"
			    "    1 | a b c\n"
			    "      | ^\n"
			    "t.idl:1:5: error: late [E0102]\n"
			    "    1 | a b c\n"
			    "      |     ^\n");
}

static void an_entity_is_reported_once(void **state)
{
	struct fixture f;
	struct idl_diags *diags = &f.program.diags;
	bool in_error = false;

	(void)state;
	fixture_init(&f, "a");
	assert_non_null(idl_diag_on(diags, &in_error, IDL_W0101, at(&f, 0, 1), "a warning"));
	assert_false(in_error);
	assert_non_null(idl_diag_on(diags, &in_error, IDL_E0201, at(&f, 0, 1), "an error"));
	assert_true(in_error);
	assert_null(idl_diag_on(diags, &in_error, IDL_E0202, at(&f, 0, 1), "another"));
	assert_null(idl_diag_on(diags, &in_error, IDL_W0101, at(&f, 0, 1), "a warning"));
	assert_int_equal(diags->n_errors, 1);
	assert_int_equal(diags->n_warnings, 1);
	idl_arena_release(&f.program.arena);
}

static unsigned count(const struct idl_diags *diags, enum idl_severity severity)
{
	unsigned n = 0;

	for (const struct idl_diag *diag = diags->first; diag; diag = diag->next)
		n += diag->severity == severity;
	return n;
}

static void at_most_so_many_and_errors_before_warnings(void **state)
{
	struct fixture f;
	struct idl_diags *diags = &f.program.diags;
	char *output;

	(void)state;
	fixture_init(&f, "a");
	for (unsigned i = 0; i < IDL_MAX_DIAGNOSTICS; i++)
		assert_non_null(idl_diag_at(diags, IDL_W0101, at(&f, 0, 1), "w%u", i));
	assert_null(idl_diag_at(diags, IDL_W0101, at(&f, 0, 1), "w"));
	for (unsigned i = 0; i < IDL_MAX_DIAGNOSTICS; i++) {
		assert_non_null(idl_diag_at(diags, IDL_E0101, at(&f, 0, 1), "e%u", i));
		assert_int_equal(count(diags, IDL_ERROR), i + 1);
		assert_int_equal(count(diags, IDL_WARNING), IDL_MAX_DIAGNOSTICS - i - 1);
	}
	assert_null(idl_diag_at(diags, IDL_E0101, at(&f, 0, 1), "e"));
	idl_diag_fix(NULL, "nothing");
	idl_diag_note(NULL, at(&f, 0, 1), "nothing");
	assert_int_equal(diags->n_left_out, IDL_MAX_DIAGNOSTICS + 2);
	output = test_render(&f.program);
	assert_non_null(strstr(output, "\n22 more not shown\n"));
	free(output);
	idl_arena_release(&f.program.arena);
}

static void codes_are_found_by_name(void **state)
{
	(void)state;
	assert_int_equal(idl_code_find("E0203"), IDL_E0203);
	assert_int_equal(idl_code_find("w0101"), IDL_W0101);
	assert_int_equal(idl_code_find("E020"), IDL_N_CODES);
	assert_int_equal(idl_code_find("E02033"), IDL_N_CODES);
	assert_int_equal(idl_code_find(""), IDL_N_CODES);
	assert_int_equal(idl_code_info(IDL_E0203)->severity, IDL_ERROR);
	assert_int_equal(idl_code_info(IDL_W0101)->severity, IDL_WARNING);
}

static const char *best_of(const char *word, const char *first, const char *second)
{
	struct idl_suggest suggest;

	idl_suggest_init(&suggest, word);
	idl_suggest_offer(&suggest, first);
	idl_suggest_offer(&suggest, second);
	return suggest.best;
}

static void suggestions_are_near_and_not_far_fetched(void **state)
{
	(void)state;
	assert_int_equal(idl_suggest_distance("abc", "abc"), 0);
	assert_int_equal(idl_suggest_distance("abc", "acb"), 1);
	assert_int_equal(idl_suggest_distance("abc", "ab"), 1);
	assert_int_equal(idl_suggest_distance("", "ab"), 2);
	assert_int_equal(idl_suggest_distance("kitten", "sitting"), 3);
	assert_int_equal(idl_suggest_distance("NByteS", "nbytes"), 0);
	assert_string_equal(best_of("nbyte", "offset", "nbytes"), "nbytes");
	assert_string_equal(best_of("nbytes", "nbyte", "nbites"), "nbyte");
	assert_null(best_of("nbytes", "offset", NULL));
	assert_null(best_of("x", "y", "z"));
	assert_null(best_of("same", "same", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(place_line_caret_fix_and_note),
		cmocka_unit_test(tabs_and_utf8_before_the_caret),
		cmocka_unit_test(a_span_of_lines_is_marked_on_its_first),
		cmocka_unit_test(an_empty_span_and_the_end_of_the_file),
		cmocka_unit_test(control_characters_do_not_reach_the_terminal),
		cmocka_unit_test(a_long_line_is_cut_around_the_caret),
		cmocka_unit_test(sorted_by_place),
		cmocka_unit_test(an_entity_is_reported_once),
		cmocka_unit_test(at_most_so_many_and_errors_before_warnings),
		cmocka_unit_test(codes_are_found_by_name),
		cmocka_unit_test(suggestions_are_near_and_not_far_fetched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
