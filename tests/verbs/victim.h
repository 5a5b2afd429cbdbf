/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real server and a real client of it that must not notice what is done to its neighbours. One
 * domain, one thread.
 */
#ifndef TEST_VERBS_VICTIM_H
#define TEST_VERBS_VICTIM_H

#include "tests/verbs/raw.h"
#include "transport/verbs/verbs.h"

#define VICTIM_RECEIVES	   64u
#define VICTIM_MESSAGE_MAX 4096u
#define VICTIM_LOCAL	   100000u
#define VICTIM_ENDPOINTS   512u

/* What a request asks for; else it is echoed. */
enum order {
	ORDER_ECHO,
	ORDER_PULL,
	ORDER_PUSH,
	ORDER_KEEP,  /* do not release it */
	ORDER_FLOOD, /* as many messages as ID says */
	ORDER_CLOSE, /* the server closes */
	ORDER_WORK,  /* what the test says: work() */
};

struct request {
	uint32_t length;
	uint32_t unused;
	uint64_t order;
	uint64_t id;
	struct vbi_record record;
};

struct victim {
	const char *host;
	unsigned port;
	struct vb_stats stats;
	struct vbi_domain *domain; /* of the server, and of the good client */
	struct vbi_listener *listener;
	struct vbi_endpoint *good;	/* the good client's end */
	struct vbi_endpoint *good_peer; /* the server's end of it */
	struct vbi_endpoint *last;	/* the server's end that was accepted last */
	struct vbi_endpoint *accepted[VICTIM_ENDPOINTS];
	unsigned n_echoes;			     /* that the good client has got */
	unsigned n_accepted;			     /* connections of the server, ever */
	unsigned n_refused;			     /* before they were accepted */
	struct vbi_cause refusal;		     /* of the last */
	unsigned n_open;			     /* not closed */
	unsigned n_failed;			     /* connections that failed at the server */
	struct vbi_cause cause;			     /* of the last */
	unsigned n_messages;			     /* to the server, the good client's left out */
	unsigned n_done;			     /* transfers completed */
	int status;				     /* of the last */
	struct vbi_transfer transfer;		     /* one at a time */
	uint8_t *local;				     /* region of VICTIM_LOCAL bytes */
	void (*work)(struct vbi_endpoint *endpoint); /* at the server, inside received() */
};

/* The address of a device, or the program ends with 77: skipped. */
const char *device_address(void);

/* What the device has counted under NAME. The test is skipped if it does not count that; SoftRoCE
 * does. */
unsigned long device_counter(const struct verbs_device *device, const char *name);

int victim_setup(void **state);
int victim_teardown(void **state);
/* A round; its type is that of raw->turn. */
void victim_turn(void *victim);
/* Rounds until *CONDITION is at least WANTED; fails the test after some seconds. */
void victim_until(struct victim *victim, const unsigned *condition, unsigned wanted);
/* The server lives: the good client gets an echo, and nobody else was ever harmed. */
void victim_check(struct victim *victim);
/* A raw client that is connected. */
void victim_join(struct victim *victim, struct raw *raw);
/* Sends a request as an honest client would. */
void victim_request(struct raw *raw, enum order order, uint64_t id,
		    const struct vbi_record *record);
/* The server throws RAW out with ERRNUM, says WORDS about it, and lives. RAW is closed. */
void victim_expect_thrown(struct victim *victim, struct raw *raw, int errnum, const char *words);

#endif
