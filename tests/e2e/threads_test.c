/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and forked children that have no right to a connection, and many that have one each. */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/pattern.h"

#define MIB (1024ull * 1024)

struct client {
	struct probe probe;
	struct vb_conn *conn;
	struct probe_peer *peer;
	void *memory; /* of the connection */
};

static void begin(struct client *client)
{
	probe_start(&client->probe, NULL);
	client->conn = probe_connect(&client->probe, NULL);
	client->peer = probe_bind(client->conn);
}

static void end(struct client *client)
{
	probe_assert_alive(client->peer);
	probe_peer_free(client->peer);
	vb_conn_close(client->conn);
	probe_end(&client->probe);
}

/* How many of the calls that must fail with EPERM did not. */
static int count_permitted(struct client *client)
{
	static uint8_t memory[MIB];
	struct probe_block block = {.words = {1}};
	struct vb_stats stats = VB_STATS_INIT;
	uint64_t number;
	int n = 0;

	errno = 0;
	n += probe_echo(client->peer, &block, &block) != -1 || errno != EPERM;
	errno = 0;
	n += probe_add(client->peer, 1, 2) != -1 || errno != EPERM;
	errno = 0;
	n += probe_measure(client->peer, "abc") != -1 || errno != EPERM;
	errno = 0;
	n += probe_check(client->peer, 1, memory, 100) != -1 || errno != EPERM;
	errno = 0;
	n += probe_check(client->peer, 1, memory, MIB) != -1 || errno != EPERM;
	errno = 0;
	n += probe_fill(client->peer, 1, MIB, memory, MIB) != -1 || errno != EPERM;
	errno = 0;
	n += probe_post(client->peer, 1, NULL, 0) != -1 || errno != EPERM;
	errno = 0;
	n += probe_posted(client->peer, &number, NULL) != -1 || errno != EPERM;
	errno = 0;
	n += probe_peer_bind(client->conn) != NULL || errno != EPERM;
	errno = 0;
	n += vb_memory_alloc(client->conn, 4096) != NULL || errno != EPERM;
	errno = 0;
	n += vb_conn_stats(client->conn, &stats) != -1 || errno != EPERM;
	return n;
}

/* ---- fork ---- */

static int call_in_child(void *context)
{
	struct client *client = context;
	int n = count_permitted(client);
	struct vb_conn *own;
	struct probe_peer *peer;

	vb_memory_free(client->conn, client->memory);
	probe_peer_free(client->peer);
	vb_conn_close(client->conn);
	/* A connection of its own is a child's right, but on devices that its parent has opened. */
	own = vb_connect(client->probe.address, NULL);
	if (harness_is_rdma())
		return n +
		       (own || errno != EPERM || !strstr(vb_conn_error(NULL)->sentence, "fork"));
	if (!own)
		return 100;
	peer = probe_peer_bind(own);
	if (!peer || probe_add(peer, 20, 3) != 23)
		return 101;
	probe_peer_free(peer);
	vb_conn_close(own);
	return n;
}

static void test_forked_child(void **state)
{
	struct client client;
	uint8_t *memory;

	(void)state;
	begin(&client);
	memory = vb_memory_alloc(client.conn, MIB);
	assert_non_null(memory);
	client.memory = memory;
	for (unsigned i = 0; i < 5; i++) {
		pattern_fill(memory, MIB, i);
		assert_int_equal(harness_wait(harness_spawn(call_in_child, &client)), 0);
		probe_assert_alive(client.peer);
		probe_assert_result(client.peer, probe_check(client.peer, i, memory, MIB), MIB);
	}
	vb_memory_free(client.conn, memory);
	end(&client);
}

struct server_client {
	struct vb_server *server;
};

/* Whether somebody has written one of this process's eventfds. */
static bool any_event(void)
{
	unsigned long long count = 0;

	for (int fd = 0; fd < 256 && !count; fd++) {
		char line[256];
		FILE *info;

		snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
		info = fopen(line, "r");
		while (info && fgets(line, sizeof(line), info))
			if (sscanf(line, "eventfd-count: %llx", &count) == 1)
				break;
		if (info)
			fclose(info);
	}
	return count != 0;
}

static int serve_in_child(void *context)
{
	struct server_client *both = context;
	struct vb_stats stats = VB_STATS_INIT;
	int n = 0;

	/* As by a signal handler that the child has from its parent. */
	vb_server_stop(both->server);

	errno = 0;
	n += vb_server_run(both->server) != -1 || errno != EPERM;
	errno = 0;
	n += vb_server_listen(both->server, harness_address("child")) != -1 || errno != EPERM;
	errno = 0;
	n += vb_server_stats(both->server, &stats) != -1 || errno != EPERM;
	vb_server_free(both->server);
	return n;
}

static void test_forked_server(void **state)
{
	struct server_client both = {.server = vb_server_create(NULL)};
	struct vb_conn *conn;

	(void)state;
	assert_non_null(both.server);
	assert_int_equal(vb_server_listen(both.server, harness_address("parent")), 0);
	assert_int_equal(harness_wait(harness_spawn(serve_in_child, &both)), 0);
	assert_false(any_event());
	/* The child's end has not taken the address away. */
	errno = 0;
	struct vb_options options = VB_OPTIONS_INIT;
	options.connect_timeout_ns = 20000000;
	conn = vb_connect(harness_address("parent"), &options);
	assert_null(conn);
	assert_int_equal(errno, ETIMEDOUT);
	vb_server_stop(both.server);
	assert_true(any_event());
	assert_int_equal(vb_server_run(both.server), 0);
	vb_server_free(both.server);
}

/* ---- Threads ---- */

static void *call_in_thread(void *context)
{
	struct client *client = context;
	int n = count_permitted(client);

	/* Nothing happens: both are another thread's. */
	probe_peer_free(client->peer);
	vb_conn_close(client->conn);
	return (void *)(intptr_t)n;
}

static void test_foreign_thread(void **state)
{
	struct client client;
	pthread_t thread;
	void *n_permitted;

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(pthread_create(&thread, NULL, call_in_thread, &client), 0);
		assert_int_equal(pthread_join(thread, &n_permitted), 0);
		assert_int_equal((intptr_t)n_permitted, 0);
		probe_assert_alive(client.peer);
	}
	assert_int_equal(probe_client_stats(client.conn).protocol_errors, 0);
	end(&client);
}

/* cmocka's assertions are for one thread: what goes wrong is counted. */
static void *use_own_connection(void *context)
{
	const struct probe *probe = context;
	struct vb_conn *conn = probe_connect_to(probe->address, NULL);
	struct probe_peer *peer = conn ? probe_peer_bind(conn) : NULL;
	uint8_t *memory = conn ? vb_memory_alloc(conn, MIB) : NULL;
	intptr_t n_wrong = !peer + !memory;

	if (peer)
		probe_peer_set_deadline(peer, PROBE_PATIENCE_NS);
	for (int32_t i = 0; peer && memory && i < 200; i++) {
		uint64_t n = i % 20 ? (uint64_t)i * 50 : MIB;

		n_wrong += probe_add(peer, i, 1) != i + 1;
		n_wrong += probe_fill(peer, (uint64_t)i, n, memory, n) != (int64_t)n;
		n_wrong += !pattern_is(memory, n, (uint64_t)i);
	}
	if (vb_connect("nonsense", NULL) || !vb_conn_error(NULL)->sentence[0])
		n_wrong++;
	probe_peer_free(peer);
	vb_conn_close(conn);
	vb_memory_free(NULL, memory);
	return (void *)n_wrong;
}

static void test_threads_with_connections_of_their_own(void **state)
{
	pthread_t threads[6];
	struct client client;
	void *n_wrong;

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, use_own_connection, &client.probe), 0);
	for (unsigned i = 0; i < 100; i++)
		probe_assert_alive(client.peer);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(pthread_join(threads[i], &n_wrong), 0);
		assert_int_equal((intptr_t)n_wrong, 0);
	}
	end(&client);
}

/* Memory may be freed by any thread, while the connection works on. */
static void *free_memory(void *memory)
{
	vb_memory_free(NULL, memory);
	return NULL;
}

static void test_memory_freed_elsewhere(void **state)
{
	struct client client;
	pthread_t thread;

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < 50; i++) {
		void *memory = vb_memory_alloc(client.conn, MIB);

		assert_non_null(memory);
		assert_int_equal(pthread_create(&thread, NULL, free_memory, memory), 0);
		probe_assert_alive(client.peer);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	end(&client);
}

/* ---- A server on a thread of the same process ---- */

static int on_reverse(struct vb_request *req, uint64_t value, uint64_t *reversed)
{
	(void)req;
	*reversed = __builtin_bswap64(value);
	return 0;
}

static const struct mirror_ops mirror_handlers = {
	.size = sizeof(struct mirror_ops),
	.reverse = on_reverse,
};

static void *run_server(void *server)
{
	return (void *)(intptr_t)vb_server_run(server);
}

static void test_server_and_client_in_one_process(void **state)
{
	struct vb_server *server = vb_server_create(NULL);
	pthread_t thread;
	void *result;

	(void)state;
	assert_non_null(server);
	assert_int_equal(mirror_serve(server, &mirror_handlers, NULL), 0);
	assert_int_equal(vb_server_listen(server, harness_address("self")), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct vb_conn *conn;
		struct mirror_peer *peer;
		uint64_t reversed;

		assert_int_equal(pthread_create(&thread, NULL, run_server, server), 0);
		conn = probe_connect_to(harness_address("self"), NULL);
		assert_non_null(conn);
		peer = mirror_peer_bind(conn);
		assert_non_null(peer);
		for (unsigned k = 0; k < 1000; k++)
			assert_int_equal(mirror_reverse(peer, k, &reversed), 0);
		/* It runs, and is the other thread's. */
		errno = 0;
		assert_int_equal(vb_server_listen(server, harness_address("other")), -1);
		assert_int_equal(errno, EPERM);
		vb_server_stop(server);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_int_equal((intptr_t)result, 0);
		assert_int_equal(mirror_reverse(peer, 1, &reversed), -1);
		mirror_peer_free(peer);
		vb_conn_close(conn);
	}
	vb_server_free(server);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_forked_child),
	HARNESS_TEST(test_forked_server),
	HARNESS_TEST(test_foreign_thread),
	HARNESS_TEST(test_threads_with_connections_of_their_own),
	HARNESS_TEST(test_memory_freed_elsewhere),
	HARNESS_TEST(test_server_and_client_in_one_process),
};

HARNESS_MAIN(tests, 2)
