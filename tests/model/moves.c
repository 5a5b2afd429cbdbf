/* SPDX-License-Identifier: Apache-2.0 */
/* What may happen next, in any order: everything that a client, a handler or the wire may do. */
#include <stdio.h>
#include <string.h>

#include "model.h"

const char *const act_names[ACTS] = {
	[ACT_STEP] = "goes on",
	[ACT_TAKE] = "takes a message",
	[ACT_ARRIVE] = "gets a receive for a message that waited",
	[ACT_ANSWER] = "answers the request in slot",
	[ACT_ONEWAY_OVER] = "is done with a one-way request",
	[ACT_CALL] = "calls",
	[ACT_ONEWAY] = "makes a one-way call",
	[ACT_LEAVE] = "does not wait any longer for slot",
	[ACT_LEAVE_AT_HALF] = "leaves half of the slots taken, with",
	[ACT_BIND] = "binds",
	[ACT_PING] = "pings",
	[ACT_GOODBYE] = "says goodbye",
	[ACT_END] = "ends the connection",
	[ACT_CONNECT] = "connects anew",
	[ACT_OVERSTEP] = "sends unasked a message of kind",
	[ACT_FLOOD] = "takes all receives for kind",
};

/* Of an action: what, whose connection, which side of it, and a slot or kind. */
static uint32_t action_of(enum act act, unsigned conn, enum side side, unsigned detail)
{
	return (uint32_t)act | conn << 8 | (unsigned)side << 16 | detail << 24;
}

/* All that moves from one state need; `move` is a fresh copy for each. */
struct from {
	const struct config *config;
	struct seen *seen;
	const struct state *state;
	struct explore *explore;
	struct move move;
	uint32_t action;
};

static struct move *start(struct from *from, enum act act, unsigned conn, enum side side,
			  unsigned detail)
{
	from->move.config = from->config;
	from->move.seen = from->seen;
	from->move.broken = NULL;
	memcpy(&from->move.state, from->state, sizeof(*from->state));
	from->action = action_of(act, conn, side, detail);
	return &from->move;
}

static void finish(struct from *from, bool own)
{
	from->seen->acts[from->action & 0xff] = true;
	if (from->move.broken)
		explore_broken(from->explore, from->action, &from->move.state, from->move.broken);
	else
		explore_add(from->explore, from->action, &from->move.state, own);
}

/* ---- The moves of one side ---- */

static void take_moves(struct from *from, unsigned conn, enum side side)
{
	const struct channel *channel = &from->state->conns[conn].to[side];

	if (!channel->n_arrived)
		return;
	/* It ends the connection: what the server is at must be done first. */
	if (channel->messages[0].kind == KIND_GOODBYE && from->state->works[0].event)
		return;
	take(start(from, ACT_TAKE, conn, side, 0), conn, side);
	finish(from, true);
}

/* The handlers: they end in any order, but they end. */
static void serve_moves(struct from *from, unsigned conn)
{
	const struct end *end = &from->state->conns[conn].ends[SERVER];
	struct move *move;

	for (unsigned i = 0; i < from->config->inflight; i++) {
		if (!end->requests[i])
			continue;
		move = start(from, ACT_ANSWER, conn, SERVER, i);
		begin(move, conn, SERVER, VBI_ON_REQUEST_OVER, (uint8_t)i);
		finish(from, true);
	}
	if (!end->n_oneways)
		return;
	move = start(from, ACT_ONEWAY_OVER, conn, SERVER, 0);
	end_of(move, conn, SERVER)->n_oneways--;
	begin(move, conn, SERVER, VBI_ON_ONEWAY_OVER, 0);
	finish(from, true);
}

/*
 * The caller of slot INDEX gives up. Where that is one too many, the connection ends; and with
 * `stays` it is also walked on, as if there were more slots: there the answer comes late.
 */
static void leave(struct from *from, unsigned conn, unsigned index)
{
	struct move *move = start(from, ACT_LEAVE, conn, CLIENT, index);
	struct end *end = end_of(move, conn, CLIENT);
	struct vbi_control control = {.n_cancels_wanted = end->n_cancels_wanted};
	bool at_half;

	vbi_control_want_cancel(&control, &end->uses[index]);
	end->n_cancels_wanted = control.n_cancels_wanted;
	kick(move, conn, CLIENT);
	at_half = vbi_slot_abandon(&end->slots, &end->uses[index], (uint16_t)index);
	if (!at_half || from->config->stays)
		finish(from, false);
	/* What the server is at must be done first. */
	if (!at_half || work_of(&move->state, conn, SERVER)->event)
		return;
	from->action = action_of(ACT_LEAVE_AT_HALF, conn, CLIENT, index);
	conn_end(move, conn);
	finish(from, false);
}

static void call_moves(struct from *from, unsigned conn)
{
	const struct end *end = &from->state->conns[conn].ends[CLIENT];

	if (end->told && vbi_credits_may_send(&end->credits)) {
		if (end->slots.free != VBI_SLOT_NONE) {
			begin(start(from, ACT_CALL, conn, CLIENT, 0), conn, CLIENT, VBI_ON_CALL, 0);
			finish(from, false);
		}
		if (from->config->oneways) {
			begin(start(from, ACT_ONEWAY, conn, CLIENT, 0), conn, CLIENT, VBI_ON_ONEWAY,
			      0);
			finish(from, false);
		}
	}
	for (unsigned i = 0; from->config->leaves && i < end->slots.n; i++)
		if (end->uses[i].state == VBI_SLOT_ACTIVE)
			leave(from, conn, i);
	if (from->config->binds && !end->binds_wanted) {
		struct move *move = start(from, ACT_BIND, conn, CLIENT, 0);

		end_of(move, conn, CLIENT)->binds_wanted = true;
		kick(move, conn, CLIENT);
		finish(from, false);
	}
}

static void transport_moves(struct from *from, unsigned conn, enum side side)
{
	const struct end *end = &from->state->conns[conn].ends[side];
	struct move *move;

	if (!from->config->transport || end->said_goodbye)
		return;
	if (!end->pinged) {
		move = start(from, ACT_PING, conn, side, 0);
		end_of(move, conn, side)->pinged = true;
		send_message(move, conn, side, (struct message){.kind = KIND_PING});
		finish(from, false);
	}
	move = start(from, ACT_GOODBYE, conn, side, 0);
	end_of(move, conn, side)->said_goodbye = true;
	send_message(move, conn, side, (struct message){.kind = KIND_GOODBYE});
	finish(from, false);
}

/*
 * Messages that the rules may or may not allow: one, or as many as there are receives and one
 * that waits. Answers of the server are dropped; nothing is acknowledged.
 */
static void overstep_moves(struct from *from, unsigned conn)
{
	static const uint8_t kinds[] = {KIND_REQUEST, KIND_ANSWER, KIND_CONTROL};
	const struct conn *hostile = &from->state->conns[conn];
	unsigned room = CHANNEL_MAX - hostile->to[SERVER].n;
	struct move *move;

	if (!hostile->hostile_left || !hostile->ends[SERVER].is_open)
		return;
	for (unsigned i = 0; i < 2 * sizeof(kinds); i++) {
		unsigned n = i % 2 ? from->state->n_free + 1u : 1u;
		uint8_t kind = kinds[i / 2];

		move = start(from, i % 2 ? ACT_FLOOD : ACT_OVERSTEP, conn, CLIENT, kind);
		move->state.conns[conn].hostile_left--;
		for (unsigned k = 0; k < n && k < room; k++)
			send_message(move, conn, CLIENT, (struct message){.kind = kind});
		finish(from, false);
	}
}

/* ---- The moves of a connection ---- */

static void end_moves(struct from *from, unsigned conn)
{
	const struct work *server = &from->state->works[0];

	if (!from->config->closes || (server->event && server->conn == conn))
		return;
	if (from->state->conns[conn].life == ALIVE)
		conn_end(start(from, ACT_END, conn, SERVER, 0), conn);
	else if (from->state->conns[conn].life == CLOSED)
		conn_begin(start(from, ACT_CONNECT, conn, CLIENT, 0), conn);
	else
		return;
	finish(from, false);
}

static void side_moves(struct from *from, unsigned conn, enum side side)
{
	const struct conn *of = &from->state->conns[conn];

	if (from->state->works[side == SERVER ? 0 : 1 + conn].event)
		return;
	take_moves(from, conn, side);
	if (of->life != ALIVE || !of->ends[side].is_open)
		return;
	if (side == SERVER)
		serve_moves(from, conn);
	else
		call_moves(from, conn);
	transport_moves(from, conn, side);
}

static void conn_moves(struct from *from, unsigned conn)
{
	const struct channel *channel = &from->state->conns[conn].to[SERVER];

	if (channel->n_arrived < channel->n && from->state->n_free) {
		arrive(start(from, ACT_ARRIVE, conn, SERVER, 0), conn, SERVER);
		finish(from, true);
	}
	side_moves(from, conn, SERVER);
	side_moves(from, conn, CLIENT);
	overstep_moves(from, conn);
	end_moves(from, conn);
}

void moves(const void *context, const void *state, struct explore *explore)
{
	const struct walk *walk = context;
	struct from from = {
		.config = walk->config, .seen = walk->seen, .state = state, .explore = explore};

	for (unsigned i = 0; i <= from.config->n_conns; i++) {
		const struct work *work = &from.state->works[i];
		enum side side = i == 0 ? SERVER : CLIENT;
		struct move *move;

		if (!work->event)
			continue;
		move = start(&from, ACT_STEP, work->conn, side, 0);
		go_on(move, &move->state.works[i], side);
		finish(&from, true);
	}
	for (unsigned i = 0; i < from.config->n_conns; i++)
		conn_moves(&from, i);
}

/* ---- At rest ---- */

static const char *client_unrest(const struct config *config, const struct end *end)
{
	if (!end->is_open || !end->told)
		return "stuck: the client is not open";
	for (unsigned i = 0; i < end->slots.n; i++)
		if (end->uses[i].state != VBI_SLOT_FREE)
			return "stuck: a call is not answered";
	if (end->in_flight || end->n_cancels_wanted || end->binds_wanted)
		return "stuck: control of the client is not acknowledged";
	if (!vbi_credits_may_send(&end->credits) || end->slots.free == VBI_SLOT_NONE)
		return "stuck: the next call has no credit or no slot";
	if (end->n_free + end->held != receives_of(config))
		return "a receive of the client is lost, or one too many";
	return NULL;
}

static const char *server_unrest(const struct end *end)
{
	if (end->in_flight || end->credit_wanted)
		return "stuck: control of the server is not acknowledged";
	return NULL;
}

const char *unrest(const void *context, const void *context_state)
{
	const struct config *config = ((const struct walk *)context)->config;
	const struct state *state = context_state;
	unsigned n_conns = config->n_conns;
	const char *why = NULL;

	for (unsigned i = 0; i < n_conns && !why; i++) {
		const struct conn *conn = &state->conns[i];

		if (conn->to[CLIENT].n || conn->to[SERVER].n)
			why = "stuck: a message is under way";
		if (conn->life != ALIVE || (config->hostile && i == 0))
			continue;
		if (!why)
			why = client_unrest(config, &conn->ends[CLIENT]);
		if (!why)
			why = server_unrest(&conn->ends[SERVER]);
	}
	if (!why && state->n_free != n_conns * receives_of(config) + config->headroom)
		why = "a receive of the server is lost, or one too many";
	return why;
}

/* ---- Telling ---- */

void print(const void *context, uint32_t action, const void *context_state)
{
	const struct state *state = context_state;
	enum act act = action & 0xff;
	unsigned conn = action >> 8 & 0xff;
	unsigned detail = action >> 24;
	char what[80];

	(void)context;
	snprintf(what, sizeof(what), "%s %s", action >> 16 & 1 ? "server" : "client",
		 act_names[act]);
	if (act == ACT_ANSWER || act == ACT_LEAVE || act == ACT_LEAVE_AT_HALF ||
	    act == ACT_OVERSTEP || act == ACT_FLOOD)
		snprintf(what + strlen(what), sizeof(what) - strlen(what), " %u", detail);
	printf("%u: %-42s under way %u to the server, %u to the client; free receives %u", conn,
	       what, state->conns[conn].to[SERVER].n, state->conns[conn].to[CLIENT].n,
	       state->n_free);
	printf(", %u\n", state->conns[conn].ends[CLIENT].n_free);
}
