/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of checker, layout and comparison share: compile a text, find things in the tree.
 */
#ifndef VERBENA_IDL_CHECK_FIXTURE_H
#define VERBENA_IDL_CHECK_FIXTURE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "idl/idl.h"
#include "idl/layout.h"

#define ID "@0x9f3c61d2a7b04e15"

/* An interface `file`, version 1.`minor`, around a body; a string literal. */
#define INTERFACE(minor, body) \
	"package example;\ninterface file " ID " version 1." #minor " {\n" body "\n};\n"

static inline struct idl_program *compile(const char *text)
{
	const struct idl_memory_file file = {"main.idl", text, strlen(text)};
	const struct idl_options options = {
		.memory_files = &file, .n_memory_files = 1, .memory_only = true};

	return idl_compile("main.idl", &options);
}

/* A text that must compile without a word. */
static inline struct idl_program *compile_good(const char *text)
{
	struct idl_program *program = compile(text);

	if (program->diags.first) {
		idl_diags_render(&program->diags, stderr);
		fail();
	}
	return program;
}

static inline const struct idl_decl *find_in(const struct idl_decl *decls, const char *name)
{
	for (const struct idl_decl *d = decls; d; d = d->next) {
		if (d->node.name.text && strcmp(d->node.name.text, name) == 0)
			return d;
	}
	return NULL;
}

/* A declaration of the main file, or of its first interface. */
static inline const struct idl_decl *find(const struct idl_program *program, const char *name)
{
	const struct idl_decl *found = find_in(program->main->decls, name);

	for (const struct idl_decl *d = program->main->decls; d && !found; d = d->next) {
		if (d->kind == IDL_DECL_INTERFACE)
			found = find_in(d->u.interface.decls, name);
	}
	assert_non_null(found);
	return found;
}

static inline const struct idl_method_layout *method_layout(const struct idl_program *program,
							    const char *name)
{
	return find(program, name)->u.method.layout;
}

static inline const struct idl_struct_layout *struct_layout(const struct idl_program *program,
							    const char *name)
{
	return find(program, name)->u.structure.layout;
}

#endif
