/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two halves of a method have in common.
 */
#ifndef VERBENA_CODEGEN_STUB_H
#define VERBENA_CODEGEN_STUB_H

#include "codegen/emit.h"
#include "idl/ast.h"
#include "idl/layout.h"

struct gen_method {
	const struct idl_decl *decl;
	const struct idl_method *method;
	const struct idl_method_layout *layout;
	size_t index;	     /* in the table of methods */
	uint32_t reply_heap; /* header, root and structs of the reply: where its buffers begin */
};

void gen_method_init(struct gen_method *m, const struct idl_decl *decl, size_t index);

/* A parameter's field in a message's root; NULL if it has none there. */
const struct idl_wire_field *gen_field_of(const struct idl_message_layout *message,
					  const struct idl_param *param);

/* "vb_get_int32(vb_msg + 24)": a scalar of a root. */
const char *gen_root_scalar(struct gen_emit *e, const char *bytes,
			    const struct idl_wire_field *field);

/* The most units that a buffer's room may have. */
uint64_t gen_units_max(const struct gen_method *m, const struct idl_param *param);

/* Whether every unit of the room is meaningful, so that there is no other length. */
bool gen_is_whole(const struct idl_param *param);

/* An expression in bytes of one in units. */
const char *gen_bytes_of(struct gen_emit *e, const char *units, uint32_t size);

/* Whether code touches the root itself, and not only spans by their offset in the message. */
bool gen_root_is_touched(const struct idl_wire_block *root);

/* The result's field of a reply, or NULL. */
const struct idl_wire_field *gen_result_field(const struct gen_method *m);

#endif
