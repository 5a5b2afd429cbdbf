/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call: one invocation seen from the side that makes it. A small state machine that the worker
 * completes exactly once per start:
 *
 *   idle --start--> under way --complete--> done --finish--> idle
 *
 * Complete is reached by the answer, by the connection's death, or by giving up (deadline). The
 * synchronous stub starts a call and waits for done.
 */
#ifndef VBI_CALL_H
#define VBI_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <verbena/stub.h>

#include "transport/transport.h"

struct vb_conn;
struct vbi_peer;

struct vb_call {
	struct vbi_peer *peer;
	const struct vb_method *method;
	struct vbi_message *reply; /* done, and errnum 0 */
	uint64_t timeout_ns;	   /* from the start; VB_NO_DEADLINE: none */
	int errnum;
	enum vb_outcome outcome;
	uint16_t slot;
	bool done;
	unsigned n_exposures;
	struct vbi_exposure exposures[VB_BUFFERS_MAX];
	bool is_revoking[VB_BUFFERS_MAX];
};

/*
 * Sends the request in the peer's message. 0: it is under way. Negative errno: it is not, and never
 * was; exposures are the caller's to drop. Waits for a credit, at most until the call's deadline.
 */
int vbi_call_start(struct vb_call *call, struct vbi_peer *peer, const struct vb_method *method,
		   uint32_t length);

/* Ends a call that is under way; the worker's only way to do so. ERRNUM 0: REPLY is the answer. */
void vbi_call_complete(struct vb_call *call, int errnum, enum vb_outcome outcome,
		       struct vbi_message *reply);

/* A reply or failure has arrived on an open connection. Takes the message. */
void vbi_call_answered(struct vb_conn *conn, struct vbi_message *message);

/* The connection is dead: completes every call on it. */
void vbi_call_conn_died(struct vb_conn *conn);

/* The method that a synchronous stub calls on the connection, from before its request leaves until
 * its answer is there; NULL: none. For paths that have failed. */
const struct vb_method *vbi_call_under_way(const struct vb_conn *conn);

/*
 * Ends the exposures of a call whose answer is there, or that has been given up. Negative errno:
 * they have ended, but what the peer pushed is not to be trusted.
 */
int vbi_call_revoke(struct vb_call *call, enum vbi_revoke how);

#endif
