// SPDX-License-Identifier: Apache-2.0
/*
 * One mistake each: the number, and that the message or its fix says what it must.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "idl/test_program.h"

struct mistake {
	const char *text;
	enum idl_code code;
	const char *says;
};

static void expect_mistakes(const struct mistake *mistakes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct idl_program *program = test_parse(mistakes[i].text);
		const struct idl_diag *diag = program->diags.first;
		char *output = test_render(program);

		if (!diag || diag->next || diag->code != mistakes[i].code ||
		    !strstr(output, mistakes[i].says)) {
			print_error("%s", output);
			fail_msg("expected only %s with '%s' of:\n%s",
				 idl_code_info(mistakes[i].code)->name, mistakes[i].says,
				 mistakes[i].text);
		}
		free(output);
		idl_program_free(program);
	}
}

#define EXPECT_MISTAKES(table) expect_mistakes(table, sizeof(table) / sizeof((table)[0]))

static void in_the_parts_of_a_file(void **state)
{
	static const struct mistake mistakes[] = {
		{"package p;\nimport <x.h>;\n", IDL_E0101, "import \"other.idl\";"},
		{"package p;\npackage q;\n", IDL_E0110, "t.idl:1:1: note: the first is here"},
		{"const uint32 A = 1;\npackage p;\n", IDL_E0110, "note: put it before this one"},
		{"package p;\ninterfce i @0x1 version 1.0 { void a() = 1; };\n", IDL_E0101,
		 "did you mean 'interface'?"},
		{"package p;\nuint32 f(in uint32 x) = 1;\n", IDL_E0101,
		 "methods go into an interface"},
		{"package p;\n\"x\";\n", IDL_E0101, "expected a declaration, found a string"},
		{"package a.b.c.d.e.f.g.h.i;\n", IDL_E0121, "more than 8 parts of a name"},
		{"package p.;\n", IDL_E0101, "expected a name after '.', found ';'"},
		{"", IDL_E0110, "begin it with: package NAME;"},
	};

	(void)state;
	EXPECT_MISTAKES(mistakes);
}

static void in_numbers_and_expressions(void **state)
{
	static const struct mistake mistakes[] = {
		{"package p;\nconst uint32 A = ;\n", IDL_E0101, "a number or a name, found ';'"},
		{"package p;\nconst uint32 A = (1;\n", IDL_E0101, "')' after the expression"},
		{"package p;\nconst uint32 A = - - 1;\n", IDL_E0101, "a number or a name"},
		{"package p;\nconst uint32 A = 0x;\n", IDL_E0006, "'0x' without digits"},
		{"package p;\nconst uint32 A = 18446744073709551616;\n", IDL_E0006,
		 "exceeds 64 bits"},
		{"package p;\nconst uint32 A = 10u;\n", IDL_E0119, "'u' has no meaning"},
		{"package p;\nconst foo A = 1;\n", IDL_E0124, "only scalars"},
		{"package p;\nconst int A = 1;\n", IDL_E0105, "write int32"},
		{TEST_INTERFACE("deadline 18446744073709551615s; void a() = 1;"), IDL_E0006,
		 "exceeds 64 bits"},
		{TEST_INTERFACE("deadline soon; void a() = 1;"), IDL_E0101, "a time such as 500ms"},
		{TEST_INTERFACE("max_inline 4kB; void a() = 1;"), IDL_E0119, "'kB' is no unit"},
		{TEST_INTERFACE("inflight 4KiB; void a() = 1;"), IDL_E0119, "'KiB' has no meaning"},
	};

	(void)state;
	EXPECT_MISTAKES(mistakes);
}

static void in_enums(void **state)
{
	static const struct mistake mistakes[] = {
		{"package p;\nenum e : uint8 { A, B = 1 };\n", IDL_E0101, "written out: A = 0"},
		{"package p;\nenum e : uint8 { A = 0 B = 1 };\n", IDL_E0101,
		 "values are separated by commas"},
		{"package p;\nenum e : uint8 { A = 0; B = 1; C = 2; };\n", IDL_E0101,
		 "values are separated by commas"},
		{"package p;\nenum e : uint8 { 5 = A, B = 1 };\n", IDL_E0101, "a value's name"},
		{"package p;\nenum e : uint8 { A 5, B = 1 };\n", IDL_E0101, "'=' after the value"},
		{"package p;\nenum e : float32 { A = 0 };\n", IDL_E0124, "int8 to uint64"},
		{"package p;\nenum e uint8 { A = 0 };\n", IDL_E0101, "':' and the enum's"},
		{"package p;\nenum e : uint8 { };\n", IDL_E0122, "enum 'e' is empty"},
		{"package p;\nclosed struct s { uint32 x; };\n", IDL_E0101,
		 "'enum' after 'closed'"},
		{"package p;\nenum e : uint8 { A = 0, reserved x };\n", IDL_E0101, "a number"},
		{"package p;\nenum e : uint8 { A = 0 depricated };\n", IDL_E0116,
		 "did you mean 'deprecated'?"},
		{"package p;\nenum e : uint8 { A = 0 idempotent };\n", IDL_E0116,
		 "it goes with a method"},
	};

	(void)state;
	EXPECT_MISTAKES(mistakes);
}

static void in_structs(void **state)
{
	static const struct mistake mistakes[] = {
		{"package p;\nfrozen enum e { A = 0 };\n", IDL_E0101, "'struct' after 'frozen'"},
		{"package p;\nstruct s { in uint32 x; };\n", IDL_E0101, "only parameters have"},
		{"package p;\nstruct s { uint32 x };\n", IDL_E0102, "add ';'"},
		{"package p;\nstruct s { uint32 x uint32 y; };\n", IDL_E0102, "add ';'"},
		{"package p;\nstruct s { uint32 x[; };\n", IDL_E0101, "a number or a name"},
		{"package p;\nstruct s { sequence<uint32> x; };\n", IDL_E0106, "sequence<T, N>"},
		{"package p;\nstruct s { sequence<uint32 4> x; };\n", IDL_E0101, "','"},
		{"package p;\nstruct s { s *next; };\n", IDL_E0107, "write the type alone"},
		{"package p;\nstruct s { uint32 x; } name;\n", IDL_E0101, "before the '{'"},
		{"package p;\nstruct s { uint32 x; } = 1;\n", IDL_E0109, "before the '{'"},
		{"package p;\nstruct s { uint32 x deprecated deprecated; };\n", IDL_E0117,
		 "note: first given here"},
		{"package p;\nstruct s { unsigned hyper x; };\n", IDL_E0105, "write uint64"},
		{"package p;\nstruct s { const uint32 x; };\n", IDL_E0105, "leave it out"},
	};

	(void)state;
	EXPECT_MISTAKES(mistakes);
}

static void in_the_head_of_an_interface(void **state)
{
	static const struct mistake mistakes[] = {
		{"package p;\ninterface i version 1.0 { void a() = 1; };\n", IDL_E0112,
		 "add ' @0x"},
		{"package p;\ninterface i @12 version 1.0 { void a() = 1; };\n", IDL_E0112,
		 "hexadecimal"},
		{"package p;\ninterface i @0x1 { void a() = 1; };\n", IDL_E0113,
		 "add ' version 1.0'"},
		{"package p;\ninterface i @0x1 1.0 { void a() = 1; };\n", IDL_E0101, "'version'"},
		{"package p;\ninterface i @0x1 version 1 { void a() = 1; };\n", IDL_E0101,
		 "'.' and the minor version"},
		{"package p;\ninterface i @0x1 version 65536.0 { void a() = 1; };\n", IDL_E0006,
		 "at most 65535"},
		{"package p;\ninterface i @0x1 version 1.0 { };\n", IDL_E0122, "'i' is empty"},
	};

	(void)state;
	EXPECT_MISTAKES(mistakes);
}

static void in_methods(void **state)
{
	static const struct mistake mistakes[] = {
		{TEST_INTERFACE("oneway int32 a() = 1;"), IDL_E0101, "nothing comes back"},
		{TEST_INTERFACE("void a(in uint32 x in uint32 y) = 1;"), IDL_E0101, "',' or ')'"},
		{TEST_INTERFACE("void a(in uint32 x y) = 1;"), IDL_E0116, "'y' is no mark"},
		{TEST_INTERFACE("void a([in, size_is(n)] uint32 x) = 1;"), IDL_E0104,
		 "no brackets"},
		{TEST_INTERFACE("void a(in) = 1;"), IDL_E0101, "expected a type, found ')'"},
		{TEST_INTERFACE("void a(void) = 1;"), IDL_E0101, "no parameters: ()"},
		{TEST_INTERFACE("void a = 1;"), IDL_E0101, "'(' after the method's name"},
		{TEST_INTERFACE("void a() = one;"), IDL_E0101, "the method's number"},
		{TEST_INTERFACE("void a() = 1 idempotant;"), IDL_E0116,
		 "did you mean 'idempotent'?"},
		{TEST_INTERFACE("void a() = 1 errors;"), IDL_E0101, "'(' after 'errors'"},
		{TEST_INTERFACE("void a() = 1 errors(5);"), IDL_E0101, "such as ENOENT"},
		{TEST_INTERFACE("void a() = 1 since 1;"), IDL_E0101, "and the minor version"},
		{TEST_INTERFACE("reserved five; void a() = 1;"), IDL_E0101, "a number"},
		{TEST_INTERFACE("reserved 5 to; void a() = 1;"), IDL_E0101, "number after 'to'"},
	};

	(void)state;
	EXPECT_MISTAKES(mistakes);
}

static void in_extents(void **state)
{
	static const struct mistake mistakes[] = {
		{TEST_INTERFACE("void a(in bytes b[], in uint32 n) = 1;"), IDL_E0101,
		 "name the parameter that holds the size"},
		{TEST_INTERFACE("void a(in bytes b[n - 1], in uint32 n) = 1;"), IDL_E0101,
		 "a sum of products"},
		{TEST_INTERFACE("void a(in bytes b[(n)], in uint32 n) = 1;"), IDL_E0101,
		 "a parameter, a constant or a number"},
		{TEST_INTERFACE("int32 a(out bytes b[n : return * 4], in uint32 n) = 1;"),
		 IDL_E0101, "'return' stands alone"},
		{TEST_INTERFACE("int32 a(out bytes b[n : 4 * return], in uint32 n) = 1;"),
		 IDL_E0101, "'return' stands alone"},
		{TEST_INTERFACE("int32 a(out bytes b[n : return : 4], in uint32 n) = 1;"),
		 IDL_E0101, "']' after the extent"},
	};

	(void)state;
	EXPECT_MISTAKES(mistakes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_the_parts_of_a_file),
		cmocka_unit_test(in_numbers_and_expressions),
		cmocka_unit_test(in_enums),
		cmocka_unit_test(in_structs),
		cmocka_unit_test(in_the_head_of_an_interface),
		cmocka_unit_test(in_methods),
		cmocka_unit_test(in_extents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
