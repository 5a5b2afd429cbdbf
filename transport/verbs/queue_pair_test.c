/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a device that could not do something. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/memlock.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"

#define NOBODY 65534

/* Only what the sentence takes from them. */
static struct ibv_device device = {.name = "some0"};
static struct ibv_context context = {.device = &device};
static struct rdma_cm_id id = {.verbs = &context};

static const char *explain_as(int error, int errnum)
{
	static struct vbi_cause cause;
	struct verbs_endpoint *endpoint = calloc(1, sizeof(*endpoint));

	assert_non_null(endpoint);
	endpoint->cm = &id;
	snprintf(endpoint->base.peer, sizeof(endpoint->base.peer), "10.0.0.9:7");
	assert_int_equal(verbs_explain_resources(endpoint, error, "make queues", &cause), -errnum);
	assert_int_equal(cause.errnum, errnum);
	assert_non_null(strstr(cause.sentence, "some0"));
	assert_non_null(strstr(cause.sentence, "10.0.0.9:7"));
	free(endpoint);
	return cause.sentence;
}

static const char *explain(int error)
{
	return explain_as(error, -error);
}

static void limit_memlock(rlim_t most)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	limit.rlim_cur = most;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

static bool blames_limit(void)
{
	const char *sentence = explain(-ENOMEM);

	/* One or the other, and the limit with its value. */
	if (strstr(sentence, "raise"))
		assert_non_null(strstr(sentence, "ulimit -l) it is limited to 48 KiB"));
	else
		assert_non_null(strstr(sentence, "the device, or the host"));
	return strstr(sentence, "raise");
}

static void memory_of_a_limited_process(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	limit_memlock(48 << 10);
	/* Root may be exempt; nobody is not. */
	assert_int_equal(blames_limit(), !vbi_memlock_is_exempt(""));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(getuid() == 0 && setuid(NOBODY) < 0 ? 2 : !blames_limit());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void other_errors(void **state)
{
	(void)state;
	assert_non_null(strstr(explain(-EMFILE), "ulimit -n"));
	assert_null(strstr(explain(-ENOSPC), "ulimit"));
}

/* What vb_connect() says of an address that does not parse must not be said of a device. */
static void invalid_to_the_device(void **state)
{
	(void)state;
	assert_non_null(strstr(explain_as(-EINVAL, EIO), "nvalid argument"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_of_a_limited_process),
		cmocka_unit_test(other_errors),
		cmocka_unit_test(invalid_to_the_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
