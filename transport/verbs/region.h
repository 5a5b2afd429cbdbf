/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serving side's memory for pulls and pushes: registered in the PD of each device that moves
 * bytes of it, when it first does, with no remote right.
 */
#ifndef VERBS_REGION_H
#define VERBS_REGION_H

#include <stdint.h>

struct verbs_device;
struct verbs_domain;

/*
 * The local key of LENGTH bytes at ADDRESS for DEVICE. -EFAULT: they are not in one region;
 * -ENOMEM: they could not be registered (RLIMIT_MEMLOCK, for one).
 */
int verbs_region_key(struct verbs_domain *domain, struct verbs_device *device, const void *address,
		     uint64_t length, uint32_t *ret_lkey);

#endif
