/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What generated test code and its driver share. Every value is a function of a seed and of its
 * place in the schema, so that both ends of a call know it without telling each other, and an
 * older end knows the part that it has.
 */
#ifndef VERBENA_TESTS_RT_H
#define VERBENA_TESTS_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loopback.h"

/* The call that is being made, or the bytes that are being served. */
struct rt_state {
	bool is_remote; /* the service is another process, which shares this */
	uint64_t seed;
	unsigned agreed;      /* minor */
	bool is_failing;      /* the handler says ENOENT */
	bool is_tight;	      /* messages are small: EMSGSIZE is an answer */
	bool is_overreaching; /* the client fills in what the server is too old for */
	bool is_reencoding;   /* the bytes are anybody's: write them again and compare */
	bool is_answered;     /* the answer is anybody's bytes */
	bool is_replaying;    /* the handler gives what the client has read in them */
	unsigned n_handled;
	unsigned n_same;	 /* re-encoded and found equal */
	struct vb_conn *capture; /* its calls go nowhere */
	const uint8_t *request;	 /* REENCODING: what is served */
	uint32_t request_length;
};
extern struct rt_state *rt_shared;
#define rt (*rt_shared)

/* A handler begins: what its process has allocated for the one before goes, if it is another's. */
void rt_begin(void);

/* A handler has looked at what it was given. */
void rt_handled(void);

/* N handlers have been called by now; a one-way call may still be on its way. */
void rt_await(unsigned n);

struct rt_method {
	const char *name;
	uint16_t number;
	uint16_t since;
	bool is_oneway;
	void (*call)(struct vb_peer *peer);
};

/* One version of a schema, compiled. */
struct rt_side {
	unsigned minor;
	const struct rt_method *methods;
	size_t n_methods;
	int (*serve)(struct vb_server *server);
	struct vb_peer *(*bind)(struct vb_conn *conn);
};

/* A fault ends the program with its place; the driver has printed the seed. */
#define RT_CHECK(condition)                                                              \
	do {                                                                             \
		if (!(condition)) {                                                      \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, __func__, \
				#condition);                                             \
			abort();                                                         \
		}                                                                        \
	} while (0)

/* A value that depends on all bits of both. */
uint64_t rt_mix(uint64_t seed, uint64_t index);

/* Memory until rt_reset(), each block followed by bytes that must stay. */
void *rt_alloc(uint64_t size);
void rt_reset(void);

/* 0 to BOUND bytes, none of them 0, and a NUL. */
const char *rt_string(uint64_t seed, uint32_t bound);

/* SIZE random bytes. */
void *rt_bytes(uint64_t seed, uint64_t size);

bool rt_is_filled(const void *place, size_t size, uint8_t with);

static inline float rt_float(uint64_t seed)
{
	const uint32_t bits = (uint32_t)seed;
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline double rt_double(uint64_t seed)
{
	double value;

	memcpy(&value, &seed, sizeof(value));
	return value;
}

/* What stands in an out value before a call, to see whether it is touched. */
#define RT_UNTOUCHED 0x3c

/* An answer was accepted: the next call is served by a handler that gives what was read. */
void rt_replay(struct vb_peer *peer);

/* The service has written the values again, which must have made the same bytes. */
void rt_replayed(struct vb_peer *peer);

/*
 * Serves LENGTH bytes at MESSAGE as a request, or answers a call with them; whatever they are, they
 * are refused, or written again as they were. What an answer holds is given again by SIDE, the
 * client's own, at the agreed minor: it alone knows what was read.
 */
void rt_try_request(struct vb_conn *conn, uint16_t number, const uint8_t *message, uint32_t length);
void rt_try_answer(const struct rt_side *side, struct vb_peer *peer, const struct rt_method *method,
		   const uint8_t *message, uint32_t length);

/* Prepares a re-encoding: the peer to call with what a handler has been given. */
struct vb_peer *rt_capture(const struct vb_request *req, const struct rt_side *side);

/* Ends it: what the call wrote must be what was served, unless an exposure is involved. */
void rt_captured(const struct vb_request *req, struct vb_peer *peer, unsigned n_buffers);

#endif
