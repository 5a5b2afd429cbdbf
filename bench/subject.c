/* SPDX-License-Identifier: Apache-2.0 */
/* The suite over shared memory. */
#include "bench/subject.h"

/* A peer that blocks takes up to 100 us a call: this many are enough. */
#define CALLS_BLOCKED 5000u

#define TIRPC "verbena-bench-tirpc"
#define GRPC  "verbena-bench-grpc"

static const struct subject polling[] = {
	{.name = "floor: 32 bytes through a line", .kind = SUBJECT_FLOOR, .wait = WAIT_SPIN},
	{.name = "the same, polling with PAUSE",
	 .kind = SUBJECT_FLOOR,
	 .wait = WAIT_SPIN,
	 .pause = true},
	{.name = "Verbena echo(blk)", .kind = SUBJECT_VERBENA, .what = "echo", .wait = WAIT_SPIN},
	{
		.name = "Verbena echo(bytes)",
		.kind = SUBJECT_VERBENA,
		.what = "bytes",
		.wait = WAIT_SPIN,
	},
	{.name = "Verbena echo(blk), default waiting",
	 .kind = SUBJECT_VERBENA,
	 .what = "echo",
	 .wait = WAIT_ADAPTIVE,
	 .unpinned = true},
	{.name = "UCX active message (no RPC)",
	 .kind = SUBJECT_UCX,
	 .what = "ucp_am_lat",
	 .wait = WAIT_SPIN},
	{.name = "UCX tagged message (no RPC)",
	 .kind = SUBJECT_UCX,
	 .what = "tag_lat",
	 .wait = WAIT_SPIN},
	{.name = "rpcgen, libtirpc (blocks)",
	 .kind = SUBJECT_PEER,
	 .what = TIRPC,
	 .wait = WAIT_SLEEP,
	 .calls_max = CALLS_BLOCKED},
	{.name = "gRPC C++ (blocks)",
	 .kind = SUBJECT_PEER,
	 .what = GRPC,
	 .wait = WAIT_SLEEP,
	 .calls_max = CALLS_BLOCKED},
};

static const struct subject sleeping[] = {
	{.name = "floor: 32 bytes, eventfd", .kind = SUBJECT_FLOOR, .wait = WAIT_SLEEP},
	{.name = "Verbena echo(blk), sleeping",
	 .kind = SUBJECT_VERBENA,
	 .what = "echo",
	 .wait = WAIT_SLEEP},
	{.name = "Verbena echo(blk), default waiting",
	 .kind = SUBJECT_VERBENA,
	 .what = "echo",
	 .wait = WAIT_ADAPTIVE},
	{.name = "rpcgen, libtirpc", .kind = SUBJECT_PEER, .what = TIRPC, .wait = WAIT_SLEEP},
	{.name = "gRPC C++",
	 .kind = SUBJECT_PEER,
	 .what = GRPC,
	 .wait = WAIT_SLEEP,
	 .calls_max = CALLS_BLOCKED},
};

static const struct subject bulk[] = {
	{.name = "floor: one copy each way", .kind = SUBJECT_FLOOR, .wait = WAIT_SPIN},
	{.name = "Verbena bytes", .kind = SUBJECT_VERBENA, .what = "bytes", .wait = WAIT_SPIN},
	{.name = "Verbena inout", .kind = SUBJECT_VERBENA, .what = "inout", .wait = WAIT_SPIN},
	{.name = "Verbena direct, vb_memory_alloc",
	 .kind = SUBJECT_VERBENA,
	 .what = "direct",
	 .wait = WAIT_SPIN,
	 .registered = true},
	{.name = "UCX active message (no RPC)",
	 .kind = SUBJECT_UCX,
	 .what = "ucp_am_lat",
	 .wait = WAIT_SPIN},
	{.name = "rpcgen, libtirpc (blocks)",
	 .kind = SUBJECT_PEER,
	 .what = TIRPC,
	 .wait = WAIT_SLEEP,
	 .calls_max = CALLS_BLOCKED},
	{.name = "gRPC C++ (blocks)",
	 .kind = SUBJECT_PEER,
	 .what = GRPC,
	 .wait = WAIT_SLEEP,
	 .calls_max = CALLS_BLOCKED},
};

#define LIST(array) .subjects = (array), .n_subjects = sizeof(array) / sizeof((array)[0])

static const struct group groups[] = {
	{.name = "32 B",
	 .title = "32 bytes there and back, server on CPU 0, client on CPU 1, polling where the "
		  "peer can",
	 .size = 32,
	 .calls = 500000,
	 LIST(polling)},
	{.name = "32 B asleep",
	 .title = "32 bytes there and back, both on CPU 0, sleeping",
	 .size = 32,
	 .one_cpu = true,
	 .calls = 20000,
	 LIST(sleeping)},
	{.name = "4 KiB",
	 .title = "4 KiB there and back, polling",
	 .size = 4096,
	 .calls = 100000,
	 LIST(bulk)},
	{.name = "64 KiB",
	 .title = "64 KiB there and back, polling",
	 .size = 65536,
	 .calls = 10000,
	 LIST(bulk)},
	{.name = "1 MiB",
	 .title = "1 MiB there and back, polling",
	 .size = 1048576,
	 .calls = 400,
	 LIST(bulk)},
};

const struct suite suite_shm = {
	.name = "shm",
	.rounds = 5,
	.groups = groups,
	.n_groups = sizeof(groups) / sizeof(groups[0]),
};
