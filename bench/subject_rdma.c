/* SPDX-License-Identifier: Apache-2.0 */
/* The suite over verbs, for a machine whose device may be emulated: few calls. */
#include "bench/subject.h"

/* What wakes up for every message, and what is stopped before every one, is slow. */
#define CALLS_BLOCKED 2000u

/* Floors of one message after the other, or of a window of them. */
#define FLOOR(text, pattern, how)                                                            \
	{                                                                                    \
		.name = (text), .kind = SUBJECT_FLOOR_RDMA, .what = (pattern), .wait = (how) \
	}
#define FLOOR_RATE(text, pattern, n, at_once)                                                     \
	{                                                                                         \
		.name = (text), .kind = SUBJECT_FLOOR_RDMA, .what = (pattern), .wait = WAIT_SPIN, \
		.window = (n), .batch = (at_once), .rate = true                                   \
	}
#define VERBENA(text, method, how)                                                        \
	{                                                                                 \
		.name = (text), .kind = SUBJECT_VERBENA, .what = (method), .wait = (how), \
		.rdma = true                                                              \
	}
#define VERBENA_SHM(text, method, how)                                                   \
	{                                                                                \
		.name = (text), .kind = SUBJECT_VERBENA, .what = (method), .wait = (how) \
	}
/* A round trip of perftest, which prints half of it; one operation, which it prints as it is. */
#define TRIP(text, program, word)                                                           \
	{                                                                                   \
		.name = (text), .kind = SUBJECT_PERFTEST, .what = (program), .more = (word) \
	}
#define ONE_WAY(text, program)                                                               \
	{                                                                                    \
		.name = (text), .kind = SUBJECT_PERFTEST, .what = (program), .one_way = true \
	}
#define RATE(text, program, word)                                                            \
	{                                                                                    \
		.name = (text), .kind = SUBJECT_PERFTEST, .what = (program), .more = (word), \
		.rate = true                                                                 \
	}

static const struct subject polling[] = {
	FLOOR("floor: SEND there and back", "send", WAIT_SPIN),
	VERBENA("Verbena echo(blk)", "echo", WAIT_SPIN),
	VERBENA("Verbena echo(bytes)", "bytes", WAIT_SPIN),
	{.name = "Verbena echo(blk), default waiting",
	 .kind = SUBJECT_VERBENA,
	 .what = "echo",
	 .wait = WAIT_ADAPTIVE,
	 .rdma = true,
	 .unpinned = true},
	TRIP("ib_send_lat", "ib_send_lat", NULL),
	TRIP("ib_send_lat --use-srq", "ib_send_lat", "--use-srq"),
	TRIP("ib_write_lat (polls memory)", "ib_write_lat", NULL),
	ONE_WAY("ib_read_lat (one READ)", "ib_read_lat"),
	{.name = "UCX rc_verbs active message",
	 .kind = SUBJECT_UCX,
	 .what = "am_lat",
	 .more = "short",
	 .wait = WAIT_SPIN},
	{.name = "TCP socket echo, polling", .kind = SUBJECT_ECHO, .wait = WAIT_SPIN},
	{.name = "TCP socket echo, blocking", .kind = SUBJECT_ECHO, .wait = WAIT_SLEEP},
	VERBENA_SHM("Verbena echo(blk) over shm", "echo", WAIT_SPIN),
};

static const struct subject sleeping[] = {
	FLOOR("floor: SEND there and back, sleeping", "send", WAIT_SLEEP),
	VERBENA("Verbena echo(blk), sleeping", "echo", WAIT_SLEEP),
	VERBENA("Verbena echo(blk), default waiting", "echo", WAIT_ADAPTIVE),
	TRIP("ib_send_lat -e", "ib_send_lat", "-e"),
	{.name = "TCP socket echo, blocking", .kind = SUBJECT_ECHO, .wait = WAIT_SLEEP},
	VERBENA_SHM("Verbena echo(blk) over shm, sleeping", "echo", WAIT_SLEEP),
};

static const struct subject rates[] = {
	FLOOR_RATE("floor: SENDs one way, 32 a doorbell", "stream", 64, 32),
	FLOOR_RATE("SENDs one way, 1 a doorbell", "stream", 64, 1),
	FLOOR_RATE("SENDs there and back, 32 a doorbell", "send", 64, 32),
	FLOOR_RATE("SENDs there and back, 1 a doorbell", "send", 64, 1),
	VERBENA("Verbena ping (one way)", "ping", WAIT_SPIN),
	RATE("ib_send_bw", "ib_send_bw", NULL),
	RATE("ib_send_bw, 32 a doorbell", "ib_send_bw", "--post_list=32"),
	RATE("ib_write_bw", "ib_write_bw", NULL),
	{.name = "UCX rc_verbs active message",
	 .kind = SUBJECT_UCX,
	 .what = "am_bw",
	 .more = "short",
	 .wait = WAIT_SPIN,
	 .rate = true},
};

/* The first two are floors. The handler writes nothing, as their other end does not. */
enum { OUT_PUSH, OUT_WRITE };
static const struct subject out[] = {
	[OUT_PUSH] = FLOOR("SEND; WRITE and SEND back", "push", WAIT_SPIN),
	[OUT_WRITE] = FLOOR("one WRITE", "write", WAIT_SPIN),
	VERBENA("Verbena bytes out", "untouched", WAIT_SPIN),
	{.name = "Verbena direct out, vb_memory_alloc",
	 .kind = SUBJECT_VERBENA,
	 .what = "untouched-direct",
	 .wait = WAIT_SPIN,
	 .registered = true,
	 .rdma = true},
	ONE_WAY("ib_write_lat (one way)", "ib_write_lat"),
	{.name = "UCX rc_verbs put (one way, zcopy)",
	 .kind = SUBJECT_UCX,
	 .what = "put_lat",
	 .more = "zcopy",
	 .wait = WAIT_SPIN,
	 .one_way = true},
	RATE("ib_write_bw (one of many)", "ib_write_bw", NULL),
};

static const struct subject in[] = {
	FLOOR("floor: SEND; READ; SEND back", "pull", WAIT_SPIN),
	FLOOR("one READ", "read", WAIT_SPIN),
	VERBENA("Verbena bytes in", "bytes", WAIT_SPIN),
	{.name = "Verbena direct in, vb_memory_alloc",
	 .kind = SUBJECT_VERBENA,
	 .what = "direct",
	 .wait = WAIT_SPIN,
	 .registered = true,
	 .rdma = true},
	ONE_WAY("ib_read_lat", "ib_read_lat"),
	RATE("ib_read_bw (one of many)", "ib_read_bw", NULL),
};

#define LIST(array) .subjects = (array), .n_subjects = sizeof(array) / sizeof((array)[0])

static const struct group groups[] = {
	{.name = "32 B",
	 .title = "32 bytes there and back, server on CPU 0, client on CPU 1, polling where the "
		  "peer can",
	 .size = 32,
	 .calls = 10000,
	 LIST(polling)},
	{.name = "32 B asleep",
	 .title = "32 bytes there and back, both on CPU 0, sleeping",
	 .size = 32,
	 .one_cpu = true,
	 .calls = CALLS_BLOCKED,
	 LIST(sleeping)},
	{.name = "32 B rate",
	 .title = "messages of 32 bytes, 64 under way; time of one message, or of a call where it "
		  "goes there and back",
	 .size = 32,
	 /* A tenth of it, too, is a multiple of what goes behind a doorbell. */
	 .calls = 20480,
	 LIST(rates)},
	{.name = "4 KiB out",
	 .title = "4 KiB out of a call into ordinary memory; floor: SEND; WRITE and SEND back",
	 .floor = OUT_PUSH,
	 .size = 4096,
	 .direction = DIRECTION_OUT,
	 .every = 3,
	 .calls = 4000,
	 LIST(out)},
	{.name = "64 KiB out",
	 .title = "64 KiB out of a call into ordinary memory; floor: SEND; WRITE and SEND back",
	 .floor = OUT_PUSH,
	 .size = 65536,
	 .direction = DIRECTION_OUT,
	 .every = 3,
	 .calls = 1000,
	 LIST(out)},
	{.name = "1 MiB out",
	 /* Of so many bytes, messages of their own take nothing. */
	 .title = "1 MiB out of a call into ordinary memory; floor: one WRITE",
	 .floor = OUT_WRITE,
	 .size = 1048576,
	 .direction = DIRECTION_OUT,
	 .every = 3,
	 .calls = 100,
	 LIST(out)},
	{.name = "64 KiB in",
	 .title = "64 KiB into a call from ordinary memory",
	 .size = 65536,
	 .direction = DIRECTION_IN,
	 .every = 3,
	 .calls = 1000,
	 LIST(in)},
	{.name = "1 MiB in",
	 .title = "1 MiB into a call from ordinary memory",
	 .size = 1048576,
	 .direction = DIRECTION_IN,
	 .every = 3,
	 .calls = 100,
	 LIST(in)},
};

const struct suite suite_rdma = {
	.name = "rdma",
	.rdma = true,
	/* Short ones: what surrounds a run takes longer than the run. */
	.rounds = 15,
	.groups = groups,
	.n_groups = sizeof(groups) / sizeof(groups[0]),
};
