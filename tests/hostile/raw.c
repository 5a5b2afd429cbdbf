/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hostile/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

int raw_memfd(uint64_t size, int seals, unsigned flags)
{
	int fd = memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	assert_true(strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path));
	return address;
}

static void map(struct raw *raw, uint64_t size)
{
	raw->base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, raw->memory_fd, 0);
	assert_true(raw->base != MAP_FAILED);
}

void raw_client_open(struct raw *raw, const char *path)
{
	struct sockaddr_un address = address_of(path);
	uint64_t size = shm_file_size(RAW_ARENA);

	*raw = (struct raw){.listener_fd = -1, .mark = 1};
	raw->hello = (struct shm_hello){
		.magic = SHM_MAGIC,
		.version = SHM_VERSION,
		.size = sizeof(raw->hello),
		.message_max = 8192,
		.n_slots = SHM_SLOTS,
		.ring_capacity = SHM_RING_CAPACITY,
		.windows_size = SHM_WINDOWS_SIZE,
		.arena_size = RAW_ARENA,
		.file_size = size,
	};
	raw->memory_fd = raw_memfd(size, RAW_SEALS, 0);
	raw->event_fds[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	raw->event_fds[1] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	map(raw, size);
	raw->socket_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(raw->socket_fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

void raw_send(struct raw *raw, const void *bytes, size_t size, const int *fds, unsigned n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * RAW_FDS_MAX)] = {0};
	struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

	if (n_fds) {
		struct cmsghdr *header;

		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * n_fds);
	}
	assert_int_equal(sendmsg(raw->socket_fd, &message, MSG_NOSIGNAL), size);
}

void raw_client_hello(struct raw *raw)
{
	int fds[] = {raw->memory_fd, raw->event_fds[0], raw->event_fds[1]};

	raw_send(raw, &raw->hello, sizeof(raw->hello), fds, 3);
}

void raw_server_listen(struct raw *raw, const char *path)
{
	struct sockaddr_un address = address_of(path);

	*raw = (struct raw){.socket_fd = -1, .memory_fd = -1, .mark = 1};
	raw->event_fds[0] = raw->event_fds[1] = -1;
	raw->listener_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(raw->listener_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(raw->listener_fd, 8), 0);
}

void raw_server_accept(struct raw *raw)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * RAW_FDS_MAX)];
	struct iovec piece = {.iov_base = &raw->hello, .iov_len = sizeof(raw->hello)};
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *header;
	int fds[3];

	raw->socket_fd = accept(raw->listener_fd, NULL, NULL);
	assert_true(raw->socket_fd >= 0);
	assert_int_equal(recvmsg(raw->socket_fd, &message, MSG_CMSG_CLOEXEC), sizeof(raw->hello));
	header = CMSG_FIRSTHDR(&message);
	if (!header)
		abort();
	memcpy(fds, CMSG_DATA(header), sizeof(fds));
	raw->memory_fd = fds[0];
	raw->event_fds[0] = fds[1];
	raw->event_fds[1] = fds[2];
	map(raw, raw->hello.file_size);
}

struct shm_answer raw_answer(void)
{
	return (struct shm_answer){
		.magic = SHM_MAGIC,
		.version = SHM_VERSION,
		.size = sizeof(struct shm_answer),
		.message_max = 8192,
	};
}

ssize_t raw_receive(struct raw *raw, void *bytes, size_t size)
{
	ssize_t n = recv(raw->socket_fd, bytes, size, MSG_DONTWAIT);

	/* A reset is an end as well. */
	return n < 0 && errno != EAGAIN ? 0 : n;
}

uint8_t *raw_ring(const struct raw *raw, enum shm_role role)
{
	return raw->base + SHM_RING_AT(role);
}

struct shm_side *raw_side(const struct raw *raw, enum shm_role role)
{
	return &((struct shm_control *)(void *)raw->base)->side[role];
}

struct shm_slot *raw_slot(const struct raw *raw, uint32_t index)
{
	return &((struct shm_slot *)(void *)(raw->base + SHM_SLOTS_AT))[index];
}

void raw_write(struct raw *raw, enum shm_role role, uint64_t first)
{
	uint64_t word = first | raw->mark;

	memcpy(raw_ring(raw, role) + raw->offset, &word, sizeof(word));
	raw->offset += SHM_LINE;
}

void raw_message(struct raw *raw, enum shm_role role, const void *bytes, uint32_t length)
{
	uint8_t *line = raw_ring(raw, role) + raw->offset;
	uint64_t first;

	memcpy(&first, bytes, sizeof(first));
	first = (first & ~(uint64_t)UINT32_MAX) | length | raw->mark;
	memcpy(line + sizeof(first), (const uint8_t *)bytes + sizeof(first),
	       length - sizeof(first));
	memcpy(line, &first, sizeof(first));
	raw->offset += SHM_ROUND_UP(length, SHM_LINE);
}

void raw_close(struct raw *raw)
{
	int *fds[] = {&raw->socket_fd, &raw->listener_fd, &raw->memory_fd, &raw->event_fds[0],
		      &raw->event_fds[1]};

	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	if (raw->base)
		munmap(raw->base, raw->hello.file_size);
	raw->base = NULL;
}
