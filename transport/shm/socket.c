/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

int shm_socket_open(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int shm_socket_send(int socket_fd, const void *bytes, size_t size, const int *fds, unsigned n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SHM_SOCKET_FDS_MAX)];
	struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

	if (n_fds) {
		struct cmsghdr *header;

		memset(control, 0, sizeof(control));
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * n_fds);
	}
	if (sendmsg(socket_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

/* Collects the descriptors of a received message. */
static unsigned take_fds(struct msghdr *message, int fds[SHM_SOCKET_FDS_MAX])
{
	unsigned n_fds = 0;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		size_t count;

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count && n_fds < SHM_SOCKET_FDS_MAX; i++, n_fds++)
			memcpy(&fds[n_fds], CMSG_DATA(header) + i * sizeof(int), sizeof(int));
	}
	return n_fds;
}

ssize_t shm_socket_receive(int socket_fd, void *bytes, size_t size, int fds[SHM_SOCKET_FDS_MAX],
			   unsigned *ret_n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SHM_SOCKET_FDS_MAX)];
	struct iovec piece = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length = recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	unsigned n_fds;

	if (length < 0)
		return -errno;
	n_fds = take_fds(&message, fds);
	if (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) {
		bool full = n_fds == SHM_SOCKET_FDS_MAX;

		while (n_fds)
			close(fds[--n_fds]);
		if (message.msg_flags & MSG_TRUNC)
			return -EMSGSIZE;
		return full ? -EPROTO : -EMFILE;
	}
	*ret_n_fds = n_fds;
	return length;
}

struct vb_identity shm_socket_identity(int socket_fd)
{
	struct vb_identity nobody = {.uid = (uint32_t)-1, .gid = (uint32_t)-1, .pid = -1};
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return nobody;
	return (struct vb_identity){
		.uid = credentials.uid,
		.gid = credentials.gid,
		.pid = credentials.pid,
	};
}

void shm_socket_identify(int socket_fd, struct vbi_endpoint *endpoint)
{
	endpoint->identity = shm_socket_identity(socket_fd);
	snprintf(endpoint->peer, sizeof(endpoint->peer), "pid %d uid %u", endpoint->identity.pid,
		 endpoint->identity.uid);
}

int shm_socket_process(int socket_fd)
{
	struct pollfd entry = {.events = POLLIN};
	socklen_t size = sizeof(entry.fd);

	/* Linux 6.5. Before it a number has to do; should another process have it by now, the end
	 * of the socket still tells. */
	if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERPIDFD, &entry.fd, &size) < 0)
		entry.fd = (int)syscall(SYS_pidfd_open, shm_socket_identity(socket_fd).pid, 0);
	if (entry.fd < 0)
		return -errno;
	/* One that listened and left the socket to a child. */
	if (poll(&entry, 1, 0) == 1) {
		close(entry.fd);
		return -ESRCH;
	}
	return entry.fd;
}
