/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line on standard error that is rewritten while something runs. Nothing is written unless
 * standard error is a terminal or progress_always() was called. One thread.
 */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Shows the line even where standard error is not a terminal (--progress): whole lines then. */
void progress_always(void);

/* Shows TEXT; FRACTION is 0 to 1, below 0 if it is not known. At most ten times a second, so it may
 * be called often. */
void progress_show(double fraction, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes the line away, before anything else is printed. */
void progress_clear(void);

#ifdef __cplusplus
}
#endif

#endif
