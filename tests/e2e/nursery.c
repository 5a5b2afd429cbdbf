/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/nursery.h"

#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Bytes of a context: the largest that a test has is some hundred. */
#define CONTEXT_MAX 1024

struct order {
	int (*work)(void *context);
	size_t size;
	_Alignas(16) unsigned char context[CONTEXT_MAX];
};

static int order_fd = -1;

static void send_order(const struct order *order, int fd)
{
	struct iovec piece = {(void *)(uintptr_t)order, sizeof(*order)};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	assert(sendmsg(order_fd, &message, MSG_NOSIGNAL) == sizeof(*order));
}

/* *RET_FD: -1 without one. False: whoever gave orders is gone. */
static bool receive_order(struct order *order, int *ret_fd)
{
	struct iovec piece = {order, sizeof(*order)};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	*ret_fd = -1;
	if (recvmsg(order_fd, &message, 0) != sizeof(*order))
		return false;
	if (CMSG_FIRSTHDR(&message))
		memcpy(ret_fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(*ret_fd));
	return true;
}

/* The child of a child that ends at once: whoever is next above it gets it, and that is the
 * test. */
static pid_t fork_away(struct order *order, int fd)
{
	int pipe_ends[2];
	pid_t middle, pid = -1;

	assert(pipe(pipe_ends) == 0);
	middle = fork();
	assert(middle >= 0);
	if (middle == 0) {
		pid = fork();
		if (pid == 0) {
			close(pipe_ends[0]);
			close(pipe_ends[1]);
			close(order_fd);
			if (fd >= 0)
				dup2(fd, NURSERY_FD);
			if (fd >= 0 && fd != NURSERY_FD)
				close(fd);
			_exit(order->work(order->context));
		}
		_exit(write(pipe_ends[1], &pid, sizeof(pid)) != sizeof(pid));
	}
	close(pipe_ends[1]);
	assert(read(pipe_ends[0], &pid, sizeof(pid)) == sizeof(pid));
	close(pipe_ends[0]);
	assert(waitpid(middle, NULL, 0) == middle);
	return pid;
}

static void tend(void)
{
	struct order order;
	int fd;

	while (receive_order(&order, &fd)) {
		pid_t pid = fork_away(&order, fd);

		if (fd >= 0)
			close(fd);
		if (send(order_fd, &pid, sizeof(pid), MSG_NOSIGNAL) != sizeof(pid))
			break;
	}
	_exit(0);
}

void nursery_open(void)
{
	pid_t parent = getpid();
	int ends[2];
	pid_t pid;

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	pid = fork();
	assert(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
		close(ends[0]);
		order_fd = ends[1];
		tend();
	}
	close(ends[1]);
	order_fd = ends[0];
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

pid_t nursery_spawn(int (*work)(void *context), const void *context, size_t size, int fd)
{
	struct order order = {.work = work, .size = size};
	pid_t pid;

	assert(size <= sizeof(order.context));
	memcpy(order.context, context, size);
	send_order(&order, fd);
	assert(recv(order_fd, &pid, sizeof(pid), 0) == sizeof(pid));
	assert(pid > 0);
	return pid;
}
