/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader must know of the machine to judge figures. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdio.h>

#include <jansson.h>

void machine_print(FILE *out);

/* The same as an object; the caller's. */
json_t *machine_to_json(void);

/* How many threads wanted a CPU in the last minute. */
double machine_load(void);

#endif
