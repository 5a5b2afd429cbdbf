// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "idl/errno_names.h"
#include "idl/limits.h"

static void errno_names_are_in_order(void **state)
{
	size_t n;
	const struct idl_errno_name *names = idl_errno_names(&n);

	(void)state;
	assert_true(n > 100 && n <= IDL_MAX_ERRORS);
	for (size_t i = 1; i < n; i++) {
		if (names[i].same)
			assert_int_equal(names[i].number, idl_errno_find(names[i].same)->number);
		else
			assert_true(names[i - 1].number < names[i].number);
	}
}

static void errno_names_are_found(void **state)
{
	(void)state;
	assert_int_equal(idl_errno_find("EPERM")->number, 1);
	assert_int_equal(idl_errno_find("EHWPOISON")->number, 133);
	assert_string_equal(idl_errno_find("EWOULDBLOCK")->same, "EAGAIN");
	assert_null(idl_errno_find("EAGAIN")->same);
	assert_null(idl_errno_find("EACCESS"));
	assert_null(idl_errno_find("ENOEN"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errno_names_are_in_order),
		cmocka_unit_test(errno_names_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
