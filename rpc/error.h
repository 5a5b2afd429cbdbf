/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First causes: kept as fields and one sentence, logged once where they are first known.
 */
#ifndef VBI_ERROR_H
#define VBI_ERROR_H

#include <verbena/verbena.h>

/*
 * Sets ERROR if it is not set yet (errnum 0), and logs it. ERRNUM is positive. Does not touch
 * errno.
 */
void vbi_error_first(struct vb_error *error, int errnum, const char *where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Sets ERROR whatever it held: for refusals, of which the last one counts. */
void vbi_error_set(struct vb_error *error, int errnum, const char *where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The calling thread's error, for functions that return no object. */
struct vb_error *vbi_error_thread(void);

/* One line to standard error if VERBENA_LOG is set and not "0". Does not touch errno. */
void vbi_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The one place where the inside's convention becomes the edge's: sets errno, returns -1. */
int vbi_edge(int negative_errno);

#endif
