/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that small connections can do with credits, walked through.
 *
 *   credits_model                  exit status 0: no rule is broken, and all that can happen has
 *   credits_model --deep           the same with what takes a minute more
 *   credits_model --hole           exit status 0: it is noticed where no answer can be late
 *   credits_model --bugs [NUMBER]  exit status 0: each bug of enum vbi_credits_bug, or that one,
 *                                  breaks the rule that it should; the shortest way is printed
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

unsigned model_bug;

/* What each bug breaks; NULL: nothing here, or only after millions of states. */
#if VBI_INFLIGHT_MAX > 1
static const char *const bug_rules[] = {
	[VBI_BUG_NO_RECEIVE_FOR_ACK] = "a message finds no receive",
	[VBI_BUG_CREDIT_BEFORE_END] = "a message finds no receive",
	[VBI_BUG_ONEWAY_COUNTED_TWICE] = "a message finds no receive",
	[VBI_BUG_SLOT_FREED_EARLY] = "an answer is to no call that is outstanding",
	[VBI_BUG_NO_RECEIVE_IN_HAND] = "a message finds no receive",
	[VBI_BUG_CREDIT_NEVER_TOLD] = "stuck: the next call has no credit or no slot",
	[VBI_BUG_CONTROL_NOT_AWAITED] = "a message finds no receive",
	[VBI_BUG_REQUEST_KEPT] = "a receive of the server is lost, or one too many",
	[VBI_BUG_CREDIT_FOR_EVER] = "it goes round in a circle from here, or has come from one",
	[VBI_BUG_LATE_KEPT] = "a receive of the client is lost, or one too many",
};
#else
static const char *const bug_rules[] = {
	[VBI_BUG_NO_RECEIVE_FOR_ACK] = NULL,
	[VBI_BUG_CREDIT_BEFORE_END] = NULL,
	[VBI_BUG_ONEWAY_COUNTED_TWICE] = "credits go back, or too far ahead",
	[VBI_BUG_SLOT_FREED_EARLY] = "an answer is to no call that is outstanding",
	[VBI_BUG_NO_RECEIVE_IN_HAND] = NULL,
	[VBI_BUG_CREDIT_NEVER_TOLD] = "stuck: the next call has no credit or no slot",
	[VBI_BUG_CONTROL_NOT_AWAITED] = "an acknowledgement is of nothing",
	[VBI_BUG_REQUEST_KEPT] = "a receive of the server is lost, or one too many",
	[VBI_BUG_CREDIT_FOR_EVER] = NULL,
	[VBI_BUG_LATE_KEPT] = "a receive of the client is lost, or one too many",
};
#endif
_Static_assert(sizeof(bug_rules) / sizeof(bug_rules[0]) == VBI_BUGS, "each bug has its place");

/*
 * What is walked through: each line leaves out what would only multiply its states. The numbers
 * behind the names are millions of states, where there are any.
 */
static const struct config configs[] = {
#if VBI_INFLIGHT_MAX > 1
	{.name = "window 1",
	 .n_conns = 1,
	 .inflight = 1,
	 .oneways = true,
	 .leaves = true,
	 .stays = true,
	 .binds = true},
	/* 1.2 */
	{.name = "window 2",
	 .n_conns = 1,
	 .inflight = 2,
	 .oneways = true,
	 .leaves = true,
	 .stays = true,
	 .binds = true},
	/* 0.7 */
	{.name = "window 1, ping, pong and goodbye",
	 .n_conns = 1,
	 .inflight = 1,
	 .oneways = true,
	 .leaves = true,
	 .stays = true,
	 .binds = true,
	 .transport = true},
	{.name = "window 2, hostile, and connections end",
	 .n_conns = 1,
	 .inflight = 2,
	 .hostile = 2,
	 .headroom = 1,
	 .closes = true},
	/* 0.6 */
	{.name = "window 3, one-way", .n_conns = 1, .inflight = 3, .oneways = true},
	/* 1.6 */
	{.name = "window 3, callers leave",
	 .n_conns = 1,
	 .inflight = 3,
	 .leaves = true,
	 .deep = true},
	/* 2.0 */
	{.name = "window 2, ping, pong and goodbye",
	 .n_conns = 1,
	 .inflight = 2,
	 .oneways = true,
	 .transport = true,
	 .deep = true},
	/* 5.3 */
	{.name = "window 3, one-way and binds",
	 .n_conns = 1,
	 .inflight = 3,
	 .oneways = true,
	 .binds = true,
	 .deep = true},
#else
	{.name = "one client, ping, pong and goodbye",
	 .n_conns = 1,
	 .inflight = 1,
	 .binds = true,
	 .transport = true},
	/* 0.3 */
	{.name = "two clients",
	 .n_conns = 2,
	 .inflight = 1,
	 .oneways = true,
	 .leaves = true,
	 .stays = true},
	{.name = "two clients, connections end",
	 .n_conns = 2,
	 .inflight = 1,
	 .oneways = true,
	 .closes = true},
	/* 0.1 */
	{.name = "three clients", .n_conns = 3, .inflight = 1},
	/* 0.4 */
	{.name = "two clients, one hostile", .n_conns = 2, .inflight = 1, .hostile = 2},
	/* 0.6 */
	{.name = "two clients, one hostile, and headroom",
	 .n_conns = 2,
	 .inflight = 1,
	 .hostile = 2,
	 .headroom = 1,
	 .closes = true},
	/* 6.9 */
	{.name = "three clients, one-way",
	 .n_conns = 3,
	 .inflight = 1,
	 .oneways = true,
	 .deep = true},
#endif
};

static void set_up(const struct walk *walk, struct move *first)
{
	const struct config *config = walk->config;

	assert(config->n_conns <= CONNS_MAX && config->inflight <= VBI_INFLIGHT_MAX);
	memset(first, 0, sizeof(*first));
	first->config = config;
	first->seen = walk->seen;
	first->state.n_free = (uint8_t)(config->n_conns * receives_of(config) + config->headroom);
	for (unsigned i = 0; i < config->n_conns; i++)
		conn_begin(first, i);
}

/* False: it could not be walked through. */
static bool walk_one(const struct config *config, struct seen *seen, const char **ret_broken)
{
	struct walk walk = {.config = config, .seen = seen};
	struct explore_model model = {
		.state_size = sizeof(struct state),
		.moves = moves,
		.unrest = unrest,
		.print = print,
		.model = &walk,
	};
	struct explore_result result;
	struct move first;

	set_up(&walk, &first);
	if (!explore(&model, &first.state, &result)) {
		printf("%s: no memory, or too many states\n", config->name);
		return false;
	}
	printf("%-40s %9u states, %9u moves, at most %3u from the first\n", config->name,
	       result.n_states, result.n_moves, result.depth);
	fflush(stdout);
	*ret_broken = result.broken;
	return true;
}

/* Until a rule is broken. False: a configuration could not be walked through. */
static bool walk_all(bool deep, struct seen *seen, const char **ret_broken)
{
	*ret_broken = NULL;
	memset(seen, 0, sizeof(*seen));
	for (unsigned i = 0; i < sizeof(configs) / sizeof(configs[0]) && !*ret_broken; i++)
		if ((deep || !configs[i].deep) && !walk_one(&configs[i], seen, ret_broken))
			return false;
	return true;
}

/* How much is missing with CONFIG alone. False: not walked through, or a rule is broken. */
static bool count_missing(const struct config *config, unsigned *ret_n)
{
	struct seen seen = {0};
	const char *broken;

	if (!walk_one(config, &seen, &broken) || broken)
		return false;
	*ret_n = seen_missing(&seen);
	return true;
}

/* Where every caller that leaves ends the connection, two things at least are missing that were
 * there: that one leaves and it stays, and the answer that comes then. */
static int find_hole(void)
{
	struct config config = {0};
	unsigned n_before;
	unsigned n_missing;

	for (unsigned i = 0; !config.stays; i++)
		config = configs[i];
	if (!count_missing(&config, &n_before))
		return 2;
	config.stays = false;
	config.name = "the same, and none stays";
	if (!count_missing(&config, &n_missing))
		return 2;
	return n_missing >= n_before + 2 ? 0 : 1;
}

/* Whether the bug is found, by the rule that it breaks. */
static bool finds(unsigned bug)
{
	struct seen seen;
	const char *broken;

	if (!bug_rules[bug]) {
		printf("bug %u: not looked for here\n", bug);
		return true;
	}
	printf("bug %u, by which %s\n", bug, bug_rules[bug]);
	model_bug = bug;
	if (!walk_all(false, &seen, &broken))
		return false;
	if (broken && strcmp(broken, bug_rules[bug]) == 0)
		return true;
	printf("bug %u was not found so\n", bug);
	return false;
}

static int find_bugs(unsigned first, unsigned last)
{
	bool all = true;

	for (unsigned bug = first; bug <= last; bug++)
		all = finds(bug) && all;
	return all ? 0 : 1;
}

static int hold_rules(bool deep)
{
	struct seen seen;
	const char *broken;

	if (!walk_all(deep, &seen, &broken))
		return 2;
	return broken || seen_missing(&seen) ? 1 : 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	unsigned long bug = argc == 3 ? strtoul(argv[2], NULL, 10) : 1;

	if (argc == 1)
		return hold_rules(false);
	if (argc == 2 && strcmp(what, "--deep") == 0)
		return hold_rules(true);
	if (argc == 2 && strcmp(what, "--hole") == 0)
		return find_hole();
	if (argc <= 3 && strcmp(what, "--bugs") == 0 && bug && bug < VBI_BUGS)
		return find_bugs((unsigned)bug, argc == 3 ? (unsigned)bug : VBI_BUGS - 1);
	fprintf(stderr, "usage: %s [--deep | --hole | --bugs [1 to %d]]\n", argv[0], VBI_BUGS - 1);
	return 2;
}
