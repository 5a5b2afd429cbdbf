/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verbenac's command line.
 */
#ifndef VERBENA_CODEGEN_OPTIONS_H
#define VERBENA_CODEGEN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* -I directories: a build has a handful. */
#define GEN_MAX_INCLUDE_DIRS 64

/* Exit statuses; 1 also when an output cannot be written. */
#define GEN_EXIT_INPUT 1
#define GEN_EXIT_USAGE 2

enum gen_command {
	GEN_COMPILE,
	GEN_FORMAT,
	GEN_EXPLAIN,
	GEN_CONFORM,
	GEN_LAYOUT,
	GEN_SKELETON,
	GEN_NEW_ID,
	GEN_ERRORS,
};

struct gen_options {
	enum gen_command command;
	const char *output_dir; /* "." */
	const char *include_dirs[GEN_MAX_INCLUDE_DIRS];
	size_t n_include_dirs;
	const char *depfile;  /* NULL: none */
	const char *explain;  /* the code */
	const char *files[2]; /* one, or OLD and NEW; "-" for standard input where it may be */
	size_t n_files;
	bool is_in_place; /* FORMAT: rewrite the file */
	bool is_check;	  /* FORMAT: only say whether it would change */
};

/* Parses the arguments. A mistake in them is told on stderr and ends the process with 2. */
void gen_options_parse(int argc, char **argv, struct gen_options *ret_options);

#endif
