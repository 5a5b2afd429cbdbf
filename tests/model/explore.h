/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks through every state that a model can reach, breadth first, so that what leads to a
 * broken rule is told by the shortest way there.
 *
 * A move is the model's own when it happens without anybody wanting something new: a message is
 * taken, a handler ends. Two things are asked of those: a state in which there is none left must be
 * one at rest, and they may not go round in a circle. So whatever has been begun is finished,
 * however the moves are mixed.
 *
 * States are kept whole (packed), not as hashes: two are never taken for one.
 */
#ifndef MODEL_EXPLORE_H
#define MODEL_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct explore;

struct explore_model {
	size_t state_size; /* bytes, without padding that is not zero; a multiple of 8 */
	/* Calls explore_add() or explore_broken() for each move from STATE. */
	void (*moves)(const void *model, const void *state, struct explore *explore);
	/* NULL, or what is not at rest in a state in which nothing moves by itself. */
	const char *(*unrest)(const void *model, const void *state);
	/* Prints one line: what ACTION did, and where it has led to. */
	void (*print)(const void *model, uint32_t action, const void *state);
	const void *model;
};

/* What has been found. */
struct explore_result {
	uint32_t n_states;
	uint32_t n_moves;
	uint32_t depth;	    /* of the state that is farthest */
	const char *broken; /* the rule; NULL: none */
};

/*
 * From FIRST on. Prints the way to the first broken rule. False: no memory, or more states than
 * EXPLORE_STATES_MAX.
 */
bool explore(const struct explore_model *model, const void *first, struct explore_result *result);

/* From moves(): ACTION leads to STATE. OWN: without anybody wanting something new. */
void explore_add(struct explore *explore, uint32_t action, const void *state, bool own);

/* From moves(): ACTION leads to STATE, in which RULE is broken. */
void explore_broken(struct explore *explore, uint32_t action, const void *state, const char *rule);

/* A test of seconds has some millions; more would be a mistake in the model. */
#define EXPLORE_STATES_MAX (1u << 24)

#endif
