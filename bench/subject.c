/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/subject.h"

#include <limits.h>

#include "bench/child.h"

/* Calls of a round: some tenths of a second where the machine is at its best. A blocked peer's call
 * takes up to 100 us. */
#define CALLS_LINE    500000u
#define CALLS_SLEEP   20000u
#define CALLS_BLOCKED 5000u
#define CALLS_4K      100000u
#define CALLS_64K     10000u
#define CALLS_1M      400u

#define TIRPC "verbena-bench-tirpc"
#define GRPC  "verbena-bench-grpc"

static const struct subject polling[] = {
	{"floor: 32 bytes through a line", SUBJECT_FLOOR, NULL, false, WAIT_SPIN, CALLS_LINE},
	{"Verbena echo(blk)", SUBJECT_VERBENA, "echo", false, WAIT_SPIN, CALLS_LINE},
	{"Verbena echo(bytes)", SUBJECT_VERBENA, "bytes", false, WAIT_SPIN, CALLS_LINE},
	{"Verbena echo(blk), default waiting", SUBJECT_VERBENA, "echo", false, WAIT_ADAPTIVE,
	 CALLS_LINE},
	{"UCX active message (no RPC)", SUBJECT_UCX, "ucp_am_lat", false, WAIT_SPIN, CALLS_LINE},
	{"UCX tagged message (no RPC)", SUBJECT_UCX, "tag_lat", false, WAIT_SPIN, CALLS_LINE},
	{"rpcgen, libtirpc (blocks)", SUBJECT_PEER, TIRPC, false, WAIT_SLEEP, CALLS_BLOCKED},
	{"gRPC C++ (blocks)", SUBJECT_PEER, GRPC, false, WAIT_SLEEP, CALLS_BLOCKED},
};

static const struct subject sleeping[] = {
	{"floor: 32 bytes, eventfd", SUBJECT_FLOOR, NULL, false, WAIT_SLEEP, CALLS_SLEEP},
	{"Verbena echo(blk), sleeping", SUBJECT_VERBENA, "echo", false, WAIT_SLEEP, CALLS_SLEEP},
	{"Verbena echo(blk), default waiting", SUBJECT_VERBENA, "echo", false, WAIT_ADAPTIVE,
	 CALLS_SLEEP},
	{"rpcgen, libtirpc", SUBJECT_PEER, TIRPC, false, WAIT_SLEEP, CALLS_SLEEP},
	{"gRPC C++", SUBJECT_PEER, GRPC, false, WAIT_SLEEP, CALLS_BLOCKED},
};

#define BULK(calls)                                                                           \
	{                                                                                     \
		{"floor: one copy each way", SUBJECT_FLOOR, NULL, false, WAIT_SPIN, calls},   \
			{"Verbena bytes", SUBJECT_VERBENA, "bytes", false, WAIT_SPIN, calls}, \
			{"Verbena inout", SUBJECT_VERBENA, "inout", false, WAIT_SPIN, calls}, \
			{"Verbena direct, vb_memory_alloc",                                   \
			 SUBJECT_VERBENA,                                                     \
			 "direct",                                                            \
			 true,                                                                \
			 WAIT_SPIN,                                                           \
			 calls},                                                              \
			{"UCX active message (no RPC)",                                       \
			 SUBJECT_UCX,                                                         \
			 "ucp_am_lat",                                                        \
			 false,                                                               \
			 WAIT_SPIN,                                                           \
			 calls},                                                              \
			{"rpcgen, libtirpc (blocks)",                                         \
			 SUBJECT_PEER,                                                        \
			 TIRPC,                                                               \
			 false,                                                               \
			 WAIT_SLEEP,                                                          \
			 calls < CALLS_BLOCKED ? calls : CALLS_BLOCKED},                      \
			{"gRPC C++ (blocks)",                                                 \
			 SUBJECT_PEER,                                                        \
			 GRPC,                                                                \
			 false,                                                               \
			 WAIT_SLEEP,                                                          \
			 calls < CALLS_BLOCKED ? calls : CALLS_BLOCKED},                      \
	}

static const struct subject bulk_4k[] = BULK(CALLS_4K);
static const struct subject bulk_64k[] = BULK(CALLS_64K);
static const struct subject bulk_1m[] = BULK(CALLS_1M);

#define LIST(array) (array), sizeof(array) / sizeof((array)[0])

const struct group groups[GROUPS] = {
	{"32 B",
	 "32 bytes there and back, server on CPU 0, client on CPU 1, polling where the peer "
	 "can",
	 32, false, LIST(polling)},
	{"32 B asleep", "32 bytes there and back, both on CPU 0, sleeping", 32, true,
	 LIST(sleeping)},
	{"4 KiB", "4 KiB there and back, polling", 4096, false, LIST(bulk_4k)},
	{"64 KiB", "64 KiB there and back, polling", 65536, false, LIST(bulk_64k)},
	{"1 MiB", "1 MiB there and back, polling", 1048576, false, LIST(bulk_1m)},
};

const char *subject_missing(const struct subject *subject)
{
	char path[PATH_MAX];

	if (subject->kind == SUBJECT_UCX && !child_program_exists("ucx_perftest"))
		return "ucx_perftest is not installed (Debian: ucx-utils)";
	if (subject->kind != SUBJECT_PEER ||
	    child_helper_path(subject->what, path, sizeof(path)) == 0)
		return NULL;
	if (subject->what[sizeof("verbena-bench-") - 1] == 't')
		return "not built: needs rpcgen and libtirpc (Debian: rpcsvc-proto libtirpc-dev), "
		       "then configure again";
	return "not built: needs gRPC (Debian: libgrpc++-dev libprotobuf-dev "
	       "protobuf-compiler-grpc) and -Dbench_grpc=enabled";
}
