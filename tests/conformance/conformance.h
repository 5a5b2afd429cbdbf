/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every transport must do, written once against transport.h. A transport's own program names
 * itself and how its addresses are made; the cases run with both ends on one thread, which makes
 * every interleaving repeatable, and with the server on a thread of its own that sleeps when it is
 * idle.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "transport/transport.h"

/* Memory windows, as one is to expect them of an endpoint. */
enum windows {
	WINDOWS_NONE,	/* what a call exposes is registered for it, or copied */
	WINDOWS_STRICT, /* agreed on; the device holds a peer to a window's range */
	WINDOWS_LOOSE,	/* agreed on; the device is known to look at the region's range only */
};

/* What a device can be made to refuse. */
enum refusal {
	REFUSES_NOTHING,
	REFUSES_TO_REVOKE,    /* it keeps what is exposed, */
	REFUSES_TO_BREAK_TOO, /* and lets a connection move on that is to stand still */
};

/* What is under test. */
struct subject {
	const struct vbi_transport *ops;
	/* Writes a new address, without scheme, on which nobody listens. */
	void (*make_address)(char *address, size_t size);
	bool threaded;
	bool maps;	     /* map() reaches memory of memory_alloc() */
	bool knows_process;  /* the peer's pid and uid */
	bool waits_for_room; /* a sender may outrun its peer; else rpc's credits must not let it */
	/* Messages that may be under way on an endpoint whose domain is not polled; what is sent
	 * beyond waits in it. 0: it is their bytes that count. */
	unsigned sends_under_way;
	bool is_late;	  /* what has been sent is not always there yet: it is delayed on purpose */
	bool keeps_alive; /* asks silent peers whether they live, and so has time-outs */
	bool one_arena;	  /* what memory_alloc() gives an endpoint is one range, with gaps */
	bool pins_memory; /* what RLIMIT_MEMLOCK is about */
	bool keys_are_checked; /* before use; else by the peer's device, and the connection fails */
	/* What a connected endpoint has of windows, by its device and by what was asked for. */
	enum windows (*windows)(const struct vbi_endpoint *endpoint);
	/* What its device refuses from now on. False: it cannot be made to. */
	bool (*refuse)(enum refusal refusal);
	/* Calls on another connection until one that is silent sleeps by itself. */
	unsigned calls_until_idle;
};

#define ADDRESS_SIZE	  200
#define ARENA_SIZE	  (24u << 20)
#define MESSAGE_MAX	  8192u
#define RECEIVES	  64u
/* More than a transport lets an endpoint send at once. */
#define MANY_RECEIVES	  200u
#define KEEPALIVE_NS	  3000000000ull
/* Of which nothing is heard while a case lasts. */
#define KEEPALIVE_LONG_NS 60000000000ull

/* Requests of the cases; the service answers as it is told. */
enum command {
	COMMAND_ECHO,	   /* the same bytes back */
	COMMAND_SINK,	   /* nothing back; counted */
	COMMAND_TAKE,	   /* take argument buffers for messages and keep them; argument back: how
			      many there were */
	COMMAND_PULL,	   /* record: hash of what it holds */
	COMMAND_PUSH,	   /* record: fill argument bytes of it with pattern(id) */
	COMMAND_INVERT,	   /* record: pull, turn every bit, push */
	COMMAND_MAP,	   /* record: as INVERT, in the memory itself; argument back: could it */
	COMMAND_HOLD,	   /* record: map it and keep it so */
	COMMAND_SCRIBBLE,  /* write over what is held */
	COMMAND_LET_GO,	   /* unmap what is held */
	COMMAND_REMEMBER,  /* record: keep it for later */
	COMMAND_PULL_LATE, /* pull the record that was kept; argument back: the status */
	COMMAND_PUSH_LATE, /* the same with a push of pattern(id) */
	COMMAND_END,	   /* record: keep it for later, and end it, as an answer to a push does */
	COMMAND_CLOSE,	   /* answer, then close the endpoint */
	COMMAND_VANISH,	   /* close the endpoint with a pull under way */
};

struct request {
	uint32_t length;
	uint32_t command;
	uint64_t id;
	uint64_t argument;
	struct vbi_record record;
};

/* One end of the fixture's first connection, or one of several. */
struct client {
	struct fixture *fixture;
	struct vbi_endpoint *endpoint;
	unsigned n_connected, n_failed, n_received;
	struct vbi_cause cause;
	struct vbi_message *held; /* the message received last, not released */
	bool close_on_message, close_on_failure;
	uint64_t next_id; /* of an echo expected; order */
	bool out_of_order;
};

#define CLIENTS_MAX 64u

struct fixture {
	const struct subject *subject;
	const struct vbi_transport *ops;
	char address[ADDRESS_SIZE];
	struct vb_stats client_stats, server_stats;
	struct vbi_domain *client_domain, *server_domain;
	struct vbi_listener *listener;
	struct client clients[CLIENTS_MAX]; /* the first is connected by setup */
	unsigned n_clients;
	atomic_int refuse_with; /* errno that the service refuses new connections with */
	atomic_uint n_accepted, n_server_failed, n_sunk;
	atomic_bool stop;
	pthread_t thread;
};

/* service.c */
extern const struct vbi_events service_events;
/* Ends what the service still has. */
void service_close_all(struct fixture *fixture);
uint8_t pattern(uint64_t seed, uint64_t at);
uint64_t hash(const void *bytes, uint64_t length);

/* fixture.c */
int fixture_setup(void **state);	     /* domains, listener, one client connected */
int fixture_setup_unconnected(void **state); /* domains and listener */
/* As the first, and neither end asks within a case whether the other lives. */
int fixture_setup_unasked(void **state);
/* The same as the second, with MANY_RECEIVES for each endpoint. */
int fixture_setup_many_receives(void **state);
int fixture_teardown(void **state);
/* Which transport the cases run on; set before the group runs. */
extern const struct subject *subject;
/* One round of the client's domain and, on one thread, the server's. */
void turn(struct fixture *fixture);
/* Turns until *CONDITION is at least WANTED; fails the test after some seconds. */
void turn_until(struct fixture *fixture, const unsigned *condition, unsigned wanted);
/* Turns until WANTED answers have come, or the connection has failed. */
void turn_until_answered_or_failed(struct client *client, unsigned wanted);
/* Turns as long as *BYTE, which the peer writes, is VALUE. */
void turn_while(struct fixture *fixture, const uint8_t *byte, uint8_t value);
void turn_until_shared(struct fixture *fixture, atomic_uint *condition, unsigned wanted);
/* Begins to connect one more client. */
struct client *client_connect(struct fixture *fixture);
void client_close(struct client *client);
/* Sends a request of LENGTH bytes, at least sizeof(struct request); the rest is pattern(id). */
void client_send(struct client *client, const struct request *request, uint32_t length, bool more);
/* Sends, waits for the answer, and returns it: client->held, released by the next call. */
const struct request *client_call(struct client *client, enum command command, uint64_t id,
				  uint64_t argument, const struct vbi_record *record);
void client_release(struct client *client);

/* The cases, one list for each file; N is set. */
struct CMUnitTest;
const struct CMUnitTest *cases_connect(size_t *n);
const struct CMUnitTest *cases_message(size_t *n);
const struct CMUnitTest *cases_sleep(size_t *n);
const struct CMUnitTest *cases_bulk(size_t *n);
const struct CMUnitTest *cases_memory(size_t *n);
const struct CMUnitTest *cases_reach(size_t *n);
/*
 * Runs all of them for SUBJECT, on one thread and on two, or those whose name matches FILTER, which
 * must be there. The number of failures.
 */
int conformance_run(const struct subject *subject, const char *filter);
/* Whether FILTER was the name of one case, which is then to be run and not to be skipped. */
bool conformance_is_for_one(void);

#endif
