/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts what a program allocates, the library in it included: the program links libverbena.a with
 * --wrap for each function here, so that the count is the linker's word and not the library's.
 */
#ifndef E2E_MALLOCS_H
#define E2E_MALLOCS_H

#include <stdint.h>

/* Calls of malloc, calloc, realloc, aligned_alloc, posix_memalign, mmap so far, all threads. */
uint64_t mallocs_count(void);
/* Bytes of what these, mmap apart, gave and free() has not got back. */
uint64_t mallocs_bytes(void);

#endif
