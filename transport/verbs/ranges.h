/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of memory that do not overlap, in order of address: any address finds its range. */
#ifndef VERBS_RANGES_H
#define VERBS_RANGES_H

#include <stdint.h>

struct verbs_range {
	uint8_t *memory;
	uint64_t size; /* bytes, not 0 */
	void *object;  /* the user's */
};

/* All zero is empty. */
struct verbs_ranges {
	uint32_t n, room;
	struct verbs_range *ranges; /* moves when one is added or removed */
};

/* -ENOMEM; -EEXIST: it overlaps one that is there. */
int verbs_ranges_add(struct verbs_ranges *ranges, void *memory, uint64_t size, void *object);
/* The range that holds all of SIZE bytes (> 0) at ADDRESS; NULL: none does. */
struct verbs_range *verbs_ranges_find(const struct verbs_ranges *ranges, const void *address,
				      uint64_t size);
/* A range that has any of SIZE bytes (> 0) at ADDRESS; NULL: none has. */
struct verbs_range *verbs_ranges_touched(const struct verbs_ranges *ranges, const void *address,
					 uint64_t size);
/* The range that begins at MEMORY; NULL: none does. */
struct verbs_range *verbs_ranges_at(const struct verbs_ranges *ranges, const void *memory);
void verbs_ranges_remove(struct verbs_ranges *ranges, struct verbs_range *range);
/* Forgets all. */
void verbs_ranges_fini(struct verbs_ranges *ranges);

#endif
