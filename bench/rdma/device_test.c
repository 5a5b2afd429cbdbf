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
#include "bench/run.h"

#define WORDS_MAX  24
#define TIMEOUT_MS 120000
/* Receives are posted again in chains, and one SEND of 16 is signalled. */
#define ONE_OF_16  (1.0 / 16)
/* What comes once in a run shows in one of its calls. */
#define CALLS	   "256"
#define ONCE	   (1.0 / 256)

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

static double entry(const json_t *call, const char *side, const char *name)
{
	const json_t *value = json_object_get(json_object_get(call, side), name);

	assert_true(json_is_real(value));
	return json_real_value(value);
}

static void assert_near(const json_t *call, const char *side, const char *name, double expected)
{
	double value = entry(call, side, name), off = value - expected;

	/* A few that come with time (keepalive, a credit) fall into one run or the other. */
	if (off < -4 * ONCE || off > 4 * ONCE)
		fail_msg("%s of the %s: %g a call, not %g", name, side, value, expected);
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

/* The budget of a small call: one SEND each way, inline, one of 16 signalled, no registration. */
static void a_small_call_costs_one_send_each_way(void **state)
{
	static const char *const sides[] = {"client", "server"};
	const char *const words[] = {"ledger", "--small", "--calls", CALLS, NULL};
	const json_t *call;
	json_t *root;
	size_t i;

	(void)state;
	assert_int_equal(run(words), 0);
	root = json_load_file(json_path, 0, NULL);
	assert_non_null(root);
	call = json_array_get(json_object_get(root, "ledger"), 0);
	assert_non_null(call);
	for (i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		assert_near(call, sides[i], "work_requests", 1);
		assert_near(call, sides[i], "doorbells", 1);
		assert_near(call, sides[i], "sends", 1);
		assert_near(call, sides[i], "inline", 1);
		assert_near(call, sides[i], "receives_posted", 1);
		assert_near(call, sides[i], "signalled", ONE_OF_16);
		assert_near(call, sides[i], "registrations", 0);
		assert_near(call, sides[i], "others", 0);
	}
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pattern_moves_bytes),
		cmocka_unit_test(a_sleeping_floor_and_a_window),
		cmocka_unit_test(registering_is_measured),
		cmocka_unit_test(the_ledger_counts_what_was_done),
		cmocka_unit_test(a_small_call_costs_one_send_each_way),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
