// SPDX-License-Identifier: Apache-2.0
#include "codegen/emit.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_text(struct gen_emit *e, const char *expected)
{
	assert_int_equal(e->size, strlen(expected));
	assert_memory_equal(e->text, expected, e->size);
	gen_emit_release(e);
}

static void names_are_replaced(void **state)
{
	struct gen_emit e;

	(void)state;
	gen_emit_init(&e);
	gen_emit_set(&e, "P", "file");
	gen_emit(&e, "$P$_$m$($$$P$)\n", "m", "open", NULL);
	gen_emit_set(&e, "P", "other");
	gen_emit(&e, "$P$ $m$\n", "m", "$P$", NULL);
	assert_text(&e, "file_open($file)\nother $P$\n");
}

static void pairs_go_before_what_is_set(void **state)
{
	struct gen_emit e;

	(void)state;
	gen_emit_init(&e);
	gen_emit_set(&e, "name", "outer");
	gen_emit(&e, "$name$ ", "name", "inner", NULL);
	gen_emit(&e, "$name$", NULL);
	assert_text(&e, "inner outer");
}

static void lines_are_indented_and_empty_ones_are_not(void **state)
{
	struct gen_emit e;

	(void)state;
	gen_emit_init(&e);
	gen_emit(&e, "a {\n", NULL);
	gen_emit_indent(&e);
	gen_emit(&e, "b $c$\n\n", "c", "1\n2", NULL);
	gen_emit(&e, "d", NULL);
	gen_emit_outdent(&e);
	gen_emit(&e, " e\n}\n", NULL);
	assert_text(&e, "a {\n\tb 1\n\t2\n\n\td e\n}\n");
}

static void long_lists_are_wrapped_below_their_first_item(void **state)
{
	const char *const item = "0123456789012345678901234567890123456789";
	const char *const items[] = {item, item, item};
	struct gen_emit e;

	(void)state;
	gen_emit_init(&e);
	gen_emit_indent(&e);
	gen_emit_list(&e, "f(", items, 3, ");\n");
	/* 8 + 2 + 40 + 2 + 40 + 1 are 93 columns; one item more would pass 100. */
	assert_text(&e, "\tf(0123456789012345678901234567890123456789, "
			"0123456789012345678901234567890123456789,\n"
			"\t  0123456789012345678901234567890123456789);\n");
}

static void a_line_of_exactly_the_last_column_stays_whole(void **state)
{
	char item[GEN_COLUMNS - 5 + 1];
	const char *const items[] = {"a", item};
	struct gen_emit e;

	(void)state;
	memset(item, 'b', sizeof(item) - 1);
	item[sizeof(item) - 1] = 0;
	gen_emit_init(&e);
	gen_emit_list(&e, "(", items, 2, ")");
	assert_int_equal(e.size, GEN_COLUMNS);
	assert_null(memchr(e.text, '\n', e.size));
	gen_emit_release(&e);
}

static void texts_grow_beyond_their_first_size(void **state)
{
	struct gen_emit e;

	(void)state;
	gen_emit_init(&e);
	for (unsigned i = 0; i < 100000; i++)
		gen_emit(&e, "$i$\n", "i", gen_number(&e, i), NULL);
	assert_int_equal(e.size, 10 * 2 + 90 * 3 + 900 * 4 + 9000 * 5 + 90000 * 6);
	assert_memory_equal(e.text + e.size - 6, "99999\n", 6);
	gen_emit_release(&e);
}

/* What an emitter must not do ends the process. */
static void assert_aborts(const char *text)
{
	const pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		const struct sigaction by_default = {.sa_handler = SIG_DFL};
		const struct rlimit no_core = {0, 0};
		struct gen_emit e;

		setrlimit(RLIMIT_CORE, &no_core);
		sigaction(SIGABRT, &by_default, NULL);
		close(STDERR_FILENO);
		gen_emit_init(&e);
		gen_emit(&e, text, "known", "", NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void faults_of_an_emitter_abort(void **state)
{
	(void)state;
	assert_aborts("$unknown$");
	assert_aborts("$known$ and one $dollar");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_replaced),
		cmocka_unit_test(pairs_go_before_what_is_set),
		cmocka_unit_test(lines_are_indented_and_empty_ones_are_not),
		cmocka_unit_test(long_lists_are_wrapped_below_their_first_item),
		cmocka_unit_test(a_line_of_exactly_the_last_column_stays_whole),
		cmocka_unit_test(texts_grow_beyond_their_first_size),
		cmocka_unit_test(faults_of_an_emitter_abort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
