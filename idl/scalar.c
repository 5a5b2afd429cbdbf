// SPDX-License-Identifier: Apache-2.0
#include "idl/scalar.h"

#include "idl/source.h"

static const struct idl_scalar_info scalars[IDL_N_SCALARS] = {
	[IDL_BOOL] =
		{.name = "bool", .c_type = "bool", .size = 1, .max = 1, .unsigned_twin = IDL_UINT8},
	[IDL_INT8] = {.name = "int8",
		      .c_type = "int8_t",
		      .constant_macro = "INT8_C",
		      .size = 1,
		      .is_integer = true,
		      .is_signed = true,
		      .min = INT8_MIN,
		      .max = INT8_MAX,
		      .unsigned_twin = IDL_UINT8},
	[IDL_INT16] = {.name = "int16",
		       .c_type = "int16_t",
		       .constant_macro = "INT16_C",
		       .size = 2,
		       .is_integer = true,
		       .is_signed = true,
		       .min = INT16_MIN,
		       .max = INT16_MAX,
		       .unsigned_twin = IDL_UINT16},
	[IDL_INT32] = {.name = "int32",
		       .c_type = "int32_t",
		       .constant_macro = "INT32_C",
		       .size = 4,
		       .is_integer = true,
		       .is_signed = true,
		       .min = INT32_MIN,
		       .max = INT32_MAX,
		       .unsigned_twin = IDL_UINT32},
	[IDL_INT64] = {.name = "int64",
		       .c_type = "int64_t",
		       .constant_macro = "INT64_C",
		       .size = 8,
		       .is_integer = true,
		       .is_signed = true,
		       .min = INT64_MIN,
		       .max = INT64_MAX,
		       .unsigned_twin = IDL_UINT64},
	[IDL_UINT8] = {.name = "uint8",
		       .c_type = "uint8_t",
		       .constant_macro = "UINT8_C",
		       .size = 1,
		       .is_integer = true,
		       .max = UINT8_MAX,
		       .unsigned_twin = IDL_UINT8},
	[IDL_UINT16] = {.name = "uint16",
			.c_type = "uint16_t",
			.constant_macro = "UINT16_C",
			.size = 2,
			.is_integer = true,
			.max = UINT16_MAX,
			.unsigned_twin = IDL_UINT16},
	[IDL_UINT32] = {.name = "uint32",
			.c_type = "uint32_t",
			.constant_macro = "UINT32_C",
			.size = 4,
			.is_integer = true,
			.max = UINT32_MAX,
			.unsigned_twin = IDL_UINT32},
	[IDL_UINT64] = {.name = "uint64",
			.c_type = "uint64_t",
			.constant_macro = "UINT64_C",
			.size = 8,
			.is_integer = true,
			.max = UINT64_MAX,
			.unsigned_twin = IDL_UINT64},
	[IDL_FLOAT32] = {.name = "float32",
			 .c_type = "float",
			 .size = 4,
			 .is_signed = true,
			 .is_float = true,
			 .unsigned_twin = IDL_UINT32},
	[IDL_FLOAT64] = {.name = "float64",
			 .c_type = "double",
			 .size = 8,
			 .is_signed = true,
			 .is_float = true,
			 .unsigned_twin = IDL_UINT64},
};

const struct idl_scalar_info *idl_scalar_info(enum idl_scalar scalar)
{
	return &scalars[scalar];
}

bool idl_scalar_find(const char *text, size_t size, enum idl_scalar *ret_scalar)
{
	for (unsigned i = 0; i < IDL_N_SCALARS; i++) {
		if (idl_slice_equal(text, size, scalars[i].name)) {
			*ret_scalar = (enum idl_scalar)i;
			return true;
		}
	}
	return false;
}
