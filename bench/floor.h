/* SPDX-License-Identifier: Apache-2.0 */
/* What no RPC over shared memory can beat: the same bytes moved between two processes, waiting in
 * the same way, with nothing of an RPC around them. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stdint.h>

#include "bench/options.h"

/* Bytes that go through a line with its turn word. */
#define FLOOR_LINE_BYTES 32u
#define FLOOR_SIZE_MAX	 (UINT64_C(64) << 20)

struct floor_options {
	struct client_options client;
	uint64_t size;	/* FLOOR_LINE_BYTES: through a line; else: one copy each way */
	int server_cpu; /* of the answering process; -1: any */
	bool pause;	/* between two looks; the runtime makes none */
};

/* Starts the answering process, measures the round trip, ends it. -1 with errno. */
int floor_measure(const struct floor_options *options, struct run *ret_run);

/* Bytes per second, in GB/s, of copying SIZE bytes again and again between two buffers. -1: no
 * memory. */
double floor_memcpy(uint64_t size);

#endif
