// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "idl/check.h"
#include "idl/idl.h"
#include "idl/load.h"

static struct idl_program *program_new(void)
{
	struct idl_program *program = calloc(1, sizeof(*program));

	if (!program)
		idl_out_of_memory();
	idl_arena_init(&program->arena);
	idl_diags_init(&program->diags, &program->arena);
	return program;
}

struct idl_program *idl_parse(const char *path, const struct idl_options *options)
{
	struct idl_program *program = program_new();

	idl_load(program, path, options, false);
	return program;
}

struct idl_program *idl_compile(const char *path, const struct idl_options *options)
{
	struct idl_program *program = program_new();

	idl_load(program, path, options, true);
	if (idl_program_ok(program))
		idl_check_program(program);
	return program;
}

bool idl_program_ok(const struct idl_program *program)
{
	return program->main && program->diags.n_errors == 0;
}

void idl_program_free(struct idl_program *program)
{
	if (!program)
		return;
	idl_arena_release(&program->arena);
	free(program);
}
