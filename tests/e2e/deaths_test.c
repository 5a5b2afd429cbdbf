/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that end in the middle of what they do. */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/pattern.h"

#define MIB	     (1024ull * 1024)
/* Takes time, also where it is shared memory that is copied; an emulated device needs less. */
#define TRANSFER_MAX (harness_is_rdma() ? 16 * MIB : 64 * MIB)
/* A server's own memory, without its pool. */
#define SERVER_MAX   (72 * MIB)

struct client {
	struct probe probe;
	struct vb_conn *conn;
	struct probe_peer *peer;
};

static void join(struct client *client)
{
	client->conn = probe_connect(&client->probe, NULL);
	client->peer = probe_bind(client->conn);
}

static void leave(struct client *client)
{
	probe_peer_free(client->peer);
	vb_conn_close(client->conn);
}

/* ---- The server ends ---- */

static void assert_dead(struct client *client)
{
	const struct vb_error *error = vb_conn_error(client->conn);
	char who[32];

	probe_assert_failed(client->peer, probe_add(client->peer, 1, 2), ECONNRESET, VB_NOT_SENT);
	probe_assert_failed(client->peer, probe_post(client->peer, 1, NULL, 0), ECONNRESET,
			    VB_NOT_SENT);
	errno = 0;
	assert_null(probe_peer_bind(client->conn));
	assert_int_equal(errno, ECONNRESET);
	errno = 0;
	assert_null(vb_memory_alloc(client->conn, 4096));
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(error->errnum, ECONNRESET);
	/* Another host's processes have no number here. */
	snprintf(who, sizeof(who), "%d", client->probe.pid);
	probe_assert_sentence(error, harness_is_rdma() ? harness_rest(client->probe.address) : who);
}

static void killed_in_a_call(size_t size, bool allocated)
{
	struct client client;
	uint8_t *memory;

	probe_start(&client.probe, NULL);
	join(&client);
	memory = allocated ? vb_memory_alloc(client.conn, size) : malloc(size);
	assert_non_null(memory);
	memset(memory, 7, size);
	probe_assert_failed(client.peer, probe_suffer(client.peer, SIGKILL, 1, memory, size),
			    ECONNRESET, VB_UNKNOWN);
	assert_string_equal(vb_conn_error(client.conn)->where, "probe.suffer");
	assert_dead(&client);
	memset(memory, 8, size);
	leave(&client);
	memset(memory, 9, size);
	assert_int_equal(memory[size - 1], 9);
	if (allocated)
		vb_memory_free(NULL, memory);
	else
		free(memory);
	assert_int_equal(harness_wait(client.probe.pid), 256 + SIGKILL);
}

static void test_server_killed_in_a_call(void **state)
{
	(void)state;
	killed_in_a_call(1, false);
	killed_in_a_call(65536, false);
	killed_in_a_call(9 * MIB, false);
	killed_in_a_call(100, true);
	killed_in_a_call(9 * MIB, true);
}

static void test_server_killed_while_idle(void **state)
{
	struct client client;
	uint8_t *memory;

	(void)state;
	probe_start(&client.probe, NULL);
	join(&client);
	probe_assert_alive(client.peer);
	memory = vb_memory_alloc(client.conn, MIB);
	assert_non_null(memory);
	memset(memory, 5, MIB);
	probe_kill(&client.probe);
	/* Whether the call has left when its death is seen is a matter of luck. */
	assert_int_equal(probe_add(client.peer, 1, 2), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_true(probe_peer_outcome(client.peer) == VB_NOT_SENT ||
		    probe_peer_outcome(client.peer) == VB_UNKNOWN);
	assert_dead(&client);
	leave(&client);
	for (size_t i = 0; i < MIB; i++)
		assert_int_equal(memory[i], 5);
	vb_memory_free(NULL, memory);
}

/* Kills the server when it has reported that it holds a call. */
static int kill_when_holding(void *context)
{
	struct probe *probe = context;
	char event;

	if (read(probe->report, &event, 1) != 1 || event != PROBE_HOLDING)
		return 1;
	return kill(probe->pid, SIGKILL);
}

static void test_no_deadline_ends_with_the_server(void **state)
{
	struct client client;
	pid_t killer;

	(void)state;
	probe_start(&client.probe, NULL);
	join(&client);
	killer = harness_spawn(kill_when_holding, &client.probe);
	probe_peer_set_deadline(client.peer, VB_NO_DEADLINE);
	probe_assert_failed(client.peer, probe_hold(client.peer), ECONNRESET, VB_UNKNOWN);
	assert_int_equal(harness_wait(killer), 0);
	assert_dead(&client);
	leave(&client);
}

/* Until the server has died in the middle of a copy, and not after it. */
static void killed_while_copying(bool allocated, bool to_server)
{
	const size_t size = TRANSFER_MAX;
	int64_t result = 0;

	for (unsigned i = 0; i < 20 && result >= 0; i++) {
		struct client client;
		uint8_t *memory;

		probe_start(&client.probe, NULL);
		join(&client);
		memory = allocated ? vb_memory_alloc(client.conn, size) : malloc(size);
		assert_non_null(memory);
		pattern_fill(memory, size, 1);
		assert_int_equal(probe_watch(client.peer, size / 4, 0, SIGKILL), 0);
		result = to_server ? probe_check(client.peer, 1, memory, size)
				   : probe_fill(client.peer, 1, size, memory, size);
		if (result < 0) {
			probe_assert_failed(client.peer, result, ECONNRESET, VB_UNKNOWN);
			assert_dead(&client);
		} else {
			assert_true(pattern_is(memory, size, 1));
		}
		memset(memory, 1, size);
		/* Longer than what was under way can still be. */
		for (unsigned k = 0; result < 0 && k < 20; k++) {
			usleep(50000);
			for (size_t at = 0; at < size; at += 512)
				assert_int_equal(memory[at], 1);
		}
		leave(&client);
		if (allocated)
			vb_memory_free(NULL, memory);
		else
			free(memory);
		assert_int_equal(harness_wait(client.probe.pid), 256 + SIGKILL);
	}
	assert_int_equal(result, -1);
}

static void test_server_killed_while_pulling(void **state)
{
	(void)state;
	killed_while_copying(false, true);
	killed_while_copying(true, true);
}

static void test_server_killed_while_pushing(void **state)
{
	(void)state;
	killed_while_copying(false, false);
	killed_while_copying(true, false);
}

/* Until the server is no more, and whatever it was in the middle of: 0 if that is what was told. */
static int call_until_the_end(void *context)
{
	struct client client = *(struct client *)context;
	uint8_t *memory = malloc(4 * MIB);
	uint64_t size = 1;

	for (;;) {
		client.conn = probe_connect_to(client.probe.address, NULL);
		if (!client.conn)
			break;
		client.peer = probe_peer_bind(client.conn);
		while (client.peer && probe_fill(client.peer, 1, size, memory, size) >= 0)
			size = size < MIB ? size * 4 : 1;
		if (errno != ECONNRESET)
			break;
		if (client.peer)
			leave(&client);
		else
			vb_conn_close(client.conn);
	}
	free(memory);
	if (errno == ECONNRESET || errno == ECONNREFUSED || errno == ENOENT)
		return 0;
	print_error("%s (%s)\n", strerrorname_np(errno), vb_conn_error(NULL)->sentence);
	return 1;
}

static void test_server_killed_at_any_moment(void **state)
{
	struct client client;
	pid_t caller;

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		probe_start(&client.probe, NULL);
		caller = harness_spawn_fresh(call_until_the_end, &client, sizeof(client), -1);
		/* From before it has begun to connect to the middle of large calls. */
		usleep(i * i * (harness_is_rdma() ? 2000 : 200));
		probe_kill(&client.probe);
		assert_int_equal(harness_wait(caller), 0);
	}
}

/* ---- A client ends ---- */

/* Waits until N sessions have gone, and sees that it stays at that. */
static void await_gone(struct probe_peer *peer, uint64_t n)
{
	while (probe_counters(peer).gone < n)
		;
	for (unsigned i = 0; i < 50; i++)
		probe_assert_alive(peer);
	assert_int_equal(probe_counters(peer).gone, n);
}

static int call_hold(void *context)
{
	struct client client = *(struct client *)context;

	join(&client);
	return probe_hold(client.peer) ? 1 : 0;
}

static int call_hold_large(void *context)
{
	struct client client = *(struct client *)context;
	uint8_t *memory;

	join(&client);
	memory = vb_memory_alloc(client.conn, MIB);
	return probe_hold_fill_direct(client.peer, 1, memory, MIB) < 0;
}

static void killed_in_hold(int (*work)(void *), bool writes)
{
	struct client client;
	pid_t victim;

	probe_start(&client.probe, NULL);
	join(&client);
	for (unsigned i = 1; i <= 3; i++) {
		victim = harness_spawn_fresh(work, &client, sizeof(client), -1);
		probe_expect(&client.probe, PROBE_HOLDING);
		harness_kill(victim);
		probe_release(&client.probe);
		if (writes)
			probe_expect(&client.probe, PROBE_WRITTEN);
		await_gone(client.peer, i);
	}
	leave(&client);
	probe_end(&client.probe);
}

static void test_client_killed_in_a_call(void **state)
{
	(void)state;
	killed_in_hold(call_hold, false);
	killed_in_hold(call_hold_large, true);
}

static int stay(void *context)
{
	(void)context;
	pause();
	return 1;
}

/* A connection ends with its close, and not with the last process that has its descriptors. */
static void test_close_though_a_child_holds_the_socket(void **state)
{
	struct client client, other;
	pid_t child;

	(void)state;
	probe_start(&client.probe, NULL);
	join(&client);
	other = client;
	join(&other);
	child = harness_spawn(stay, NULL);
	leave(&other);
	await_gone(client.peer, 1);
	harness_kill(child);
	leave(&client);
	probe_end(&client.probe);
}

struct bulk_client {
	struct client client;
	bool allocated;
	bool to_server;
	bool stops; /* else is killed */
};

static int die_while_copying(void *context)
{
	struct bulk_client bulk = *(struct bulk_client *)context;
	struct client *client = &bulk.client;
	uint8_t *memory;

	join(client);
	memory = bulk.allocated ? vb_memory_alloc(client->conn, TRANSFER_MAX)
				: malloc(TRANSFER_MAX);
	pattern_fill(memory, TRANSFER_MAX, 1);
	probe_watch(client->peer, TRANSFER_MAX / 4, getpid(), bulk.stops ? SIGSTOP : SIGKILL);
	if (bulk.to_server)
		probe_check(client->peer, 1, memory, TRANSFER_MAX);
	else
		probe_fill(client->peer, 1, TRANSFER_MAX, memory, TRANSFER_MAX);
	pause();
	return 1;
}

/* A server that has memory for one transfer. */
static void start_with_little_memory(struct probe *probe)
{
	char bulk_max[24];

	snprintf(bulk_max, sizeof(bulk_max), "%llu", (unsigned long long)TRANSFER_MAX);
	probe_start(probe, "--bulk-max", bulk_max, NULL);
}

/* The server has memory for one such transfer: what a dead client held must come back. */
static void test_client_killed_while_copying(void **state)
{
	struct bulk_client bulk = {.stops = false};
	struct client *client = &bulk.client;
	uint8_t *memory = malloc(TRANSFER_MAX);

	(void)state;
	start_with_little_memory(&client->probe);
	join(client);
	pattern_fill(memory, TRANSFER_MAX, 3);
	for (unsigned i = 1; i <= 8; i++) {
		bulk.allocated = i & 1;
		bulk.to_server = i & 2;
		assert_int_equal(harness_wait(harness_spawn_fresh(die_while_copying, &bulk,
								  sizeof(bulk), -1)),
				 256 + SIGKILL);
		probe_assert_result(client->peer,
				    probe_check(client->peer, 3, memory, TRANSFER_MAX),
				    TRANSFER_MAX);
		await_gone(client->peer, i);
	}
	/* Twice what its pool may have, and the rest of the program. */
	assert_true(probe_counters(client->peer).resident_kib * 1024 <
		    2 * TRANSFER_MAX + SERVER_MAX);
	leave(client);
	probe_end(&client->probe);
	free(memory);
}

/* Kills CONTEXT's client when somebody waits for what it holds. */
struct waker {
	struct client client;
	pid_t victim;
};

static int kill_when_waited_for(void *context)
{
	struct waker waker = *(struct waker *)context;

	join(&waker.client);
	while (!probe_counters(waker.client.peer).bulk_waits)
		;
	return kill(waker.victim, SIGKILL);
}

/*
 * A server with memory for one transfer, and a client of it that stands still in the middle of one.
 * OPTIONS are for the client beside it.
 */
static pid_t begin_stopped(struct bulk_client *bulk, const struct vb_options *options)
{
	struct client *client = &bulk->client;
	pid_t victim;

	for (;;) {
		start_with_little_memory(&client->probe);
		client->conn = probe_connect(&client->probe, options);
		client->peer = probe_bind(client->conn);
		victim = harness_spawn_fresh(die_while_copying, bulk, sizeof(*bulk), -1);
		harness_wait_stopped(victim);
		if (probe_counters(client->peer).bulk_pulled < TRANSFER_MAX)
			return victim;
		/* It was stopped too late. */
		harness_kill(victim);
		leave(client);
		probe_end(&client->probe);
	}
}

/* Small calls of others go on; a large one waits, and goes on when the first one is dead. */
static void test_client_stopped_while_copying(void **state)
{
	struct bulk_client bulk = {.stops = true, .to_server = true};
	struct client *client = &bulk.client;
	uint8_t *memory = malloc(TRANSFER_MAX);
	struct waker waker;
	pid_t helper;

	(void)state;
	harness_only_shm("a device reads the memory of a client that is stopped");
	pattern_fill(memory, TRANSFER_MAX, 3);
	waker.victim = begin_stopped(&bulk, NULL);
	waker.client = *client;
	for (unsigned i = 0; i < 100; i++)
		probe_assert_alive(client->peer);
	helper = harness_spawn_fresh(kill_when_waited_for, &waker, sizeof(waker), -1);
	probe_peer_set_deadline(client->peer, VB_NO_DEADLINE);
	probe_assert_result(client->peer, probe_check(client->peer, 3, memory, TRANSFER_MAX),
			    TRANSFER_MAX);
	assert_int_equal(harness_wait(helper), 0);
	assert_int_equal(harness_wait(waker.victim), 256 + SIGKILL);
	assert_true(probe_counters(client->peer).bulk_waits >= 1);
	leave(client);
	probe_end(&client->probe);
	free(memory);
}

/* A request that waits for memory is answered when its caller gives up, not when its turn comes. */
static void test_cancel_while_waiting_for_memory(void **state)
{
	struct bulk_client bulk = {.stops = true, .to_server = true};
	struct vb_options options = VB_OPTIONS_INIT;
	struct client *client = &bulk.client;
	uint8_t *memory = malloc(TRANSFER_MAX);
	pid_t victim;

	(void)state;
	harness_only_shm("a device reads the memory of a client that is stopped");
	options.grace_ns = 20000000000;
	victim = begin_stopped(&bulk, &options);
	pattern_fill(memory, TRANSFER_MAX, 3);
	probe_peer_set_deadline(client->peer, 30000000);
	probe_assert_failed(client->peer, probe_check(client->peer, 3, memory, TRANSFER_MAX),
			    ETIMEDOUT, VB_NOT_EXECUTED);
	probe_peer_set_deadline(client->peer, 0);
	assert_int_equal(probe_counters(client->peer).bulk_waits, 1);
	assert_int_equal(vb_conn_error(client->conn)->errnum, 0);
	probe_assert_alive(client->peer);
	harness_kill(victim);
	leave(client);
	probe_end(&client->probe);
	free(memory);
}

static int come_and_go(void *context)
{
	struct client client = *(struct client *)context;

	join(&client);
	probe_assert_alive(client.peer);
	raise(SIGKILL);
	return 1;
}

static void test_clients_killed_while_idle(void **state)
{
	struct client client;

	(void)state;
	probe_start(&client.probe, NULL);
	join(&client);
	for (unsigned i = 1; i <= 20; i++)
		assert_int_equal(
			harness_wait(harness_spawn_fresh(come_and_go, &client, sizeof(client), -1)),
			256 + SIGKILL);
	await_gone(client.peer, 20);
	assert_int_equal(probe_counters(client.peer).bound, 21);
	assert_int_equal(probe_counters(client.peer).protocol_errors, 0);
	leave(&client);
	probe_end(&client.probe);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_server_killed_in_a_call),
	HARNESS_TEST(test_server_killed_while_idle),
	HARNESS_TEST(test_no_deadline_ends_with_the_server),
	HARNESS_TEST(test_server_killed_while_pulling),
	HARNESS_TEST(test_server_killed_while_pushing),
	HARNESS_TEST(test_server_killed_at_any_moment),
	HARNESS_TEST(test_client_killed_in_a_call),
	HARNESS_TEST(test_close_though_a_child_holds_the_socket),
	HARNESS_TEST(test_client_killed_while_copying),
	HARNESS_TEST(test_client_stopped_while_copying),
	HARNESS_TEST(test_cancel_while_waiting_for_memory),
	HARNESS_TEST(test_clients_killed_while_idle),
};

HARNESS_MAIN(tests, 2)
