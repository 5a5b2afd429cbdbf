/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transport for unit tests: nothing moves but what the test moves. What the runtime sends is kept
 * for the test to look at; what the test delivers arrives in the next poll; time passes only in
 * polls and sleeps.
 */
#ifndef VBI_FAKE_TRANSPORT_H
#define VBI_FAKE_TRANSPORT_H

#include "rpc/conn.h"
#include "rpc/wire.h"
#include "rpc/worker.h"
#include "transport/transport.h"

#define FAKE_MESSAGE_MAX 8192u
/* More than any test sends or delivers without looking. */
#define FAKE_QUEUE	 2048

/* One message with all that a test puts into or reads from it. */
struct fake_message {
	struct vbi_header header;
	uint8_t body[488];
};

/* What the runtime did with a message: sent or released one of this kind. */
struct fake_deed {
	bool is_release;
	uint8_t kind; /* enum vbi_kind */
};

struct fake_endpoint {
	struct vbi_endpoint base;
	struct slot *slots; /* messages given out */
	unsigned n_sent;
	struct fake_message sent[FAKE_QUEUE];
	unsigned n_inbox;
	struct fake_message inbox[FAKE_QUEUE];
	unsigned n_deeds;
	struct fake_deed deeds[FAKE_QUEUE]; /* the first ones */
	bool breaks;	      /* the connection fails when the inbox has been delivered */
	int break_errnum;     /* with this; 0: ECONNRESET */
	bool has_no_messages; /* to give out */
	bool closed;

	/* What one-sided operations were asked for, and what they answer. */
	unsigned n_revoked;
	enum vbi_revoke revoked[64];
	int expose_answer;
	int revoke_answer;
	int pull_answer;
	int push_answer;
	int push_answers[2]; /* the next N_PUSH_ANSWERS pushes', before PUSH_ANSWER */
	unsigned n_push_answers;
	unsigned n_transfers; /* under way */
	struct vbi_transfer *transfers[FAKE_QUEUE];
};

struct fake_domain {
	struct vbi_domain base;
	struct fake_endpoint *endpoints[4];
	unsigned n_endpoints;
};

/* Nanoseconds on the clock of fake workers, and by how much each poll moves it on. */
extern uint64_t fake_now_ns;
extern uint64_t fake_poll_ns;

/* Requests that have been answered and not released: now, and the most so far. */
extern int fake_in_hand;
extern int fake_in_hand_most;

/* Called in each poll, if set. */
extern void (*fake_on_poll)(void);

extern const struct vbi_transport fake_transport;

/* Gives WORKER a fake domain and the fake clock. */
struct fake_domain *fake_domain_new(struct vbi_worker *worker);
/* A new endpoint of DOMAIN that is connected; NULL owner. Goes with the domain. */
struct fake_endpoint *fake_endpoint_new(struct fake_domain *domain);

/* A message of KIND with an empty body. */
struct fake_message fake_message(enum vbi_kind kind);
/* MESSAGE of LENGTH bytes arrives in the next poll. */
void fake_deliver(struct fake_endpoint *endpoint, struct fake_message message, uint32_t length);
/* The Nth message that was sent, from 0; NULL: there is none. */
const struct fake_message *fake_sent(const struct fake_endpoint *endpoint, unsigned n);
/* Completes the oldest pull or push that is under way. */
void fake_finish_transfer(struct fake_endpoint *endpoint, int status);

#endif
