/* SPDX-License-Identifier: Apache-2.0 */
/* One message with descriptors over an AF_UNIX socket. Nothing here blocks. */
#ifndef SHM_SOCKET_H
#define SHM_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

#include "transport/transport.h"

/* More descriptors than any message of ours has, so that one with too many is seen as such. */
#define SHM_SOCKET_FDS_MAX 8

/* A SOCK_SEQPACKET socket, not blocking, not inherited. Negative errno. */
int shm_socket_open(void);

/* Sends SIZE bytes and FDS, which stay the caller's. Negative errno. */
int shm_socket_send(int socket_fd, const void *bytes, size_t size, const int *fds, unsigned n_fds);

/*
 * Receives one message into BYTES of SIZE. Returns its length, 0 at the end; negative errno:
 * -EAGAIN, nothing there; -EMFILE, there was no room for its descriptors here; -EMSGSIZE, it is
 * longer than SIZE; -EPROTO, it has more descriptors than any of ours. The descriptors are the
 * caller's (none if the result is negative) and are not inherited.
 */
ssize_t shm_socket_receive(int socket_fd, void *bytes, size_t size, int fds[SHM_SOCKET_FDS_MAX],
			   unsigned *ret_n_fds);

/*
 * A pidfd of the process at the other end, which is readable when that has ended: a child of it
 * may hold its end of the socket open. Negative errno: not known, or it has ended already.
 */
int shm_socket_process(int socket_fd);

/* Who is at the other end, by the kernel's word. All -1 if it does not say. */
struct vb_identity shm_socket_identity(int socket_fd);

/* Sets who an endpoint's peer is: as fields and as text. */
void shm_socket_identify(int socket_fd, struct vbi_endpoint *endpoint);

#endif
