/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credits, the slots of calls, and control: all that decides whether a message may leave, as
 * transitions of plain numbers. The runtime calls them on its way, and tests/model/ walks through
 * all that two and more peers can do with them. docs/credits.md has the argument.
 *
 * A request needs a credit, and the one who sends it keeps a receive for the answer, so answers
 * need none. Control and the acknowledgement of control have one receive each set aside.
 *
 * The model counts modulo less, so that it sees the counters wrap, and can have one of the bugs
 * below, which it must find. The runtime does neither.
 */
#ifndef VBI_CREDITS_H
#define VBI_CREDITS_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/wire.h"

/* Requests outstanding on one connection, at most: of options, and of what a hello may grant. */
#ifndef VBI_INFLIGHT_MAX
#define VBI_INFLIGHT_MAX 1024
#endif

/* Width of the counters of credits, which are compared modulo 2^bits; 16 in the header. */
#ifndef VBI_CREDITS_BITS
#define VBI_CREDITS_BITS 16
#endif
_Static_assert(VBI_INFLIGHT_MAX < 1 << (VBI_CREDITS_BITS - 1), "ahead and back can be told apart");

/* What a slot's generations are counted modulo, less 1. */
#ifndef VBI_GENERATION_MASK
#define VBI_GENERATION_MASK UINT16_MAX
#endif

/* Bugs on purpose, for the model to find. */
enum vbi_credits_bug {
	VBI_BUG_NONE,
	VBI_BUG_NO_RECEIVE_FOR_ACK,   /* no receive is set aside for acknowledgements */
	VBI_BUG_CREDIT_BEFORE_END,    /* a request's credit goes back when it arrives */
	VBI_BUG_ONEWAY_COUNTED_TWICE, /* a one-way request gives two credits back */
	VBI_BUG_SLOT_FREED_EARLY,     /* the caller takes its slot along when it leaves */
	VBI_BUG_NO_RECEIVE_IN_HAND,   /* a message in hand is taken for released */
	VBI_BUG_CREDIT_NEVER_TOLD,    /* nobody tells the credits of one-way requests */
	VBI_BUG_CONTROL_NOT_AWAITED,  /* control leaves before the last is acknowledged */
	VBI_BUG_REQUEST_KEPT,	      /* a one-way request is not released when it is over */
	VBI_BUG_CREDIT_FOR_EVER,      /* the credit message is due again when it has left */
	VBI_BUG_LATE_KEPT,	      /* an answer whose caller has left is not released */
	VBI_BUGS,		      /* how many, with none */
};
/* The one there is: a variable in the model, so that one program can have each; else a constant. */
#ifndef VBI_SEED_BUG
#define VBI_SEED_BUG VBI_BUG_NONE
#endif
#define VBI_HAS_BUG(bug) (VBI_SEED_BUG == (bug))

/* ---- Receives ---- */

/* One control message and one acknowledgement may be under way in each direction. */
#define VBI_CREDITS_CONTROL (VBI_HAS_BUG(VBI_BUG_NO_RECEIVE_FOR_ACK) ? 1u : 2u)
/* A worker does one thing at a time, so that one message is half done. */
#define VBI_CREDITS_IN_HAND (VBI_HAS_BUG(VBI_BUG_NO_RECEIVE_IN_HAND) ? 0u : 1u)

/*
 * Messages that the peer may have sent and this side has not released, at most, on a connection of
 * which this side either serves or sends INFLIGHT requests at a time: the receives it must have.
 *
 *   serving                            calling
 *   requests that were granted  n      answers to requests sent          n
 *   control                     1      control                           1
 *   acknowledgement             1      acknowledgement                   1
 *   in hand: the request whose         in hand: the answer that the last
 *   answer, and with it the            call returned, which is kept until
 *   credit, has left just now   1      the next call has left            1
 *
 * The hello comes before anything else and is released before it is answered. What a transport
 * sends by itself, and receives that it does not post at once, are the transport's to add.
 */
static inline uint32_t vbi_credits_receives(uint16_t inflight)
{
	return inflight + VBI_CREDITS_IN_HAND + VBI_CREDITS_CONTROL;
}

/* ---- Credits ---- */

struct vbi_credits {
	uint16_t granted;	  /* requests that we may ever send, by the peer's headers */
	uint16_t sent;		  /* requests that we have sent */
	uint16_t window;	  /* requests the peer may have outstanding; 0: we serve nothing */
	uint16_t granted_to_peer; /* requests that the peer may ever send */
	uint16_t received;	  /* requests that it has sent */
	uint16_t told;		  /* of granted_to_peer, what has left in a header */
};

/* N modulo 2^VBI_CREDITS_BITS. */
static inline uint16_t vbi_credits_wrap(int n)
{
	return (uint16_t)((unsigned)n & ((1u << VBI_CREDITS_BITS) - 1));
}

/* Our hello leaves: the whole window is the peer's. */
static inline void vbi_credits_open(struct vbi_credits *credits)
{
	credits->granted_to_peer = credits->window;
}

/* Whether a request may leave. */
static inline bool vbi_credits_may_send(const struct vbi_credits *credits)
{
	return credits->granted != credits->sent;
}

/* A request leaves. */
static inline void vbi_credits_sent(struct vbi_credits *credits)
{
	credits->sent = vbi_credits_wrap(credits->sent + 1);
}

/*
 * A header has arrived that says NUMBER. False: credits never go back, and a window is at most
 * VBI_INFLIGHT_MAX, so what is granted is not further ahead of what was sent.
 */
static inline bool vbi_credits_heard(struct vbi_credits *credits, uint16_t number)
{
	uint16_t ahead = vbi_credits_wrap(number - credits->sent);
	bool back = vbi_credits_wrap(number - credits->granted) >> (VBI_CREDITS_BITS - 1);

	credits->granted = number;
	return !back && ahead <= VBI_INFLIGHT_MAX;
}

/* Whether a request that has arrived was one too many. */
static inline bool vbi_credits_overstepped(const struct vbi_credits *credits)
{
	return credits->received == credits->granted_to_peer;
}

/* A request is over: its credit goes back with whatever leaves next. */
static inline void vbi_credits_over(struct vbi_credits *credits)
{
	if (!VBI_HAS_BUG(VBI_BUG_CREDIT_BEFORE_END))
		credits->granted_to_peer = vbi_credits_wrap(credits->granted_to_peer + 1);
}

/* A request has arrived, and did not overstep. */
static inline void vbi_credits_received(struct vbi_credits *credits)
{
	credits->received = vbi_credits_wrap(credits->received + 1);
	if (VBI_HAS_BUG(VBI_BUG_CREDIT_BEFORE_END))
		credits->granted_to_peer = vbi_credits_wrap(credits->granted_to_peer + 1);
}

/* The number for the header of a message that leaves now. */
static inline uint16_t vbi_credits_tell(struct vbi_credits *credits)
{
	credits->told = credits->granted_to_peer;
	return credits->granted_to_peer;
}

/*
 * A one-way request is over: no answer takes its credit along. Whether the peer has to be told by a
 * message for that alone: from half the window on, so that it keeps at least one credit, for
 * (window + 1) / 2 - 1 is less than any window.
 */
static inline bool vbi_credits_oneway_over(struct vbi_credits *credits)
{
	vbi_credits_over(credits);
	if (VBI_HAS_BUG(VBI_BUG_ONEWAY_COUNTED_TWICE))
		vbi_credits_over(credits);
	return !VBI_HAS_BUG(VBI_BUG_CREDIT_NEVER_TOLD) &&
	       vbi_credits_wrap(credits->granted_to_peer - credits->told) >=
		       (credits->window + 1) / 2;
}

/* ---- Slots of calls ---- */

enum vbi_slot_state {
	VBI_SLOT_FREE,
	VBI_SLOT_ACTIVE,    /* a call waits for its answer */
	VBI_SLOT_ABANDONED, /* the caller has left; the answer is still owed and frees the slot */
};

struct vbi_slot_use {
	uint16_t generation;
	uint16_t next_free;
	uint8_t state; /* enum vbi_slot_state */
	bool cancel_wanted;
};

struct vbi_slot_list {
	uint16_t free; /* VBI_SLOT_NONE: none */
	uint16_t n;
	uint16_t n_abandoned;
};

/* A call takes the first free slot, whose use is USE. */
static inline void vbi_slot_take(struct vbi_slot_list *slots, struct vbi_slot_use *use)
{
	slots->free = use->next_free;
	use->state = VBI_SLOT_ACTIVE;
	use->generation = (uint16_t)((use->generation + 1) & VBI_GENERATION_MASK);
}

/* The answer is there, or there will be none. */
static inline void vbi_slot_give(struct vbi_slot_list *slots, struct vbi_slot_use *use,
				 uint16_t index)
{
	use->state = VBI_SLOT_FREE;
	use->next_free = slots->free;
	slots->free = index;
}

/*
 * The caller leaves. True: half of the slots, or more, wait for an answer that nobody wants, and
 * the connection has to end.
 */
static inline bool vbi_slot_abandon(struct vbi_slot_list *slots, struct vbi_slot_use *use,
				    uint16_t index)
{
	if (VBI_HAS_BUG(VBI_BUG_SLOT_FREED_EARLY)) {
		vbi_slot_give(slots, use, index);
		return false;
	}
	use->state = VBI_SLOT_ABANDONED;
	slots->n_abandoned++;
	return slots->n_abandoned >= (slots->n + 1) / 2;
}

/* The answer of an abandoned call has arrived. */
static inline void vbi_slot_late(struct vbi_slot_list *slots)
{
	slots->n_abandoned--;
}

/* ---- Control ---- */

/* The one control message under way in our direction, and what waits for it. */
struct vbi_control {
	bool in_flight;
	bool credit_wanted;
	bool binds_wanted;
	uint16_t n_cancels_wanted;
};

enum vbi_control_due {
	VBI_CONTROL_NOTHING,
	VBI_CONTROL_CANCEL,
	VBI_CONTROL_BINDS,
	VBI_CONTROL_CREDIT,
};

/* The control message that may leave now. */
static inline enum vbi_control_due vbi_control_due(const struct vbi_control *control)
{
	if (control->in_flight && !VBI_HAS_BUG(VBI_BUG_CONTROL_NOT_AWAITED))
		return VBI_CONTROL_NOTHING;
	if (control->n_cancels_wanted)
		return VBI_CONTROL_CANCEL;
	if (control->binds_wanted)
		return VBI_CONTROL_BINDS;
	return control->credit_wanted ? VBI_CONTROL_CREDIT : VBI_CONTROL_NOTHING;
}

/* It leaves. Binds that do not fit it are wanted again; a cancel drops itself. */
static inline void vbi_control_sent(struct vbi_control *control, enum vbi_control_due due)
{
	control->in_flight = true;
	if (due == VBI_CONTROL_BINDS)
		control->binds_wanted = false;
	else if (due == VBI_CONTROL_CREDIT && !VBI_HAS_BUG(VBI_BUG_CREDIT_FOR_EVER))
		control->credit_wanted = false;
}

/* The peer has to be told that nobody waits for a call; it is told, or that has become idle. */
static inline void vbi_control_want_cancel(struct vbi_control *control, struct vbi_slot_use *use)
{
	use->cancel_wanted = true;
	control->n_cancels_wanted++;
}

static inline void vbi_control_drop_cancel(struct vbi_control *control, struct vbi_slot_use *use)
{
	use->cancel_wanted = false;
	control->n_cancels_wanted--;
}

/* An acknowledgement has arrived. False: nothing was to be acknowledged. */
static inline bool vbi_control_acknowledged(struct vbi_control *control)
{
	bool was_in_flight = control->in_flight;

	control->in_flight = false;
	return was_in_flight;
}

/* ---- Order ---- */

/*
 * What a side does about one message or call, in this order. The other side runs at the same time:
 * between any two steps it can act on what it has been sent. credits_test.c holds the runtime to
 * this table; the model walks it.
 */
enum vbi_credits_event {
	VBI_ON_CALL,	     /* the application makes a call */
	VBI_ON_ONEWAY,	     /* or a one-way call */
	VBI_ON_ANSWER,	     /* an answer arrives */
	VBI_ON_LATE_ANSWER,  /* one that nobody waits for any more */
	VBI_ON_REQUEST_OVER, /* a request is over, */
	VBI_ON_ONEWAY_OVER,  /* or a one-way request */
	VBI_ON_CONTROL,	     /* a control message arrives */
	VBI_ON_ACK,	     /* an acknowledgement arrives */
	VBI_ON_HELLO,	     /* a client's hello arrives */
	VBI_EVENTS,	     /* how many */
};

enum vbi_credits_step {
	VBI_STEP_END,
	VBI_STEP_SEND,	       /* the request or answer leaves, with the credits in its header */
	VBI_STEP_RELEASE,      /* the message that it is about is released */
	VBI_STEP_RELEASE_HELD, /* and so is the answer of the call before, */
	VBI_STEP_HOLD,	       /* which was kept */
	VBI_STEP_GRANT,	       /* the credit goes back; a message tells it if need be */
	VBI_STEP_ACKNOWLEDGE,  /* the acknowledgement leaves */
	VBI_STEP_CONTROL,      /* the control message that has become due leaves */
	VBI_STEP_OPEN,	       /* our hello leaves */
};

#define VBI_CREDITS_STEPS 3

static const uint8_t vbi_credits_steps[VBI_EVENTS][VBI_CREDITS_STEPS] = {
	[VBI_ON_CALL] = {VBI_STEP_SEND, VBI_STEP_RELEASE_HELD},
	[VBI_ON_ONEWAY] = {VBI_STEP_RELEASE_HELD, VBI_STEP_SEND},
	[VBI_ON_ANSWER] = {VBI_STEP_HOLD},
	[VBI_ON_LATE_ANSWER] = {VBI_STEP_RELEASE},
	[VBI_ON_REQUEST_OVER] = {VBI_STEP_SEND, VBI_STEP_RELEASE},
	[VBI_ON_ONEWAY_OVER] = {VBI_STEP_RELEASE, VBI_STEP_GRANT},
	[VBI_ON_CONTROL] = {VBI_STEP_RELEASE, VBI_STEP_ACKNOWLEDGE},
	[VBI_ON_ACK] = {VBI_STEP_RELEASE, VBI_STEP_CONTROL},
	[VBI_ON_HELLO] = {VBI_STEP_RELEASE, VBI_STEP_OPEN},
};

/* Whether a bug on purpose leaves STEP of EVENT out. */
static inline bool vbi_credits_forgets(enum vbi_credits_event event, enum vbi_credits_step step)
{
	if (VBI_HAS_BUG(VBI_BUG_REQUEST_KEPT) && event == VBI_ON_ONEWAY_OVER)
		return step == VBI_STEP_RELEASE;
	return VBI_HAS_BUG(VBI_BUG_LATE_KEPT) && event == VBI_ON_LATE_ANSWER &&
	       step == VBI_STEP_RELEASE;
}

#endif
