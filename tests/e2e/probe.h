/* SPDX-License-Identifier: Apache-2.0 */
/* The probe server's process, seen from a test. */
#ifndef E2E_PROBE_H
#define E2E_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <verbena/verbena.h>

#include "probe.vb.h"

/* What the server writes to its report, a byte each. */
enum probe_event {
	PROBE_READY = 'R',    /* about to run: clients may connect */
	PROBE_ENDED = 'E',    /* vb_server_run() has returned 0 */
	PROBE_BROKEN = 'X',   /* it has returned -1 */
	PROBE_HOLDING = 'h',  /* a hold handler has begun, and waits to be let go */
	PROBE_WRITTEN = 'w',  /* a hold handler is about to return */
	PROBE_CANCELED = 'c', /* wait_for_cancel's handler has seen the cancel */
	PROBE_BOUND = 'b',    /* bound() and gone(), where asked for with --sessions */
	PROBE_GONE = 'g',
};

/* Descriptors that the server finds open. */
#define PROBE_REPORT_FD 3
#define PROBE_GATE_FD	4

struct probe {
	pid_t pid;
	int report; /* the server's events come out here */
	int gate;   /* a byte lets a hold handler go */
	char address[64];
};

/* Starts a server on an address of its own, with more arguments (NULL-terminated), and waits until
 * it is ready. */
void probe_start(struct probe *probe, ...) __attribute__((sentinel));

/* The next event; fails the test if the server is gone. */
char probe_report(struct probe *probe);
/* Fails the test if the next event is another one. */
void probe_expect(struct probe *probe, enum probe_event event);
void probe_release(struct probe *probe);
void probe_signal(const struct probe *probe, int signal);

/* Stops it with SIGTERM, and fails the test if it does not end well. */
void probe_end(struct probe *probe);
/* Kills it. */
void probe_kill(struct probe *probe);

/* An emulated device on a busy host moves some megabytes a second: what is no test of deadlines has
 * time. */
#define PROBE_PATIENCE_NS 120000000000

/* vb_connect(), with more time over RDMA where OPTIONS do not say how much. */
struct vb_conn *probe_connect_to(const char *address, const struct vb_options *options);
/* Connects; fails the test if that fails. */
struct vb_conn *probe_connect(const struct probe *probe, const struct vb_options *options);
/* Over RDMA calls have more time than usual: set the peer's deadline where that matters. */
struct probe_peer *probe_bind(struct vb_conn *conn);

/* The server's counters, asked for on PEER. */
struct probe_counters probe_counters(struct probe_peer *peer);
struct vb_stats probe_client_stats(const struct vb_conn *conn);

/* Fails the test unless a call with PEER works. */
void probe_assert_alive(struct probe_peer *peer);

/* Fails the test unless the call returned EXPECTED, which is not -1. */
#define probe_assert_result(peer, result, expected) \
	probe_check_result(peer, (int64_t)(result), (int64_t)(expected), __FILE__, __LINE__)
void probe_check_result(const struct probe_peer *peer, int64_t result, int64_t expected,
			const char *file, int line);

/* Fails the test unless errno and the peer's outcome are these, and RESULT is -1. */
#define probe_assert_failed(peer, result, errnum, outcome) \
	probe_check_failed(peer, result, errnum, outcome, __FILE__, __LINE__)
void probe_check_failed(const struct probe_peer *peer, int64_t result, int errnum,
			enum vb_outcome outcome, const char *file, int line);

/* Fails the test unless the sentence has PART in it. */
#define probe_assert_sentence(error, part) probe_check_sentence(error, part, __FILE__, __LINE__)
void probe_check_sentence(const struct vb_error *error, const char *part, const char *file,
			  int line);

/* A test: that calls use memory windows, where the environment has forced them. */
void probe_test_windows(void **state);

#endif
