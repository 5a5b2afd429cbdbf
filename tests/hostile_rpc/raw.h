/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a connection that says what it likes: messages made by hand, put on the transport
 * without the runtime. What it must keep to is the transport's rules.
 */
#ifndef HOSTILE_RPC_RAW_H
#define HOSTILE_RPC_RAW_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/wire.h"
#include "transport/transport.h"

/* Messages that have arrived and were not looked at; more are an error of the test. */
#define RAW_QUEUE 64

struct raw_message {
	struct vbi_header header;
	uint8_t body[8192];
};

struct raw {
	const struct vbi_transport *ops;
	struct vb_stats stats;
	struct vbi_domain *domain;
	struct vbi_listener *listener;
	struct vbi_endpoint *endpoint;
	bool connected;
	bool failed;
	int errnum;
	unsigned n_queued;
	struct raw_message queue[RAW_QUEUE];
};

/* Connects to ADDRESS. False: it was refused. */
bool raw_connect(struct raw *raw, const char *address);
/* The same, and says that its receives hold MESSAGE_MAX bytes. */
bool raw_connect_with(struct raw *raw, const char *address, uint32_t message_max);

/* Listens on ADDRESS, and waits for one client. */
bool raw_listen(struct raw *raw, const char *address);
bool raw_listen_with(struct raw *raw, const char *address, uint32_t message_max);
bool raw_accept(struct raw *raw);

/* Ends the connection and gives everything back. */
void raw_close(struct raw *raw);

/* Sends LENGTH bytes from MESSAGE's header on; the header's length is set to it. */
void raw_send(struct raw *raw, struct raw_message *message, uint32_t length);

/* The same, and leaves the doorbell to the next one. */
void raw_send_more(struct raw *raw, struct raw_message *message, uint32_t length);

/* The same with an answer that ends the exposure of RECORD, as far as that was agreed on. */
void raw_answer(struct raw *raw, struct raw_message *message, uint32_t length,
		const struct vbi_record *record);

/* The same over verbs, as a SEND with invalidation of KEY, whatever was agreed on. */
void raw_send_ending(struct raw *raw, struct raw_message *message, uint32_t length, uint32_t key);

/* Whether memory that has a name is to be exposed through windows: by what was asked for, and by
 * what the device has. */
bool raw_wants_windows(const struct raw *raw);

/* Lets the transport make progress; rests a little if there is none to make. */
void raw_poll(struct raw *raw);

/* Waits for the next message. False: the connection has ended. */
bool raw_receive(struct raw *raw, struct raw_message *ret);

/* Waits until the other side has ended the connection; false if it says something else first. */
bool raw_ended(struct raw *raw);

/* A message of KIND with nothing in it. */
struct raw_message raw_message(enum vbi_kind kind);

/* What a hello says. */
struct raw_hello {
	uint32_t protocol;
	uint32_t message_max;
	uint32_t credits;
	uint32_t errnum;
	const char *refusal;
	bool extra_round;
	uint64_t offer; /* the id of an interface that is offered, version 1.1; 0: none */
};
#define RAW_HELLO                                                                    \
	{                                                                            \
		.protocol = VBI_PROTOCOL_VERSION, .message_max = 8192, .credits = 64 \
	}

/* The hello as a message; its length: *RET_LENGTH. */
struct raw_message raw_hello_message(const struct raw_hello *hello, uint32_t *ret_length);
void raw_send_hello(struct raw *raw, const struct raw_hello *hello);
/* Waits for a hello and reads of it what struct raw_hello has, but for the refusal's text, which
 * goes to TEXT. */
bool raw_receive_hello(struct raw *raw, struct raw_hello *ret, char *text, size_t size);

/* Sends a bind, and does not wait for its acknowledgement. */
void raw_send_bind(struct raw *raw, uint32_t index, uint64_t id, uint32_t major, uint32_t minor);

#endif
