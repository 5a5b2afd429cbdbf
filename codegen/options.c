// SPDX-License-Identifier: Apache-2.0
#include "codegen/options.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

/* Numbers beyond any character: options without a short form. */
enum {
	KEY_DEPFILE = 256,
	KEY_FORMAT,
	KEY_CHECK,
	KEY_EXPLAIN,
	KEY_CONFORM,
	KEY_LAYOUT,
	KEY_SKELETON,
	KEY_NEW_ID,
	KEY_ERRORS,
};

static const struct argp_option option_table[] = {
	{NULL, 0, NULL, 0, "Compiling NAME.idl into NAME.vb.h and NAME.vb.c:", 1},
	{NULL, 'o', "DIR", 0, "Write below DIR instead of the current directory", 1},
	{NULL, 'I', "DIR", 0, "Look for imported files in DIR too; may be repeated", 1},
	{"depfile", KEY_DEPFILE, "FILE", 0, "Write what the output depends on, as make reads it",
	 1},
	{NULL, 0, NULL, 0, "Instead of compiling:", 2},
	{"format", KEY_FORMAT, NULL, 0, "Write the file in its canonical form to standard output",
	 2},
	{NULL, 'i', NULL, 0, "With --format: rewrite the file in place", 2},
	{"check", KEY_CHECK, NULL, 0,
	 "With --format: write nothing, exit with 1 if it would change", 2},
	{"layout", KEY_LAYOUT, NULL, 0,
	 "Write to standard output where every byte of every message lies", 2},
	{"conform", KEY_CONFORM, NULL, 0, "Compare two versions, OLD.idl NEW.idl: what breaks?", 2},
	{"skeleton", KEY_SKELETON, NULL, 0, "Write a server to start from to standard output", 2},
	{"explain", KEY_EXPLAIN, "CODE", 0, "Show the page of a diagnostic, such as E0203", 2},
	{"new-id", KEY_NEW_ID, NULL, 0, "Write a new random interface id", 2},
	{"errors", KEY_ERRORS, NULL, 0, "List the names that errors() may have", 2},
	{NULL, 0, NULL, 0, "Other:", -1},
	{0},
};

static const char documentation[] =
	"Compiles interfaces into C stubs."
	"\vExit status: 0 if all is well, 1 if the input is wrong or an output cannot be written, "
	"2 if the arguments make no sense. A run that fails writes no file.";

static const char argument_documentation[] = "NAME.idl\n--conform OLD.idl NEW.idl";

struct parsed {
	struct gen_options *options;
	bool has_command;
};

static void command_set(struct argp_state *state, enum gen_command command)
{
	struct parsed *const parsed = state->input;

	if (parsed->has_command && parsed->options->command != command)
		argp_error(state, "one command at a time");
	parsed->has_command = true;
	parsed->options->command = command;
}

/* An empty name comes of a variable that is not set, and would be taken for the root directory. */
static void directory_check(struct argp_state *state, char option, const char *directory)
{
	if (!*directory)
		argp_error(state, "-%c needs a directory, and '' is none", option);
}

static void include_add(struct argp_state *state, const char *directory)
{
	struct gen_options *const o = ((struct parsed *)state->input)->options;

	if (o->n_include_dirs == GEN_MAX_INCLUDE_DIRS)
		argp_error(state, "more than %d directories by -I", GEN_MAX_INCLUDE_DIRS);
	o->include_dirs[o->n_include_dirs++] = directory;
}

static void file_add(struct argp_state *state, const char *file)
{
	struct gen_options *const o = ((struct parsed *)state->input)->options;

	if (o->n_files == 2)
		argp_error(state, "too many files: '%s'", file);
	o->files[o->n_files++] = file;
}

static void parse_end(struct argp_state *state)
{
	const struct gen_options *const o = ((struct parsed *)state->input)->options;
	size_t wanted = 1;

	if (o->command == GEN_CONFORM)
		wanted = 2;
	else if (o->command == GEN_EXPLAIN || o->command == GEN_NEW_ID || o->command == GEN_ERRORS)
		wanted = 0;
	if (o->n_files != wanted)
		argp_error(state, "%s",
			   wanted == 2	 ? "--conform takes two files, OLD.idl and NEW.idl"
			   : wanted == 1 ? "one file is expected, NAME.idl"
					 : "no file is expected here");
	if ((o->is_in_place || o->is_check) && o->command != GEN_FORMAT)
		argp_error(state, "-i and --check belong to --format");
	if (o->is_in_place && o->is_check)
		argp_error(state, "-i or --check, not both");
	if (o->depfile && o->command != GEN_COMPILE)
		argp_error(state, "--depfile belongs to compiling");
	if (o->output_dir && o->command != GEN_COMPILE)
		argp_error(state, "-o belongs to compiling; this goes to standard output");
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct gen_options *const o = ((struct parsed *)state->input)->options;

	switch (key) {
	case 'o':
		directory_check(state, 'o', argument);
		o->output_dir = argument;
		return 0;
	case 'I':
		directory_check(state, 'I', argument);
		include_add(state, argument);
		return 0;
	case 'i':
		o->is_in_place = true;
		return 0;
	case KEY_CHECK:
		o->is_check = true;
		return 0;
	case KEY_DEPFILE:
		o->depfile = argument;
		return 0;
	case KEY_EXPLAIN:
		o->explain = argument;
		command_set(state, GEN_EXPLAIN);
		return 0;
	case KEY_FORMAT:
		command_set(state, GEN_FORMAT);
		return 0;
	case KEY_CONFORM:
		command_set(state, GEN_CONFORM);
		return 0;
	case KEY_LAYOUT:
		command_set(state, GEN_LAYOUT);
		return 0;
	case KEY_SKELETON:
		command_set(state, GEN_SKELETON);
		return 0;
	case KEY_NEW_ID:
		command_set(state, GEN_NEW_ID);
		return 0;
	case KEY_ERRORS:
		command_set(state, GEN_ERRORS);
		return 0;
	case ARGP_KEY_ARG:
		file_add(state, argument);
		return 0;
	case ARGP_KEY_END:
		parse_end(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void gen_options_parse(int argc, char **argv, struct gen_options *ret_options)
{
	const struct argp argp = {
		.options = option_table,
		.parser = parse_option,
		.args_doc = argument_documentation,
		.doc = documentation,
	};
	struct gen_options options = {.command = GEN_COMPILE};
	struct parsed parsed = {.options = &options};

	argp_program_version = "verbenac " VERBENA_VERSION;
	argp_err_exit_status = GEN_EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &parsed))
		exit(GEN_EXIT_USAGE);
	if (!options.output_dir)
		options.output_dir = ".";
	*ret_options = options;
}
