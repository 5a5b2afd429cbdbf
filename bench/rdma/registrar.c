/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/rdma/registrar.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

struct registrar {
	struct rdma_cm_id *id;
	struct ibv_pd *pd;
};

struct registrar *registrar_open(const char *address)
{
	struct sockaddr_in name = {.sin_family = AF_INET};
	struct registrar *registrar = calloc(1, sizeof(*registrar));
	int saved;

	if (!registrar)
		return NULL;
	if (inet_pton(AF_INET, address, &name.sin_addr) != 1) {
		errno = EINVAL;
		goto failed;
	}
	if (rdma_create_id(NULL, &registrar->id, NULL, RDMA_PS_TCP) < 0 ||
	    rdma_bind_addr(registrar->id, (struct sockaddr *)&name) < 0)
		goto failed;
	/* An address of no RDMA device binds too. */
	if (!registrar->id->verbs) {
		errno = ENODEV;
		goto failed;
	}
	registrar->pd = ibv_alloc_pd(registrar->id->verbs);
	if (registrar->pd)
		return registrar;
failed:
	saved = errno;
	registrar_close(registrar);
	errno = saved;
	return NULL;
}

void registrar_close(struct registrar *registrar)
{
	if (!registrar)
		return;
	if (registrar->pd)
		ibv_dealloc_pd(registrar->pd);
	if (registrar->id)
		rdma_destroy_id(registrar->id);
	free(registrar);
}

const char *registrar_device(const struct registrar *registrar)
{
	return ibv_get_device_name(registrar->id->verbs->device);
}

int registrar_place(const char *address, struct rdma_place *ret_place)
{
	struct registrar *registrar = registrar_open(address);

	if (!registrar)
		return -1;
	snprintf(ret_place->device, sizeof(ret_place->device), "%s", registrar_device(registrar));
	snprintf(ret_place->address, sizeof(ret_place->address), "%s", address);
	ret_place->port = registrar->id->port_num;
	registrar_close(registrar);
	return 0;
}

int registrar_cycle(struct registrar *registrar, void *memory, uint64_t bytes)
{
	struct ibv_mr *mr = ibv_reg_mr(registrar->pd, memory, bytes,
				       IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
					       IBV_ACCESS_REMOTE_READ);

	if (!mr)
		return -1;
	return ibv_dereg_mr(mr) == 0 ? 0 : -1;
}
