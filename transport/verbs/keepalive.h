/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a peer is asked for a sign of life, and when it is taken for dead. Sums only: no queue pair,
 * and the time is the caller's. All times are nanoseconds of one clock.
 *
 * An idle queue pair never times out: a host that has lost power is noticed only if something is
 * sent to it. So the connecting side asks after an eighth of the keepalive of silence, the
 * accepting side after a quarter: as a rule it is asked before. The device's acknowledgement is the
 * host's sign of life. The look at an endpoint happens when its next question would be due, and
 * silence counts from there: at worst one interval late. What is left is for the acknowledgement,
 * that a path which is lost for a moment may come back in.
 *
 *   connecting:  interval T/8 late, T/8 of silence, 3/4 T for the acknowledgement: T
 *   accepting:   interval T/4 late, T/4 of silence, 1/2 T for the acknowledgement: T
 *
 * What the connecting side asks is a message, which takes a receive until the peer's process has
 * answered it. While the process does not answer, being busy or stopped, the time to the next
 * question doubles, so that a few receives last: its host's death is then noticed within twice the
 * time for which it has been silent. After the last of them nothing is asked until it answers.
 * What the accepting side asks takes no receive.
 */
#ifndef VERBS_KEEPALIVE_H
#define VERBS_KEEPALIVE_H

#include <stdbool.h>
#include <stdint.h>

/* Questions of a connection that a process may owe an answer to: the last is asked 254 intervals
 * after the first, a minute and a half by default. Each takes a receive. */
#define VERBS_PINGS_MAX 8u

struct verbs_keepalive {
	uint64_t interval;   /* of silence, and between looks; 0: nothing is ever asked */
	uint64_t patience;   /* for an acknowledgement */
	bool is_answered;    /* the peer's process answers questions, too */
	bool heard;	     /* set by whoever hears of the peer; since the last look */
	bool unacknowledged; /* asked, and the device has not said that it has arrived */
	uint32_t unanswered; /* questions to which the process owes an answer */
	uint64_t heard_at;   /* so far the peer was alive */
	uint64_t asked_at;
};

enum verbs_life {
	VERBS_LIFE_WAIT, /* nothing to do now */
	VERBS_LIFE_ASK,	 /* ask: it counts as asked already */
	VERBS_LIFE_GONE, /* nothing was acknowledged in time */
};

/* At the beginning, NOW; KEEPALIVE: the whole bound, 0 for none. */
void verbs_keepalive_init(struct verbs_keepalive *keepalive, uint64_t keepalive_ns, bool accepting,
			  uint64_t now);
/* A look. *RET_NEXT: when the next is due at the latest; UINT64_MAX: never. Of a peer that is gone
 * it says nothing. */
enum verbs_life verbs_keepalive_look(struct verbs_keepalive *keepalive, uint64_t now,
				     uint64_t *ret_next);
/* The last question has arrived at the peer's host. */
void verbs_keepalive_acknowledged(struct verbs_keepalive *keepalive);
/* It could not be asked. */
void verbs_keepalive_unasked(struct verbs_keepalive *keepalive);
/* The process has answered one. False: none was owed. */
bool verbs_keepalive_answered(struct verbs_keepalive *keepalive);

#endif
