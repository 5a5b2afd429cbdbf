/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/count/differences.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HEAD                                                           \
	"% time     seconds  usecs/call     calls    errors syscall\n" \
	"------ ----------- ----------- --------- --------- ----------------\n"

static void totals_with_and_without_errors(void **state)
{
	(void)state;
	assert_int_equal(strace_total(HEAD
				      " 60.00    0.000123           1        50           read\n"
				      "------ ----------- ----------- --------- ---------\n"
				      "100.00    0.000123           1        52           total\n"),
			 52);
	assert_int_equal(strace_total(HEAD
				      "100.00    0.000123           1      1052         2 total\n"),
			 1052);
	/* The last line may lack its end. */
	assert_int_equal(
		strace_total(HEAD "100.00    0.000000           0         7           total"), 7);
}

static void nothing_was_called(void **state)
{
	(void)state;
	assert_int_equal(strace_total(""), 0);
	assert_int_equal(strace_total(HEAD), 0);
}

static void other_text_is_refused(void **state)
{
	(void)state;
	assert_int_equal(strace_total("strace: ptrace: Operation not permitted\n"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(totals_with_and_without_errors),
		cmocka_unit_test(nothing_was_called),
		cmocka_unit_test(other_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
