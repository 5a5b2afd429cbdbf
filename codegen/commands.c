// SPDX-License-Identifier: Apache-2.0
/* Commands that write to standard output. */
#include "codegen/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codegen/emit.h"
#include "codegen/gen.h"
#include "codegen/load.h"
#include "codegen/say.h"
#include "idl/conform.h"
#include "idl/errno_names.h"
#include "idl/idl.h"
#include "idl/layout.h"

/* Output that did not arrive is a failure, as a full disk is elsewhere. */
static int finish_stdout(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	gen_say(-errno, "standard output");
	return GEN_EXIT_INPUT;
}

int gen_command_explain(const struct gen_options *options)
{
	const enum idl_code code = idl_code_find(options->explain);

	if (code == IDL_N_CODES) {
		fprintf(stderr, "verbenac: no diagnostic has the number '%s'\n", options->explain);
		return GEN_EXIT_USAGE;
	}
	fputs(idl_code_page(code), stdout);
	return finish_stdout();
}

int gen_command_new_id(const struct gen_options *options)
{
	uint64_t id;
	const int error = idl_new_id(&id);

	(void)options;
	if (error) {
		gen_say(error, "random numbers");
		return GEN_EXIT_INPUT;
	}
	printf("@0x%016" PRIx64 "\n", id);
	return finish_stdout();
}

int gen_command_errors(const struct gen_options *options)
{
	size_t n;
	const struct idl_errno_name *const names = idl_errno_names(&n);

	(void)options;
	for (size_t i = 0; i < n; i++)
		printf("%3d %s%s%s\n", names[i].number, names[i].name, names[i].same ? " = " : "",
		       names[i].same ? names[i].same : "");
	return finish_stdout();
}

int gen_command_layout(const struct gen_options *options)
{
	struct idl_program *const program = gen_load(options, options->files[0]);

	if (!program)
		return GEN_EXIT_INPUT;
	idl_layout_print(program, stdout);
	idl_program_free(program);
	return finish_stdout();
}

int gen_command_skeleton(const struct gen_options *options)
{
	struct idl_program *const program = gen_load(options, options->files[0]);
	struct gen_emit e;

	if (!program)
		return GEN_EXIT_INPUT;
	gen_emit_init(&e);
	gen_skeleton(&e, program->main);
	fwrite(e.text, 1, e.size, stdout);
	gen_emit_release(&e);
	idl_program_free(program);
	return finish_stdout();
}

int gen_command_conform(const struct gen_options *options)
{
	struct idl_program *const released = gen_load(options, options->files[0]);
	struct idl_program *next = NULL;
	int status = GEN_EXIT_INPUT;

	if (released)
		next = gen_compile(options, options->files[1]);
	if (next) {
		if (idl_program_ok(next))
			idl_conform(released, next);
		idl_diags_render(&next->diags, stderr);
		status = idl_program_ok(next) ? 0 : GEN_EXIT_INPUT;
	}
	idl_program_free(next);
	idl_program_free(released);
	return status;
}
