/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that small connections can do with credits, walked through.
 *
 *   credits_model                 exit status 0: no rule is broken
 *   credits_model --deep          the same with what takes a minute more
 *   credits_model --expect RULE   exit status 0: RULE is broken, for a bug was built in; the
 *                                 shortest way to it is printed
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

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
	 .binds = true},
	/* 0.4 */
	{.name = "window 2",
	 .n_conns = 1,
	 .inflight = 2,
	 .oneways = true,
	 .leaves = true,
	 .binds = true},
	/* 0.4 */
	{.name = "window 1, ping, pong and goodbye",
	 .n_conns = 1,
	 .inflight = 1,
	 .oneways = true,
	 .leaves = true,
	 .binds = true,
	 .transport = true},
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
	{.name = "two clients", .n_conns = 2, .inflight = 1, .oneways = true, .leaves = true},
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

static void set_up(const struct config *config, struct move *first)
{
	assert(config->n_conns <= CONNS_MAX && config->inflight <= VBI_INFLIGHT_MAX);
	memset(first, 0, sizeof(*first));
	first->config = config;
	first->state.n_free = (uint8_t)(config->n_conns * receives_of(config) + config->headroom);
	for (unsigned i = 0; i < config->n_conns; i++)
		conn_begin(first, i);
}

/* False: it could not be walked through. */
static bool walk(const struct config *config, const char **ret_broken)
{
	struct explore_model model = {
		.state_size = sizeof(struct state),
		.moves = moves,
		.unrest = unrest,
		.print = print,
		.model = config,
	};
	struct explore_result result;
	struct move first;

	set_up(config, &first);
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

int main(int argc, char **argv)
{
	const char *expected = argc == 3 && strcmp(argv[1], "--expect") == 0 ? argv[2] : NULL;
	bool deep = argc == 2 && strcmp(argv[1], "--deep") == 0;
	const char *broken = NULL;

	if (argc > 1 && !expected && !deep) {
		fprintf(stderr, "usage: %s [--deep | --expect RULE]\n", argv[0]);
		return 2;
	}
	for (unsigned i = 0; i < sizeof(configs) / sizeof(configs[0]) && !broken; i++)
		if ((deep || !configs[i].deep) && !walk(&configs[i], &broken))
			return 2;
	if (!expected)
		return broken ? 1 : 0;
	if (broken && strcmp(broken, expected) == 0)
		return 0;
	printf("expected: %s\n", expected);
	return 1;
}
