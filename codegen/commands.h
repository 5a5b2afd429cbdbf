/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verbenac does. Each command returns the exit status of the process and has told on stderr
 * what went wrong.
 */
#ifndef VERBENA_CODEGEN_COMMANDS_H
#define VERBENA_CODEGEN_COMMANDS_H

#include "codegen/options.h"

int gen_command_compile(const struct gen_options *options);
int gen_command_format(const struct gen_options *options);
int gen_command_explain(const struct gen_options *options);
int gen_command_conform(const struct gen_options *options);
int gen_command_layout(const struct gen_options *options);
int gen_command_skeleton(const struct gen_options *options);
int gen_command_new_id(const struct gen_options *options);
int gen_command_errors(const struct gen_options *options);

#endif
