/* SPDX-License-Identifier: Apache-2.0 */
/* verbena: what a user of the library wants to know of a machine. */
#include <stdio.h>
#include <string.h>

#include <verbena/verbena.h>

#include "rpc/verbena/commands.h"

#define NAME_MAX_BYTES 64

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct command commands[] = {
	{"doctor", command_doctor, "look for what keeps calls from working, and for its mend"},
};

static void usage(FILE *out)
{
	fputs("Usage: verbena COMMAND [OPTION...]\n\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
	fputs("\n'verbena COMMAND --help' lists a command's options; 'verbena --version' says the "
	      "version.\n",
	      out);
}

static int run(const struct command *command, int argc, char **argv)
{
	char name[NAME_MAX_BYTES];

	/* argp prints argv[0] in usage and errors. */
	snprintf(name, sizeof(name), "verbena %s", command->name);
	argv[0] = name;
	return command->run(argc, argv);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return STATUS_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return STATUS_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("verbena %s\n", vb_version());
		return STATUS_OK;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return run(&commands[i], argc - 1, argv + 1);
	}
	fprintf(stderr, "verbena: no command '%s'; verbena --help lists them\n", argv[1]);
	return STATUS_USAGE;
}
