/* SPDX-License-Identifier: Apache-2.0 */
/* The calling side of bulk: what of a client's memory is exposed. */
#ifndef SHM_EXPOSE_H
#define SHM_EXPOSE_H

#include "transport/shm/shm.h"
#include "transport/shm/windows.h"

/* What a client has free to expose with. Private memory; a server has none. */
struct shm_exposures {
	uint32_t n_free;
	uint16_t free[SHM_SLOTS]; /* slots, the next one last */
	uint16_t generations[SHM_SLOTS];
	struct shm_windows windows;
};

/* NULL: no memory. */
struct shm_exposures *shm_exposures_create(void);

/* Moves bytes of pipes. Whether any moved. */
bool shm_exposures_progress(struct shm_endpoint *endpoint);
/* Whether progress() would move something now. */
bool shm_exposures_have_work(const struct shm_endpoint *endpoint);
/* Revokes whatever is left, for close(). */
void shm_exposures_abandon(struct shm_endpoint *endpoint);

int shm_expose(struct vbi_endpoint *base, struct vbi_exposure *exposure);
int shm_revoke(struct vbi_endpoint *base, struct vbi_exposure *exposure, enum vbi_revoke how);
void *shm_memory_alloc(struct vbi_endpoint *base, size_t size,
		       const struct vb_memory_options *options);

#endif
