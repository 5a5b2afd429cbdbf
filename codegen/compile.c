// SPDX-License-Identifier: Apache-2.0
/* The command that everybody uses: NAME.idl to NAME.vb.h and NAME.vb.c. */
#include <string.h>

#include "codegen/commands.h"
#include "codegen/gen.h"
#include "codegen/load.h"
#include "codegen/output.h"
#include "codegen/say.h"

static const char *output_path(struct gen_emit *e, const struct gen_options *options,
			       const struct idl_file *file, const char *suffix)
{
	if (strcmp(options->output_dir, ".") == 0)
		return gen_format(e, "%s%s", file->header_path, suffix);
	return gen_format(e, "%s/%s%s", options->output_dir, file->header_path, suffix);
}

/* A path as make reads it. */
static void emit_dependency(struct gen_emit *e, const char *path)
{
	for (const char *c = path; *c; c++) {
		const char one[2] = {*c, 0};

		if (*c == ' ' || *c == '#' || *c == '\\')
			gen_emit(e, "\\", NULL);
		else if (*c == '$')
			gen_emit(e, "$$", NULL);
		gen_emit(e, "$c$", "c", one, NULL);
	}
}

static void emit_dependencies(struct gen_emit *e, const struct idl_program *program,
			      const char *header, const char *source)
{
	emit_dependency(e, header);
	gen_emit(e, " ", NULL);
	emit_dependency(e, source);
	gen_emit(e, ":", NULL);
	for (const struct idl_file *file = program->files; file; file = file->next) {
		gen_emit(e, " \\\n ", NULL);
		emit_dependency(e, file->source->path);
	}
	gen_emit(e, "\n", NULL);
}

static int write_outputs(const struct gen_options *options, const struct idl_program *program,
			 struct gen_outputs *outputs)
{
	const char *path = program->main->header_path;
	int error = gen_make_directories(outputs->arena, options->output_dir, path);

	if (!error)
		error = gen_outputs_write(outputs, &path);
	if (!error)
		return 0;
	gen_say(error, "cannot write '%s'", path);
	return GEN_EXIT_INPUT;
}

int gen_command_compile(const struct gen_options *options)
{
	struct idl_program *const program = gen_load(options, options->files[0]);
	struct gen_emit header;
	struct gen_emit source;
	struct gen_emit depends;

	if (!program)
		return GEN_EXIT_INPUT;
	gen_emit_init(&header);
	gen_emit_init(&source);
	gen_emit_init(&depends);
	gen_header(&header, program->main);
	gen_source(&source, program);

	struct gen_outputs outputs = {.arena = &header.arena};
	const char *const header_path = output_path(&header, options, program->main, ".vb.h");
	const char *const source_path = output_path(&header, options, program->main, ".vb.c");
	gen_outputs_add(&outputs, header_path, header.text, header.size);
	gen_outputs_add(&outputs, source_path, source.text, source.size);
	if (options->depfile) {
		emit_dependencies(&depends, program, header_path, source_path);
		gen_outputs_add(&outputs, options->depfile, depends.text, depends.size);
	}
	const int status = write_outputs(options, program, &outputs);

	gen_emit_release(&depends);
	gen_emit_release(&source);
	gen_emit_release(&header);
	idl_program_free(program);
	return status;
}
