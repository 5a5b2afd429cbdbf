/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's memory for bulk: what pulls land in and pushes come from. Bounded; what a request
 * gives back is kept for the next one, because fresh pages cost more than the copy into them.
 */
#ifndef VBI_POOL_H
#define VBI_POOL_H

#include <stddef.h>
#include <stdint.h>

struct vbi_domain;

/* Blocks are powers of two from 4 KiB, a page, up to 2^40. */
#define VBI_POOL_SHIFT_MIN 12u
#define VBI_POOL_CLASSES   29u

struct vbi_pool_block;

struct vbi_pool {
	uint64_t limit; /* bytes of blocks, in use and kept */
	uint64_t held;
	uint64_t in_use;
	struct vbi_pool_block *kept[VBI_POOL_CLASSES]; /* by size class */
};

void vbi_pool_init(struct vbi_pool *pool, uint64_t limit);

/* Every block is back. */
void vbi_pool_fini(struct vbi_pool *pool);

/* Whether SIZE could be had if nothing else were in use. */
int vbi_pool_can_ever(const struct vbi_pool *pool, uint64_t size);

/*
 * A page-aligned block of at least SIZE (> 0) bytes of DOMAIN's, its content undefined. 0, -EAGAIN
 * (wait until some comes back), -EMSGSIZE (more than the limit), -ENOMEM.
 */
int vbi_pool_get(struct vbi_pool *pool, struct vbi_domain *domain, uint64_t size, void **ret_block);

/* SIZE and DOMAIN as for vbi_pool_get(). */
void vbi_pool_put(struct vbi_pool *pool, struct vbi_domain *domain, void *block, uint64_t size);

#endif
