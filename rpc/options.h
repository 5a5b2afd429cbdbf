/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: defaults and ceilings stand in one table each, and a value out of range is told by name.
 */
#ifndef VBI_OPTIONS_H
#define VBI_OPTIONS_H

#include <verbena/verbena.h>

#include "rpc/error.h"

/* Fill *RET with GIVEN (may be NULL) and defaults. -EINVAL, and ERROR says which option. */
int vbi_options_conn(const struct vb_options *given, struct vb_options *ret,
		     struct vb_error *error);
int vbi_options_server(const struct vb_server_options *given, struct vb_server_options *ret,
		       struct vb_error *error);

/* The same; also -EOPNOTSUPP: a kind that is reserved. */
int vbi_options_memory(const struct vb_memory_options *given, struct vb_memory_options *ret,
		       struct vb_error *error);

/* Copies as much of STATS as TO has room for. 0, or -1 with EINVAL. */
int vbi_options_copy_stats(const struct vb_stats *stats, struct vb_stats *to);

/* Why ADDRESS names no transport. */
void vbi_options_explain_address(const char *address, char *sentence, size_t size);

#endif
