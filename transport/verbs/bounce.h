/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of one connection through which small buffers are copied, because a copy costs less than a
 * registration. Its blocks are powers of two and are kept for the next call.
 *
 * The keys of these blocks live as long as the connection, unlike those of the application's
 * memory. Why that harms nobody:
 * - They stand in the connection's own PD, so that they are worth nothing to another peer.
 * - A block has the rights of its kind and no others: what was filled in so that bytes the peer
 *   does not write stay as they were (out) cannot be read; what the peer may read (in) it cannot
 *   write. A block never changes its kind. So all that a peer can ever read there is what this
 *   side put there for it to read.
 * - A block is used again only when the peer has answered: what the peer wrote was written, in the
 *   order of the queue pair, before its answer. A call that is given up gives nothing back; it
 *   breaks the queue pair, and the blocks go after it.
 */
#ifndef VERBS_BOUNCE_H
#define VERBS_BOUNCE_H

#include <stdbool.h>
#include <stdint.h>

/* Blocks that are kept: 4 KiB, below which nothing is exposed by default, to the largest size that
 * is copied by choice (expose.c). */
#define VERBS_BOUNCE_SHIFT_MIN 12u
#define VERBS_BOUNCE_SHIFT_MAX 18u

/* Small blocks are made by so many bytes: sixteen of the smallest at a time. */
#define VERBS_BOUNCE_STEP (64ull << 10)

/*
 * Bytes of kept blocks of a connection at most: 64 calls, the usual most at a time, each with a
 * buffer of the largest size. What does not fit is registered for its call.
 */
#define VERBS_BOUNCE_MAX (16ull << 20)

struct verbs_bounce;
struct verbs_bounce_chunk;

struct verbs_bounce_block {
	uint8_t *memory; /* page-aligned */
	uint32_t key;	 /* for the peer */
	struct verbs_bounce_chunk *chunk;
	struct verbs_bounce_block *next; /* of its kind and size, while it is free */
};

/* Memory, registered: what blocks are cut from. Filled in by the source. */
struct verbs_bounce_pages {
	uint8_t *memory;
	uint32_t key;
	void *registration; /* the source's */
};

/* Where memory comes from. RIGHTS: enum vbi_rights. */
struct verbs_bounce_source {
	/* SIZE: a multiple of a page. 0, or -ENOMEM. */
	int (*get)(void *context, uint64_t size, unsigned rights, struct verbs_bounce_pages *ret);
	void (*put)(void *context, const struct verbs_bounce_pages *pages, uint64_t size);
	void *context;
};

/* *SOURCE is copied. NULL: no memory. */
struct verbs_bounce *verbs_bounce_create(const struct verbs_bounce_source *source);

/*
 * A block of at least SIZE bytes (> 0) that the peer has RIGHTS to; its content is what was last in
 * a block of that kind, or zero. NULL: no memory, or VERBS_BOUNCE_MAX are in use, or SIZE is more
 * than is kept. MUST: neither limit counts, and a larger block will do.
 */
struct verbs_bounce_block *verbs_bounce_get(struct verbs_bounce *bounce, uint64_t size,
					    unsigned rights, bool must);
/* Gives it back, the peer being done with it. */
void verbs_bounce_put(struct verbs_bounce *bounce, struct verbs_bounce_block *block);
/* Gives back all there is, in use or not. NULL is ignored. */
void verbs_bounce_destroy(struct verbs_bounce *bounce);

#endif
