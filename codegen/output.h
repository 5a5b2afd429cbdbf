/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files, all or none: each is written beside its place under another name, and takes its place
 * when all of them are whole. A run that fails leaves what was there before.
 */
#ifndef VERBENA_CODEGEN_OUTPUT_H
#define VERBENA_CODEGEN_OUTPUT_H

#include <stddef.h>

#include "idl/arena.h"

/* Files of one run: header, source, dependencies, or one formatted in place. */
#define GEN_MAX_OUTPUTS 4

struct gen_output {
	const char *path;
	const char *text;
	size_t size;
	char *temporary; /* its other name, while it has one */
};

struct gen_outputs {
	struct idl_arena *arena;
	struct gen_output list[GEN_MAX_OUTPUTS];
	unsigned n;
};

/* Adds a file; path and text must live until gen_outputs_write(). */
void gen_outputs_add(struct gen_outputs *outputs, const char *path, const char *text, size_t size);

/*
 * Writes them. Returns 0, or a negative errno with *ret_path naming the file that could not be
 * written.
 */
int gen_outputs_write(struct gen_outputs *outputs, const char **ret_path);

/* Makes the directories of `path` below `base`, which must be there itself. 0 or negative errno. */
int gen_make_directories(struct idl_arena *arena, const char *base, const char *path);

#endif
