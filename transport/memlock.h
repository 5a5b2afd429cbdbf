/* SPDX-License-Identifier: Apache-2.0 */
/* RLIMIT_MEMLOCK, as the kernel's RDMA holds this process to it. Any thread. */
#ifndef VBI_MEMLOCK_H
#define VBI_MEMLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that this process may lock; UINT64_MAX: as many as there are, by the limit or because it
 * is exempt. Reads files of /proc: for paths that have failed. */
uint64_t vbi_memlock_max(void);

/* Whether this process has CAP_IPC_LOCK where it counts, so that the limit does not. ROOT: a
 * directory whose /proc is looked at, "" for the system's own. */
bool vbi_memlock_is_exempt(const char *root);

#endif
