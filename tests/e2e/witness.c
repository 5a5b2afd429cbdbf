/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded into a process by LD_PRELOAD, writes down what the process lets others do with its memory:
 * to the file that WITNESS_VARIABLE names, a line for each registration ("mr" and its access flags)
 * and for each state that a queue pair is brought to ("qp", its access flags as the device tells
 * them, and the state). Any thread.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <infiniband/verbs.h>

#include "tests/e2e/witness.h"

/* The header has it as a macro too. */
#undef ibv_reg_mr

#define EXPORT __attribute__((visibility("default")))

/* Opened each time: descriptors that a process has of its own get no company. */
static void write_line(const char *kind, unsigned flags, int state)
{
	const char *path = getenv(WITNESS_VARIABLE);
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;

	/* A witness that cannot write must not be taken for one that saw nothing. */
	if (fd < 0 || dprintf(fd, "%s %x %d\n", kind, flags, state) < 0)
		abort();
	close(fd);
}

/* *RET_FUNCTION: a pointer to a function, the one of the library behind this. */
static void find(const char *name, void *ret_function)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	if (!symbol)
		abort();
	memcpy(ret_function, &symbol, sizeof(symbol));
}

EXPORT struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *address, size_t length, int access);
EXPORT struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *address, size_t length,
				       uint64_t iova, unsigned access);

struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *address, size_t length, int access)
{
	struct ibv_mr *(*function)(struct ibv_pd *, void *, size_t, int);

	find("ibv_reg_mr", &function);
	write_line(WITNESS_MR, (unsigned)access, 0);
	return function(pd, address, length, access);
}

struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *address, size_t length, uint64_t iova,
				unsigned access)
{
	struct ibv_mr *(*function)(struct ibv_pd *, void *, size_t, uint64_t, unsigned);

	find("ibv_reg_mr_iova2", &function);
	write_line(WITNESS_MR, access, 0);
	return function(pd, address, length, iova, access);
}

EXPORT struct ibv_mr *ibv_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset, size_t length,
					uint64_t iova, int fd, int access)
{
	struct ibv_mr *(*function)(struct ibv_pd *, uint64_t, size_t, uint64_t, int, int);

	find("ibv_reg_dmabuf_mr", &function);
	write_line(WITNESS_MR, (unsigned)access, 0);
	return function(pd, offset, length, iova, fd, access);
}

static void look_at(struct ibv_qp *qp)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	if (ibv_query_qp(qp, &attr, IBV_QP_STATE | IBV_QP_ACCESS_FLAGS, &init))
		abort();
	write_line(WITNESS_QP, attr.qp_access_flags, (int)attr.qp_state);
}

EXPORT int ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	int (*function)(struct ibv_qp *, struct ibv_qp_attr *, int);
	int result;

	find("ibv_modify_qp", &function);
	result = function(qp, attr, mask);
	if (!result)
		look_at(qp);
	return result;
}

EXPORT int ibv_destroy_qp(struct ibv_qp *qp)
{
	int (*function)(struct ibv_qp *);

	find("ibv_destroy_qp", &function);
	look_at(qp);
	return function(qp);
}
