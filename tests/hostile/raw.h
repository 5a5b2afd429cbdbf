/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end, spoken by hand: rendezvous and shared memory without any of the transport's code,
 * so that a test can break each rule by itself. Both ends run on one thread.
 */
#ifndef HOSTILE_RAW_H
#define HOSTILE_RAW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "transport/shm/layout.h"

#define RAW_ARENA   (1u << 20)
#define RAW_FDS_MAX 16

struct raw {
	int socket_fd;
	int listener_fd; /* server */
	int memory_fd;
	int event_fds[2]; /* by role of who sleeps on it */
	uint8_t *base;	  /* the shared memory, or NULL */
	struct shm_hello hello;
	uint32_t mark;	 /* of the ring that this end writes */
	uint64_t offset; /* there */
	uint64_t taken;	 /* in the ring that it reads */
};

/* A sealed memfd of SIZE. SEALS 0: none. */
int raw_memfd(uint64_t size, int seals, unsigned flags);
#define RAW_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* ---- As a client ---- */

/* Everything for a good hello: memory, eventfds, the struct; connected to PATH, nothing sent. */
void raw_client_open(struct raw *raw, const char *path);
/* Sends SIZE bytes with descriptors. */
void raw_send(struct raw *raw, const void *bytes, size_t size, const int *fds, unsigned n_fds);
/* Sends the good hello. */
void raw_client_hello(struct raw *raw);

/* ---- As a server ---- */

void raw_server_listen(struct raw *raw, const char *path);
/* Accepts, takes the hello and maps the client's memory. */
void raw_server_accept(struct raw *raw);
/* A good answer but for what the caller changes. */
struct shm_answer raw_answer(void);

/* ---- Both ---- */

/* What is there: bytes received, 0 at the end, -1: nothing yet. */
ssize_t raw_receive(struct raw *raw, void *bytes, size_t size);
/* Writes FIRST 8 bytes at the place of the next message, with the mark; moves on by one line. */
void raw_write(struct raw *raw, enum shm_role role, uint64_t first);
/* Writes a whole message of LENGTH, as an honest peer would. */
void raw_message(struct raw *raw, enum shm_role role, const void *bytes, uint32_t length);
uint8_t *raw_ring(const struct raw *raw, enum shm_role role);
struct shm_side *raw_side(const struct raw *raw, enum shm_role role);
struct shm_slot *raw_slot(const struct raw *raw, uint32_t index);
void raw_close(struct raw *raw);

#endif
