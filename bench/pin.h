/* SPDX-License-Identifier: Apache-2.0 */
/* Copy or pin? What it costs to copy a buffer against pinning and unpinning its pages. */
#ifndef BENCH_PIN_H
#define BENCH_PIN_H

#include <stdint.h>

struct pin_point {
	uint64_t size;
	double copy_us; /* memcpy, resident memory */
	double pin_us;	/* mlock + munlock of the same memory; NAN if the system refused */
};

/*
 * Where the pin line comes below the copy line, in bytes, between two points on a line through
 * their logarithms. NAN if it never does. The first point itself if it begins below.
 */
double pin_crossing(const struct pin_point *points, unsigned n);

#endif
