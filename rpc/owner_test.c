/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rpc/owner.h"

static void a_token_stays(void **state)
{
	uint64_t token = vbi_owner_take();

	(void)state;
	assert_int_not_equal(token, 0);
	assert_int_equal(vbi_owner_take(), token);
	assert_true(vbi_owner_is(token));
}

static void *take_in_thread(void *argument)
{
	uint64_t *token = argument;

	if (vbi_owner_is(*token))
		return argument;
	*token = vbi_owner_take();
	return NULL;
}

static void another_thread_has_another(void **state)
{
	uint64_t mine = vbi_owner_take();
	uint64_t token = mine;
	pthread_t thread;
	void *failed;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, take_in_thread, &token), 0);
	pthread_join(thread, &failed);
	assert_null(failed);
	assert_int_not_equal(token, mine);
	assert_true(vbi_owner_is(mine));
}

static void a_forked_child_owns_nothing(void **state)
{
	uint64_t token = vbi_owner_take();
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(vbi_owner_is(token) ? 1 : 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(vbi_owner_is(token));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_stays),
		cmocka_unit_test(another_thread_has_another),
		cmocka_unit_test(a_forked_child_owns_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
