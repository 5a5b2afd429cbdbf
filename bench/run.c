/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/run.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

const char *const run_column_names[RUN_COLUMNS] = {
	[RUN_MIN] = "min",    [RUN_P50] = "p50", [RUN_P90] = "p90",   [RUN_P99] = "p99",
	[RUN_P999] = "p99.9", [RUN_MAX] = "max", [RUN_MEAN] = "mean", [RUN_BLOCK] = "block p50",
};

void run_init(struct run *run, const char *name, uint64_t size, uint64_t reply_size)
{
	unsigned i;

	memset(run, 0, sizeof(*run));
	snprintf(run->name, sizeof(run->name), "%s", name);
	run->size = size;
	run->reply_size = reply_size;
	run->calls_per_second = NAN;
	run->clock_overhead_ns = NAN;
	for (i = 0; i < RUN_COLUMNS; i++)
		run->ns[i] = NAN;
}

void run_cost(struct run *run, const char *name, double client, double server)
{
	struct run_cost *cost;

	if (run->n_costs == RUN_COSTS_MAX)
		abort();
	cost = &run->costs[run->n_costs++];
	snprintf(cost->name, sizeof(cost->name), "%s", name);
	cost->client = client;
	cost->server = server;
}

const struct run_cost *run_cost_find(const struct run *run, const char *name)
{
	unsigned i;

	for (i = 0; i < run->n_costs; i++) {
		if (strcmp(run->costs[i].name, name) == 0)
			return &run->costs[i];
	}
	return NULL;
}

/* ---- JSON ---- */

/* JSON has no NAN: a number that is not known is left out. */
static void object_set_real(json_t *object, const char *key, double value)
{
	if (!isnan(value))
		json_object_set_new(object, key, json_real(value));
}

static json_t *run_to_json(const struct run *run)
{
	json_t *object = json_object(), *ns = json_object(), *costs = json_object();
	unsigned i;

	json_object_set_new(object, "name", json_string(run->name));
	json_object_set_new(object, "size", json_integer((json_int_t)run->size));
	json_object_set_new(object, "reply_size", json_integer((json_int_t)run->reply_size));
	json_object_set_new(object, "calls", json_integer((json_int_t)run->calls));
	for (i = 0; i < RUN_COLUMNS; i++)
		object_set_real(ns, run_column_names[i], run->ns[i]);
	json_object_set_new(object, "ns", ns);
	object_set_real(object, "calls_per_second", run->calls_per_second);
	object_set_real(object, "clock_overhead_ns", run->clock_overhead_ns);
	for (i = 0; i < run->n_costs; i++) {
		json_t *cost = json_object();

		object_set_real(cost, "client", run->costs[i].client);
		object_set_real(cost, "server", run->costs[i].server);
		json_object_set_new(costs, run->costs[i].name, cost);
	}
	json_object_set_new(object, "per_call", costs);
	return object;
}

int run_save(const char *path, const struct run *runs, unsigned n_runs)
{
	json_t *root = json_object(), *list = json_array();
	bool to_stdout = strcmp(path, "-") == 0;
	FILE *out = to_stdout ? stdout : fopen(path, "we");
	int result = -1;
	unsigned i;

	if (!out)
		goto no_file;
	for (i = 0; i < n_runs; i++)
		json_array_append_new(list, run_to_json(&runs[i]));
	json_object_set(root, "runs", list);
	errno = ENOMEM;
	if (json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0 &&
	    fputc('\n', out) != EOF)
		result = 0;
	if (!to_stdout && fclose(out) != 0)
		result = -1;
no_file:
	json_decref(list);
	json_decref(root);
	return result;
}

static double object_get_real(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

static int run_from_json(const json_t *object, struct run *run)
{
	json_t *costs = json_object_get(object, "per_call"), *cost;
	const char *name = json_string_value(json_object_get(object, "name")), *key;
	unsigned i;

	if (!name)
		return -1;
	run_init(run, name, (uint64_t)json_integer_value(json_object_get(object, "size")),
		 (uint64_t)json_integer_value(json_object_get(object, "reply_size")));
	run->calls = (uint64_t)json_integer_value(json_object_get(object, "calls"));
	for (i = 0; i < RUN_COLUMNS; i++)
		run->ns[i] = object_get_real(json_object_get(object, "ns"), run_column_names[i]);
	run->calls_per_second = object_get_real(object, "calls_per_second");
	run->clock_overhead_ns = object_get_real(object, "clock_overhead_ns");
	json_object_foreach(costs, key, cost)
	{
		if (run->n_costs == RUN_COSTS_MAX)
			return -1;
		run_cost(run, key, object_get_real(cost, "client"),
			 object_get_real(cost, "server"));
	}
	return 0;
}

int run_load(const char *path, struct run *ret_runs, unsigned n_max)
{
	json_t *root = json_load_file(path, 0, NULL), *list, *object;
	unsigned n = 0;
	size_t i;

	list = json_object_get(root, "runs");
	if (!json_is_array(list))
		goto bad;
	json_array_foreach(list, i, object)
	{
		if (n == n_max || run_from_json(object, &ret_runs[n]) < 0)
			goto bad;
		n++;
	}
	json_decref(root);
	return (int)n;
bad:
	json_decref(root);
	errno = EBADMSG;
	return -1;
}

/* ---- For people ---- */

const char *run_format_ns(double ns, char *ret_text)
{
	if (isnan(ns))
		snprintf(ret_text, RUN_NAME_MAX, "-");
	else if (ns < 1000)
		snprintf(ret_text, RUN_NAME_MAX, "%.0f ns", ns);
	else if (ns < 1e6)
		snprintf(ret_text, RUN_NAME_MAX, "%.4g us", ns / 1e3);
	else if (ns < 1e9)
		snprintf(ret_text, RUN_NAME_MAX, "%.4g ms", ns / 1e6);
	else
		snprintf(ret_text, RUN_NAME_MAX, "%.4g s", ns / 1e9);
	return ret_text;
}

static const char *format_cost(double value, char *ret_text)
{
	if (isnan(value))
		snprintf(ret_text, RUN_NAME_MAX, "-");
	else if (value == 0)
		snprintf(ret_text, RUN_NAME_MAX, "0");
	else
		snprintf(ret_text, RUN_NAME_MAX, "%.4g", value);
	return ret_text;
}

void run_print(const struct run *run, FILE *out)
{
	char text[RUN_NAME_MAX], other[RUN_NAME_MAX];
	unsigned i;

	fprintf(out, "%s: %llu calls, %llu bytes there, %llu back\n\n", run->name,
		(unsigned long long)run->calls, (unsigned long long)run->size,
		(unsigned long long)run->reply_size);
	for (i = 0; i < RUN_COLUMNS; i++)
		fprintf(out, "%11s", run_column_names[i]);
	fputc('\n', out);
	for (i = 0; i < RUN_COLUMNS; i++)
		fprintf(out, "%11s", run_format_ns(run->ns[i], text));
	fputs("\n\n", out);
	if (!isnan(run->calls_per_second))
		fprintf(out, "%.4g calls/s\n", run->calls_per_second);
	if (!isnan(run->clock_overhead_ns))
		fprintf(out, "each duration includes %.0f ns of reading the clock\n",
			run->clock_overhead_ns);
	if (run->n_costs == 0)
		return;
	fprintf(out, "\n%-28s %12s %12s\n", "per call", "client", "server");
	for (i = 0; i < run->n_costs; i++)
		fprintf(out, "%-28s %12s %12s\n", run->costs[i].name,
			format_cost(run->costs[i].client, text),
			format_cost(run->costs[i].server, other));
}
