// SPDX-License-Identifier: Apache-2.0
/* Literals of every scalar at its ends, and names that files give rise to. */
#include "codegen/c_types.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct gen_emit e;

static int set_up(void **state)
{
	(void)state;
	gen_emit_init(&e);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	gen_emit_release(&e);
	return 0;
}

static const char *integer(enum idl_scalar scalar, bool is_negative, uint64_t bits)
{
	const struct idl_value value = {
		.kind = IDL_VALUE_INT, .is_negative = is_negative, .bits = bits};

	return gen_c_value(&e, scalar, &value);
}

static const char *number(enum idl_scalar scalar, double is)
{
	const struct idl_value value = {.kind = IDL_VALUE_FLOAT, .number = is};

	return gen_c_value(&e, scalar, &value);
}

static void integers_have_their_own_macro(void **state)
{
	(void)state;
	assert_string_equal(integer(IDL_UINT32, false, 7), "UINT32_C(7)");
	assert_string_equal(integer(IDL_UINT64, false, UINT64_MAX),
			    "UINT64_C(18446744073709551615)");
	assert_string_equal(integer(IDL_INT16, true, (uint64_t)-5), "(-INT16_C(5))");
}

static void the_lowest_integers_are_not_negated(void **state)
{
	(void)state;
	assert_string_equal(integer(IDL_INT8, true, (uint64_t)INT8_MIN), "(-INT8_C(127) - 1)");
	assert_string_equal(integer(IDL_INT32, true, (uint64_t)INT32_MIN),
			    "(-INT32_C(2147483647) - 1)");
	assert_string_equal(integer(IDL_INT64, true, (uint64_t)INT64_MIN),
			    "(-INT64_C(9223372036854775807) - 1)");
}

static void bools_are_words(void **state)
{
	const struct idl_value yes = {.kind = IDL_VALUE_BOOL, .bits = 1};
	const struct idl_value no = {.kind = IDL_VALUE_BOOL};

	(void)state;
	assert_string_equal(gen_c_value(&e, IDL_BOOL, &yes), "true");
	assert_string_equal(gen_c_value(&e, IDL_BOOL, &no), "false");
}

static void floats_look_like_floats(void **state)
{
	(void)state;
	assert_string_equal(number(IDL_FLOAT64, 2), "2.0");
	assert_string_equal(number(IDL_FLOAT32, -1.5), "(-1.5f)");
	assert_string_equal(integer(IDL_FLOAT64, true, (uint64_t)-3), "(-3.0)");
}

static void floats_come_back_as_the_same_bits(void **state)
{
	static const double values[] = {0.1, 1.0 / 3, DBL_MAX, DBL_MIN, 1e300, 123456789.123456789};
	static const float singles[] = {0.1f, 1.0f / 3, FLT_MAX, FLT_MIN, 16777217.0f};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const double back = strtod(number(IDL_FLOAT64, values[i]), NULL);

		assert_memory_equal(&back, &values[i], sizeof(back));
	}
	for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
		const float back = strtof(number(IDL_FLOAT32, (double)singles[i]), NULL);

		assert_memory_equal(&back, &singles[i], sizeof(back));
	}
}

static void paths_become_guards_and_names(void **state)
{
	(void)state;
	assert_string_equal(gen_guard(&e, "d/some-file.2"), "VB_HEADER_D_SOME_FILE_2");
	assert_string_equal(gen_base_name("d/e/file"), "file");
	assert_string_equal(gen_base_name("file"), "file");
	assert_string_equal(gen_upper(&e, "file_read2"), "FILE_READ2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_have_their_own_macro),
		cmocka_unit_test(the_lowest_integers_are_not_negated),
		cmocka_unit_test(bools_are_words),
		cmocka_unit_test(floats_look_like_floats),
		cmocka_unit_test(floats_come_back_as_the_same_bits),
		cmocka_unit_test(paths_become_guards_and_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
