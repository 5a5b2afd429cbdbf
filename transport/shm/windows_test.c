/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/windows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BLOCKS 4000u

static struct shm_windows windows;
static bool used[SHM_WINDOWS_BLOCKS];

static int setup(void **state)
{
	(void)state;
	shm_windows_init(&windows);
	memset(used, 0, sizeof(used));
	return 0;
}

/* Marks a block's smallest parts; no part has two owners. */
static void own(uint32_t offset, unsigned shift, bool owner)
{
	uint32_t first = offset >> SHM_WINDOW_SHIFT_MIN;
	uint32_t n = 1u << (shift - SHM_WINDOW_SHIFT_MIN);

	assert_int_equal(offset % (1u << shift), 0);
	assert_true(first + n <= SHM_WINDOWS_BLOCKS);
	for (uint32_t i = first; i < first + n; i++) {
		assert_int_equal(used[i], !owner);
		used[i] = owner;
	}
}

static void last_out_is_first_in(void **state)
{
	uint32_t offset = shm_windows_get(&windows, 16);

	(void)state;
	shm_windows_put(&windows, offset, 16);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(shm_windows_get(&windows, 16), offset);
		shm_windows_put(&windows, offset, 16);
	}
}

static void all_of_it_and_no_more(void **state)
{
	(void)state;
	for (unsigned shift = SHM_WINDOW_SHIFT_MIN; shift <= SHM_WINDOW_SHIFT_MAX + 1; shift++) {
		uint32_t n = SHM_WINDOWS_SIZE >> shift;

		for (uint32_t i = 0; i < n; i++)
			own(shm_windows_get(&windows, shift), shift, true);
		assert_int_equal(windows.n_free_bytes, 0);
		assert_int_equal(shm_windows_get(&windows, SHM_WINDOW_SHIFT_MIN), UINT32_MAX);
		for (uint32_t i = 0; i < n; i++) {
			own(i << shift, shift, false);
			shm_windows_put(&windows, i << shift, shift);
		}
		assert_int_equal(windows.n_free_bytes, SHM_WINDOWS_SIZE);
	}
}

static void random_sizes(void **state)
{
	static struct {
		uint32_t offset;
		unsigned shift;
	} blocks[BLOCKS];
	uint32_t n = 0;

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < 200000; i++) {
		uint32_t one = n ? (uint32_t)random() % n : 0;

		if (random() % 2 && n < BLOCKS) {
			unsigned shift = SHM_WINDOW_SHIFT_MIN + (unsigned)random() % 9;
			uint32_t offset = shm_windows_get(&windows, shift);

			if (offset == UINT32_MAX)
				continue;
			own(offset, shift, true);
			blocks[n].offset = offset;
			blocks[n++].shift = shift;
		} else if (n) {
			own(blocks[one].offset, blocks[one].shift, false);
			shm_windows_put(&windows, blocks[one].offset, blocks[one].shift);
			blocks[one] = blocks[--n];
		}
	}
	while (n--)
		shm_windows_put(&windows, blocks[n].offset, blocks[n].shift);
	assert_int_equal(windows.n_free_bytes, SHM_WINDOWS_SIZE);
	for (unsigned i = 0; i < SHM_WINDOWS_SIZE >> (SHM_WINDOW_SHIFT_MAX + 1); i++)
		assert_true(shm_windows_get(&windows, SHM_WINDOW_SHIFT_MAX + 1) != UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(last_out_is_first_in, setup),
		cmocka_unit_test_setup(all_of_it_and_no_more, setup),
		cmocka_unit_test_setup(random_sizes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
