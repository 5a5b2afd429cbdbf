/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded into a process by LD_PRELOAD, counts its verbs and writes the numbers to the file that
 * LEDGER_VARIABLE names when the process ends. Posting and polling are no calls of a library that
 * could be replaced: the header calls through a table in the device's context. So the table is
 * changed when a protection domain is made, which comes before any queue. Posts by ibv_wr_start()
 * and its like go another way and are not seen. Any thread.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <infiniband/verbs.h>

#include "bench/ledger/entries.h"

/* The header has it as a macro too. */
#undef ibv_reg_mr

#define EXPORT	     __attribute__((visibility("default")))
/* A process opens one context for each device, librdmacm another. */
#define CONTEXTS_MAX 16u

struct table {
	const struct ibv_context *context;
	struct ibv_context_ops ops; /* the provider's */
};

static struct table tables[CONTEXTS_MAX];
static _Atomic unsigned n_tables;
static _Atomic uint64_t ledger[LEDGER_ENTRIES];

static void count(enum ledger_entry entry, uint64_t n)
{
	atomic_fetch_add_explicit(&ledger[entry], n, memory_order_relaxed);
}

static const struct ibv_context_ops *ops_of(const struct ibv_context *context)
{
	unsigned n = atomic_load_explicit(&n_tables, memory_order_acquire), i;

	for (i = 0; i < n; i++) {
		if (tables[i].context == context)
			return &tables[i].ops;
	}
	/* Its table is changed, so it is in the list. */
	abort();
}

/* ---- Through the table ---- */

static uint64_t bytes_of(const struct ibv_send_wr *wr)
{
	uint64_t bytes = 0;
	int i;

	for (i = 0; i < wr->num_sge; i++)
		bytes += wr->sg_list[i].length;
	return bytes;
}

static void count_send(const struct ibv_send_wr *wr)
{
	count(LEDGER_WRS, 1);
	count(LEDGER_SIGNALLED, (wr->send_flags & IBV_SEND_SIGNALED) != 0);
	count(LEDGER_INLINE, (wr->send_flags & IBV_SEND_INLINE) != 0);
	switch (wr->opcode) {
	case IBV_WR_SEND:
	case IBV_WR_SEND_WITH_IMM:
	case IBV_WR_SEND_WITH_INV:
		count(LEDGER_SENDS, 1);
		count(LEDGER_SEND_BYTES, bytes_of(wr));
		break;
	case IBV_WR_RDMA_WRITE:
	case IBV_WR_RDMA_WRITE_WITH_IMM:
		count(LEDGER_WRITES, 1);
		count(LEDGER_WRITE_BYTES, bytes_of(wr));
		break;
	case IBV_WR_RDMA_READ:
		count(LEDGER_READS, 1);
		count(LEDGER_READ_BYTES, bytes_of(wr));
		break;
	default:
		count(LEDGER_OTHERS, 1);
		break;
	}
}

static int post_send(struct ibv_qp *qp, struct ibv_send_wr *wrs, struct ibv_send_wr **ret_bad)
{
	const struct ibv_send_wr *wr;

	count(LEDGER_DOORBELLS, 1);
	for (wr = wrs; wr; wr = wr->next)
		count_send(wr);
	return ops_of(qp->context)->post_send(qp, wrs, ret_bad);
}

static void count_receives(const struct ibv_recv_wr *wrs)
{
	count(LEDGER_RECEIVE_BELLS, 1);
	for (; wrs; wrs = wrs->next)
		count(LEDGER_RECEIVES, 1);
}

static int post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wrs, struct ibv_recv_wr **ret_bad)
{
	count_receives(wrs);
	return ops_of(qp->context)->post_recv(qp, wrs, ret_bad);
}

static int post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wrs, struct ibv_recv_wr **ret_bad)
{
	count_receives(wrs);
	return ops_of(srq->context)->post_srq_recv(srq, wrs, ret_bad);
}

static int poll_cq(struct ibv_cq *cq, int n, struct ibv_wc *wcs)
{
	int result = ops_of(cq->context)->poll_cq(cq, n, wcs);

	count(LEDGER_POLLS, 1);
	if (result > 0)
		count(LEDGER_COMPLETIONS, (uint64_t)result);
	return result;
}

static int req_notify_cq(struct ibv_cq *cq, int solicited_only)
{
	count(LEDGER_ARMS, 1);
	return ops_of(cq->context)->req_notify_cq(cq, solicited_only);
}

static struct ibv_mw *alloc_mw(struct ibv_pd *pd, enum ibv_mw_type type)
{
	count(LEDGER_WINDOWS, 1);
	return ops_of(pd->context)->alloc_mw(pd, type);
}

/* Contexts are opened one after another; a context that is freed and made anew at the same place
 * has the provider's table again. */
static void watch(struct ibv_context *context)
{
	unsigned n = atomic_load_explicit(&n_tables, memory_order_acquire), i;

	if (context->ops.post_send == post_send)
		return;
	for (i = 0; i < n && tables[i].context != context; i++)
		;
	if (i == CONTEXTS_MAX)
		return;
	tables[i].context = context;
	tables[i].ops = context->ops;
	if (i == n)
		atomic_store_explicit(&n_tables, n + 1, memory_order_release);
	context->ops.post_send = post_send;
	context->ops.post_recv = post_recv;
	context->ops.post_srq_recv = post_srq_recv;
	context->ops.poll_cq = poll_cq;
	context->ops.req_notify_cq = req_notify_cq;
	if (context->ops.alloc_mw)
		context->ops.alloc_mw = alloc_mw;
}

/* ---- In place of libibverbs' ---- */

/* The function that would have been called. Its address comes as one of data. */
static void find(void *ret_function, const char *name)
{
	void *address = dlsym(RTLD_NEXT, name);

	if (!address)
		abort();
	memcpy(ret_function, &address, sizeof(address));
}

EXPORT struct ibv_pd *ibv_alloc_pd(struct ibv_context *context)
{
	struct ibv_pd *(*real)(struct ibv_context *);

	watch(context);
	find(&real, "ibv_alloc_pd");
	return real(context);
}

/* libibverbs makes one function of the other, through the name that is replaced here. */
static _Thread_local bool is_inside;

static void count_registration(size_t length)
{
	if (is_inside)
		return;
	count(LEDGER_REGISTRATIONS, 1);
	count(LEDGER_REGISTERED_BYTES, length);
}

EXPORT struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *address, size_t length, int access)
{
	struct ibv_mr *(*real)(struct ibv_pd *, void *, size_t, int);
	struct ibv_mr *mr;

	count_registration(length);
	find(&real, "ibv_reg_mr");
	is_inside = true;
	mr = real(pd, address, length, access);
	is_inside = false;
	return mr;
}

EXPORT struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *address, size_t length,
				       uint64_t iova, unsigned access)
{
	struct ibv_mr *(*real)(struct ibv_pd *, void *, size_t, uint64_t, unsigned);

	count_registration(length);
	find(&real, "ibv_reg_mr_iova2");
	return real(pd, address, length, iova, access);
}

EXPORT int ibv_dereg_mr(struct ibv_mr *mr)
{
	int (*real)(struct ibv_mr *);

	count(LEDGER_DEREGISTRATIONS, 1);
	find(&real, "ibv_dereg_mr");
	return real(mr);
}

__attribute__((destructor)) static void report(void)
{
	const char *path = getenv(LEDGER_VARIABLE);
	char text[64];
	unsigned i;
	int fd;

	if (!path)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	for (i = 0; i < LEDGER_ENTRIES; i++) {
		int length = snprintf(text, sizeof(text), "%s %llu\n", ledger_names[i],
				      (unsigned long long)ledger[i]);

		(void)!write(fd, text, (size_t)length);
	}
	close(fd);
}
