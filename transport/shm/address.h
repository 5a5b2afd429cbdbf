/* SPDX-License-Identifier: Apache-2.0 */
/* Where the socket of shm://NAME lies. */
#ifndef SHM_ADDRESS_H
#define SHM_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>

#include "transport/transport.h"

#define SHM_ADDRESS_PATHS 2

/* The paths that a server may listen on, the one to listen on first. */
struct shm_address {
	unsigned n_paths;
	struct sockaddr_un paths[SHM_ADDRESS_PATHS];
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of paths[0]; "": the
									caller's, not to be made */
};

/*
 * REST is NAME or an absolute path. -EINVAL: neither; -ENAMETOOLONG: longer than a socket's path
 * can be; with *RET_CAUSE.
 */
int shm_address_parse(const char *rest, struct shm_address *ret_address,
		      struct vbi_cause *ret_cause);

#endif
