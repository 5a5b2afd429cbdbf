/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The side that serves exposes nothing: over the life of a server that is called in every way, a
 * witness in its process sees each registration and each queue pair, and no right of anybody else
 * on them. On the side that calls, the same witness sees what is exposed there.
 */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <infiniband/verbs.h>

#include "tests/e2e/pattern.h"
#include "tests/e2e/witness.h"

#define MS  1000000ull
#define MIB (1024ull * 1024)

#define REMOTE_FLAGS                                                                   \
	(IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC | \
	 IBV_ACCESS_MW_BIND)

struct seen {
	unsigned n_mrs, n_remote_mrs;
	unsigned n_qps, n_remote_qps;
	unsigned n_ready; /* queue pairs seen in RTS */
};

static void set_witness(const char *path)
{
	setenv("LD_PRELOAD", WITNESS_PATH, 1);
	setenv(WITNESS_VARIABLE, path, 1);
	/* A sanitizer's library wants to be the first. */
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
}

static void unset_witness(void)
{
	unsetenv("LD_PRELOAD");
	unsetenv(WITNESS_VARIABLE);
	unsetenv("ASAN_OPTIONS");
}

static struct seen read_witness(const char *path)
{
	struct seen seen = {0};
	FILE *file = fopen(path, "re");
	unsigned flags;
	char kind[8];
	int state;

	assert_non_null(file);
	while (fscanf(file, "%7s %x %d", kind, &flags, &state) == 3) {
		bool is_remote = flags & REMOTE_FLAGS;

		if (strcmp(kind, WITNESS_MR) == 0) {
			seen.n_mrs++;
			seen.n_remote_mrs += is_remote;
		} else {
			seen.n_qps++;
			seen.n_remote_qps += is_remote;
			seen.n_ready += state == IBV_QPS_RTS;
		}
	}
	fclose(file);
	return seen;
}

/* ---- Calls of every kind ---- */

/* 0, or what went wrong. */
static int call_with(struct probe_peer *peer, uint8_t *memory, uint64_t n)
{
	const int64_t size = (int64_t)n;

	if (probe_fill(peer, 1, n, memory, n) != size || probe_check(peer, 1, memory, n) != size)
		return 1;
	if (probe_fill_direct(peer, 2, n, memory, n) != size ||
	    probe_check_direct(peer, 2, memory, n) != size)
		return 2;
	if (probe_flip(peer, memory, n) != size || probe_flip_direct(peer, memory, n) != size)
		return 3;
	return 0;
}

static int call_everything(const char *address)
{
	struct vb_conn *conn = probe_connect_to(address, NULL);
	struct probe_peer *peer = conn ? probe_peer_bind(conn) : NULL;
	uint8_t *allocated = conn ? vb_memory_alloc(conn, MIB) : NULL;
	uint8_t *heap = malloc(MIB);
	uint32_t n_texts;
	const char *const texts[] = {"one", "two"};
	int wrong = 0;

	if (!peer || !allocated || !heap)
		return 10;
	probe_peer_set_deadline(peer, 60000 * MS);
	for (uint64_t n = 1; n <= MIB && !wrong; n *= 32)
		wrong = call_with(peer, heap, n);
	if (!wrong)
		wrong = call_with(peer, allocated, MIB);
	if (probe_add(peer, 1, 2) != 3 || probe_post(peer, 1, NULL, 0) ||
	    probe_join(peer, texts, 2, &n_texts) != 6 || probe_fail(peer, EIO) != -1)
		wrong = 4;
	probe_peer_free(peer);
	vb_conn_close(conn);
	vb_memory_free(NULL, allocated);
	free(heap);
	return wrong;
}

static int call_and_stay(void *context)
{
	const struct probe *probe = context;

	if (call_everything(probe->address))
		return 1;
	raise(SIGKILL);
	return 2;
}

/* A call that costs its connection. */
static void call_late(const struct probe *probe)
{
	struct vb_conn *conn = probe_connect(probe, NULL);
	struct probe_peer *peer = probe_bind(conn);
	uint8_t *memory = malloc(MIB);

	probe_peer_set_deadline(peer, 100 * MS);
	probe_assert_failed(peer, probe_hold_fill(peer, 1, memory, MIB), ETIMEDOUT, VB_UNKNOWN);
	probe_peer_free(peer);
	vb_conn_close(conn);
	free(memory);
}

static void test_server_exposes_nothing(void **state)
{
	struct probe probe;
	struct seen seen;
	char path[128];

	(void)state;
	harness_only_rdma("there is no device to register memory with");
	snprintf(path, sizeof(path), "%s/witness", harness_directory());
	set_witness(path);
	probe_start(&probe, NULL);
	unset_witness();
	assert_int_equal(call_everything(probe.address), 0);
	assert_int_equal(
		harness_wait(harness_spawn_fresh(call_and_stay, &probe, sizeof(probe), -1)),
		256 + SIGKILL);
	call_late(&probe);
	probe_expect(&probe, PROBE_HOLDING);
	probe_release(&probe);
	probe_expect(&probe, PROBE_WRITTEN);
	assert_int_equal(call_everything(probe.address), 0);
	probe_end(&probe);
	seen = read_witness(path);
	assert_true(seen.n_mrs > 0);
	assert_int_equal(seen.n_remote_mrs, 0);
	/* One for each connection. */
	assert_true(seen.n_ready >= 4);
	assert_true(seen.n_qps >= 4 * seen.n_ready);
	assert_int_equal(seen.n_remote_qps, 0);
}

/* ---- The other side ---- */

static int exec_caller(void *context)
{
	char self[256];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		return 126;
	self[length] = '\0';
	execl(self, self, "--call", (const char *)context, (char *)NULL);
	return 127;
}

/* So that one knows that the witness would have seen it. */
static void test_client_exposes_what_it_calls_with(void **state)
{
	struct probe probe;
	struct seen seen;
	char path[128];

	(void)state;
	harness_only_rdma("there is no device to register memory with");
	snprintf(path, sizeof(path), "%s/witness", harness_directory());
	probe_start(&probe, NULL);
	set_witness(path);
	assert_int_equal(harness_wait(harness_spawn(exec_caller, probe.address)), 0);
	unset_witness();
	probe_end(&probe);
	seen = read_witness(path);
	assert_true(seen.n_remote_mrs > 0);
	assert_true(seen.n_remote_qps > 0);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_server_exposes_nothing),
	HARNESS_TEST(test_client_exposes_what_it_calls_with),
};

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--call") == 0)
		return call_everything(argv[2]);
	return harness_main(tests, sizeof(tests) / sizeof(tests[0]), 2, argc, argv);
}
