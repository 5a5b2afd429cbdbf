/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection: one reliable path to a peer process. Both ends use this struct; either may send
 * requests, and answers what it is sent.
 *
 *   CONNECTING --> HELLO --> OPEN --> FAILED
 *
 * CONNECTING: the transport is at it (client). HELLO: the peer's hello is awaited, and nothing else
 * is taken. FAILED: the first cause is in `error`, every call has been completed.
 *
 * What may leave and when is decided in credits.h.
 */
#ifndef VBI_CONN_H
#define VBI_CONN_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <verbena/stub.h>

#include "rpc/credits.h"
#include "rpc/error.h"
#include "rpc/wire.h"
#include "transport/transport.h"

struct vb_call;
struct vbi_peer;
struct vbi_request;
struct vbi_service;
struct vbi_worker;

enum vbi_conn_state {
	VBI_CONN_CONNECTING,
	VBI_CONN_HELLO,
	VBI_CONN_OPEN,
	VBI_CONN_FAILED,
};

/* Requests outstanding on one connection, unless options say otherwise. */
#define VBI_INFLIGHT_DEFAULT 64

/* Interfaces bound on one connection: a program has a handful; the peer's table must end. */
#define VBI_BINDINGS_MAX 256

/* Bounds of message_max: a hello must fit the least. */
#define VBI_MESSAGE_MAX_LEAST	VBI_CONTROL_MAX
#define VBI_MESSAGE_MAX_DEFAULT (8u << 10)

/* One outstanding call of ours. */
struct vbi_slot {
	struct vb_call *call; /* ACTIVE only */
	uint32_t place;	      /* interface and method, as in the header */
	struct vbi_slot_use use;
};

/* An interface that we have bound at the peer; its index in headers is its place + 1. */
struct vbi_bound {
	uint64_t id;
	uint16_t major;
	uint16_t minor; /* the agreed one */
	bool told;	/* the bind message has been sent */
};

/* An interface that the peer has bound here. */
struct vbi_binding {
	struct vb_conn *conn;
	const struct vbi_service *service;
	void *session_data;
	uint16_t minor;
	int refused;		     /* 0, or the errno that every request is answered with */
	bool present;		     /* bound() has accepted: gone() is owed */
	struct vb_identity identity; /* outlives the endpoint: gone() may ask */
};

/* What the peer's hello offers. */
struct vbi_offer {
	uint64_t id;
	uint16_t major;
	uint16_t minor;
};

struct vb_conn {
	/* touched by every call */
	struct vbi_endpoint *endpoint; /* NULL once closed */
	const struct vbi_transport *ops;
	struct vbi_worker *worker;
	struct vb_stats *stats; /* the worker's */
	uint64_t owner;		/* the owning thread's token */
	enum vbi_conn_state state;
	struct vbi_credits credits;
	struct vbi_slot *slots;
	struct vbi_slot_list slot_list;
	uint16_t inflight;	  /* calls we may have outstanding, if the peer grants as many */
	struct vbi_message *held; /* the last answer, until the next call has left */

	/* touched by every request */
	struct vbi_request **requests; /* by slot */
	struct vbi_message *spare;     /* for the next answer: got while nobody waits for it */
	uint16_t n_bindings;
	struct vbi_binding **bindings;

	struct vbi_control control;
	uint16_t n_bound;
	uint32_t n_exposures; /* alive */
	struct vbi_bound *bound;
	struct vbi_peer *peers;
	uint8_t *scratch; /* what peers write requests into when the endpoint is gone */
	uint32_t n_offers;
	struct vbi_offer *offers;
	char peer_software[64];
	uint64_t grace_ns;
	uint64_t hello_end;
	const struct vb_method *held_up;	 /* whose call waits for a credit */
	struct vb_error error;			 /* the first cause */
	struct vb_error refusal;		 /* what was refused last */
	char address[128];			 /* for sentences */
	struct vb_conn *next, *prev;		 /* of the server's connections */
	struct vb_conn *next_hello, *prev_hello; /* of those whose hello is awaited */
	struct vb_conn *next_doomed;
	bool is_doomed;
	bool is_closing; /* inside ops->close() */
};

extern const struct vbi_events vbi_conn_events;

/*
 * A connection for at most INFLIGHT calls of ours, and at most WINDOW requests of the peer; either
 * is 0 for a side that does not do it, which then needs no receives for it. NULL: no memory.
 */
struct vb_conn *vbi_conn_new(struct vbi_worker *worker, uint16_t inflight, uint16_t window,
			     uint64_t grace_ns);

/* Closes the endpoint if there is one, tells sessions, frees. Not from inside poll(). */
void vbi_conn_free(struct vb_conn *conn);

/*
 * The connection has failed for a reason seen above the seam; the first cause counts. Completes
 * every call. Then a server's connection goes at the end of poll(), a client's stays for its owner.
 */
void vbi_conn_fail(struct vb_conn *conn, int errnum, const char *where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* A failed client connection with nothing exposed any more lets go of its endpoint. */
void vbi_conn_settle(struct vb_conn *conn);

/*
 * The transport has refused an operation with ERROR, negative errno: what it fails with. An
 * endpoint that has failed outside of poll() refuses with -ECONNRESET before it has told why: on a
 * client's connection it is asked to, by a poll, and the error is then the connection's. Not
 * everything that calls do polls: a client could go on for ever without hearing the cause.
 */
int vbi_conn_refused(struct vb_conn *conn, int error);

/* Frees what failed during poll(). */
void vbi_conn_reap(struct vbi_worker *worker);

/* New connections that have not said hello in time fail. */
void vbi_conn_expire_hellos(struct vbi_worker *worker);
uint64_t vbi_conn_next_hello_end(const struct vbi_worker *worker);

/* Puts the connection on, and takes it off, the list of those whose hello is awaited. */
void vbi_conn_await_hello(struct vb_conn *conn);
void vbi_conn_hello_done(struct vb_conn *conn);

/*
 * Whether the peer's receives hold any control message, as those of an honest one do: what we pack
 * is bounded by VBI_CONTROL_MAX, and lies in a buffer of the size that the peer has named.
 */
static inline bool vbi_conn_takes_control(const struct vbi_endpoint *endpoint)
{
	return endpoint->limits.send_max >= VBI_CONTROL_MAX;
}

/*
 * What calls on a connection that is not open fail with. One call's time-out may have cost it: for
 * the others it was reset, and their own time was not over.
 */
static inline int vbi_conn_errno(const struct vb_conn *conn)
{
	if (!conn->error.errnum)
		return ENOTCONN;
	return conn->error.errnum == ETIMEDOUT ? ECONNRESET : conn->error.errnum;
}

/* Fills in the header of a control message of LENGTH bytes at DATA. */
static inline void vbi_conn_header(struct vb_conn *conn, uint8_t *data, uint32_t length,
				   uint8_t kind, uint8_t flags, uint16_t slot, uint16_t generation)
{
	struct vbi_words *words = (struct vbi_words *)data;

	words->call = vbi_call_word(length, slot, generation);
	words->route = vbi_route_word(0, kind, flags, vbi_credits_tell(&conn->credits));
	words->tail = 0;
}

#endif
