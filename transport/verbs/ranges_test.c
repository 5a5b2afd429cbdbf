/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/ranges.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Addresses are numbers here: nothing is read or written. */
static uint8_t *at(uintptr_t address)
{
	return (uint8_t *)address;
}

static struct verbs_ranges ranges;

static int setup(void **state)
{
	(void)state;
	ranges = (struct verbs_ranges){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	verbs_ranges_fini(&ranges);
	return ranges.n != 0;
}

/* The number of the range that holds it; -1: none. */
static int holder(uintptr_t address, uint64_t size)
{
	struct verbs_range *range = verbs_ranges_find(&ranges, at(address), size);

	return range ? (int)(uintptr_t)range->object : -1;
}

static void nothing_is_in_none(void **state)
{
	(void)state;
	assert_int_equal(holder(0x1000, 1), -1);
	assert_null(verbs_ranges_touched(&ranges, at(0x1000), UINT64_MAX));
	assert_null(verbs_ranges_at(&ranges, at(0x1000)));
}

static void any_address_finds_its_range(void **state)
{
	(void)state;
	assert_int_equal(verbs_ranges_add(&ranges, at(0x5000), 0x1000, (void *)2), 0);
	assert_int_equal(verbs_ranges_add(&ranges, at(0x1000), 0x2000, (void *)1), 0);
	assert_int_equal(verbs_ranges_add(&ranges, at(0x6000), 1, (void *)3), 0);
	assert_int_equal(holder(0x1000, 0x2000), 1);
	assert_int_equal(holder(0x2fff, 1), 1);
	assert_int_equal(holder(0x2fff, 2), -1);
	assert_int_equal(holder(0x1001, 0x2000), -1);
	assert_int_equal(holder(0x1001, UINT64_MAX), -1);
	assert_int_equal(holder(0x3000, 1), -1);
	assert_int_equal(holder(0xfff, 2), -1);
	assert_int_equal(holder(0x5fff, 1), 2);
	assert_int_equal(holder(0x5fff, 2), -1);
	assert_int_equal(holder(0x6000, 1), 3);
	assert_int_equal(holder(UINTPTR_MAX, 1), -1);
	assert_non_null(verbs_ranges_at(&ranges, at(0x5000)));
	assert_null(verbs_ranges_at(&ranges, at(0x5001)));
}

static void ranges_do_not_overlap(void **state)
{
	(void)state;
	assert_int_equal(verbs_ranges_add(&ranges, at(0x2000), 0x1000, NULL), 0);
	assert_int_equal(verbs_ranges_add(&ranges, at(0x2000), 0x1000, NULL), -EEXIST);
	assert_int_equal(verbs_ranges_add(&ranges, at(0x2fff), 1, NULL), -EEXIST);
	assert_int_equal(verbs_ranges_add(&ranges, at(0x1000), 0x1001, NULL), -EEXIST);
	assert_int_equal(verbs_ranges_add(&ranges, at(0x1000), 0x9000, NULL), -EEXIST);
	assert_int_equal(verbs_ranges_add(&ranges, at(0x1000), 0x1000, NULL), 0);
	assert_int_equal(verbs_ranges_add(&ranges, at(0x3000), 0x1000, NULL), 0);
	assert_int_equal(ranges.n, 3);
	assert_ptr_equal(verbs_ranges_touched(&ranges, at(0), 0x1001)->memory, at(0x1000));
	assert_null(verbs_ranges_touched(&ranges, at(0), 0x1000));
	assert_null(verbs_ranges_touched(&ranges, at(0x4000), UINT64_MAX));
}

#define N 300u

/* In any order in, in any order out. */
static void many_come_and_go(void **state)
{
	unsigned order[N] = {0};

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < N; i++) {
		unsigned j = (unsigned)random() % (i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(verbs_ranges_add(&ranges, at(0x10000u * (order[i] + 1)),
						  1 + order[i] * 3, (void *)(uintptr_t)order[i]),
				 0);
	for (unsigned i = 0; i < N; i++) {
		unsigned gone = order[N - 1 - i];

		for (unsigned k = 0; k < N; k += 7)
			assert_true(holder(0x10000u * (order[k] + 1) + order[k] * 3, 1) ==
				    (k < N - i ? (int)order[k] : -1));
		verbs_ranges_remove(&ranges, verbs_ranges_at(&ranges, at(0x10000u * (gone + 1))));
	}
	assert_int_equal(ranges.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(nothing_is_in_none),
		TEST(any_address_finds_its_range),
		TEST(ranges_do_not_overlap),
		TEST(many_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
