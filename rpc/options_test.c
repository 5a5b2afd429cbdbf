/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/options.h"

static struct vb_error error;

static int forget_error(void **state)
{
	(void)state;
	memset(&error, 0, sizeof(error));
	return 0;
}

static void null_means_defaults(void **state)
{
	struct vb_options options;

	(void)state;
	assert_int_equal(vbi_options_conn(NULL, &options, &error), 0);
	assert_int_equal(options.message_max, 8192);
	assert_int_equal(options.inflight, 64);
	assert_int_equal(options.grace_ns, 10000000);
	assert_int_equal(options.wait, VB_WAIT_ADAPTIVE);
	assert_int_equal(options.connect_timeout_ns, 10000000000);
}

static void names_the_option_that_is_out_of_range(void **state)
{
	struct vb_options given = VB_OPTIONS_INIT;
	struct vb_options options;

	(void)state;
	given.inflight = 1025;
	assert_int_equal(vbi_options_conn(&given, &options, &error), -EINVAL);
	assert_int_equal(error.errnum, EINVAL);
	assert_non_null(strstr(error.sentence, "inflight is 1025"));
	assert_non_null(strstr(error.sentence, "1 to 1024"));
}

static void a_struct_without_its_size_is_refused(void **state)
{
	struct vb_server_options given = {0};
	struct vb_server_options options;

	(void)state;
	assert_int_equal(vbi_options_server(&given, &options, &error), -EINVAL);
	assert_non_null(strstr(error.sentence, "VB_SERVER_OPTIONS_INIT"));
}

static void an_older_callers_shorter_struct_is_taken(void **state)
{
	struct vb_options given = VB_OPTIONS_INIT;
	struct vb_options options;

	(void)state;
	given.size = offsetof(struct vb_options, grace_ns);
	given.grace_ns = 1; /* beyond its size: not its member */
	assert_int_equal(vbi_options_conn(&given, &options, &error), 0);
	assert_int_equal(options.grace_ns, 10000000);
}

static int refuse_all(const struct vb_client *client, void *data)
{
	(void)client;
	(void)data;
	return -1;
}

static void an_older_callers_server_lets_all_in(void **state)
{
	struct vb_server_options given = VB_SERVER_OPTIONS_INIT;
	struct vb_server_options options;

	(void)state;
	given.on_accept = refuse_all;
	given.on_accept_data = &given;
	assert_int_equal(vbi_options_server(&given, &options, &error), 0);
	assert_true(options.on_accept == refuse_all);
	assert_ptr_equal(options.on_accept_data, &given);
	given.size = offsetof(struct vb_server_options, on_accept);
	assert_int_equal(vbi_options_server(&given, &options, &error), 0);
	assert_true(options.on_accept == NULL);
}

static void a_newer_callers_unknown_member_is_refused(void **state)
{
	struct {
		struct vb_options known;
		uint64_t unknown;
	} given = {.known = VB_OPTIONS_INIT};
	struct vb_options options;

	(void)state;
	given.known.size = sizeof(given);
	assert_int_equal(vbi_options_conn(&given.known, &options, &error), 0);
	given.unknown = 1;
	assert_int_equal(vbi_options_conn(&given.known, &options, &error), -EINVAL);
}

static void stats_are_copied_up_to_the_callers_size(void **state)
{
	struct vb_stats from = {.size = sizeof(from), .calls = 7, .allocations = 9};
	struct vb_stats to = VB_STATS_INIT;

	(void)state;
	assert_int_equal(vbi_options_copy_stats(&from, &to), 0);
	assert_int_equal(to.calls, 7);
	assert_int_equal(to.allocations, 9);
	to.size = sizeof(to) + 8;
	assert_int_equal(vbi_options_copy_stats(&from, &to), -1);
	assert_int_equal(errno, EINVAL);
}

static void explains_addresses(void **state)
{
	char sentence[384];

	(void)state;
	vbi_options_explain_address(NULL, sentence, sizeof(sentence));
	assert_non_null(strstr(sentence, "NULL"));
	vbi_options_explain_address("file", sentence, sizeof(sentence));
	assert_non_null(strstr(sentence, "'file'"));
	assert_non_null(strstr(sentence, "scheme"));
	vbi_options_explain_address("ftp://x", sentence, sizeof(sentence));
	assert_non_null(strstr(sentence, "'ftp://x'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(null_means_defaults, forget_error),
		cmocka_unit_test_setup(names_the_option_that_is_out_of_range, forget_error),
		cmocka_unit_test_setup(a_struct_without_its_size_is_refused, forget_error),
		cmocka_unit_test_setup(an_older_callers_shorter_struct_is_taken, forget_error),
		cmocka_unit_test_setup(an_older_callers_server_lets_all_in, forget_error),
		cmocka_unit_test_setup(a_newer_callers_unknown_member_is_refused, forget_error),
		cmocka_unit_test(stats_are_copied_up_to_the_callers_size),
		cmocka_unit_test(explains_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
