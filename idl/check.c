// SPDX-License-Identifier: Apache-2.0
#include "idl/check.h"

#include "idl/checker.h"
#include "idl/layout.h"

static void check_constant(struct idl_checker *c, struct idl_decl *decl)
{
	struct idl_const *constant = &decl->u.constant;

	idl_const_evaluate(c, &decl->node.in_error, constant->expr, constant->scalar,
			   &constant->value);
}

void idl_check_decl(struct idl_checker *c, struct idl_decl *decl)
{
	idl_c_name_decl(c, decl);
	switch (decl->kind) {
	case IDL_DECL_CONST:
		check_constant(c, decl);
		break;
	case IDL_DECL_ENUM:
		idl_check_enum(c, decl);
		break;
	case IDL_DECL_STRUCT:
		idl_check_struct(c, decl);
		break;
	case IDL_DECL_INTERFACE:
		idl_check_interface(c, decl);
		break;
	case IDL_DECL_METHOD:
		idl_check_method(c, decl);
		break;
	case IDL_DECL_RESERVED:
		break;
	}
}

static void check_file(struct idl_checker *c, struct idl_file *file)
{
	c->file = file;
	idl_names_collect(c);
	idl_c_name_package(c);
	for (struct idl_decl *d = file->decls; d; d = d->next)
		idl_check_decl(c, d);
}

void idl_check_program(struct idl_program *program)
{
	struct idl_checker c = {
		.program = program,
		.diags = &program->diags,
		.arena = &program->arena,
	};

	for (struct idl_file *f = program->files; f; f = f->next)
		check_file(&c, f);
	idl_names_release(&c);
	idl_c_names_release(&c);
	if (idl_program_ok(program))
		idl_layout_program(program);
}
