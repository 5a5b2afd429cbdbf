/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/rounds.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/pattern.h"
#include "tests/faults/steps.h"

#define LARGEST	  (320u * STEP_KIB)
#define LATE_SIZE (24u * STEP_KIB)

/* Random calls of one connection, beside those that each has. */
#define RANDOM_CALLS 6u

/* Connections too many, where it is refusals that fail. */
#define N_REFUSALS 2u

/* How long a client tries to connect; and where a lost event is what ends it. */
#define CONNECT_MS	10000u
#define CONNECT_LOST_MS 3000u

/* Deadlines that may come before the answer does. */
#define HURRY_NS (3 * STEP_MS)

/* The beginning of what was a call's that ended by its deadline: it must stay as it is, and is
 * looked at when the server has stopped. */
#define CANARY_SEED 0xcafe
#define CANARY_SIZE LATE_SIZE
static struct retired {
	uint8_t *memory;
	bool is_named;
} retired[SCENES_MAX * STEPS];
static unsigned n_retired, n_touched;

/* ---- Random ---- */

/* Sebastiano Vigna's splitmix64. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint32_t below(struct rounds *rounds, uint32_t limit)
{
	return (uint32_t)(next_random(&rounds->state) % limit);
}

/* Of every order of magnitude. */
static uint32_t random_size(struct rounds *rounds)
{
	return 1 + below(rounds, LARGEST >> below(rounds, 14));
}

/* ---- Memory ---- */

struct player {
	struct client client;
	struct rounds *rounds;
	uint8_t *heap;
	uint8_t *named; /* of vb_memory_alloc(); NULL: none is to be had, or it is put aside */
};

static uint8_t *make_heap(void)
{
	uint8_t *memory = malloc(LARGEST);

	if (!memory)
		abort();
	return memory;
}

/* What a call that ended by its deadline has used. */
static void retire_buffer(struct player *player)
{
	bool is_named = player->client.buffer == player->named;

	pattern_fill(player->client.buffer, CANARY_SIZE, CANARY_SEED);
	retired[n_retired++] = (struct retired){player->client.buffer, is_named};
	if (is_named)
		player->named = NULL;
	else
		player->heap = make_heap();
	player->client.buffer = player->heap;
}

static void look_at_retired(void)
{
	for (unsigned i = 0; i < n_retired; i++) {
		n_touched += !pattern_is(retired[i].memory, CANARY_SIZE, CANARY_SEED);
		if (retired[i].is_named)
			vb_memory_free(NULL, retired[i].memory);
		else
			free(retired[i].memory);
	}
	n_retired = 0;
}

unsigned round_buffers_touched(void)
{
	unsigned n = n_touched;

	n_touched = 0;
	return n;
}

/* ---- Calls ---- */

enum call { ADD, POST, LATE, FILL, CHECK, FLIP, TURN, FILL_DIRECT, FAIL, TWIN, ASIDE, CALLS };

static void make_bulk_call(struct client *client, enum call call, uint32_t size)
{
	switch (call) {
	case FILL:
		step_fill(client, size);
		break;
	case CHECK:
		step_check(client, size);
		break;
	case FLIP:
		step_flip(client, size);
		break;
	case TURN:
		step_turn(client, size);
		break;
	default:
		step_fill_direct(client, size);
		break;
	}
}

static void make_call(struct player *player, enum call call, uint32_t size)
{
	struct client *client = &player->client;

	switch (call) {
	case ADD:
		step_add(client);
		break;
	case POST:
		step_post(client);
		break;
	case LATE:
		step_late(client, LATE_SIZE);
		break;
	case FAIL:
		step_fail(client);
		break;
	case TWIN:
		step_twin(client);
		break;
	case ASIDE:
		step_aside(client);
		break;
	default:
		make_bulk_call(client, call, size);
		break;
	}
	if (client->result->steps[client->n - 1].errnum == ETIMEDOUT)
		retire_buffer(player);
}

static void choose_memory(struct player *player)
{
	bool wants_named = below(player->rounds, 2);

	player->client.buffer = wants_named && player->named ? player->named : player->heap;
}

static void make_random_call(struct player *player)
{
	struct rounds *rounds = player->rounds;
	enum call call = (enum call)below(rounds, CALLS);
	uint32_t size = random_size(rounds);

	choose_memory(player);
	player->client.is_hurried = below(rounds, 4) == 0 && call != LATE;
	if (player->client.is_hurried)
		scene_peer_set_deadline(player->client.peer, 1 + below(rounds, HURRY_NS));
	make_call(player, call, size);
	scene_peer_set_deadline(player->client.peer, STEP_DEADLINE_NS);
	player->client.is_hurried = false;
}

static bool has_ended(const struct player *player)
{
	return vb_conn_error(player->client.conn)->errnum != 0;
}

/* ---- Connections ---- */

static struct vb_conn *open_connection(struct rounds *rounds, uint64_t timeout_ms)
{
	struct vb_options options = VB_OPTIONS_INIT;

	options.connect_timeout_ns = timeout_ms * STEP_MS;
	options.grace_ns = 500 * STEP_MS;
	options.wait = (enum vb_wait)below(rounds, 3);
	return vb_connect(rounds->setting.address, &options);
}

/* Two peers of one interface, and one of another. */
static bool bind_all(struct client *client)
{
	client->peer = scene_peer_bind(client->conn);
	client->twin = client->peer ? scene_peer_bind(client->conn) : NULL;
	client->aside = client->twin ? aside_peer_bind(client->conn) : NULL;
	if (!client->aside)
		return false;
	scene_peer_set_deadline(client->peer, STEP_DEADLINE_NS);
	scene_peer_set_deadline(client->twin, STEP_DEADLINE_NS);
	aside_peer_set_deadline(client->aside, STEP_DEADLINE_NS);
	return true;
}

static void close_connection(struct client *client)
{
	step_tell_end(client);
	scene_peer_free(client->peer);
	scene_peer_free(client->twin);
	aside_peer_free(client->aside);
	vb_conn_close(client->conn);
}

/* The next scene of the round. False: there is no connection, and the scene says why. */
static bool enter(struct player *player, struct rounds *rounds)
{
	struct shared *shared = rounds->setting.shared;
	uint32_t number = shared->n_scenes++;

	*player = (struct player){
		.rounds = rounds,
		.client = {.result = &shared->scenes[number], .first = number * STEPS},
	};
	player->client.conn = open_connection(rounds, rounds->setting.connect_ms);
	if (!player->client.conn || !bind_all(&player->client)) {
		player->client.result->connect_errnum = errno;
		close_connection(&player->client);
		return false;
	}
	player->heap = make_heap();
	player->named = vb_memory_alloc(player->client.conn, LARGEST);
	player->client.buffer = player->heap;
	return true;
}

static void leave(struct player *player)
{
	vb_memory_free(player->client.conn, player->named);
	close_connection(&player->client);
	free(player->heap);
}

/* A server that takes one connection has one. */
static void try_excess(struct player *player)
{
	int32_t *errnum = &player->client.result->excess_errnum;
	struct rounds *rounds = player->rounds;

	for (unsigned i = 0; i < rounds->n_excess && (!*errnum || *errnum == EBUSY); i++) {
		struct vb_conn *conn = open_connection(rounds, rounds->excess_ms);

		*errnum = conn ? -1 : errno;
		vb_conn_close(conn);
	}
}

/* A canceled call, and then what comes. */
static void make_calls(struct player *player)
{
	if (!has_ended(player)) {
		choose_memory(player);
		make_call(player, LATE, 0);
	}
	for (unsigned i = 0; i < RANDOM_CALLS && !has_ended(player); i++)
		make_random_call(player);
}

/* Bulk each way, and others that want a connection. */
static void make_first_calls(struct player *player)
{
	choose_memory(player);
	make_call(player, FILL, LARGEST);
	if (!has_ended(player))
		make_call(player, CHECK, LARGEST);
	if (!has_ended(player) && player->rounds->has_refills)
		step_adds(&player->client);
	if (!has_ended(player))
		try_excess(player);
	make_calls(player);
}

/* ---- The server ---- */

static bool hears(struct rounds *rounds, char expected)
{
	char byte;

	return read(rounds->fd, &byte, 1) == 1 && byte == expected;
}

static bool begin_server(struct rounds *rounds, const char *plan, uint32_t connections_max)
{
	struct order order = {.connections_max = connections_max, .is_new = plan != NULL};

	snprintf(order.plan, sizeof(order.plan), "%s", plan ? plan : "");
	return write(rounds->fd, &order, sizeof(order)) == sizeof(order) && hears(rounds, 'r');
}

static void stop_server(struct rounds *rounds)
{
	kill(rounds->server, SIGTERM);
}

static bool is_stopped(struct rounds *rounds)
{
	return hears(rounds, 's');
}

/* ---- Rounds ---- */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void begin_round(struct rounds *rounds, int64_t *objects_before)
{
	struct shared *shared = rounds->setting.shared;

	alarm(SCENE_LIFE_S);
	memset(shared, 0, sizeof(*shared));
	rounds->n++;
	rounds->state = rounds->seed + rounds->n;
	rounds->began_ms = now_ms();
	for (int i = 0; i < VERBS_OBJECT_KINDS; i++)
		objects_before[i] = verbs_faults_objects((enum verbs_object_kind)i);
}

static void end_round(struct rounds *rounds, const int64_t *objects_before)
{
	struct shared *shared = rounds->setting.shared;

	look_at_retired();
	rounds->took_ms = (unsigned)(now_ms() - rounds->began_ms);
	scene_tell_counts(shared, CLIENT);
	for (int i = 0; i < VERBS_OBJECT_KINDS; i++)
		shared->objects[CLIENT][i] -= objects_before[i];
}

/* Its end comes while the client calls. */
static void play_first_life(struct rounds *rounds)
{
	struct player player;
	struct shared *shared = rounds->setting.shared;
	bool is_in = enter(&player, rounds);

	for (int i = 0; i < VERBS_FAULT_POINTS; i++)
		shared->set_up[CLIENT][i] = verbs_faults_calls((enum verbs_fault_point)i);
	if (is_in)
		make_first_calls(&player);
	stop_server(rounds);
	if (!is_in)
		return;
	player.client.is_ending = true;
	make_call(&player, FILL, LARGEST);
	make_call(&player, ADD, 0);
	leave(&player);
}

static void play_second_life(struct rounds *rounds)
{
	struct player player;

	if (!enter(&player, rounds))
		return;
	make_calls(&player);
	leave(&player);
}

/* What has failed once is over: one of these is good. */
static void play_afterwards(struct rounds *rounds)
{
	struct shared *shared = rounds->setting.shared;
	struct player player;

	do {
		if (enter(&player, rounds)) {
			make_call(&player, ADD, 0);
			make_call(&player, FILL, LATE_SIZE);
			leave(&player);
		}
		rounds->setting.connect_ms = CONNECT_MS;
	} while (!judge_is_good(&shared->scenes[shared->n_scenes - 1]) &&
		 shared->n_scenes < SCENES_MAX);
}

/* False: the server did not end. */
static bool finish_round(struct rounds *rounds, const int64_t *objects_before)
{
	play_afterwards(rounds);
	stop_server(rounds);
	if (!is_stopped(rounds))
		return false;
	end_round(rounds, objects_before);
	return true;
}

bool round_is_of_receives(int point)
{
	return point >= VERBS_FAULT_POST_RECV && point <= VERBS_FAULT_POST_SRQ_RECV_MIDDLE;
}

bool round_play(struct rounds *rounds, const struct run *run, const char *plan)
{
	bool is_refusal = run->point == VERBS_FAULT_CM_REJECT ||
			  run->point == VERBS_FAULT_EVENT_REJECTED;
	int64_t objects_before[VERBS_OBJECT_KINDS];

	begin_round(rounds, objects_before);
	rounds->has_refills = !*plan || round_is_of_receives(run->point);
	rounds->n_excess = is_refusal ? N_REFUSALS : 1;
	rounds->excess_ms = fitting_may_time_out(run->point) ? CONNECT_LOST_MS : CONNECT_MS;
	/* The first that connects must be there for others to be refused. */
	rounds->setting.connect_ms = is_refusal ? CONNECT_MS : rounds->excess_ms;
	verbs_faults_plan(run->side == CLIENT ? plan : "");
	if (!begin_server(rounds, run->side == SERVER ? plan : "", 1))
		return false;
	play_first_life(rounds);
	if (!is_stopped(rounds) || !begin_server(rounds, NULL, 0))
		return false;
	play_second_life(rounds);
	return finish_round(rounds, objects_before);
}

/* ---- Beside one another ---- */

/* What the bystander does before, and after; some of it bulk. */
static void look_on(struct player *bystander)
{
	make_call(bystander, ADD, 0);
	make_call(bystander, FILL, LARGEST);
	make_call(bystander, CHECK, LATE_SIZE);
	make_call(bystander, ASIDE, 0);
}

static void try_third(struct rounds *rounds)
{
	struct player third;

	if (enter(&third, rounds))
		leave(&third);
}

static void make_call_named(struct player *player, const char *name, uint32_t size)
{
	static const char *const names[CALLS] = {
		[ADD] = "add", [FILL] = "fill", [CHECK] = "check", [FLIP] = "flip"};
	int call = 0;

	if (strcmp(name, "adds") == 0) {
		step_adds(&player->client);
		return;
	}
	while (!names[call] || strcmp(names[call], name) != 0)
		call++;
	make_call(player, (enum call)call, size);
}

static void play_beside(struct player *victim, struct player *bystander,
			const struct beside *beside)
{
	struct rounds *rounds = victim->rounds;
	struct shared *shared = rounds->setting.shared;
	bool is_third = strcmp(beside->what, "connect") == 0;

	make_call(victim, ADD, 0);
	look_on(bystander);
	if (beside->side == SERVER)
		snprintf(shared->armed, sizeof(shared->armed), "%s", beside->plan);
	else
		verbs_faults_plan(beside->plan);
	make_call_named(victim, is_third ? "add" : beside->what, beside->size);
	if (is_third)
		try_third(rounds);
	look_on(bystander);
	make_call(victim, ADD, 0);
	look_on(bystander);
}

bool round_play_beside(struct rounds *rounds, const struct beside *beside)
{
	int64_t objects_before[VERBS_OBJECT_KINDS];
	struct player victim, bystander;
	bool is_in;

	begin_round(rounds, objects_before);
	rounds->setting.connect_ms = CONNECT_MS;
	verbs_faults_plan("");
	if (!begin_server(rounds, "", 0))
		return false;
	is_in = enter(&victim, rounds);
	if (is_in && enter(&bystander, rounds)) {
		play_beside(&victim, &bystander, beside);
		leave(&bystander);
	}
	if (is_in)
		leave(&victim);
	return finish_round(rounds, objects_before);
}
