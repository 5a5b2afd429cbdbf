/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "bench/machine.h"
#include "bench/plot.h"
#include "bench/statistics.h"

struct comparison *comparison_new(const struct suite *suite, unsigned rounds)
{
	struct comparison *comparison = calloc(1, sizeof(*comparison));
	unsigned group, subject;

	if (!comparison)
		return NULL;
	comparison->suite = suite;
	comparison->rounds = rounds;
	for (group = 0; group < comparison->suite->n_groups; group++) {
		for (subject = 0; subject < comparison->suite->groups[group].n_subjects;
		     subject++) {
			struct comparison_cell *cell = &comparison->cells[group][subject];

			cell->runs = calloc(rounds, sizeof(*cell->runs));
			if (!cell->runs) {
				comparison_free(comparison);
				return NULL;
			}
		}
	}
	return comparison;
}

void comparison_free(struct comparison *comparison)
{
	unsigned group, subject;

	if (!comparison)
		return;
	for (group = 0; group < GROUPS_MAX; group++) {
		for (subject = 0; subject < SUBJECTS_MAX; subject++)
			free(comparison->cells[group][subject].runs);
	}
	free(comparison);
}

/* ---- Figures ---- */

double comparison_column(const struct comparison *comparison, unsigned group, unsigned subject,
			 enum run_column column, double *ret_least, double *ret_greatest)
{
	const struct comparison_cell *cell = &comparison->cells[group][subject];
	double values[ROUNDS_MAX];
	unsigned round;

	for (round = 0; round < comparison->rounds; round++)
		values[round] = cell->ran[round] ? cell->runs[round].ns[column] : NAN;
	*ret_least = least(values, comparison->rounds);
	*ret_greatest = greatest(values, comparison->rounds);
	return median(values, comparison->rounds);
}

static double ratio(const struct suite *suite, const struct run *run, const struct run *floor,
		    enum run_column column)
{
	/* Over verbs a call is so long that the clock's step is nothing. */
	if (column == RUN_P50 && !suite->rdma && !isnan(run->ns[RUN_BLOCK]) &&
	    !isnan(floor->ns[RUN_BLOCK]))
		column = RUN_BLOCK;
	return run->ns[column] / floor->ns[column];
}

double comparison_ratio(const struct comparison *comparison, unsigned group, unsigned subject,
			enum run_column column)
{
	const struct comparison_cell *cell = &comparison->cells[group][subject];
	const struct comparison_cell *floor =
		&comparison->cells[group][comparison->suite->groups[group].floor];
	double values[ROUNDS_MAX];
	unsigned round;

	for (round = 0; round < comparison->rounds; round++) {
		values[round] = NAN;
		if (cell->ran[round] && floor->ran[round])
			values[round] = ratio(comparison->suite, &cell->runs[round],
					      &floor->runs[round], column);
	}
	return median(values, comparison->rounds);
}

double comparison_cost(const struct comparison *comparison, unsigned group, unsigned subject,
		       const char *name, bool server)
{
	const struct comparison_cell *cell = &comparison->cells[group][subject];
	double values[ROUNDS_MAX];
	unsigned round;

	for (round = 0; round < comparison->rounds; round++) {
		const struct run_cost *cost = NULL;

		if (cell->ran[round])
			cost = run_cost_find(&cell->runs[round], name);
		values[round] = !cost ? NAN : server ? cost->server : cost->client;
	}
	return median(values, comparison->rounds);
}

/* ---- The table ---- */

static void print_ratio(double value, FILE *out)
{
	if (isnan(value))
		fprintf(out, " %9s", "-");
	else
		fprintf(out, " %9.2f", value);
}

static void print_row(const struct comparison *comparison, unsigned group, unsigned subject,
		      FILE *out)
{
	const struct comparison_cell *cell = &comparison->cells[group][subject];
	char texts[6][RUN_NAME_MAX], range[2 * RUN_NAME_MAX];
	double low, high, unused[2];

	fprintf(out, "%-36s", comparison->suite->groups[group].subjects[subject].name);
	if (cell->missing) {
		fprintf(out, " %s\n", cell->missing);
		return;
	}
	run_format_ns(comparison_column(comparison, group, subject, RUN_P50, &low, &high),
		      texts[0]);
	snprintf(range, sizeof(range), "%s..%s", run_format_ns(low, texts[1]),
		 run_format_ns(high, texts[2]));
	fprintf(out, " %9s %20s %9s %9s %9s", texts[0], range,
		run_format_ns(comparison_column(comparison, group, subject, RUN_P99, &unused[0],
						&unused[1]),
			      texts[3]),
		run_format_ns(comparison_column(comparison, group, subject, RUN_P999, &unused[0],
						&unused[1]),
			      texts[4]),
		run_format_ns(comparison_column(comparison, group, subject, RUN_MEAN, &unused[0],
						&unused[1]),
			      texts[5]));
	print_ratio(comparison_ratio(comparison, group, subject, RUN_P50), out);
	print_ratio(comparison_ratio(comparison, group, subject, RUN_MEAN), out);
	fputc('\n', out);
}

static void print_group(const struct comparison *comparison, unsigned group, FILE *out)
{
	unsigned subject;

	fprintf(out, "\n%s\n", comparison->suite->groups[group].title);
	fprintf(out, "%-36s %9s %20s %9s %9s %9s %9s %9s\n", "", "p50", "range of rounds", "p99",
		"p99.9", "mean", "x floor", "x floor");
	fprintf(out, "%-36s %9s %20s %9s %9s %9s %9s %9s\n", "", "", "", "", "", "", "p50", "mean");
	for (subject = 0; subject < comparison->suite->groups[group].n_subjects; subject++)
		print_row(comparison, group, subject, out);
}

/* What is counted of a Verbena call, by the name in its JSON. */
static const struct {
	const char *cost;
	const char *text;
} costs[] = {
	{"CPU user, us", "user us"},  {"CPU system, us", "system us"},
	{"messages sent", "sent"},    {"buffers bounced", "bounced"},
	{"sleeps", "sleeps"},	      {"wake-ups sent", "wake-ups"},
	{"allocations", "allocated"},
};

#define COSTS (sizeof(costs) / sizeof(costs[0]))

static void print_cost(const struct comparison *comparison, unsigned group, unsigned subject,
		       bool server, FILE *out)
{
	unsigned i;

	fprintf(out, "%-11s %-36s %-7s", server ? "" : comparison->suite->groups[group].name,
		server ? "" : comparison->suite->groups[group].subjects[subject].name,
		server ? "server" : "client");
	for (i = 0; i < COSTS; i++) {
		double value = comparison_cost(comparison, group, subject, costs[i].cost, server);

		if (isnan(value))
			fprintf(out, " %10s", "-");
		else
			fprintf(out, " %10.3g", value);
	}
	fputc('\n', out);
}

static void print_costs(const struct comparison *comparison, FILE *out)
{
	unsigned group, subject, i;

	fprintf(out, "\nPer call of Verbena, counted\n%-56s", "");
	for (i = 0; i < COSTS; i++)
		fprintf(out, " %10s", costs[i].text);
	fputc('\n', out);
	for (group = 0; group < comparison->suite->n_groups; group++) {
		for (subject = 0; subject < comparison->suite->groups[group].n_subjects;
		     subject++) {
			if (comparison->suite->groups[group].subjects[subject].kind !=
				    SUBJECT_VERBENA ||
			    comparison->cells[group][subject].missing)
				continue;
			print_cost(comparison, group, subject, false, out);
			print_cost(comparison, group, subject, true, out);
		}
	}
}

void comparison_print(const struct comparison *comparison, FILE *out)
{
	unsigned group;

	machine_print(out);
	fprintf(out,
		"%u rounds, each subject once a round in turn%s; medians over the rounds; ratios "
		"to the floor\nof the same round. The clock's reading is part of each duration, "
		"of the floors' too.\n",
		comparison->rounds,
		comparison->suite->rdma ? " (of large payloads in every third)" : "");
	for (group = 0; group < comparison->suite->n_groups; group++) {
		/* The floor is everywhere, so this group was not asked for. */
		if (!comparison->cells[group][comparison->suite->groups[group].floor].missing)
			print_group(comparison, group, out);
	}
	print_costs(comparison, out);
}

/* ---- JSON ---- */

static void set_real(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, isnan(value) ? json_null() : json_real(value));
}

static json_t *subject_to_json(const struct comparison *comparison, unsigned group,
			       unsigned subject)
{
	const struct comparison_cell *cell = &comparison->cells[group][subject];
	json_t *object = json_object(), *ns = json_object();
	unsigned i;

	json_object_set_new(object, "name",
			    json_string(comparison->suite->groups[group].subjects[subject].name));
	if (cell->missing)
		json_object_set_new(object, "missing", json_string(cell->missing));
	for (i = 0; i < RUN_COLUMNS; i++) {
		double low, high;
		double middle = comparison_column(comparison, group, subject, i, &low, &high);
		json_t *column = json_object();

		set_real(column, "median", middle);
		set_real(column, "least", low);
		set_real(column, "greatest", high);
		json_object_set_new(ns, run_column_names[i], column);
	}
	json_object_set_new(object, "ns", ns);
	set_real(object, "floor_ratio_p50", comparison_ratio(comparison, group, subject, RUN_P50));
	set_real(object, "floor_ratio_mean",
		 comparison_ratio(comparison, group, subject, RUN_MEAN));
	for (i = 0; i < COSTS; i++) {
		json_t *cost = json_object();

		set_real(cost, "client",
			 comparison_cost(comparison, group, subject, costs[i].cost, false));
		set_real(cost, "server",
			 comparison_cost(comparison, group, subject, costs[i].cost, true));
		json_object_set_new(object, costs[i].cost, cost);
	}
	return object;
}

int comparison_save(const struct comparison *comparison, const char *path)
{
	json_t *root = json_object(), *list = json_array();
	unsigned group, subject;
	int result;

	for (group = 0; group < comparison->suite->n_groups; group++) {
		json_t *object = json_object(), *subjects = json_array();

		json_object_set_new(object, "name",
				    json_string(comparison->suite->groups[group].name));
		json_object_set_new(object, "title",
				    json_string(comparison->suite->groups[group].title));
		json_object_set_new(
			object, "size",
			json_integer((json_int_t)comparison->suite->groups[group].size));
		for (subject = 0; subject < comparison->suite->groups[group].n_subjects; subject++)
			json_array_append_new(subjects,
					      subject_to_json(comparison, group, subject));
		json_object_set_new(object, "subjects", subjects);
		json_array_append_new(list, object);
	}
	json_object_set_new(root, "suite", json_string(comparison->suite->name));
	json_object_set_new(root, "machine", machine_to_json());
	json_object_set_new(root, "rounds", json_integer((json_int_t)comparison->rounds));
	json_object_set_new(root, "groups", list);
	result = json_dump_file(root, path, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	json_decref(root);
	return result;
}

/* ---- The plot ---- */

int comparison_plot(const struct comparison *comparison, const char *path)
{
	static char texts[GROUPS_MAX * SUBJECTS_MAX][2 * RUN_NAME_MAX];
	static double x[GROUPS_MAX * SUBJECTS_MAX], y[GROUPS_MAX * SUBJECTS_MAX];
	static struct plot_tic tics[GROUPS_MAX * SUBJECTS_MAX];
	struct plot_series series = {.title = "x floor", .x = x, .y = y};
	struct plot plot = {
		.title = "Round trips as multiples of their floors (means)",
		.x_label = "",
		.y_label = "x floor",
		.log_y = true,
		.bars = true,
		.tics = tics,
		.series = &series,
		.n_series = 1,
	};
	unsigned group, subject, n = 0;

	for (group = 0; group < comparison->suite->n_groups; group++) {
		for (subject = 0; subject < comparison->suite->groups[group].n_subjects;
		     subject++) {
			double value = comparison_ratio(comparison, group, subject, RUN_MEAN);

			if (isnan(value) || subject == comparison->suite->groups[group].floor)
				continue;
			snprintf(texts[n], sizeof(texts[n]), "%s: %s",
				 comparison->suite->groups[group].name,
				 comparison->suite->groups[group].subjects[subject].name);
			/* A gap between groups. */
			x[n] = (double)(n + group);
			y[n] = value;
			tics[n] = (struct plot_tic){.at = x[n], .text = texts[n]};
			n++;
		}
	}
	series.n = n;
	plot.n_tics = n;
	return plot_write(path, &plot);
}
