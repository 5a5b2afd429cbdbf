// SPDX-License-Identifier: Apache-2.0
/* verbenac: reads interfaces, writes stubs. */
#include <signal.h>

#include "codegen/commands.h"
#include "codegen/options.h"

typedef int command_fn(const struct gen_options *options);

static command_fn *const commands[] = {
	[GEN_COMPILE] = gen_command_compile, [GEN_FORMAT] = gen_command_format,
	[GEN_EXPLAIN] = gen_command_explain, [GEN_CONFORM] = gen_command_conform,
	[GEN_LAYOUT] = gen_command_layout,   [GEN_SKELETON] = gen_command_skeleton,
	[GEN_NEW_ID] = gen_command_new_id,   [GEN_ERRORS] = gen_command_errors,
};

int main(int argc, char **argv)
{
	/* A file that may not grow is an error of write(), to be told and cleaned up after. */
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct gen_options options;

	sigaction(SIGXFSZ, &ignore, NULL);
	gen_options_parse(argc, argv, &options);
	return commands[options.command](&options);
}
