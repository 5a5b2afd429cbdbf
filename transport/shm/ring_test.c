/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/ring.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX	      8192u
#define RANDOM_ROUNDS 40000u

/* Two ends of one ring, and what has to come out next. */
struct pair {
	uint8_t *data;
	struct shm_side side; /* the consumer's */
	struct shm_tx tx;
	struct shm_rx rx;
	uint32_t calm;
	uint64_t sent, taken; /* messages */
	uint64_t in_flight[4096];
	_Alignas(8) uint8_t message[MAX], copy[MAX];
};

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % n;
}

static int setup(void **state)
{
	struct pair *pair = aligned_alloc(SHM_LINE, SHM_ROUND_UP(sizeof(*pair), SHM_LINE));
	uint32_t size = shm_ring_size(MAX);

	memset(pair, 0, sizeof(*pair));
	pair->data = aligned_alloc(SHM_LINE, size + SHM_LINE);
	memset(pair->data, 0, size + SHM_LINE);
	assert_int_equal(shm_tx_init(&pair->tx, pair->data, size, &pair->side), 0);
	shm_rx_init(&pair->rx, pair->data, size, &pair->side.consumed, MAX);
	random_state = 1;
	*state = pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	shm_tx_fini(&pair->tx);
	free(pair->data);
	free(pair);
	return 0;
}

/* Payload of which each word, wherever a line starts, looks like the mark of some lap. */
static void make(struct pair *pair, uint32_t length)
{
	for (uint32_t at = 0; at < length; at += 8) {
		uint64_t word = (pair->sent * 31 + at) * 8 + 1 + (pair->sent + at / 8) % 7;

		memcpy(pair->message + at, &word, sizeof(word));
	}
}

static bool send(struct pair *pair, uint32_t length)
{
	int error;

	make(pair, length);
	if (!shm_tx_has_room(&pair->tx, length)) {
		error = shm_tx_make_room(&pair->tx, shm_tx_span(length), pair->calm);
		assert_true(error == 0 || error == -ENOBUFS);
		if (error)
			return false;
	}
	shm_tx_write(&pair->tx, pair->message, length, 0x1234);
	pair->in_flight[pair->sent++ % 4096] = length;
	return true;
}

static bool take(struct pair *pair)
{
	uint64_t first, sent = pair->sent;
	uint32_t length, word;

	if (!shm_rx_peek(&pair->rx, &first)) {
		assert_false(shm_rx_ready(&pair->rx));
		return false;
	}
	length = shm_first_length(first);
	assert_int_equal(length, pair->in_flight[pair->taken % 4096]);
	assert_int_equal(shm_first_ack(first), 0x1234);
	assert_true(shm_rx_length_valid(&pair->rx, length));
	shm_rx_take(&pair->rx, first, pair->copy);
	pair->sent = pair->taken++;
	make(pair, length);
	pair->sent = sent;
	memcpy(&word, pair->copy, sizeof(word));
	assert_int_equal(word, length);
	assert_memory_equal(pair->copy + 4, pair->message + 4, length - 4);
	return true;
}

/* An answer: what it says of the consumer. */
static void acknowledge(struct pair *pair)
{
	bool wrong = false;
	bool all = shm_tx_acknowledge(&pair->tx, shm_rx_ack(&pair->rx), &wrong);

	assert_false(wrong);
	pair->calm = all ? pair->calm + 1 : 0;
	if (pair->calm == SHM_CALM)
		pair->tx.edge = 0;
}

static void every_length(void **state)
{
	struct pair *pair = *state;

	for (uint32_t length = VBI_MESSAGE_MIN; length <= MAX; length += 8) {
		assert_true(send(pair, length));
		assert_true(take(pair));
		assert_false(take(pair));
	}
}

static uint32_t random_length(void)
{
	switch (random_below(4)) {
	case 0:
		return 24 + random_below(6) * 8;
	case 1:
		return 24 + random_below(60) * 8;
	case 2:
		return 24 + random_below(MAX / 8 - 2) * 8;
	default:
		return 56;
	}
}

/* Bursts, single calls and silence in random turn; with answers, without, or with some. */
static void random_traffic(struct pair *pair, uint32_t answers)
{
	for (unsigned round = 0; round < RANDOM_ROUNDS; round++) {
		uint32_t burst = random_below(3) ? 1 : random_below(200);

		if (round % 5000 < 2500)
			burst = 1;
		while (burst-- && pair->sent - pair->taken < 4096 && send(pair, random_length()))
			;
		/* Never so that nothing goes on: a consumer that has taken all makes room. */
		if (random_below(8) == 0) {
			while (take(pair))
				;
			assert_true(send(pair, MAX));
		}
		while (random_below(16) && take(pair))
			;
		if (answers && random_below(answers) == 0)
			acknowledge(pair);
	}
	while (take(pair))
		;
	assert_int_equal(pair->sent, pair->taken);
}

static void traffic_with_answers(void **state)
{
	random_traffic(*state, 1);
}

static void traffic_with_few_answers(void **state)
{
	random_traffic(*state, 5000);
}

static void traffic_without_answers(void **state)
{
	random_traffic(*state, 0);
}

/* Single calls come to use the same eight lines; a burst uses them all. */
static void calm_laps_are_short(void **state)
{
	struct pair *pair = *state;

	for (unsigned i = 0; i < 1000; i++) {
		assert_true(send(pair, 56));
		assert_true(take(pair));
		acknowledge(pair);
		if (i > 100)
			assert_true(pair->tx.offset <= SHM_LAP_SHORT);
	}
	/* An answer that finds some of a burst still there ends the calm. */
	for (unsigned i = 0; i < 4; i++)
		assert_true(send(pair, 56));
	assert_true(take(pair));
	acknowledge(pair);
	assert_int_equal(pair->calm, 0);
	while (take(pair))
		;
	acknowledge(pair);
	/* All but the line behind the last message, in this lap and in the next. */
	for (unsigned i = 0; i < shm_ring_size(MAX) / SHM_LINE - 2; i++)
		assert_true(send(pair, 56));
	assert_false(send(pair, 56));
}

/* The consumer is far ahead of what the answers could say: they say less, never more. */
static void acks_far_apart(void **state)
{
	struct pair *pair = *state;

	for (unsigned i = 0; i < 50; i++) {
		for (unsigned k = 0; k < 3000; k++) {
			assert_true(send(pair, 512));
			assert_true(take(pair));
		}
		acknowledge(pair);
		assert_true(pair->tx.consumed <= shm_rx_position(&pair->rx));
	}
	/* Answers without messages between them catch up. */
	for (unsigned i = 0; i < 20; i++)
		acknowledge(pair);
	assert_true(pair->tx.acked == shm_rx_position(&pair->rx));
}

static void consumer_that_lies(void **state)
{
	static const uint64_t lies[] = {1, 64, 1u << 20, UINT64_MAX / 4};
	struct pair *pair = *state;
	bool wrong = false;

	while (send(pair, MAX))
		;
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		pair->side.consumed = pair->tx.lap + pair->tx.offset + lies[i];
		assert_int_equal(shm_tx_make_room(&pair->tx, shm_tx_span(MAX), 0), -EPROTO);
	}
	/* Behind what is known is no lie: an answer may have been faster. */
	pair->side.consumed = 0;
	assert_int_equal(shm_tx_make_room(&pair->tx, shm_tx_span(MAX), 0), -ENOBUFS);
	assert_false(shm_tx_acknowledge(&pair->tx, SHM_ACK_BITS, &wrong));
	assert_true(wrong);
}

/* No byte of the buffer that is not the message's gets into the ring. */
static void nothing_else_is_copied(void **state)
{
	struct pair *pair = *state;

	for (uint32_t length = VBI_MESSAGE_MIN; length <= 256; length += 8) {
		uint8_t *line = pair->data + pair->tx.offset;

		memset(pair->message, 0xee, sizeof(pair->message));
		assert_true(shm_tx_has_room(&pair->tx, length));
		shm_tx_write(&pair->tx, pair->message, length, 0);
		for (uint32_t at = length; at < shm_span(length); at++)
			assert_int_equal(line[at], 0);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_length),
		CASE(traffic_with_answers),
		CASE(traffic_with_few_answers),
		CASE(traffic_without_answers),
		CASE(calm_laps_are_short),
		CASE(acks_far_apart),
		CASE(consumer_that_lies),
		CASE(nothing_else_is_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
