/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client with two servers, one of which tells the other all that it was told about a call's
 * memory. While that memory is exposed, on the connection beside, it is worth nothing: what the
 * other server tries fails, and the call does not notice.
 */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/e2e/pattern.h"
#include "tests/hostile_rpc/scene.h"
#include "tests/hostile_rpc/servant.h"

#define KIB 1024ull

/* What the call moves; what stands in the rest of its buffer; what the thief writes. */
#define SEED	   1
#define SECRET	   0x5ec7e7
#define THIEF_SEED 0xbad

/* What is waited for comes at once, or not at all. */
#define PATIENCE_NS 60000000000ull

struct theft {
	bool to_server; /* the client's bytes go to the server: what is tried is to read them */
	bool ends;	/* what is tried is to invalidate the key */
	uint64_t size;
	char address[80];
};

struct secret {
	struct vbi_record records[VBI_RECORDS_MAX];
	uint32_t n;
};

struct verdict {
	int status;    /* of what was tried */
	bool has_seen; /* bytes of the client's */
};

/* ---- The server that is called ---- */

static void listen_or_exit(struct raw *raw, const char *address)
{
	if (!raw_listen(raw, address))
		exit(1);
	raw_accept(raw);
	servant_greet(raw, 64);
}

static void answer_with(struct raw *raw, const struct raw_message *request, uint64_t result)
{
	struct raw_message answer = servant_answer(request);

	scene_put64(&answer, 24, result);
	raw_send(raw, &answer, 32);
}

static void end(struct raw *raw, uint8_t *local, uint64_t size)
{
	raw->ops->close(raw->endpoint);
	raw->endpoint = NULL;
	raw->ops->region_free(raw->domain, local, size);
	raw_close(raw);
	free(raw);
}

static int serve_and_tell(void *context)
{
	const struct theft *theft = context;
	struct raw *raw = calloc(1, sizeof(*raw));
	struct raw_message request, next;
	struct secret secret = {.n = 0};
	uint8_t *local;
	char word;

	listen_or_exit(raw, theft->address);
	local = raw->ops->region_alloc(raw->domain, theft->size);
	servant_await(raw, &request);
	secret.n = servant_records(&request, theft->to_server ? 32 : 40, secret.records);
	if (!local || secret.n != 1 ||
	    write(HARNESS_FRESH_FD, &secret, sizeof(secret)) != sizeof(secret) ||
	    read(HARNESS_FRESH_FD, &word, 1) != 1)
		return 2;
	/* The key lives, and here it opens. */
	pattern_fill(local, theft->size, SEED);
	/* Of what is given back half stays as it was, to see whether it does. */
	if (!theft->to_server)
		secret.records[0].length /= 2;
	if (servant_move(raw, !theft->to_server, secret.records, secret.n, local, SERVANT_MOVES_NS))
		return 3;
	if (theft->to_server && !pattern_is(local, theft->size, SECRET))
		return 4;
	answer_with(raw, &request, theft->to_server ? theft->size : theft->size / 2);
	/* Another call on the same connection. */
	servant_await(raw, &next);
	answer_with(raw, &next, 3);
	while (raw_receive(raw, &next))
		;
	end(raw, local, theft->size);
	return 0;
}

/* ---- The server that steals ---- */

static bool any_byte(const uint8_t *memory, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		if (memory[i])
			return true;
	return false;
}

/*
 * Ends what RECORD names with a message that is harmless else. How the connection ends by that; 0:
 * it does not. The message itself may have left well: that nobody takes the next one is seen.
 */
static int end_exposure(struct raw *raw, const struct vbi_record *record)
{
	struct raw_message message = raw_message(VBI_KIND_CREDIT);
	uint64_t end_ns = harness_now_ns() + PATIENCE_NS;

	raw_send_ending(raw, &message, sizeof(message.header), record->key);
	raw_send(raw, &message, sizeof(message.header));
	while (!raw->failed && harness_now_ns() < end_ns)
		raw_poll(raw);
	return raw->failed ? -raw->errnum : 0;
}

static int steal(void *context)
{
	const struct theft *theft = context;
	struct raw *raw = calloc(1, sizeof(*raw));
	struct verdict verdict = {0};
	struct raw_message message;
	struct secret secret;
	uint8_t *local;

	listen_or_exit(raw, theft->address);
	local = raw->ops->region_alloc(raw->domain, theft->size);
	if (!local || read(HARNESS_FRESH_FD, &secret, sizeof(secret)) != sizeof(secret))
		return 2;
	if (theft->to_server)
		memset(local, 0, theft->size);
	else
		pattern_fill(local, theft->size, THIEF_SEED);
	verdict.status = theft->ends ? end_exposure(raw, &secret.records[0])
				     : servant_move(raw, !theft->to_server, secret.records,
						    secret.n, local, SERVANT_FAILS_NS);
	verdict.has_seen = theft->to_server && any_byte(local, theft->size);
	if (write(HARNESS_FRESH_FD, &verdict, sizeof(verdict)) != sizeof(verdict))
		return 3;
	while (raw_receive(raw, &message))
		;
	end(raw, local, theft->size);
	return 0;
}

/* ---- Between them ---- */

/* Carries the secret from the one to the other, and the verdict to the test. */
struct carrier {
	int from, to;
	int report;
};

static int carry(void *context)
{
	const struct carrier *carrier = context;
	struct verdict verdict;
	struct secret secret;

	if (read(carrier->from, &secret, sizeof(secret)) != sizeof(secret) ||
	    write(carrier->to, &secret, sizeof(secret)) != sizeof(secret) ||
	    read(carrier->to, &verdict, sizeof(verdict)) != sizeof(verdict) ||
	    write(carrier->report, &verdict, sizeof(verdict)) != sizeof(verdict))
		return 1;
	return write(carrier->from, "g", 1) == 1 ? 0 : 2;
}

/* ---- The client ---- */

static struct vb_conn *connect_when_it_listens(const char *address)
{
	uint64_t end_ns = harness_now_ns() + PATIENCE_NS;
	struct vb_conn *conn;

	while (!(conn = probe_connect_to(address, NULL)) && harness_now_ns() < end_ns)
		usleep(1000);
	if (!conn)
		fail_msg("no connection: %s", vb_conn_error(NULL)->sentence);
	return conn;
}

static pid_t spawn_server(int (*work)(void *), struct theft *theft, const char *name, int *ret_fd)
{
	int ends[2];
	pid_t pid;

	harness_make_address(theft->address, sizeof(theft->address), name);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	pid = harness_spawn_fresh(work, theft, sizeof(*theft), ends[1]);
	close(ends[1]);
	*ret_fd = ends[0];
	return pid;
}

static void check_call(struct probe_peer *peer, const struct theft *theft, uint8_t *memory)
{
	const uint64_t half = theft->size / 2;
	int64_t result;

	pattern_fill(memory, theft->size, SECRET);
	result = theft->to_server ? probe_check(peer, SEED, memory, theft->size)
				  : probe_fill(peer, SEED, theft->size, memory, theft->size);
	if (theft->to_server) {
		probe_assert_result(peer, result, theft->size);
		assert_true(pattern_is(memory, theft->size, SECRET));
		return;
	}
	probe_assert_result(peer, result, half);
	assert_true(pattern_is(memory, half, SEED));
	/* Nobody was to write here, and nobody has. */
	uint8_t *before = malloc(theft->size);
	pattern_fill(before, theft->size, SECRET);
	assert_memory_equal(memory + half, before + half, half);
	free(before);
}

/* A device that refuses an invalidation breaks the queue pair, which its next use finds. */
static void check_lost(struct vb_conn *conn)
{
	struct probe_peer *peer = probe_bind(conn);

	assert_int_equal(probe_add(peer, 1, 2), -1);
	assert_int_equal(vb_conn_error(conn)->errnum, EPROTO);
	probe_peer_free(peer);
}

static void try_to_steal(struct theft told)
{
	struct theft thief = told;
	struct carrier carrier;
	struct vb_conn *conn, *beside;
	struct probe_peer *peer;
	struct verdict verdict;
	uint8_t *memory = malloc(told.size);
	pid_t pids[3];
	int report[2];

	pids[0] = spawn_server(serve_and_tell, &told, "told", &carrier.from);
	pids[1] = spawn_server(steal, &thief, "thief", &carrier.to);
	assert_int_equal(pipe(report), 0);
	carrier.report = report[1];
	pids[2] = harness_spawn(carry, &carrier);
	beside = connect_when_it_listens(thief.address);
	conn = connect_when_it_listens(told.address);
	peer = probe_bind(conn);
	/* What is tried beside it takes its time. */
	probe_peer_set_deadline(peer, VB_NO_DEADLINE);
	check_call(peer, &told, memory);
	assert_int_equal(read(report[0], &verdict, sizeof(verdict)), sizeof(verdict));
	if (verdict.has_seen)
		fail_msg("another connection's key opened the memory");
	assert_int_not_equal(verdict.status, 0);
	if (told.ends)
		check_lost(beside);
	/* The connection whose key it was has lost nothing. */
	probe_assert_result(peer, probe_add(peer, 1, 2), 3);
	assert_int_equal(vb_conn_error(conn)->errnum, 0);
	probe_peer_free(peer);
	vb_conn_close(conn);
	vb_conn_close(beside);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(harness_wait(pids[i]), 0);
	close(carrier.from);
	close(carrier.to);
	close(report[0]);
	close(report[1]);
	free(memory);
}

static void test_write_with_the_key_of_another_connection(void **state)
{
	(void)state;
	try_to_steal((struct theft){.to_server = false, .size = 64 * KIB});
	try_to_steal((struct theft){.to_server = false, .size = 1024 * KIB});
}

static void test_read_with_the_key_of_another_connection(void **state)
{
	(void)state;
	try_to_steal((struct theft){.to_server = true, .size = 64 * KIB});
	try_to_steal((struct theft){.to_server = true, .size = 1024 * KIB});
}

static void test_invalidation_of_the_key_of_another_connection(void **state)
{
	(void)state;
	harness_only_rdma("keys are a device's");
	for (unsigned i = 0; i < 4; i++)
		try_to_steal((struct theft){
			.ends = true, .to_server = i % 2, .size = i / 2 ? 1024 * KIB : 64 * KIB});
}

/* ---- A server that ends what nobody agreed that it may end ---- */

static int serve_and_end(void *context)
{
	const struct theft *theft = context;
	struct raw *raw = calloc(1, sizeof(*raw));
	struct raw_message request, answer;
	struct vbi_record records[VBI_RECORDS_MAX];
	uint8_t *local;
	uint32_t n;
	int status;

	listen_or_exit(raw, theft->address);
	local = raw->ops->region_alloc(raw->domain, theft->size);
	servant_await(raw, &request);
	n = servant_records(&request, 40, records);
	if (!local)
		return 2;
	pattern_fill(local, theft->size, THIEF_SEED);
	/* An answer as it should be, but for that. */
	answer = servant_answer(&request);
	scene_put64(&answer, 24, theft->size);
	raw_send_ending(raw, &answer, 32, records[0].key);
	status = servant_move(raw, true, records, n, local, SERVANT_FAILS_NS);
	if (write(HARNESS_FRESH_FD, &status, sizeof(status)) != sizeof(status))
		return 3;
	if (!raw_ended(raw))
		return 4;
	end(raw, local, theft->size);
	return 0;
}

static void try_to_end(uint64_t size)
{
	struct theft told = {.size = size};
	struct probe_peer *peer;
	struct vb_conn *conn;
	uint8_t *memory = malloc(size);
	int server, status;
	pid_t pid;

	pid = spawn_server(serve_and_end, &told, "ends", &server);
	conn = connect_when_it_listens(told.address);
	peer = probe_bind(conn);
	pattern_fill(memory, size, SECRET);
	probe_assert_failed(peer, probe_fill(peer, SEED, size, memory, size), EPROTO, VB_UNKNOWN);
	assert_int_equal(vb_conn_error(conn)->errnum, EPROTO);
	/* What it tries afterwards reaches nothing. */
	assert_int_equal(read(server, &status, sizeof(status)), sizeof(status));
	assert_int_not_equal(status, 0);
	assert_true(pattern_is(memory, size, SECRET));
	probe_peer_free(peer);
	vb_conn_close(conn);
	assert_int_equal(harness_wait(pid), 0);
	close(server);
	free(memory);
}

static void test_invalidation_that_was_not_agreed_on(void **state)
{
	(void)state;
	harness_only_rdma("keys are a device's");
	try_to_end(64 * KIB);
	try_to_end(1024 * KIB);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_write_with_the_key_of_another_connection),
	HARNESS_TEST(test_read_with_the_key_of_another_connection),
	HARNESS_TEST(test_invalidation_of_the_key_of_another_connection),
	HARNESS_TEST(test_invalidation_that_was_not_agreed_on),
};

HARNESS_MAIN(tests, 2)
