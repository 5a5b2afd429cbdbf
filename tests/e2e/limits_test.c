/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers at the edge of what there is: huge ones, and users that may lock next to nothing. */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/e2e/pattern.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define SEC 1000000000ull

/* ---- Huge buffers ---- */

/* Bytes that the system has left. */
static uint64_t available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	fclose(file);
	return kib * KIB;
}

/* The largest there is, where the client, the server and half as much again find room; else one
 * that still has several pieces. Over an emulated device a gigabyte takes minutes. */
static uint64_t huge_size(void)
{
	return !harness_is_rdma() && available() > 3 * GIB ? GIB : 300 * MIB;
}

static void test_huge_buffers(void **state)
{
	struct probe probe;
	struct vb_conn *conn;
	struct vast_peer *peer;
	uint64_t size = huge_size();
	uint8_t *memory;

	(void)state;
	if (available() < 3 * size)
		harness_skip("there is not enough memory for it");
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	probe_start(&probe, "--bulk-max", "1073741824", NULL);
	conn = probe_connect(&probe, NULL);
	peer = vast_peer_bind(conn);
	assert_non_null(peer);
	vast_peer_set_deadline(peer, VB_NO_DEADLINE);
	if (vast_fill(peer, 7, size, memory, size) != (int64_t)size)
		fail_msg("fill: %s (%s)", strerror(errno), vb_conn_error(conn)->sentence);
	assert_true(pattern_is(memory, size, 7));
	if (vast_check(peer, 7, memory, size) != (int64_t)size)
		fail_msg("check: %s (%s)", strerror(errno), vb_conn_error(conn)->sentence);
	vast_peer_free(peer);
	vb_conn_close(conn);
	probe_end(&probe);
	munmap(memory, size);
}

/* ---- RLIMIT_MEMLOCK ---- */

#define NOBODY 65534

/* What docs/verbs.md tells a client to reckon with for a connection with the default options. The
 * queues of hardware are part of it; SoftRoCE locks none. */
#define CONNECTION_LOCKED_MAX (1152 * KIB)

/* The soft limit: it can be raised again. */
static void limit_memlock(rlim_t most)
{
	struct rlimit limits;

	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limits), 0);
	limits.rlim_cur = most < limits.rlim_max ? most : limits.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limits), 0);
}

static bool exchanges(struct probe_peer *peer, uint8_t *memory, uint64_t size)
{
	return probe_fill(peer, size, size, memory, size) == (int64_t)size &&
	       pattern_is(memory, size, size) &&
	       probe_check(peer, size, memory, size) == (int64_t)size;
}

static int fail_with(int status, const struct vb_conn *conn)
{
	print_error("step %d: %s (%s)\n", status, strerror(errno), vb_conn_error(conn)->sentence);
	return status;
}

/* What was registered before the limit came goes on working; a buffer that cannot be registered
 * any more costs its call, and nothing else. */
static int call_with_little_memlock(void *context)
{
	const struct probe *probe = context;
	struct probe_peer *peer;
	struct vb_conn *conn;
	uint8_t *memory;

	/* Before the device is opened: it belongs to whom it is opened for. */
	if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 1;
	limit_memlock(RLIM_INFINITY);
	conn = probe_connect_to(probe->address, NULL);
	peer = conn ? probe_peer_bind(conn) : NULL;
	if (!peer)
		return fail_with(2, conn);
	memory = malloc(MIB);
	probe_peer_set_deadline(peer, 60 * SEC);
	if (!exchanges(peer, memory, 64 * KIB))
		return fail_with(3, conn);
	limit_memlock(64 * KIB);
	for (unsigned i = 0; i < 10; i++)
		if (!exchanges(peer, memory, 64 * KIB) || !exchanges(peer, memory, 100))
			return fail_with(4, conn);
	if (probe_fill(peer, 1, MIB, memory, MIB) != -1 || errno != ENOMEM ||
	    probe_peer_outcome(peer) != VB_NOT_SENT)
		return fail_with(5, conn);
	if (!exchanges(peer, memory, 64 * KIB))
		return fail_with(6, conn);
	limit_memlock(RLIM_INFINITY);
	if (!exchanges(peer, memory, MIB))
		return fail_with(7, conn);
	probe_peer_free(peer);
	vb_conn_close(conn);
	free(memory);
	return 0;
}

/* Bytes that this process has locked, as the limit counts them. */
static uint64_t locked(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long kib = 0;
	char line[128];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmPin: %llu", &kib) == 1)
			break;
	fclose(file);
	return kib * KIB;
}

/* The sentence of a buffer that found no memory names the limit and its value. */
static bool names_limit(const struct vb_conn *conn, uint64_t limit)
{
	char value[32];

	snprintf(value, sizeof(value), " %llu KiB", (unsigned long long)(limit / KIB));
	return strstr(vb_conn_error(conn)->sentence, "ulimit -l") &&
	       strstr(vb_conn_error(conn)->sentence, value);
}

/*
 * A limit that covers the connection and nothing more: large buffers find no memory, small ones
 * need none. With room for the buffer's own pages, it is registered for its call.
 */
static int call_with_memlock_of_connection(void *context)
{
	const struct probe *probe = context;
	struct probe_peer *peer;
	struct vb_conn *conn;
	uint8_t *memory;
	uint64_t need;

	if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 1;
	limit_memlock(CONNECTION_LOCKED_MAX);
	conn = probe_connect_to(probe->address, NULL);
	peer = conn ? probe_peer_bind(conn) : NULL;
	if (!peer)
		return fail_with(2, conn);
	probe_peer_set_deadline(peer, 60 * SEC);
	need = locked();
	print_message("a connection has locked %llu KiB\n", (unsigned long long)(need / KIB));
	if (need == 0 || need > CONNECTION_LOCKED_MAX)
		return fail_with(3, conn);
	memory = aligned_alloc(4 * KIB, 64 * KIB);
	limit_memlock(need);
	if (probe_fill(peer, 1, 8 * KIB, memory, 8 * KIB) != -1 || errno != ENOMEM ||
	    probe_peer_outcome(peer) != VB_NOT_SENT || !names_limit(conn, need))
		return fail_with(4, conn);
	if (!exchanges(peer, memory, 100))
		return fail_with(5, conn);
	limit_memlock(need + 8 * KIB);
	if (!exchanges(peer, memory, 8 * KIB))
		return fail_with(6, conn);
	/* A block for each direction: what was locked once for one size serves the smaller. */
	limit_memlock(need + 128 * KIB);
	if (!exchanges(peer, memory, 64 * KIB) || locked() != need + 128 * KIB ||
	    !exchanges(peer, memory, 8 * KIB))
		return fail_with(7, conn);
	probe_peer_free(peer);
	vb_conn_close(conn);
	free(memory);
	return 0;
}

static int connect_with_little_memlock(void *context)
{
	const struct probe *probe = context;

	if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 1;
	limit_memlock(64 * KIB);
	if (probe_connect_to(probe->address, NULL))
		return 2;
	if (errno != ENOMEM || !strstr(vb_conn_error(NULL)->sentence, "ulimit -l"))
		return fail_with(3, NULL);
	return 0;
}

static void as_nobody(int (*work)(void *context))
{
	struct probe probe;

	harness_only_rdma("no memory is locked");
	if (getuid() != 0)
		harness_skip("only root can become another user");
	probe_start(&probe, NULL);
	assert_int_equal(harness_wait(harness_spawn_fresh(work, &probe, sizeof(probe), -1)), 0);
	probe_end(&probe);
}

static void test_memlock_after_connect(void **state)
{
	(void)state;
	as_nobody(call_with_little_memlock);
}

static void test_memlock_of_connection(void **state)
{
	(void)state;
	as_nobody(call_with_memlock_of_connection);
}

static void test_memlock_before_connect(void **state)
{
	(void)state;
	as_nobody(connect_with_little_memlock);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_memlock_after_connect),
	HARNESS_TEST(test_memlock_of_connection),
	HARNESS_TEST(test_memlock_before_connect),
	HARNESS_TEST(test_huge_buffers),
};

HARNESS_MAIN(tests, 1)
