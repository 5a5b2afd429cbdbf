/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers that come back to the memory of a call when it is over, with all that they were ever told
 * about it: nothing is written there any more, and nothing is read.
 */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/pattern.h"
#include "tests/hostile_rpc/scene.h"
#include "tests/hostile_rpc/servant.h"

#define MS  1000000ull
#define MIB (1024ull * 1024)

/* How long memory is watched that must stay what it is. */
#define WATCH_NS (3000 * MS)

/* How long the client waits for an answer that does not come. */
#define DEADLINE_NS (200 * MS)

/* What the server gives and is given; and what it must neither overwrite nor see. */
#define SEED	    1
#define CANARY_SEED 0xcafe
#define LATE_SEED   0xbad

/* Calls that are answered: where windows are used, the second uses that of the first again, if the
 * answer has ended it. */
#define N_ANSWERED 2

/* How the call ends. */
enum way {
	ANSWERED, /* by its answer, twice */
	SILENT,	  /* by its deadline, with nothing said */
	CANCELED, /* by the answer to the cancel that follows its deadline */
};

struct late {
	enum way way;
	bool to_server;
	bool allocated;
	uint64_t size;
	char address[80];
};

/* What the server says when it has come back. */
struct verdict {
	int status;	/* of the late move */
	bool has_hit;	/* to_server: it has seen bytes that the call did not have */
	bool is_window; /* what the memory was exposed through */
};

/* ---- The server ---- */

static void say(char word)
{
	if (write(HARNESS_FRESH_FD, &word, 1) != 1)
		exit(20);
}

static void hear(void)
{
	char word;

	if (read(HARNESS_FRESH_FD, &word, 1) != 1)
		exit(21);
}

/* Where in a request the field of its buffer is. */
static uint32_t field_of(const struct late *late)
{
	return late->to_server ? 32 : 40;
}

/* Does what is asked, from REQUEST on, and ends each exposure with the answer. How many RECORDS the
 * last call had. */
static uint32_t serve_calls(struct raw *raw, const struct late *late, struct raw_message *request,
			    struct vbi_record *records, uint8_t *local)
{
	struct raw_message answer;
	uint32_t n = 0;

	for (uint16_t i = 0; i < N_ANSWERED; i++) {
		if (i)
			servant_await(raw, request);
		n = servant_records(request, field_of(late), records);
		/* That it can be reached at all while it may be. */
		if (servant_move(raw, !late->to_server, records, n, local, SERVANT_MOVES_NS))
			exit(25);
		answer = servant_answer(request);
		answer.header.credits = (uint16_t)(answer.header.credits + i);
		scene_put64(&answer, 24, late->size);
		raw_answer(raw, &answer, 32, &records[0]);
	}
	return n;
}

/* Answers the call's cancel, and the call that the client makes next to see whether it can. */
static void answer_cancel(struct raw *raw, const struct raw_message *request)
{
	struct raw_message message;
	struct raw_message answer = servant_answer(request);

	do {
		if (!raw_receive(raw, &message))
			exit(22);
	} while (message.header.kind != VBI_KIND_CANCEL);
	answer.header.kind = VBI_KIND_FAILURE;
	answer.header.status = ECANCELED;
	raw_send(raw, &answer, sizeof(answer.header));
	servant_await(raw, &message);
	answer = servant_answer(&message);
	answer.header.credits++;
	scene_put32(&answer, 24, 3);
	raw_send(raw, &answer, 32);
}

/* Whether there is a byte that is neither of the call nor what stood there before. */
static bool has_others(const uint8_t *memory, uint64_t size)
{
	uint8_t *given = malloc(size);
	bool any = false;

	if (!given)
		exit(23);
	pattern_fill(given, size, SEED);
	for (uint64_t i = 0; i < size && !any; i++)
		any = memory[i] && memory[i] != given[i];
	free(given);
	return any;
}

static struct verdict come_back(struct raw *raw, const struct late *late,
				const struct vbi_record *records, uint32_t n, uint8_t *local)
{
	struct verdict verdict = {.is_window = harness_is_rdma() && records[0].flags};

	if (late->allocated && raw_wants_windows(raw) && !verdict.is_window)
		exit(27);
	if (late->to_server)
		memset(local, 0, late->size);
	else
		pattern_fill(local, late->size, LATE_SEED);
	verdict.status = servant_move(raw, !late->to_server, records, n, local, SERVANT_FAILS_NS);
	verdict.has_hit = late->to_server && has_others(local, late->size);
	return verdict;
}

static void serve_one(struct raw *raw, const struct late *late)
{
	uint8_t *local = raw->ops->region_alloc(raw->domain, late->size);
	struct vbi_record records[VBI_RECORDS_MAX];
	struct raw_message request;
	struct verdict verdict;
	uint32_t n;

	servant_greet(raw, 64);
	servant_await(raw, &request);
	n = servant_records(&request, field_of(late), records);
	if (!local)
		exit(24);
	pattern_fill(local, late->size, SEED);
	if (late->way == ANSWERED)
		n = serve_calls(raw, late, &request, records, local);
	else if (late->way == CANCELED)
		answer_cancel(raw, &request);
	/* Nothing is polled meanwhile: whatever has become of the connection, nobody here knows. */
	say('t');
	hear();
	verdict = come_back(raw, late, records, n, local);
	if (write(HARNESS_FRESH_FD, &verdict, sizeof(verdict)) != sizeof(verdict))
		exit(26);
	while (raw_receive(raw, &request))
		;
	raw->ops->close(raw->endpoint);
	raw->endpoint = NULL;
	raw->ops->region_free(raw->domain, local, late->size);
}

static int serve(void *context)
{
	const struct late *late = context;
	struct raw *raw = calloc(1, sizeof(*raw));

	if (!raw || !raw_listen(raw, late->address))
		return 1;
	say('r');
	raw_accept(raw);
	serve_one(raw, late);
	raw_close(raw);
	free(raw);
	return 0;
}

/* ---- The client ---- */

static void await_word(int fd, char expected)
{
	char word = 0;

	if (read(fd, &word, 1) != 1 || word != expected)
		fail_msg("the server said '%c', not '%c'", word, expected);
}

static int64_t call_once(const struct late *late, struct probe_peer *peer, uint8_t *memory)
{
	if (late->to_server)
		pattern_fill(memory, late->size, SEED);
	else
		memset(memory, 0, late->size);
	return late->to_server ? probe_check(peer, SEED, memory, late->size)
			       : probe_fill(peer, SEED, late->size, memory, late->size);
}

/* What the last one allocates. */
static uint64_t call_answered(const struct late *late, struct vb_conn *conn,
			      struct probe_peer *peer, uint8_t *memory)
{
	uint64_t before = 0;

	for (unsigned i = 0; i < N_ANSWERED; i++) {
		before = probe_client_stats(conn).allocations;
		probe_assert_result(peer, call_once(late, peer, memory), late->size);
		assert_true(pattern_is(memory, late->size, SEED));
	}
	return probe_client_stats(conn).allocations - before;
}

static void call_unanswered(const struct late *late, struct vb_conn *conn, struct probe_peer *peer,
			    uint8_t *memory)
{
	int64_t result;

	probe_peer_set_deadline(peer, DEADLINE_NS);
	result = call_once(late, peer, memory);
	if (late->way == SILENT) {
		probe_assert_failed(peer, result, ETIMEDOUT, VB_UNKNOWN);
		assert_int_equal(vb_conn_error(conn)->errnum, ETIMEDOUT);
		assert_int_equal(probe_client_stats(conn).abandoned, 1);
	} else {
		probe_assert_failed(peer, result, ETIMEDOUT, VB_NOT_EXECUTED);
		assert_int_equal(probe_client_stats(conn).abandoned, 0);
		/* The connection has lost nothing. */
		probe_peer_set_deadline(peer, PROBE_PATIENCE_NS);
		probe_assert_result(peer, probe_add(peer, 1, 2), 3);
	}
}

static void watch_canary(const uint8_t *memory, uint64_t size)
{
	const struct timespec moment = {.tv_nsec = MS};
	uint64_t end_ns = harness_now_ns() + WATCH_NS;

	do {
		if (!pattern_is(memory, size, CANARY_SEED))
			fail_msg("memory of a call that had returned was written");
		nanosleep(&moment, NULL);
	} while (harness_now_ns() < end_ns);
}

/* Memory that the transport copies may be written where the copy is; it is told apart by size. */
static bool is_copied(const struct late *late)
{
	return late->size <= 256 * 1024;
}

static void meet_again(const struct late *late, int fd, const uint8_t *memory,
		       struct verdict *verdict)
{
	await_word(fd, 't');
	assert_int_equal(write(fd, "g", 1), 1);
	if (!late->to_server)
		watch_canary(memory, late->size);
	assert_int_equal(read(fd, verdict, sizeof(*verdict)), sizeof(*verdict));
	assert_true(pattern_is(memory, late->size, CANARY_SEED));
	if (verdict->has_hit)
		fail_msg("memory of a call that had returned was read");
	/* The key is dead, and not only of no use. */
	if (harness_is_rdma() && (late->way == SILENT || verdict->is_window || !is_copied(late)))
		assert_int_not_equal(verdict->status, 0);
}

static void come_late(enum way way, bool to_server, bool allocated, uint64_t size)
{
	struct vb_options options = VB_OPTIONS_INIT;
	struct late late = {way, to_server, allocated, size, ""};
	struct verdict verdict;
	struct probe_peer *peer;
	struct vb_conn *conn;
	uint64_t n_allocated = 0;
	uint8_t *memory;
	int ends[2];
	pid_t server;

	harness_make_address(late.address, sizeof(late.address), "late");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	server = harness_spawn_fresh(serve, &late, sizeof(late), ends[1]);
	close(ends[1]);
	await_word(ends[0], 'r');
	if (way == CANCELED)
		options.grace_ns = 60000 * MS;
	conn = probe_connect_to(late.address, &options);
	if (!conn)
		fail_msg("no connection: %s", vb_conn_error(NULL)->sentence);
	peer = probe_bind(conn);
	memory = allocated ? vb_memory_alloc(conn, size) : malloc(size);
	assert_non_null(memory);
	if (way == ANSWERED)
		n_allocated = call_answered(&late, conn, peer, memory);
	else
		call_unanswered(&late, conn, peer, memory);
	pattern_fill(memory, size, CANARY_SEED);
	meet_again(&late, ends[0], memory, &verdict);
	/* A window that the answer had not ended would have gone, and another been made. */
	if (verdict.is_window)
		assert_int_equal(n_allocated, 0);
	probe_peer_free(peer);
	vb_conn_close(conn);
	assert_int_equal(harness_wait(server), 0);
	close(ends[0]);
	if (allocated)
		vb_memory_free(NULL, memory);
	else
		free(memory);
}

/* Sizes that are copied, that are registered, and that take time. */
static void come_late_to_all(enum way way, bool to_server)
{
	static const uint64_t sizes[] = {65536, 1 * MIB, 9 * MIB};

	for (unsigned i = 0; i < 3; i++) {
		come_late(way, to_server, false, sizes[i]);
		come_late(way, to_server, true, sizes[i]);
	}
}

static void test_write_after_the_answer(void **state)
{
	(void)state;
	come_late_to_all(ANSWERED, false);
}

static void test_read_after_the_answer(void **state)
{
	(void)state;
	come_late_to_all(ANSWERED, true);
}

static void test_write_after_the_deadline(void **state)
{
	(void)state;
	come_late_to_all(SILENT, false);
}

static void test_read_after_the_deadline(void **state)
{
	(void)state;
	come_late_to_all(SILENT, true);
}

static void test_write_after_the_cancel(void **state)
{
	(void)state;
	come_late_to_all(CANCELED, false);
}

static void test_read_after_the_cancel(void **state)
{
	(void)state;
	come_late_to_all(CANCELED, true);
}

/* ---- Under load ---- */

/* Calls of all sizes, with memory of both kinds, on a connection of its own, until it is killed. */
static int keep_busy(void *context)
{
	const struct probe *probe = context;
	struct vb_conn *conn = probe_connect_to(probe->address, NULL);
	struct probe_peer *peer = conn ? probe_peer_bind(conn) : NULL;
	uint8_t *allocated = conn ? vb_memory_alloc(conn, MIB) : NULL;
	uint8_t *memory = malloc(MIB);

	if (!peer || !memory || !allocated)
		return 1;
	for (uint64_t size = 1;; size = size < MIB ? size * 4 : 1) {
		probe_fill(peer, size, size, memory, size);
		probe_fill(peer, size, size, allocated, size);
	}
}

static void test_writes_while_others_are_busy(void **state)
{
	struct probe probe;
	pid_t others[2];

	(void)state;
	probe_start(&probe, NULL);
	for (unsigned i = 0; i < 2; i++)
		others[i] = harness_spawn_fresh(keep_busy, &probe, sizeof(probe), -1);
	come_late(ANSWERED, false, false, MIB);
	come_late(ANSWERED, false, true, MIB);
	come_late(SILENT, false, false, 65536);
	come_late(SILENT, false, false, 9 * MIB);
	come_late(SILENT, true, true, MIB);
	come_late(CANCELED, false, false, MIB);
	for (unsigned i = 0; i < 2; i++)
		harness_kill(others[i]);
	probe_end(&probe);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_write_after_the_answer),	 HARNESS_TEST(test_read_after_the_answer),
	HARNESS_TEST(test_write_after_the_deadline),	 HARNESS_TEST(test_read_after_the_deadline),
	HARNESS_TEST(test_write_after_the_cancel),	 HARNESS_TEST(test_read_after_the_cancel),
	HARNESS_TEST(test_writes_while_others_are_busy),
};

HARNESS_MAIN(tests, 4)
