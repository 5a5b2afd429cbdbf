/* SPDX-License-Identifier: Apache-2.0 */
/* What has happened, against all that can: what the table of rpc/credits.h has, and every move. */
#include <stdio.h>

#include "model.h"

static const char *const event_names[] = {
	[VBI_ON_CALL] = "a call",
	[VBI_ON_ONEWAY] = "a one-way call",
	[VBI_ON_ANSWER] = "an answer",
	[VBI_ON_LATE_ANSWER] = "a late answer",
	[VBI_ON_REQUEST_OVER] = "the end of a request",
	[VBI_ON_ONEWAY_OVER] = "the end of a one-way request",
	[VBI_ON_CONTROL] = "a control message",
	[VBI_ON_ACK] = "an acknowledgement",
	[VBI_ON_HELLO] = "a hello",
};
_Static_assert(sizeof(event_names) / sizeof(event_names[0]) == VBI_EVENTS, "each has a name");

static const char *const step_names[] = {
	[VBI_STEP_SEND] = "send what it is about",
	[VBI_STEP_RELEASE] = "release it",
	[VBI_STEP_RELEASE_HELD] = "release the answer before",
	[VBI_STEP_HOLD] = "keep it",
	[VBI_STEP_GRANT] = "give the credit back",
	[VBI_STEP_ACKNOWLEDGE] = "acknowledge it",
	[VBI_STEP_CONTROL] = "send the control that is due",
	[VBI_STEP_OPEN] = "send our hello",
};

static unsigned missing_steps(const struct seen *seen, unsigned event)
{
	const uint8_t *steps = vbi_credits_steps[event];
	unsigned n = 0;

	for (unsigned i = 0; i < VBI_CREDITS_STEPS && steps[i] != VBI_STEP_END; i++) {
		if (seen->steps[event][i])
			continue;
		printf("never seen: %s: %s\n", event_names[event], step_names[steps[i]]);
		n++;
	}
	return n;
}

unsigned seen_missing(const struct seen *seen)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ACTS; i++) {
		if (seen->acts[i])
			continue;
		printf("never seen: %s\n", act_names[i]);
		n++;
	}
	for (unsigned i = 0; i < VBI_EVENTS; i++) {
		if (seen->events[i]) {
			n += missing_steps(seen, i);
			continue;
		}
		printf("never seen: %s\n", event_names[i]);
		n++;
	}
	if (n)
		printf("what has not happened has not been checked: let a configuration have it\n");
	return n;
}
