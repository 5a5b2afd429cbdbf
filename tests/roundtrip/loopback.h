/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of <verbena/stub.h> without a network: a call runs the service in place, over
 * copies of the messages; exposed memory is reached by its address. What a real library may do in
 * several ways is an option here, so that stubs meet all of them.
 */
#ifndef VERBENA_TESTS_LOOPBACK_H
#define VERBENA_TESTS_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>

#include <verbena/stub.h>

/* The largest message: what the wire allows. */
#define LOOPBACK_MESSAGE_MAX (64u << 10)

struct vb_conn {
	/* options */
	uint32_t message_max;	/* bytes of a request at most; a multiple of 8 */
	uint32_t reply_max;	/* bytes of an answer at most; a multiple of 8 */
	uint64_t record_covers; /* bytes of one bulk record at most; exposures may have several */
	bool is_deferring;	/* exposed requests are served in two steps, as if data came late */
	bool is_hostile;   /* records name no memory: exposed buffers are zeroes, never pushed */
	uint8_t *captured; /* not NULL: calls end here, and fail with ECANCELED */
	uint32_t captured_length;
	const uint8_t *answer; /* not NULL: what calls are answered with, whatever they ask */
	uint32_t answer_length;
	bool has_answered; /* the last call got an answer, and not a failure */
	bool is_inlining;  /* exposed out buffers come back in the message where they fit */

	/* what a call has met */
	unsigned n_calls;
	unsigned n_exposures;
	unsigned n_refused;
	unsigned n_bad_requests;
	unsigned n_bad_replies;
	unsigned n_out_of_range;

	/* the server's end, by X_serve(); the client's interface may be of another minor */
	const struct vb_service *service;
	const void *ops;
};

/* X_serve() takes this for its server. */
struct vb_server {
	struct vb_conn *conn;
};

/* Defaults: large messages, one record, everything at once. */
void loopback_init(struct vb_conn *conn);

/*
 * Serves one request of LENGTH bytes at MESSAGE, as if it had come from a peer that agreed on
 * MINOR. Returns the answer, valid until the next call, or NULL: refused or failed.
 */
const uint8_t *loopback_serve(struct vb_conn *conn, uint16_t number, const uint8_t *message,
			      uint32_t length, uint16_t minor);

/* The connection of a peer. */
struct vb_conn *loopback_conn(struct vb_peer *peer);

/* The last answer that a service has given, and its length. */
const uint8_t *loopback_last_reply(uint32_t *ret_length);

/* The last request that a stub has sent on CONN, and its length. */
const uint8_t *loopback_last_request(uint32_t *ret_length);

#endif
