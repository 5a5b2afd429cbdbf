/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/rdma/address.h"
#include "bench/rdma/registrar.h"

int rdma_place_get(const char *address, struct rdma_place *ret_place)
{
	if (rdma_place_find(RDMA_SYSFS, address, ret_place) == 0)
		return 0;
#ifdef HAVE_VERBS
	if (address && registrar_place(address, ret_place) == 0)
		return 0;
#endif
	rdma_place_explain(RDMA_SYSFS, address);
	return -1;
}
