/* SPDX-License-Identifier: Apache-2.0 */
/* Small calls between two processes: arguments, results, interfaces, one-way calls, credits. */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe_old.vb.h"
#include "tests/e2e/pattern.h"

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

static void test_fixed_arguments(void **state)
{
	struct client client;

	(void)state;
	begin(&client);
	for (int32_t i = 0; i < 1000; i++) {
		struct probe_block sent = {.words = {(uint64_t)i, 2, 3, 4}};
		struct probe_block got;

		assert_int_equal(probe_echo(client.peer, &sent, &got), 0);
		assert_int_equal(got.words[0], i + 1);
		assert_int_equal(got.words[3], 5);
		assert_int_equal(probe_add(client.peer, i, 1000), i + 1000);
		assert_int_equal(probe_peer_outcome(client.peer), VB_EXECUTED);
	}
	end(&client);
}

static void test_success_leaves_errno(void **state)
{
	struct client client;

	(void)state;
	begin(&client);
	errno = 12345;
	assert_int_equal(probe_add(client.peer, 1, 2), 3);
	assert_int_equal(errno, 12345);
	end(&client);
}

static void test_null_arguments(void **state)
{
	struct client client;
	struct probe_block sent = {.words = {1}};

	(void)state;
	begin(&client);
	/* An out struct that nobody wants. */
	assert_int_equal(probe_echo(client.peer, &sent, NULL), 0);
	assert_int_equal(probe_posted(client.peer, NULL, NULL), 0);
	probe_assert_failed(client.peer, probe_echo(client.peer, NULL, &sent), EFAULT, VB_NOT_SENT);
	probe_assert_failed(client.peer, probe_measure(client.peer, NULL), EFAULT, VB_NOT_SENT);
	probe_assert_failed(client.peer, probe_check(client.peer, 1, NULL, 1), EFAULT, VB_NOT_SENT);
	probe_assert_failed(client.peer, probe_fill(client.peer, 1, 5, NULL, 1 << 20), EFAULT,
			    VB_NOT_SENT);
	assert_int_equal(probe_check(client.peer, 1, NULL, 0), 0);
	assert_int_equal(probe_fill(client.peer, 1, 0, NULL, 0), 0);
	errno = 0;
	assert_int_equal(probe_add(NULL, 1, 2), -1);
	assert_int_equal(errno, EFAULT);
	end(&client);
}

static void test_strings(void **state)
{
	const char *texts[30];
	struct client client;
	char text[102];
	uint32_t n = 0;

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	for (int32_t length = 0; length <= 100; length++) {
		char *copy = strndup(text, (size_t)length);

		assert_int_equal(probe_measure(client.peer, copy), length);
		free(copy);
	}
	/* One more than the bound, and far more. */
	text[101] = '\0';
	probe_assert_failed(client.peer, probe_measure(client.peer, text), EMSGSIZE, VB_NOT_SENT);
	for (unsigned i = 0; i < 30; i++)
		texts[i] = i % 3 ? "" : "abc";
	for (uint32_t i = 0; i <= 30; i++) {
		assert_int_equal(probe_join(client.peer, texts, i, &n), (i + 2) / 3 * 3);
		assert_int_equal(n, i);
	}
	probe_assert_failed(client.peer, probe_join(client.peer, texts, 31, &n), EMSGSIZE,
			    VB_NOT_SENT);
	texts[4] = "one and twenty chars!";
	probe_assert_failed(client.peer, probe_join(client.peer, texts, 30, &n), EMSGSIZE,
			    VB_NOT_SENT);
	texts[4] = NULL;
	probe_assert_failed(client.peer, probe_join(client.peer, texts, 30, &n), EFAULT,
			    VB_NOT_SENT);
	end(&client);
}

static void test_several_interfaces_and_peers(void **state)
{
	struct client client;
	struct mirror_peer *mirror;
	struct probe_peer *more[20];
	uint64_t reversed;

	(void)state;
	begin(&client);
	mirror = mirror_peer_bind(client.conn);
	assert_non_null(mirror);
	for (unsigned i = 0; i < 20; i++)
		more[i] = probe_bind(client.conn);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(mirror_reverse(mirror, 0x0102, &reversed), 0);
		assert_true(reversed == UINT64_C(0x0201000000000000));
		assert_int_equal(probe_add(more[i], (int32_t)i, 1), i + 1);
	}
	/* One session for each interface, however many peers. */
	assert_int_equal(probe_session(client.peer), probe_session(more[7]));
	assert_int_not_equal(probe_session(client.peer), mirror_session(mirror));
	assert_int_equal(probe_counters(client.peer).bound, 2);
	for (unsigned i = 0; i < 20; i++)
		probe_peer_free(more[i]);
	mirror_peer_free(mirror);
	end(&client);
}

/* Each peer has a message to write into and keeps its last answer: many must not use them up. */
static void test_a_thousand_peers(void **state)
{
	struct client client;
	struct probe_peer *more[1000];

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < 1000; i++) {
		more[i] = probe_bind(client.conn);
		assert_int_equal(probe_add(more[i], (int32_t)i, 1), i + 1);
	}
	for (unsigned i = 0; i < 1000; i++)
		probe_assert_alive(more[i]);
	for (unsigned i = 0; i < 1000; i++)
		probe_peer_free(more[i]);
	end(&client);
}

static void test_two_connections(void **state)
{
	struct client client;
	struct vb_conn *other;
	struct probe_peer *peer;

	(void)state;
	begin(&client);
	other = probe_connect(&client.probe, NULL);
	peer = probe_bind(other);
	for (int32_t i = 0; i < 100; i++) {
		assert_int_equal(probe_add(client.peer, i, 1), i + 1);
		assert_int_equal(probe_add(peer, i, 2), i + 2);
	}
	assert_int_not_equal(probe_session(client.peer), probe_session(peer));
	probe_peer_free(peer);
	vb_conn_close(other);
	end(&client);
}

static void test_agreed_minor(void **state)
{
	struct client client;
	struct old_peer *old;
	struct probe probe;
	struct vb_conn *conn;
	struct probe_peer *peer;

	(void)state;
	begin(&client);
	/* An old program at a new server. */
	old = old_peer_bind(client.conn);
	assert_non_null(old);
	assert_int_equal(old_peer_minor(old), 0);
	assert_int_equal(old_add(old, 1, 2), 3);
	assert_int_equal(probe_peer_minor(client.peer), 1);
	assert_int_equal(probe_newer(client.peer, 5), 5);
	old_peer_free(old);
	end(&client);

	/* A new program at an old server. */
	probe_start(&probe, "--only-old", "1", NULL);
	conn = probe_connect(&probe, NULL);
	peer = probe_bind(conn);
	assert_int_equal(probe_peer_minor(peer), 0);
	assert_int_equal(probe_add(peer, 1, 2), 1003);
	probe_assert_failed(peer, probe_newer(peer, 5), ENOSYS, VB_NOT_SENT);
	/* Known to both, and served by nobody. */
	probe_assert_failed(peer, probe_measure(peer, "a"), ENOSYS, VB_NOT_EXECUTED);
	probe_assert_alive(peer);
	probe_peer_free(peer);
	vb_conn_close(conn);
	probe_end(&probe);
}

static void test_oneway_flood(void **state)
{
	uint8_t data[2000];
	struct client client;
	uint64_t count = 0;
	uint64_t total = 0;
	uint64_t sent = 0;

	(void)state;
	begin(&client);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t n = i % 100 == 0 ? sizeof(data) : i % 32;

		pattern_fill(data, n, i);
		assert_int_equal(probe_post(client.peer, i, data, n), 0);
		sent += i;
	}
	/* A call that began after they returned sees their effect. */
	assert_int_equal(probe_posted(client.peer, &count, &total), 0);
	assert_int_equal(count, 20000);
	assert_int_equal(total, sent);
	probe_assert_failed(client.peer, probe_post(client.peer, 1, data, 2001), EMSGSIZE,
			    VB_NOT_SENT);
	assert_int_equal(probe_client_stats(client.conn).oneways, 20000);
	end(&client);
}

/* A window of one: each one-way call waits until the credit of the one before is back. */
static void flood_with(const char *inflight, uint32_t own)
{
	struct vb_options options = VB_OPTIONS_INIT;
	struct client client;
	uint64_t count = 0;

	probe_start(&client.probe, "--inflight", inflight, NULL);
	options.inflight = own;
	client.conn = probe_connect(&client.probe, &options);
	client.peer = probe_bind(client.conn);
	for (uint32_t i = 0; i < 500; i++) {
		assert_int_equal(probe_post(client.peer, i, NULL, 0), 0);
		if (i % 50 == 0)
			probe_assert_alive(client.peer);
	}
	assert_int_equal(probe_posted(client.peer, &count, NULL), 0);
	assert_int_equal(count, 500);
	end(&client);
}

static void test_inflight_extremes(void **state)
{
	(void)state;
	flood_with("1", 1);
	flood_with("1", 1024);
	flood_with("2", 1);
	flood_with("3", 3);
	flood_with("1024", 1024);
	flood_with("1024", 1);
}

static void test_message_max_extremes(void **state)
{
	static const struct {
		const char *server;
		uint32_t client;
	} sizes[] = {{"4096", 4096}, {"4096", 65536}, {"65536", 4096}, {"65536", 65536}};
	static uint8_t buffer[100000];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct vb_options options = VB_OPTIONS_INIT;
		struct client client;
		struct tall_peer *tall;

		probe_start(&client.probe, "--message-max", sizes[i].server, NULL);
		options.message_max = sizes[i].client;
		client.conn = probe_connect(&client.probe, &options);
		client.peer = probe_bind(client.conn);
		tall = tall_peer_bind(client.conn);
		assert_non_null(tall);
		for (size_t n = 0; n <= sizeof(buffer); n = n * 2 + 1) {
			pattern_fill(buffer, n, n);
			assert_int_equal(tall_flip(tall, buffer, n), n);
			assert_true(pattern_is_flipped(buffer, n, n));
		}
		tall_peer_free(tall);
		end(&client);
	}
}

static void test_sessions_come_and_go(void **state)
{
	struct client client;
	int32_t last = 0;

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < 20; i++) {
		struct vb_conn *conn = probe_connect(&client.probe, NULL);
		struct probe_peer *peer = probe_bind(conn);
		int32_t session = probe_session(peer);

		assert_true(session > last);
		last = session;
		probe_peer_free(peer);
		vb_conn_close(conn);
	}
	while (probe_counters(client.peer).gone < 20)
		;
	assert_int_equal(probe_counters(client.peer).gone, 20);
	assert_int_equal(probe_counters(client.peer).bound, 21);
	assert_int_equal(probe_counters(client.peer).accepted, 21);
	end(&client);
}

/* A deadline that a call keeps as a rule, and must keep once. */
#define SHORT_NS 200000000

/* The time that is left for a call with that deadline. */
static uint64_t remaining_time(struct client *client)
{
	uint64_t left = 0;
	uint64_t took;
	int result;

	probe_peer_set_deadline(client->peer, SHORT_NS);
	do {
		uint64_t began;

		/* Longer than the deadline: the server's clock must not be as old as that. */
		usleep(SHORT_NS / 1000 * 3 / 2);
		began = harness_now_ns();
		result = probe_remaining(client->peer, &left);
		took = harness_now_ns() - began;
		/* Where the host had other work all of it may rightly be gone. */
	} while (took > SHORT_NS / 2);
	probe_assert_result(client->peer, result, 0);
	return left;
}

/* What a stub writes for a handler that slept: the time that is left counts from its arrival. */
static void test_remaining_time(void **state)
{
	struct client client;
	uint64_t left = 0;

	(void)state;
	probe_start(&client.probe, "--wait", "sleep", NULL);
	client.conn = probe_connect(&client.probe, NULL);
	client.peer = probe_bind(client.conn);
	probe_assert_alive(client.peer);
	assert_in_range(remaining_time(&client), 1, SHORT_NS);
	probe_peer_set_deadline(client.peer, VB_NO_DEADLINE);
	assert_int_equal(probe_remaining(client.peer, &left), 0);
	assert_true(left == VB_NO_DEADLINE);
	probe_peer_set_deadline(client.peer, 0);
	end(&client);
}

static void call_in_every_size(struct client *client)
{
	static uint8_t buffer[300000];

	for (unsigned i = 0; i < 30; i++) {
		probe_assert_alive(client->peer);
		assert_int_equal(probe_post(client->peer, i, NULL, 0), 0);
	}
	for (uint64_t n = 1; n < sizeof(buffer); n *= 13) {
		probe_assert_result(client->peer, probe_fill(client->peer, n, n, buffer, n), n);
		assert_true(pattern_is(buffer, n, n));
		probe_assert_result(client->peer, probe_check(client->peer, n, buffer, n), n);
	}
}

static void test_ways_of_waiting(void **state)
{
	static const char *const server[] = {"spin", "sleep", "adaptive"};
	static const enum vb_wait own[] = {VB_WAIT_SPIN, VB_WAIT_SLEEP, VB_WAIT_ADAPTIVE};

	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		struct vb_options options = VB_OPTIONS_INIT;
		struct client client;

		options.wait = own[i / 3];
		probe_start(&client.probe, "--wait", server[i % 3], NULL);
		client.conn = probe_connect(&client.probe, &options);
		client.peer = probe_bind(client.conn);
		call_in_every_size(&client);
		end(&client);
	}
}

/* Both ends have one CPU between them: who spins keeps the other from answering. */
static void test_one_cpu(void **state)
{
	struct client client;
	cpu_set_t all, one;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (size_t cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	begin(&client);
	for (unsigned i = 0; i < 20; i++)
		call_in_every_size(&client);
	end(&client);
}

/* Closing first and freeing the peers after is legal, if nothing is called between. */
static void test_peers_outlive_their_connection(void **state)
{
	struct client client;
	struct probe_peer *other;

	(void)state;
	begin(&client);
	other = probe_bind(client.conn);
	probe_assert_alive(other);
	vb_conn_close(client.conn);
	probe_peer_free(client.peer);
	probe_peer_free(other);
	probe_peer_free(NULL);
	vb_conn_close(NULL);
	probe_end(&client.probe);
}

static void test_two_addresses(void **state)
{
	struct client client;
	struct client other;

	(void)state;
	probe_start(&client.probe, "--also", harness_address("second"), NULL);
	other.probe = client.probe;
	snprintf(other.probe.address, sizeof(other.probe.address), "%s", harness_address("second"));
	client.conn = probe_connect(&client.probe, NULL);
	client.peer = probe_bind(client.conn);
	other.conn = probe_connect(&other.probe, NULL);
	other.peer = probe_bind(other.conn);
	call_in_every_size(&client);
	call_in_every_size(&other);
	assert_int_equal(probe_counters(client.peer).accepted, 2);
	probe_peer_free(other.peer);
	vb_conn_close(other.conn);
	end(&client);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_fixed_arguments),
	HARNESS_TEST(test_success_leaves_errno),
	HARNESS_TEST(test_null_arguments),
	HARNESS_TEST(test_strings),
	HARNESS_TEST(test_several_interfaces_and_peers),
	HARNESS_TEST(test_a_thousand_peers),
	HARNESS_TEST(test_two_connections),
	HARNESS_TEST(test_agreed_minor),
	HARNESS_TEST(test_oneway_flood),
	HARNESS_TEST(test_inflight_extremes),
	HARNESS_TEST(test_message_max_extremes),
	HARNESS_TEST(test_sessions_come_and_go),
	HARNESS_TEST(test_remaining_time),
	HARNESS_TEST(test_ways_of_waiting),
	HARNESS_TEST(test_one_cpu),
	HARNESS_TEST(test_peers_outlive_their_connection),
	HARNESS_TEST(test_two_addresses),
};

HARNESS_MAIN(tests, 2)
