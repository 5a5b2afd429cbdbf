/* SPDX-License-Identifier: Apache-2.0 */
/* A real server, and a real client of it that must not notice what is done to its neighbour. */
#ifndef HOSTILE_VICTIM_H
#define HOSTILE_VICTIM_H

#include "tests/hostile/raw.h"

/* What a request of the raw client asks for, in the third word; else it is echoed. */
enum order { ORDER_ECHO, ORDER_PULL, ORDER_PUSH, ORDER_MAP };

struct request {
	uint32_t length;
	uint32_t unused;
	uint64_t order;
	uint64_t id;
	struct vbi_record record;
};

struct victim {
	const struct vbi_transport *ops;
	struct vb_stats stats;
	struct vbi_domain *domain; /* of both; the good client talks to itself */
	struct vbi_listener *listener;
	char path[64];
	struct vbi_endpoint *good;    /* the good client's end */
	unsigned n_echoes;	      /* that the good client has got */
	unsigned n_accepted;	      /* connections */
	unsigned n_refused;	      /* before they were accepted */
	struct vbi_cause refusal;     /* of the last */
	unsigned n_failed;	      /* connections that failed at the server */
	struct vbi_cause cause;	      /* of the last */
	unsigned n_done;	      /* transfers completed */
	int status;		      /* of the last */
	bool mapped;		      /* what the last map said */
	struct vbi_transfer transfer; /* one at a time */
	uint8_t local[100000];
};

int victim_setup(void **state);
int victim_teardown(void **state);
/* The server lives: the good client gets an echo. */
void victim_check(struct victim *victim);
/* Polls so that all that can be done is done. */
void victim_turn(struct victim *victim);
/* Connects RAW and does a good handshake. */
void victim_join(struct victim *victim, struct raw *raw);
/* The server has thrown RAW out with ERRNUM, said so in a sentence, and lives. */
void victim_expect_thrown(struct victim *victim, struct raw *raw, int errnum);

#endif
