/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/comparison.h"

#define ROUNDS 3u

static const struct subject subjects[] = {{.name = "one"}, {.name = "floor"}, {.name = "two"}};
static const struct group groups[] = {{
	.name = "group",
	.title = "a group whose floor is not its first",
	.subjects = subjects,
	.n_subjects = 3,
	.floor = 1,
}};
static const struct suite suite = {.name = "suite", .rdma = true, .groups = groups, .n_groups = 1};

static struct comparison *comparison;

static void put(unsigned subject, unsigned round, double p50, double mean)
{
	struct run *run = &comparison->cells[0][subject].runs[round];

	run_init(run, subjects[subject].name, 32, 32);
	run->ns[RUN_P50] = p50;
	run->ns[RUN_MEAN] = mean;
	comparison->cells[0][subject].ran[round] = true;
}

static int fill(void **state)
{
	(void)state;
	comparison = comparison_new(&suite, ROUNDS);
	if (!comparison)
		return -1;
	for (unsigned round = 0; round < ROUNDS; round++) {
		double slower = 1 << round;

		put(0, round, 30 * slower, 80 * slower);
		put(1, round, 20 * slower, 40 * slower);
	}
	return 0;
}

static int drop(void **state)
{
	(void)state;
	comparison_free(comparison);
	return 0;
}

/* Each quantity to the same quantity of the group's floor, of the same round. */
static void ratios_are_of_one_quantity(void **state)
{
	(void)state;
	assert_true(comparison_ratio(comparison, 0, 0, RUN_P50) == 1.5);
	assert_true(comparison_ratio(comparison, 0, 0, RUN_MEAN) == 2);
	assert_true(comparison_ratio(comparison, 0, 1, RUN_P50) == 1);
}

static void what_did_not_run_has_no_ratio(void **state)
{
	(void)state;
	assert_true(isnan(comparison_ratio(comparison, 0, 2, RUN_P50)));
	comparison->cells[0][1].ran[0] = comparison->cells[0][1].ran[1] = false;
	put(0, 0, 1000, 1000);
	assert_true(comparison_ratio(comparison, 0, 0, RUN_P50) == 1.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ratios_are_of_one_quantity),
		cmocka_unit_test(what_did_not_run_has_no_ratio),
	};

	return cmocka_run_group_tests(tests, fill, drop);
}
