/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the cache lines that move between two sides which share memory, from the order of their
 * loads and stores: a line moves when a side touches what the other side has written since this
 * side last had it. One thread.
 */
#ifndef BENCH_COUNT_LINES_H
#define BENCH_COUNT_LINES_H

#include <stdbool.h>
#include <stdint.h>

#define LINES_LINE 64u

/* Lines that may be touched during one count: a ring lap and some bulk. */
#define LINES_MAX (1u << 18)

enum lines_side { LINES_CLIENT, LINES_SERVER, LINES_SIDES };

struct lines;

/* NULL: no memory. */
struct lines *lines_new(void);
void lines_free(struct lines *lines);

/* SIDE has touched SIZE bytes (above 0) at OFFSET of the file INODE. False: LINES_MAX reached, and
 * the count is not to be trusted. */
bool lines_touch(struct lines *lines, enum lines_side side, uint64_t inode, uint64_t offset,
		 uint64_t size, bool write);

/* Lines that SIDE has got from the other since lines_new() or lines_reset(). */
uint64_t lines_moved_to(const struct lines *lines, enum lines_side side);

/* Counts from zero again; what each side has is remembered. */
void lines_reset(struct lines *lines);

#endif
