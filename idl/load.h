/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERBENA_IDL_LOAD_H
#define VERBENA_IDL_LOAD_H

#include <stdbool.h>

struct idl_options;
struct idl_program;

/*
 * Reads and parses the file at `path` and, if `imports` is set, all that it imports, each once.
 * Fills in program->files and main, and the `file` of every import. Reports into program->diags.
 */
void idl_load(struct idl_program *program, const char *path, const struct idl_options *options,
	      bool imports);

#endif
