/* SPDX-License-Identifier: Apache-2.0 */
/* Copy, pin or register? What it costs to copy a buffer against pinning its pages and letting them
 * go, or registering it with a device and taking it back. */
#ifndef BENCH_PIN_H
#define BENCH_PIN_H

#include <stdint.h>

enum pin_way {
	PIN_COPY,     /* memcpy, resident memory */
	PIN_LOCK,     /* mlock and munlock of the same memory */
	PIN_REGISTER, /* ibv_reg_mr and ibv_dereg_mr of it */
	PIN_WAYS
};

struct pin_point {
	uint64_t size;
	double us[PIN_WAYS]; /* NAN: the system refused, or there is no device */
};

/*
 * Where WAY's line comes below the copy's, in bytes, between two points on a line through their
 * logarithms. NAN if it never does. The first point itself if it begins below.
 */
double pin_crossing(const struct pin_point *points, unsigned n, enum pin_way way);

#endif
