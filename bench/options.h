/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands' command lines have in common. Mistakes end the program with status 2 and a
 * sentence, as argp does. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/measure.h"
#include "bench/wait.h"

/* Exit statuses. */
#define STATUS_OK     0
#define STATUS_FAILED 1
#define STATUS_USAGE  2

/* Pictures of one result: a file for each kind that there is, and the terminal. */
#define PLOTS_MAX 4

/* What each client side has: its plan, where it runs, where its results go. */
struct client_options {
	struct measure plan;
	int cpu;
	enum wait_mode wait;
	const char *json;
	const char *plots[PLOTS_MAX];
	unsigned n_plots;
};

/* An argp child that fills in a struct client_options. */
extern const struct argp client_argp;

/* The defaults. */
void client_options_init(struct client_options *options);

/* "123", "4KiB", "1MiB", "1GiB". Names WHAT when it is not one, or above MAX. */
uint64_t parse_size(const struct argp_state *state, const char *what, const char *text,
		    uint64_t max);
uint64_t parse_count(const struct argp_state *state, const char *what, const char *text,
		     uint64_t max);
double parse_seconds(const struct argp_state *state, const char *text);
int parse_cpu(const struct argp_state *state, const char *text);
enum wait_mode parse_wait(const struct argp_state *state, const char *text);
const char *parse_plot(const struct argp_state *state, const char *text);

/* Runs argp over a subcommand's words; argv[0] is its full name. Any failure ends the program. */
void options_parse(const struct argp *argp, int argc, char **argv, void *input);

/* Writes the JSON and the message of what went wrong with it; STATUS_OK or STATUS_FAILED. */
int options_save(const struct client_options *options, const struct run *runs, unsigned n_runs);

/* After a failed plot_write(): says why, on standard error. */
void plot_complain(const char *path);

#endif
