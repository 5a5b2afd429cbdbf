/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of one run of one thing that was measured: durations in nanoseconds, rates, and what a
 * call cost at each end. Written as JSON by whoever measured and read back by `compare`, so that
 * our own programs and peers' speak one format. One thread.
 */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RUN_NAME_MAX  48
#define RUN_COSTS_MAX 24

enum run_column {
	RUN_MIN,
	RUN_P50,
	RUN_P90,
	RUN_P99,
	RUN_P999,
	RUN_MAX,
	RUN_MEAN,
	RUN_BLOCK, /* median of the means of MEASURE_BLOCK calls in a row: finer than the clock's
		      step, blind to the rare interruption */
	RUN_COLUMNS
};

/* The columns' names, in tables and as keys of JSON. */
extern const char *const run_column_names[RUN_COLUMNS];

/* Something counted, per call; NAN at an end where it is not known. */
struct run_cost {
	char name[RUN_NAME_MAX];
	double client;
	double server;
};

struct run {
	char name[RUN_NAME_MAX];
	uint64_t size;	     /* bytes of payload there */
	uint64_t reply_size; /* and back */
	uint64_t calls;
	double ns[RUN_COLUMNS];	  /* of a round trip; NAN where a peer's tool does not say */
	double calls_per_second;  /* NAN likewise */
	double clock_overhead_ns; /* of each duration: what reading the clock cost */
	unsigned n_costs;
	struct run_cost costs[RUN_COSTS_MAX];
};

/* An empty run: NAN everywhere. */
void run_init(struct run *run, const char *name, uint64_t size, uint64_t reply_size);

/* Adds a cost; one beyond RUN_COSTS_MAX is an error in the program and aborts. */
void run_cost(struct run *run, const char *name, double client, double server);

/* The cost called NAME, or NULL. */
const struct run_cost *run_cost_find(const struct run *run, const char *name);

/* Writes {"runs": [...]} to the file at PATH ("-": standard output). -1 with errno. */
int run_save(const char *path, const struct run *runs, unsigned n_runs);

/* Reads at most N_MAX runs of such a file. How many, or -1 with errno (EBADMSG: not such a
 * file). */
int run_load(const char *path, struct run *ret_runs, unsigned n_max);

/* Prints a run for people: the distribution in the unit that suits it, then the costs. */
void run_print(const struct run *run, FILE *out);

/* NS as text of at most 5 digits with its unit: "84 ns", "1.62 us", "-" for NAN. RET_TEXT has
 * RUN_NAME_MAX bytes and is returned. */
const char *run_format_ns(double ns, char *ret_text);

#ifdef __cplusplus
}
#endif

#endif
