/* SPDX-License-Identifier: Apache-2.0 */
/* The first steps of a server made by hand, which a hostile one has to take too. */
#ifndef HOSTILE_RPC_SERVANT_H
#define HOSTILE_RPC_SERVANT_H

#include "tests/hostile_rpc/raw.h"

/* Takes the client's hello and says one with so many credits, which offers the interface probe. */
void servant_greet(struct raw *raw, uint32_t credits);

/* Acknowledges the client's control message. */
void servant_acknowledge(struct raw *raw);

/* Waits for the next request, and acknowledges binds before it. Ends the process if the connection
 * ends first. */
void servant_await(struct raw *raw, struct raw_message *request);

/* An answer to REQUEST with nothing in it, which grants credit for one more. */
struct raw_message servant_answer(const struct raw_message *request);

/* How long a move may be under way: one that must succeed, on a host with other work; and one that
 * must not, and that nobody helps along. */
#define SERVANT_MOVES_NS 120000000000ull
#define SERVANT_FAILS_NS 5000000000ull

/* Moves all bytes of N records at once, between them and LOCAL. 0, or the first error; -EINPROGRESS
 * if some are not moved WITHIN_NS. */
int servant_move(struct raw *raw, bool is_push, const struct vbi_record *records, uint32_t n,
		 uint8_t *local, uint64_t within_ns);

/* The records of an exposed buffer whose field is at AT of the request. How many. */
uint32_t servant_records(const struct raw_message *request, uint32_t at,
			 struct vbi_record records[VBI_RECORDS_MAX]);

#endif
