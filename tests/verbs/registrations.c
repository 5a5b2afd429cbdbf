/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded before libibverbs into each process of a test: appends a line, "PROGRAM ACCESS", to the
 * file $VERBENA_TEST_REGISTRATIONS for each region that the process registers.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <infiniband/verbs.h>

#undef ibv_reg_mr
#undef ibv_reg_mr_iova

/* The function that NAME would be without us, into *RET, a pointer to one. */
static void find_next(const char *name, void *ret)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (!function)
		abort();
	memcpy(ret, &function, sizeof(function));
}

static void note(unsigned access)
{
	const char *path = getenv("VERBENA_TEST_REGISTRATIONS");
	char line[128];
	int length = snprintf(line, sizeof(line), "%s 0x%x\n", program_invocation_short_name,
			      access);
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	/* One write, so that lines of several processes do not mix. */
	if (fd < 0 || write(fd, line, (size_t)length) != length)
		abort();
	close(fd);
}

struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *address, size_t length, int access)
{
	struct ibv_mr *(*real)(struct ibv_pd *, void *, size_t, int);

	find_next("ibv_reg_mr", &real);
	note((unsigned)access);
	return real(pd, address, length, access);
}

struct ibv_mr *ibv_reg_mr_iova(struct ibv_pd *pd, void *address, size_t length, uint64_t iova,
			       int access)
{
	struct ibv_mr *(*real)(struct ibv_pd *, void *, size_t, uint64_t, int);

	find_next("ibv_reg_mr_iova", &real);
	note((unsigned)access);
	return real(pd, address, length, iova, access);
}

struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *address, size_t length, uint64_t iova,
				unsigned access)
{
	struct ibv_mr *(*real)(struct ibv_pd *, void *, size_t, uint64_t, unsigned);

	find_next("ibv_reg_mr_iova2", &real);
	note(access);
	return real(pd, address, length, iova, access);
}

struct ibv_mr *ibv_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova,
				 int fd, int access)
{
	struct ibv_mr *(*real)(struct ibv_pd *, uint64_t, size_t, uint64_t, int, int);

	find_next("ibv_reg_dmabuf_mr", &real);
	note((unsigned)access);
	return real(pd, offset, length, iova, fd, access);
}
