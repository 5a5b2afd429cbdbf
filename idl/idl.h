/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front end as others see it: a path in, a checked tree or diagnostics out.
 */
#ifndef VERBENA_IDL_IDL_H
#define VERBENA_IDL_IDL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "idl/arena.h"
#include "idl/ast.h"
#include "idl/diag.h"
#include "idl/source.h"

/*
 * A file that is not on the disk: looked for before the disk, by its exact path. For tests and
 * editors.
 */
struct idl_memory_file {
	const char *path;
	const char *text;
	size_t size;
};

struct idl_options {
	const char *const *include_dirs; /* -I, in order */
	size_t n_include_dirs;
	const struct idl_memory_file *memory_files;
	size_t n_memory_files;
	bool memory_only; /* never look on the disk */
};

struct idl_program {
	struct idl_arena arena;
	struct idl_diags diags;
	struct idl_file *files; /* imported files before those that import them; main is last */
	struct idl_file *main;	/* NULL when it could not be read */
	uint64_t total_size;	/* bytes of all sources */
	size_t n_files;
};

/*
 * Loads the file at `path` with its imports, parses, checks and lays out. Always returns a
 * program, with its diagnostics; the tree is complete only if idl_program_ok(). Errors in one
 * phase stop the next, so that nobody reads complaints that a missing semicolon caused. `options`
 * may be NULL. Free with idl_program_free().
 */
struct idl_program *idl_compile(const char *path, const struct idl_options *options);

/* The same up to parsing, without imports being looked at: what the formatter needs. */
struct idl_program *idl_parse(const char *path, const struct idl_options *options);

/* Whether there is no error; warnings do not count. */
bool idl_program_ok(const struct idl_program *program);

void idl_program_free(struct idl_program *program);

/*
 * The canonical text of a parsed program's main file, NUL-terminated, in the program's arena;
 * *ret_size without the NUL. Only for a file that parsed without error. Formatting the result
 * again gives the same bytes.
 */
const char *idl_format(struct idl_program *program, size_t *ret_size);

/*
 * A random interface id, never 0. Returns 0 or a negative errno from the system's source of
 * randomness.
 */
int idl_new_id(uint64_t *ret_id);

#endif
