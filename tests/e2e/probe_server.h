/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the probe server share. One server, one thread that serves. */
#ifndef E2E_PROBE_SERVER_H
#define E2E_PROBE_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <verbena/verbena.h>

#include "probe.vb.h"
#include "tests/e2e/probe.h"

struct probe_server {
	struct vb_server *server;
	bool report_sessions;
	uint64_t n_posted;
	uint64_t posted_total;
	uint64_t n_bound;
	uint64_t n_gone;
	int32_t sessions; /* numbers given out */

	/* Clients that have asked to be let in, and which of them is refused, from 1. */
	unsigned long n_clients;
	unsigned long unwelcome;
	/* The last of them. */
	struct probe_client client;
	char client_address[80];
};

extern struct probe_server probe_server;

extern const struct probe_ops probe_handlers;
extern const struct mirror_ops mirror_handlers;
extern const struct shut_ops shut_handlers;
extern const struct wide_ops wide_handlers;
extern const struct tall_ops tall_handlers;
extern const struct vast_ops vast_handlers;

void probe_server_report(enum probe_event event);
/* Blocks until the test lets a handler go. */
void probe_server_pass_gate(void);

#endif
