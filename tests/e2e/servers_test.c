/* SPDX-License-Identifier: Apache-2.0 */
/* Servers begin, stop, and begin again; what they are asked for that cannot be. */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

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

/* ---- Stopping ---- */

static void test_stop_by_signal(void **state)
{
	struct client client;
	struct client other;

	(void)state;
	probe_start(&client.probe, "--sessions", "1", NULL);
	other = client;
	join(&client);
	join(&other);
	probe_assert_alive(client.peer);
	probe_assert_alive(other.peer);
	probe_expect(&client.probe, PROBE_BOUND);
	probe_expect(&client.probe, PROBE_BOUND);
	probe_signal(&client.probe, SIGTERM);
	/* Each session goes before the run ends. */
	probe_expect(&client.probe, PROBE_GONE);
	probe_expect(&client.probe, PROBE_GONE);
	probe_expect(&client.probe, PROBE_ENDED);
	assert_int_equal(harness_wait(client.probe.pid), 0);
	assert_int_equal(probe_add(client.peer, 1, 2), -1);
	assert_int_equal(errno, ECONNRESET);
	leave(&client);
	leave(&other);
}

static void test_stop_in_a_handler(void **state)
{
	struct client client;

	(void)state;
	probe_start(&client.probe, NULL);
	join(&client);
	/* The answer to the call that stopped it still arrives. */
	assert_int_equal(probe_stop(client.peer), 0);
	probe_expect(&client.probe, PROBE_ENDED);
	assert_int_equal(harness_wait(client.probe.pid), 0);
	assert_int_equal(probe_add(client.peer, 1, 2), -1);
	leave(&client);
}

static void test_stop_by_another_thread_and_run_again(void **state)
{
	struct client client;

	(void)state;
	probe_start(&client.probe, "--stopper", "1", "--runs", "5", NULL);
	for (unsigned i = 0; i < 5; i++) {
		join(&client);
		probe_assert_alive(client.peer);
		probe_signal(&client.probe, SIGUSR2);
		probe_expect(&client.probe, PROBE_ENDED);
		if (i < 4)
			probe_expect(&client.probe, PROBE_READY);
		assert_int_equal(probe_add(client.peer, 1, 2), -1);
		leave(&client);
	}
	assert_int_equal(harness_wait(client.probe.pid), 0);
}

static void test_stop_ends_each_way_of_waiting(void **state)
{
	static const char *const waits[] = {"spin", "sleep", "adaptive"};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct client client;

		probe_start(&client.probe, "--wait", waits[i], NULL);
		join(&client);
		probe_assert_alive(client.peer);
		leave(&client);
		probe_end(&client.probe);
	}
}

/* ---- In this process ---- */

static struct vb_server *make_server(void)
{
	struct vb_server *server = vb_server_create(NULL);

	assert_non_null(server);
	return server;
}

static const struct shut_ops no_handlers = {.size = sizeof(struct shut_ops)};

static void test_stop_before_run(void **state)
{
	struct vb_server *server = make_server();

	(void)state;
	assert_int_equal(vb_server_listen(server, harness_address("here")), 0);
	for (unsigned i = 0; i < 3; i++) {
		errno = 4321;
		vb_server_stop(server);
		assert_int_equal(errno, 4321);
		assert_int_equal(vb_server_run(server), 0);
	}
	vb_server_free(server);
	vb_server_free(NULL);
}

static void test_serve_what_cannot_be(void **state)
{
	static const struct mirror_ops no_size = {.size = 0};
	struct vb_server *server = make_server();

	(void)state;
	errno = 0;
	assert_int_equal(mirror_serve(server, NULL, NULL), -1);
	assert_int_equal(errno, EINVAL);
	probe_assert_sentence(vb_server_error(server), "mirror");
	probe_assert_sentence(vb_server_error(server), "NULL");
	errno = 0;
	assert_int_equal(mirror_serve(server, &no_size, NULL), -1);
	assert_int_equal(errno, EINVAL);
	probe_assert_sentence(vb_server_error(server), "sizeof(struct mirror_ops)");
	assert_int_equal(shut_serve(server, &no_handlers, NULL), 0);
	errno = 0;
	assert_int_equal(shut_serve(server, &no_handlers, NULL), -1);
	assert_int_equal(errno, EEXIST);
	probe_assert_sentence(vb_server_error(server), "shut");
	vb_server_free(server);
}

static void assert_listen_fails(struct vb_server *server, const char *address, int errnum,
				const char *part)
{
	errno = 0;
	assert_int_equal(vb_server_listen(server, address), -1);
	if (errno != errnum)
		fail_msg("listening on %s: %s", address ? address : "NULL", strerror(errno));
	assert_int_equal(vb_server_error(server)->errnum, errnum);
	probe_assert_sentence(vb_server_error(server), part);
}

static void test_listen_on_what_is_no_address(void **state)
{
	struct vb_server *server = make_server();

	(void)state;
	assert_listen_fails(server, NULL, EINVAL, "NULL");
	assert_listen_fails(server, "", EINVAL, "scheme");
	assert_listen_fails(server, "here", EINVAL, "'here'");
	assert_listen_fails(server, "carrier-pigeon://here", EINVAL, "carrier-pigeon");
	vb_server_free(server);
}

static void test_listen_on_what_is_no_socket(void **state)
{
	struct vb_server *server;
	char name[300] = "shm://";

	(void)state;
	harness_only_shm("sockets have names and places");
	server = make_server();
	memset(name + 6, 'n', 250);
	assert_listen_fails(server, "shm://", EINVAL, "shm://");
	assert_listen_fails(server, "shm://a/b", EINVAL, "a/b");
	assert_listen_fails(server, "shm://a b", EINVAL, "a b");
	assert_listen_fails(server, name, ENAMETOOLONG, "nnnn");
	assert_listen_fails(server, "shm:///nowhere/there/socket", ENOENT, "/nowhere/there");
	vb_server_free(server);
}

#ifdef VBI_HAVE_VERBS
/* Also where there is no device. */
static void test_listen_on_what_is_no_place(void **state)
{
	struct vb_server *server = make_server();

	(void)state;
	assert_listen_fails(server, "rdma://", EINVAL, "rdma://");
	assert_listen_fails(server, "rdma://10.0.0.1", EINVAL, "port");
	assert_listen_fails(server, "rdma://10.0.0.1:", EINVAL, "port");
	assert_listen_fails(server, "rdma://10.0.0.1:70000", EINVAL, "65535");
	assert_listen_fails(server, "rdma://a b:7000", EINVAL, "a b");
	assert_listen_fails(server, "rdma://fd00::1:7000", EINVAL, "brackets");
	vb_server_free(server);
}
#endif

static void test_listen_on_what_is_no_device(void **state)
{
	struct vb_server *server;

	(void)state;
	harness_only_rdma("devices have addresses");
	server = make_server();
	/* One that is kept for documents, and nobody has. */
	assert_listen_fails(server, "rdma://192.0.2.7:7000", EADDRNOTAVAIL, "192.0.2.7:7000");
	vb_server_free(server);
}

static void test_listen_where_one_listens(void **state)
{
	const char *here = harness_address("here");
	struct vb_server *server = make_server();
	struct vb_server *other = make_server();
	char path[200];

	(void)state;
	/* A name, or a path. */
	snprintf(path, sizeof(path), "shm://%s/path", harness_directory());
	if (harness_is_rdma())
		snprintf(path, sizeof(path), "%s", harness_address("path"));
	assert_int_equal(vb_server_listen(server, here), 0);
	assert_listen_fails(server, here, EADDRINUSE, harness_rest(here));
	assert_listen_fails(other, here, EADDRINUSE, harness_rest(here));
	assert_int_equal(vb_server_listen(server, harness_address("there")), 0);
	assert_int_equal(vb_server_listen(server, path), 0);
	vb_server_free(server);
	/* Free again. */
	assert_int_equal(vb_server_listen(other, here), 0);
	assert_int_equal(vb_server_listen(other, path), 0);
	vb_server_free(other);
}

/* A file that is no socket is not taken for a dead server's. */
static void test_listen_over_a_file(void **state)
{
	struct vb_server *server;
	char address[200];
	struct stat status;
	FILE *file;

	(void)state;
	harness_only_shm("a port is no file");
	server = make_server();
	snprintf(address, sizeof(address), "shm://%s/precious", harness_directory());
	file = fopen(address + 6, "we");
	assert_non_null(file);
	assert_int_equal(fputs("content", file) < 0, 0);
	fclose(file);
	errno = 0;
	assert_int_equal(vb_server_listen(server, address), -1);
	assert_int_equal(errno, EADDRINUSE);
	probe_assert_sentence(vb_server_error(server), "precious");
	assert_int_equal(stat(address + 6, &status), 0);
	assert_int_equal(status.st_size, 7);
	vb_server_free(server);
}

/* A server that was killed leaves its socket; the next one takes its place. */
static void test_listen_after_a_dead_server(void **state)
{
	struct vb_server *server = make_server();
	struct probe probe;

	(void)state;
	probe_start(&probe, NULL);
	assert_listen_fails(server, probe.address, EADDRINUSE, harness_rest(probe.address));
	probe_kill(&probe);
	assert_int_equal(vb_server_listen(server, probe.address), 0);
	vb_server_free(server);
}

static void assert_create_fails(const struct vb_server_options *options, const char *part)
{
	errno = 0;
	assert_null(vb_server_create(options));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(vb_conn_error(NULL)->errnum, EINVAL);
	probe_assert_sentence(vb_conn_error(NULL), part);
}

static void test_options_out_of_range(void **state)
{
	struct vb_server_options good = VB_SERVER_OPTIONS_INIT;
	struct vb_server_options bad;

	(void)state;
	bad = good;
	bad.size = 0;
	assert_create_fails(&bad, "VB_SERVER_OPTIONS_INIT");
	bad = good;
	bad.wait = (enum vb_wait)17;
	assert_create_fails(&bad, "wait");
	bad = good;
	bad.message_max = 100;
	assert_create_fails(&bad, "message_max");
	bad.message_max = 65537;
	assert_create_fails(&bad, "message_max");
	bad = good;
	bad.inflight = 1025;
	assert_create_fails(&bad, "inflight");
	bad = good;
	bad.connections_max = 1u << 20;
	assert_create_fails(&bad, "connections_max");
	bad = good;
	bad.bulk_max = 4096;
	assert_create_fails(&bad, "bulk_max");
}

static void test_stats_of_a_wrong_size(void **state)
{
	struct vb_server *server = make_server();
	struct vb_stats stats = VB_STATS_INIT;

	(void)state;
	assert_int_equal(vb_server_stats(server, &stats), 0);
	assert_int_equal(stats.calls, 0);
	/* A program built when there were fewer counters. */
	stats.size = offsetof(struct vb_stats, oneways);
	stats.oneways = 77;
	assert_int_equal(vb_server_stats(server, &stats), 0);
	assert_int_equal(stats.oneways, 77);
	stats.size = 0;
	errno = 0;
	assert_int_equal(vb_server_stats(server, &stats), -1);
	assert_int_equal(errno, EINVAL);
	vb_server_free(server);
}

static void test_connections_max(void **state)
{
	struct client clients[3];

	(void)state;
	probe_start(&clients[0].probe, "--connections-max", "2", NULL);
	clients[1] = clients[2] = clients[0];
	join(&clients[0]);
	join(&clients[1]);
	/* Both are there still. */
	probe_assert_alive(clients[0].peer);
	probe_assert_alive(clients[1].peer);
	errno = 0;
	assert_null(probe_connect_to(clients[0].probe.address, NULL));
	assert_int_equal(errno, EBUSY);
	assert_int_equal(vb_conn_error(NULL)->errnum, EBUSY);
	probe_assert_sentence(vb_conn_error(NULL), clients[0].probe.address);
	assert_int_equal(probe_counters(clients[0].peer).refused, 1);
	leave(&clients[1]);
	while (probe_counters(clients[0].peer).gone < 1)
		;
	join(&clients[2]);
	probe_assert_alive(clients[2].peer);
	leave(&clients[2]);
	leave(&clients[0]);
	probe_end(&clients[0].probe);
}

/* ---- Who is let in ---- */

/* That the client that asked last is process PID of this user, at this host. */
static void assert_last_client(const struct client *client, pid_t pid)
{
	const char *here = harness_rest(client->probe.address);
	struct probe_client who;
	char address[81] = "";
	char expected[80];

	assert_true(probe_last_client(client->peer, &who, address, 80) > 0);
	if (harness_is_rdma()) {
		assert_int_equal(who.uid, UINT32_MAX);
		assert_int_equal(who.gid, UINT32_MAX);
		assert_int_equal(who.pid, -1);
		/* The same host, another port. */
		assert_memory_equal(address, here, (size_t)(strrchr(here, ':') + 1 - here));
		assert_string_not_equal(address, here);
		return;
	}
	assert_int_equal(who.uid, getuid());
	assert_int_equal(who.gid, getgid());
	assert_int_equal(who.pid, pid);
	snprintf(expected, sizeof(expected), "pid %d uid %u", pid, getuid());
	assert_string_equal(address, expected);
}

static int come_unwelcome(void *context)
{
	const struct probe *probe = context;
	const struct vb_error *error;

	errno = 0;
	if (vb_connect(probe->address, NULL) || errno != EPERM)
		return 1;
	error = vb_conn_error(NULL);
	if (error->errnum != EPERM)
		return 2;
	probe_assert_sentence(error, probe->address);
	probe_assert_sentence(error, "on_accept() refuses client");
	probe_assert_sentence(error, "with EPERM");
	return 0;
}

/* One is refused between two that are let in, and call. */
static void test_on_accept(void **state)
{
	struct client first;
	struct client second;
	pid_t refused;

	(void)state;
	probe_start(&first.probe, "--unwelcome", "2", NULL);
	second = first;
	join(&first);
	assert_last_client(&first, getpid());
	refused = harness_spawn_fresh(come_unwelcome, &first.probe, sizeof(first.probe), -1);
	probe_assert_alive(first.peer);
	assert_int_equal(harness_wait(refused), 0);
	assert_last_client(&first, refused);
	join(&second);
	assert_last_client(&second, getpid());
	probe_assert_alive(first.peer);
	probe_assert_alive(second.peer);
	assert_int_equal(probe_counters(first.peer).accepted, 2);
	assert_int_equal(probe_counters(first.peer).refused, 1);
	assert_int_equal(probe_counters(first.peer).bound, 2);
	leave(&second);
	leave(&first);
	probe_end(&first.probe);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_stop_by_signal),
	HARNESS_TEST(test_stop_in_a_handler),
	HARNESS_TEST(test_stop_by_another_thread_and_run_again),
	HARNESS_TEST(test_stop_ends_each_way_of_waiting),
	HARNESS_TEST(test_stop_before_run),
	HARNESS_TEST(test_serve_what_cannot_be),
	HARNESS_TEST(test_listen_on_what_is_no_address),
	HARNESS_TEST(test_listen_on_what_is_no_socket),
#ifdef VBI_HAVE_VERBS
	HARNESS_TEST(test_listen_on_what_is_no_place),
#endif
	HARNESS_TEST(test_listen_on_what_is_no_device),
	HARNESS_TEST(test_listen_where_one_listens),
	HARNESS_TEST(test_listen_over_a_file),
	HARNESS_TEST(test_listen_after_a_dead_server),
	HARNESS_TEST(test_options_out_of_range),
	HARNESS_TEST(test_stats_of_a_wrong_size),
	HARNESS_TEST(test_connections_max),
	HARNESS_TEST(test_on_accept),
};

HARNESS_MAIN(tests, 2)
