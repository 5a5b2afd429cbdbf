// SPDX-License-Identifier: Apache-2.0
#include "codegen/stub.h"

#include <inttypes.h>

#include "codegen/c_extent.h"

void gen_method_init(struct gen_method *m, const struct idl_decl *decl, size_t index)
{
	const struct idl_method_layout *const layout = decl->u.method.layout;

	*m = (struct gen_method){
		.decl = decl,
		.method = &decl->u.method,
		.layout = layout,
		.index = index,
		.reply_heap = layout->reply.fixed,
	};
	/* A reply's structs have a size that is constant at a minor; this is the largest. */
	for (size_t i = 0; i < layout->reply.n_heap; i++)
		if (layout->reply.heap[i]->kind != IDL_WIRE_BUFFER)
			m->reply_heap += (uint32_t)layout->reply.heap[i]->heap_max;
}

const struct idl_wire_field *gen_field_of(const struct idl_message_layout *message,
					  const struct idl_param *param)
{
	for (size_t i = 0; i < message->root.n_fields; i++)
		if (message->root.fields[i].param == param)
			return &message->root.fields[i];
	return NULL;
}

const char *gen_root_scalar(struct gen_emit *e, const char *bytes,
			    const struct idl_wire_field *field)
{
	return gen_format(e, "vb_get_%s(%s + %" PRIu32 ")", idl_scalar_info(field->scalar)->name,
			  bytes, IDL_HEADER_SIZE + field->offset);
}

uint64_t gen_units_max(const struct gen_method *m, const struct idl_param *param)
{
	const struct idl_wire_field *const field = gen_field_of(&m->layout->request, param);

	return field->room_max / param->element_size;
}

static bool extents_equal(const struct idl_extent *a, const struct idl_extent *b)
{
	if (a == b)
		return true;
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case IDL_EXTENT_RETURN:
		return true;
	case IDL_EXTENT_NUMBER:
		return a->value == b->value;
	case IDL_EXTENT_NAME:
		return a->param == b->param && a->constant == b->constant;
	default:
		return extents_equal(a->left, b->left) && extents_equal(a->right, b->right);
	}
}

/* Whether a parameter that comes back is named: its value then is another. */
static bool names_out(const struct idl_extent *extent)
{
	if (extent->kind == IDL_EXTENT_NAME)
		return extent->param && extent->param->direction != IDL_IN;
	if (extent->kind == IDL_EXTENT_ADD || extent->kind == IDL_EXTENT_MULTIPLY)
		return names_out(extent->left) || names_out(extent->right);
	return false;
}

bool gen_is_whole(const struct idl_param *param)
{
	return extents_equal(param->room, param->length) && !names_out(param->length);
}

bool gen_root_is_touched(const struct idl_wire_block *root)
{
	for (size_t i = 0; i < root->n_fields; i++)
		if (root->fields[i].kind == IDL_WIRE_SCALAR ||
		    root->fields[i].kind == IDL_WIRE_FROZEN)
			return true;
	return root->forms[0].n_gaps > 0;
}

const char *gen_bytes_of(struct gen_emit *e, const char *units, uint32_t size)
{
	return size > 1 ? gen_format(e, "%s * %" PRIu32, units, size) : units;
}

const struct idl_wire_field *gen_result_field(const struct gen_method *m)
{
	const struct idl_wire_block *const root = &m->layout->reply.root;

	if (root->n_fields && root->fields[0].kind == IDL_WIRE_RESULT)
		return &root->fields[0];
	return NULL;
}
