/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/memlock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

/* Who is exempt is looked at in survey_test.c. */
static void the_limit_counts_unless_exempt(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	limit.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	assert_true(vbi_memlock_max() == (vbi_memlock_is_exempt("") ? UINT64_MAX : 4096));
	assert_false(vbi_memlock_is_exempt("/nosuchroot"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_counts_unless_exempt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
