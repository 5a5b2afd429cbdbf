/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of verbena-bench, as its user meets it. VERBENA_BENCH names the program. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "bench/child.h"
#include "bench/options.h"
#include "bench/run.h"

#define WORDS_MAX    20
#define OUTPUT_BYTES 16384
#define TIMEOUT_MS   60000

static char directory[32];
static char errors[64];
static char output[OUTPUT_BYTES];
static char error_text[OUTPUT_BYTES];

static int open_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/verbena-bench-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(errors, sizeof(errors), "%s/errors", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(errors);
	return rmdir(directory);
}

static void read_errors(void)
{
	FILE *file = fopen(errors, "r");
	size_t length = file ? fread(error_text, 1, sizeof(error_text) - 1, file) : 0;

	error_text[length] = '\0';
	if (file)
		fclose(file);
	unlink(errors);
}

static void start(struct child *child, const char *const *words)
{
	const struct child_options options = {.cpu = -1, .error_path = errors};
	const char *all[WORDS_MAX] = {getenv("VERBENA_BENCH")};
	unsigned n = 1;

	assert_non_null(all[0]);
	for (; *words; words++)
		all[n++] = *words;
	assert_true(n < WORDS_MAX);
	assert_int_equal(child_start(child, all, &options), 0);
}

/* Runs the program; its exit status. */
static int run(const char *const *words)
{
	struct child child;
	int status;

	start(&child, words);
	status = child_finish(&child, output, sizeof(output), TIMEOUT_MS);
	read_errors();
	return status;
}

static void help_lists_everything(void **state)
{
	static const char *const commands[] = {"server", "client", "floor",  "pin",
					       "count",	 "ledger", "compare"};
	const char *const help[] = {"--help", NULL};
	size_t i;

	(void)state;
	assert_int_equal(run(help), STATUS_OK);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *const words[] = {commands[i], "--help", NULL};

		assert_non_null(strstr(output, commands[i]));
		assert_int_equal(run(words), STATUS_OK);
		assert_non_null(strstr(output, "Usage:"));
		assert_int_equal(run(help), STATUS_OK);
	}
}

static void version_has_three_numbers(void **state)
{
	const char *const words[] = {"--version", NULL};
	unsigned numbers[3];

	(void)state;
	assert_int_equal(run(words), STATUS_OK);
	assert_int_equal(sscanf(output, "verbena-bench %u.%u.%u\n", &numbers[0], &numbers[1],
				&numbers[2]),
			 3);
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *words[8];
		const char *said;
	} cases[] = {
		{{NULL}, "Usage:"},
		{{"sever"}, "no command 'sever'"},
		{{"server"}, "--listen is missing"},
		{{"server", "--listen", "shm://x", "--wait", "doze"}, "'doze'"},
		{{"server", "--listen", "shm://x", "y"}, "'y'"},
		{{"client"}, "--connect is missing"},
		{{"client", "--connect", "shm://x", "--calls", "0"}, "at least 1"},
		{{"client", "--connect", "shm://x", "--calls", "-1"}, "'-1'"},
		{{"client", "--connect", "shm://x", "--calls", "1x"}, "'1x'"},
		{{"client", "--connect", "shm://x", "--seconds", "0"}, "--seconds '0'"},
		{{"client", "--connect", "shm://x", "--seconds", "nan"}, "'nan'"},
		{{"client", "--connect", "shm://x", "-n", "1", "-s", "1"}, "exclude"},
		{{"client", "--connect", "shm://x", "--size", "1KB"}, "4KiB"},
		{{"client", "--connect", "shm://x", "--size", "65MiB"}, "above"},
		{{"client", "--connect", "shm://x", "--method", "read"}, "'read'"},
		{{"client", "--connect", "shm://x", "--method", "echo", "--size", "1"}, "fixed"},
		{{"client", "--connect", "shm://x", "--method", "inout", "--reply-size", "1"},
		 "--reply-size"},
		{{"client", "--connect", "shm://x", "--plot", "a.pdf"}, ".svg"},
		{{"floor"}, "which floor"},
		{{"floor", "--calls", "1", "rdma"}, "rdma comes first"},
		{{"floor", "verbs"}, "no floor 'verbs'"},
		{{"floor", "tcp", "--pause"}, "floor shm"},
		{{"pin", "--rounds", "0"}, "at least 1"},
		{{"compare", "--only", "2 B"}, "'2 B'"},
		{{"compare", "--rounds", "101"}, "above"},
		{{"count", "all"}, "'all'"},
		{{"count", "--method", "ping"}, "'ping'"},
		{{"ledger", "--calls", "1"}, "at least 16"},
		{{"compare", "tcp"}, "neither shm nor rdma"},
		{{"compare", "--only", "32 B rate"}, "no group of shm"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(cases[i].words), STATUS_USAGE);
		if (!strstr(error_text, cases[i].said))
			fail_msg("case %zu: nothing of \"%s\" in: %s", i, cases[i].said,
				 error_text);
	}
}

static void nobody_listens(void **state)
{
	static const char *const words[] = {"client",  "--connect", "shm://verbena-bench-nobody",
					    "--calls", "1",	    NULL};

	(void)state;
	assert_int_equal(run(words), STATUS_FAILED);
	assert_non_null(strstr(error_text, "verbena-bench-nobody"));
}

static void an_address_that_does_not_parse(void **state)
{
	static const char *const client[] = {"client",	"--connect", "nonsense",
					     "--calls", "1",	     NULL};
	static const char *const server[] = {"server", "--listen", "nonsense", NULL};

	(void)state;
	assert_int_equal(run(client), STATUS_FAILED);
	assert_non_null(strstr(error_text, "nonsense"));
	assert_int_equal(run(server), STATUS_FAILED);
	assert_non_null(strstr(error_text, "nonsense"));
}

static void the_floor_writes_json_and_a_plot(void **state)
{
	char json[64], plot[64];
	const char *const words[] = {"floor",  "shm",	   "--size", "64",     "--calls",
				     "100",    "--warmup", "10",     "--json", json,
				     "--plot", plot,	   NULL};
	struct run loaded;

	(void)state;
	if (!child_program_exists("gnuplot"))
		skip();
	snprintf(json, sizeof(json), "%s/floor.json", directory);
	snprintf(plot, sizeof(plot), "%s/floor.svg", directory);
	assert_int_equal(run(words), STATUS_OK);
	assert_int_equal(run_load(json, &loaded, 1), 1);
	assert_int_equal(loaded.calls, 100);
	assert_int_equal(loaded.size, 64);
	assert_int_equal(unlink(json), 0);
	assert_int_equal(unlink(plot), 0);
}

static void call_with(const char *address, const char *method, const char *size)
{
	char json[64];
	const char *words[WORDS_MAX] = {"client", "--connect", address, "--method",
					method,	  "--calls",   "50",	"--warmup",
					"5",	  "--json",    json};
	struct run loaded;
	unsigned n = 11;

	snprintf(json, sizeof(json), "%s/client.json", directory);
	if (size) {
		words[n++] = "--size";
		words[n++] = size;
	}
	if (run(words) != STATUS_OK)
		fail_msg("%s %s: %s", method, size ? size : "", error_text);
	assert_int_equal(run_load(json, &loaded, 1), 1);
	assert_int_equal(loaded.calls, 50);
	assert_non_null(run_cost_find(&loaded, "messages sent"));
	/* One each call, and now and then one that gives credit. */
	assert_true(run_cost_find(&loaded, "messages sent")->client >= 1);
	assert_true(run_cost_find(&loaded, "messages sent")->client < 2);
	assert_int_equal(unlink(json), 0);
}

static void every_method_against_a_server(void **state)
{
	char address[64], line[128];
	const char *const words[] = {"server", "--listen", address, NULL};
	struct child server;

	(void)state;
	snprintf(address, sizeof(address), "shm://verbena-bench-test-%d", (int)getpid());
	start(&server, words);
	assert_int_equal(child_wait_line(&server, line, sizeof(line), TIMEOUT_MS), 0);
	assert_non_null(strstr(line, address));
	call_with(address, "echo", NULL);
	call_with(address, "bytes", "0");
	call_with(address, "bytes", "100");
	call_with(address, "bytes", "100KiB");
	call_with(address, "inout", "100");
	call_with(address, "direct", "100KiB");
	call_with(address, "untouched", "100KiB");
	call_with(address, "untouched-direct", "100KiB");
	call_with(address, "ping", NULL);
	assert_int_equal(child_stop(&server), STATUS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_lists_everything),
		cmocka_unit_test(version_has_three_numbers),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(an_address_that_does_not_parse),
		cmocka_unit_test(the_floor_writes_json_and_a_plot),
		cmocka_unit_test(every_method_against_a_server),
	};

	return cmocka_run_group_tests(tests, open_directory, remove_directory);
}
