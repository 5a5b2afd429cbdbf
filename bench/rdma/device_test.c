/* SPDX-License-Identifier: Apache-2.0 */
/* The bench where there is an RDMA device. VERBENA_BENCH names the program, VERBENA_TEST_ADDRESS
 * the device's address. Counts are asserted, times are not. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "bench/child.h"
#include "bench/ledger/ledger.h"
#include "bench/rdma/registrar.h"
#include "bench/run.h"

#define WORDS_MAX  24
/* A whole ledger is 28 servers with their clients, on a machine that may be emulated. */
#define TIMEOUT_MS 1200000
/* Receives are posted again in chains, and one SEND of 16 is signalled. */
#define ONE_OF_16  (1.0 / 16)
#define CALLS	   "256"

static char json_path[] = "/tmp/verbena-bench-device-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(json_path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(json_path);
}

/* Runs the program on the device; its exit status. */
static int run_with(const char *const *words, const char *const *environment)
{
	const struct child_options options = {.cpu = -1, .environment = environment};
	const char *all[WORDS_MAX] = {getenv("VERBENA_BENCH")};
	struct child child;
	unsigned n = 1;

	assert_non_null(all[0]);
	for (; *words; words++)
		all[n++] = *words;
	all[n++] = "--address";
	all[n++] = getenv("VERBENA_TEST_ADDRESS");
	all[n++] = "--json";
	all[n++] = json_path;
	assert_true(n < WORDS_MAX);
	assert_int_equal(child_start(&child, all, &options), 0);
	return child_finish(&child, NULL, 0, TIMEOUT_MS);
}

static int run(const char *const *words)
{
	return run_with(words, NULL);
}

static void every_pattern_moves_bytes(void **state)
{
	static const char *const patterns[][2] = {
		{"send", "32"},	   {"send", "65536"}, {"push", "65536"}, {"pull", "65536"},
		{"write", "4096"}, {"read", "4096"},  {"stream", "32"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		const char *const words[] = {
			"floor",	"rdma",	   "--pattern", patterns[i][0], "--size",
			patterns[i][1], "--calls", "64",	"--warmup",	"2",
			NULL,
		};
		struct run result;

		assert_int_equal(run(words), 0);
		assert_int_equal(run_load(json_path, &result, 1), 1);
		assert_true(result.calls >= 64);
		assert_true(result.calls_per_second > 0);
	}
}

static void a_sleeping_floor_and_a_window(void **state)
{
	const char *const asleep[] = {"floor",	"rdma", "--wait",   "sleep", "--calls", "64",
				      "--size", "32",	"--warmup", "2",     NULL};
	const char *const window[] = {"floor",	 "rdma", "--window", "64", "--batch", "16",
				      "--calls", "4096", "--warmup", "64", NULL};
	struct run result;

	(void)state;
	assert_int_equal(run(asleep), 0);
	assert_int_equal(run(window), 0);
	assert_int_equal(run_load(json_path, &result, 1), 1);
	assert_int_equal(result.calls, 4096);
}

static void registering_is_measured(void **state)
{
	const char *const words[] = {"pin", "--rounds", "1", NULL};
	json_t *root;

	(void)state;
	assert_int_equal(run(words), 0);
	root = json_load_file(json_path, 0, NULL);
	assert_non_null(root);
	assert_true(
		json_real_value(json_object_get(json_array_get(json_object_get(root, "points"), 0),
						"reg_dereg_us")) > 0);
	json_decref(root);
}

/* What librdmacm says where the address is in no GID, of a device whose GIDs have it. */
static void both_ways_lead_to_the_same_port(void **state)
{
	struct rdma_place by_gid = {0}, by_cm = {0};

	(void)state;
	assert_int_equal(rdma_place_find(RDMA_SYSFS, getenv("VERBENA_TEST_ADDRESS"), &by_gid), 0);
	assert_int_equal(registrar_place(getenv("VERBENA_TEST_ADDRESS"), &by_cm), 0);
	assert_string_equal(by_cm.device, by_gid.device);
	assert_string_equal(by_cm.address, by_gid.address);
	assert_int_equal(by_cm.port, by_gid.port);
	assert_int_equal(registrar_place("127.0.0.1", &by_cm), -1);
}

static double entry(const json_t *call, const char *side, const char *name)
{
	const json_t *value = json_object_get(json_object_get(call, side), name);

	assert_true(json_is_real(value));
	return json_real_value(value);
}

/* A few that come with time (a credit) fall into one run or the other. */
#define IN_TIME 4
/* Of what goes in chains of 16, one chain more or less falls into a run. */
#define A_CHAIN 17

/* OFF: how many of a run's CALLS the count may be off by. */
static void assert_within(const json_t *call, const char *side, const char *name, double expected,
			  double off)
{
	double calls = (double)json_integer_value(json_object_get(call, "calls"));
	double value = entry(call, side, name);

	assert_true(calls > 0);
	if (value < expected - off / calls || value > expected + off / calls)
		fail_msg("%s, %s of the %s: %g a call, not %g",
			 json_string_value(json_object_get(call, "call")), name, side, value,
			 expected);
}

static void assert_near(const json_t *call, const char *side, const char *name, double expected)
{
	assert_within(call, side, name, expected, IN_TIME);
}

/* The instrument counts what is known: of a floor of 64 round trips at its measuring end. */
static void the_ledger_counts_what_was_done(void **state)
{
	const char *const words[] = {"floor", "rdma",	  "--size", "32", "--calls",
				     "64",    "--warmup", "0",	    NULL};
	char library[PATH_MAX], preload[PATH_MAX + 16], file[64],
		path[] = "/tmp/verbena-book-XXXXXX";
	const char *const environment[] = {preload, file, NULL};
	struct ledger ledger;
	int fd = mkstemp(path);
	char text[4096];
	ssize_t length;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(child_helper_path("libverbena-ledger.so", library, sizeof(library)), 0);
	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", library);
	snprintf(file, sizeof(file), LEDGER_VARIABLE "=%s", path);
	assert_int_equal(run_with(words, environment), 0);
	length = read(fd, text, sizeof(text) - 1);
	assert_true(length > 0);
	text[length] = '\0';
	close(fd);
	unlink(path);
	assert_int_equal(ledger_parse(text, &ledger), 0);
	assert_int_equal(ledger.entries[LEDGER_WRS], 64);
	assert_int_equal(ledger.entries[LEDGER_DOORBELLS], 64);
	assert_int_equal(ledger.entries[LEDGER_SIGNALLED], 4);
	assert_int_equal(ledger.entries[LEDGER_INLINE], 64);
	assert_int_equal(ledger.entries[LEDGER_SENDS], 64);
	assert_int_equal(ledger.entries[LEDGER_SEND_BYTES], 64 * 32);
	assert_int_equal(ledger.entries[LEDGER_WRITES], 0);
	assert_true(ledger.entries[LEDGER_RECEIVES] >= 64);
	assert_true(ledger.entries[LEDGER_COMPLETIONS] >= 64 + 3);
	assert_int_equal(ledger.entries[LEDGER_REGISTRATIONS], 1);
	assert_int_equal(ledger.entries[LEDGER_DEREGISTRATIONS], 1);
}

static const char *const sides[] = {"client", "server"};

/* What every call has that brings little or is large: one message each way, inline. */
static void assert_one_send(const json_t *call, const char *side)
{
	assert_near(call, side, "sends", 1);
	assert_near(call, side, "inline", 1);
	assert_near(call, side, "others", 0);
}

/* The budget of a small call: one SEND each way, inline, one of 16 signalled, no registration. */
static void assert_small(const json_t *call)
{
	size_t i;

	for (i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		assert_one_send(call, sides[i]);
		assert_near(call, sides[i], "work_requests", 1);
		assert_near(call, sides[i], "doorbells", 1);
		assert_near(call, sides[i], "signalled", ONE_OF_16);
		assert_within(call, sides[i], "receives_posted", 1, A_CHAIN);
		assert_near(call, sides[i], "registrations", 0);
	}
}

/* Nothing comes back but credits: a message for half a window of calls, which is acknowledged. */
static void assert_oneway(const json_t *call)
{
	assert_within(call, "client", "work_requests", 1, A_CHAIN);
	assert_within(call, "client", "doorbells", 1, A_CHAIN);
	assert_within(call, "client", "inline", 1, A_CHAIN);
	assert_near(call, "client", "registrations", 0);
	assert_within(call, "server", "work_requests", 0, A_CHAIN);
	assert_near(call, "server", "registrations", 0);
}

/* Both ends of a large call of which the server makes so many verbs. */
static void assert_large(const json_t *call, const char *what, double n, double bells,
			 double registrations)
{
	assert_one_send(call, "client");
	assert_near(call, "client", "work_requests", 1);
	assert_near(call, "client", "doorbells", 1);
	assert_near(call, "client", "registrations", registrations);
	assert_near(call, "client", "deregistrations", registrations);
	assert_one_send(call, "server");
	assert_near(call, "server", what, n);
	assert_near(call, "server", "work_requests", n + 1);
	assert_near(call, "server", "doorbells", bells);
	assert_near(call, "server", "registrations", 0);
}

static json_t *load_ledger(const char *const *words)
{
	json_t *root;

	assert_int_equal(run(words), 0);
	root = json_load_file(json_path, 0, NULL);
	assert_non_null(root);
	return root;
}

/* The row whose text is TEXT. */
static const json_t *find_call(const json_t *root, const char *text)
{
	const json_t *list = json_object_get(root, "ledger");
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		const json_t *call = json_array_get(list, i);

		if (strcmp(json_string_value(json_object_get(call, "call")), text) == 0)
			return call;
	}
	fail_msg("the ledger has no '%s'", text);
	return NULL;
}

static void a_small_call_costs_one_send_each_way(void **state)
{
	const char *const words[] = {"ledger", "--small", "--calls", CALLS, NULL};
	json_t *root = load_ledger(words);

	(void)state;
	assert_int_equal(json_array_size(json_object_get(root, "ledger")), 3);
	assert_small(find_call(root, "echo(blk), 32 bytes"));
	assert_small(find_call(root, "bytes, 32 B in and out"));
	assert_oneway(find_call(root, "ping (one way)"));
	json_decref(root);
}

/* An answer leaves with the last WRITE before it. Memory is registered for a call above the sizes
 * that are copied, and never at the server. */
static void a_large_call_costs_what_its_chunks_cost(void **state)
{
	const char *const words[] = {"ledger", "--calls", CALLS, NULL};
	json_t *root = load_ledger(words);

	(void)state;
	assert_small(find_call(root, "bytes, 128 B in and out"));
	assert_large(find_call(root, "bytes, 16 KiB out"), "writes", 1, 1, 0);
	assert_large(find_call(root, "bytes, 64 KiB out"), "writes", 1, 1, 0);
	assert_large(find_call(root, "bytes, 1 MiB out"), "writes", 4, 2, 1);
	assert_large(find_call(root, "bytes, 16 KiB in"), "reads", 1, 2, 0);
	json_decref(root);
}

/* Compares in DIRECTORY and loads what was written there. */
static json_t *compare(const char *directory, const char *only)
{
	static const char *const endings[] = {"txt", "svg", "json"};
	const char *const words[] = {getenv("VERBENA_BENCH"),
				     "compare",
				     "rdma",
				     "--address",
				     getenv("VERBENA_TEST_ADDRESS"),
				     "--rounds",
				     "1",
				     "--quick",
				     "--only",
				     only,
				     "--output",
				     directory,
				     NULL};
	const struct child_options options = {.cpu = -1};
	struct child child;
	char path[64];
	json_t *root;
	size_t i;

	assert_int_equal(child_start(&child, words, &options), 0);
	/* It fails without gnuplot too; what it measured is written all the same. */
	assert_true(child_finish(&child, NULL, 0, TIMEOUT_MS) >= 0);
	snprintf(path, sizeof(path), "%s/compare-rdma.json", directory);
	root = json_load_file(path, 0, NULL);
	for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(path, sizeof(path), "%s/compare-rdma.%s", directory, endings[i]);
		unlink(path);
	}
	assert_non_null(root);
	return root;
}

/* Of each subject that is here a figure; which, is another matter. */
static void every_subject_gives_a_figure(void **state)
{
	char directory[] = "/tmp/verbena-compare-XXXXXX";
	const json_t *group, *subjects;
	json_t *root;
	size_t i, n = 0;

	(void)state;
	assert_non_null(mkdtemp(directory));
	root = compare(directory, "32 B");
	assert_int_equal(rmdir(directory), 0);
	group = json_array_get(json_object_get(root, "groups"), 0);
	subjects = json_object_get(group, "subjects");
	for (i = 0; i < json_array_size(subjects); i++) {
		const json_t *subject = json_array_get(subjects, i);
		const json_t *ns = json_object_get(subject, "ns");

		if (json_object_get(subject, "missing"))
			continue;
		n++;
		if (!(json_real_value(json_object_get(json_object_get(ns, "mean"), "median")) > 0))
			fail_msg("no figure of %s",
				 json_string_value(json_object_get(subject, "name")));
	}
	/* The floor, Verbena four times and a socket twice need nothing that may be missing. */
	assert_true(n >= 7);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pattern_moves_bytes),
		cmocka_unit_test(a_sleeping_floor_and_a_window),
		cmocka_unit_test(registering_is_measured),
		cmocka_unit_test(both_ways_lead_to_the_same_port),
		cmocka_unit_test(the_ledger_counts_what_was_done),
		cmocka_unit_test(a_small_call_costs_one_send_each_way),
		cmocka_unit_test(a_large_call_costs_what_its_chunks_cost),
		cmocka_unit_test(every_subject_gives_a_figure),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
