/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ends say beside rpc's messages: private data, and messages of our own. */
#ifndef VERBS_HELLO_H
#define VERBS_HELLO_H

#include <stdint.h>

#include "transport/transport.h"

/* "VBR1", as the bytes lie in memory. */
#define VERBS_MAGIC   0x31524256u
#define VERBS_VERSION 1u

/*
 * The private data of request, answer and refusal, little-endian. A device may deliver more bytes
 * than were sent, zeros behind them: the length is carried along. 24 bytes fit everywhere; the CM
 * takes 56 with a request.
 */
struct verbs_hello {
	uint32_t magic;
	uint16_t version;
	uint16_t length; /* of this, bytes; a later version's may be longer */
	uint32_t message_max;
	uint16_t receives; /* for the other side's messages, not 0; how many is told to people only:
			      what may be sent is rpc's business (credits) */
	uint16_t errnum;   /* refusal: an errno value; else 0 */
	uint32_t features; /* enum verbs_feature */
	uint32_t reserved;
};
_Static_assert(sizeof(struct verbs_hello) == 24, "fits any private data");

enum verbs_feature {
	VERBS_FEATURE_WINDOWS = 1, /* type 2B windows, SEND_WITH_INV */
};

/* A message's low three bits of the length word: whose it is. Ours are bare headers. */
enum verbs_tag {
	VERBS_TAG_RPC = 0,
	VERBS_TAG_PING = 1,    /* is your host there? */
	VERBS_TAG_PONG = 2,    /* and this process is */
	VERBS_TAG_GOODBYE = 3, /* the last message: I close */
};
#define VERBS_TAG_MASK 7u

/* Fills in what this side says. */
void verbs_hello_make(struct verbs_hello *hello, uint32_t message_max, uint32_t receives,
		      uint32_t features, int errnum);

/*
 * Reads a hello from LENGTH bytes of private data and checks it: -EPROTO (another protocol),
 * -EPROTONOSUPPORT (another version of ours). *RET_CAUSE says it; WHO: the peer, for the sentence.
 */
int verbs_hello_read(const void *data, size_t length, const char *who, struct verbs_hello *ret,
		     struct vbi_cause *ret_cause);

#endif
