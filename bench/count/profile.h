/* SPDX-License-Identifier: Apache-2.0 */
/* In which functions the instructions lie that one side executed: names by addr2line (binutils). */
#ifndef BENCH_COUNT_PROFILE_H
#define BENCH_COUNT_PROFILE_H

#include <stdint.h>
#include <stdio.h>

struct profile;

/* NULL: no memory. */
struct profile *profile_new(void);
void profile_free(struct profile *profile);

/* COUNT executions of the instruction at ADDRESS of the object file at PATH, which is copied. -1
 * with ENOMEM. */
int profile_add(struct profile *profile, const char *path, uint64_t address, uint64_t count);

/* Prints the functions with most instructions per call, down to one instruction. -1
 * with errno: addr2line could not be run. */
int profile_print(struct profile *profile, uint64_t calls, FILE *out);

#endif
