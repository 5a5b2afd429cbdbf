/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extents as C expressions of type uint64_t, VB_EXTENT_BAD where they have no value.
 */
#ifndef VERBENA_CODEGEN_C_EXTENT_H
#define VERBENA_CODEGEN_C_EXTENT_H

#include "codegen/emit.h"
#include "idl/ast.h"

/* How an expression reads a parameter of the method; `context` is the caller's. */
typedef const char *gen_extent_value(struct gen_emit *e, const void *context,
				     const struct idl_param *param);

/* `result` is what `return` is called. */
const char *gen_extent(struct gen_emit *e, const struct idl_extent *extent, const char *result,
		       gen_extent_value *value, const void *context);

/* The largest value that a name's type lets an extent have; UINT64_MAX if it is more than that. */
uint64_t gen_extent_max(const struct idl_extent *extent);

/* Whether `param` is named in the extent. */
bool gen_extent_names(const struct idl_extent *extent, const struct idl_param *param);

#endif
