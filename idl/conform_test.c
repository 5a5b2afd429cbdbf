// SPDX-License-Identifier: Apache-2.0
/*
 * What may change between two versions and what may not. The pages of docs/errors show one change
 * each; here stand the rest, and what must not be reported.
 */
#include "idl/check_fixture.h"

#include "idl/conform.h"

#define MAX_CODES 4

struct scenario {
	const char *old; /* body of version 1.0 */
	const char *new; /* body of version 1.1 */
	enum idl_code codes[MAX_CODES];
	size_t n_codes; /* 0: nothing to say */
};

static char *interface_around(const char *body, unsigned minor)
{
	static char text[8192];
	char *copy = text + (minor ? sizeof(text) / 2 : 0);

	snprintf(copy, sizeof(text) / 2,
		 "package p;\ninterface file " ID " version 1.%u {\n%s\n};\n", minor, body);
	return copy;
}

static void check_codes(const struct idl_program *program, const struct scenario *s)
{
	size_t n = 0;

	for (const struct idl_diag *d = program->diags.first; d; d = d->next, n++) {
		if (n >= s->n_codes || d->code != s->codes[n]) {
			idl_diags_render(&program->diags, stderr);
			fail_msg("unexpected %s from '%s' to '%s'", idl_code_info(d->code)->name,
				 s->old, s->new);
		}
		/* Both places, except for a limit, which may have been a default. */
		if (d->code != IDL_E0526)
			assert_non_null(d->notes);
	}
	if (n != s->n_codes)
		fail_msg("%zu of %zu reports from '%s' to '%s'", n, s->n_codes, s->old, s->new);
}

static void run(const struct scenario *scenarios, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct idl_program *old = compile_good(interface_around(scenarios[i].old, 0));
		struct idl_program *new = compile_good(interface_around(scenarios[i].new, 1));

		idl_conform(old, new);
		check_codes(new, &scenarios[i]);
		idl_program_free(new);
		idl_program_free(old);
	}
}

#define RUN(scenarios) run(scenarios, sizeof(scenarios) / sizeof((scenarios)[0]))
#define M	       "void m() = 1;"

static void what_is_free_says_nothing(void **state)
{
	static const struct scenario scenarios[] = {
		{M, "/// Now with words.\n" M, {0}, 0},
		{M, "deadline 1s; max_inline 1KiB; inflight 9; max_transfer 1GiB;" M, {0}, 0},
		{"void m(in uint8 a) = 1;",
		 "void m(in uint8 b) = 1 deprecated errors(EIO);",
		 {0},
		 0},
		{"void m(in bytes a[n], in uint32 n) = 1;",
		 "void m(in bytes a[n] direct, in uint32 n) = 1;",
		 {0},
		 0},
		{"void m(in string<16> a) = 1;",
		 "const uint8 N = 16; void m(in string<N> a) = 1;",
		 {0},
		 0},
		{"void m(out bytes a[8]) = 1;",
		 "const uint8 N = 4; void m(out bytes a[N * 2]) = 1;",
		 {0},
		 0},
		{"struct s { uint8 a; }; void m(in s v) = 1;",
		 "struct s { uint8 a; string<9> b since 1.1; }; void m(in s v) = 1;",
		 {0},
		 0},
		{"enum e : uint8 { A = 0 }; void m(in e v) = 1;",
		 "enum e : uint8 { B = 1, A = 0 }; void m(in e v) = 1;",
		 {0},
		 0},
		{"closed enum e : uint8 { A = 0 }; void m(in e v) = 1;",
		 "closed enum e : uint8 { A = 0, B = 1 since 1.1 }; void m(in e v) = 1;",
		 {0},
		 0},
		{M, M "struct s { uint8 a; }; void n(in s v) = 2 since 1.1;", {0}, 0},
		{"reserved 5 to 9;" M, "reserved 7 to 12; reserved 5, 6;" M, {0}, 0},
	};

	(void)state;
	RUN(scenarios);
}

static void parameters_stay(void **state)
{
	static const struct scenario scenarios[] = {
		{"void m(in uint8 a, in uint16 b) = 1;",
		 "void m(in uint16 b, in uint8 a) = 1;",
		 {IDL_E0513, IDL_E0513},
		 2},
		{"void m(in uint8 a) = 1;", "void m(in uint8 a, in uint8 b) = 1;", {IDL_E0513}, 1},
		{"void m(in uint8 a) = 1;", "void m(inout uint8 a) = 1;", {IDL_E0513}, 1},
		{"void m(in sequence<uint8, 4> a) = 1;",
		 "void m(in sequence<int8, 4> a) = 1;",
		 {IDL_E0513},
		 1},
		{"void m(in sequence<string<4>, 4> a) = 1;",
		 "void m(in sequence<string<5>, 4> a) = 1;",
		 {IDL_E0513},
		 1},
		{"const uint8 N = 16; void m(in string<N> a) = 1;",
		 "const uint8 N = 17; void m(in string<N> a) = 1;",
		 {IDL_E0513, IDL_W0503},
		 2},
		{"void m(in bytes<9> a) = 1;",
		 "void m(in bytes<9> a[n], in uint8 n) = 1;",
		 {IDL_E0513},
		 1},
		{"void m(in uint8 a) = 1;", "void m(in uint8 a[4]) = 1;", {IDL_E0514}, 1},
		{"void m(in bytes x[a], in uint8 a, in uint8 b) = 1;",
		 "void m(in bytes x[b], in uint8 a, in uint8 b) = 1;",
		 {IDL_E0514},
		 1},
		{"void m(in bytes x[a], in uint8 a, in uint8 b) = 1;",
		 "void m(in bytes x[a + b], in uint8 a, in uint8 b) = 1;",
		 {IDL_E0514},
		 1},
		{"int64 m(in uint8 a) = 1;", "int32 m(in uint8 a) = 1;", {IDL_E0515}, 1},
		{"void m(in uint8 a) = 1;", "oneway void m(in uint8 a) = 1;", {IDL_E0515}, 1},
	};

	(void)state;
	RUN(scenarios);
}

static void fields_stay(void **state)
{
#define S(fields) "struct s { " fields " }; void m(in s v) = 1;"
	static const struct scenario scenarios[] = {
		{S("uint8 a; uint8 b;"), S("uint8 b; uint8 a;"), {IDL_E0517}, 1},
		{S("uint8 a; uint8 b;"), S("uint8 a; uint8 x; uint8 b;"), {IDL_E0517}, 1},
		{S("uint8 a; uint8 b;"), S("uint8 a;"), {IDL_E0517}, 1},
		{S("uint8 a; uint8 b;"), S("uint8 a; reserved uint8 b;"), {IDL_W0504}, 1},
		{S("uint8 a; optional uint8 b;"),
		 S("uint8 a; reserved optional uint8 b;"),
		 {IDL_W0504},
		 1},
		{S("uint8 a; optional uint8 b;"), S("uint8 a; reserved uint8 b;"), {IDL_E0517}, 1},
		{S("uint8 a; reserved uint8 b;"), S("uint8 a; uint8 b;"), {IDL_E0517}, 1},
		{S("uint8 a; uint8 b;"), S("uint8 a; uint8 c;"), {IDL_W0501}, 1},
		{S("uint8 a[4];"), S("uint8 a[5];"), {IDL_E0517}, 1},
		{S("uint8 a; uint8 b;"), S("uint8 a; uint8 b since 1.1;"), {IDL_E0525}, 1},
		{S("uint8 a;"), S("uint8 a; uint8 b;"), {IDL_E0520}, 1},
	};

	(void)state;
	RUN(scenarios);
}

static void types_are_followed_to_where_they_are_used(void **state)
{
	static const struct scenario scenarios[] = {
		/* Deep inside, and once although it is used twice. */
		{"frozen struct a { uint32 x; }; struct b { a y; }; void m(in b u, in a v) = 1;",
		 "frozen struct a { int32 x; }; struct b { a y; }; void m(in b u, in a v) = 1;",
		 {IDL_E0517},
		 1},
		/* A type may change its name, and nothing is gone. */
		{"frozen struct a { uint32 x; }; void m(in a v) = 1;",
		 "frozen struct b { uint32 x; }; void m(in b v) = 1;",
		 {IDL_W0501},
		 1},
		{"frozen struct a { uint32 x; }; void m() = 1;", M, {IDL_W0504}, 1},
		{"const bool C = true;" M, M, {IDL_W0504}, 1},
		{"const float64 C = 1.5;" M, "const float64 C = 2;" M, {IDL_W0503}, 1},
		{"enum e : uint8 { A = 0, B = 1 }; void m(in e v) = 1;",
		 "enum e : uint8 { A = 0 }; void m(in e v) = 1;",
		 {IDL_E0522},
		 1},
		{"enum e : uint8 { A = 0, B = 1 }; void m(in e v) = 1;",
		 "enum e : uint8 { A = 0, reserved 1 }; void m(in e v) = 1;",
		 {IDL_W0504},
		 1},
		{"enum e : uint8 { A = 0, B = 1 }; void m(in e v) = 1;",
		 "enum e : uint8 { A = 0, C = 1 }; void m(in e v) = 1;",
		 {IDL_W0501},
		 1},
		{"closed enum e : uint8 { A = 0 }; void m(in e v) = 1;",
		 "closed enum e : uint8 { A = 0, B = 1 }; void m(in e v) = 1;",
		 {IDL_E0520},
		 1},
		{"enum e : uint8 { A = 0, reserved 5 to 7 }; void m(in e v) = 1;",
		 "enum e : uint8 { A = 0, reserved 5, 7 }; void m(in e v) = 1;",
		 {IDL_E0524},
		 1},
		{"closed enum e : uint8 { A = 0 }; void m(in e v) = 1;",
		 "enum e : uint8 { A = 0 }; void m(in e v) = 1;",
		 {IDL_E0519},
		 1},
	};

	(void)state;
	RUN(scenarios);
}

static void methods_keep_their_numbers(void **state)
{
	static const struct scenario scenarios[] = {
		{M "void n() = 2;", M, {IDL_E0512}, 1},
		{M "void n() = 2;", M "void n() = 3;", {IDL_E0512}, 1},
		{M "void n() = 2;", M "reserved 2;", {IDL_W0504}, 1},
		{M, M "void n() = 2;", {IDL_E0520}, 1},
		{"reserved 5 to 9;" M, "reserved 5 to 7, 9;" M, {IDL_E0524}, 1},
		{"reserved 5;" M, M "void n() = 5 since 1.1;", {IDL_E0524}, 1},
		{M, "void m() = 1 idempotent;", {IDL_W0505}, 1},
		{"max_message 32KiB;" M, M, {IDL_E0526}, 1},
	};

	(void)state;
	RUN(scenarios);
}

static void package_level_is_compared(void **state)
{
	struct idl_program *old = compile_good("package p; const uint8 C = 1;"
					       "struct s { uint32 a; };"
					       "closed enum e : uint8 { A = 0 };");
	struct idl_program *new = compile_good("package p prefix q; const uint8 C = 2;"
					       "struct s { uint32 a; uint32 b; };"
					       "closed enum e : uint8 { A = 0, B = 1 };");
	static const struct scenario expected = {
		"package", "package", {IDL_W0502, IDL_W0503, IDL_E0521, IDL_E0522}, 4};

	(void)state;
	idl_conform(old, new);
	check_codes(new, &expected);
	idl_program_free(new);
	idl_program_free(old);
}

static void a_file_conforms_to_itself(void **state)
{
	static const char text[] = INTERFACE(
		1, "prefix f; max_transfer 1MiB; reserved 7 to 9;"
		   "const float64 HALF = 0.5; closed enum e : int8 { A = -1, B = 0 since 1.1 };"
		   "frozen struct s { int32 a[3]; e k; uint8 pad[3]; };"
		   "struct g { s a; optional e b; sequence<s, 9> c; reserved string<3> d;"
		   "    sequence<string<7>, 3> f since 1.1; };"
		   "int64 m(in g a, inout s b, out bytes<64> c[n : return] direct, in uint8 n) = 1"
		   "    idempotent, since 1.1;"
		   "oneway void o(in bytes<9> x[4]) = 2;");
	struct idl_program *old = compile_good(text), *new = compile_good(text);

	(void)state;
	idl_conform(old, new);
	assert_null(new->diags.first);
	idl_program_free(new);
	idl_program_free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_free_says_nothing),
		cmocka_unit_test(parameters_stay),
		cmocka_unit_test(fields_stay),
		cmocka_unit_test(types_are_followed_to_where_they_are_used),
		cmocka_unit_test(methods_keep_their_numbers),
		cmocka_unit_test(package_level_is_compared),
		cmocka_unit_test(a_file_conforms_to_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
