// SPDX-License-Identifier: Apache-2.0
#include "idl/checker.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
	const struct idl_range *a = left, *b = right;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a->span.start < b->span.start ? -1 : a->span.start > b->span.start;
}

static void check_range(struct idl_checker *c, bool *in_error, const struct idl_range *range,
			uint64_t min, uint64_t max)
{
	if (range->first > range->last)
		idl_diag_on(c->diags, in_error, IDL_E0311, range->span,
			    "the range runs backwards: %llu is above %llu",
			    (unsigned long long)range->first, (unsigned long long)range->last);
	else if (range->first < min || range->last > max)
		idl_diag_on(c->diags, in_error, IDL_E0311, range->span,
			    "reserved numbers here are %llu to %llu", (unsigned long long)min,
			    (unsigned long long)max);
}

struct idl_reserved_set idl_reserved_collect(struct idl_checker *c, bool *in_error,
					     const struct idl_range *ranges, size_t n_ranges,
					     uint64_t min, uint64_t max)
{
	struct idl_range *sorted = idl_arena_array(c->arena, n_ranges + 1, sizeof(*sorted));
	struct idl_diag *d;

	for (size_t i = 0; i < n_ranges; i++)
		check_range(c, in_error, &ranges[i], min, max);
	if (n_ranges)
		memcpy(sorted, ranges, n_ranges * sizeof(*sorted));
	qsort(sorted, n_ranges, sizeof(*sorted), compare);
	for (size_t i = 1; i < n_ranges; i++) {
		if (sorted[i].first > sorted[i - 1].last)
			continue;
		d = idl_diag_on(c->diags, in_error, IDL_E0311, sorted[i].span,
				"%llu is reserved already", (unsigned long long)sorted[i].first);
		idl_diag_note(d, sorted[i - 1].span, "here");
	}
	return (struct idl_reserved_set){.ranges = sorted, .n_ranges = n_ranges};
}

const struct idl_range *idl_reserved_find(const struct idl_reserved_set *set, uint64_t number)
{
	size_t low = 0, high = set->n_ranges;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (number < set->ranges[middle].first)
			high = middle;
		else if (number > set->ranges[middle].last)
			low = middle + 1;
		else
			return &set->ranges[middle];
	}
	return NULL;
}
