/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of connections: clients that call, one server that serves them all from one worker and
 * one queue of receives, and between each of them two channels that keep the order.
 *
 * What a side may do, and what that changes, is rpc/credits.h, the runtime's own. Here is only what
 * surrounds it: when an application calls or leaves, in which order a server's handlers end, and
 * how long a message is under way. Each of that may happen at any time.
 *
 * A message takes its receive when it is sent, as one that arrives at once: if there is one then,
 * there is one later. With a hostile client, receives may be missing; then the message waits, as a
 * sender does that tries again for ever.
 *
 * State is plain bytes without padding, so that equal states are equal bytes.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

/* Which bug there is, of enum vbi_credits_bug: chosen as the program starts. */
extern unsigned model_bug;
#define VBI_SEED_BUG model_bug

#include "explore.h"
#include "rpc/credits.h"

/* Several connections, or a window above 1: both at once are too many states. What is not used
 * would be copied and packed with each of them. */
#define CONNS_MAX   (VBI_INFLIGHT_MAX > 1 ? 1 : 3)
/* More than the receives of one connection, so that a message without a receive can be told. */
#define CHANNEL_MAX (VBI_INFLIGHT_MAX + 10)

/* The transport's own messages: one ping, one pong and one goodbye may be under way. */
#define TRANSPORT_RECEIVES 3

enum side { CLIENT, SERVER };

/* What clients do. */
struct config {
	const char *name;
	uint8_t n_conns;
	uint8_t inflight; /* of each client, and the server's window */
	bool oneways;
	bool leaves;	  /* callers give up before the answer is there */
	bool stays;	  /* and, however many have, the connection need not end */
	bool binds;	  /* more than the first */
	bool transport;	  /* its ping, pong and goodbye, each way */
	bool closes;	  /* a connection may end at any time, and a new one take its place */
	uint8_t hostile;  /* messages that client 0 sends against the rules */
	bool deep;	  /* takes long: only when asked for */
	uint8_t headroom; /* receives that the server has above the sum of its connections' */
};

enum act {
	ACT_STEP, /* a worker goes on with what it is at */
	ACT_TAKE,
	ACT_ARRIVE,
	ACT_ANSWER,
	ACT_ONEWAY_OVER,
	ACT_CALL,
	ACT_ONEWAY,
	ACT_LEAVE,
	ACT_LEAVE_AT_HALF, /* of the slots, which ends the connection */
	ACT_BIND,
	ACT_PING,
	ACT_GOODBYE,
	ACT_END,
	ACT_CONNECT,
	ACT_OVERSTEP,
	ACT_FLOOD,
	ACTS, /* how many */
};

extern const char *const act_names[ACTS];

/*
 * What has happened in any state that was walked through. A rule that holds everywhere says nothing
 * about what no configuration lets happen.
 */
struct seen {
	bool acts[ACTS];
	bool events[VBI_EVENTS];
	bool steps[VBI_EVENTS][VBI_CREDITS_STEPS]; /* that have changed something */
};

enum kind {
	KIND_REQUEST = 1,
	KIND_ONEWAY,
	KIND_ANSWER,
	KIND_CONTROL,
	KIND_ACK,
	KIND_HELLO,
	KIND_PING,
	KIND_PONG,
	KIND_GOODBYE,
};

struct message {
	uint8_t kind;
	uint8_t slot;
	uint8_t generation;
	uint8_t credits;
};

struct channel {
	uint8_t n;
	uint8_t n_arrived; /* that have a receive; only a hostile client makes others wait */
	struct message messages[CHANNEL_MAX];
};

struct end {
	struct vbi_credits credits;
	struct vbi_slot_list slots;
	struct vbi_slot_use uses[VBI_INFLIGHT_MAX];
	uint16_t n_cancels_wanted; /* these four are a struct vbi_control without its padding */
	uint8_t in_flight;
	uint8_t credit_wanted;
	uint8_t binds_wanted;
	uint8_t held;
	uint8_t requests[VBI_INFLIGHT_MAX]; /* by slot: 0, or generation + 1 of what is served */
	uint8_t n_oneways;		    /* that are served */
	uint8_t n_free;			    /* receives of its own: the client's */
	uint8_t is_open;
	uint8_t told; /* the bind that requests need */
	uint8_t pinged;
	uint8_t said_goodbye;
};

enum life { ALIVE, CLOSING, CLOSED };

struct conn {
	struct end ends[2];
	struct channel to[2];
	uint8_t life;
	uint8_t hostile_left;
};

/* What a worker is at: it does nothing else before that is done. */
struct work {
	uint8_t event; /* 0: nothing; else + 1 */
	uint8_t step;  /* the next */
	uint8_t conn;
	uint8_t slot;
};

struct state {
	struct conn conns[CONNS_MAX];
	struct work works[CONNS_MAX + 1]; /* the server's, and behind it each client's */
	uint8_t n_free;			  /* the server's receives */
} __attribute__((aligned(8)));

/* What explore() hands through. */
struct walk {
	const struct config *config;
	struct seen *seen;
};

/* One move that is being made. */
struct move {
	const struct config *config;
	struct seen *seen;
	struct state state;
	const char *broken;
};

static inline struct end *end_of(struct move *move, unsigned conn, enum side side)
{
	return &move->state.conns[conn].ends[side];
}

static inline struct work *work_of(struct state *state, unsigned conn, enum side side)
{
	return &state->works[side == SERVER ? 0 : 1 + conn];
}

/* Receives that each end has on its side. */
unsigned receives_of(const struct config *config);

/* A connection as it is when the transport has connected it. */
void conn_begin(struct move *move, unsigned conn);
/* The connection ends: what the server has of it is released, and what has arrived will be. */
void conn_end(struct move *move, unsigned conn);

/* SIDE begins what EVENT asks for, and does its first step. */
void begin(struct move *move, unsigned conn, enum side side, enum vbi_credits_event event,
	   uint8_t slot);
/* The next step of what the worker is at. */
void go_on(struct move *move, struct work *work, enum side side);
/* SIDE takes the first message that has arrived. */
void take(struct move *move, unsigned conn, enum side side);
/* SIDE sends what control is due, if any. */
void kick(struct move *move, unsigned conn, enum side side);
/* The message leaves. */
void send_message(struct move *move, unsigned conn, enum side from, struct message message);
/* A message that waits for a receive gets one. */
void arrive(struct move *move, unsigned conn, enum side side);

/* All moves from a state, for explore(). */
void moves(const void *walk, const void *state, struct explore *explore);
const char *unrest(const void *walk, const void *state);
void print(const void *walk, uint32_t action, const void *state);

/* Prints what has never happened, of all that can. Returns how much that is. */
unsigned seen_missing(const struct seen *seen);

#endif
