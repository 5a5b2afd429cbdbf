/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/pool.h"

#include <errno.h>
#include <string.h>

#include "transport/transport.h"

/* Stands in the first bytes of a kept block: the pool allocates nothing for itself. */
struct vbi_pool_block {
	struct vbi_pool_block *next;
	struct vbi_domain *domain;
};

void vbi_pool_init(struct vbi_pool *pool, uint64_t limit)
{
	memset(pool, 0, sizeof(*pool));
	pool->limit = limit;
}

static unsigned class_of(uint64_t size)
{
	unsigned bits = size <= 1 ? 0 : 64u - (unsigned)__builtin_clzll(size - 1);

	return bits <= VBI_POOL_SHIFT_MIN ? 0 : bits - VBI_POOL_SHIFT_MIN;
}

static uint64_t class_size(unsigned class)
{
	return 1ull << (class + VBI_POOL_SHIFT_MIN);
}

static void drop_kept(struct vbi_pool *pool, unsigned class)
{
	struct vbi_pool_block *block = pool->kept[class];
	struct vbi_domain *domain = block->domain;

	pool->kept[class] = block->next;
	pool->held -= class_size(class);
	domain->ops->region_free(domain, block, class_size(class));
}

void vbi_pool_fini(struct vbi_pool *pool)
{
	for (unsigned class = 0; class < VBI_POOL_CLASSES; class ++)
		while (pool->kept[class])
			drop_kept(pool, class);
}

int vbi_pool_can_ever(const struct vbi_pool *pool, uint64_t size)
{
	unsigned class = class_of(size);

	return class < VBI_POOL_CLASSES && class_size(class) <= pool->limit;
}

/* A kept block of this class and domain, unlinked; NULL: there is none. */
static struct vbi_pool_block *take_kept(struct vbi_pool *pool, struct vbi_domain *domain,
					unsigned class)
{
	struct vbi_pool_block **link = &pool->kept[class];

	while (*link && (*link)->domain != domain)
		link = &(*link)->next;
	if (!*link)
		return NULL;
	struct vbi_pool_block *block = *link;
	*link = block->next;
	return block;
}

/* Gives kept blocks back to the system, largest first, until SIZE more fits under the limit. */
static void make_room(struct vbi_pool *pool, uint64_t size)
{
	for (unsigned class = VBI_POOL_CLASSES; class -- > 0;)
		while (pool->kept[class] && pool->held + size > pool->limit)
			drop_kept(pool, class);
}

int vbi_pool_get(struct vbi_pool *pool, struct vbi_domain *domain, uint64_t size, void **ret_block)
{
	unsigned class = class_of(size);
	void *block;

	if (!vbi_pool_can_ever(pool, size))
		return -EMSGSIZE;
	block = take_kept(pool, domain, class);
	if (!block) {
		make_room(pool, class_size(class));
		if (pool->held + class_size(class) > pool->limit)
			return -EAGAIN;
		block = domain->ops->region_alloc(domain, class_size(class));
		if (!block)
			return -ENOMEM;
		pool->held += class_size(class);
		domain->stats->allocations++;
	}
	pool->in_use += class_size(class);
	*ret_block = block;
	return 0;
}

void vbi_pool_put(struct vbi_pool *pool, struct vbi_domain *domain, void *memory, uint64_t size)
{
	unsigned class = class_of(size);
	struct vbi_pool_block *block = memory;

	pool->in_use -= class_size(class);
	block->next = pool->kept[class];
	block->domain = domain;
	pool->kept[class] = block;
}
