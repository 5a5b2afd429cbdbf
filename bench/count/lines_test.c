/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/count/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define FILE_A 7
#define FILE_B 8

static int setup(void **state)
{
	*state = lines_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	lines_free(*state);
	return 0;
}

static void assert_moved(const struct lines *lines, uint64_t to_server, uint64_t to_client)
{
	assert_int_equal(lines_moved_to(lines, LINES_SERVER), to_server);
	assert_int_equal(lines_moved_to(lines, LINES_CLIENT), to_client);
}

static void what_nobody_else_wrote_does_not_move(void **state)
{
	struct lines *lines = *state;

	assert_true(lines_touch(lines, LINES_CLIENT, FILE_A, 0, 8, false));
	assert_true(lines_touch(lines, LINES_CLIENT, FILE_A, 0, 8, true));
	assert_true(lines_touch(lines, LINES_CLIENT, FILE_A, 0, 8, false));
	assert_moved(lines, 0, 0);
}

static void a_written_line_moves_once(void **state)
{
	struct lines *lines = *state;

	lines_touch(lines, LINES_CLIENT, FILE_A, 0, 8, true);
	lines_touch(lines, LINES_CLIENT, FILE_A, 8, 32, true);
	lines_touch(lines, LINES_SERVER, FILE_A, 0, 8, false);
	lines_touch(lines, LINES_SERVER, FILE_A, 32, 32, false);
	assert_moved(lines, 1, 0);
	lines_touch(lines, LINES_CLIENT, FILE_A, 0, 8, true);
	lines_touch(lines, LINES_SERVER, FILE_A, 0, 8, false);
	assert_moved(lines, 2, 0);
}

static void writing_over_the_others_line_fetches_it(void **state)
{
	struct lines *lines = *state;

	lines_touch(lines, LINES_CLIENT, FILE_A, 0, 8, true);
	lines_touch(lines, LINES_SERVER, FILE_A, 16, 8, true);
	assert_moved(lines, 1, 0);
	lines_touch(lines, LINES_CLIENT, FILE_A, 0, 8, false);
	assert_moved(lines, 1, 1);
}

static void an_access_across_lines_touches_each(void **state)
{
	struct lines *lines = *state;

	lines_touch(lines, LINES_SERVER, FILE_A, 60, 72, true);
	lines_touch(lines, LINES_CLIENT, FILE_A, 63, 1, false);
	lines_touch(lines, LINES_CLIENT, FILE_A, 64, 64, false);
	lines_touch(lines, LINES_CLIENT, FILE_A, 128, 4, false);
	assert_moved(lines, 0, 3);
}

static void files_are_told_apart(void **state)
{
	struct lines *lines = *state;

	lines_touch(lines, LINES_CLIENT, FILE_A, 0, 8, true);
	lines_touch(lines, LINES_SERVER, FILE_B, 0, 8, false);
	assert_moved(lines, 0, 0);
}

static void reset_keeps_who_has_what(void **state)
{
	struct lines *lines = *state;

	lines_touch(lines, LINES_CLIENT, FILE_A, 0, 8, true);
	lines_reset(lines);
	lines_touch(lines, LINES_SERVER, FILE_A, 0, 8, false);
	assert_moved(lines, 1, 0);
	lines_reset(lines);
	lines_touch(lines, LINES_SERVER, FILE_A, 0, 8, false);
	assert_moved(lines, 0, 0);
}

static void a_full_table_says_so(void **state)
{
	struct lines *lines = *state;
	uint64_t i;

	for (i = 0; i < LINES_MAX; i++)
		assert_true(lines_touch(lines, LINES_CLIENT, FILE_A, i * LINES_LINE, 1, true));
	assert_false(lines_touch(lines, LINES_CLIENT, FILE_B, 0, 1, true));
	assert_true(lines_touch(lines, LINES_SERVER, FILE_A, 0, 1, false));
	assert_moved(lines, 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_nobody_else_wrote_does_not_move, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_written_line_moves_once, setup, teardown),
		cmocka_unit_test_setup_teardown(writing_over_the_others_line_fetches_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_access_across_lines_touches_each, setup,
						teardown),
		cmocka_unit_test_setup_teardown(files_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(reset_keeps_who_has_what, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_table_says_so, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
