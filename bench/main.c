/* SPDX-License-Identifier: Apache-2.0 */
/* verbena-bench: measures calls, their floors and their rivals. */
#include <stdio.h>
#include <string.h>

#include <verbena/verbena.h>

#include "bench/commands.h"
#include "bench/options.h"

#define NAME_MAX_BYTES 64

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct command commands[] = {
	{"server", command_server, "answer the calls of a bench client"},
	{"client", command_client, "call a bench server and show the distribution of latency"},
	{"floor", command_floor, "the same movement of bytes with no RPC"},
	{"pin", command_pin,
	 "copy or pin? memcpy against mlock, and registering with a device, by size"},
	{"count", command_count,
	 "instructions, cache lines, system calls and allocations of a call, by instruments"},
	{"ledger", command_ledger, "which verbs a call over rdma:// costs, by an instrument"},
	{"compare", command_compare, "floor, Verbena and peers in turn: a table, JSON, a plot"},
};

static void usage(FILE *out)
{
	size_t i;

	fputs("Usage: verbena-bench COMMAND [OPTION...]\n\n", out);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
	fputs("\n'verbena-bench COMMAND --help' lists a command's options.\n", out);
}

static int run(const struct command *command, int argc, char **argv)
{
	char name[NAME_MAX_BYTES];

	/* argp prints argv[0] in usage and errors. */
	snprintf(name, sizeof(name), "verbena-bench %s", command->name);
	argv[0] = name;
	return command->run(argc, argv);
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		usage(stderr);
		return STATUS_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return STATUS_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("verbena-bench %s\n", vb_version());
		return STATUS_OK;
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return run(&commands[i], argc - 1, argv + 1);
	}
	fprintf(stderr, "verbena-bench: no command '%s'; verbena-bench --help lists them\n",
		argv[1]);
	return STATUS_USAGE;
}
