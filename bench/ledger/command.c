/* SPDX-License-Identifier: Apache-2.0 */
/* verbena-bench ledger */
#include <err.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "bench/commands.h"
#include "bench/ledger/ledger.h"
#include "bench/options.h"
#include "bench/progress.h"
#include "bench/rdma/address.h"

/* Many enough that what comes once in a while (a credit, a refill) shows with its share, few enough
 * for a device that is emulated. */
#define CALLS_DEFAULT 256u
#define CALLS_MAX     (UINT64_C(1) << 20)
/* Large payloads make the same work requests each time. */
#define LARGE_SHARE   16u

enum { OPTION_ADDRESS = 256, OPTION_JSON, OPTION_SMALL };

struct ledger_command {
	const char *address;
	const char *json;
	bool small;
	uint64_t calls;
	struct rdma_place place;
};

static const struct row {
	struct ledger_call call;
	enum { ROW_SMALL, ROW_MIDDLE, ROW_LARGE } class;
} rows[] = {
	{{"echo(blk), 32 bytes", "echo", NULL, NULL, false}, ROW_SMALL},
	{{"bytes, 32 B in and out", "bytes", "32", "32", false}, ROW_SMALL},
	{{"bytes, 128 B in and out", "bytes", "128", "128", false}, ROW_MIDDLE},
	{{"bytes, 1 KiB in and out", "bytes", "1KiB", "1KiB", false}, ROW_MIDDLE},
	{{"bytes, 4 KiB in and out", "bytes", "4KiB", "4KiB", false}, ROW_MIDDLE},
	{{"bytes, 16 KiB out", "bytes", "32", "16KiB", false}, ROW_MIDDLE},
	{{"bytes, 64 KiB out", "bytes", "32", "64KiB", false}, ROW_LARGE},
	{{"bytes, 1 MiB out", "bytes", "32", "1MiB", false}, ROW_LARGE},
	{{"bytes, 16 KiB in", "bytes", "16KiB", "32", false}, ROW_MIDDLE},
	{{"bytes, 64 KiB in", "bytes", "64KiB", "32", false}, ROW_LARGE},
	{{"bytes, 1 MiB in", "bytes", "1MiB", "32", false}, ROW_LARGE},
	{{"direct registered, 1 MiB out", "direct", "32", "1MiB", true}, ROW_LARGE},
	{{"direct registered, 1 MiB in", "direct", "1MiB", "32", true}, ROW_LARGE},
	{{"ping (one way)", "ping", NULL, NULL, false}, ROW_SMALL},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct argp_option option_list[] = {
	{"address", OPTION_ADDRESS, "IP", 0,
	 "The device that has this IPv4 address (default: the first active one)", 0},
	{"calls", 'n', "N", 0, "Compare N calls with 2N (default 256; of large ones a sixteenth)",
	 0},
	{"small", OPTION_SMALL, NULL, 0, "Only calls of 32 bytes", 0},
	{"json", OPTION_JSON, "FILE", 0, "Write the ledger as JSON", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ledger_command *command = state->input;

	switch (key) {
	case OPTION_ADDRESS:
		command->address = arg;
		break;
	case 'n':
		command->calls = parse_count(state, "--calls", arg, CALLS_MAX);
		if (command->calls < LARGE_SHARE)
			argp_error(state, "--calls must be at least %u", LARGE_SHARE);
		break;
	case OPTION_SMALL:
		command->small = true;
		break;
	case OPTION_JSON:
		command->json = arg;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is one word too many", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.doc = "Counts which verbs a call over rdma:// costs at either end, by size, with an "
	       "instrument that Verbena knows nothing of: a library that is loaded into client "
	       "and server and stands between them and the device's driver. Figures are the "
	       "difference between N and 2N calls, divided by N.",
};

/* ---- The table ---- */

static const struct {
	const char *head[2];
	enum ledger_entry entry;
	int width;
} columns[] = {
	{{"work", "requests"}, LEDGER_WRS, 9},
	{{"door-", "bells"}, LEDGER_DOORBELLS, 7},
	{{"signal-", "led"}, LEDGER_SIGNALLED, 8},
	{{"", "inline"}, LEDGER_INLINE, 7},
	{{"", "SEND"}, LEDGER_SENDS, 6},
	{{"", "WRITE"}, LEDGER_WRITES, 6},
	{{"", "READ"}, LEDGER_READS, 6},
	{{"", "other"}, LEDGER_OTHERS, 6},
	{{"receives", "posted"}, LEDGER_RECEIVES, 9},
	{{"their", "bells"}, LEDGER_RECEIVE_BELLS, 7},
	{{"comple-", "tions"}, LEDGER_COMPLETIONS, 8},
	{{"regis-", "trations"}, LEDGER_REGISTRATIONS, 9},
	{{"bytes of", "SENDs"}, LEDGER_SEND_BYTES, 9},
	{{"of", "WRITEs"}, LEDGER_WRITE_BYTES, 9},
	{{"of", "READs"}, LEDGER_READ_BYTES, 9},
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))
/* From here on fractions tell nothing; below this they are of what comes once in a run. */
#define WHOLE	100.0
#define NOTHING 0.005

static void print_head(uint64_t calls)
{
	size_t i, line;

	printf("Verbs of one call: the difference between N and 2N calls, N = %llu (large: %llu), "
	       "both polling\n",
	       (unsigned long long)calls, (unsigned long long)(calls / LARGE_SHARE));
	for (line = 0; line < 2; line++) {
		printf("%-37s", "");
		for (i = 0; i < COLUMNS; i++)
			printf(" %*s", columns[i].width, columns[i].head[line]);
		putchar('\n');
	}
}

static void print_side(const char *text, const char *side, const double *per_call)
{
	size_t i;

	printf("%-30s %-6s", text, side);
	for (i = 0; i < COLUMNS; i++) {
		double value = per_call[columns[i].entry];

		if (fabs(value) < NOTHING)
			printf(" %*s", columns[i].width, ".");
		else
			printf(" %*.*f", columns[i].width, fabs(value) < WHOLE ? 2 : 0, value);
	}
	putchar('\n');
	fflush(stdout);
}

static json_t *side_to_json(const double *per_call)
{
	json_t *object = json_object();
	unsigned i;

	for (i = 0; i < LEDGER_ENTRIES; i++)
		json_object_set_new(object, ledger_names[i], json_real(per_call[i]));
	return object;
}

static int measure_row(const struct ledger_command *command, const struct row *row, json_t *list)
{
	double per_call[LEDGER_SIDES][LEDGER_ENTRIES];
	uint64_t calls = row->class == ROW_LARGE ? command->calls / LARGE_SHARE : command->calls;
	json_t *object;

	progress_show(-1, "ledger: %s", row->call.text);
	if (ledger_measure(command->place.address, &row->call, calls, per_call) < 0)
		return -1;
	progress_clear();
	print_side(row->call.text, "client", per_call[LEDGER_CLIENT]);
	print_side("", "server", per_call[LEDGER_SERVER]);
	object = json_object();
	json_object_set_new(object, "call", json_string(row->call.text));
	json_object_set_new(object, "calls", json_integer((json_int_t)calls));
	json_object_set_new(object, "client", side_to_json(per_call[LEDGER_CLIENT]));
	json_object_set_new(object, "server", side_to_json(per_call[LEDGER_SERVER]));
	json_array_append_new(list, object);
	return 0;
}

int command_ledger(int argc, char **argv)
{
	struct ledger_command command = {.calls = CALLS_DEFAULT};
	json_t *root, *list;
	int status = STATUS_OK;
	size_t i;

	options_parse(&argp, argc, argv, &command);
	if (rdma_place_get(command.address, &command.place) < 0)
		return STATUS_FAILED;
	root = json_object();
	list = json_array();
	json_object_set_new(root, "ledger", list);
	print_head(command.calls);
	for (i = 0; i < ROWS; i++) {
		if (command.small && rows[i].class != ROW_SMALL)
			continue;
		if (measure_row(&command, &rows[i], list) < 0)
			status = STATUS_FAILED;
	}
	if (command.json && json_dump_file(root, command.json, JSON_INDENT(2)) < 0) {
		warn("cannot write %s", command.json);
		status = STATUS_FAILED;
	}
	json_decref(root);
	return status;
}
