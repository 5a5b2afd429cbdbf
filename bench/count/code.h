/* SPDX-License-Identifier: Apache-2.0 */
/* The instructions of another process, decoded once each: a loop is stepped many times. */
#ifndef BENCH_COUNT_CODE_H
#define BENCH_COUNT_CODE_H

#include <stdint.h>
#include <sys/types.h>

#include "bench/count/decode.h"

/* Different instructions that are stepped through: two calls' worth of code many times over. */
#define CODE_MAX (1u << 16)

struct code;

/* NULL: no memory. */
struct code *code_new(pid_t pid);
void code_free(struct code *code);

/* The instruction at ADDRESS, the code's to free; `executed` is the caller's to count. NULL with
 * errno: EFAULT (not readable), ENOSPC (CODE_MAX). */
struct instruction *code_at(struct code *code, uint64_t address);

/* Sets every `executed` to 0. */
void code_reset(struct code *code);

/* The instructions one after the other: *POSITION begins with 0; NULL: no more. */
const struct instruction *code_next(const struct code *code, uint32_t *position,
				    uint64_t *ret_address);

#endif
