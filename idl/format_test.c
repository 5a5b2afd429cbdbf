// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "idl/test_program.h"

/* That `text` is laid out as `canonical`, and that again as itself. */
static void expect_format(const char *text, const char *canonical)
{
	struct idl_program *program = test_parse_good(text);
	size_t size;

	assert_string_equal(idl_format(program, &size), canonical);
	assert_int_equal(size, strlen(canonical));
	idl_program_free(program);
	program = test_parse_good(canonical);
	assert_string_equal(idl_format(program, &size), canonical);
	idl_program_free(program);
}

static void blanks_and_lines(void **state)
{
	(void)state;
	expect_format("package  a . b prefix x ;const uint32 A=1+2*( 3|~ 4 )-  -5<<B ;",
		      "package a.b prefix x;\n"
		      "const uint32 A = 1 + 2 * (3 | ~4) - -5 << B;\n");
}

static void an_interface(void **state)
{
	(void)state;
	expect_format(
		"package p;\ninterface f@0x1 version 1 . 1{\ndeadline 5ms;\n"
		"void a ( in bytes b [ n:return ] direct ,out e x,inout sequence < uint8 , 4 >"
		" s)=1 idempotent ,errors ( EIO,EBADF ) ;reserved 3 to 5,7;}\n;\n",
		"package p;\n"
		"interface f @0x1 version 1.1 {\n"
		"    deadline 5ms;\n"
		"    void a(in bytes b[n : return] direct, out e x, inout sequence<uint8, 4> s)"
		" = 1 idempotent,\n"
		"            errors(EIO, EBADF);\n"
		"    reserved 3 to 5, 7;\n"
		"};\n");
}

static void a_block_on_one_line_stays_there_if_it_fits(void **state)
{
	(void)state;
	expect_format("package p;\nstruct a {uint32 x;uint8 y[4];};\nenum e:uint8{A=0,B=1};\n",
		      "package p;\n"
		      "struct a { uint32 x; uint8 y[4]; };\n"
		      "enum e : uint8 { A = 0, B = 1 };\n");
	expect_format("package p;\n"
		      "struct a { uint32 a_rather_long_name; uint32 another_name_that_is_long;"
		      " uint32 and_yet_another_one_here; };\n",
		      "package p;\n"
		      "struct a {\n"
		      "    uint32 a_rather_long_name;\n"
		      "    uint32 another_name_that_is_long;\n"
		      "    uint32 and_yet_another_one_here;\n"
		      "};\n");
}

static void an_enum_has_a_value_a_line(void **state)
{
	(void)state;
	expect_format("package p;\nclosed enum e : uint8 {\nA = 0, B = 1 deprecated,"
		      " reserved 2, 4 to 6, C = 7\n};\n",
		      "package p;\n"
		      "closed enum e : uint8 {\n"
		      "    A = 0,\n"
		      "    B = 1 deprecated,\n"
		      "    reserved 2, 4 to 6,\n"
		      "    C = 7\n"
		      "};\n");
}

static void comments_keep_their_place(void **state)
{
	(void)state;
	expect_format(
		"// first\r\n/* second\r\n   line */\r\npackage p; // behind   \r\n\r\n\r\n\r\n"
		"/// doc\r\nenum e : uint8 { // open\r\n  A = 0, // zero\r\n  /* own */\r\n"
		"\tB = 1 // one\r\n  // last\r\n\r\n};\r\n// end",
		"// first\n"
		"/* second\n"
		"   line */\n"
		"package p; // behind\n"
		"\n"
		"/// doc\n"
		"enum e : uint8 { // open\n"
		"    A = 0, // zero\n"
		"    /* own */\n"
		"    B = 1 // one\n"
		"    // last\n"
		"};\n"
		"// end\n");
}

static void comments_inside_a_statement(void **state)
{
	(void)state;
	expect_format(TEST_INTERFACE("void a(in int32 x, // the first\n"
				     "/// the second\n in int32 y /* why */,\nin int32 z) = 1;"),
		      "package p;\n"
		      "interface i @0x1 version 1.0 {\n"
		      "    void a(in int32 x, // the first\n"
		      "            /// the second\n"
		      "            in int32 y /* why */, in int32 z) = 1;\n"
		      "};\n");
}

static void a_long_line_is_broken_behind_a_comma(void **state)
{
	(void)state;
	expect_format(
		TEST_INTERFACE("int64 pread(in int32 fd, out bytes buffer[nbytes : return] direct,"
			       " in uint64 nbytes, in int64 offset) = 6 idempotent, since 1.1;"),
		"package p;\n"
		"interface i @0x1 version 1.0 {\n"
		"    int64 pread(in int32 fd, out bytes buffer[nbytes : return] direct, in uint64"
		" nbytes,\n"
		"            in int64 offset) = 6 idempotent, since 1.1;\n"
		"};\n");
}

static void blank_lines_are_kept_one_at_a_time(void **state)
{
	(void)state;
	expect_format("\n\npackage p;\n\n\n\nstruct a {\n\n  uint32 x;\n\n\n  uint32 y;\n\n};\n\n",
		      "package p;\n"
		      "\n"
		      "struct a {\n"
		      "    uint32 x;\n"
		      "\n"
		      "    uint32 y;\n"
		      "};\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blanks_and_lines),
		cmocka_unit_test(an_interface),
		cmocka_unit_test(a_block_on_one_line_stays_there_if_it_fits),
		cmocka_unit_test(an_enum_has_a_value_a_line),
		cmocka_unit_test(comments_keep_their_place),
		cmocka_unit_test(comments_inside_a_statement),
		cmocka_unit_test(a_long_line_is_broken_behind_a_comma),
		cmocka_unit_test(blank_lines_are_kept_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
