// SPDX-License-Identifier: Apache-2.0
/* --format: standard output, in place, or only a verdict. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/commands.h"
#include "codegen/output.h"
#include "codegen/say.h"
#include "idl/idl.h"
#include "idl/limits.h"

/* What "-" is called in diagnostics. */
#define STDIN_NAME "<stdin>"

/* All of standard input, at most one byte more than a file may have. */
static char *read_stdin(size_t *ret_size)
{
	const size_t capacity = IDL_MAX_SOURCE_SIZE + 1;
	char *const text = malloc(capacity);

	if (!text)
		idl_out_of_memory();
	*ret_size = fread(text, 1, capacity, stdin);
	if (ferror(stdin)) {
		gen_say(-errno, "standard input");
		exit(GEN_EXIT_INPUT);
	}
	return text;
}

static struct idl_program *parse(const char *path)
{
	struct idl_memory_file input = {.path = STDIN_NAME};
	const struct idl_options options = {.memory_files = &input, .n_memory_files = 1};
	struct idl_program *program;

	if (strcmp(path, "-") != 0) {
		program = idl_parse(path, NULL);
	} else {
		char *const text = read_stdin(&input.size);

		input.text = text;
		program = idl_parse(STDIN_NAME, &options);
		free(text);
	}
	idl_diags_render(&program->diags, stderr);
	return program;
}

static int write_back(struct idl_program *program, const char *path, const char *text, size_t size)
{
	struct gen_outputs outputs = {.arena = &program->arena};
	const char *failed;

	gen_outputs_add(&outputs, path, text, size);
	const int error = gen_outputs_write(&outputs, &failed);
	if (!error)
		return 0;
	gen_say(error, "cannot write '%s'", failed);
	return GEN_EXIT_INPUT;
}

static int deliver(const struct gen_options *options, struct idl_program *program)
{
	const struct idl_source *const source = program->main->source;
	const bool is_stdin = strcmp(options->files[0], "-") == 0;
	size_t size;
	const char *const text = idl_format(program, &size);
	const bool is_same = size == source->size && memcmp(text, source->text, size) == 0;

	if (options->is_check) {
		if (!is_same)
			fprintf(stderr, "%s: not in canonical form; run verbenac --format -i\n",
				source->path);
		return is_same ? 0 : GEN_EXIT_INPUT;
	}
	if (options->is_in_place && !is_stdin)
		return is_same ? 0 : write_back(program, options->files[0], text, size);
	if (fwrite(text, 1, size, stdout) != size || fflush(stdout) != 0) {
		gen_say(-errno, "standard output");
		return GEN_EXIT_INPUT;
	}
	return 0;
}

int gen_command_format(const struct gen_options *options)
{
	struct idl_program *const program = parse(options->files[0]);
	const int status = idl_program_ok(program) ? deliver(options, program) : GEN_EXIT_INPUT;

	idl_program_free(program);
	return status;
}
