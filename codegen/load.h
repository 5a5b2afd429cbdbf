/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERBENA_CODEGEN_LOAD_H
#define VERBENA_CODEGEN_LOAD_H

#include "codegen/options.h"
#include "idl/idl.h"

/* Compiles the file as the options say; the caller shows the diagnostics. Never NULL. */
struct idl_program *gen_compile(const struct gen_options *options, const char *path);

/*
 * Compiles the file and shows its diagnostics. NULL when there is an error, told on stderr. Free
 * with idl_program_free().
 */
struct idl_program *gen_load(const struct gen_options *options, const char *path);

#endif
