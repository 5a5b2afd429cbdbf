/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that shake hands and then break the rules of the shared memory. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/hostile/victim.h"
#include "transport/shm/ring.h"
#include "transport/shm/slot.h"

#define ABSURD_SEED 20261120u

/* ---- The ring ---- */

static void lengths_that_cannot_be(void **state)
{
	static const uint64_t lengths[] = {0,	 8,	16,    8200,	8256,
					   9000, 65536, 65544, 0x1fff8, 0x1ff00};

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct victim *victim = *state;
		struct raw raw;

		victim_join(victim, &raw);
		raw_write(&raw, SHM_CLIENT, lengths[i]);
		victim_expect_thrown(victim, &raw, EPROTO);
		victim->n_failed = 0;
	}
}

/* What is before the bad one has been said in good faith, and is answered. */
static void good_messages_before_a_bad_one(void **state)
{
	struct victim *victim = *state;
	struct request request = {.id = 5};
	struct raw raw;
	uint32_t word;

	victim_join(victim, &raw);
	for (unsigned i = 0; i < 3; i++)
		raw_message(&raw, SHM_CLIENT, &request, sizeof(request));
	raw_write(&raw, SHM_CLIENT, 8);
	victim_turn(victim);
	for (unsigned i = 0; i < 3; i++) {
		memcpy(&word, raw_ring(&raw, SHM_SERVER) + i * SHM_LINE, sizeof(word));
		assert_int_equal(word & (SHM_LENGTH_BITS | SHM_MARK_BITS), sizeof(request) | 1);
	}
	victim_expect_thrown(victim, &raw, EPROTO);
}

/* A mark of another lap is no message: the client waits for ever, and only the client. */
static void marks_of_other_laps(void **state)
{
	struct victim *victim = *state;
	struct raw raw;

	victim_join(victim, &raw);
	for (raw.mark = 0; raw.mark <= 7; raw.mark++) {
		if (raw.mark == 1 || raw.mark == 2)
			continue;
		raw.offset = 0;
		raw_write(&raw, SHM_CLIENT, 64);
		victim_turn(victim);
		victim_check(victim);
		assert_int_equal(victim->n_failed, 0);
	}
	raw_close(&raw);
	victim_turn(victim);
	assert_int_equal(victim->n_failed, 1);
}

/* A message that claims to go on behind the ring's end. */
static void message_over_the_end(void **state)
{
	struct victim *victim = *state;
	struct request request = {0};
	struct raw raw;

	victim_join(victim, &raw);
	while (raw.offset < shm_ring_size(8192) - SHM_LINE) {
		raw_message(&raw, SHM_CLIENT, &request, sizeof(request));
		if (raw.offset % (4 * SHM_LINE) == 0)
			victim_turn(victim);
	}
	victim_turn(victim);
	assert_int_equal(victim->n_failed, 0);
	raw_write(&raw, SHM_CLIENT, 128);
	victim_expect_thrown(victim, &raw, EPROTO);
}

/* A message on the line behind the ring, where the server looks and nothing can be. */
static void message_behind_the_end(void **state)
{
	struct victim *victim = *state;
	struct request request = {0};
	struct raw raw;

	victim_join(victim, &raw);
	while (raw.offset < shm_ring_size(8192)) {
		raw_message(&raw, SHM_CLIENT, &request, sizeof(request));
		if (raw.offset % (4 * SHM_LINE) == 0)
			victim_turn(victim);
	}
	victim_turn(victim);
	assert_int_equal(victim->n_failed, 0);
	raw_write(&raw, SHM_CLIENT, 64);
	victim_expect_thrown(victim, &raw, EPROTO);
}

static void acks_of_what_was_not_sent(void **state)
{
	static const uint64_t acks[] = {1, 2, 100, SHM_ACK_BITS};

	for (unsigned i = 0; i < sizeof(acks) / sizeof(acks[0]); i++) {
		struct victim *victim = *state;
		struct raw raw;

		victim_join(victim, &raw);
		raw_write(&raw, SHM_CLIENT, 64 | acks[i] << SHM_ACK_SHIFT);
		victim_expect_thrown(victim, &raw, EPROTO);
		victim->n_failed = 0;
	}
}

/* Asks for echoes and reads none, until the server has no room for them. */
static void fill_server_ring(struct victim *victim, struct raw *raw)
{
	static const uint8_t request[4096];
	uint64_t size = shm_ring_size(8192);

	for (unsigned i = 0; i < size / 4096 + 4; i++) {
		raw_message(raw, SHM_CLIENT, request, sizeof(request));
		if (raw->offset == size) {
			raw->offset = 0;
			raw->mark++;
		}
		victim_turn(victim);
	}
	assert_true(victim->stats.ring_full > 0);
	assert_int_equal(victim->n_failed, 0);
}

static void positions_that_cannot_be(void **state)
{
	static const uint64_t positions[] = {1, 63, 1u << 20, UINT64_MAX / 2, (1ull << 62) + 64};

	for (unsigned i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
		struct victim *victim = *state;
		struct raw raw;

		victim_join(victim, &raw);
		fill_server_ring(victim, &raw);
		raw_side(&raw, SHM_CLIENT)->consumed = positions[i];
		victim_expect_thrown(victim, &raw, EPROTO);
		victim->n_failed = 0;
		victim->stats.ring_full = 0;
	}
}

/* Never reads its answers: the server keeps a bounded number of them and no more. */
static void answers_that_nobody_reads(void **state)
{
	struct victim *victim = *state;
	static const uint8_t request[4096];
	struct raw raw;
	uint64_t size = shm_ring_size(8192);

	victim_join(victim, &raw);
	for (unsigned i = 0; i < 3000; i++) {
		raw_message(&raw, SHM_CLIENT, request, sizeof(request));
		if (raw.offset == size) {
			raw.offset = 0;
			raw.mark = raw.mark % 7 + 1;
		}
		for (unsigned k = 0; k < 4; k++)
			victim->ops->poll(victim->domain);
	}
	victim_check(victim);
	raw_close(&raw);
	victim_turn(victim);
	assert_int_equal(victim->n_failed, 1);
}

/* ---- Flags, sockets, eventfds ---- */

static void always_asleep(void **state)
{
	struct victim *victim = *state;
	struct request request = {0};
	struct raw raw;

	victim_join(victim, &raw);
	raw_side(&raw, SHM_CLIENT)->flags = UINT32_MAX;
	raw_side(&raw, SHM_CLIENT)->cpu = UINT32_MAX;
	for (unsigned i = 0; i < 8; i++)
		raw_message(&raw, SHM_CLIENT, &request, sizeof(request));
	victim_turn(victim);
	/* One sleep is worth one wake-up. */
	assert_int_equal(victim->stats.wakeups_sent, 1);
	assert_int_equal(victim->n_failed, 0);
	victim->ops->spin_pays(victim->domain);
	raw_close(&raw);
	victim_turn(victim);
}

/* An eventfd that would block whoever writes it. */
static void eventfd_made_to_block(void **state)
{
	struct victim *victim = *state;
	struct request request = {0};
	uint64_t most = UINT64_MAX - 1;
	struct raw raw;

	victim_join(victim, &raw);
	assert_int_equal(write(raw.event_fds[SHM_CLIENT], &most, sizeof(most)), sizeof(most));
	assert_int_equal(fcntl(raw.event_fds[SHM_CLIENT], F_SETFL, 0), 0);
	raw_side(&raw, SHM_CLIENT)->flags = SHM_SLEEPING | SHM_SLEEP_COUNT;
	raw_message(&raw, SHM_CLIENT, &request, sizeof(request));
	victim_expect_thrown(victim, &raw, EPROTO);
}

/* A counter that is full wakes all the same. */
static void eventfd_that_is_full(void **state)
{
	struct victim *victim = *state;
	struct request request = {0};
	uint64_t most = UINT64_MAX - 1;
	struct raw raw;

	victim_join(victim, &raw);
	assert_int_equal(write(raw.event_fds[SHM_CLIENT], &most, sizeof(most)), sizeof(most));
	raw_side(&raw, SHM_CLIENT)->flags = SHM_SLEEPING | SHM_SLEEP_COUNT;
	raw_message(&raw, SHM_CLIENT, &request, sizeof(request));
	victim_turn(victim);
	assert_int_equal(victim->n_failed, 0);
	raw_close(&raw);
	victim_turn(victim);
}

static void words_on_the_socket(void **state)
{
	struct victim *victim = *state;
	struct raw raw;

	victim_join(victim, &raw);
	raw_send(&raw, &raw.hello, sizeof(raw.hello), NULL, 0);
	victim_expect_thrown(victim, &raw, EPROTO);
}

/* Descriptors sent after the handshake do not pile up in the server. */
static void descriptors_on_the_socket(void **state)
{
	struct victim *victim = *state;
	struct raw raw;
	int before = dup(0);

	close(before);
	victim_join(victim, &raw);
	raw_client_hello(&raw);
	victim_expect_thrown(victim, &raw, EPROTO);
	assert_int_equal(dup(0), before);
	close(before);
}

/* Messages, then the end: what was said before it counts, and only so much. */
static void end_in_the_middle(void **state)
{
	struct victim *victim = *state;
	struct request request = {.order = ORDER_PULL};
	struct raw raw;

	victim_join(victim, &raw);
	raw_slot(&raw, 3)->word = shm_word_make(shm_key(3, 1), SHM_WORD_OPEN);
	request.record = (struct vbi_record){
		.length = 5000,
		.key = shm_key(3, 1),
		.flags = VBI_REMOTE_READ | SHM_RECORD_PIPE | 13u << SHM_RECORD_SHIFT_AT,
	};
	raw_message(&raw, SHM_CLIENT, &request, sizeof(request));
	raw_close(&raw);
	victim_turn(victim);
	assert_int_equal(victim->n_failed, 1);
	assert_int_equal(victim->cause.errnum, ECONNRESET);
	assert_int_equal(victim->n_done, 1);
	assert_int_equal(victim->status, -ECONNRESET);
}

/* ---- Records and counters ---- */

static struct vbi_record pipe_record(uint32_t slot, uint64_t length)
{
	return (struct vbi_record){
		.address = 2u << SHM_WINDOW_SHIFT_MIN,
		.length = length,
		.key = shm_key(slot, 1),
		.flags = VBI_REMOTE_READ | VBI_REMOTE_WRITE | SHM_RECORD_PIPE |
			 13u << SHM_RECORD_SHIFT_AT,
	};
}

static void ask(struct victim *victim, struct raw *raw, enum order order,
		const struct vbi_record *record)
{
	struct request request = {.order = order, .record = *record};

	victim->n_done = 0;
	victim->status = 1;
	raw_message(raw, SHM_CLIENT, &request, sizeof(request));
	victim_turn(victim);
}

static void records_that_cannot_be(void **state)
{
	struct victim *victim = *state;
	struct vbi_record good = pipe_record(0, 10000), place = good;
	struct raw raw;

	place.flags = VBI_REMOTE_READ | VBI_REMOTE_WRITE;
	const struct {
		struct vbi_record record;
	} bad[] = {
		{{good.address, 0, good.key, good.flags}},
		{{good.address + 1, good.length, good.key, good.flags}},
		{{SHM_WINDOWS_SIZE - 8192, good.length, good.key, good.flags}},
		{{UINT64_MAX - 4095, good.length, good.key, good.flags}},
		{{good.address, good.length, SHM_SLOTS, good.flags}},
		{{good.address, good.length, UINT32_MAX, good.flags}},
		{{good.address, good.length, good.key, good.flags | 1u << 31}},
		{{good.address, good.length, good.key, good.flags | 8u}},
		{{good.address, good.length, good.key,
		  (good.flags & ~SHM_RECORD_SHIFT_MASK) | 11u << SHM_RECORD_SHIFT_AT}},
		{{good.address, good.length, good.key,
		  (good.flags & ~SHM_RECORD_SHIFT_MASK) | 20u << SHM_RECORD_SHIFT_AT}},
		{{good.address, good.length, good.key, good.flags | SHM_RECORD_SHIFT_MASK}},
		{{good.address, good.length, good.key, SHM_RECORD_PIPE | 13u << 8}},
		{{0, RAW_ARENA + 1, place.key, place.flags}},
		{{RAW_ARENA, 1, place.key, place.flags}},
		{{UINT64_MAX, 2, place.key, place.flags}},
		{{1, UINT64_MAX, place.key, place.flags}},
		{{0, 4096, place.key, place.flags | 13u << 8}},
		{{0, 4096, place.key, 0}},
	};

	victim_join(victim, &raw);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (enum order order = ORDER_PULL; order <= ORDER_MAP; order++) {
			victim->mapped = true;
			ask(victim, &raw, order, &bad[i].record);
			assert_int_equal(order == ORDER_MAP ? victim->mapped : victim->status,
					 order == ORDER_MAP ? 0 : -EPROTO);
		}
	assert_int_equal(victim->n_failed, 0);
	victim_check(victim);
	raw_close(&raw);
	victim_turn(victim);
}

static void words_that_are_not_open(void **state)
{
	static const uint64_t words[] = {0, 4, 6, 7, 9, 1, UINT64_MAX};
	struct victim *victim = *state;
	struct vbi_record record = pipe_record(7, 10000);
	struct raw raw;

	victim_join(victim, &raw);
	raw_slot(&raw, 7)->in_filled = 8192;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		raw_slot(&raw, 7)->word = words[i];
		ask(victim, &raw, ORDER_PULL, &record);
		assert_int_equal(victim->status, -ECANCELED);
		ask(victim, &raw, ORDER_PUSH, &record);
		assert_int_equal(victim->status, -ECANCELED);
	}
	assert_int_equal(victim->n_failed, 0);
	raw_close(&raw);
	victim_turn(victim);
}

/* Of an exposure that has ended the counters stand anywhere: its next chunk is no breach. */
static void counters_of_what_has_ended(void **state)
{
	struct victim *victim = *state;
	struct vbi_record record = pipe_record(7, 10000);
	struct raw raw;

	victim_join(victim, &raw);
	raw_slot(&raw, 7)->word = shm_word_make(record.key, SHM_WORD_CLOSED);
	raw_slot(&raw, 7)->in_filled = 1ull << 40;
	raw_slot(&raw, 7)->out_drained = 1ull << 40;
	ask(victim, &raw, ORDER_PULL, &record);
	assert_int_equal(victim->status, -ECANCELED);
	ask(victim, &raw, ORDER_PUSH, &record);
	assert_int_equal(victim->status, -ECANCELED);
	assert_int_equal(victim->n_failed, 0);
	raw_close(&raw);
	victim_turn(victim);
}

/* Says that it will fill, and does not: its own request waits. */
static void counters_that_stand_still(void **state)
{
	struct victim *victim = *state;
	struct vbi_record record = pipe_record(7, 10000);
	struct raw raw;

	victim_join(victim, &raw);
	raw_slot(&raw, 7)->word = shm_word_make(record.key, SHM_WORD_OPEN);
	raw_slot(&raw, 7)->in_filled = 100;
	ask(victim, &raw, ORDER_PULL, &record);
	assert_int_equal(victim->n_done, 0);
	victim_check(victim);
	raw_close(&raw);
	victim_turn(victim);
	assert_int_equal(victim->n_done, 1);
	assert_int_equal(victim->status, -ECONNRESET);
}

static void counters_that_cannot_be(void **state)
{
	static const uint64_t values[] = {8193, 10001, 1ull << 40, UINT64_MAX};

	for (unsigned i = 0; i < 2 * sizeof(values) / sizeof(values[0]); i++) {
		struct victim *victim = *state;
		struct vbi_record record = pipe_record(7, 10000);
		struct raw raw;

		victim_join(victim, &raw);
		raw_slot(&raw, 7)->word = shm_word_make(record.key, SHM_WORD_OPEN);
		if (i % 2)
			raw_slot(&raw, 7)->in_filled = values[i / 2];
		else
			raw_slot(&raw, 7)->out_drained = values[i / 2];
		ask(victim, &raw, i % 2 ? ORDER_PULL : ORDER_PUSH, &record);
		assert_int_equal(victim->n_done, 1);
		assert_int_equal(victim->status, -EPROTO);
		victim_expect_thrown(victim, &raw, EPROTO);
		victim->n_failed = 0;
	}
}

/* ---- Anything ---- */

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void scribble(struct raw *raw)
{
	uint64_t value = random_next() % 2 ? random_next() : random_next() % 300;
	uint64_t where = random_next() % 8;
	uint64_t at = where < 2	  ? random_next() % 256
		      : where < 4 ? SHM_SLOTS_AT + random_next() % (8 * sizeof(struct shm_slot))
				  : SHM_RING_AT(0) + random_next() % 4096;

	at &= ~7ull;
	if (where > 5)
		at &= ~63ull;
	if (where == 7)
		value = (value & SHM_LENGTH_BITS) | (1 + random_next() % 2);
	memcpy(raw->base + at, &value, sizeof(value));
}

/* Random words everywhere, requests between them; whoever is thrown out comes again. */
static void scribbling(void **state)
{
	struct victim *victim = *state;
	struct request request = {0};
	struct raw raw;
	char byte;

	random_state = ABSURD_SEED;
	victim_join(victim, &raw);
	for (unsigned round = 0; round < 6000; round++) {
		for (unsigned i = random_next() % 8; i; i--)
			scribble(&raw);
		request.order = random_next() % 5;
		request.record = pipe_record((uint32_t)(random_next() % 8),
					     1 + random_next() % 99999);
		request.record.flags &= ~(random_next() % 8 == 0 ? SHM_RECORD_PIPE : 0);
		if (random_next() % 4 == 0 && raw.offset < shm_ring_size(8192) - 1024)
			raw_message(&raw, SHM_CLIENT, &request, sizeof(request));
		for (unsigned i = 0; i < 20; i++)
			victim->ops->poll(victim->domain);
		if (round % 64 == 0)
			victim_turn(victim);
		if (raw_receive(&raw, &byte, 1) == 0) {
			raw_close(&raw);
			victim_join(victim, &raw);
		}
	}
	raw_close(&raw);
	victim_turn(victim);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, victim_setup, victim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(lengths_that_cannot_be),
		CASE(good_messages_before_a_bad_one),
		CASE(marks_of_other_laps),
		CASE(message_over_the_end),
		CASE(message_behind_the_end),
		CASE(acks_of_what_was_not_sent),
		CASE(positions_that_cannot_be),
		CASE(answers_that_nobody_reads),
		CASE(always_asleep),
		CASE(eventfd_made_to_block),
		CASE(eventfd_that_is_full),
		CASE(words_on_the_socket),
		CASE(descriptors_on_the_socket),
		CASE(end_in_the_middle),
		CASE(records_that_cannot_be),
		CASE(words_that_are_not_open),
		CASE(counters_of_what_has_ended),
		CASE(counters_that_stand_still),
		CASE(counters_that_cannot_be),
		CASE(scribbling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
