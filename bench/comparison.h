/* SPDX-License-Identifier: Apache-2.0 */
/* The results of `compare` over all rounds, and their table, JSON and plot. One thread. */
#ifndef BENCH_COMPARISON_H
#define BENCH_COMPARISON_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/subject.h"

#define ROUNDS_MAX 100u

struct comparison_cell {
	const char *missing;  /* why the subject did not run; NULL: it did */
	struct run *runs;     /* one a round */
	bool ran[ROUNDS_MAX]; /* which of them there are */
};

struct comparison {
	const struct suite *suite;
	unsigned rounds;
	struct comparison_cell cells[GROUPS_MAX][SUBJECTS_MAX];
};

/* NULL: no memory. */
struct comparison *comparison_new(const struct suite *suite, unsigned rounds);
void comparison_free(struct comparison *comparison);

/* The median over the rounds of COLUMN; *RET_LEAST and *RET_GREATEST its range. NAN if unknown. */
double comparison_column(const struct comparison *comparison, unsigned group, unsigned subject,
			 enum run_column column, double *ret_least, double *ret_greatest);

/* The median over the rounds of the ratio of COLUMN to the floor's of the same round. For RUN_P50
 * the medians of blocks are compared over shared memory where both have them, because the clock's
 * step is coarse. */
double comparison_ratio(const struct comparison *comparison, unsigned group, unsigned subject,
			enum run_column column);

/* The median over the rounds of a cost of the client (SERVER false) or server. */
double comparison_cost(const struct comparison *comparison, unsigned group, unsigned subject,
		       const char *name, bool server);

void comparison_print(const struct comparison *comparison, FILE *out);

/* -1 with errno. */
int comparison_save(const struct comparison *comparison, const char *path);

/* Ratios to the floor as bars. Errors as plot_write(). */
int comparison_plot(const struct comparison *comparison, const char *path);

#endif
