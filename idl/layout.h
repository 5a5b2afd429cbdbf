/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where every byte goes. layout.c is the only place in the compiler that computes an offset or a
 * size; emitters walk the arrays below in order and write stores and loads.
 *
 * A block is a run of fields at constant offsets: the root of a request or reply, or a growing
 * struct. Offsets of a block count from its first byte, which lies at a multiple of 8 (root, lone
 * struct) or of the block's alignment (element of a sequence). A root begins IDL_HEADER_SIZE bytes
 * into its message.
 *
 * A frozen struct is never a block: its C form is its wire form, a field or element of c_size bytes
 * that memcpy moves.
 *
 * Everything lies in the program's arena, and exists only in a program without errors.
 */
#ifndef VERBENA_IDL_LAYOUT_H
#define VERBENA_IDL_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "idl/ast.h"

struct idl_arena;
struct idl_program;

/* Bytes before a message's root. */
#define IDL_HEADER_SIZE 24u

/* Size and alignment of a span {u32 offset, length} and of a buffer {u32 offset, records}. */
#define IDL_SPAN_SIZE 8u

/* What messages, roots and every heap block are rounded up to. */
#define IDL_HEAP_ALIGN 8u

/* A bulk record, and how many of them one exposed buffer may have. */
#define IDL_RECORD_SIZE 24u
#define IDL_MAX_RECORDS 16u

/* Fields that share one word of presence bits. */
#define IDL_PRESENCE_BITS 32u

/* A C struct may be this large: the arithmetic on sizes stays far from its limits. */
#define IDL_MAX_STRUCT_SIZE (16u << 20)

/* presence_word of a field that is not optional. */
#define IDL_NOT_OPTIONAL UINT32_MAX

/* A maximum that is beyond 64 bits; never seen in a program without errors. */
#define IDL_SIZE_OVERFLOW UINT64_MAX

enum idl_wire_kind {
	IDL_WIRE_RESULT,   /* of an int32 or int64 method; first in the reply */
	IDL_WIRE_PRESENCE, /* u32: presence bits of the optional fields behind it */
	IDL_WIRE_SCALAR,   /* scalar or enum, or an array of them */
	IDL_WIRE_FROZEN,   /* frozen struct, or an array of them */
	/* The rest are 8 bytes at the offset, and a block in the heap. */
	IDL_WIRE_STRING,   /* span: its bytes and a NUL */
	IDL_WIRE_BYTES,	   /* span: bytes<N> without an extent */
	IDL_WIRE_SEQUENCE, /* span: elements; see idl_wire_element */
	IDL_WIRE_STRUCT,   /* span: block of a growing struct */
	IDL_WIRE_BUFFER,   /* buffer: parameter with an extent; in a reply it is in heap[] only */
};

/* What a sequence's block holds, element by element. */
struct idl_wire_element {
	enum idl_wire_kind kind; /* SCALAR, FROZEN, STRING (a span each) or STRUCT (its block) */
	enum idl_scalar scalar;	 /* SCALAR: also that of an enum */
	const struct idl_decl *decl; /* enum or struct; NULL: a plain scalar or a string */
	uint32_t size;		     /* stride; STRUCT: at the last minor, see its layout */
	uint32_t bound;		     /* STRING: its N */
};

/*
 * One field of a block, in order of offset. An array is one field: count elements of size / count
 * bytes each. Reserved fields are gaps, not fields.
 */
struct idl_wire_field {
	enum idl_wire_kind kind;
	uint32_t offset;	       /* in its block; a BUFFER of a reply: 0, it has no place */
	uint32_t size;		       /* bytes in the block; a BUFFER of a reply: 0 */
	uint32_t count;		       /* 1, or the array's size */
	bool is_array;		       /* x[1] is an array too */
	enum idl_scalar scalar;	       /* RESULT, PRESENCE, SCALAR: what is stored there */
	const struct idl_decl *decl;   /* SCALAR: the enum or NULL; FROZEN, STRUCT: the struct */
	const struct idl_field *field; /* in a struct; NULL in a root, and for PRESENCE */
	const struct idl_param *param; /* in a root; NULL in a struct, and for RESULT */
	const char *name;	       /* of field or param; "result"; "presence0" and so on */
	uint32_t since_minor;	       /* first minor that has it; 0 in a root */

	uint32_t presence_word; /* index of PRESENCE fields, from 0; IDL_NOT_OPTIONAL */
	uint32_t presence_bit;	/* 0 to 31 */

	uint32_t bound; /* STRING, BYTES, SEQUENCE: N (bytes without NUL, bytes, elements) */
	struct idl_wire_element element; /* SEQUENCE; BUFFER: kind, scalar, decl, size of a unit */
	uint64_t room_max;   /* BUFFER: most bytes of room, by type, bound and max_transfer */
	uint32_t inline_max; /* BUFFER: most bytes that travel in a message */
	bool may_expose;     /* BUFFER: room_max is above inline_max; never in a oneway method */

	/* Most bytes of heap beneath this field, all of its array or sequence, rounded; else 0. */
	uint64_t heap_max;
};

/* Bytes that belong to no field: the writer zeroes them, the reader refuses anything else. */
struct idl_wire_gap {
	uint32_t offset;
	uint32_t size;
};

/* A block as one minor version knows it: its first n_fields fields and nothing else. */
struct idl_wire_form {
	uint32_t minor;			 /* holds from this minor to that of the next form */
	uint32_t n_fields;		 /* of the block's fields */
	uint32_t size;			 /* multiple of align; the stride in a sequence */
	uint32_t align;			 /* largest alignment of its fields */
	const struct idl_wire_gap *gaps; /* in order; padding, tail and reserved fields, merged */
	size_t n_gaps;
};

struct idl_wire_block {
	const struct idl_wire_field *fields; /* by offset, thus in order of declaration */
	size_t n_fields;
	const struct idl_wire_form *forms; /* ascending minor; a root has one, of minor 0 */
	size_t n_forms;			   /* at least 1 */
	size_t n_presence;		   /* words of presence bits */
};

struct idl_struct_layout {
	/* The C form on an LP64 machine; what the static assertions of a frozen struct say. */
	uint32_t c_size;
	uint32_t c_align;
	const uint32_t *c_offsets; /* by idl_field.index; frozen structs only, else NULL */

	/* Structs in structs, 1 for none: at most IDL_MAX_STRUCT_DEPTH, so recursion is safe. */
	unsigned depth;

	bool is_checked; /* frozen: holds a bool or closed enum somewhere, so values are refused */

	/* A string, bytes or a sequence somewhere: C pointers, and heap of no constant size. */
	bool is_variable;

	/* Growing structs only; no fields and no forms otherwise. */
	struct idl_wire_block block;
	bool has_heap;	    /* some field has a block in the heap */
	uint64_t heap_min;  /* least bytes of heap beneath one struct, its own block not counted */
	uint64_t heap_max;  /* most bytes of the same, over all minors */
	uint64_t arena_max; /* bytes of C arrays behind one decoded struct, each rounded up to 8 */
};

/* One message of a method. */
struct idl_message_layout {
	struct idl_wire_block root; /* its one form: size is a multiple of 8 */
	/*
	 * What has a block in the heap, in the order in which the cursor meets it. In a request:
	 * the root's span and BUFFER fields by offset. In a reply: the root's spans by offset, all
	 * of a size that is constant at a minor, then the BUFFERs in order of declaration.
	 */
	const struct idl_wire_field *const *heap;
	size_t n_heap;
	uint32_t fixed; /* IDL_HEADER_SIZE and the root: multiple of 8 */
	uint32_t min;	/* and the heap that no value can avoid */
	uint32_t max;	/* and all of the heap at its largest, buffers inline or as records */
	/*
	 * max without the bytes of buffers that may be exposed instead (a request has their records
	 * in their place). Above max_message the stub checks the real size.
	 */
	uint32_t max_exposed;
	bool is_simple; /* no heap: every message is exactly `fixed` bytes */
};

struct idl_method_layout {
	struct idl_message_layout request;
	struct idl_message_layout reply; /* of a oneway method: no fields, all sizes 0 */
	/* Buffer parameters in order of declaration: the index of struct vb_buffer. */
	const struct idl_param *const *buffers;
	size_t n_buffers;
	size_t n_out_buffers; /* out and inout ones among them */
	uint64_t arena_max;   /* C arrays of a decoded request, each rounded up to 8 */
	bool is_simple;	      /* both messages are; needs neither cursor nor arena */
};

/*
 * Lays out every struct and method of a checked program and sets their `layout`; reports what
 * cannot fit (E04xx, W04xx).
 */
void idl_layout_program(struct idl_program *program);

/*
 * The C form of a struct whose fields are checked, the members for the wire still empty; NULL when
 * it is larger than IDL_MAX_STRUCT_SIZE. The checker asks for it, to find padding.
 */
struct idl_struct_layout *idl_layout_c_form(struct idl_arena *arena, const struct idl_decl *decl);

/* Bytes of a field's member in C, all elements of an array; has_ and n_ members not counted. */
uint64_t idl_layout_c_field_size(const struct idl_field *field);

/*
 * Writes every offset of the main file of a program without errors, as text that changes exactly
 * when the wire does: what a committed *.layout file holds. Errors of `out` are the caller's to ask
 * for.
 */
void idl_layout_print(const struct idl_program *program, FILE *out);

/* The form of a block at an agreed minor; never NULL. */
const struct idl_wire_form *idl_wire_form_at(const struct idl_wire_block *block, uint32_t minor);

/*
 * The presence bits that a block of `minor` may have set in word `word` (presence_word of its
 * fields): those of fields that it knows; 0 for a word that it has not got.
 */
uint32_t idl_wire_presence_mask(const struct idl_wire_block *block, uint32_t word, uint32_t minor);

#endif
