/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/run.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[32];

static int open_file(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/verbena-run-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void what_is_saved_is_loaded(void **state)
{
	struct run runs[2], loaded[2];
	const struct run_cost *cost;

	(void)state;
	run_init(&runs[0], "one \"quoted\"", 32, 64);
	runs[0].calls = 12345678901;
	runs[0].ns[RUN_P50] = 84.5;
	runs[0].calls_per_second = 1e7;
	run_cost(&runs[0], "sleeps", 0.25, NAN);
	run_init(&runs[1], "two", 0, 0);
	assert_int_equal(run_save(path, runs, 2), 0);
	assert_int_equal(run_load(path, loaded, 2), 2);
	assert_string_equal(loaded[0].name, "one \"quoted\"");
	assert_int_equal(loaded[0].size, 32);
	assert_int_equal(loaded[0].reply_size, 64);
	assert_int_equal(loaded[0].calls, 12345678901);
	assert_true(fabs(loaded[0].ns[RUN_P50] - 84.5) < 1e-6);
	assert_true(isnan(loaded[0].ns[RUN_P99]));
	assert_true(fabs(loaded[0].calls_per_second - 1e7) < 1);
	cost = run_cost_find(&loaded[0], "sleeps");
	assert_non_null(cost);
	assert_true(cost->client == 0.25);
	assert_true(isnan(cost->server));
	assert_null(run_cost_find(&loaded[0], "nothing"));
	assert_string_equal(loaded[1].name, "two");
}

static void more_runs_than_room_are_refused(void **state)
{
	struct run runs[2];

	(void)state;
	run_init(&runs[0], "one", 1, 1);
	run_init(&runs[1], "two", 1, 1);
	assert_int_equal(run_save(path, runs, 2), 0);
	assert_int_equal(run_load(path, runs, 1), -1);
	assert_int_equal(errno, EBADMSG);
}

static void other_files_are_refused(void **state)
{
	static const char *const texts[] = {
		"", "{", "[]", "{}", "{\"runs\": 1}", "{\"runs\": [{\"size\": 1}]}"};
	struct run run;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_file(texts[i]);
		assert_int_equal(run_load(path, &run, 1), -1);
		assert_int_equal(errno, EBADMSG);
	}
	assert_int_equal(run_load("/nonexistent/file", &run, 1), -1);
}

static void a_file_that_cannot_be_written_is_an_error(void **state)
{
	struct run run;

	(void)state;
	run_init(&run, "one", 1, 1);
	assert_int_equal(run_save("/nonexistent/file", &run, 1), -1);
	assert_int_equal(errno, ENOENT);
}

static void durations_have_a_fitting_unit(void **state)
{
	static const struct {
		double ns;
		const char *text;
	} cases[] = {{84.4, "84 ns"},	    {1620, "1.62 us"}, {43900, "43.9 us"},
		     {2487000, "2.487 ms"}, {3e9, "3 s"},      {NAN, "-"}};
	char text[RUN_NAME_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(run_format_ns(cases[i].ns, text), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_saved_is_loaded, open_file, remove_file),
		cmocka_unit_test_setup_teardown(more_runs_than_room_are_refused, open_file,
						remove_file),
		cmocka_unit_test_setup_teardown(other_files_are_refused, open_file, remove_file),
		cmocka_unit_test(a_file_that_cannot_be_written_is_an_error),
		cmocka_unit_test(durations_have_a_fitting_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
