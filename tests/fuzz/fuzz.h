/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz target is one function. Linked with libFuzzer it is fuzzed; linked with corpus.c it is an
 * ordinary test that runs over a corpus and some mutations of it.
 */
#ifndef VERBENA_TESTS_FUZZ_H
#define VERBENA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Returns 0. What must hold is required; a fault ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(), which NDEBUG takes away. */
#define FUZZ_REQUIRE(condition)                                                                   \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: required: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

#endif
