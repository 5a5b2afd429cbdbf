// SPDX-License-Identifier: Apache-2.0
/*
 * Offsets and sizes, each worked out by hand from the wire format.
 */
#include "idl/check_fixture.h"

#include <stdlib.h>

#define FILE_IDL                                                                             \
	INTERFACE(1, "deadline 500ms; max_transfer 64MiB;"                                   \
		     "frozen struct stat { uint64 ino; uint64 size; int64 mtime_ns;"         \
		     "    uint32 mode; uint32 nlink; };"                                     \
		     "int32 open(in string<4095> path, in int32 flags, in uint32 mode) = 1;" \
		     "void close(in int32 fd) = 2;"                                          \
		     "void fstat(in int32 fd, out stat st) = 3;"                             \
		     "int64 read(in int32 fd, out bytes buffer[nbytes : return],"            \
		     "    in uint64 nbytes) = 4;"                                            \
		     "void echo(in stat a, out stat b) = 5;"                                 \
		     "oneway void note(in uint8 level, in string<99> text) = 6;")

static void assert_field(const struct idl_wire_block *block, size_t i, const char *name,
			 enum idl_wire_kind kind, uint32_t offset, uint32_t size)
{
	assert_true(i < block->n_fields);
	assert_string_equal(block->fields[i].name, name);
	assert_int_equal(block->fields[i].kind, kind);
	assert_int_equal(block->fields[i].offset, offset);
	assert_int_equal(block->fields[i].size, size);
}

static void assert_gap(const struct idl_wire_form *form, size_t i, uint32_t offset, uint32_t size)
{
	assert_true(i < form->n_gaps);
	assert_int_equal(form->gaps[i].offset, offset);
	assert_int_equal(form->gaps[i].size, size);
}

static void a_read_request_is_48_bytes(void **state)
{
	struct idl_program *program = compile_good(FILE_IDL);
	const struct idl_message_layout *request = &method_layout(program, "read")->request;

	(void)state;
	assert_int_equal(request->root.n_fields, 3);
	assert_field(&request->root, 0, "fd", IDL_WIRE_SCALAR, 0, 4);
	assert_field(&request->root, 1, "buffer", IDL_WIRE_BUFFER, 8, 8);
	assert_field(&request->root, 2, "nbytes", IDL_WIRE_SCALAR, 16, 8);
	assert_int_equal(request->fixed, 48);
	assert_int_equal(request->min, 48);
	/* The records of the exposed buffer: 16 of 24 bytes. */
	assert_int_equal(request->max, 48 + 384);
	assert_int_equal(request->root.forms[0].n_gaps, 1);
	assert_gap(&request->root.forms[0], 0, 4, 4);
	assert_false(request->is_simple);
	idl_program_free(program);
}

static void a_read_reply_of_32_bytes_is_64_bytes(void **state)
{
	struct idl_program *program = compile_good(FILE_IDL);
	const struct idl_method_layout *layout = method_layout(program, "read");
	const struct idl_message_layout *reply = &layout->reply;

	(void)state;
	assert_int_equal(reply->root.n_fields, 1);
	assert_field(&reply->root, 0, "result", IDL_WIRE_RESULT, 0, 8);
	assert_int_equal(reply->fixed + 32, 64);
	assert_int_equal(reply->n_heap, 1);
	assert_string_equal(reply->heap[0]->name, "buffer");
	assert_int_equal(reply->heap[0]->inline_max, 4096);
	assert_int_equal(reply->heap[0]->room_max, 64 << 20);
	assert_true(reply->heap[0]->may_expose);
	assert_int_equal(reply->max, 32 + 4096);
	assert_int_equal(layout->n_buffers, 1);
	assert_int_equal(layout->n_out_buffers, 1);
	assert_true(layout->buffers[0]->is_clamped);
	idl_program_free(program);
}

static void an_echo_of_32_bytes_is_56_bytes_each_way(void **state)
{
	struct idl_program *program = compile_good(FILE_IDL);
	const struct idl_method_layout *layout = method_layout(program, "echo");

	(void)state;
	assert_int_equal(layout->request.fixed, 56);
	assert_int_equal(layout->request.max, 56);
	assert_int_equal(layout->reply.fixed, 56);
	assert_field(&layout->reply.root, 0, "b", IDL_WIRE_FROZEN, 0, 32);
	assert_int_equal(layout->request.root.forms[0].n_gaps, 0);
	assert_true(layout->is_simple);
	idl_program_free(program);
}

static void small_messages_are_multiples_of_8(void **state)
{
	struct idl_program *program = compile_good(FILE_IDL);
	const struct idl_method_layout *layout = method_layout(program, "close");

	(void)state;
	assert_int_equal(layout->request.fixed, 32);
	assert_gap(&layout->request.root.forms[0], 0, 4, 4);
	assert_int_equal(layout->reply.fixed, 24);
	assert_int_equal(layout->reply.root.n_fields, 0);
	assert_true(layout->is_simple);
	idl_program_free(program);
}

static void strings_are_spans_with_their_nul(void **state)
{
	struct idl_program *program = compile_good(FILE_IDL);
	const struct idl_message_layout *request = &method_layout(program, "open")->request;

	(void)state;
	assert_field(&request->root, 0, "path", IDL_WIRE_STRING, 0, 8);
	assert_field(&request->root, 1, "flags", IDL_WIRE_SCALAR, 8, 4);
	assert_field(&request->root, 2, "mode", IDL_WIRE_SCALAR, 12, 4);
	assert_int_equal(request->fixed, 40);
	assert_int_equal(request->min, 48);
	assert_int_equal(request->max, 40 + 4096);
	idl_program_free(program);
}

static void a_oneway_method_has_no_reply(void **state)
{
	struct idl_program *program = compile_good(FILE_IDL);
	const struct idl_method_layout *layout = method_layout(program, "note");

	(void)state;
	assert_int_equal(layout->request.fixed, 40);
	assert_int_equal(layout->request.max, 40 + 104);
	assert_int_equal(layout->reply.fixed, 0);
	assert_int_equal(layout->reply.max, 0);
	assert_int_equal(layout->reply.root.n_fields, 0);
	idl_program_free(program);
}

static void frozen_structs_lie_as_c_lays_them(void **state)
{
	struct stat_like {
		uint8_t kind;
		bool flag;
		int16_t pair[3];
		double x;
	};
	struct idl_program *program = compile_good(
		INTERFACE(0, "frozen struct s { uint8 kind; bool flag; int16 pair[3]; float64 x; };"
			     "void f(in s v) = 1;"));
	const struct idl_struct_layout *layout = struct_layout(program, "s");

	(void)state;
	assert_int_equal(layout->c_size, sizeof(struct stat_like));
	assert_int_equal(layout->c_align, _Alignof(struct stat_like));
	assert_int_equal(layout->c_offsets[1], offsetof(struct stat_like, flag));
	assert_int_equal(layout->c_offsets[2], offsetof(struct stat_like, pair));
	assert_int_equal(layout->c_offsets[3], offsetof(struct stat_like, x));
	assert_true(layout->is_checked);
	idl_program_free(program);
}

#define OPTIONS_IDL                                                                          \
	INTERFACE(2, "struct options { uint32 flags; optional uint8 level; string<20> name;" \
		     "    uint16 depth since 1.1; optional uint64 limit since 1.2; };"       \
		     "struct batch { sequence<options, 10> all; options first; };"           \
		     "void set(in options o) = 1; void run(in batch b) = 2;")

static void growing_structs_have_a_form_for_each_minor(void **state)
{
	struct idl_program *program = compile_good(OPTIONS_IDL);
	const struct idl_wire_block *block = &struct_layout(program, "options")->block;

	(void)state;
	assert_int_equal(block->n_fields, 6);
	assert_field(block, 0, "flags", IDL_WIRE_SCALAR, 0, 4);
	assert_field(block, 1, "presence0", IDL_WIRE_PRESENCE, 4, 4);
	assert_field(block, 2, "level", IDL_WIRE_SCALAR, 8, 1);
	assert_field(block, 3, "name", IDL_WIRE_STRING, 16, 8);
	assert_field(block, 4, "depth", IDL_WIRE_SCALAR, 24, 2);
	assert_field(block, 5, "limit", IDL_WIRE_SCALAR, 32, 8);
	assert_int_equal(block->n_forms, 3);
	assert_int_equal(idl_wire_form_at(block, 0)->size, 24);
	assert_int_equal(idl_wire_form_at(block, 0)->n_fields, 4);
	assert_int_equal(idl_wire_form_at(block, 1)->size, 32);
	assert_gap(idl_wire_form_at(block, 1), 1, 26, 6);
	assert_int_equal(idl_wire_form_at(block, 2)->size, 40);
	assert_int_equal(idl_wire_form_at(block, 9)->size, 40);
	idl_program_free(program);
}

static void presence_bits_grow_with_the_minor(void **state)
{
	struct idl_program *program = compile_good(OPTIONS_IDL);
	const struct idl_wire_block *block = &struct_layout(program, "options")->block;

	(void)state;
	assert_int_equal(block->n_presence, 1);
	assert_int_equal(block->fields[2].presence_word, 0);
	assert_int_equal(block->fields[5].presence_bit, 1);
	assert_int_equal(block->fields[0].presence_word, IDL_NOT_OPTIONAL);
	assert_int_equal(idl_wire_presence_mask(block, 0, 0), 1);
	assert_int_equal(idl_wire_presence_mask(block, 0, 1), 1);
	assert_int_equal(idl_wire_presence_mask(block, 0, 2), 3);
	assert_int_equal(idl_wire_presence_mask(block, 1, 2), 0);
	idl_program_free(program);
}

static void the_33rd_optional_field_opens_a_word(void **state)
{
	char text[4096] = "package p;\ninterface file " ID " version 1.0 { struct s {";
	size_t n = strlen(text);
	struct idl_program *program;
	const struct idl_wire_block *block;

	(void)state;
	for (int i = 0; i < 33; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "optional uint32 f%d; ", i);
	snprintf(text + n, sizeof(text) - n, "}; void m(in s v) = 1; };");
	program = compile_good(text);
	block = &struct_layout(program, "s")->block;
	assert_int_equal(block->n_presence, 2);
	assert_field(block, 33, "presence1", IDL_WIRE_PRESENCE, 33 * 4, 4);
	assert_field(block, 34, "f32", IDL_WIRE_SCALAR, 34 * 4, 4);
	assert_int_equal(block->fields[34].presence_word, 1);
	assert_int_equal(block->fields[34].presence_bit, 0);
	assert_int_equal(idl_wire_presence_mask(block, 0, 0), UINT32_MAX);
	idl_program_free(program);
}

static void heap_maxima_count_every_level(void **state)
{
	struct idl_program *program = compile_good(OPTIONS_IDL);
	const struct idl_struct_layout *options = struct_layout(program, "options");
	const struct idl_struct_layout *batch = struct_layout(program, "batch");

	(void)state;
	/* "name" and its NUL, 21 bytes, rounded. */
	assert_int_equal(options->heap_max, 24);
	assert_int_equal(options->heap_min, 8);
	/* Ten blocks and their strings, one block and its string. */
	assert_int_equal(batch->heap_max, 10 * 40 + 10 * 24 + 40 + 24);
	/* The sequence may be empty; the struct may be of minor 0, and its string empty. */
	assert_int_equal(batch->heap_min, 24 + 8);
	assert_true(options->is_variable);
	assert_int_equal(batch->depth, 2);
	/* C: flags, has_level, level, name, depth, has_limit, limit. */
	assert_int_equal(options->c_size, 32);
	assert_int_equal(batch->arena_max, 320);
	idl_program_free(program);
}

static void reserved_fields_are_gaps(void **state)
{
	struct idl_program *program = compile_good(INTERFACE(
		1, "struct s { uint32 a; reserved optional uint8 b; reserved uint32 old[2];"
		   "    optional uint32 c; reserved string<9> d since 1.1; };"
		   "void m(in s v) = 1;"));
	const struct idl_wire_block *block = &struct_layout(program, "s")->block;

	(void)state;
	assert_int_equal(block->n_fields, 3);
	assert_field(block, 1, "presence0", IDL_WIRE_PRESENCE, 4, 4);
	assert_field(block, 2, "c", IDL_WIRE_SCALAR, 20, 4);
	assert_int_equal(block->fields[2].presence_bit, 1);
	assert_int_equal(idl_wire_presence_mask(block, 0, 1), 2);
	assert_int_equal(idl_wire_form_at(block, 0)->size, 24);
	assert_gap(idl_wire_form_at(block, 0), 0, 8, 12);
	assert_int_equal(idl_wire_form_at(block, 1)->size, 32);
	assert_gap(idl_wire_form_at(block, 1), 1, 24, 8);
	assert_int_equal(struct_layout(program, "s")->heap_max, 0);
	idl_program_free(program);
}

static void buffers_come_last_in_a_reply(void **state)
{
	struct idl_program *program = compile_good(
		INTERFACE(0, "struct info { uint32 a; };"
			     "int32 m(out bytes<100> x[n : return], in uint32 n, out info i,"
			     "    inout int32 y[4], in uint16 z[k], in uint8 k) = 1;"));
	const struct idl_method_layout *layout = method_layout(program, "m");

	(void)state;
	assert_int_equal(layout->request.n_heap, 3);
	assert_string_equal(layout->request.heap[0]->name, "x");
	assert_string_equal(layout->request.heap[1]->name, "y");
	assert_string_equal(layout->request.heap[2]->name, "z");
	assert_int_equal(layout->request.heap[0]->room_max, 100);
	assert_int_equal(layout->request.heap[0]->heap_max, 0);
	assert_int_equal(layout->request.heap[1]->heap_max, 16);
	assert_int_equal(layout->request.heap[2]->room_max, 510);
	assert_int_equal(layout->request.heap[2]->heap_max, 512);
	assert_int_equal(layout->reply.n_heap, 3);
	assert_string_equal(layout->reply.heap[0]->name, "i");
	assert_string_equal(layout->reply.heap[1]->name, "x");
	assert_string_equal(layout->reply.heap[2]->name, "y");
	/* result, gap, span; the block of info; 100 and 16 bytes of buffers. */
	assert_int_equal(layout->reply.fixed, 24 + 16);
	assert_int_equal(layout->reply.min, 40 + 8);
	assert_int_equal(layout->reply.max, 40 + 8 + 104 + 16);
	idl_program_free(program);
}

static void buffers_that_do_not_fit_together_may_be_exposed(void **state)
{
	struct idl_program *program = compile_good(
		INTERFACE(0, "void m(in bytes<4096> a[n], in bytes<4096> b[n], in bytes<4096> c[n],"
			     "    in uint32 n) = 1;"));
	const struct idl_message_layout *request = &method_layout(program, "m")->request;

	(void)state;
	assert_true(request->heap[0]->may_expose);
	assert_int_equal(request->max, 24 + 32 + 3 * 4096);
	assert_int_equal(request->max_exposed, 24 + 32 + 3 * 384);
	idl_program_free(program);
}

static char *printed(const char *text)
{
	struct idl_program *program = compile_good(text);
	char *buffer = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&buffer, &size);

	assert_non_null(out);
	idl_layout_print(program, out);
	fclose(out);
	idl_program_free(program);
	return buffer;
}

static void the_text_lists_every_byte(void **state)
{
	char *text = printed(INTERFACE(
		1, "struct s { uint8 a; optional uint16 b; uint64 c since 1.1; };"
		   "enum e : int8 { LOW = -1, HIGH = 1 << 2 };"
		   "int64 get(in s v, out bytes x[2 * n : return], in uint32 n) = 2 idempotent;"));

	(void)state;
	assert_string_equal(text, "package example\n"
				  "\ninterface file @0x9f3c61d2a7b04e15 version 1.1\n"
				  "\nstruct s\n"
				  "  1.0  size 12 align 4\n"
				  "  1.1  size 24 align 8\n"
				  "       0      1  uint8 a\n"
				  "       1      3  zero\n"
				  "       4      4  uint32 presence0\n"
				  "       8      2  uint16 b  presence0 bit 0\n"
				  "      10      6  zero\n"
				  "      16      8  uint64 c  since 1.1\n"
				  "\nenum e : int8\n"
				  "  -1  LOW\n"
				  "  4  HIGH\n"
				  "\nmethod 2  int64 get  idempotent\n"
				  " request  fixed 48\n"
				  "       0      8  in s v\n"
				  "       8      8  out bytes x[2 * n : return]\n"
				  "      16      4  in uint32 n\n"
				  "      20      4  zero\n"
				  "           heap  in s v\n"
				  "           heap  out bytes x[2 * n : return]\n"
				  " reply  fixed 32\n"
				  "       0      8  int64 result\n"
				  "           heap  out bytes x[2 * n : return]\n");
	free(text);
}

static void the_text_is_the_same_when_no_byte_moves(void **state)
{
	char *old = printed(INTERFACE(0, "void b(in uint8 x) = 2; void a(in string<8> s) = 1;"));
	char *new = printed(INTERFACE(0, "deadline 5s; const uint32 N = 8; /* moved */"
					 "void a(in string<N> s) = 1 deprecated errors(EIO);"
					 "void b(in uint8 x) = 2;"));

	(void)state;
	assert_string_equal(old, new);
	free(old);
	free(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read_request_is_48_bytes),
		cmocka_unit_test(a_read_reply_of_32_bytes_is_64_bytes),
		cmocka_unit_test(an_echo_of_32_bytes_is_56_bytes_each_way),
		cmocka_unit_test(small_messages_are_multiples_of_8),
		cmocka_unit_test(strings_are_spans_with_their_nul),
		cmocka_unit_test(a_oneway_method_has_no_reply),
		cmocka_unit_test(frozen_structs_lie_as_c_lays_them),
		cmocka_unit_test(growing_structs_have_a_form_for_each_minor),
		cmocka_unit_test(presence_bits_grow_with_the_minor),
		cmocka_unit_test(the_33rd_optional_field_opens_a_word),
		cmocka_unit_test(heap_maxima_count_every_level),
		cmocka_unit_test(reserved_fields_are_gaps),
		cmocka_unit_test(buffers_come_last_in_a_reply),
		cmocka_unit_test(buffers_that_do_not_fit_together_may_be_exposed),
		cmocka_unit_test(the_text_lists_every_byte),
		cmocka_unit_test(the_text_is_the_same_when_no_byte_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
