/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/plot.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/child.h"

static const double x[] = {1, 10, 100};
static const double y[] = {5, NAN, 7};
static const struct plot_tic tics[] = {{1, "50%"}, {10, "it's 90%"}};
static const struct plot_series series = {.title = "a 'quoted' series", .x = x, .y = y, .n = 3};
static const struct plot plot = {
	.title = "title",
	.x_label = "x",
	.y_label = "y",
	.log_x = true,
	.log_y = true,
	.tics = tics,
	.n_tics = 2,
	.series = &series,
	.n_series = 1,
};

static char directory[32];

static int open_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/verbena-plot-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

/* The first bytes of a picture that plot_write() makes. */
static void draw(const struct plot *what, const char *name, char *ret_head, size_t size)
{
	char path[64];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	assert_int_equal(plot_write(path, what), 0);
	file = fopen(path, "r");
	assert_non_null(file);
	length = fread(ret_head, 1, size - 1, file);
	ret_head[length] = '\0';
	fclose(file);
	unlink(path);
}

static void pictures_are_what_their_names_say(void **state)
{
	char head[8192];

	(void)state;
	if (!child_program_exists("gnuplot"))
		skip();
	draw(&plot, "a.svg", head, sizeof(head));
	assert_non_null(strstr(head, "<svg"));
	draw(&plot, "a.txt", head, sizeof(head));
	assert_non_null(strstr(head, "title"));
	assert_non_null(strstr(head, "it's 90%"));
	assert_non_null(strstr(head, "a 'quoted' series"));
	draw(&plot, "a.png", head, sizeof(head));
	assert_memory_equal(head, "\x89PNG", 4);
}

static void bars_carry_labels(void **state)
{
	struct plot bars = plot;
	char head[8192];

	(void)state;
	if (!child_program_exists("gnuplot"))
		skip();
	bars.bars = true;
	bars.log_x = false;
	draw(&bars, "bars.svg", head, sizeof(head));
	assert_non_null(strstr(head, "<svg"));
}

static void endings_are_checked(void **state)
{
	(void)state;
	assert_true(plot_path_ok("-"));
	assert_true(plot_path_ok("a.b/c.png"));
	assert_false(plot_path_ok("a"));
	assert_false(plot_path_ok(".png"));
	assert_false(plot_path_ok("a.pdf"));
	assert_false(plot_path_ok(""));
	assert_int_equal(plot_write("a.pdf", &plot), -1);
	assert_int_equal(errno, EINVAL);
}

static void without_gnuplot_it_says_so(void **state)
{
	char saved[4096];
	const char *path = getenv("PATH");

	(void)state;
	assert_non_null(path);
	snprintf(saved, sizeof(saved), "%s", path);
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(plot_write("/tmp/a.svg", &plot), -1);
	assert_int_equal(errno, ENOENT);
	setenv("PATH", saved, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pictures_are_what_their_names_say, open_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(bars_carry_labels, open_directory,
						remove_directory),
		cmocka_unit_test(endings_are_checked),
		cmocka_unit_test(without_gnuplot_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
