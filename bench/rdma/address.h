/* SPDX-License-Identifier: Apache-2.0 */
/* Which address an RDMA device of this machine has, from what the kernel tells in files: opening a
 * device before fork() would spoil it for the child. Any thread. */
#ifndef BENCH_RDMA_ADDRESS_H
#define BENCH_RDMA_ADDRESS_H

#include <stddef.h>

#define RDMA_SYSFS	 "/sys/class/infiniband"
#define RDMA_ADDRESS_MAX 48u
#define RDMA_DEVICE_MAX	 64u

/* A device and an IPv4 address by which one of its ports is reached. */
struct rdma_place {
	char device[RDMA_DEVICE_MAX];
	unsigned port; /* counted from 1 */
	char address[RDMA_ADDRESS_MAX];
};

/* The first device below DIRECTORY (RDMA_SYSFS, but for tests), in the order of their names, with
 * an active port among whose GIDs is the IPv4 ADDRESS; NULL: any. -1 with errno: ENODEV (there is
 * none; an InfiniBand port's GIDs hold no address of IP). */
int rdma_place_find(const char *directory, const char *address, struct rdma_place *ret_place);

/* The same of this machine, and if ADDRESS is in no GID by asking librdmacm: InfiniBand. That opens
 * the device, so only what is executed anew may be forked afterwards. -1 with a message. */
int rdma_place_get(const char *address, struct rdma_place *ret_place);

/* Prints on standard error why nothing was found below DIRECTORY, and what helps. */
void rdma_place_explain(const char *directory, const char *address);

#endif
