/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/count/lines.h"

#include <stdlib.h>

/* Twice the lines, so that probing stays short. A power of two. */
#define SLOTS (2 * LINES_MAX)

struct line {
	uint64_t inode;
	uint64_t number;
	bool used;
	bool written; /* by `writer`, at some time */
	bool seen;    /* by the other side, since */
	uint8_t writer;
};

struct lines {
	struct line *slots;
	uint32_t n;
	uint64_t moved_to[LINES_SIDES];
};

struct lines *lines_new(void)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	if (!lines)
		return NULL;
	lines->slots = calloc(SLOTS, sizeof(*lines->slots));
	if (lines->slots)
		return lines;
	free(lines);
	return NULL;
}

void lines_free(struct lines *lines)
{
	if (!lines)
		return;
	free(lines->slots);
	free(lines);
}

static struct line *find(struct lines *lines, uint64_t inode, uint64_t number)
{
	/* Fibonacci hashing: neighbours are spread over the table. */
	uint64_t hash = (number ^ (inode << 32)) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t at = (uint32_t)(hash >> 40) & (SLOTS - 1);
	struct line *line;

	for (;;) {
		line = &lines->slots[at];
		if (!line->used)
			break;
		if (line->inode == inode && line->number == number)
			return line;
		at = (at + 1) & (SLOTS - 1);
	}
	if (lines->n == LINES_MAX)
		return NULL;
	lines->n++;
	*line = (struct line){.used = true, .inode = inode, .number = number};
	return line;
}

static void touch(struct lines *lines, struct line *line, enum lines_side side, bool write)
{
	if (line->written && line->writer != side && !line->seen) {
		lines->moved_to[side]++;
		line->seen = true;
	}
	if (write) {
		line->written = true;
		line->writer = (uint8_t)side;
		line->seen = false;
	}
}

bool lines_touch(struct lines *lines, enum lines_side side, uint64_t inode, uint64_t offset,
		 uint64_t size, bool write)
{
	uint64_t number, last = (offset + size - 1) / LINES_LINE;

	for (number = offset / LINES_LINE; number <= last; number++) {
		struct line *line = find(lines, inode, number);

		if (!line)
			return false;
		touch(lines, line, side, write);
	}
	return true;
}

uint64_t lines_moved_to(const struct lines *lines, enum lines_side side)
{
	return lines->moved_to[side];
}

void lines_reset(struct lines *lines)
{
	lines->moved_to[LINES_CLIENT] = 0;
	lines->moved_to[LINES_SERVER] = 0;
}
