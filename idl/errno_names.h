/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that errors(...) may list, and what --errors prints.
 */
#ifndef VERBENA_IDL_ERRNO_NAMES_H
#define VERBENA_IDL_ERRNO_NAMES_H

#include <stddef.h>

struct idl_errno_name {
	const char *name; /* "ENOENT" */
	int number;	  /* as Linux numbers it on the architectures we support */
	const char *same; /* the name that C code should use for the same number; else NULL */
};

/* All names, in order of number; *ret_count of them. A static table. */
const struct idl_errno_name *idl_errno_names(size_t *ret_count);

/* The entry of a name, or NULL. */
const struct idl_errno_name *idl_errno_find(const char *name);

#endif
