/* SPDX-License-Identifier: Apache-2.0 */
/* Message buffers in registered memory: one PD, one size; grows by chunks, never shrinks. */
#ifndef VERBS_SLAB_H
#define VERBS_SLAB_H

#include <infiniband/verbs.h>

#include "transport/transport.h"

struct verbs_chunk;

/* A buffer, for a message on its way out or for one on its way in. */
struct verbs_slot {
	struct vbi_message message;
	uint32_t lkey;
	union {
		uint32_t ends; /* on its way out: the key of a window that it ends; 0: of none */
		uint32_t lane; /* for one on its way in: the number of the lane in whose shared
				  receive queue it is, or about to be; 0: in none */
	};
	struct verbs_slot *next, *previous; /* of the list it is in: free, refill, held, unsent,
					       queue */
};

struct verbs_slab {
	struct ibv_pd *pd;
	uint32_t size;	   /* bytes of a buffer, a multiple of 64 */
	uint32_t step;	   /* buffers by which it grows */
	uint32_t n, n_max; /* buffers there are, and may be */
	struct verbs_slot *free;
	struct verbs_chunk *chunks;
	uint64_t *n_registrations; /* counter of growths after the first; NULL: not yet */
};

/* Prepares a slab; nothing is allocated. */
void verbs_slab_init(struct verbs_slab *slab, struct ibv_pd *pd, uint32_t size, uint32_t step,
		     uint32_t n_max);
/* Makes at least N more buffers free. -ENOMEM also when memory may not be pinned. */
int verbs_slab_grow(struct verbs_slab *slab, uint32_t n);
/* A free buffer; NULL: all n_max are in use, or no memory for more. */
struct verbs_slot *verbs_slab_get(struct verbs_slab *slab);
/* Gives a buffer back. */
void verbs_slab_put(struct verbs_slab *slab, struct verbs_slot *slot);
/* Gives back all buffers of the lane with that number, whose shared receive queue is gone. */
void verbs_slab_take_back(struct verbs_slab *slab, uint32_t lane);
/* Deregisters and frees all, in use or not. */
void verbs_slab_fini(struct verbs_slab *slab);

static inline struct verbs_slot *verbs_slot_of(struct vbi_message *message)
{
	return (struct verbs_slot *)message;
}

#endif
