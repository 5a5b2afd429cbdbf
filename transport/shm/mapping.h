/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memfd of a connection as one process has it mapped. The endpoint holds it, and so does each
 * piece of memory that was given out of it: it outlives the connection.
 */
#ifndef SHM_MAPPING_H
#define SHM_MAPPING_H

#include <stdint.h>

#include "transport/shm/layout.h"

struct shm_mapping {
	unsigned n_holders; /* atomic: memory is freed from any thread */
	uint8_t *base;
	uint64_t size; /* bytes */
};

/* Maps SIZE bytes of FD; the caller holds the result. Negative errno. */
int shm_mapping_create(int fd, uint64_t size, struct shm_mapping **ret_mapping);
struct shm_mapping *shm_mapping_hold(struct shm_mapping *mapping);
/* The last one unmaps. NULL is ignored. */
void shm_mapping_drop(struct shm_mapping *mapping);

static inline struct shm_control *shm_mapping_control(const struct shm_mapping *mapping)
{
	return (struct shm_control *)(void *)mapping->base;
}

static inline struct shm_slot *shm_mapping_slots(const struct shm_mapping *mapping)
{
	return (struct shm_slot *)(void *)(mapping->base + SHM_SLOTS_AT);
}

#endif
