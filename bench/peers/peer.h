/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main of a program that stands for another RPC system:
 *
 *   PROGRAM server ADDRESS
 *   PROGRAM client ADDRESS SIZE CALLS WARMUP JSON
 *
 * The server says "listening" on standard output and serves until SIGTERM. The client times the
 * same loop as verbena-bench client and writes the same JSON. The caller pins both. ADDRESS is the
 * path of an AF_UNIX socket.
 */
#ifndef BENCH_PEERS_PEER_H
#define BENCH_PEERS_PEER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Payloads that a peer must carry. */
#define PEER_SIZE_MAX (16u << 20)

struct peer_program {
	const char *name;
	/* Serves at ADDRESS until the process is ended; calls peer_listening() when clients may
	 * come. Returns only when it has failed, with a message on standard error. */
	void (*serve)(const char *address);
	/* Connects; the payload is SIZE bytes at REQUEST. -1 with a message. */
	int (*connect)(const char *address, uint8_t *request, uint64_t size);
	/* One call: the payload there and back. -1 with errno. */
	int (*call)(void *unused);
};

void peer_listening(void);

int peer_main(const struct peer_program *program, int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
