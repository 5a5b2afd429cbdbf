/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/mapping.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

int shm_mapping_create(int fd, uint64_t size, struct shm_mapping **ret_mapping)
{
	struct shm_mapping *mapping = malloc(sizeof(*mapping));
	int error;

	if (!mapping)
		return -ENOMEM;
	mapping->n_holders = 1;
	mapping->size = size;
	mapping->base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapping->base == MAP_FAILED) {
		error = -errno;
		goto free_mapping;
	}
	/* A child has no business in a connection, and must not keep its memory alive. */
	if (madvise(mapping->base, size, MADV_DONTFORK) < 0) {
		error = -errno;
		goto unmap;
	}
	*ret_mapping = mapping;
	return 0;
unmap:
	munmap(mapping->base, size);
free_mapping:
	free(mapping);
	return error;
}

struct shm_mapping *shm_mapping_hold(struct shm_mapping *mapping)
{
	__atomic_add_fetch(&mapping->n_holders, 1, __ATOMIC_RELAXED);
	return mapping;
}

void shm_mapping_drop(struct shm_mapping *mapping)
{
	if (!mapping || __atomic_sub_fetch(&mapping->n_holders, 1, __ATOMIC_ACQ_REL))
		return;
	munmap(mapping->base, mapping->size);
	free(mapping);
}
