/* SPDX-License-Identifier: Apache-2.0 */
/* What no RPC over verbs can beat: the same SENDs, WRITEs and READs between two processes, waiting
 * in the same way, with nothing of an RPC around them. */
#ifndef BENCH_RDMA_FLOOR_H
#define BENCH_RDMA_FLOOR_H

#include <stdint.h>

#include "bench/options.h"
#include "bench/rdma/link.h"

/* A small call. */
#define RDMA_SMALL    UINT64_C(32)
#define RDMA_SIZE_MAX (UINT64_C(64) << 20)

enum rdma_pattern {
	RDMA_SEND,   /* a SEND there and a SEND back, both of size bytes */
	RDMA_STREAM, /* SENDs of size bytes one way, as many under way as the window allows */
	RDMA_PUSH,   /* a small SEND there; a WRITE of size bytes and a small SEND back */
	RDMA_PULL,   /* a small SEND there, a READ of size bytes by the other end, a small SEND */
	RDMA_WRITE,  /* one WRITE of size bytes, until its completion */
	RDMA_READ,   /* one READ of size bytes, until its completion */
	RDMA_PATTERNS
};

extern const char *const rdma_pattern_names[RDMA_PATTERNS];

struct rdma_floor_options {
	struct client_options client;
	const char *address;
	enum rdma_pattern pattern;
	uint64_t size;
	unsigned window; /* messages under way: RDMA_SEND, RDMA_STREAM; 1: one after the other */
	unsigned batch;	 /* messages behind one doorbell of the measuring end */
	int server_cpu;	 /* of the answering process; -1: any */
};

/*
 * Starts the answering process, measures, ends it. The device is opened by both after the fork.
 * With a window above 1, or RDMA_STREAM, RET_RUN tells the rate and the mean only. -1 with errno
 * and a message on standard error.
 */
int rdma_floor_measure(const struct rdma_floor_options *options, struct run *ret_run);

#endif
