// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "idl/limits.h"
#include "idl/path.h"
#include "idl/test_program.h"

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Each test runs in a directory of its own, with a few files of the shape main -> d/a -> b. */
static int enter_directory(void **state)
{
	char *path = strdup("/tmp/idl_load_test.XXXXXX");

	*state = path;
	if (!path || !mkdtemp(path) || chdir(path) < 0)
		return -1;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(mkdir("inc", 0700), 0);
	assert_int_equal(mkdir("inc/e", 0700), 0);
	write_file("main.idl", "import \"d/a.idl\";\nimport \"e/c.idl\";\npackage m;\n"
			       "const uint32 M = a.A;\n");
	write_file("d/a.idl", "import \"b.idl\";\nimport \"../inc/e/c.idl\";\npackage a;\n"
			      "const uint32 A = b.B;\n");
	write_file("d/b.idl", "package b;\nconst uint32 B = 1;\n");
	write_file("inc/e/c.idl", "package c;\nconst uint32 C = 1;\n");
	return 0;
}

static int leave_directory(void **state)
{
	static const char *const files[] = {"main.idl", "d/a.idl", "d/b.idl", "inc/e/c.idl",
					    "x.idl"};
	static const char *const directories[] = {"d", "inc/e", "inc"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		rmdir(directories[i]);
	if (chdir("/") < 0 || rmdir(*state) < 0)
		return -1;
	free(*state);
	return 0;
}

static struct idl_program *compile(const char *path, const char *include_dir)
{
	const struct idl_options options = {.include_dirs = &include_dir, .n_include_dirs = 1};

	return idl_compile(path, &options);
}

static void expect_files(const struct idl_program *program, const char *const *headers, size_t n)
{
	const struct idl_file *file = program->files;

	for (size_t i = 0; i < n; i++, file = file->next) {
		assert_non_null(file);
		assert_string_equal(file->header_path, headers[i]);
	}
	assert_null(file);
	assert_int_equal(program->n_files, n);
}

static void each_file_once_and_after_what_it_imports(void **state)
{
	static const char *const headers[] = {"d/b", "inc/e/c", "d/a", "main"};
	struct idl_program *program = compile("main.idl", "inc");

	(void)state;
	assert_null(program->diags.first);
	expect_files(program, headers, 4);
	assert_string_equal(program->main->header_path, "main");
	assert_string_equal(program->main->imports->file->package.name.full, "a");
	assert_ptr_equal(program->main->imports->next->file,
			 program->main->imports->file->imports->next->file);
	idl_program_free(program);
}

static void the_main_file_keeps_its_path_below_an_include_directory(void **state)
{
	static const char *const below[] = {"e/c"};
	static const char *const beside[] = {"c"};
	struct idl_program *program = compile("inc/e/c.idl", "inc");

	(void)state;
	expect_files(program, below, 1);
	idl_program_free(program);
	program = compile("./inc//e/c.idl", "./inc/");
	expect_files(program, below, 1);
	idl_program_free(program);
	program = compile("inc/e/c.idl", "d");
	expect_files(program, beside, 1);
	idl_program_free(program);
}

static void expect_error(const char *path, enum idl_code code, const char *text)
{
	struct idl_program *program = compile(path, "inc");
	char *output = test_render(program);

	assert_false(idl_program_ok(program));
	assert_int_equal(program->diags.first->code, code);
	assert_non_null(strstr(output, text));
	free(output);
	idl_program_free(program);
}

static void what_cannot_be_read_is_named_with_the_reason(void **state)
{
	(void)state;
	expect_error("absent.idl", IDL_E0001,
		     "error: cannot read 'absent.idl': No such file or directory [E0001]");
	expect_error("d", IDL_E0001, "Is a directory");
	write_file("x.idl", "package x;\nimport \"d\";\n");
	expect_error("x.idl", IDL_E0001, "x.idl:2:8: error: cannot read 'd': Is a directory");
	write_file("x.idl", "package x;\nimport \"f.idl\";\n");
	expect_error("x.idl", IDL_E0501, "x.idl:2:8: error: 'f.idl' is neither");
	write_file("x.idl", "package x;\nimport \"/etc/passwd\";\n");
	expect_error("x.idl", IDL_E0501, "relative path");
}

static void a_file_that_is_too_large_is_not_read(void **state)
{
	(void)state;
	write_file("x.idl", "package x;\n");
	assert_int_equal(truncate("x.idl", IDL_MAX_SOURCE_SIZE + 1), 0);
	expect_error("x.idl", IDL_E0002, "'x.idl' is larger than 4194304 bytes");
}

static void a_cycle_is_told_with_its_way(void **state)
{
	(void)state;
	write_file("d/b.idl", "import \"../main.idl\";\npackage b;\nconst uint32 B = 1;\n");
	expect_error("main.idl", IDL_E0502,
		     "d/b.idl:1:8: error: 'main.idl' imports itself through this line [E0502]\n"
		     "    1 | import \"../main.idl\";\n"
		     "      |        ^^^^^^^^^^^^^\n"
		     "d/a.idl:1:8: note: imported from here\n"
		     "main.idl:1:8: note: imported from here\n");
	write_file("x.idl", "import \"x.idl\";\npackage x;\nconst uint32 B = 1;\n");
	expect_error("x.idl", IDL_E0502, "x.idl:1:8");
}

static void memory_stands_before_the_disk(void **state)
{
	const struct idl_memory_file file = {"d/b.idl", "package z;\nconst uint32 B = 1;\n", 31};
	const struct idl_options options = {.memory_files = &file, .n_memory_files = 1};
	struct idl_program *program = idl_compile("d/a.idl", &options);

	(void)state;
	assert_string_equal(program->main->imports->file->package.name.full, "z");
	idl_program_free(program);
}

static void expect_path(const char *path, const char *expected)
{
	assert_non_null(path);
	assert_string_equal(path, expected);
}

static void paths(void **state)
{
	struct idl_arena arena;

	(void)state;
	idl_arena_init(&arena);
	expect_path(idl_path_join(&arena, "", "a//./b/../c/"), "a/c");
	expect_path(idl_path_join(&arena, "a", "../../b"), "../b");
	expect_path(idl_path_join(&arena, "../..", "../b"), "../../../b");
	expect_path(idl_path_join(&arena, "/", "../a"), "/a");
	expect_path(idl_path_join(&arena, "/a", "../../b"), "/b");
	expect_path(idl_path_beside(&arena, "a/b.idl", "c.idl"), "a/c.idl");
	expect_path(idl_path_beside(&arena, "b.idl", "c.idl"), "c.idl");
	expect_path(idl_path_beside(&arena, "/b.idl", "c.idl"), "/c.idl");
	expect_path(idl_path_below(&arena, "a/", "./a/b/c"), "b/c");
	expect_path(idl_path_below(&arena, ".", "a"), "a");
	expect_path(idl_path_below(&arena, "/", "/a"), "a");
	assert_null(idl_path_below(&arena, "a", "ab/c"));
	assert_null(idl_path_below(&arena, ".", "../a"));
	assert_null(idl_path_below(&arena, ".", "/a"));
	expect_path(idl_path_stem(&arena, "a.b.idl"), "a.b");
	expect_path(idl_path_stem(&arena, ".idl"), ".idl");
	expect_path(idl_path_last("a/b"), "b");
	idl_arena_release(&arena);
}

static void ids_differ(void **state)
{
	uint64_t first, second;

	(void)state;
	assert_int_equal(idl_new_id(&first), 0);
	assert_int_equal(idl_new_id(&second), 0);
	assert_int_not_equal(first, 0);
	assert_int_not_equal(first, second);
}

#define in_directory(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_directory(each_file_once_and_after_what_it_imports),
		in_directory(the_main_file_keeps_its_path_below_an_include_directory),
		in_directory(what_cannot_be_read_is_named_with_the_reason),
		in_directory(a_file_that_is_too_large_is_not_read),
		in_directory(a_cycle_is_told_with_its_way),
		in_directory(memory_stands_before_the_disk),
		cmocka_unit_test(paths),
		cmocka_unit_test(ids_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
