/* SPDX-License-Identifier: Apache-2.0 */
#include "explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NONE UINT32_MAX

/* Address space, not memory: pages come with their first use. */
#define ARENA_SIZE ((size_t)4 << 30)
#define TABLE_SIZE (2 * EXPLORE_STATES_MAX)

/* Largest state, bytes: larger ones would not be explored in seconds. */
#define STATE_MAX     1024
/* Zeros behind a packed state, so that it can be read by eight bytes. */
#define PACKED_MARGIN 8
#define PACKED_MAX    (STATE_MAX + STATE_MAX / 8 + PACKED_MARGIN)

struct node {
	uint64_t at; /* of the packed state in the arena */
	uint32_t parent;
	uint32_t action;
	uint32_t depth;
	uint32_t size;
};

struct edge {
	uint32_t from;
	uint32_t to;
};

struct explore {
	const struct explore_model *model;
	uint8_t *arena;
	size_t arena_used;
	struct node *nodes;
	uint32_t n_nodes;
	uint32_t *table; /* node + 1; 0: empty */
	struct edge *own;
	size_t n_own;
	size_t own_room;
	uint32_t current;
	uint32_t n_own_here; /* own moves from the current state */
	uint32_t n_moves;
	const char *broken;
	bool failed; /* no memory */
};

/* ---- Packed states: for each 8 bytes, which are not zero, and those ---- */

/* Without branches on the bytes, of which nothing can be foretold: here all of the time goes. */
static uint32_t pack(const uint8_t *state, size_t size, uint8_t *packed)
{
	uint8_t *to = packed;

	for (size_t i = 0; i < size; i += 8) {
		uint8_t *mask = to++;
		unsigned found = 0;
		uint64_t word;

		memcpy(&word, state + i, sizeof(word));
		for (unsigned k = 0; word && k < 8; k++) {
			unsigned is_there = state[i + k] != 0;

			*to = state[i + k];
			to += is_there;
			found |= is_there << k;
		}
		*mask = (uint8_t)found;
	}
	memset(to, 0, PACKED_MARGIN);
	return (uint32_t)(to - packed);
}

static void unpack(const uint8_t *packed, uint8_t *state, size_t size)
{
	memset(state, 0, size);
	for (size_t i = 0; i < size; i += 8) {
		unsigned mask = *packed++;

		for (; mask; mask &= mask - 1)
			state[i + (unsigned)__builtin_ctz(mask)] = *packed++;
	}
}

/* Of SIZE bytes and the zeros behind them, by eight. */
static uint64_t hash(const uint8_t *bytes, uint32_t size)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (uint32_t i = 0; i < size; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return h;
}

/* ---- Nodes ---- */

static void *reserve(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static uint32_t add_node(struct explore *explore, const uint8_t *packed, uint32_t size,
			 uint32_t action)
{
	struct node *node = &explore->nodes[explore->n_nodes];

	if (explore->n_nodes == EXPLORE_STATES_MAX || explore->arena_used + size > ARENA_SIZE) {
		explore->failed = true;
		return NONE;
	}
	*node = (struct node){
		.at = explore->arena_used,
		.parent = explore->current,
		.action = action,
		.depth = explore->current == NONE ? 0 : explore->nodes[explore->current].depth + 1,
		.size = size,
	};
	memcpy(explore->arena + node->at, packed, size);
	explore->arena_used += size;
	return explore->n_nodes++;
}

/* The node of STATE, new if need be. */
static uint32_t find_or_add(struct explore *explore, const void *state, uint32_t action)
{
	uint8_t packed[PACKED_MAX];
	uint32_t size = pack(state, explore->model->state_size, packed);
	uint32_t place = (uint32_t)(hash(packed, size) % TABLE_SIZE);
	uint32_t node;

	for (; explore->table[place]; place = (place + 1) % TABLE_SIZE) {
		node = explore->table[place] - 1;
		if (explore->nodes[node].size == size &&
		    memcmp(explore->arena + explore->nodes[node].at, packed, size) == 0)
			return node;
	}
	node = add_node(explore, packed, size, action);
	if (node != NONE)
		explore->table[place] = node + 1;
	return node;
}

static void state_of(const struct explore *explore, uint32_t node, void *state)
{
	unpack(explore->arena + explore->nodes[node].at, state, explore->model->state_size);
}

static void add_own(struct explore *explore, uint32_t to)
{
	struct edge *own;

	explore->n_own_here++;
	if (explore->n_own == explore->own_room) {
		explore->own_room = explore->own_room ? 2 * explore->own_room : 1024;
		own = realloc(explore->own, explore->own_room * sizeof(*own));
		if (!own) {
			explore->failed = true;
			return;
		}
		explore->own = own;
	}
	explore->own[explore->n_own++] = (struct edge){explore->current, to};
}

void explore_add(struct explore *explore, uint32_t action, const void *state, bool own)
{
	uint32_t node;

	if (explore->failed || explore->broken)
		return;
	explore->n_moves++;
	node = find_or_add(explore, state, action);
	if (own && node != NONE)
		add_own(explore, node);
}

/* ---- What is broken ---- */

static void print_way(const struct explore *explore, uint32_t to)
{
	uint8_t state[STATE_MAX] __attribute__((aligned(8)));
	uint32_t n = explore->nodes[to].depth;
	uint32_t *way = calloc(n + 1u, sizeof(*way));

	if (!way)
		return;
	for (uint32_t i = n; i > 0; i--) {
		way[i] = to;
		to = explore->nodes[to].parent;
	}
	for (uint32_t i = 1; i <= n; i++) {
		state_of(explore, way[i], state);
		printf("%4u  ", i);
		explore->model->print(explore->model->model, explore->nodes[way[i]].action, state);
	}
	free(way);
}

static void tell(struct explore *explore, uint32_t node, const char *rule)
{
	printf("broken: %s\n", rule);
	explore->broken = rule;
	print_way(explore, node);
}

void explore_broken(struct explore *explore, uint32_t action, const void *state, const char *rule)
{
	if (explore->failed || explore->broken)
		return;
	tell(explore, explore->current, rule);
	printf("%4u  ", explore->nodes[explore->current].depth + 1);
	explore->model->print(explore->model->model, action, state);
}

/*
 * Takes away, again and again, the states that no own move leads to: what is left has a circle, and
 * what a circle leads to.
 */
static void look_for_circles(struct explore *explore)
{
	uint32_t *first = calloc(explore->n_nodes + 1u, sizeof(*first));
	uint32_t *n_into = calloc(explore->n_nodes + 1u, sizeof(*n_into));
	uint32_t *queue = calloc(explore->n_nodes + 1u, sizeof(*queue));
	uint32_t head = 0;
	uint32_t tail = 0;

	explore->failed = !first || !n_into || !queue;
	if (explore->failed)
		goto out;
	/* Edges were added in the order of the states that they come from. */
	for (size_t i = 0; i < explore->n_own; i++) {
		first[explore->own[i].from + 1]++;
		n_into[explore->own[i].to]++;
	}
	for (uint32_t i = 0; i < explore->n_nodes; i++) {
		first[i + 1] += first[i];
		if (!n_into[i])
			queue[tail++] = i;
	}
	while (head < tail) {
		uint32_t node = queue[head++];

		for (uint32_t i = first[node]; i < first[node + 1]; i++)
			if (!--n_into[explore->own[i].to])
				queue[tail++] = explore->own[i].to;
	}
	for (uint32_t i = 0; tail < explore->n_nodes && i < explore->n_nodes; i++) {
		if (!n_into[i])
			continue;
		tell(explore, i, "it goes round in a circle from here, or has come from one");
		break;
	}
out:
	free(first);
	free(n_into);
	free(queue);
}

/* ---- The walk ---- */

static void walk(struct explore *explore)
{
	uint8_t state[STATE_MAX] __attribute__((aligned(8)));
	const char *unrest;

	for (uint32_t i = 0; i < explore->n_nodes && !explore->failed && !explore->broken; i++) {
		explore->current = i;
		explore->n_own_here = 0;
		state_of(explore, i, state);
		explore->model->moves(explore->model->model, state, explore);
		if (explore->n_own_here || explore->broken)
			continue;
		unrest = explore->model->unrest(explore->model->model, state);
		if (unrest)
			tell(explore, i, unrest);
	}
	if (!explore->failed && !explore->broken)
		look_for_circles(explore);
}

bool explore(const struct explore_model *model, const void *first, struct explore_result *result)
{
	struct explore explore = {.model = model, .current = NONE};

	if (model->state_size > STATE_MAX || model->state_size % 8)
		return false;
	explore.arena = reserve(ARENA_SIZE);
	explore.nodes = reserve(EXPLORE_STATES_MAX * sizeof(*explore.nodes));
	explore.table = reserve(TABLE_SIZE * sizeof(*explore.table));
	explore.failed = !explore.arena || !explore.nodes || !explore.table;
	if (!explore.failed) {
		find_or_add(&explore, first, 0);
		walk(&explore);
	}
	*result = (struct explore_result){
		.n_states = explore.n_nodes,
		.n_moves = explore.n_moves,
		.depth = explore.n_nodes ? explore.nodes[explore.n_nodes - 1].depth : 0,
		.broken = explore.broken,
	};
	if (explore.arena)
		munmap(explore.arena, ARENA_SIZE);
	if (explore.nodes)
		munmap(explore.nodes, EXPLORE_STATES_MAX * sizeof(*explore.nodes));
	if (explore.table)
		munmap(explore.table, TABLE_SIZE * sizeof(*explore.table));
	free(explore.own);
	return !explore.failed;
}
