/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose time is over, servers that stand still, and what they do to buffers afterwards. */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/pattern.h"

#define MS	     1000000ull
#define MIB	     (1024ull * 1024)
/* Takes time, also where it is shared memory that is copied; an emulated device needs less. */
#define TRANSFER_MAX (harness_is_rdma() ? 16 * MIB : 64 * MIB)

/* For how long it is tried to stop a server in the middle of a copy, and how often at least. */
#define HALFWAY_NS    (20000 * MS)
#define HALFWAY_TRIES 3u

/* How long a late writer is watched for. */
#define WATCH_NS (3000 * MS)

struct client {
	struct probe probe;
	struct vb_conn *conn;
	struct probe_peer *peer;
};

static void begin(struct client *client)
{
	probe_start(&client->probe, NULL);
	client->conn = probe_connect(&client->probe, NULL);
	client->peer = probe_bind(client->conn);
}

static void end(struct client *client)
{
	probe_peer_free(client->peer);
	vb_conn_close(client->conn);
	probe_end(&client->probe);
}

/* Whoever else wants the server finds it well. */
static void assert_serves_others(struct client *client)
{
	struct vb_conn *other = probe_connect(&client->probe, NULL);
	struct probe_peer *peer = probe_bind(other);

	probe_assert_alive(peer);
	probe_peer_free(peer);
	vb_conn_close(other);
}

/* ---- Canaries ---- */

#define CANARY_SEED 0xcafe

static void watch_canary(const void *memory, size_t size)
{
	const struct timespec moment = {.tv_nsec = MS};
	uint64_t end_ns = harness_now_ns() + WATCH_NS;

	do {
		if (!pattern_is(memory, size, CANARY_SEED))
			fail_msg("memory of a call that had returned was written");
		nanosleep(&moment, NULL);
	} while (harness_now_ns() < end_ns);
}

/* A call with a buffer that the server writes when the call is over: what makes it late, ... */
typedef int64_t late_call(struct client *client, void *buffer, size_t size);
/* ... and what lets it write then. */
typedef void late_release(struct client *client);

struct late {
	late_call *call;
	late_release *release;
	size_t size;
	bool costs_connection;
};

static int64_t call_held(struct client *client, void *buffer, size_t size)
{
	return probe_hold_fill(client->peer, 1, buffer, size);
}

static int64_t call_held_direct(struct client *client, void *buffer, size_t size)
{
	return probe_hold_fill_direct(client->peer, 1, buffer, size);
}

/* The handler has written when the report says so; the watch has begun with the canary. */
static void release_held(struct client *client)
{
	probe_expect(&client->probe, PROBE_HOLDING);
	probe_release(&client->probe);
	probe_expect(&client->probe, PROBE_WRITTEN);
}

static int64_t call_stopped(struct client *client, void *buffer, size_t size)
{
	return probe_suffer(client->peer, SIGSTOP, 1, buffer, size);
}

static bool is_stopped(pid_t pid)
{
	siginfo_t info = {0};

	/* Left for harness_wait_stopped(). */
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG | WNOWAIT), 0);
	return info.si_pid == pid;
}

/* A call of fill, and how long it took. */
static int64_t fill_timed(struct client *client, void *buffer, size_t size, uint64_t *ret_ns)
{
	uint64_t began = harness_now_ns();
	int64_t result = probe_fill(client->peer, 1, size, buffer, size);

	*ret_ns = harness_now_ns() - began;
	return result;
}

/*
 * Stops the server when a third has been copied. Where the copy was over before the server stopped,
 * there was nothing late: it is tried again, and earlier. A busy machine has the more time the
 * slower it is, so that the call does not end before the third.
 */
static int64_t call_stopped_halfway(struct client *client, void *buffer, size_t size)
{
	uint64_t end_ns, took;
	size_t moved = size / 3;
	int64_t result;

	probe_peer_set_deadline(client->peer, VB_NO_DEADLINE);
	probe_assert_result(client->peer, fill_timed(client, buffer, size, &took), size);
	end_ns = harness_now_ns() + HALFWAY_NS;
	for (unsigned i = 0; i < HALFWAY_TRIES || harness_now_ns() < end_ns; i++) {
		probe_peer_set_deadline(client->peer, VB_NO_DEADLINE);
		assert_int_equal(probe_watch(client->peer, moved, 0, SIGSTOP), 0);
		probe_peer_set_deadline(client->peer,
					(harness_is_rdma() ? 10000 : 3000) * MS + 10 * took);
		result = fill_timed(client, buffer, size, &took);
		if (result < 0 && !is_stopped(client->probe.pid))
			fail_msg("less than %zu bytes were copied in %llu ms", moved,
				 (unsigned long long)(took / MS));
		if (result < 0)
			return result;
		harness_wait_stopped(client->probe.pid);
		probe_signal(&client->probe, SIGCONT);
		moved = moved > size / 64 ? moved / 2 : moved;
	}
	fail_msg("the server never stopped before it had copied %zu bytes", size);
	return 0;
}

static void release_stopped(struct client *client)
{
	harness_wait_stopped(client->probe.pid);
	probe_signal(&client->probe, SIGCONT);
}

static void late_on_memory(const struct late *late, struct client *client, void *memory)
{
	probe_peer_set_deadline(client->peer, 100 * MS);
	probe_assert_failed(client->peer, late->call(client, memory, late->size), ETIMEDOUT,
			    VB_UNKNOWN);
	pattern_fill(memory, late->size, CANARY_SEED);
	late->release(client);
	watch_canary(memory, late->size);
	probe_peer_set_deadline(client->peer, 0);
}

static void check_afterwards(const struct late *late, struct client *client)
{
	struct vb_stats stats;

	assert_serves_others(client);
	if (late->costs_connection) {
		assert_int_equal(probe_add(client->peer, 1, 2), -1);
		assert_int_equal(probe_peer_outcome(client->peer), VB_NOT_SENT);
		stats = probe_client_stats(client->conn);
		assert_int_equal(stats.abandoned, 1);
		assert_int_equal(vb_conn_error(client->conn)->errnum, ETIMEDOUT);
		return;
	}
	probe_assert_alive(client->peer);
	stats = probe_client_stats(client->conn);
	assert_int_equal(stats.abandoned, 0);
	assert_int_equal(stats.late_replies, 1);
	assert_int_equal(stats.deadlines, 1);
}

static void late_on_heap(const struct late *late)
{
	uint8_t *memory = malloc(late->size);
	struct client client;

	begin(&client);
	late_on_memory(late, &client, memory);
	check_afterwards(late, &client);
	end(&client);
	free(memory);
}

static void late_on_allocated(const struct late *late)
{
	struct client client;
	uint8_t *memory;

	begin(&client);
	memory = vb_memory_alloc(client.conn, late->size);
	assert_non_null(memory);
	late_on_memory(late, &client, memory);
	check_afterwards(late, &client);
	/* It is still memory, and the caller's. */
	memset(memory, 1, late->size);
	end(&client);
	memset(memory, 2, late->size);
	vb_memory_free(NULL, memory);
}

#define FRAME_SIZE 300000

/* Called twice, so that what the first one gave to the server is the second one's frame. */
static __attribute__((noinline)) void use_frame(const struct late *late, struct client *client,
						bool is_second, uintptr_t *place)
{
	uint8_t frame[FRAME_SIZE];

	if (!is_second) {
		*place = (uintptr_t)frame;
		probe_assert_failed(client->peer, late->call(client, frame, late->size), ETIMEDOUT,
				    VB_UNKNOWN);
		/* Its place, to be compared, is all that is kept of it. */
		return; /* NOLINT(clang-analyzer-core.StackAddressEscape) */
	}
	assert_int_equal(*place, (uintptr_t)frame);
	pattern_fill(frame, late->size, CANARY_SEED);
	late->release(client);
	watch_canary(frame, late->size);
}

static void late_on_stack(const struct late *late)
{
	struct client client;
	uintptr_t place = 0;

	assert_true(late->size <= FRAME_SIZE);
	begin(&client);
	probe_peer_set_deadline(client.peer, 100 * MS);
	use_frame(late, &client, false, &place);
	use_frame(late, &client, true, &place);
	probe_peer_set_deadline(client.peer, 0);
	check_afterwards(late, &client);
	end(&client);
}

static const struct late held_inline = {call_held, release_held, 2000, false};
static const struct late held_exposed = {call_held, release_held, 65536, true};
static const struct late held_large = {call_held, release_held, 9 * MIB, true};
static const struct late held_direct = {call_held_direct, release_held, 65536, true};
static const struct late stopped_inline = {call_stopped, release_stopped, 2000, false};
static const struct late stopped_exposed = {call_stopped, release_stopped, 65536, true};
/* More than is ever copied: its memory is registered where there is a device. */
static const struct late held_large_frame = {call_held, release_held, 300000, true};

static void test_held_inline_heap(void **state)
{
	(void)state;
	late_on_heap(&held_inline);
}

static void test_held_inline_allocated(void **state)
{
	(void)state;
	late_on_allocated(&held_inline);
}

static void test_held_inline_stack(void **state)
{
	(void)state;
	late_on_stack(&held_inline);
}

static void test_held_exposed_heap(void **state)
{
	(void)state;
	late_on_heap(&held_exposed);
}

static void test_held_exposed_allocated(void **state)
{
	(void)state;
	late_on_allocated(&held_exposed);
}

static void test_held_exposed_stack(void **state)
{
	(void)state;
	late_on_stack(&held_exposed);
}

static void test_held_large_stack(void **state)
{
	(void)state;
	late_on_stack(&held_large_frame);
}

static void test_held_large_allocated(void **state)
{
	(void)state;
	late_on_allocated(&held_large);
}

/* The handler has the caller's own memory in its hand, and writes it. */
static void test_held_direct_allocated(void **state)
{
	(void)state;
	late_on_allocated(&held_direct);
}

static void test_held_direct_heap(void **state)
{
	(void)state;
	late_on_heap(&held_direct);
}

static void test_stopped_inline_stack(void **state)
{
	(void)state;
	late_on_stack(&stopped_inline);
}

static void test_stopped_exposed_stack(void **state)
{
	(void)state;
	late_on_stack(&stopped_exposed);
}

static void test_stopped_exposed_allocated(void **state)
{
	(void)state;
	late_on_allocated(&stopped_exposed);
}

static void test_stopped_halfway_heap(void **state)
{
	const struct late stopped_halfway = {call_stopped_halfway, release_stopped, TRANSFER_MAX,
					     true};

	(void)state;
	late_on_heap(&stopped_halfway);
}

static void test_stopped_halfway_allocated(void **state)
{
	const struct late stopped_halfway = {call_stopped_halfway, release_stopped, TRANSFER_MAX,
					     true};

	(void)state;
	late_on_allocated(&stopped_halfway);
}

/* ---- Deadlines ---- */

static void test_methods_own_deadline(void **state)
{
	struct client client;
	uint64_t remaining = 1;

	(void)state;
	begin(&client);
	probe_peer_set_deadline(client.peer, 0);
	probe_assert_failed(client.peer, probe_wait_for_cancel(client.peer, &remaining), ETIMEDOUT,
			    VB_UNKNOWN);
	/* Outs of a failed call are untouched. */
	assert_int_equal(remaining, 1);
	probe_expect(&client.probe, PROBE_CANCELED);
	probe_release(&client.probe);
	probe_assert_alive(client.peer);
	assert_int_equal(probe_client_stats(client.conn).late_replies, 1);
	/* The peer's deadline is before the method's. */
	probe_peer_set_deadline(client.peer, 20 * MS);
	probe_assert_failed(client.peer, probe_wait_for_cancel(client.peer, NULL), ETIMEDOUT,
			    VB_UNKNOWN);
	probe_expect(&client.probe, PROBE_CANCELED);
	probe_release(&client.probe);
	probe_peer_set_deadline(client.peer, 0);
	probe_assert_alive(client.peer);
	end(&client);
}

/* Late answers free their slots: as many calls as one likes may be late, one after the other. */
static void test_late_answers_free_slots(void **state)
{
	struct vb_options options = VB_OPTIONS_INIT;
	struct client client;

	(void)state;
	options.inflight = 8;
	probe_start(&client.probe, NULL);
	client.conn = probe_connect(&client.probe, &options);
	client.peer = probe_bind(client.conn);
	for (unsigned round = 1; round <= 5; round++) {
		probe_peer_set_deadline(client.peer, 10 * MS);
		for (unsigned i = 0; i < 3; i++)
			probe_assert_failed(client.peer, probe_hold(client.peer), ETIMEDOUT,
					    VB_UNKNOWN);
		for (unsigned i = 0; i < 3; i++) {
			probe_expect(&client.probe, PROBE_HOLDING);
			probe_release(&client.probe);
		}
		probe_peer_set_deadline(client.peer, 0);
		probe_assert_alive(client.peer);
		assert_int_equal(probe_client_stats(client.conn).late_replies, round * 3);
		assert_int_equal(probe_client_stats(client.conn).deadlines, round * 3);
	}
	end(&client);
}

static void test_half_the_slots_late(void **state)
{
	struct vb_options options = VB_OPTIONS_INIT;
	struct client client;

	(void)state;
	options.inflight = 8;
	probe_start(&client.probe, NULL);
	client.conn = probe_connect(&client.probe, &options);
	client.peer = probe_bind(client.conn);
	probe_peer_set_deadline(client.peer, 10 * MS);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(vb_conn_error(client.conn)->errnum, 0);
		probe_assert_failed(client.peer, probe_hold(client.peer), ETIMEDOUT, VB_UNKNOWN);
	}
	assert_int_equal(vb_conn_error(client.conn)->errnum, ETIMEDOUT);
	probe_assert_sentence(vb_conn_error(client.conn), "owes answers");
	assert_int_equal(probe_add(client.peer, 1, 2), -1);
	assert_int_equal(probe_peer_outcome(client.peer), VB_NOT_SENT);
	for (unsigned i = 0; i < 4; i++)
		probe_release(&client.probe);
	assert_serves_others(&client);
	end(&client);
}

/* Whatever a deadline comes in the middle of, the connection is as good as before. */
static void test_shortest_deadlines(void **state)
{
	struct client client;
	struct vb_stats stats;

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < 300; i++) {
		probe_peer_set_deadline(client.peer, 1 + i * 100);
		if (probe_add(client.peer, 1, 2) != 3)
			assert_int_equal(errno, ETIMEDOUT);
		probe_peer_set_deadline(client.peer, VB_NO_DEADLINE);
		probe_assert_alive(client.peer);
	}
	stats = probe_client_stats(client.conn);
	assert_int_equal(stats.late_replies, stats.deadlines);
	end(&client);
}

static void reconnect(struct client *client)
{
	probe_peer_free(client->peer);
	vb_conn_close(client->conn);
	client->conn = probe_connect(&client->probe, NULL);
	client->peer = probe_bind(client->conn);
}

/* The same with buffers that are being copied; those of a lost connection stay what they are. */
static void test_deadlines_while_copying(void **state)
{
	uint8_t *heap = malloc(4 * MIB);
	struct client client;

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < 60; i++) {
		uint8_t *allocated = vb_memory_alloc(client.conn, 4 * MIB);
		uint8_t *memory = i % 2 ? allocated : heap;
		int64_t result;

		assert_non_null(allocated);
		probe_peer_set_deadline(client.peer, 1 + i * 50000);
		result = probe_fill(client.peer, i, 4 * MIB, memory, 4 * MIB);
		if (result >= 0) {
			assert_true(pattern_is(memory, 4 * MIB, i));
		} else {
			assert_int_equal(errno, ETIMEDOUT);
			memset(memory, 0x3c, 4 * MIB);
			assert_serves_others(&client);
			for (size_t k = 0; k < 4 * MIB; k++)
				assert_int_equal(memory[k], 0x3c);
			if (vb_conn_error(client.conn)->errnum)
				reconnect(&client);
		}
		vb_memory_free(client.conn, allocated);
		probe_peer_set_deadline(client.peer, 0);
		probe_assert_alive(client.peer);
	}
	end(&client);
	free(heap);
}

/* A server that is asked in time stops in the middle of its copy and says so: the call is over, the
 * connection goes on, and what was under way stays away from the buffer. */
static void canceled_while_copying(bool to_server)
{
	struct vb_options options = VB_OPTIONS_INIT;
	uint64_t deadline_ns = 400 * MS;
	uint8_t *heap = malloc(TRANSFER_MAX);
	struct client client;
	int64_t result;

	options.grace_ns = 60000 * MS;
	probe_start(&client.probe, NULL);
	client.conn = probe_connect(&client.probe, &options);
	client.peer = probe_bind(client.conn);
	pattern_fill(heap, TRANSFER_MAX, 1);
	/* Shorter and shorter, until it is the copy that it ends. */
	do {
		assert_true(deadline_ns > 1000);
		deadline_ns = deadline_ns * 2 / 3;
		probe_peer_set_deadline(client.peer, deadline_ns);
		result = to_server ? probe_check(client.peer, 1, heap, TRANSFER_MAX)
				   : probe_fill(client.peer, 1, TRANSFER_MAX, heap, TRANSFER_MAX);
	} while (result >= 0);
	assert_int_equal(result, -1);
	assert_int_equal(errno, ETIMEDOUT);
	pattern_fill(heap, TRANSFER_MAX, CANARY_SEED);
	probe_peer_set_deadline(client.peer, 0);
	probe_assert_alive(client.peer);
	watch_canary(heap, TRANSFER_MAX);
	probe_assert_alive(client.peer);
	assert_int_equal(probe_client_stats(client.conn).abandoned, 0);
	assert_int_equal(vb_conn_error(client.conn)->errnum, 0);
	end(&client);
	free(heap);
}

static void test_canceled_while_pushing(void **state)
{
	(void)state;
	canceled_while_copying(false);
}

static void test_canceled_while_pulling(void **state)
{
	(void)state;
	canceled_while_copying(true);
}

/* ---- A server that stands still ---- */

static void stop(struct client *client)
{
	probe_signal(&client->probe, SIGSTOP);
	harness_wait_stopped(client->probe.pid);
}

static void test_stopped_server(void **state)
{
	struct vb_options options = VB_OPTIONS_INIT;
	struct client client;
	uint64_t count = 0;
	uint64_t n_sent = 0;

	(void)state;
	begin(&client);
	stop(&client);
	probe_peer_set_deadline(client.peer, 20 * MS);
	probe_assert_failed(client.peer, probe_add(client.peer, 1, 2), ETIMEDOUT, VB_UNKNOWN);
	while (probe_post(client.peer, 1, NULL, 0) == 0)
		n_sent++;
	/* No credit is left, and none comes. */
	probe_assert_failed(client.peer, -1, ETIMEDOUT, VB_NOT_SENT);
	assert_int_equal(n_sent, 63);
	assert_true(probe_client_stats(client.conn).credit_waits > 0);
	options.connect_timeout_ns = 50 * MS;
	errno = 0;
	assert_null(vb_connect(client.probe.address, &options));
	assert_int_equal(errno, ETIMEDOUT);
	probe_assert_sentence(vb_conn_error(NULL), client.probe.address);
	probe_signal(&client.probe, SIGCONT);
	probe_peer_set_deadline(client.peer, 0);
	assert_int_equal(probe_posted(client.peer, &count, NULL), 0);
	assert_int_equal(count, n_sent);
	probe_assert_alive(client.peer);
	end(&client);
}

/* More than the ring holds is kept, and arrives in order when the server goes on. */
static void test_full_ring(void **state)
{
	struct vb_options options = VB_OPTIONS_INIT;
	uint8_t data[2000];
	struct client client;
	uint64_t count = 0;
	uint64_t total = 0;
	uint64_t sent = 0;
	uint64_t n;

	(void)state;
	options.inflight = 1024;
	probe_start(&client.probe, "--inflight", "1024", NULL);
	client.conn = probe_connect(&client.probe, &options);
	client.peer = probe_bind(client.conn);
	probe_assert_alive(client.peer);
	stop(&client);
	probe_peer_set_deadline(client.peer, 20 * MS);
	for (n = 0;; n++) {
		pattern_fill(data, sizeof(data), n);
		if (probe_post(client.peer, n, data, sizeof(data)) < 0)
			break;
		sent += n;
	}
	probe_assert_failed(client.peer, -1, ETIMEDOUT, VB_NOT_SENT);
	assert_int_equal(n, 1024);
	if (!harness_is_rdma())
		assert_true(probe_client_stats(client.conn).ring_full > 0);
	probe_signal(&client.probe, SIGCONT);
	probe_peer_set_deadline(client.peer, 0);
	assert_int_equal(probe_posted(client.peer, &count, &total), 0);
	assert_int_equal(count, n);
	assert_int_equal(total, sent);
	end(&client);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_stopped_halfway_heap),
	HARNESS_TEST(test_stopped_halfway_allocated),
	HARNESS_TEST(test_held_inline_heap),
	HARNESS_TEST(test_held_inline_allocated),
	HARNESS_TEST(test_held_inline_stack),
	HARNESS_TEST(test_held_exposed_heap),
	HARNESS_TEST(test_held_exposed_allocated),
	HARNESS_TEST(test_held_exposed_stack),
	HARNESS_TEST(test_held_large_stack),
	HARNESS_TEST(test_held_large_allocated),
	HARNESS_TEST(test_held_direct_allocated),
	HARNESS_TEST(test_held_direct_heap),
	HARNESS_TEST(test_stopped_inline_stack),
	HARNESS_TEST(test_stopped_exposed_stack),
	HARNESS_TEST(test_stopped_exposed_allocated),
	HARNESS_TEST(test_methods_own_deadline),
	HARNESS_TEST(test_late_answers_free_slots),
	HARNESS_TEST(test_half_the_slots_late),
	HARNESS_TEST(test_shortest_deadlines),
	HARNESS_TEST(test_deadlines_while_copying),
	HARNESS_TEST(test_canceled_while_pushing),
	HARNESS_TEST(test_canceled_while_pulling),
	HARNESS_TEST(test_stopped_server),
	HARNESS_TEST(test_full_ring),
};

HARNESS_MAIN(tests, 8)
