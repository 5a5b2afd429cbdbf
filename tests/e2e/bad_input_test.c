/* SPDX-License-Identifier: Apache-2.0 */
/* What a program or its surroundings get wrong: each has its errno, and a sentence that names
 * it. */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe_major.vb.h"

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
	probe_assert_alive(client->peer);
	probe_peer_free(client->peer);
	vb_conn_close(client->conn);
	probe_end(&client->probe);
}

/* ---- Addresses ---- */

static void assert_connect_fails(const char *address, int errnum, const char *part)
{
	errno = 0;
	assert_null(vb_connect(address, NULL));
	if (errno != errnum)
		fail_msg("connecting to %s: %s, not %s (%s)", address ? address : "NULL",
			 strerrorname_np(errno), strerrorname_np(errnum),
			 vb_conn_error(NULL)->sentence);
	assert_int_equal(vb_conn_error(NULL)->errnum, errnum);
	probe_assert_sentence(vb_conn_error(NULL), part);
}

static void test_addresses(void **state)
{
	(void)state;
	assert_connect_fails(NULL, EINVAL, "NULL");
	assert_connect_fails("", EINVAL, "scheme");
	assert_connect_fails("name", EINVAL, "'name'");
	assert_connect_fails("shm:/name", EINVAL, "shm:/name");
	assert_connect_fails("://name", EINVAL, "://name");
	assert_connect_fails("rdmaa://name", EINVAL, "rdmaa://name");
	assert_connect_fails("SHM://name", EINVAL, "SHM://name");
}

static void test_addresses_of_sockets(void **state)
{
	char name[300] = "shm://";
	char path[300] = "shm:///";

	(void)state;
	harness_only_shm("sockets have names and places");
	memset(name + 6, 'n', 250);
	memset(path + 7, 'p', 250);
	assert_connect_fails("shm://", EINVAL, "shm://");
	assert_connect_fails("shm://.hidden", EINVAL, ".hidden");
	assert_connect_fails("shm://a/b", EINVAL, "a/b");
	assert_connect_fails("shm://two words", EINVAL, "two words");
	assert_connect_fails("shm://caf\xc3\xa9", EINVAL, "caf");
	assert_connect_fails(name, ENAMETOOLONG, "nnnn");
	assert_connect_fails(path, ENAMETOOLONG, "pppp");
	assert_connect_fails("shm://nobody", ENOENT, "nobody");
	assert_connect_fails("shm:///nowhere/at/all", ENOENT, "/nowhere/at/all");
}

#ifdef VBI_HAVE_VERBS
/* Also where there is no device. */
static void test_addresses_without_place(void **state)
{
	char long_name[400];

	(void)state;
	snprintf(long_name, sizeof(long_name), "rdma://%0300d:7000", 0);
	assert_connect_fails("rdma://", EINVAL, "rdma://");
	assert_connect_fails("rdma://10.0.0.1", EINVAL, "port");
	assert_connect_fails("rdma://10.0.0.1:name", EINVAL, "port");
	assert_connect_fails("rdma://10.0.0.1:0", EINVAL, "65535");
	assert_connect_fails("rdma://10.0.0.1:65536", EINVAL, "65535");
	assert_connect_fails("rdma://:7000", EINVAL, "no host");
	assert_connect_fails("rdma://*:7000", EINVAL, "no host");
	assert_connect_fails("rdma://two words:7000", EINVAL, "two words");
	assert_connect_fails("rdma://fd00::1:7000", EINVAL, "brackets");
	assert_connect_fails("rdma://[fd00::1:7000", EINVAL, "brackets");
	assert_connect_fails(long_name, EINVAL, "longer");
}
#endif

static void test_addresses_of_devices(void **state)
{
	(void)state;
	harness_only_rdma("devices have hosts and ports");
	assert_connect_fails(harness_address("nobody"), ECONNREFUSED, harness_address("nobody"));
}

static int make_socket(const char *name, char *ret_address, size_t size, int type, bool listens)
{
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(path.sun_path, sizeof(path.sun_path), "%s/%s", harness_directory(), name);
	snprintf(ret_address, size, "shm://%s", path.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&path, sizeof(path)), 0);
	if (listens)
		assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void test_stale_socket(void **state)
{
	char address[200];

	(void)state;
	harness_only_shm("a port is no file");
	close(make_socket("stale", address, sizeof(address), SOCK_SEQPACKET, true));
	assert_connect_fails(address, ECONNREFUSED, "stale");
	close(make_socket("stale2", address, sizeof(address), SOCK_STREAM, true));
	errno = 0;
	assert_null(vb_connect(address, NULL));
	assert_true(errno == ECONNREFUSED || errno == EPROTOTYPE);
}

static void test_path_is_a_file(void **state)
{
	char address[200];
	int fd;

	(void)state;
	harness_only_shm("a port is no file");
	snprintf(address, sizeof(address), "shm://%s/file", harness_directory());
	fd = open(address + 6, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_connect_fails(address, ECONNREFUSED, "file");
}

/* A server of something else: it says nothing, hangs up, or talks of other things. */
static void test_not_our_server(void **state)
{
	struct vb_options options = VB_OPTIONS_INIT;
	char address[200];
	int fd;
	int type;
	socklen_t size = sizeof(type);

	(void)state;
	harness_only_shm("a port is no socket");
	fd = make_socket("silent", address, sizeof(address), SOCK_SEQPACKET, true);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size), 0);
	options.connect_timeout_ns = 50000000;
	errno = 0;
	assert_null(vb_connect(address, &options));
	assert_int_equal(errno, ETIMEDOUT);
	probe_assert_sentence(vb_conn_error(NULL), "silent");
	close(fd);
}

static int answer_with(void *context)
{
	const struct iovec *answer = ((void **)context)[1];
	int listener = *(int *)((void **)context)[0];
	int fd = accept(listener, NULL, NULL);
	char byte[4096];

	if (recv(fd, byte, sizeof(byte), 0) <= 0)
		return 1;
	if (answer->iov_len)
		send(fd, answer->iov_base, answer->iov_len, MSG_NOSIGNAL);
	close(fd);
	return 0;
}

static void test_server_that_talks_of_other_things(void **state)
{
	static char greeting[] = "220 mail.example.org ESMTP\r\n";
	static char zeroes[500];
	struct iovec answers[] = {
		{greeting, sizeof(greeting)}, {greeting, 1}, {zeroes, sizeof(zeroes)}, {NULL, 0}};

	(void)state;
	harness_only_shm("a port is no socket");
	for (unsigned i = 0; i < 4; i++) {
		char name[16];
		char address[200];
		int fd;
		void *context[2] = {&fd, &answers[i]};
		pid_t server;

		/* The last one says nothing, and goes. */
		snprintf(name, sizeof(name), "other%u", i);
		fd = make_socket(name, address, sizeof(address), SOCK_SEQPACKET, true);
		server = harness_spawn(answer_with, context);
		errno = 0;
		assert_null(vb_connect(address, NULL));
		assert_int_equal(errno, answers[i].iov_len ? EPROTO : ECONNRESET);
		probe_assert_sentence(vb_conn_error(NULL), name);
		assert_int_equal(harness_wait(server), 0);
		close(fd);
	}
}

/* ---- Rights ---- */

#define NOBODY 65534

static int connect_as_nobody(void *context)
{
	const struct probe *probe = context;
	char path[200];
	struct vb_conn *conn;

	/* Before the user changes: what another user's XDG_RUNTIME_DIR is, it does not know. */
	snprintf(path, sizeof(path), "shm://%s/verbena/%s.sock", harness_directory(),
		 probe->address + 6);
	if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 2;
	conn = vb_connect(path, NULL);
	if (conn)
		return 3;
	if (errno != EACCES || vb_conn_error(NULL)->errnum != EACCES)
		return 4;
	return strstr(vb_conn_error(NULL)->sentence, probe->address + 6) ? 0 : 5;
}

static void test_socket_without_permission(void **state)
{
	struct client client;
	char directory[200];

	(void)state;
	harness_only_shm("a port has no mode");
	if (getuid() != 0)
		harness_skip("only root can try as another user");
	begin(&client);
	/* Twice: for the directory's rights, and for the socket's own. */
	assert_int_equal(harness_wait(harness_spawn(connect_as_nobody, &client.probe)), 0);
	snprintf(directory, sizeof(directory), "%s/verbena", harness_directory());
	assert_int_equal(chmod(directory, 0755), 0);
	assert_int_equal(harness_wait(harness_spawn(connect_as_nobody, &client.probe)), 0);
	end(&client);
}

/* ---- Versions and interfaces ---- */

static void test_what_the_server_lacks(void **state)
{
	struct client client;
	struct shut_peer *shut;
	const struct vb_error *error;

	(void)state;
	begin(&client);
	error = vb_conn_error(client.conn);
	assert_int_equal(error->errnum, 0);
	errno = 0;
	assert_null(unknown_peer_bind(client.conn));
	assert_int_equal(errno, ENOSYS);
	error = vb_conn_error(client.conn);
	assert_int_equal(error->errnum, ENOSYS);
	probe_assert_sentence(error, "unknown");
	probe_assert_sentence(error, "f2058b7d6c13e94a");
	probe_assert_sentence(error, client.probe.address);

	errno = 0;
	assert_null(major2_peer_bind(client.conn));
	assert_int_equal(errno, EPROTONOSUPPORT);
	error = vb_conn_error(client.conn);
	probe_assert_sentence(error, "1.1");
	probe_assert_sentence(error, "2.0");

	probe_assert_failed(client.peer, probe_missing(client.peer), ENOSYS, VB_NOT_EXECUTED);
	assert_int_equal(probe_counters(client.peer).unknown_methods, 1);

	/* Bind does not block: that bound() has refused, the first call tells. */
	shut = shut_peer_bind(client.conn);
	assert_non_null(shut);
	errno = 0;
	assert_int_equal(shut_enter(shut), -1);
	assert_int_equal(errno, EDQUOT);
	assert_int_equal(shut_peer_outcome(shut), VB_NOT_EXECUTED);
	shut_peer_free(shut);
	end(&client);
}

static void test_message_too_small_for_a_method(void **state)
{
	static const struct {
		const char *server;
		uint32_t client;
		bool fits;
	} sizes[] = {
		{"4096", 8192, false},
		{"8192", 4096, false},
		{"8192", 8192, true},
	};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct vb_options options = VB_OPTIONS_INIT;
		struct wide_table *table = calloc(2, sizeof(*table));
		struct client client;
		struct wide_peer *wide;

		probe_start(&client.probe, "--message-max", sizes[i].server, NULL);
		options.message_max = sizes[i].client;
		client.conn = probe_connect(&client.probe, &options);
		client.peer = probe_bind(client.conn);
		errno = 0;
		wide = wide_peer_bind(client.conn);
		if (sizes[i].fits) {
			assert_non_null(wide);
			table[0].words[749] = 123;
			assert_int_equal(wide_turn(wide, &table[0], &table[1]), 0);
			assert_int_equal(table[1].words[0], 123);
		} else {
			assert_null(wide);
			assert_int_equal(errno, EMSGSIZE);
			probe_assert_sentence(vb_conn_error(client.conn), "wide.turn");
			probe_assert_sentence(vb_conn_error(client.conn), "message_max");
		}
		wide_peer_free(wide);
		free(table);
		end(&client);
	}
}

/* ---- Options ---- */

static void assert_options_fail(const struct vb_options *options, const char *part)
{
	errno = 0;
	assert_null(vb_connect(harness_address("nobody"), options));
	assert_int_equal(errno, EINVAL);
	probe_assert_sentence(vb_conn_error(NULL), part);
}

static void test_options_out_of_range(void **state)
{
	struct vb_options good = VB_OPTIONS_INIT;
	struct vb_options bad;

	(void)state;
	bad = good;
	bad.size = 3;
	assert_options_fail(&bad, "VB_OPTIONS_INIT");
	bad = good;
	bad.connect_timeout_ns = UINT64_MAX;
	assert_options_fail(&bad, "connect_timeout_ns");
	bad = good;
	bad.grace_ns = UINT64_MAX;
	assert_options_fail(&bad, "grace_ns");
	bad = good;
	bad.wait = (enum vb_wait)3;
	assert_options_fail(&bad, "wait");
	bad = good;
	bad.message_max = 4095;
	assert_options_fail(&bad, "message_max");
	bad = good;
	bad.inflight = 1025;
	assert_options_fail(&bad, "inflight");
	bad = good;
	bad.memory_max = 1;
	assert_options_fail(&bad, "memory_max");
}

/* ---- Handlers ---- */

static void test_handlers_that_fail(void **state)
{
	static const int errnums[] = {EPERM, ENOENT, EAGAIN, EHWPOISON, 133};
	struct probe_counters before, after;
	struct client client;
	uint8_t buffer[100];

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < sizeof(errnums) / sizeof(errnums[0]); i++)
		probe_assert_failed(client.peer, probe_fail(client.peer, errnums[i]), errnums[i],
				    VB_EXECUTED);
	before = probe_counters(client.peer);
	probe_assert_failed(client.peer, probe_fail(client.peer, 0), EIO, VB_EXECUTED);
	probe_assert_failed(client.peer, probe_answer(client.peer, -1), EIO, VB_EXECUTED);
	after = probe_counters(client.peer);
	assert_int_equal(after.errno_zero - before.errno_zero, 2);
	/* Numbers that no errno has. */
	probe_assert_failed(client.peer, probe_fail(client.peer, 4000), EIO, VB_EXECUTED);
	probe_assert_failed(client.peer, probe_fail(client.peer, -5), EIO, VB_EXECUTED);
	probe_assert_failed(client.peer, probe_fail(client.peer, 1 << 20), EIO, VB_EXECUTED);

	before = probe_counters(client.peer);
	probe_assert_failed(client.peer, probe_answer(client.peer, -2), EREMOTEIO, VB_EXECUTED);
	probe_assert_failed(client.peer, probe_answer(client.peer, INT32_MIN), EREMOTEIO,
			    VB_EXECUTED);
	probe_assert_failed(client.peer, probe_claim(client.peer, 101, buffer, 100), EREMOTEIO,
			    VB_EXECUTED);
	probe_assert_failed(client.peer, probe_claim(client.peer, INT64_MAX, buffer, 100),
			    EREMOTEIO, VB_EXECUTED);
	probe_assert_failed(client.peer, probe_claim(client.peer, -7, buffer, 100), EREMOTEIO,
			    VB_EXECUTED);
	after = probe_counters(client.peer);
	assert_int_equal(after.out_of_range - before.out_of_range, 5);
	assert_int_equal(probe_claim(client.peer, 100, buffer, 100), 100);
	assert_int_equal(probe_answer(client.peer, INT32_MAX), INT32_MAX);
	end(&client);
}

/* The same where the buffer is exposed. */
static void test_handlers_that_claim_too_much_bulk(void **state)
{
	struct client client;
	uint8_t *memory = malloc(100000);

	(void)state;
	begin(&client);
	probe_assert_failed(client.peer, probe_claim(client.peer, 100001, memory, 100000),
			    EREMOTEIO, VB_EXECUTED);
	probe_assert_failed(client.peer, probe_claim(client.peer, -1, memory, 100000), EIO,
			    VB_EXECUTED);
	assert_int_equal(probe_claim(client.peer, 0, memory, 100000), 0);
	assert_int_equal(probe_fill(client.peer, 1, 100000, memory, 100000), 100000);
	end(&client);
	free(memory);
}

/* ---- Limits of the system ---- */

static void limit(int resource, rlim_t most)
{
	const struct rlimit limits = {most, most};

	assert_int_equal(setrlimit((__rlimit_resource_t)resource, &limits), 0);
}

static void test_file_size_limit(void **state)
{
	struct client client;

	(void)state;
	harness_only_shm("no file is made for a connection");
	begin(&client);
	/* A signal would kill the test. */
	limit(RLIMIT_FSIZE, 1 << 20);
	errno = 0;
	assert_null(vb_connect(client.probe.address, NULL));
	assert_int_equal(errno, EFBIG);
	probe_assert_sentence(vb_conn_error(NULL), "ulimit");
	end(&client);
}

struct limited {
	char address[80];
	int resource;
	rlim_t most;
	int errnum; /* that the limit leads to */
};

/* 0: it could connect; 1: it could not, and was told so; 2: it was told something else. */
static int connect_within(void *context)
{
	const struct limited *limited = context;
	const struct vb_error *error;

	limit(limited->resource, limited->most);
	if (probe_connect_to(limited->address, NULL))
		return 0;
	error = vb_conn_error(NULL);
	if (errno == limited->errnum && error->errnum == limited->errnum &&
	    (errno != EMFILE || strstr(error->sentence, "ulimit")))
		return 1;
	print_error("limited to %llu: %s (%s)\n", (unsigned long long)limited->most,
		    strerrorname_np(errno), error->sentence);
	return 2;
}

/* Whether it was too little. */
static bool is_too_little(const struct client *client, int resource, rlim_t most, int errnum)
{
	struct limited limited = {.resource = resource, .most = most, .errnum = errnum};
	int status;

	snprintf(limited.address, sizeof(limited.address), "%s", client->probe.address);
	status = harness_wait(harness_spawn_fresh(connect_within, &limited, sizeof(limited), -1));
	if (status > 1)
		fail_msg("limited to %llu: status %d", (unsigned long long)most, status);
	return status == 1;
}

static void test_descriptor_limit(void **state)
{
	struct client client;
	unsigned n_failed = 0;

	(void)state;
	begin(&client);
	/* From where nothing can be opened to where everything can. */
	for (rlim_t most = 5; most < 40; most++)
		n_failed += is_too_little(&client, RLIMIT_NOFILE, most, EMFILE);
	/* A connection manager and its devices take few. */
	assert_true(n_failed > (harness_is_rdma() ? 0 : 3));
	end(&client);
}

static int create_without_descriptors(void *context)
{
	(void)context;
	limit(RLIMIT_NOFILE, 3);
	if (vb_server_create(NULL))
		return 1;
	return errno == EMFILE && strstr(vb_conn_error(NULL)->sentence, "ulimit") ? 0 : 2;
}

static void test_descriptor_limit_of_a_server(void **state)
{
	(void)state;
	assert_int_equal(harness_wait(harness_spawn(create_without_descriptors, NULL)), 0);
}

/* A server that runs out of descriptors refuses one client and serves the others. */
static void test_server_without_descriptors(void **state)
{
	const struct rlimit few = {20, 1024};
	struct client client;
	struct vb_conn *conns[20];
	unsigned n = 0;

	(void)state;
	harness_only_shm("a connection over a device takes no descriptor");
	begin(&client);
	assert_int_equal(prlimit(client.probe.pid, RLIMIT_NOFILE, &few, NULL), 0);
	while (n < 20 && (conns[n] = vb_connect(client.probe.address, NULL)))
		n++;
	assert_true(n < 20);
	assert_true(errno == EMFILE || errno == ECONNREFUSED || errno == EAGAIN ||
		    errno == ECONNRESET);
	probe_assert_sentence(vb_conn_error(NULL), harness_rest(client.probe.address));
	probe_assert_alive(client.peer);
	while (n)
		vb_conn_close(conns[--n]);
	while (!(conns[0] = vb_connect(client.probe.address, NULL)))
		probe_assert_alive(client.peer);
	vb_conn_close(conns[0]);
	end(&client);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CAN_LIMIT_MEMORY 1
#else
#define CAN_LIMIT_MEMORY 0
#endif

static void test_memory_limit(void **state)
{
	struct client client;
	unsigned n_failed = 0;

	(void)state;
	harness_only_shm("a connection over a device maps no arena");
	if (!CAN_LIMIT_MEMORY)
		harness_skip("a sanitizer needs all the address space there is");
	begin(&client);
	for (rlim_t mib = 16; mib <= 2048; mib *= 2)
		n_failed += is_too_little(&client, RLIMIT_AS, mib << 20, ENOMEM);
	assert_true(n_failed > 0);
	end(&client);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_addresses),
	HARNESS_TEST(test_addresses_of_sockets),
#ifdef VBI_HAVE_VERBS
	HARNESS_TEST(test_addresses_without_place),
#endif
	HARNESS_TEST(test_addresses_of_devices),
	HARNESS_TEST(test_stale_socket),
	HARNESS_TEST(test_path_is_a_file),
	HARNESS_TEST(test_not_our_server),
	HARNESS_TEST(test_server_that_talks_of_other_things),
	HARNESS_TEST(test_socket_without_permission),
	HARNESS_TEST(test_what_the_server_lacks),
	HARNESS_TEST(test_message_too_small_for_a_method),
	HARNESS_TEST(test_options_out_of_range),
	HARNESS_TEST(test_handlers_that_fail),
	HARNESS_TEST(test_handlers_that_claim_too_much_bulk),
	HARNESS_TEST(test_file_size_limit),
	HARNESS_TEST(test_descriptor_limit),
	HARNESS_TEST(test_descriptor_limit_of_a_server),
	HARNESS_TEST(test_server_without_descriptors),
	HARNESS_TEST(test_memory_limit),
};

HARNESS_MAIN(tests, 2)
