/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that lie to a real client: it must fail with a cause, its memory stay its own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/hostile/raw.h"
#include "transport/shm/ring.h"
#include "transport/shm/slot.h"

#define TURNS 2000

struct attack {
	struct raw raw;
	struct vb_stats stats;
	struct vbi_domain *domain;
	struct vbi_endpoint *endpoint; /* the client */
	char path[64];
	unsigned n_connected, n_failed, n_received;
	struct vbi_cause cause;
};

static void refused(void *listener_owner, const struct vbi_cause *cause)
{
	(void)listener_owner;
	(void)cause;
	abort();
}

static int accepted(void *listener_owner, struct vbi_endpoint *endpoint)
{
	(void)listener_owner;
	(void)endpoint;
	return -ECONNABORTED;
}

static void connected(void *owner)
{
	((struct attack *)owner)->n_connected++;
}

static void received(void *owner, struct vbi_message *message)
{
	struct attack *attack = owner;

	attack->n_received++;
	vbi_shm.release(attack->endpoint, message);
}

static void failed(void *owner, const struct vbi_cause *cause)
{
	struct attack *attack = owner;

	attack->n_failed++;
	attack->cause = *cause;
}

static const struct vbi_events events = {
	.accepted = accepted,
	.refused = refused,
	.connected = connected,
	.received = received,
	.failed = failed,
};

static int setup(void **state)
{
	static unsigned serial;
	struct attack *attack = calloc(1, sizeof(*attack));
	struct vbi_cause cause;

	snprintf(attack->path, sizeof(attack->path), "/tmp/verbena-hostile-server-%d-%u", getpid(),
		 serial++);
	raw_server_listen(&attack->raw, attack->path);
	if (vbi_shm.domain_open(&events, &attack->stats,
				&(struct vbi_domain_options){.message_max = 8192}, &attack->domain,
				&cause) < 0 ||
	    vbi_shm.connect(attack->domain, attack->path, RAW_ARENA, attack, &attack->endpoint,
			    &cause) < 0)
		return -1;
	raw_server_accept(&attack->raw);
	*state = attack;
	return 0;
}

static int teardown(void **state)
{
	struct attack *attack = *state;

	if (attack->endpoint)
		vbi_shm.close(attack->endpoint);
	vbi_shm.domain_close(attack->domain);
	raw_close(&attack->raw);
	unlink(attack->path);
	free(attack);
	return 0;
}

static void turn(struct attack *attack)
{
	for (unsigned i = 0; i < TURNS; i++) {
		vbi_shm.poll(attack->domain);
		if (i % 500 == 0)
			vbi_shm.arm(attack->domain);
	}
}

static void expect_failed(struct attack *attack, int errnum)
{
	turn(attack);
	assert_int_equal(attack->n_failed, 1);
	assert_int_equal(attack->cause.errnum, errnum);
	assert_true(strlen(attack->cause.sentence) > 10);
}

/* Connects again, for the next attack of a series. */
static void again(void **state)
{
	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
}

static void answer_well(struct attack *attack)
{
	struct shm_answer answer = raw_answer();

	raw_send(&attack->raw, &answer, sizeof(answer), NULL, 0);
	turn(attack);
	assert_int_equal(attack->n_connected, 1);
}

/* ---- Answers ---- */

static void words_of_the_answer(void **state)
{
	struct shm_answer answers[8];
	static const int expected[] = {EPROTO, EPROTO, EPROTO, EPROTO,
				       EPROTO, EPROTO, EPROTO, EACCES};

	for (unsigned i = 0; i < 8; i++)
		answers[i] = raw_answer();
	answers[0].magic++;
	answers[1].version++;
	answers[2].size--;
	answers[3].status = 4096;
	answers[4].message_max = 0;
	answers[5].message_max = VBI_MESSAGE_MAX + 8;
	answers[6].message_max = 8191;
	answers[7].status = EACCES;
	/* No NUL, and what would move a terminal's cursor. */
	memset(answers[7].text, '\033', sizeof(answers[7].text));
	for (unsigned i = 0; i < 8; i++) {
		struct attack *attack = *state;

		raw_send(&attack->raw, &answers[i], sizeof(answers[i]), NULL, 0);
		expect_failed(attack, expected[i]);
		assert_null(strchr(attack->cause.sentence, '\033'));
		assert_int_equal(attack->n_connected, 0);
		again(state);
	}
}

static void lengths_of_the_answer(void **state)
{
	static const size_t lengths[] = {1, 16, sizeof(struct shm_answer) - 1,
					 sizeof(struct shm_answer) + 1, 4000};

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct attack *attack = *state;
		struct shm_answer answer = raw_answer();
		char bytes[4000] = {0};

		memcpy(bytes, &answer, sizeof(answer));
		raw_send(&attack->raw, bytes, lengths[i], NULL, 0);
		expect_failed(attack, EPROTO);
		again(state);
	}
}

static void answer_with_descriptors(void **state)
{
	struct attack *attack = *state;
	struct shm_answer answer = raw_answer();
	int fds[] = {0, 1, 2};

	raw_send(&attack->raw, &answer, sizeof(answer), fds, 3);
	expect_failed(attack, EPROTO);
}

static void end_instead_of_an_answer(void **state)
{
	struct attack *attack = *state;

	close(attack->raw.socket_fd);
	attack->raw.socket_fd = -1;
	expect_failed(attack, ECONNRESET);
}

/* Nothing comes: the client's own deadline ends it, by close(). */
static void silence(void **state)
{
	struct attack *attack = *state;

	turn(attack);
	assert_int_equal(attack->n_connected + attack->n_failed, 0);
	vbi_shm.close(attack->endpoint);
	attack->endpoint = NULL;
}

/* ---- The ring ---- */

static void words_in_the_ring(void **state)
{
	static const uint64_t words[] = {
		0, 8, 16, 9000, 0x1fff8, 65536, 64 | 1ull << SHM_ACK_SHIFT};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct attack *attack = *state;

		answer_well(attack);
		raw_write(&attack->raw, SHM_SERVER, words[i]);
		expect_failed(attack, EPROTO);
		again(state);
	}
}

/* ---- Exposed memory ---- */

static void expose(struct attack *attack, struct vbi_exposure *exposure, void *memory,
		   uint64_t length)
{
	*exposure = (struct vbi_exposure){
		.address = memory,
		.length = length,
		.rights = VBI_REMOTE_READ | VBI_REMOTE_WRITE,
	};
	assert_int_equal(vbi_shm.expose(attack->endpoint, exposure), 0);
}

static struct shm_slot *slot_of(struct attack *attack, const struct vbi_exposure *exposure)
{
	return raw_slot(&attack->raw, shm_key_slot(exposure->records[0].key));
}

static void counters_that_cannot_be(void **state)
{
	static const uint64_t values[] = {10001, 16385, 1ull << 40, UINT64_MAX};

	for (unsigned i = 0; i < 2 * sizeof(values) / sizeof(values[0]); i++) {
		struct attack *attack = *state;
		uint8_t *memory = calloc(1, 600000);
		struct vbi_exposure exposure;

		answer_well(attack);
		/* Longer than a window, so that there is more to fill. */
		expose(attack, &exposure, memory, i % 2 ? 600000 : 10000);
		if (i % 2)
			slot_of(attack, &exposure)->in_drained = values[i / 2] + (1u << 20);
		else
			slot_of(attack, &exposure)->out_filled = values[i / 2];
		expect_failed(attack, EPROTO);
		vbi_shm.revoke(attack->endpoint, &exposure, VBI_REVOKE_ANSWERED);
		for (unsigned at = 0; at < 600000; at++)
			assert_int_equal(memory[at], 0);
		free(memory);
		again(state);
	}
}

/* The lie comes with the answer, when the client takes what is left. */
static void counter_that_lies_at_the_end(void **state)
{
	struct attack *attack = *state;
	uint8_t memory[10000] = {0};
	struct vbi_exposure exposure;

	answer_well(attack);
	expose(attack, &exposure, memory, sizeof(memory));
	slot_of(attack, &exposure)->out_filled = 10001;
	assert_int_equal(vbi_shm.revoke(attack->endpoint, &exposure, VBI_REVOKE_ANSWERED), -EPROTO);
	expect_failed(attack, EPROTO);
}

/* What a server claims to have pushed after the end is nobody's. */
static void nothing_is_written_after_the_revocation(void **state)
{
	struct attack *attack = *state;
	uint8_t memory[8192];
	struct vbi_exposure exposure;
	struct shm_slot *slot;

	answer_well(attack);
	memset(memory, 7, sizeof(memory));
	expose(attack, &exposure, memory, sizeof(memory));
	slot = slot_of(attack, &exposure);
	assert_int_equal(vbi_shm.revoke(attack->endpoint, &exposure, VBI_REVOKE_ABANDON), 0);
	slot->out_filled = sizeof(memory);
	slot->word = shm_word_make(exposure.records[0].key, SHM_WORD_OPEN);
	turn(attack);
	for (unsigned at = 0; at < sizeof(memory); at++)
		assert_int_equal(memory[at], 7);
	assert_int_equal(attack->n_failed, 0);
}

static uint8_t *arena_at(struct attack *attack, const struct vbi_exposure *exposure)
{
	return attack->raw.base + SHM_ARENA_AT + exposure->records[0].address;
}

/* A server that is stopped in the middle of a copy holds the word, and writes on later. */
static void held_memory(struct attack *attack, enum vbi_revoke how, uint64_t word, int errnum)
{
	struct vbi_exposure exposure;
	uint8_t *memory;

	answer_well(attack);
	memory = vbi_shm.memory_alloc(attack->endpoint, 20000, NULL);
	assert_non_null(memory);
	memset(memory, 7, 20000);
	expose(attack, &exposure, memory + 5000, 9000);
	assert_int_equal(arena_at(attack, &exposure)[0], 7);
	slot_of(attack, &exposure)->word = word;
	assert_int_equal(vbi_shm.revoke(attack->endpoint, &exposure, how), 0);
	memset(arena_at(attack, &exposure), 0xee, 9000);
	expect_failed(attack, errnum);
	for (unsigned at = 0; at < 20000; at++)
		assert_int_equal(memory[at], 7);
	memory[5000] = 8;
	assert_int_equal(arena_at(attack, &exposure)[0], 0xee);
	assert_true(vbi_shm.memory_free(memory));
}

static void busy_when_abandoned(void **state)
{
	held_memory(*state, VBI_REVOKE_ABANDON, 1 * SHM_WORD_STATES + SHM_WORD_BUSY, ETIMEDOUT);
}

static void busy_when_answered(void **state)
{
	held_memory(*state, VBI_REVOKE_ANSWERED, 1 * SHM_WORD_STATES + SHM_WORD_BUSY, EPROTO);
}

/* What is in the window is not taken while it may change: an answer without it is none. */
static void busy_window_when_answered(void **state)
{
	struct attack *attack = *state;
	uint8_t memory[10000] = {0};
	struct vbi_exposure exposure;

	answer_well(attack);
	expose(attack, &exposure, memory, sizeof(memory));
	slot_of(attack, &exposure)->word = 1 * SHM_WORD_STATES + SHM_WORD_BUSY;
	slot_of(attack, &exposure)->out_filled = sizeof(memory);
	assert_int_equal(vbi_shm.revoke(attack->endpoint, &exposure, VBI_REVOKE_ANSWERED), -EPROTO);
	expect_failed(attack, EPROTO);
}

static void garbage_in_the_word(void **state)
{
	held_memory(*state, VBI_REVOKE_ABANDON, UINT64_MAX, ETIMEDOUT);
	again(state);
	held_memory(*state, VBI_REVOKE_ANSWERED, 0, EPROTO);
}

/* A window whose server is stuck is not used again, and does not cost the connection. */
static void busy_window_is_not_used_again(void **state)
{
	struct attack *attack = *state;
	uint8_t memory[5000] = {0};
	struct vbi_exposure first, second;

	answer_well(attack);
	expose(attack, &first, memory, sizeof(memory));
	slot_of(attack, &first)->word = 1 * SHM_WORD_STATES + SHM_WORD_BUSY;
	assert_int_equal(vbi_shm.revoke(attack->endpoint, &first, VBI_REVOKE_ABANDON), 0);
	expose(attack, &second, memory, sizeof(memory));
	assert_int_not_equal(shm_key_slot(second.records[0].key),
			     shm_key_slot(first.records[0].key));
	assert_true(second.records[0].address != first.records[0].address);
	turn(attack);
	assert_int_equal(attack->n_failed, 0);
	vbi_shm.revoke(attack->endpoint, &second, VBI_REVOKE_ABANDON);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(words_of_the_answer),
		CASE(lengths_of_the_answer),
		CASE(answer_with_descriptors),
		CASE(end_instead_of_an_answer),
		CASE(silence),
		CASE(words_in_the_ring),
		CASE(counters_that_cannot_be),
		CASE(counter_that_lies_at_the_end),
		CASE(nothing_is_written_after_the_revocation),
		CASE(busy_when_abandoned),
		CASE(busy_when_answered),
		CASE(busy_window_when_answered),
		CASE(garbage_in_the_word),
		CASE(busy_window_is_not_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
