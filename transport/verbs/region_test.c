/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/region.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/verbs/verbs.h"

#define N 200u

static struct vb_stats stats;
static struct verbs_domain domain;

static int setup(void **state)
{
	(void)state;
	domain = (struct verbs_domain){.base.stats = &stats};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	verbs_regions_free(&domain);
	return domain.regions ? -1 : 0;
}

/* Whether LENGTH bytes at ADDRESS are seen to lie in a region. */
static bool is_known(const void *address, uint64_t length)
{
	return verbs_regions_have(&domain, address, length);
}

static void regions_are_found_by_any_address(void **state)
{
	struct {
		uint8_t *memory;
		size_t size;
	} regions[N];

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < N; i++) {
		regions[i].size = 1 + (size_t)random() % 20000;
		regions[i].memory = verbs_region_alloc(&domain.base, regions[i].size);
		assert_non_null(regions[i].memory);
		assert_int_equal((uintptr_t)regions[i].memory % 4096, 0);
		memset(regions[i].memory, (int)i, regions[i].size);
	}
	for (unsigned i = 0; i < N; i++) {
		uint8_t *memory = regions[i].memory;
		size_t size = regions[i].size;

		assert_int_equal(memory[size - 1], (uint8_t)i);
		assert_true(is_known(memory, size));
		assert_true(is_known(memory + size / 2, size - size / 2));
		assert_true(is_known(memory + size - 1, 1));
		assert_false(is_known(memory, size + 1));
		assert_false(is_known(memory + size - 1, 2));
		assert_false(is_known(memory, UINT64_MAX));
	}
	/* In an order of its own; who is left is still found. */
	for (unsigned i = 0; i < N; i += 2) {
		verbs_region_free(&domain.base, regions[i].memory, regions[i].size);
		assert_false(is_known(regions[i].memory, 1));
	}
	for (unsigned i = 1; i < N; i += 2)
		assert_true(is_known(regions[i].memory, regions[i].size));
}

static void other_memory_is_in_none(void **state)
{
	uint32_t key = 7;
	int here = 0;

	(void)state;
	assert_false(is_known(&here, 1));
	assert_int_equal(verbs_region_key(&domain, NULL, &here, 1, &key), -EFAULT);
	assert_int_equal(key, 7);
	verbs_region_free(&domain.base, &here, 1);
	assert_non_null(verbs_region_alloc(&domain.base, 4096));
	assert_false(is_known(&here, 1));
	assert_false(is_known((void *)(uintptr_t)8, 1));
	assert_false(is_known((void *)(uintptr_t)(UINTPTR_MAX - 8), 1));
}

static void too_much_is_refused(void **state)
{
	(void)state;
	assert_null(verbs_region_alloc(&domain.base, SIZE_MAX / 2));
	assert_null(verbs_region_alloc(&domain.base, SIZE_MAX));
	assert_null(verbs_region_alloc(&domain.base, 0));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(regions_are_found_by_any_address),
		TEST(other_memory_is_in_none),
		TEST(too_much_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
