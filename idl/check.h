/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the language that syntax cannot express. A program that passes has every member
 * that ast.h lists under "set by check".
 */
#ifndef VERBENA_IDL_CHECK_H
#define VERBENA_IDL_CHECK_H

struct idl_program;

/*
 * Checks every file of a program that was parsed without error and whose imports are loaded, then
 * lays it out if nothing was wrong. Reports into program->diags.
 */
void idl_check_program(struct idl_program *program);

#endif
