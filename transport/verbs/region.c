/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "transport/verbs/calls.h"
#include "transport/verbs/memory.h"
#include "transport/verbs/verbs.h"

/* A region on one device. */
struct enrolled {
	const struct verbs_device *device;
	struct ibv_mr *mr;
	struct enrolled *next;
};

struct region {
	uint8_t *memory;
	size_t size;
	struct enrolled *enrolled;
};

/* In order of address, for a look-up by any address in one. */
struct verbs_regions {
	uint32_t n, room;
	struct region *regions;
};

/* How many regions begin at or below ADDRESS. */
static uint32_t count_up_to(const struct verbs_regions *regions, const uint8_t *address)
{
	uint32_t low = 0, high = regions ? regions->n : 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (regions->regions[middle].memory <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The region that holds all of LENGTH bytes; NULL: there is none. */
static struct region *find(const struct verbs_regions *regions, const void *address,
			   uint64_t length)
{
	uint32_t n = count_up_to(regions, address);
	struct region *region = n ? &regions->regions[n - 1] : NULL;
	uint64_t offset;

	if (!region)
		return NULL;
	offset = (uint64_t)((const uint8_t *)address - region->memory);
	return offset < region->size && length <= region->size - offset ? region : NULL;
}

static bool make_room(struct verbs_domain *domain)
{
	struct verbs_regions *regions = domain->regions;
	uint32_t room;
	struct region *more;

	if (!regions)
		regions = domain->regions = calloc(1, sizeof(*regions));
	if (!regions)
		return false;
	if (regions->n < regions->room)
		return true;
	room = regions->room ? 2 * regions->room : 16;
	more = realloc(regions->regions, room * sizeof(*more));
	if (!more)
		return false;
	regions->regions = more;
	regions->room = room;
	return true;
}

void *verbs_region_alloc(struct vbi_domain *base, size_t size)
{
	struct verbs_domain *domain = verbs_domain_of(base);
	struct verbs_regions *regions;
	void *memory;
	uint32_t at;

	if (!make_room(domain))
		return NULL;
	memory = verbs_pages_alloc(size);
	if (!memory)
		return NULL;
	regions = domain->regions;
	at = count_up_to(regions, memory);
	memmove(&regions->regions[at + 1], &regions->regions[at],
		(regions->n - at) * sizeof(regions->regions[0]));
	regions->regions[at] = (struct region){.memory = memory, .size = size};
	regions->n++;
	return memory;
}

static void withdraw(struct region *region, struct enrolled *enrolled)
{
	LL_DELETE(region->enrolled, enrolled);
	verbs_dereg_mr(enrolled->mr);
	free(enrolled);
}

static void drop(struct region *region)
{
	while (region->enrolled)
		withdraw(region, region->enrolled);
	verbs_pages_free(region->memory, region->size);
}

void verbs_region_free(struct vbi_domain *base, void *memory, size_t size)
{
	struct verbs_regions *regions = verbs_domain_of(base)->regions;
	struct region *region = find(regions, memory, size);
	uint32_t at;

	if (!region)
		return;
	drop(region);
	at = (uint32_t)(region - regions->regions);
	regions->n--;
	memmove(region, region + 1, (regions->n - at) * sizeof(*region));
}

static struct enrolled *enroll(struct verbs_domain *domain, struct verbs_device *device,
			       struct region *region)
{
	struct enrolled *enrolled = malloc(sizeof(*enrolled));

	if (!enrolled)
		return NULL;
	domain->base.stats->registrations++;
	if (verbs_reg_mr(device->pd, region->memory, region->size, IBV_ACCESS_LOCAL_WRITE,
			 &enrolled->mr) < 0) {
		free(enrolled);
		return NULL;
	}
	enrolled->device = device;
	LL_PREPEND(region->enrolled, enrolled);
	return enrolled;
}

int verbs_region_key(struct verbs_domain *domain, struct verbs_device *device, const void *address,
		     uint64_t length, uint32_t *ret_lkey)
{
	struct region *region = find(domain->regions, address, length);
	struct enrolled *enrolled;

	if (!region)
		return -EFAULT;
	LL_SEARCH_SCALAR(region->enrolled, enrolled, device, device);
	if (!enrolled)
		enrolled = enroll(domain, device, region);
	if (!enrolled)
		return -ENOMEM;
	*ret_lkey = enrolled->mr->lkey;
	return 0;
}

bool verbs_regions_have(const struct verbs_domain *domain, const void *address, uint64_t length)
{
	return find(domain->regions, address, length) != NULL;
}

void verbs_regions_leave_device(struct verbs_domain *domain, struct verbs_device *device)
{
	struct verbs_regions *regions = domain->regions;

	for (uint32_t i = 0; regions && i < regions->n; i++) {
		struct region *region = &regions->regions[i];
		struct enrolled *enrolled;

		LL_SEARCH_SCALAR(region->enrolled, enrolled, device, device);
		if (enrolled)
			withdraw(region, enrolled);
	}
}

void verbs_regions_free(struct verbs_domain *domain)
{
	struct verbs_regions *regions = domain->regions;

	for (uint32_t i = 0; regions && i < regions->n; i++)
		drop(&regions->regions[i]);
	if (regions)
		free(regions->regions);
	free(regions);
	domain->regions = NULL;
}
