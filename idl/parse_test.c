// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "idl/limits.h"
#include "idl/test_program.h"

static const char file_idl[] =
	"/// Files.\n"
	"package example.fs prefix fs;\n"
	"import \"common.idl\" as c;\n"
	"import \"d/e.idl\";\n"
	"/// How many.\n"
	"const uint32 MAX = 1 + 2 * 3;\n"
	"closed enum whence : uint8 {\n"
	"    /// From the start.\n"
	"    SET = 0,\n"
	"    reserved 1, 5 to 7,\n"
	"    END = 2 since 1.1 deprecated,\n"
	"};\n"
	"/// A file\n"
	"/// system.\n"
	"interface file @0x9f3c61d2a7b04e15 version 1.1 {\n"
	"    prefix f;\n"
	"    deadline 500ms;\n"
	"    max_transfer 64MiB;\n"
	"    struct entry {\n"
	"        string<255> name;\n"
	"        optional uint64 size[4] since 1.1;\n"
	"        reserved uint8 old[2];\n"
	"    };\n"
	"    int64 read(in int32 fd, out bytes buffer[n : return] direct, in uint64 n) = 4\n"
	"        idempotent, errors(EIO, EBADF) deadline 2s;\n"
	"    oneway void hint(in sequence<c.kind, MAX> kinds) = 5;\n"
	"    entry find(in string<(1 << 4) | 1> name[a * 2 + b]) = 6;\n"
	"    reserved 7 to 9;\n"
	"};\n";

static const struct idl_decl *find_decl(const struct idl_decl *decls, const char *name)
{
	while (decls && (!decls->node.name.text || strcmp(decls->node.name.text, name) != 0))
		decls = decls->next;
	assert_non_null(decls);
	return decls;
}

static struct idl_program *program;

static int set_up(void **state)
{
	program = test_parse_good(file_idl);
	*state = program;
	return 0;
}

static int tear_down(void **state)
{
	idl_program_free(*state);
	return 0;
}

static void package_and_imports(void **state)
{
	const struct idl_file *file = ((struct idl_program *)*state)->main;

	assert_string_equal(file->package.name.full, "example.fs");
	assert_int_equal(file->package.name.n_parts, 2);
	assert_string_equal(file->package.prefix.text, "fs");
	assert_int_equal(file->package.doc.n_lines, 1);
	assert_string_equal(file->package.doc.lines[0], "Files.");
	assert_string_equal(file->imports->path, "common.idl");
	assert_string_equal(file->imports->alias.text, "c");
	assert_string_equal(file->imports->next->path, "d/e.idl");
	assert_null(file->imports->next->alias.text);
	assert_int_equal(file->n_decls, 3);
}

static void constants_and_expressions(void **state)
{
	const struct idl_decl *decl = find_decl(((struct idl_program *)*state)->main->decls, "MAX");
	const struct idl_expr *expr = decl->u.constant.expr;

	assert_int_equal(decl->kind, IDL_DECL_CONST);
	assert_string_equal(decl->node.doc.lines[0], "How many.");
	assert_int_equal(expr->kind, IDL_EXPR_ADD);
	assert_int_equal(expr->left->integer, 1);
	assert_int_equal(expr->right->kind, IDL_EXPR_MULTIPLY);
	assert_int_equal(expr->right->right->integer, 3);
	assert_int_equal(expr->depth, 3);
}

static void enums(void **state)
{
	const struct idl_decl *decl = find_decl(((struct idl_program *)*state)->main->decls,
						"whence");
	const struct idl_enum *enumeration = &decl->u.enumeration;
	const struct idl_item *end = enumeration->items->next;

	assert_true(enumeration->is_closed);
	assert_int_equal(enumeration->scalar, IDL_UINT8);
	assert_int_equal(enumeration->n_items, 2);
	assert_string_equal(enumeration->items->node.doc.lines[0], "From the start.");
	assert_int_equal(enumeration->n_reserved, 1);
	assert_int_equal(enumeration->reserved[0].n_ranges, 2);
	assert_int_equal(enumeration->reserved[0].ranges[1].first, 5);
	assert_int_equal(enumeration->reserved[0].ranges[1].last, 7);
	assert_ptr_equal(end->owner, decl);
	assert_int_equal(idl_node_mark(&end->node, IDL_MARK_SINCE)->since.minor, 1);
	assert_non_null(idl_node_mark(&end->node, IDL_MARK_DEPRECATED));
	assert_null(idl_node_mark(&end->node, IDL_MARK_ERRORS));
}

static const struct idl_decl *the_interface(void **state)
{
	return find_decl(((struct idl_program *)*state)->main->decls, "file");
}

static void interfaces_and_rules(void **state)
{
	const struct idl_decl *decl = the_interface(state);
	const struct idl_rule *rule = decl->u.interface.rules;

	assert_int_equal(decl->node.doc.n_lines, 2);
	assert_int_equal(decl->u.interface.id, 0x9f3c61d2a7b04e15);
	assert_int_equal(decl->u.interface.version.major, 1);
	assert_int_equal(decl->u.interface.version.minor, 1);
	assert_int_equal(decl->u.interface.n_decls, 5);
	assert_string_equal(rule->name.text, "f");
	assert_int_equal(rule->next->kind, IDL_RULE_DEADLINE);
	assert_int_equal(rule->next->value, 500000);
	assert_int_equal(rule->next->next->value, 64 << 20);
}

static void structs_and_fields(void **state)
{
	const struct idl_decl *decl = find_decl(the_interface(state)->u.interface.decls, "entry");
	const struct idl_field *field = decl->u.structure.fields;

	assert_ptr_equal(decl->owner, the_interface(state));
	assert_int_equal(decl->u.structure.n_fields, 3);
	assert_int_equal(field->type->kind, IDL_TYPE_STRING);
	assert_int_equal(field->type->bound_expr->integer, 255);
	field = field->next;
	assert_true(field->is_optional);
	assert_int_equal(field->array_expr->integer, 4);
	assert_non_null(idl_node_mark(&field->node, IDL_MARK_SINCE));
	field = field->next;
	assert_true(field->is_reserved);
	assert_string_equal(field->node.name.text, "old");
	assert_int_equal(field->index, 2);
}

static void methods_and_parameters(void **state)
{
	const struct idl_decl *decl = find_decl(the_interface(state)->u.interface.decls, "read");
	const struct idl_method *method = &decl->u.method;
	const struct idl_param *buffer = method->params->next;
	const struct idl_mark *errors = idl_node_mark(&decl->node, IDL_MARK_ERRORS);

	assert_int_equal(method->result, IDL_RESULT_INT64);
	assert_int_equal(method->number, 4);
	assert_int_equal(method->n_params, 3);
	assert_int_equal(buffer->direction, IDL_OUT);
	assert_int_equal(buffer->type->kind, IDL_TYPE_BYTES);
	assert_null(buffer->type->bound_expr);
	assert_string_equal(buffer->extent->name.full, "n");
	assert_int_equal(buffer->extent_length->kind, IDL_EXTENT_RETURN);
	assert_non_null(idl_node_mark(&buffer->node, IDL_MARK_DIRECT));
	assert_int_equal(errors->n_errors, 2);
	assert_string_equal(errors->errors[1].text, "EBADF");
	assert_int_equal(idl_node_mark(&decl->node, IDL_MARK_DEADLINE)->time_us, 2000000);
}

static void other_results_and_types(void **state)
{
	const struct idl_decl *decls = the_interface(state)->u.interface.decls;
	const struct idl_decl *hint = find_decl(decls, "hint");
	const struct idl_decl *find = find_decl(decls, "find");
	const struct idl_type *kinds = hint->u.method.params->type;
	const struct idl_param *name = find->u.method.params;

	assert_int_equal(hint->u.method.result, IDL_RESULT_ONEWAY);
	assert_int_equal(kinds->kind, IDL_TYPE_SEQUENCE);
	assert_string_equal(kinds->element->name.full, "c.kind");
	assert_string_equal(kinds->bound_expr->name.full, "MAX");
	assert_int_equal(find->u.method.result, IDL_RESULT_OTHER);
	assert_string_equal(find->u.method.result_type->name.full, "entry");
	assert_int_equal(name->type->bound_expr->kind, IDL_EXPR_OR);
	assert_int_equal(name->extent->kind, IDL_EXTENT_ADD);
	assert_int_equal(name->extent->left->kind, IDL_EXTENT_MULTIPLY);
}

static void spans_cover_their_text(void **state)
{
	const struct idl_decl *find = find_decl(the_interface(state)->u.interface.decls, "find");
	const struct idl_param *name = find->u.method.params;
	const char *text = find->node.span.source->text;

	assert_int_equal(memcmp(text + find->node.span.start, "entry find(", 11), 0);
	assert_int_equal(memcmp(text + find->node.span.end - 5, ") = 6", 5), 0);
	assert_int_equal(name->extent->span.end - name->extent->span.start, strlen("a * 2 + b"));
}

static double float_of(const char *text)
{
	struct idl_program *p = test_parse_good(text);
	double number = p->main->decls->u.constant.expr->number;

	idl_program_free(p);
	return number;
}

static void fractions(void **state)
{
	(void)state;
	assert_true(float_of("package p;\nconst float64 X = 1.25;") == 1.25);
	assert_true(float_of("package p;\nconst float64 X = 00.0625;") == 0.0625);
	test_expect("package p;\nconst float64 X = 1. 5;", IDL_E0006);
	test_expect("package p;\nconst float64 X = 1.5e3;", IDL_E0119);
	test_expect("package p;\nconst float64 X = 0x1.5;", IDL_E0006);
}

static void words_are_keywords_only_where_expected(void **state)
{
	(void)state;
	idl_program_free(test_parse_good(
		"package package;\n"
		"import \"x.idl\" as interface;\n"
		"const uint32 const = version;\n"
		"enum e : uint8 { interface = 1, import = 2, since = 3 deprecated };\n"
		"struct s { uint32 deadline; uint32 direct deprecated; interface.t optional; };\n"
		"interface i @0x1 version 1.0 {\n"
		"    void errors(in uint32 in, out uint32 out, inout s inout) = 1;\n"
		"};\n"));
}

static void documentation_may_not_end_the_comment_it_goes_into(void **state)
{
	struct idl_program *p = test_parse_good("///  a */ b /* c */*/\t\n///\npackage p;\n");

	(void)state;
	assert_int_equal(p->main->package.doc.n_lines, 2);
	assert_string_equal(p->main->package.doc.lines[0], " a * / b / * c * / * /");
	assert_string_equal(p->main->package.doc.lines[1], "");
	idl_program_free(p);
}

static void misplaced_documentation_is_a_warning(void **state)
{
	(void)state;
	test_expect("package p; /// behind\nconst uint32 A = 1;", IDL_W0101);
	test_expect("package p;\nconst uint32 A = 1;\n/// at the end\n", IDL_W0101);
	test_expect("/// import\nimport \"x\";\npackage p;\n", IDL_W0101);
	test_expect(TEST_INTERFACE("/// rule\ndeadline 1s;\n void a() = 1;"), IDL_W0101);
	test_expect(TEST_INTERFACE("void a(in uint32 x, /// x\n in uint32 y) = 1;"), IDL_W0101);
	test_expect(TEST_INTERFACE("void a() = 1;\n/// nothing\n"), IDL_W0101);
}

static void one_run_reports_many(void **state)
{
	(void)state;
	test_expect("package p\n"
		    "const uint32 = 1;\n"
		    "struct s { uint32; uint32 b }\n"
		    "interface i @0x1 version 1.0 {\n"
		    "    void a(uint32 x) = 1;\n"
		    "    void b(in int x) = 2;\n"
		    "    junk;\n"
		    "    void c() = 3\n"
		    "    void d() = 4;\n"
		    "};\n"
		    "const uint32 B 5;\n",
		    IDL_E0102, IDL_E0101, IDL_E0101, IDL_E0102, IDL_E0103, IDL_E0104, IDL_E0105,
		    IDL_E0101, IDL_E0102, IDL_E0101);
}

static void an_unclosed_body_is_reported_once(void **state)
{
	(void)state;
	test_expect("package p;\ninterface i @0x1 version 1.0 {\n  void a() = 1;\n  struct s {\n"
		    "  uint32 x;\ninterface j @0x2 version 1.0 { void a() = 1; };\n",
		    IDL_E0101);
	test_expect("package p;\nenum e : uint8 { A = 1,\n", IDL_E0101);
	test_expect("package p;\nstruct s { uint32 x; }; };\nconst uint32 A = 1;\n", IDL_E0101);
}

static void a_missing_number_gets_a_free_one(void **state)
{
	(void)state;
	test_expect_output(TEST_INTERFACE("void a();\nvoid b() = 7;\nreserved 9 to 11;"),
			   "t.idl:3:9: error: a method needs a number: its name on the wire "
			   "[E0123]\n"
			   "    3 | void a();\n"
			   "      |         ^ add ' = 12'\n");
}

static void a_semicolon_is_missed_where_it_belongs(void **state)
{
	(void)state;
	test_expect_output(TEST_INTERFACE("\tvoid a() = 7   // seven\n\tvoid b() = 8;"),
			   "t.idl:3:14: error: a ';' is missing here [E0102]\n"
			   "    3 | \tvoid a() = 7   // seven\n"
			   "      | \t            ^ add ';'\n");
}

static void habits_of_c(void **state)
{
	(void)state;
	test_expect(TEST_INTERFACE("void a(in unsigned int x, in long long y, in size_t z) = 1;"),
		    IDL_E0105, IDL_E0105, IDL_E0105);
	test_expect(TEST_INTERFACE("void a(in const char *x, in void *y, in uint8 *z) = 1;"),
		    IDL_E0107, IDL_E0107, IDL_E0107);
	test_expect(TEST_INTERFACE("void a(in struct stat *x, out struct stat y) = 1;"), IDL_E0105,
		    IDL_E0105);
	test_expect(TEST_INTERFACE("char *a(void) = 1;"), IDL_E0107, IDL_E0101);
	test_expect("package p;\nstruct size_t { uint32 x; };", IDL_E0118);
}

static void types_in_types(void **state)
{
	(void)state;
	test_expect("package p;\nstruct s { struct { uint32 a; } b; struct c { uint32 d; } e; };\n"
		    "struct t { enum f { A = 1 } g; union h { uint32 i; } j; enum e x; };\n",
		    IDL_E0101, IDL_E0101, IDL_E0101, IDL_E0151, IDL_E0105);
}

static void habits_of_protobuf(void **state)
{
	(void)state;
	test_expect("syntax = \"proto3\";\npackage p;\nmessage M { int32 a = 1; }\n"
		    "service S { rpc A (M) returns (M); }\n",
		    IDL_E0108, IDL_E0108, IDL_E0108);
	test_expect("package p;\nstruct s { uint32 a = 1; repeated string b = 2; };\n", IDL_E0108,
		    IDL_E0108);
	test_expect(TEST_INTERFACE("rpc Get (Request) returns (Reply);"), IDL_E0108);
}

static void habits_of_rpcgen(void **state)
{
	(void)state;
	test_expect("typedef string name<255>;\nprogram P { version V { void A(void) = 1; } = 1; }"
		    " = 0x20000001;\n",
		    IDL_E0109, IDL_E0109);
	test_expect("package p;\nstruct s { string name<255>; opaque data<10>; };\n", IDL_E0109,
		    IDL_E0101, IDL_E0109);
}

static void a_type_may_have_a_name_that_is_special_elsewhere(void **state)
{
	(void)state;
	idl_program_free(test_parse_good("package p;\nstruct message { uint32 x; };\n"
					 "struct s { message rpc; message repeated[2]; };\n"));
}

static void words_of_later_versions(void **state)
{
	(void)state;
	test_expect(TEST_INTERFACE("priority high;\nstream uint8 a(in stream uint32 x) = 1;\n"
				   "void b(in vector<4> x, in proto<9> a.B y) = 2 priority low;\n"
				   "frozen union u : e { case A: uint32 x; };\n"),
		    IDL_E0154, IDL_E0150, IDL_E0150, IDL_E0153, IDL_E0152, IDL_E0154, IDL_E0151);
}

static void rules_and_marks_have_their_place(void **state)
{
	(void)state;
	test_expect(TEST_INTERFACE("deadline 1s; deadline 2s; void a() = 1; max_inline 1KiB;"),
		    IDL_E0115, IDL_E0114);
	test_expect(TEST_INTERFACE("void a(in uint32 x direct direct) = 1 direct, idempotent;"),
		    IDL_E0117, IDL_E0116);
	test_expect(TEST_INTERFACE("max_mesage 4KiB; void a() = 1;"), IDL_E0101);
	test_expect(TEST_INTERFACE("deadline 5; max_inline 4KB; void a() = 1;"), IDL_E0119,
		    IDL_E0119);
}

/* A chain of n operands is a tree of height n. */
static void expressions_have_a_height(void **state)
{
	char text[64 + 4 * (IDL_MAX_EXPR_DEPTH + 1)];
	int size = snprintf(text, sizeof(text), "package p;\nconst uint64 X = 1");

	(void)state;
	for (unsigned n = 1; n < IDL_MAX_EXPR_DEPTH; n++)
		size += snprintf(text + size, sizeof(text) - (size_t)size, " +1");
	memcpy(text + size, ";", 2);
	idl_program_free(test_parse_good(text));
	memcpy(text + size, "+1;", 4);
	test_expect(text, IDL_E0120);
}

static void types_have_a_depth(void **state)
{
	(void)state;
	test_expect(TEST_INTERFACE(
			    "void a(in sequence<sequence<sequence<sequence<sequence<sequence<"
			    "sequence<sequence<uint8,1>,1>,1>,1>,1>,1>,1>,1> x) = 1;"),
		    IDL_E0120);
}

static void parameters_have_a_number(void **state)
{
	char text[128 + 20 * (IDL_MAX_PARAMS + 1)];
	int size = snprintf(text, sizeof(text),
			    "package p;\ninterface i @0x1 version 1.0 {\nvoid a(");

	(void)state;
	for (unsigned n = 0; n < IDL_MAX_PARAMS; n++)
		size += snprintf(text + size, sizeof(text) - (size_t)size, "%sin uint8 p%u",
				 n ? ", " : "", n);
	snprintf(text + size, sizeof(text) - (size_t)size, ") = 1;\n};\n");
	idl_program_free(test_parse_good(text));
	snprintf(text + size, sizeof(text) - (size_t)size, ", in uint8 z) = 1;\n};\n");
	test_expect(text, IDL_E0121);
}

#define with_file(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_file(package_and_imports),
		with_file(constants_and_expressions),
		with_file(enums),
		with_file(interfaces_and_rules),
		with_file(structs_and_fields),
		with_file(methods_and_parameters),
		with_file(other_results_and_types),
		with_file(spans_cover_their_text),
		cmocka_unit_test(fractions),
		cmocka_unit_test(words_are_keywords_only_where_expected),
		cmocka_unit_test(documentation_may_not_end_the_comment_it_goes_into),
		cmocka_unit_test(misplaced_documentation_is_a_warning),
		cmocka_unit_test(one_run_reports_many),
		cmocka_unit_test(an_unclosed_body_is_reported_once),
		cmocka_unit_test(a_missing_number_gets_a_free_one),
		cmocka_unit_test(a_semicolon_is_missed_where_it_belongs),
		cmocka_unit_test(habits_of_c),
		cmocka_unit_test(types_in_types),
		cmocka_unit_test(habits_of_protobuf),
		cmocka_unit_test(habits_of_rpcgen),
		cmocka_unit_test(a_type_may_have_a_name_that_is_special_elsewhere),
		cmocka_unit_test(words_of_later_versions),
		cmocka_unit_test(rules_and_marks_have_their_place),
		cmocka_unit_test(expressions_have_a_height),
		cmocka_unit_test(types_have_a_depth),
		cmocka_unit_test(parameters_have_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
