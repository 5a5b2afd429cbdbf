// SPDX-License-Identifier: Apache-2.0
/*
 * The tables of words: what is in them is found, which bisection does only if they are sorted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The tables themselves, to look at every entry. */
#include "idl/c_words.c" /* NOLINT(bugprone-suspicious-include) */

static void assert_ascending(const struct c_word *words, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (strcmp(words[i - 1].name, words[i].name) >= 0)
			fail_msg("'%s' stands before '%s'", words[i - 1].name, words[i].name);
	}
}

static void words_of_c_are_found(void **state)
{
	(void)state;
	assert_ascending(taken, sizeof(taken) / sizeof(taken[0]));
	assert_string_equal(idl_c_word_taken("xor_eq"), "a keyword of C++");
	assert_string_equal(idl_c_word_taken("int"), "a keyword of C");
	assert_string_equal(idl_c_word_taken("nullptr"), "a keyword of C23");
	assert_string_equal(idl_c_word_taken("BUFSIZ"), "a macro of <stdio.h>");
	assert_null(idl_c_word_taken("fd"));
	assert_null(idl_c_word_taken(""));
}

static void names_of_the_system_are_found(void **state)
{
	(void)state;
	assert_ascending(system_names, sizeof(system_names) / sizeof(system_names[0]));
	assert_string_equal(idl_c_word_system("file_handle"), "struct file_handle of <fcntl.h>");
	assert_string_equal(idl_c_word_system("sem_post"), "sem_post() of <semaphore.h>");
	assert_null(idl_c_word_system("file_read"));
}

/* A prefix and a name never make a name without an underscore. */
static void names_of_the_system_can_be_formed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(system_names) / sizeof(system_names[0]); i++)
		assert_non_null(strchr(system_names[i].name, '_'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_c_are_found),
		cmocka_unit_test(names_of_the_system_are_found),
		cmocka_unit_test(names_of_the_system_can_be_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
