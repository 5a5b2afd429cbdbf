// SPDX-License-Identifier: Apache-2.0
#include "codegen/c_extent.h"

#include <inttypes.h>

#include "codegen/c_types.h"

static const char *extent_binary(struct gen_emit *e, const char *function,
				 const struct idl_extent *extent, const char *result,
				 gen_extent_value *value, const void *context)
{
	return gen_format(e, "%s(%s, %s)", function,
			  gen_extent(e, extent->left, result, value, context),
			  gen_extent(e, extent->right, result, value, context));
}

const char *gen_extent(struct gen_emit *e, const struct idl_extent *extent, const char *result,
		       gen_extent_value *value, const void *context)
{
	switch (extent->kind) {
	case IDL_EXTENT_RETURN:
		return gen_format(e, "(uint64_t)%s", result);
	case IDL_EXTENT_NUMBER:
		return gen_format(e, "UINT64_C(%" PRIu64 ")", extent->value);
	case IDL_EXTENT_NAME:
		if (!extent->param)
			return gen_format(e, "UINT64_C(%" PRIu64 ")", extent->value);
		if (idl_scalar_info(gen_type_scalar(extent->param->type))->is_signed)
			return gen_format(e, "vb_extent_signed(%s)",
					  value(e, context, extent->param));
		return value(e, context, extent->param);
	case IDL_EXTENT_ADD:
		return extent_binary(e, "vb_extent_add", extent, result, value, context);
	case IDL_EXTENT_MULTIPLY:
		return extent_binary(e, "vb_extent_multiply", extent, result, value, context);
	}
	return "";
}

uint64_t gen_extent_max(const struct idl_extent *extent)
{
	if (extent->kind == IDL_EXTENT_NUMBER ||
	    (extent->kind == IDL_EXTENT_NAME && !extent->param))
		return extent->value;
	if (extent->kind != IDL_EXTENT_NAME)
		return UINT64_MAX;
	const struct idl_scalar_info *const info =
		idl_scalar_info(gen_type_scalar(extent->param->type));
	/* A negative one is VB_EXTENT_BAD. */
	return info->is_signed ? UINT64_MAX : info->max;
}

bool gen_extent_names(const struct idl_extent *extent, const struct idl_param *param)
{
	if (extent->kind == IDL_EXTENT_NAME)
		return extent->param == param;
	if (extent->kind == IDL_EXTENT_ADD || extent->kind == IDL_EXTENT_MULTIPLY)
		return gen_extent_names(extent->left, param) ||
		       gen_extent_names(extent->right, param);
	return false;
}
