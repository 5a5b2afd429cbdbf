// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/random.h>

#include "idl/idl.h"

int idl_new_id(uint64_t *ret_id)
{
	uint64_t id;

	do {
		if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
			return errno ? -errno : -EIO;
	} while (id == 0);
	*ret_id = id;
	return 0;
}
