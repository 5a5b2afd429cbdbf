/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/address.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct shm_address address;
static struct vbi_cause cause;

static int setup(void **state)
{
	(void)state;
	memset(&address, 0, sizeof(address));
	memset(&cause, 0, sizeof(cause));
	unsetenv("XDG_RUNTIME_DIR");
	return 0;
}

static void name_in_the_system(void **state)
{
	(void)state;
	assert_int_equal(shm_address_parse("file", &address, &cause), 0);
	assert_int_equal(address.n_paths, 1);
	assert_string_equal(address.paths[0].sun_path, "/run/verbena/file.sock");
	assert_string_equal(address.directory, "/run/verbena");
}

static void name_of_a_user(void **state)
{
	(void)state;
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	assert_int_equal(shm_address_parse("a-B_1.2", &address, &cause), 0);
	assert_int_equal(address.n_paths, 2);
	assert_string_equal(address.paths[0].sun_path, "/run/user/7/verbena/a-B_1.2.sock");
	assert_string_equal(address.paths[1].sun_path, "/run/verbena/a-B_1.2.sock");
	assert_string_equal(address.directory, "/run/user/7/verbena");
}

static void relative_directories_are_ignored(void **state)
{
	(void)state;
	setenv("XDG_RUNTIME_DIR", "here", 1);
	assert_int_equal(shm_address_parse("file", &address, &cause), 0);
	assert_int_equal(address.n_paths, 1);
	setenv("XDG_RUNTIME_DIR", "", 1);
	assert_int_equal(shm_address_parse("file", &address, &cause), 0);
	assert_string_equal(address.paths[0].sun_path, "/run/verbena/file.sock");
}

static void absolute_path(void **state)
{
	(void)state;
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	assert_int_equal(shm_address_parse("/tmp/a b/c", &address, &cause), 0);
	assert_int_equal(address.n_paths, 1);
	assert_string_equal(address.paths[0].sun_path, "/tmp/a b/c");
	assert_string_equal(address.directory, "");
}

static void what_is_not_an_address(void **state)
{
	static const char *const bad[] = {"",	 ".",	"..",	    ".a", "a/b", "a b",
					  "a\n", "a:b", "\xc3\xa4", "a?", "../a"};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&cause, 0, sizeof(cause));
		assert_int_equal(shm_address_parse(bad[i], &address, &cause), -EINVAL);
		assert_int_equal(cause.errnum, EINVAL);
		assert_non_null(strstr(cause.sentence, bad[i]));
	}
}

static void paths_that_are_too_long(void **state)
{
	char path[200] = "/";

	(void)state;
	memset(path + 1, 'a', 107);
	assert_int_equal(shm_address_parse(path, &address, &cause), -ENAMETOOLONG);
	path[107] = '\0';
	assert_int_equal(shm_address_parse(path, &address, &cause), 0);
	assert_int_equal(strlen(address.paths[0].sun_path), 107);
	assert_int_equal(shm_address_parse(path + 1, &address, &cause), -ENAMETOOLONG);
	assert_int_equal(cause.errnum, ENAMETOOLONG);
	setenv("XDG_RUNTIME_DIR", path, 1);
	assert_int_equal(shm_address_parse("a", &address, &cause), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(name_in_the_system, setup),
		cmocka_unit_test_setup(name_of_a_user, setup),
		cmocka_unit_test_setup(relative_directories_are_ignored, setup),
		cmocka_unit_test_setup(absolute_path, setup),
		cmocka_unit_test_setup(what_is_not_an_address, setup),
		cmocka_unit_test_setup(paths_that_are_too_long, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
