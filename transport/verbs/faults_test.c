/* SPDX-License-Identifier: Apache-2.0 */
/* What is a plan, and what its items do. */
#include "transport/verbs/faults.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_what_is_a_plan(void **state)
{
	static const char *const plans[] = {
		"",
		"post_send:3",
		"post_send:3+,reg_mr:1",
		"reg_mr:2:EAGAIN",
		"reg_mr:2+:5",
		"poll_cq:1",
		"flush:2",
		"event_rejected:1+",
		"seed=7,rate=60,delay=12,count",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
		if (verbs_faults_plan(plans[i]) < 0)
			fail_msg("'%s' is no plan", plans[i]);
}

static void test_what_is_none(void **state)
{
	static const char *const slips[] = {
		"post_send",
		"post_send:0",
		"post_sent:1",
		"post_send:1:ENOTHING",
		"post_send:1:0",
		"rate=often",
		/* They have no errno that anybody hears. */
		"poll_cq:1:ENOMEM",
		"flush:1:EIO",
		"event_rejected:1:EIO",
		"event_timewait_exit:1+:5",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++)
		if (verbs_faults_plan(slips[i]) != -EINVAL)
			fail_msg("'%s' is a plan", slips[i]);
}

static void test_nth_call(void **state)
{
	(void)state;
	assert_int_equal(verbs_faults_plan("reg_mr:2:EAGAIN,alloc_pd:1+"), 0);
	assert_false(verbs_fault(VERBS_FAULT_REG_MR));
	assert_true(verbs_fault(VERBS_FAULT_REG_MR));
	assert_int_equal(verbs_fault_errno(VERBS_FAULT_REG_MR), EAGAIN);
	assert_false(verbs_fault(VERBS_FAULT_REG_MR));
	for (unsigned i = 0; i < 3; i++) {
		assert_true(verbs_fault(VERBS_FAULT_ALLOC_PD));
		assert_int_equal(verbs_fault_errno(VERBS_FAULT_ALLOC_PD),
				 verbs_fault_default(VERBS_FAULT_ALLOC_PD));
	}
	assert_int_equal(verbs_faults_calls(VERBS_FAULT_REG_MR), 3);
	assert_int_equal(verbs_faults_fired(VERBS_FAULT_REG_MR), 1);
	verbs_faults_plan(NULL);
	assert_false(verbs_fault(VERBS_FAULT_ALLOC_PD));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_a_plan),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_nth_call),
	};

	return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
