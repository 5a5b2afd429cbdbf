// SPDX-License-Identifier: Apache-2.0
#include "codegen/load.h"

#include <stdio.h>

struct idl_program *gen_compile(const struct gen_options *options, const char *path)
{
	const struct idl_options how = {
		.include_dirs = options->include_dirs,
		.n_include_dirs = options->n_include_dirs,
	};

	return idl_compile(path, &how);
}

struct idl_program *gen_load(const struct gen_options *options, const char *path)
{
	struct idl_program *const program = gen_compile(options, path);

	idl_diags_render(&program->diags, stderr);
	if (idl_program_ok(program))
		return program;
	idl_program_free(program);
	return NULL;
}
