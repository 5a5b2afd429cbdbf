/* SPDX-License-Identifier: Apache-2.0 */
/* The shared memory of another process: which of its addresses are which bytes of which file. */
#ifndef BENCH_COUNT_MAPS_H
#define BENCH_COUNT_MAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct maps;

/* Reads the mappings as they are now. NULL with errno. */
struct maps *maps_read(pid_t pid);
void maps_free(struct maps *maps);

/* Whether ADDRESS lies in memory that is shared with other processes, and where in which file. */
bool maps_shared(const struct maps *maps, uint64_t address, uint64_t *ret_inode,
		 uint64_t *ret_offset);

/* The object file that ADDRESS lies in (the maps' text), and the address within it, as its symbols
 * have it. NULL: in none. */
const char *maps_object(const struct maps *maps, uint64_t address, uint64_t *ret_address);

/* Threads of PID; 0: no such process. */
unsigned maps_threads(pid_t pid);

#endif
