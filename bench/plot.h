/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures by gnuplot: .png, .svg or .txt, or drawn with characters on standard output. */
#ifndef BENCH_PLOT_H
#define BENCH_PLOT_H

#include <stdbool.h>

struct plot_series {
	const char *title;
	const double *x;
	const double *y; /* a NAN leaves its point out */
	unsigned n;
};

struct plot_tic {
	double at;
	const char *text;
};

struct plot {
	const char *title;
	const char *x_label;
	const char *y_label;
	bool log_x;
	bool log_y;
	bool bars;		     /* boxes with a label each, else lines */
	const struct plot_tic *tics; /* of x; NULL: gnuplot's own */
	unsigned n_tics;
	const struct plot_series *series;
	unsigned n_series;
};

/* Whether PATH has an ending plot_write() knows, or is "-". */
bool plot_path_ok(const char *path);

/* Draws. -1 with errno: EINVAL (the ending of PATH), ENOENT (no gnuplot here), EIO (gnuplot failed,
 * and has said why on standard error). */
int plot_write(const char *path, const struct plot *plot);

#endif
