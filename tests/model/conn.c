/* SPDX-License-Identifier: Apache-2.0 */
/* What one side does when something happens: the steps of rpc/credits.h, one by one. */
#include <string.h>

#include "model.h"

static struct vbi_control control_of(const struct end *end)
{
	return (struct vbi_control){
		.in_flight = end->in_flight,
		.credit_wanted = end->credit_wanted,
		.binds_wanted = end->binds_wanted,
		.n_cancels_wanted = end->n_cancels_wanted,
	};
}

static void set_control(struct end *end, const struct vbi_control *control)
{
	end->in_flight = control->in_flight;
	end->credit_wanted = control->credit_wanted;
	end->binds_wanted = control->binds_wanted;
	end->n_cancels_wanted = control->n_cancels_wanted;
}

static void breaks(struct move *move, const char *rule)
{
	if (!move->broken)
		move->broken = rule;
}

unsigned receives_of(const struct config *config)
{
	return vbi_credits_receives(config->inflight) +
	       (config->transport ? TRANSPORT_RECEIVES : 0);
}

static uint8_t *free_receives(struct move *move, unsigned conn, enum side side)
{
	return side == SERVER ? &move->state.n_free : &end_of(move, conn, side)->n_free;
}

static bool is_hostile(const struct move *move, unsigned conn)
{
	return move->config->hostile && conn == 0;
}

/* ---- Messages ---- */

void arrive(struct move *move, unsigned conn, enum side side)
{
	move->state.conns[conn].to[side].n_arrived++;
	--*free_receives(move, conn, side);
}

/* Messages of client 0 that the server has and has not released. */
static unsigned held_by_hostile(const struct move *move)
{
	const struct conn *conn = &move->state.conns[0];
	const struct work *work = &move->state.works[0];
	unsigned n = conn->to[SERVER].n_arrived + conn->ends[SERVER].n_oneways;

	for (unsigned i = 0; i < VBI_INFLIGHT_MAX; i++)
		n += conn->ends[SERVER].requests[i] != 0;
	return n + (work->event && work->conn == 0);
}

/* A message finds no receive: a rule is broken, unless the hostile client has taken more than its
 * own and what is above everybody's. */
static void miss_receive(struct move *move)
{
	if (!move->config->hostile)
		breaks(move, "a message finds no receive");
	else if (held_by_hostile(move) <= receives_of(move->config) + move->config->headroom)
		breaks(move, "a message waits, and nobody has overstepped by the headroom");
}

void send_message(struct move *move, unsigned conn, enum side from, struct message message)
{
	enum side to = from == CLIENT ? SERVER : CLIENT;
	struct channel *channel = &move->state.conns[conn].to[to];

	if (to == CLIENT && is_hostile(move, conn))
		return;
	if (channel->n == CHANNEL_MAX) {
		breaks(move, "more messages are under way than the model can hold");
		return;
	}
	channel->messages[channel->n++] = message;
	if (channel->n_arrived == channel->n - 1 && *free_receives(move, conn, to))
		arrive(move, conn, to);
	else if (channel->n_arrived == channel->n - 1 && !is_hostile(move, conn))
		miss_receive(move);
}

/* With a header of rpc: every one tells the credits. */
static void send_kind(struct move *move, unsigned conn, enum side from, enum kind kind,
		      uint8_t slot, uint8_t generation)
{
	struct message message = {
		.kind = (uint8_t)kind,
		.slot = slot,
		.generation = generation,
		.credits = (uint8_t)vbi_credits_tell(&end_of(move, conn, from)->credits),
	};

	send_message(move, conn, from, message);
}

void kick(struct move *move, unsigned conn, enum side side)
{
	struct end *end = end_of(move, conn, side);
	struct vbi_control control = control_of(end);
	enum vbi_control_due due = vbi_control_due(&control);

	if (due == VBI_CONTROL_NOTHING)
		return;
	vbi_control_sent(&control, due);
	if (due == VBI_CONTROL_BINDS)
		end->told = true;
	for (unsigned i = 0; due == VBI_CONTROL_CANCEL && i < end->slots.n; i++) {
		if (!end->uses[i].cancel_wanted)
			continue;
		vbi_control_drop_cancel(&control, &end->uses[i]);
		break;
	}
	set_control(end, &control);
	send_kind(move, conn, side, KIND_CONTROL, 0, 0);
}

/* ---- Steps ---- */

/* The request, or the answer, that EVENT is about leaves. */
static void send_step(struct move *move, unsigned conn, enum side side,
		      enum vbi_credits_event event, uint8_t slot)
{
	struct end *end = end_of(move, conn, side);
	uint8_t generation;

	if (event == VBI_ON_REQUEST_OVER) {
		generation = (uint8_t)(end->requests[slot] - 1);
		end->requests[slot] = 0;
		vbi_credits_over(&end->credits);
		send_kind(move, conn, side, KIND_ANSWER, slot, generation);
		return;
	}
	vbi_credits_sent(&end->credits);
	if (event == VBI_ON_ONEWAY) {
		send_kind(move, conn, side, KIND_ONEWAY, 0, 0);
		return;
	}
	slot = (uint8_t)end->slots.free;
	vbi_slot_take(&end->slots, &end->uses[slot]);
	send_kind(move, conn, side, KIND_REQUEST, slot, (uint8_t)end->uses[slot].generation);
}

static void open_step(struct move *move, unsigned conn, enum side side)
{
	struct end *end = end_of(move, conn, side);

	end->is_open = true;
	vbi_credits_open(&end->credits);
	send_kind(move, conn, side, KIND_HELLO, 0, 0);
}

static void do_step(struct move *move, unsigned conn, enum side side, enum vbi_credits_event event,
		    enum vbi_credits_step step, uint8_t slot)
{
	struct end *end = end_of(move, conn, side);

	switch (step) {
	case VBI_STEP_SEND:
		send_step(move, conn, side, event, slot);
		break;
	case VBI_STEP_RELEASE:
		++*free_receives(move, conn, side);
		break;
	case VBI_STEP_HOLD:
		/* Calls that wait at the same time, which the runtime has not: the older goes. */
		if (end->held)
			++*free_receives(move, conn, side);
		end->held = true;
		break;
	case VBI_STEP_RELEASE_HELD:
		end->held = false;
		++*free_receives(move, conn, side);
		break;
	case VBI_STEP_GRANT:
		if (vbi_credits_oneway_over(&end->credits))
			end->credit_wanted = true;
		kick(move, conn, side);
		break;
	case VBI_STEP_ACKNOWLEDGE:
		send_kind(move, conn, side, KIND_ACK, 0, 0);
		break;
	case VBI_STEP_CONTROL:
		kick(move, conn, side);
		break;
	case VBI_STEP_OPEN:
		open_step(move, conn, side);
		break;
	case VBI_STEP_END:
		break;
	}
}

/* Whether the step would change nothing now: it is passed over. */
static bool is_empty(const struct end *end, enum vbi_credits_event event,
		     enum vbi_credits_step step)
{
	struct vbi_control control = control_of(end);

	if (vbi_credits_forgets(event, step))
		return true;
	if (step == VBI_STEP_RELEASE_HELD)
		return !end->held;
	if (step == VBI_STEP_CONTROL)
		return vbi_control_due(&control) == VBI_CONTROL_NOTHING;
	return false;
}

/* The next step of the work that changes something, or END. */
static enum vbi_credits_step next_step(struct move *move, struct work *work, enum side side)
{
	const struct end *end = end_of(move, work->conn, side);
	enum vbi_credits_event event = work->event - 1;
	const uint8_t *steps = vbi_credits_steps[event];

	while (work->step < VBI_CREDITS_STEPS && steps[work->step] != VBI_STEP_END) {
		if (!is_empty(end, event, steps[work->step]))
			return steps[work->step];
		work->step++;
	}
	return VBI_STEP_END;
}

void go_on(struct move *move, struct work *work, enum side side)
{
	enum vbi_credits_step step = next_step(move, work, side);

	if (step != VBI_STEP_END) {
		move->seen->steps[work->event - 1][work->step] = true;
		work->step++;
		do_step(move, work->conn, side, work->event - 1, step, work->slot);
		step = next_step(move, work, side);
	}
	if (step == VBI_STEP_END)
		memset(work, 0, sizeof(*work));
}

void begin(struct move *move, unsigned conn, enum side side, enum vbi_credits_event event,
	   uint8_t slot)
{
	struct work *work = work_of(&move->state, conn, side);

	move->seen->events[event] = true;
	*work = (struct work){.event = (uint8_t)(event + 1), .conn = (uint8_t)conn, .slot = slot};
	go_on(move, work, side);
}

/* ---- Taking a message ---- */

/* The peer has broken a rule. Only a hostile one may, and is closed. */
static void fault(struct move *move, unsigned conn, enum side side, const char *rule)
{
	if (!is_hostile(move, conn) || side == CLIENT) {
		breaks(move, rule);
		return;
	}
	++move->state.n_free;
	conn_end(move, conn);
}

static void take_request(struct move *move, unsigned conn, enum side side, struct message message)
{
	struct end *end = end_of(move, conn, side);

	if (vbi_credits_overstepped(&end->credits)) {
		fault(move, conn, side, "a request has no credit");
		return;
	}
	if (message.kind == KIND_REQUEST && end->requests[message.slot]) {
		fault(move, conn, side, "a request's slot is in use");
		return;
	}
	vbi_credits_received(&end->credits);
	if (message.kind == KIND_ONEWAY)
		end->n_oneways++;
	else
		end->requests[message.slot] = (uint8_t)(message.generation + 1);
}

static void take_answer(struct move *move, unsigned conn, enum side side, struct message message)
{
	struct end *end = end_of(move, conn, side);
	struct vbi_control control = control_of(end);
	struct vbi_slot_use *use = &end->uses[message.slot];
	bool late = use->state == VBI_SLOT_ABANDONED;

	if (message.slot >= end->slots.n || use->state == VBI_SLOT_FREE ||
	    use->generation != message.generation) {
		fault(move, conn, side, "an answer is to no call that is outstanding");
		return;
	}
	if (use->cancel_wanted)
		vbi_control_drop_cancel(&control, use);
	set_control(end, &control);
	if (late)
		vbi_slot_late(&end->slots);
	vbi_slot_give(&end->slots, use, message.slot);
	begin(move, conn, side, late ? VBI_ON_LATE_ANSWER : VBI_ON_ANSWER, 0);
}

static void take_ack(struct move *move, unsigned conn, enum side side)
{
	struct end *end = end_of(move, conn, side);
	struct vbi_control control = control_of(end);

	if (!vbi_control_acknowledged(&control)) {
		fault(move, conn, side, "an acknowledgement is of nothing");
		return;
	}
	set_control(end, &control);
	begin(move, conn, side, VBI_ON_ACK, 0);
}

static void take_hello(struct move *move, unsigned conn, enum side side, struct message message)
{
	struct end *end = end_of(move, conn, side);

	if (side == SERVER) {
		begin(move, conn, side, VBI_ON_HELLO, 0);
		return;
	}
	end->credits.granted = message.credits;
	end->is_open = true;
	++*free_receives(move, conn, side);
	kick(move, conn, side);
}

/* The receive is free again before anything is sent for it: what the transport does for rpc. */
static void take_transport(struct move *move, unsigned conn, enum side side, enum kind kind)
{
	++*free_receives(move, conn, side);
	if (kind == KIND_PING)
		send_message(move, conn, side, (struct message){.kind = KIND_PONG});
	else if (kind == KIND_PONG)
		end_of(move, conn, side)->pinged = false;
	else
		conn_end(move, conn);
}

static void take_open(struct move *move, unsigned conn, enum side side, struct message message)
{
	if (!vbi_credits_heard(&end_of(move, conn, side)->credits, message.credits)) {
		fault(move, conn, side, "credits go back, or too far ahead");
		return;
	}
	switch (message.kind) {
	case KIND_REQUEST:
	case KIND_ONEWAY:
		take_request(move, conn, side, message);
		break;
	case KIND_ANSWER:
		take_answer(move, conn, side, message);
		break;
	case KIND_CONTROL:
		begin(move, conn, side, VBI_ON_CONTROL, 0);
		break;
	case KIND_ACK:
		take_ack(move, conn, side);
		break;
	default:
		fault(move, conn, side, "a message is out of place");
	}
}

void take(struct move *move, unsigned conn, enum side side)
{
	struct channel *channel = &move->state.conns[conn].to[side];
	struct message message = channel->messages[0];

	channel->n--;
	channel->n_arrived--;
	memmove(&channel->messages[0], &channel->messages[1], channel->n * sizeof(message));
	memset(&channel->messages[channel->n], 0, sizeof(message));
	if (move->state.conns[conn].life != ALIVE) {
		++*free_receives(move, conn, side);
		if (!channel->n)
			move->state.conns[conn].life = CLOSED;
	} else if (message.kind >= KIND_PING) {
		take_transport(move, conn, side, message.kind);
	} else if (!end_of(move, conn, side)->is_open) {
		if (message.kind == KIND_HELLO)
			take_hello(move, conn, side, message);
		else
			fault(move, conn, side, "the first message is no hello");
	} else {
		take_open(move, conn, side, message);
	}
}

/* ---- The life of a connection ---- */

static void init_end(struct end *end, uint16_t inflight, uint16_t window)
{
	memset(end, 0, sizeof(*end));
	end->credits.window = window;
	end->slots.free = inflight ? 0 : VBI_SLOT_NONE;
	end->slots.n = inflight;
	for (uint16_t i = 0; i < inflight; i++)
		end->uses[i].next_free = i + 1 < inflight ? (uint16_t)(i + 1) : VBI_SLOT_NONE;
}

void conn_begin(struct move *move, unsigned conn)
{
	const struct config *config = move->config;
	struct conn *new = &move->state.conns[conn];

	memset(new, 0, sizeof(*new));
	init_end(&new->ends[CLIENT], config->inflight, 0);
	init_end(&new->ends[SERVER], 0, config->inflight);
	new->ends[CLIENT].n_free = (uint8_t)receives_of(config);
	new->ends[CLIENT].binds_wanted = true;
	new->hostile_left = is_hostile(move, conn) ? config->hostile : 0;
	send_kind(move, conn, CLIENT, KIND_HELLO, 0, 0);
}

void conn_end(struct move *move, unsigned conn)
{
	struct conn *old = &move->state.conns[conn];
	const struct end *end = &old->ends[SERVER];
	struct work *work = work_of(&move->state, conn, CLIENT);

	for (unsigned i = 0; i < VBI_INFLIGHT_MAX; i++)
		if (end->requests[i])
			move->state.n_free++;
	move->state.n_free = (uint8_t)(move->state.n_free + end->n_oneways);
	memset(work, 0, sizeof(*work));
	memset(old->ends, 0, sizeof(old->ends));
	memset(&old->to[CLIENT], 0, sizeof(old->to[CLIENT]));
	/* What waits for a receive is the sender's, and gone with it. */
	old->to[SERVER].n = old->to[SERVER].n_arrived;
	memset(&old->to[SERVER].messages[old->to[SERVER].n], 0,
	       (CHANNEL_MAX - old->to[SERVER].n) * sizeof(struct message));
	old->hostile_left = 0;
	old->life = old->to[SERVER].n ? CLOSING : CLOSED;
}
