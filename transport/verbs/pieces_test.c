/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/pieces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define GIB (1ull << 30)

/* The pieces of LENGTH follow each other, none is empty, and together they are it. */
static void check(uint64_t length)
{
	uint64_t size = verbs_piece_size(length);
	uint32_t n = verbs_piece_count(length);
	uint64_t sum = 0;

	assert_true(n >= 1 && n <= VBI_RECORDS_MAX);
	assert_true(size % VERBS_PAGE == 0 && size >= VERBS_PIECE_MAX);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t piece = verbs_piece_length(length, i);

		assert_true(sum == i * size);
		assert_true(piece >= 1 && piece <= size);
		sum += piece;
	}
	assert_true(sum == length);
}

static void pieces_add_up(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift <= 47; shift++) {
		check(1ull << shift);
		if (shift)
			check((1ull << shift) - 1);
		if (shift < 47)
			check((1ull << shift) + 1);
	}
	check(3 * GIB + 12345);
}

static void small_ranges_are_one_piece(void **state)
{
	(void)state;
	assert_int_equal(verbs_piece_count(1), 1);
	assert_int_equal(verbs_piece_count(VERBS_PIECE_MAX), 1);
	assert_int_equal(verbs_piece_count(VERBS_PIECE_MAX + 1), 2);
	assert_true(verbs_piece_length(VERBS_PIECE_MAX + 1, 1) == 1);
}

/* Up to 1 GiB, the largest buffer, pieces have one size; above it they grow. */
static void large_ranges_have_larger_pieces(void **state)
{
	(void)state;
	assert_int_equal(verbs_piece_count(GIB), VBI_RECORDS_MAX);
	assert_true(verbs_piece_size(GIB) == VERBS_PIECE_MAX);
	assert_true(verbs_piece_size(GIB + 1) == VERBS_PIECE_MAX + VERBS_PAGE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_add_up),
		cmocka_unit_test(small_ranges_are_one_piece),
		cmocka_unit_test(large_ranges_have_larger_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
