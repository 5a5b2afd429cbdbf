/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/ranges.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 16u

/* How many ranges begin at or below ADDRESS. */
static uint32_t count_up_to(const struct verbs_ranges *ranges, const uint8_t *address)
{
	uint32_t low = 0, high = ranges->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ranges->ranges[middle].memory <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool make_room(struct verbs_ranges *ranges)
{
	uint32_t room = ranges->room ? 2 * ranges->room : ROOM_FIRST;
	struct verbs_range *more;

	if (ranges->n < ranges->room)
		return true;
	more = realloc(ranges->ranges, room * sizeof(*more));
	if (!more)
		return false;
	ranges->ranges = more;
	ranges->room = room;
	return true;
}

int verbs_ranges_add(struct verbs_ranges *ranges, void *memory, uint64_t size, void *object)
{
	uint32_t at = count_up_to(ranges, memory);

	if (verbs_ranges_touched(ranges, memory, size))
		return -EEXIST;
	if (!make_room(ranges))
		return -ENOMEM;
	memmove(&ranges->ranges[at + 1], &ranges->ranges[at],
		(ranges->n - at) * sizeof(ranges->ranges[0]));
	ranges->ranges[at] = (struct verbs_range){.memory = memory, .size = size, .object = object};
	ranges->n++;
	return 0;
}

struct verbs_range *verbs_ranges_find(const struct verbs_ranges *ranges, const void *address,
				      uint64_t size)
{
	uint32_t n = count_up_to(ranges, address);
	struct verbs_range *range = n ? &ranges->ranges[n - 1] : NULL;
	uint64_t offset;

	if (!range)
		return NULL;
	offset = (uint64_t)((const uint8_t *)address - range->memory);
	return offset < range->size && size <= range->size - offset ? range : NULL;
}

struct verbs_range *verbs_ranges_touched(const struct verbs_ranges *ranges, const void *address,
					 uint64_t size)
{
	struct verbs_range *range = verbs_ranges_find(ranges, address, 1);
	uint32_t n = count_up_to(ranges, address);

	if (!range && n < ranges->n &&
	    (uint64_t)(ranges->ranges[n].memory - (const uint8_t *)address) < size)
		range = &ranges->ranges[n];
	return range;
}

struct verbs_range *verbs_ranges_at(const struct verbs_ranges *ranges, const void *memory)
{
	struct verbs_range *range = verbs_ranges_find(ranges, memory, 1);

	return range && range->memory == memory ? range : NULL;
}

void verbs_ranges_remove(struct verbs_ranges *ranges, struct verbs_range *range)
{
	uint32_t at = (uint32_t)(range - ranges->ranges);

	ranges->n--;
	memmove(range, range + 1, (ranges->n - at) * sizeof(*range));
}

void verbs_ranges_fini(struct verbs_ranges *ranges)
{
	free(ranges->ranges);
	*ranges = (struct verbs_ranges){0};
}
