/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How C spells what the language has: types, parameters, values. Strings live as long as the text
 * they are for.
 */
#ifndef VERBENA_CODEGEN_C_TYPES_H
#define VERBENA_CODEGEN_C_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "codegen/emit.h"
#include "idl/ast.h"

/* "int32_t" for a scalar or enum, "struct file_stat" for a struct; of one value, not a string. */
const char *gen_c_type(struct gen_emit *e, const struct idl_type *type);

/* The scalar of a scalar or enum type; IDL_N_SCALARS for others. */
enum idl_scalar gen_type_scalar(const struct idl_type *type);

bool gen_type_is_struct(const struct idl_type *type); /* of either kind */
bool gen_type_is_frozen(const struct idl_type *type);

/* The enum of a type (or of a sequence's elements) as a comment with a blank before it, or "". */
const char *gen_enum_comment(struct gen_emit *e, const struct idl_type *type);

/* What a sequence points to, with its const: "const char *const", "const uint32_t". */
const char *gen_c_element(struct gen_emit *e, const struct idl_type *sequence);

/*
 * A C parameter of a method: bytes and sequences are two. decl is "const void *buffer", name what a
 * caller writes.
 */
struct gen_c_param {
	const char *decl;
	const char *name;
	const struct idl_param *param;
	bool is_count; /* the n_x of a sequence or bytes */
};

/* The C parameters of a method in order, in the emitter's arena. */
size_t gen_c_params(struct gen_emit *e, const struct idl_method *method,
		    const struct gen_c_param **ret_params);

/* "void" (a handler of a oneway method), "int", "int32_t" or "int64_t". */
const char *gen_c_result(const struct idl_method *method, bool is_handler);

/* A literal of the scalar's own type, usable in #if where C allows. */
const char *gen_c_value(struct gen_emit *e, enum idl_scalar scalar, const struct idl_value *value);

/* Letters in upper case, by the C locale whatever the user's is. */
const char *gen_upper(struct gen_emit *e, const char *text);

/* "file.vb.h" of "d/file"; and what a header guard may hold of it. */
const char *gen_base_name(const char *path);
const char *gen_guard(struct gen_emit *e, const char *header_path);

/* "file.read", as errors and documents call a method. */
const char *gen_method_title(struct gen_emit *e, const struct idl_decl *method);

/* Each method of an interface, in ascending order of number, in the emitter's arena. */
const struct idl_decl *const *gen_methods(struct gen_emit *e, const struct idl_decl *interface);

#endif
