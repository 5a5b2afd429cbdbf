/* SPDX-License-Identifier: Apache-2.0 */
/* The sums of the keepalive, on a clock of our own. */
#include "transport/verbs/keepalive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A multiple of 8, as large as can be gone through in all its steps. */
#define KEEPALIVE 240u
#define LONG	  (1000u * KEEPALIVE)
#define NEVER	  UINT64_MAX

struct peer {
	bool accepting;	      /* this side, that is */
	bool is_stopped;      /* its process answers nothing */
	uint64_t speaks_at;   /* it sends a message, and */
	uint64_t speaks_each; /* so often again; 0: once */
	uint64_t dies_at;
};

struct course {
	unsigned n_asked;
	uint64_t gone_at; /* NEVER: it was not taken for dead */
};

/* Whether the peer has sent a message in (AFTER, UNTIL]. */
static bool spoke(const struct peer *peer, uint64_t after, uint64_t until)
{
	uint64_t at = peer->speaks_at;

	while (peer->speaks_each && at <= after)
		at += peer->speaks_each;
	return at > after && at <= until && at < peer->dies_at;
}

/* Looks when a look is due and at no other time, up to UNTIL. */
static struct course watch(const struct peer *peer, uint64_t until)
{
	struct verbs_keepalive keepalive;
	struct course course = {.gone_at = NEVER};
	uint64_t now = 0, next;

	verbs_keepalive_init(&keepalive, KEEPALIVE, peer->accepting, now);
	for (; now <= until; now = next) {
		enum verbs_life life = verbs_keepalive_look(&keepalive, now, &next);

		if (life == VERBS_LIFE_GONE) {
			course.gone_at = now;
			break;
		}
		assert_true(next > now);
		if (life == VERBS_LIFE_ASK) {
			course.n_asked++;
			if (now < peer->dies_at) {
				verbs_keepalive_acknowledged(&keepalive);
				if (!peer->accepting && !peer->is_stopped)
					assert_true(verbs_keepalive_answered(&keepalive));
			}
		}
		keepalive.heard |= spoke(peer, now, next);
	}
	return course;
}

/* The longest that a death goes unnoticed: whenever the peer spoke last, whenever it dies. */
static uint64_t longest(bool accepting)
{
	uint64_t most = 0;

	for (uint64_t speaks_at = 0; speaks_at < 2 * KEEPALIVE; speaks_at++) {
		for (uint64_t dies_at = speaks_at + 1; dies_at < 4 * KEEPALIVE; dies_at++) {
			const struct peer peer = {accepting, false, speaks_at, 0, dies_at};
			struct course course = watch(&peer, LONG);

			assert_true(course.gone_at != NEVER);
			assert_true(course.gone_at >= dies_at);
			if (course.gone_at - dies_at > most)
				most = course.gone_at - dies_at;
		}
	}
	return most;
}

/* A step less than the sum: who dies the moment that it was looked at has not spoken since. */
static void a_death_is_noticed_in_time(void **state)
{
	(void)state;
	assert_int_equal(longest(false), KEEPALIVE - 1);
	assert_int_equal(longest(true), KEEPALIVE - 1);
}

static void who_lives_is_left_in_peace(void **state)
{
	(void)state;
	for (unsigned accepting = 0; accepting < 2; accepting++) {
		const struct peer idle = {accepting, false, 0, 0, NEVER};
		const struct peer busy = {accepting, false, 1, KEEPALIVE / 8, NEVER};
		struct course course = watch(&idle, LONG);

		assert_true(course.gone_at == NEVER);
		assert_in_range(course.n_asked, LONG / KEEPALIVE, 4 * LONG / KEEPALIVE);
		course = watch(&busy, LONG);
		assert_true(course.gone_at == NEVER);
		assert_int_equal(course.n_asked, 0);
	}
}

/* A side that accepts asks what needs no answer: nothing changes. */
static void a_stopped_client_is_asked_as_ever(void **state)
{
	const struct peer idle = {true, false, 0, 0, NEVER};
	const struct peer stopped = {true, true, 0, 0, NEVER};

	(void)state;
	assert_int_equal(watch(&stopped, LONG).n_asked, watch(&idle, LONG).n_asked);
}

static void a_stopped_server_is_asked_ever_less(void **state)
{
	const struct peer stopped = {false, true, 0, 0, NEVER};
	uint64_t last_question = (KEEPALIVE / 8) * ((1u << VERBS_PINGS_MAX) - 1);

	(void)state;
	assert_true(watch(&stopped, LONG).gone_at == NEVER);
	assert_int_equal(watch(&stopped, LONG).n_asked, VERBS_PINGS_MAX);
	for (uint64_t dies_at = 1; dies_at < last_question; dies_at += KEEPALIVE / 12) {
		const struct peer peer = {false, true, 0, 0, dies_at};
		struct course course = watch(&peer, LONG);

		assert_true(course.gone_at != NEVER);
		assert_in_range(course.gone_at, dies_at, 2 * dies_at + KEEPALIVE);
	}
}

/* It went on, and answers all at once: it is asked as before. */
static void answers_make_up(void **state)
{
	struct verbs_keepalive keepalive;
	unsigned n_asked = 0;
	uint64_t now = 0, next;

	(void)state;
	verbs_keepalive_init(&keepalive, KEEPALIVE, false, now);
	while (n_asked < VERBS_PINGS_MAX) {
		if (verbs_keepalive_look(&keepalive, now, &next) == VERBS_LIFE_ASK) {
			n_asked++;
			verbs_keepalive_acknowledged(&keepalive);
		}
		now = next;
	}
	for (unsigned i = 0; i < VERBS_PINGS_MAX; i++)
		assert_true(verbs_keepalive_answered(&keepalive));
	assert_false(verbs_keepalive_answered(&keepalive));
	assert_int_equal(verbs_keepalive_look(&keepalive, now, &next), VERBS_LIFE_WAIT);
	assert_int_equal(next, now + KEEPALIVE / 8);
	assert_int_equal(verbs_keepalive_look(&keepalive, next, &next), VERBS_LIFE_ASK);
}

static void what_was_not_asked_is_asked_again(void **state)
{
	struct verbs_keepalive keepalive;
	uint64_t next;

	(void)state;
	for (unsigned accepting = 0; accepting < 2; accepting++) {
		verbs_keepalive_init(&keepalive, KEEPALIVE, accepting, 0);
		assert_int_equal(verbs_keepalive_look(&keepalive, KEEPALIVE, &next),
				 VERBS_LIFE_ASK);
		verbs_keepalive_unasked(&keepalive);
		assert_false(verbs_keepalive_answered(&keepalive));
		assert_int_equal(verbs_keepalive_look(&keepalive, next, &next), VERBS_LIFE_ASK);
	}
}

static void without_a_keepalive_nothing_is_asked(void **state)
{
	struct verbs_keepalive keepalive;
	uint64_t next;

	(void)state;
	verbs_keepalive_init(&keepalive, 0, true, 0);
	assert_int_equal(verbs_keepalive_look(&keepalive, LONG, &next), VERBS_LIFE_WAIT);
	assert_true(next == NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_death_is_noticed_in_time),
		cmocka_unit_test(who_lives_is_left_in_peace),
		cmocka_unit_test(a_stopped_client_is_asked_as_ever),
		cmocka_unit_test(a_stopped_server_is_asked_ever_less),
		cmocka_unit_test(answers_make_up),
		cmocka_unit_test(what_was_not_asked_is_asked_again),
		cmocka_unit_test(without_a_keepalive_nothing_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
