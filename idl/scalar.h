/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of facts about scalar types; checker, layout and every emitter read it.
 */
#ifndef VERBENA_IDL_SCALAR_H
#define VERBENA_IDL_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum idl_scalar {
	IDL_BOOL,
	IDL_INT8,
	IDL_INT16,
	IDL_INT32,
	IDL_INT64,
	IDL_UINT8,
	IDL_UINT16,
	IDL_UINT32,
	IDL_UINT64,
	IDL_FLOAT32,
	IDL_FLOAT64,
	IDL_N_SCALARS,
};

struct idl_scalar_info {
	const char *name;	    /* in the language: "uint32" */
	const char *c_type;	    /* "uint32_t" */
	const char *constant_macro; /* types a literal: "UINT32_C"; NULL: none exists */
	uint32_t size;		    /* bytes, in C and on the wire; also the alignment */
	bool is_integer;	    /* not bool, not float */
	bool is_signed;		    /* integers and floats */
	bool is_float;
	int64_t min;		       /* integers and bool */
	uint64_t max;		       /* integers and bool */
	enum idl_scalar unsigned_twin; /* same size, unsigned: what a store of its bits uses */
};

/* Facts of a scalar, a static object. */
const struct idl_scalar_info *idl_scalar_info(enum idl_scalar scalar);

/* Whether the `size` bytes at `text` name a scalar; *ret_scalar is written only then. */
bool idl_scalar_find(const char *text, size_t size, enum idl_scalar *ret_scalar);

#endif
