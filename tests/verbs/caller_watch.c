/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers of calls that are over, in which nothing may change any more. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/e2e/pattern.h"
#include "tests/verbs/caller.h"

/* Large enough to be exposed itself, and not a copy; and for a slow network to be some time at. */
#define ROUND_BYTES  (4ull << 20)
/* The smallest that is exposed itself, about: the more calls, the more ends of calls. */
#define TURN_BYTES   (300ull << 10)
/* So many calls later a buffer is used again: by then what was lost has been sent again. */
#define TURN_BUFFERS 8u
/* How long the last buffers are looked at, ms: some of a queue pair's time-outs. */
#define TURN_END_MS  1000u

#define CANARY 0xc5

static const struct timespec moment = {.tv_nsec = 1000000};

static uint8_t *buffer_of(uint64_t bytes)
{
	uint8_t *buffer = malloc(bytes);

	if (!buffer) {
		perror("verbs-caller");
		exit(2);
	}
	return buffer;
}

static void check_canary(const uint8_t *buffer, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i++) {
		if (buffer[i] == CANARY)
			continue;
		printf("changed after its call: byte %llu is 0x%02x\n", (unsigned long long)i,
		       buffer[i]);
		exit(2);
	}
}

/* ---- Until a call fails ---- */

struct sight {
	const uint8_t *buffer;
	atomic_bool ends;
};

static uint8_t peek(const uint8_t *byte)
{
	return *(const volatile uint8_t *)byte;
}

/* A pattern of a round has bytes of all values: some of the first are not zero. */
static bool has_begun(const uint8_t *buffer)
{
	for (unsigned i = 0; i < 64; i++)
		if (peek(&buffer[i]))
			return true;
	return false;
}

/* Tells, from outside the call, that some bytes are there and the last are not. */
static void *see_moving(void *context)
{
	struct sight *sight = context;

	while (!atomic_load(&sight->ends)) {
		if (has_begun(sight->buffer) && !has_begun(sight->buffer + ROUND_BYTES - 64)) {
			printf("moving\n");
			return NULL;
		}
		nanosleep(&moment, NULL);
	}
	return NULL;
}

static int64_t one_round(struct probe_peer *peer, uint8_t *buffer, bool out, uint64_t seed)
{
	if (!out)
		return probe_check(peer, 1, buffer, ROUND_BYTES);
	memset(buffer, 0, ROUND_BYTES);
	return probe_fill(peer, seed, ROUND_BYTES, buffer, ROUND_BYTES);
}

static void watch_until_told(uint8_t *buffer)
{
	const struct timespec now = {0};
	sigset_t set;

	memset(buffer, CANARY, ROUND_BYTES);
	printf("watching\n");
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	while (sigtimedwait(&set, NULL, &now) != SIGTERM)
		check_canary(buffer, ROUND_BYTES);
	check_canary(buffer, ROUND_BYTES);
	printf("unchanged\n");
}

int caller_rounds(const struct vb_conn *conn, struct probe_peer *peer, bool out)
{
	uint8_t *buffer = buffer_of(ROUND_BYTES);
	struct sight sight = {.buffer = buffer};
	uint64_t start = caller_now_ms();
	pthread_t thread;
	uint64_t n = 0;
	bool sees;

	pattern_fill(buffer, ROUND_BYTES, 1);
	if (one_round(peer, buffer, out, 1) != (int64_t)ROUND_BYTES) {
		caller_say_failed(conn, peer, start);
		free(buffer);
		return 0;
	}
	printf("called\n");
	if (out)
		memset(buffer, 0, ROUND_BYTES);
	sees = out && pthread_create(&thread, NULL, see_moving, &sight) == 0;
	do {
		start = caller_now_ms();
		n++;
	} while (one_round(peer, buffer, out, n) == (int64_t)ROUND_BYTES);
	caller_say_failed(conn, peer, start);
	if (sees) {
		atomic_store(&sight.ends, true);
		pthread_join(thread, NULL);
	}
	watch_until_told(buffer);
	free(buffer);
	return 0;
}

/* ---- In turn ---- */

static void watch_all(uint8_t *const *buffers)
{
	uint64_t end = caller_now_ms() + TURN_END_MS;

	do {
		for (unsigned i = 0; i < TURN_BUFFERS; i++)
			check_canary(buffers[i], TURN_BYTES);
	} while (caller_now_ms() < end);
}

/* A call into a buffer that has been left alone since its last turn. -1: it failed. */
static int turn(struct probe_peer *peer, uint8_t *buffer, uint64_t seed)
{
	check_canary(buffer, TURN_BYTES);
	if (probe_fill(peer, seed, TURN_BYTES, buffer, TURN_BYTES) != (int64_t)TURN_BYTES)
		return -1;
	if (!pattern_is(buffer, TURN_BYTES, seed)) {
		printf("a buffer came back wrong\n");
		exit(2);
	}
	memset(buffer, CANARY, TURN_BYTES);
	return 0;
}

int caller_canaries(const struct vb_conn *conn, struct probe_peer *peer, unsigned long n)
{
	uint8_t *buffers[TURN_BUFFERS];
	uint64_t start = caller_now_ms();
	int error = 0;

	for (unsigned i = 0; i < TURN_BUFFERS; i++) {
		buffers[i] = buffer_of(TURN_BYTES);
		memset(buffers[i], CANARY, TURN_BYTES);
	}
	for (unsigned long i = 0; i < n && !error; i++) {
		start = caller_now_ms();
		error = turn(peer, buffers[i % TURN_BUFFERS], i);
		if (!i && !error)
			printf("called\n");
	}
	if (error) {
		caller_say_failed(conn, peer, start);
	} else {
		watch_all(buffers);
		printf("done\n");
	}
	for (unsigned i = 0; i < TURN_BUFFERS; i++)
		free(buffers[i]);
	return 0;
}
