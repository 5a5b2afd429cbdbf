/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer: one interface bound on a connection, and the place where its next request is written.
 */
#ifndef VBI_PEER_H
#define VBI_PEER_H

#include "rpc/call.h"

struct vb_conn;

struct vbi_peer {
	struct vb_peer head; /* what stubs see */
	struct vb_conn *conn;
	struct vbi_message *message; /* head.message lies in it; NULL when the endpoint is gone */
	uint64_t deadline_ns;	     /* 0: the method's */
	uint64_t timed_ns;	     /* a timeout, and what it is in a header */
	uint32_t timed;
	uint16_t index; /* of the interface in headers */
	const struct vb_interface *interface;
	struct vbi_peer *next, *prev; /* of the connection's */
	struct vb_call call;	      /* of the synchronous stubs */
};

static inline struct vbi_peer *vbi_peer_of(struct vb_peer *peer)
{
	return (struct vbi_peer *)peer;
}

/* The endpoint is about to go: requests are written into the connection's scratch from now on. */
void vbi_peer_detach(struct vbi_peer *peer);

#endif
