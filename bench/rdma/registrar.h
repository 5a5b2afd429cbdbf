/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs to register memory with a device and to take it back. One thread. */
#ifndef BENCH_RDMA_REGISTRAR_H
#define BENCH_RDMA_REGISTRAR_H

#include <stdint.h>

#include "bench/rdma/address.h"

struct registrar;

/* Opens the device that has ADDRESS. NULL with errno (ENODEV: none has it). */
struct registrar *registrar_open(const char *address);
void registrar_close(struct registrar *registrar);

/* The device's name, until registrar_close(). */
const char *registrar_device(const struct registrar *registrar);

/* The device, the port and ADDRESS, as librdmacm routes it. -1 with errno as registrar_open(). */
int registrar_place(const char *address, struct rdma_place *ret_place);

/* ibv_reg_mr() as for a buffer that the other side writes and reads, and ibv_dereg_mr(). -1 with
 * errno (ENOMEM: above what 'ulimit -l' lets this user lock). */
int registrar_cycle(struct registrar *registrar, void *memory, uint64_t bytes);

#endif
