// SPDX-License-Identifier: Apache-2.0
/*
 * The pages of docs/errors are the tests of the diagnostics: what stands under "Bad" gives exactly
 * the page's number first, what stands under "Good" compiles without a word.
 *
 * A snippet is one file, main.idl, or several, each behind a line "// file: NAME". The last is
 * compiled. Where a page has a snippet under "Old", the others are compared with it.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "idl/conform.h"
#include "idl/idl.h"

#define MAX_FILES 32

/* What no snippet in memory can show; load_test.c provokes these. */
static const enum idl_code without_snippet[] = {IDL_E0001, IDL_E0002};

static bool has_snippet(enum idl_code code)
{
	for (size_t i = 0; i < sizeof(without_snippet) / sizeof(without_snippet[0]); i++) {
		if (without_snippet[i] == code)
			return false;
	}
	return true;
}

static bool starts_with(const char *text, const char *start)
{
	return strstr(text, start) == text;
}

/* The text between the fences of the block behind `heading`; NULL when there is none. */
static char *snippet_of(const char *page, const char *heading)
{
	const char *start = strstr(page, heading);
	const char *end;

	start = start ? strstr(start, "```idl\n") : NULL;
	if (!start)
		return NULL;
	start += strlen("```idl\n");
	end = strstr(start, "\n```");
	return end ? strndup(start, (size_t)(end + 1 - start)) : NULL;
}

struct snippet {
	char *text;
	struct idl_memory_file files[MAX_FILES];
	size_t n_files;
};

/* Cuts the text at its file lines, which become the ends of the texts before them. */
static void snippet_cut(struct snippet *snippet, char *text)
{
	static const char mark[] = "// file: ";
	char *at = text;

	snippet->text = text;
	snippet->n_files = 0;
	if (!starts_with(text, mark)) {
		snippet->files[snippet->n_files++] = (struct idl_memory_file){"main.idl", text,
									      strlen(text)};
		return;
	}
	while (at) {
		char *name = at + sizeof(mark) - 1;
		char *body = strchr(name, '\n') + 1;

		assert_true(snippet->n_files < MAX_FILES);
		body[-1] = '\0';
		at = strstr(body, mark);
		snippet->files[snippet->n_files++] = (struct idl_memory_file){
			name, body, at ? (size_t)(at - body) : strlen(body)};
	}
}

static struct idl_program *snippet_compile(const struct snippet *snippet)
{
	const struct idl_options options = {
		.memory_files = snippet->files,
		.n_memory_files = snippet->n_files,
		.memory_only = true,
	};

	return idl_compile(snippet->files[snippet->n_files - 1].path, &options);
}

static void fail_with_output(const struct idl_program *program, const char *what, const char *name)
{
	print_error("docs/errors/%s.md: %s\n", name, what);
	idl_diags_render(&program->diags, stderr);
	fail();
}

/* What a page is about may show only when a released version is held against it. */
static void compare_with_old(enum idl_code code, struct idl_program *program)
{
	const char *name = idl_code_info(code)->name;
	char *text = snippet_of(idl_code_page(code), "\n## Old\n");
	struct idl_program *old;
	struct snippet snippet;

	if (!text)
		return;
	snippet_cut(&snippet, text);
	old = snippet_compile(&snippet);
	if (old->diags.first)
		fail_with_output(old, "the old snippet is not good", name);
	if (program->diags.first)
		fail_with_output(program, "the snippet fails without being compared", name);
	idl_conform(old, program);
	/* Notes point into the old text, which goes. */
	for (struct idl_diag *d = program->diags.first; d; d = d->next)
		d->notes = NULL;
	idl_program_free(old);
	free(text);
}

static void check_snippet(enum idl_code code, const char *heading, bool bad)
{
	const char *name = idl_code_info(code)->name;
	struct idl_program *program;
	struct snippet snippet;
	char *text = snippet_of(idl_code_page(code), heading);

	if (!text) {
		fail_msg("docs/errors/%s.md has no snippet behind '%s'", name, heading);
		return;
	}
	snippet_cut(&snippet, text);
	program = snippet_compile(&snippet);
	compare_with_old(code, program);
	if (bad && (!program->diags.first || program->diags.first->code != code))
		fail_with_output(program, "the bad snippet gives another number first", name);
	if (!bad && program->diags.first)
		fail_with_output(program, "the good snippet is not good", name);
	idl_program_free(program);
	free(text);
}

static void bad_snippets_give_their_number(void **state)
{
	(void)state;
	for (unsigned code = 0; code < IDL_N_CODES; code++) {
		if (has_snippet((enum idl_code)code))
			check_snippet((enum idl_code)code, "\n## Bad\n", true);
	}
}

static void good_snippets_compile(void **state)
{
	(void)state;
	for (unsigned code = 0; code < IDL_N_CODES; code++) {
		if (has_snippet((enum idl_code)code))
			check_snippet((enum idl_code)code, "\n## Good\n", false);
	}
}

static void every_code_has_a_page_with_its_title(void **state)
{
	(void)state;
	for (unsigned code = 0; code < IDL_N_CODES; code++) {
		const struct idl_code_info *info = idl_code_info((enum idl_code)code);
		const char *page = idl_code_page((enum idl_code)code);
		char title[256];

		snprintf(title, sizeof(title), "# %s: %s\n\n", info->name, info->title);
		if (!starts_with(page, title))
			fail_msg("docs/errors/%s.md does not begin with '%s'", info->name, title);
	}
}

static void every_page_has_a_code(void **state)
{
	struct dirent *entry;
	unsigned n = 0;
	DIR *pages = opendir(PAGES_DIR);

	(void)state;
	assert_non_null(pages);
	while ((entry = readdir(pages))) {
		size_t stem = strcspn(entry->d_name, ".");
		char name[sizeof(entry->d_name)];

		if (stem == 0 || strcmp(entry->d_name + stem, ".md") != 0)
			continue;
		memcpy(name, entry->d_name, stem);
		name[stem] = '\0';
		if (idl_code_find(name) == IDL_N_CODES)
			fail_msg("docs/errors/%s has no number in the registry", entry->d_name);
		n++;
	}
	closedir(pages);
	assert_int_not_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_page_with_its_title),
		cmocka_unit_test(every_page_has_a_code),
		cmocka_unit_test(bad_snippets_give_their_number),
		cmocka_unit_test(good_snippets_compile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
