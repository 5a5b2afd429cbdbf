/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emitters. Each reads the tree, which nothing changes any more, and appends to a text: that
 * is its only effect. All of them are for the main file of a program without errors.
 */
#ifndef VERBENA_CODEGEN_GEN_H
#define VERBENA_CODEGEN_GEN_H

#include "codegen/emit.h"
#include "idl/ast.h"
#include "idl/idl.h"
#include "idl/layout.h"

/* First line of every generated file; not its path, which differs from machine to machine. */
void gen_banner(struct gen_emit *e, const struct idl_file *file);

/* NAME.vb.h. */
void gen_header(struct gen_emit *e, const struct idl_file *file);

/* NAME.vb.c, from the pieces below. */
void gen_source(struct gen_emit *e, const struct idl_program *program);

/* A server to start from: every handler, the table, a main(). */
void gen_skeleton(struct gen_emit *e, const struct idl_file *file);

/* ---- pieces of the header ---- */

/* A constant, enum or struct; nothing for other declarations. */
void gen_header_type(struct gen_emit *e, const struct idl_decl *decl);

/* ---- pieces of the source ---- */

/*
 * What is checked, written and read by functions of its own: closed enums, frozen structs that hold
 * some, growing structs. Only what messages of the main file's interfaces use, as an unused static
 * function is a warning.
 */
void gen_wire(struct gen_emit *e, const struct idl_program *program);

/* The constant tables of an interface: methods, itself, its service. */
void gen_method_table(struct gen_emit *e, const struct idl_decl *interface);
void gen_service_table(struct gen_emit *e, const struct idl_decl *interface);

/* Binding and the stubs of an interface. */
void gen_client(struct gen_emit *e, const struct idl_decl *interface);

/* What decodes, calls the handler and answers. */
void gen_server(struct gen_emit *e, const struct idl_decl *interface);

#endif
