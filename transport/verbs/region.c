/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/region.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "transport/verbs/calls.h"
#include "transport/verbs/memory.h"
#include "transport/verbs/ranges.h"
#include "transport/verbs/verbs.h"

/* A region on one device: a list, the object of its range. */
struct enrolled {
	const struct verbs_device *device;
	struct ibv_mr *mr;
	struct enrolled *next;
};

struct verbs_regions {
	struct verbs_ranges ranges;
};

void *verbs_region_alloc(struct vbi_domain *base, size_t size)
{
	struct verbs_domain *domain = verbs_domain_of(base);
	void *memory;

	if (!domain->regions)
		domain->regions = calloc(1, sizeof(*domain->regions));
	if (!domain->regions)
		return NULL;
	memory = verbs_pages_alloc(size);
	if (!memory)
		return NULL;
	if (verbs_ranges_add(&domain->regions->ranges, memory, size, NULL)) {
		verbs_pages_free(memory, size);
		return NULL;
	}
	return memory;
}

static void withdraw(struct verbs_range *region, struct enrolled *enrolled)
{
	struct enrolled *list = region->object;

	LL_DELETE(list, enrolled);
	region->object = list;
	verbs_dereg_mr(enrolled->mr);
	free(enrolled);
}

static void drop(struct verbs_range *region)
{
	while (region->object)
		withdraw(region, region->object);
	verbs_pages_free(region->memory, region->size);
}

void verbs_region_free(struct vbi_domain *base, void *memory, size_t size)
{
	struct verbs_regions *regions = verbs_domain_of(base)->regions;
	struct verbs_range *region = regions ? verbs_ranges_at(&regions->ranges, memory) : NULL;

	(void)size;
	if (!region)
		return;
	drop(region);
	verbs_ranges_remove(&regions->ranges, region);
}

static struct enrolled *find(const struct verbs_range *region, const struct verbs_device *device)
{
	struct enrolled *enrolled = region->object;

	while (enrolled && enrolled->device != device)
		enrolled = enrolled->next;
	return enrolled;
}

static struct enrolled *enroll(struct verbs_domain *domain, struct verbs_device *device,
			       struct verbs_range *region)
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
	enrolled->next = region->object;
	region->object = enrolled;
	return enrolled;
}

int verbs_region_key(struct verbs_domain *domain, struct verbs_device *device, const void *address,
		     uint64_t length, uint32_t *ret_lkey)
{
	struct verbs_regions *regions = domain->regions;
	struct verbs_range *region = regions ? verbs_ranges_find(&regions->ranges, address, length)
					     : NULL;
	struct enrolled *enrolled;

	if (!region)
		return -EFAULT;
	enrolled = find(region, device);
	if (!enrolled)
		enrolled = enroll(domain, device, region);
	if (!enrolled)
		return -ENOMEM;
	*ret_lkey = enrolled->mr->lkey;
	return 0;
}

void verbs_regions_leave_device(struct verbs_domain *domain, struct verbs_device *device)
{
	struct verbs_regions *regions = domain->regions;

	for (uint32_t i = 0; regions && i < regions->ranges.n; i++) {
		struct enrolled *enrolled = find(&regions->ranges.ranges[i], device);

		if (enrolled)
			withdraw(&regions->ranges.ranges[i], enrolled);
	}
}

void verbs_regions_free(struct verbs_domain *domain)
{
	struct verbs_regions *regions = domain->regions;

	if (!regions)
		return;
	for (uint32_t i = 0; i < regions->ranges.n; i++)
		drop(&regions->ranges.ranges[i]);
	verbs_ranges_fini(&regions->ranges);
	free(regions);
	domain->regions = NULL;
}
