/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that tell where they belong: both ends know them by a seed, so that a byte that is lost,
 * moved or another call's is found.
 */
#ifndef E2E_PATTERN_H
#define E2E_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void pattern_fill(void *memory, size_t size, uint64_t seed);

/* Whether the SIZE bytes at MEMORY are the first of the pattern SEED. */
bool pattern_is(const void *memory, size_t size, uint64_t seed);

/* The same, when every bit has been changed. */
bool pattern_is_flipped(const void *memory, size_t size, uint64_t seed);

void pattern_flip(void *memory, size_t size);

#endif
