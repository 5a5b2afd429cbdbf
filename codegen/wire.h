/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of blocks, written and read: shared by the functions of structs and by the stubs. A root's
 * fields stand at constant places of the message, a struct's at `at` plus a constant.
 */
#ifndef VERBENA_CODEGEN_WIRE_H
#define VERBENA_CODEGEN_WIRE_H

#include "codegen/emit.h"
#include "idl/ast.h"
#include "idl/layout.h"

/* What is at hand where code is emitted. */
struct gen_place {
	const char *io;	   /* pointer to the struct vb_writer or vb_reader: "&vb_w", "writer" */
	const char *bytes; /* where the fields' offsets count from: "vb_msg", "block" */
	const char *at;	   /* the same as an offset in the message: "", "at + " */
	uint32_t skip;	   /* added to each offset: the header of a root */
	const char *minor; /* the agreed one */
	const char *fail;  /* the statement that fails; $error$ in it is the errno when writing */
};

/* Where a value is in C. */
struct gen_value {
	const char *value;   /* "value->x", "flags"; of what has no address only */
	const char *address; /* of the object or its first element: "&value->x", "st" */
	const char *count;   /* of a sequence or bytes: "value->n_x" */
};

/* Names of the functions that gen_wire() emits: "file_attr__put" and so on. */
const char *gen_wire_name(struct gen_emit *e, const struct idl_decl *decl, const char *verb);

/* Bytes of a growing struct's block at the agreed minor: a number or a call. */
const char *gen_struct_size(struct gen_emit *e, const struct idl_decl *decl, const char *minor);

/* "vb_msg + 32", "32": a field's bytes, and their offset in the message. */
const char *gen_field_bytes(struct gen_emit *e, const struct gen_place *place,
			    const struct idl_wire_field *field);
const char *gen_field_at(struct gen_emit *e, const struct gen_place *place,
			 const struct idl_wire_field *field);

/* Whether values of a SCALAR or FROZEN field, or of such elements, can be wrong. */
bool gen_kind_is_checked(enum idl_wire_kind kind, enum idl_scalar scalar,
			 const struct idl_decl *decl);

/* ---- c_put.c ---- */

/* Writes the field; every kind but PRESENCE, RESULT and BUFFER. Uses an int vb_error. */
void gen_put_field(struct gen_emit *e, const struct gen_place *place,
		   const struct idl_wire_field *field, const struct gen_value *value);

/* The functions of one growing struct. */
void gen_put_struct(struct gen_emit *e, const struct idl_decl *decl);

/* Whether every field is zero or absent: only for structs in fields of a later version. */
void gen_zero_struct(struct gen_emit *e, const struct idl_decl *decl);

/* ---- c_get.c ---- */

/* Checks a SCALAR or FROZEN field where it stands; nothing if every value is legal. */
void gen_check_field(struct gen_emit *e, const struct gen_place *place,
		     const struct idl_wire_field *field);

/* Refuses bytes in the gaps of a form. */
void gen_check_gaps(struct gen_emit *e, const struct gen_place *place,
		    const struct idl_wire_form *form);

/* Reads a STRING, BYTES, SEQUENCE or STRUCT into lvalues (STRUCT: to value->address). */
void gen_get_heap(struct gen_emit *e, const struct gen_place *place,
		  const struct idl_wire_field *field, const struct gen_value *value);

void gen_get_struct(struct gen_emit *e, const struct idl_decl *decl);

/*
 * What a struct reads as where its field is not known yet: zero, but strings are empty. Only for
 * structs in fields of a later version, and nothing for one without strings.
 */
void gen_default_struct(struct gen_emit *e, const struct idl_decl *decl);

#endif
