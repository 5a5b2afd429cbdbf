/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/keepalive.h"

void verbs_keepalive_init(struct verbs_keepalive *keepalive, uint64_t keepalive_ns, bool accepting,
			  uint64_t now)
{
	uint64_t interval = keepalive_ns / (accepting ? 4 : 8);

	*keepalive = (struct verbs_keepalive){
		.interval = interval,
		.patience = keepalive_ns - 2 * interval,
		.is_answered = !accepting,
		.heard_at = now,
	};
}

/* When the next question is due, if the peer says nothing. */
static uint64_t due(const struct verbs_keepalive *keepalive)
{
	uint64_t after_silence = keepalive->heard_at + keepalive->interval;
	uint64_t after_question = keepalive->asked_at +
				  (keepalive->interval << keepalive->unanswered);

	return keepalive->unanswered && after_question > after_silence ? after_question
								       : after_silence;
}

static void ask(struct verbs_keepalive *keepalive, uint64_t now)
{
	keepalive->unacknowledged = true;
	keepalive->unanswered += keepalive->is_answered;
	keepalive->asked_at = now;
}

enum verbs_life verbs_keepalive_look(struct verbs_keepalive *keepalive, uint64_t now,
				     uint64_t *ret_next)
{
	uint64_t interval = keepalive->interval;
	uint64_t gone_at;
	bool asks;

	if (!interval) {
		*ret_next = UINT64_MAX;
		return VERBS_LIFE_WAIT;
	}
	if (keepalive->heard) {
		keepalive->heard = false;
		keepalive->heard_at = now;
	}
	asks = !keepalive->unacknowledged && keepalive->unanswered < VERBS_PINGS_MAX &&
	       now >= due(keepalive);
	if (asks)
		ask(keepalive, now);
	gone_at = keepalive->unacknowledged ? keepalive->asked_at + keepalive->patience
					    : UINT64_MAX;
	if (now >= gone_at)
		return VERBS_LIFE_GONE;
	/* A sign of life that comes changes what is due, and nobody calls then. */
	*ret_next = keepalive->unacknowledged || keepalive->unanswered ? now + interval
								       : due(keepalive);
	*ret_next = *ret_next < gone_at ? *ret_next : gone_at;
	return asks ? VERBS_LIFE_ASK : VERBS_LIFE_WAIT;
}

void verbs_keepalive_acknowledged(struct verbs_keepalive *keepalive)
{
	keepalive->unacknowledged = false;
	keepalive->heard = true;
}

void verbs_keepalive_unasked(struct verbs_keepalive *keepalive)
{
	keepalive->unacknowledged = false;
	keepalive->unanswered -= keepalive->is_answered;
}

bool verbs_keepalive_answered(struct verbs_keepalive *keepalive)
{
	if (!keepalive->unanswered)
		return false;
	keepalive->unanswered--;
	return true;
}
