// SPDX-License-Identifier: Apache-2.0
/*
 * The rules that the pages of docs/errors do not show: each once with the word that is pointed at,
 * and what they must let pass.
 */
#include "idl/check_fixture.h"

struct scenario {
	const char *body; /* of an interface of version 1.1; or a whole text */
	enum idl_code code;
	const char *word;     /* what the carets are under */
	const char *fix_part; /* NULL: no matter */
};

static char *interface_around(const char *body)
{
	static char text[8192];
	bool is_whole = strstr(body, "package ") == body;

	snprintf(text, sizeof(text), "%s%s%s",
		 is_whole ? "" : "package p;\ninterface file " ID " version 1.1 {\n", body,
		 is_whole ? "" : "\n};\n");
	return text;
}

static void check_first(const struct idl_program *program, const struct scenario *s)
{
	const struct idl_diag *d = program->diags.first;
	char word[256];

	if (!d || d->code != s->code || d->next) {
		idl_diags_render(&program->diags, stderr);
		fail_msg("'%s' does not give %s alone", s->body, idl_code_info(s->code)->name);
		return;
	}
	snprintf(word, sizeof(word), "%.*s", (int)(d->span.end - d->span.start),
		 d->span.source->text + d->span.start);
	assert_string_equal(word, s->word);
	if (s->fix_part && !(d->fix && strstr(d->fix, s->fix_part)))
		fail_msg("the fix of '%s' is '%s'", s->body, d->fix ? d->fix : "");
}

static void run(const struct scenario *scenarios, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct idl_program *program = compile(interface_around(scenarios[i].body));

		check_first(program, &scenarios[i]);
		idl_program_free(program);
	}
}

#define RUN(scenarios) run(scenarios, sizeof(scenarios) / sizeof((scenarios)[0]))
#define M	       "void m() = 1;"

static void names_resolve(void **state)
{
	static const struct scenario scenarios[] = {
		{"enum e : uint8 { A = 1 }; const uint8 C = A;" M, IDL_E0201, "A", "e.A"},
		{"enum e : uint8 { READ = 1 }; const uint8 C = e.REED;" M, IDL_E0201, "REED",
		 "READ"},
		{"const uint8 C = x.B;" M, IDL_E0201, "x", NULL},
		{"const uint8 C = m;" M, IDL_E0201, "m", NULL},
		{"const uint8 C = D; const uint8 D = 1;" M, IDL_E0223, "D", NULL},
		{"const uint8 C = C + 1;" M, IDL_E0222, "C", NULL},
		{"enum e : uint8 { A = 1 }; const uint8 C = e;" M, IDL_E0202, "e", NULL},
		{"enum e : uint8 { A = 1 }; void m(in e.A x) = 1;", IDL_E0202, "e.A", NULL},
		{"void m(in file x) = 1;", IDL_E0202, "file", NULL},
		{"void m(in n x) = 1; void n() = 2;", IDL_E0201, "n", NULL},
	};

	(void)state;
	RUN(scenarios);
}

static void names_are_single(void **state)
{
	static const struct scenario scenarios[] = {
		{"package p; const uint8 a = 1; struct a { uint8 x; };", IDL_E0303, "a", NULL},
		{"const uint8 a = 1; enum a : uint8 { X = 1 };" M, IDL_E0303, "a", NULL},
		{M "void m() = 2;", IDL_E0303, "m", NULL},
		{"enum e : uint8 { A = 1, A = 2 };" M, IDL_E0303, "A", NULL},
		{"struct s { uint8 a; uint16 a; };" M, IDL_E0303, "a", NULL},
		/* In C only. */
		{"const uint8 a = 1; const uint8 A = 1;" M, IDL_E0301, "A", NULL},
		{"struct m { uint8 x; };" M, IDL_E0301, "m", NULL},
		{"struct peer { uint8 x; };" M, IDL_E0301, "peer", NULL},
		{"enum e : uint8 { X = 1 }; const uint8 e_X = 1;" M, IDL_E0301, "e_X", NULL},
		{"enum e : uint8 { X = 1 }; struct e_name { uint8 x; };" M, IDL_E0301, "e_name",
		 NULL},
		{"void serve() = 1;", IDL_E0301, "serve", NULL},
		{"void m() = 1; const uint8 m_reply_max = 1;", IDL_E0301, "m_reply_max", NULL},
		{"package p; interface a @0x1 version 1.0 { prefix x; void m() = 1; };"
		 "interface b @0x2 version 1.0 { prefix x; void m() = 1; };",
		 IDL_E0301, "b", NULL},
	};

	(void)state;
	RUN(scenarios);
}

static void names_are_legal_in_c(void **state)
{
	static const struct scenario scenarios[] = {
		{"void delete() = 1;", IDL_E0304, "delete", NULL},
		{"void m(in uint8 errno) = 1;", IDL_E0304, "errno", NULL},
		{"struct s { uint32 major; };" M, IDL_E0304, "major", NULL},
		{"struct s { uint32 st_mtime; };" M, IDL_E0304, "st_mtime", NULL},
		{"void m(in uint8 nullptr) = 1;", IDL_E0304, "nullptr", NULL},
		{"void m(in uint8 EINVAL) = 1;", IDL_E0304, "EINVAL", NULL},
		{"void m(in uint8 size_t) = 1;", IDL_E0304, "size_t", NULL},
		{"void size() = 1;", IDL_E0305, "size", NULL},
		{"void gone() = 1;", IDL_E0305, "gone", NULL},
		{"void m(in uint8 req) = 1;", IDL_E0305, "req", NULL},
		{"void a__b() = 1;", IDL_E0305, "a__b", NULL},
		{"void a_() = 1;", IDL_E0305, "a_", NULL},
		{"struct vb_x { uint8 a; };" M, IDL_E0305, "vb_x", NULL},
		{"package p; interface vb @0x1 version 1.0 { void m() = 1; };", IDL_E0305, "vb",
		 NULL},
		{"package vb.x; const uint8 A = 1;", IDL_E0305, "vb.x", NULL},
		{"prefix sem; void post() = 1;", IDL_E0307, "post", NULL},
		{"struct s { optional uint8 a; bool has_a; };" M, IDL_E0306, "has_a", NULL},
		{"struct s { bytes<4> a; uint8 n_a; };" M, IDL_E0306, "n_a", NULL},
	};

	(void)state;
	RUN(scenarios);
}

#define Z ".0 * 10000000000000"
static void expressions_have_values(void **state)
{
	static const struct scenario scenarios[] = {
		{"const int8 C = -129;" M, IDL_E0402, "-129", "-128 to 127"},
		{"const uint64 C = 0xffffffffffffffff + 1;" M, IDL_E0401, "0xffffffffffffffff + 1",
		 NULL},
		{"const uint8 C = 1 << 64;" M, IDL_E0401, "64", NULL},
		{"const uint8 C = 1 % 0;" M, IDL_E0401, "0", NULL},
		{"const uint8 C = ~256;" M, IDL_E0401, "~256", NULL},
		{"const float32 C = 3.5 * 1" Z Z Z ";" M, IDL_E0402, "3.5 * 1" Z Z Z, NULL},
		{"const bool C = 1;" M, IDL_E0408, "1", NULL},
		{"const uint8 C = true;" M, IDL_E0408, "true", NULL},
		{"const float64 C = 1.0 | 2.0;" M, IDL_E0408, "1.0 | 2.0", NULL},
		{"const bool C = true + false;" M, IDL_E0408, "true + false", NULL},
		{"enum e : uint8 { A = -1 };" M, IDL_E0402, "-1", NULL},
		{"struct s { uint8 a[65536]; };" M, IDL_E0403, "65536", NULL},
		{"struct s { string<0> a; };" M, IDL_E0403, "0", NULL},
		{"struct s { string<-1> a; };" M, IDL_E0403, "-1", NULL},
		{"struct s { sequence<uint8, 0x40000001> a; };" M, IDL_E0403, "0x40000001", NULL},
	};

	(void)state;
	RUN(scenarios);
}

static void constants_are_computed(void **state)
{
	struct idl_program *program = compile_good(INTERFACE(
		0, "const uint32 A = 1 << 4 | 3; const int64 B = -(2 + 3) * 4 - 10 / 3 % 2;"
		   "const uint8 C = ~0x0f; const int8 D = ~0x0f; const float64 E = 3 / 2;"
		   "const bool F = true; const uint64 G = 0xffffffffffffffff;"
		   "enum e : uint8 { X = 5, Y = e.X + 1 }; const uint8 H = e.Y; void m() = 1;"));

	(void)state;
	assert_int_equal(find(program, "A")->u.constant.value.bits, 19);
	assert_true(find(program, "B")->u.constant.value.is_negative);
	assert_int_equal((int64_t)find(program, "B")->u.constant.value.bits, -21);
	assert_int_equal(find(program, "C")->u.constant.value.bits, 0xf0);
	assert_int_equal((int64_t)find(program, "D")->u.constant.value.bits, -16);
	assert_true(find(program, "E")->u.constant.value.number == 1.5);
	assert_int_equal(find(program, "F")->u.constant.value.kind, IDL_VALUE_BOOL);
	assert_true(find(program, "G")->u.constant.value.bits == UINT64_MAX);
	assert_false(find(program, "G")->u.constant.value.is_negative);
	assert_int_equal(find(program, "H")->u.constant.value.bits, 6);
	idl_program_free(program);
}

static void types_stand_where_they_can(void **state)
{
	static const struct scenario scenarios[] = {
		{"frozen struct s { uint8 a; uint32 b; uint32 c; };" M, IDL_E0212, "b",
		 "'uint8 reserved0[3];'"},
		{"frozen struct s { uint32 reserved0; uint8 c; };" M, IDL_E0212, "s",
		 "'uint8 reserved1[3];' at its end"},
		{"frozen struct s { optional uint32 a; };" M, IDL_E0213, "optional uint32 a", NULL},
		{"struct g { uint8 a; }; frozen struct s { g a; };" M, IDL_E0213, "g", NULL},
		{"struct s { bytes a; };" M, IDL_E0211, "bytes", NULL},
		{"struct g { uint8 a; }; struct s { optional g a; };" M, IDL_E0214, "g", NULL},
		{"struct s { bytes<4> a[2]; };" M, IDL_E0215, "bytes<4>", NULL},
		{"void m(in sequence<sequence<uint8, 2>, 2> a) = 1;", IDL_E0216,
		 "sequence<uint8, 2>", "struct"},
		{"struct s { string<9> a; }; struct t { s b; }; void m(inout t x) = 1;", IDL_E0208,
		 "t", NULL},
		{"void m(out sequence<uint8, 4> a) = 1;", IDL_E0210, "sequence<uint8, 4>",
		 "out uint8 a[room : length]"},
		{"void m(out bytes a) = 1;", IDL_E0211, "bytes", NULL},
		{"void m(in bool a[4]) = 1;", IDL_E0209, "bool", NULL},
		{"void m(in string<4> a[4]) = 1;", IDL_E0209, "string<4>", NULL},
		{"struct g { uint8 a; }; void m(in g a[4]) = 1;", IDL_E0209, "g", NULL},
		{"string<9> m(in uint8 a) = 1;", IDL_E0207, "string<9>",
		 "int64 m(in uint8 a, out bytes m[room : return]"},
		{"uint16 m() = 1;", IDL_E0207, "uint16", "int32"},
	};

	(void)state;
	RUN(scenarios);
}

static void extents_name_sizes(void **state)
{
	static const struct scenario scenarios[] = {
		{"void m(in bytes a[n], in bool n) = 1;", IDL_E0204, "n", NULL},
		{"void m(in bytes a[b], in bytes b[4]) = 1;", IDL_E0204, "b", NULL},
		{"const float64 F = 1.5; void m(in bytes a[F]) = 1;", IDL_E0204, "F", NULL},
		{"const int8 N = -1; void m(in bytes a[N]) = 1;", IDL_E0204, "N", NULL},
		{"int32 m(out bytes a[return : return]) = 1;", IDL_E0204, "return", "[room"},
		{"void m(out bytes a[n : k], in uint8 n, in uint8 k) = 1;", IDL_E0204, "k", NULL},
		{"void m(out bytes a[n : 4], in uint8 n) = 1;", IDL_E0204, "4", NULL},
		{"void m(in bytes a[n * x], in uint8 n) = 1;", IDL_E0203, "x", NULL},
		{"void m(in bytes a[0]) = 1;", IDL_E0409, "0", NULL},
		{"max_transfer 1KiB; void m(in uint64 a[129]) = 1;", IDL_E0409, "129", NULL},
		{"void m(in bytes a[0x8000000000000000 * 2]) = 1;", IDL_E0409,
		 "0x8000000000000000 * 2", NULL},
		{"oneway void m(in uint8 a[n], in uint32 n) = 1;", IDL_E0220, "uint8",
		 "sequence<uint8, N>"},
		{"oneway void m(out uint8 a) = 1;", IDL_E0219, "out", NULL},
		{"oneway void m(in bytes<4> a[n] direct, in uint8 n) = 1;", IDL_E0219, "direct",
		 NULL},
		{"oneway void m() = 1 idempotent;", IDL_E0219, "idempotent", NULL},
	};

	(void)state;
	RUN(scenarios);
}

static const struct idl_param *param(const struct idl_program *program, const char *method,
				     const char *name)
{
	const struct idl_param *p = find(program, method)->u.method.params;

	while (p && strcmp(p->node.name.text, name) != 0)
		p = p->next;
	assert_non_null(p);
	return p;
}

static void extents_are_resolved(void **state)
{
	struct idl_program *program = compile_good(
		INTERFACE(0, "const uint32 N = 7;"
			     "int64 a(out bytes x[n : return], in uint64 n) = 1;"
			     "int64 b(out bytes x[n : n], in uint64 n) = 2;"
			     "int64 c(out bytes x[n], inout uint64 n) = 3;"
			     "int64 d(out bytes x[n : return], in bytes y[n], in uint64 n) = 4;"
			     "void e(in uint16 N, in uint32 x[N * 2 + 1]) = 5;"
			     "void f(in uint32 x[N * 2 + 1]) = 6;"
			     "int32 g(out bytes x[n + n : return], in uint64 n) = 7;"));

	(void)state;
	assert_true(param(program, "a", "x")->is_clamped);
	assert_true(param(program, "a", "n")->is_extent_of_other);
	assert_int_equal(param(program, "a", "x")->length->kind, IDL_EXTENT_RETURN);
	assert_false(param(program, "b", "x")->is_clamped);
	assert_ptr_equal(param(program, "b", "x")->length, param(program, "b", "x")->room);
	assert_true(param(program, "c", "x")->is_clamped);
	assert_false(param(program, "d", "x")->is_clamped);
	/* A parameter wins over a constant of its name. */
	assert_false(param(program, "e", "x")->room->is_constant);
	assert_true(param(program, "f", "x")->room->is_constant);
	assert_int_equal(param(program, "f", "x")->room->value, 15);
	assert_int_equal(param(program, "f", "x")->element_size, 4);
	assert_false(param(program, "g", "x")->is_clamped);
	idl_program_free(program);
}

static void numbers_and_versions_are_checked(void **state)
{
	static const struct scenario scenarios[] = {
		{"void m() = 65280;", IDL_E0308, "65280", NULL},
		{"reserved 0;" M, IDL_E0311, "0", NULL},
		{"reserved 5 to 7, 7;" M, IDL_E0311, "7", NULL},
		{"enum e : uint8 { A = 1, reserved 256 };" M, IDL_E0311, "256", NULL},
		{"enum e : uint8 { A = 1, reserved 0 to 4 };" M, IDL_E0309, "1", NULL},
		{"package p; interface a @0x5 version 1.0 { void m() = 1; };"
		 "interface b @0x5 version 1.0 { void m() = 1; };",
		 IDL_E0312, "0x5", "0x"},
		{"void m() = 1 since 2.0;", IDL_E0505, "since 2.0", NULL},
		{"enum e : uint8 { A = 1 since 1.2 };" M, IDL_E0505, "since 1.2", "1.2"},
		{"package p; enum e : uint8 { A = 1 since 1.2 };", IDL_E0508, "since 1.2", NULL},
		{"package p; struct s { uint8 a since 1.2; };", IDL_E0508, "since 1.2", NULL},
		{"closed enum e : uint8 { A = 1 }; frozen struct f { e a; };"
		 "struct s { uint8 a; f b since 1.1; };" M,
		 IDL_E0506, "f", NULL},
		{"void m() = 1 deadline 4295s;", IDL_E0407, "deadline 4295s", NULL},
		{"inflight 0;" M, IDL_E0406, "0", NULL},
		{"void m() = 1 errors(EWOULDBLOCK);", IDL_E0221, "EWOULDBLOCK", "EAGAIN"},
		{"void m() = 1 errors(EIO, EIO);", IDL_E0221, "EIO", NULL},
	};

	(void)state;
	RUN(scenarios);
}

static void sizes_have_limits(void **state)
{
	static const struct scenario scenarios[] = {
		{"frozen struct a { uint8 x[65535]; }; frozen struct b { a x[300]; };" M, IDL_E0404,
		 "b", NULL},
		{"max_message 64; frozen struct a { uint64 x[6]; }; void m(in a x) = 1;", IDL_E0405,
		 "m", NULL},
		{"oneway void m(in bytes<9000> x[n], in uint16 n) = 1;", IDL_W0402, "m", NULL},
	};

	(void)state;
	RUN(scenarios);
}

static void what_follows_from_an_error_is_not_reported(void **state)
{
	static const struct scenario scenarios[] = {
		{"const uint8 C = 300; const uint8 D = C; struct s { uint8 a[D]; };"
		 "void m(in s x, in bytes y[C]) = 1;",
		 IDL_E0402, "300", NULL},
		{"frozen struct s { uint8 a; uint32 b; }; frozen struct t { s a; };"
		 "void m(in t x) = 1; void n(out s x[4]) = 2;",
		 IDL_E0212, "b", NULL},
		{"enum e : uint8 { A = 300 }; const uint8 C = e.A; void m(in e x) = 1;", IDL_E0402,
		 "300", NULL},
	};

	(void)state;
	RUN(scenarios);
}

static void every_method_in_error_is_reported(void **state)
{
	struct idl_program *program =
		compile(INTERFACE(0, "void a(in x p) = 1; void b(in y p) = 2; uint64 c() = 3;"));

	(void)state;
	assert_int_equal(program->diags.n_errors, 3);
	idl_program_free(program);
}

static void imports_are_named(void **state)
{
	static const struct idl_memory_file files[] = {
#define TEXT(path, text) {path, text, sizeof(text) - 1}
		TEXT("types.idl", "package my.types; const uint8 N = 4; enum e : uint8 { A = 2 };"
				  "struct s { uint32 a[N]; };"),
		TEXT("main.idl", "import \"types.idl\"; import \"types.idl\" as t; package p;"
				 "interface file " ID " version 1.0 {"
				 "    const uint8 X = t.e.A + my.types.N;"
				 "    struct g { t.s a[t.N]; my.types.e b; };"
				 "    void m(in g x, out my.types.s y) = 1; };"),
#undef TEXT
	};
	const struct idl_options options = {
		.memory_files = files, .n_memory_files = 2, .memory_only = true};
	struct idl_program *program = idl_compile("main.idl", &options);

	(void)state;
	if (!idl_program_ok(program)) {
		idl_diags_render(&program->diags, stderr);
		fail();
	}
	assert_int_equal(find(program, "X")->u.constant.value.bits, 6);
	assert_string_equal(find(program, "g")->u.structure.fields->type->decl->c_name,
			    "my_types_s");
	assert_int_equal(method_layout(program, "m")->reply.fixed, 24 + 16);
	idl_program_free(program);
}

static void c_names_carry_their_prefix(void **state)
{
	struct idl_program *program = compile_good(
		"package a.b; struct top { uint8 x; };"
		"interface file " ID " version 1.0 { prefix fs; const uint8 max_len = 1;"
		"    enum mode : uint8 { ReadOnly = 1 }; void open(in mode m) = 1; };");

	(void)state;
	assert_string_equal(find(program, "top")->c_name, "a_b_top");
	assert_string_equal(find(program, "file")->c_name, "fs");
	assert_string_equal(find(program, "max_len")->c_name, "FS_MAX_LEN");
	assert_string_equal(find(program, "mode")->c_name, "fs_mode");
	assert_string_equal(find(program, "mode")->u.enumeration.items->c_name, "FS_MODE_READONLY");
	assert_string_equal(find(program, "open")->c_name, "fs_open");
	idl_program_free(program);
}

static void words_that_carry_a_prefix_are_free(void **state)
{
	struct idl_program *program = compile_good(
		"package p; interface file " ID " version 1.0 {"
		"    enum class : uint8 { errno = 1, delete = 2 }; const uint8 NULL = 1;"
		"    struct int_box { uint8 x; }; struct peer_info { uint8 y; };"
		"    void m(in class c) = 1; };");

	(void)state;
	idl_program_free(program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_resolve),
		cmocka_unit_test(names_are_single),
		cmocka_unit_test(names_are_legal_in_c),
		cmocka_unit_test(expressions_have_values),
		cmocka_unit_test(constants_are_computed),
		cmocka_unit_test(types_stand_where_they_can),
		cmocka_unit_test(extents_name_sizes),
		cmocka_unit_test(extents_are_resolved),
		cmocka_unit_test(numbers_and_versions_are_checked),
		cmocka_unit_test(sizes_have_limits),
		cmocka_unit_test(what_follows_from_an_error_is_not_reported),
		cmocka_unit_test(every_method_in_error_is_reported),
		cmocka_unit_test(imports_are_named),
		cmocka_unit_test(c_names_carry_their_prefix),
		cmocka_unit_test(words_that_carry_a_prefix_are_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
