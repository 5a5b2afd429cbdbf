/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From tokens to the tree of ast.h.
 */
#ifndef VERBENA_IDL_PARSE_H
#define VERBENA_IDL_PARSE_H

struct idl_arena;
struct idl_diags;
struct idl_file;
struct idl_source;

/*
 * Parses one source. Always returns a file; its is_parsed says whether the tree is complete.
 * After an error parsing goes on behind the next `;` or `}`, so that one run reports many.
 */
struct idl_file *idl_parse_source(struct idl_arena *arena, struct idl_diags *diags,
				  const struct idl_source *source);

#endif
