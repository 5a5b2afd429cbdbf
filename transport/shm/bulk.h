/* SPDX-License-Identifier: Apache-2.0 */
/* The serving side of bulk: pull, push and map. Records come from a peer that is not trusted. */
#ifndef SHM_BULK_H
#define SHM_BULK_H

#include "transport/shm/shm.h"

/* Moves bytes of the endpoint's transfers and completes those that are done. How many steps. */
unsigned shm_transfers_progress(struct shm_endpoint *endpoint);
/* Whether progress() would do something now. */
bool shm_transfers_have_work(const struct shm_endpoint *endpoint);
/* Completes all with STATUS. */
void shm_transfers_fail(struct shm_endpoint *endpoint, int status);

int shm_pull(struct vbi_endpoint *base, struct vbi_transfer *transfer);
int shm_push(struct vbi_endpoint *base, struct vbi_transfer *transfer);
void *shm_map(struct vbi_endpoint *base, const struct vbi_record *record, unsigned rights);
void shm_unmap(struct vbi_endpoint *base, const struct vbi_record *record, unsigned rights);

#endif
