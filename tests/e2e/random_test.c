/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random calls of several clients at one server, some of which are killed. Whatever happens to the
 * others, each call's bytes are its own. VERBENA_TEST_SEED repeats a run's calls.
 */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/pattern.h"

#define N_CLIENTS  5
#define MIB	   (1024ull * 1024)
#define BUFFER_MAX (3 * MIB)

/* How long the whole lasts. */
#define RUN_NS 6000000000ull

struct player {
	struct probe probe;
	uint64_t seed;
	struct vb_conn *conn;
	struct probe_peer *peer;
	uint8_t *heap;
	uint8_t *allocated;
	uint64_t state; /* of the random numbers */
};

/* splitmix64. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t below(struct player *player, uint64_t limit)
{
	return next_random(&player->state) % limit;
}

/* Sizes of every order of magnitude. */
static uint64_t random_size(struct player *player)
{
	return below(player, (BUFFER_MAX >> below(player, 21)) + 1);
}

static int enter(struct player *player)
{
	struct vb_options options = VB_OPTIONS_INIT;
	static const uint32_t inflights[] = {1, 2, 64, 1024};
	static const uint32_t message_maxs[] = {4096, 8192, 65536};

	options.inflight = inflights[below(player, 4)];
	options.message_max = message_maxs[below(player, 3)];
	options.wait = (enum vb_wait)below(player, 3);
	player->conn = probe_connect_to(player->probe.address, &options);
	if (!player->conn)
		return -1;
	player->peer = probe_peer_bind(player->conn);
	player->allocated = vb_memory_alloc(player->conn, BUFFER_MAX);
	return player->peer && player->allocated ? 0 : -1;
}

static void leave(struct player *player)
{
	probe_peer_free(player->peer);
	vb_conn_close(player->conn);
	vb_memory_free(NULL, player->allocated);
}

/* One call. 0: its result was right, or it ended by its deadline. */
static int play_buffer(struct player *player, uint64_t seed)
{
	uint64_t size = random_size(player);
	bool direct = below(player, 2);
	uint8_t *memory = below(player, 2) ? player->heap : player->allocated;
	int64_t result;

	switch (below(player, 3)) {
	case 0:
		result = direct ? probe_fill_direct(player->peer, seed, size, memory, size)
				: probe_fill(player->peer, seed, size, memory, size);
		return result < 0						   ? -1
		       : result == (int64_t)size && pattern_is(memory, size, seed) ? 0
										   : 1;
	case 1:
		pattern_fill(memory, size, seed);
		result = direct ? probe_check_direct(player->peer, seed, memory, size)
				: probe_check(player->peer, seed, memory, size);
		return result < 0 ? -1 : result == (int64_t)size ? 0 : 1;
	default:
		pattern_fill(memory, size, seed);
		result = direct ? probe_flip_direct(player->peer, memory, size)
				: probe_flip(player->peer, memory, size);
		return result < 0 ? -1 : pattern_is_flipped(memory, size, seed) ? 0 : 1;
	}
}

static int play_small(struct player *player, uint64_t seed)
{
	int32_t number = (int32_t)below(player, 1000);

	switch (below(player, 4)) {
	case 0:
		return probe_add(player->peer, number, 1) == number + 1 ? 0 : -1;
	case 1:
		return probe_post(player->peer, seed, NULL, 0);
	case 2:
		return probe_measure(player->peer, "abcdefghijklmnopqrstuvwxyzabc") == 29 ? 0 : -1;
	default:
		if (probe_fail(player->peer, ENOTTY) != -1)
			return 1;
		return errno == ENOTTY ? 0 : -1;
	}
}

static int play(struct player *player)
{
	uint64_t seed = next_random(&player->state);
	bool hurried = below(player, 20) == 0;
	uint64_t deadline_ns = hurried ? 1 + below(player, 3000000) : PROBE_PATIENCE_NS;
	int result;

	probe_peer_set_deadline(player->peer, deadline_ns);
	result = below(player, 3) ? play_small(player, seed) : play_buffer(player, seed);
	if (result < 0 && hurried && errno == ETIMEDOUT)
		result = 0;
	return result;
}

/* Calls until it is killed, or its time is over. The exit status says what went wrong. */
static int client(void *context)
{
	struct player player = *(struct player *)context;
	uint64_t end_ns = harness_now_ns() + RUN_NS;

	player.state = player.seed;
	player.heap = malloc(BUFFER_MAX);
	while (harness_now_ns() < end_ns) {
		int result = 0;

		if (!player.heap || enter(&player))
			return 2;
		for (uint64_t i = below(&player, 500); i > 0 && harness_now_ns() < end_ns; i--) {
			result = play(&player);
			if (result || vb_conn_error(player.conn)->errnum)
				break;
		}
		if (result) {
			fprintf(stderr, "client with seed 0x%llx: %s (%s)\n",
				(unsigned long long)player.seed, strerror(errno),
				vb_conn_error(player.conn)->sentence);
			return 3;
		}
		leave(&player);
	}
	free(player.heap);
	return 0;
}

static uint64_t choose_seed(void)
{
	const char *given = getenv("VERBENA_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : harness_now_ns();

	print_message("VERBENA_TEST_SEED=0x%llx\n", (unsigned long long)seed);
	return seed;
}

static void test_random_calls_and_kills(void **state)
{
	struct player player = {.seed = choose_seed()};
	uint64_t random = player.seed;
	pid_t clients[N_CLIENTS];
	struct probe_peer *peer;
	struct vb_conn *conn;
	uint64_t end_ns;

	(void)state;
	probe_start(&player.probe, "--bulk-max", "16777216", NULL);
	for (unsigned i = 0; i < N_CLIENTS; i++) {
		player.seed = next_random(&random);
		clients[i] = harness_spawn_fresh(client, &player, sizeof(player), -1);
	}
	/* The first two play to the end; of the others one is killed at least. */
	end_ns = harness_now_ns() + RUN_NS;
	do {
		unsigned i = 2 + (unsigned)(next_random(&random) % (N_CLIENTS - 2));

		usleep((useconds_t)(next_random(&random) % 100000));
		harness_kill(clients[i]);
		player.seed = next_random(&random);
		clients[i] = harness_spawn_fresh(client, &player, sizeof(player), -1);
	} while (harness_now_ns() < end_ns);
	for (unsigned i = 2; i < N_CLIENTS; i++)
		harness_kill(clients[i]);
	assert_int_equal(harness_wait(clients[0]), 0);
	assert_int_equal(harness_wait(clients[1]), 0);
	conn = probe_connect(&player.probe, NULL);
	peer = probe_bind(conn);
	while (probe_counters(peer).gone + 1 < probe_counters(peer).bound)
		;
	assert_int_equal(probe_counters(peer).gone + 1, probe_counters(peer).bound);
	assert_int_equal(probe_counters(peer).protocol_errors, 0);
	probe_peer_free(peer);
	vb_conn_close(conn);
	probe_end(&player.probe);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_random_calls_and_kills),
};

HARNESS_MAIN(tests, 1)
