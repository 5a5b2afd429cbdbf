/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of probe-server for scripts that pull the rug from under it.
 *
 *   verbs-caller ADDRESS CONNECT_MS once          one call
 *                                   steady MS     calls, MS apart, until one fails
 *                                   hold          a call without a deadline that is not answered
 *                                   signals MS    a call at each SIGUSR1, with a deadline of MS
 *                                   bulk N        N rounds of buffers of several sizes, compared
 *                                   mix N         N rounds of everything: one-way calls to the
 *                                                 last credit, buffers, calls that are given up
 *                                   fork          calls before, in and after a child
 *                                   user UID      becomes UID, and then connects and calls
 *                                   rounds out|in MS  calls with large buffers until one fails,
 *                                                 with a deadline of MS (0: none); what is in
 *                                                 its buffer then must stay until SIGTERM
 *                                   canaries N    N calls that leave their buffers alone
 *
 * Says a line at a time what happens:
 *   refused ERRNO MS SENTENCE | connected | called | failed ERRNO OUTCOME MS SENTENCE | done |
 *   moving | watching | unchanged
 * MS: since vb_connect() or the failed call began. Exit status: 0 when all was said, 1 when
 * refused, 2 for what must never happen.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/verbs/caller.h"

uint64_t caller_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long value = text ? strtoul(text, &end, 10) : 0;

	if (!text || !*text || *end) {
		fprintf(stderr, "verbs-caller: a number is missing\n");
		exit(2);
	}
	return value;
}

static const char *outcome_name(enum vb_outcome outcome)
{
	static const char *const names[] = {
		[VB_NOT_SENT] = "not_sent",
		[VB_NOT_EXECUTED] = "not_executed",
		[VB_EXECUTED] = "executed",
		[VB_UNKNOWN] = "unknown",
	};

	return names[outcome];
}

void caller_say_failed(const struct vb_conn *conn, const struct probe_peer *peer, uint64_t start)
{
	int error = errno;

	printf("failed %s %s %llu %s\n", strerrorname_np(error),
	       outcome_name(probe_peer_outcome(peer)),
	       (unsigned long long)(caller_now_ms() - start), vb_conn_error(conn)->sentence);
}

/* ---- Calls ---- */

/* An echo, looked at. -1: it failed, and that was said. */
static int call(const struct vb_conn *conn, struct probe_peer *peer)
{
	struct probe_block sent = {.words = {1, 2, 3, UINT64_MAX}};
	struct probe_block got = {.words = {0}};
	uint64_t start = caller_now_ms();

	if (probe_echo(peer, &sent, &got) < 0) {
		caller_say_failed(conn, peer, start);
		return -1;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (got.words[i] == sent.words[i] + 1)
			continue;
		printf("an echo came back wrong\n");
		exit(2);
	}
	return 0;
}

static int once(const struct vb_conn *conn, struct probe_peer *peer)
{
	if (call(conn, peer) == 0)
		printf("called\n");
	return 0;
}

static int steady(const struct vb_conn *conn, struct probe_peer *peer, unsigned long ms)
{
	const struct timespec apart = {.tv_sec = (time_t)(ms / 1000),
				       .tv_nsec = (long)(ms % 1000) * 1000000};

	for (unsigned n = 0; call(conn, peer) == 0; n++) {
		if (!n)
			printf("called\n");
		nanosleep(&apart, NULL);
	}
	return 0;
}

static int hold(const struct vb_conn *conn, struct probe_peer *peer)
{
	uint64_t start = caller_now_ms();

	printf("called\n");
	probe_peer_set_deadline(peer, VB_NO_DEADLINE);
	if (probe_hold(peer) == 0)
		printf("done\n");
	else
		caller_say_failed(conn, peer, start);
	return 0;
}

static int at_signals(const struct vb_conn *conn, struct probe_peer *peer, const sigset_t *set)
{
	int signal;

	printf("called\n");
	while (sigwait(set, &signal) == 0 && signal == SIGUSR1)
		once(conn, peer);
	printf("done\n");
	return 0;
}

/* ---- Bulk ---- */

static const uint64_t sizes[] = {1, 3000, 5000, 100000, 300000, (1 << 20) + 7};

static int move(struct probe_peer *peer, uint8_t *buffer, uint64_t seed, uint64_t n)
{
	uint8_t first, last;

	memset(buffer, 0, n);
	if (probe_fill(peer, seed, n, buffer, n) != (int64_t)n)
		return -1;
	if (probe_check(peer, seed, buffer, n) != (int64_t)n)
		return -1;
	first = buffer[0];
	last = buffer[n - 1];
	if (probe_flip(peer, buffer, n) != (int64_t)n)
		return -1;
	if ((buffer[0] ^ first) == 0xff && (buffer[n - 1] ^ last) == 0xff)
		return 0;
	printf("a buffer came back wrong\n");
	exit(2);
}

static int bulk(const struct vb_conn *conn, struct probe_peer *peer, unsigned long rounds)
{
	const unsigned n_sizes = sizeof(sizes) / sizeof(sizes[0]);
	uint8_t *buffer = malloc(sizes[n_sizes - 1]);
	uint64_t start = caller_now_ms();
	int error = 0;

	for (unsigned long i = 0; i < rounds && !error; i++)
		for (unsigned j = 0; j < n_sizes && !error; j++)
			error = move(peer, buffer, i * n_sizes + j, sizes[j]);
	if (error)
		caller_say_failed(conn, peer, start);
	else
		printf("done\n");
	free(buffer);
	return 0;
}

/* ---- Everything at once ---- */

/* More than a connection has credits for. */
#define POSTS 100

static int given_up(struct probe_peer *peer)
{
	uint64_t remaining;

	probe_peer_set_deadline(peer, 20000000);
	/* The answer may be in time after all. */
	if (probe_wait_for_cancel(peer, &remaining) < 0 && errno != ETIMEDOUT)
		return -1;
	probe_peer_set_deadline(peer, 30000000000ull);
	return 0;
}

static int mix_round(const struct vb_conn *conn, struct probe_peer *peer, uint8_t *buffer,
		     unsigned long round)
{
	for (unsigned i = 0; i < POSTS; i++)
		if (probe_post(peer, i, buffer, i) < 0)
			return -1;
	if (call(conn, peer) < 0 || move(peer, buffer, round, round % 2 ? 5000 : 100000) < 0)
		return -1;
	return round % 8 ? 0 : given_up(peer);
}

static int mix(const struct vb_conn *conn, struct probe_peer *peer, unsigned long rounds)
{
	uint8_t *buffer = calloc(1, 100000);
	uint64_t start = caller_now_ms();
	int error = 0;

	probe_peer_set_deadline(peer, 30000000000ull);
	for (unsigned long i = 0; i < rounds && !error; i++)
		error = mix_round(conn, peer, buffer, i);
	if (error)
		caller_say_failed(conn, peer, start);
	else
		printf("done\n");
	free(buffer);
	return 0;
}

/* ---- Processes ---- */

static int in_child(struct vb_conn *conn, struct probe_peer *peer)
{
	struct probe_block block = {.words = {0}};

	if (probe_echo(peer, &block, &block) != -1 || errno != EPERM)
		return 1;
	/* To free what the parent has is to let go of a copy. */
	probe_peer_free(peer);
	vb_conn_close(conn);
	return 0;
}

static int forked(struct vb_conn *conn, struct probe_peer *peer)
{
	int status = 0;
	pid_t pid;

	once(conn, peer);
	pid = fork();
	if (pid == 0)
		_exit(in_child(conn, peer));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
		printf("the child could call, or died: status %d\n", status);
		return 2;
	}
	once(conn, peer);
	return bulk(conn, peer, 2);
}

/* ---- Watched ---- */

/* Longer than any call with a deadline here: the deadline decides. */
#define KEEPALIVE_LONG_NS 60000000000ull

static int rounds(const struct vb_conn *conn, struct probe_peer *peer, char **words)
{
	unsigned long ms = number(words[0] ? words[1] : NULL);

	probe_peer_set_deadline(peer, ms ? ms * 1000000ull : VB_NO_DEADLINE);
	return caller_rounds(conn, peer, strcmp(words[0], "out") == 0);
}

/* ---- main ---- */

static int run(struct vb_conn *conn, char **argv, const sigset_t *set)
{
	struct probe_peer *peer = probe_peer_bind(conn);
	uint64_t start = caller_now_ms();
	int status = 2;

	if (!peer) {
		printf("refused %s %llu %s\n", strerrorname_np(errno),
		       (unsigned long long)(caller_now_ms() - start),
		       vb_conn_error(conn)->sentence);
		return 1;
	}
	if (strcmp(argv[3], "once") == 0 || strcmp(argv[3], "user") == 0)
		status = once(conn, peer);
	else if (strcmp(argv[3], "steady") == 0)
		status = steady(conn, peer, number(argv[4]));
	else if (strcmp(argv[3], "hold") == 0)
		status = hold(conn, peer);
	else if (strcmp(argv[3], "signals") == 0) {
		probe_peer_set_deadline(peer, number(argv[4]) * 1000000ull);
		status = at_signals(conn, peer, set);
	} else if (strcmp(argv[3], "bulk") == 0)
		status = bulk(conn, peer, number(argv[4]));
	else if (strcmp(argv[3], "mix") == 0)
		status = mix(conn, peer, number(argv[4]));
	else if (strcmp(argv[3], "fork") == 0)
		status = forked(conn, peer);
	else if (strcmp(argv[3], "rounds") == 0)
		status = rounds(conn, peer, argv + 4);
	else if (strcmp(argv[3], "canaries") == 0) {
		probe_peer_set_deadline(peer, VB_NO_DEADLINE);
		status = caller_canaries(conn, peer, number(argv[4]));
	}
	probe_peer_free(peer);
	return status;
}

static void become(const char *uid)
{
	if (setgid((gid_t)number(uid)) || setuid((uid_t)number(uid))) {
		perror("verbs-caller: setuid");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct vb_options options = VB_OPTIONS_INIT;
	struct vb_conn *conn;
	sigset_t set;
	uint64_t start;
	int status;

	if (argc < 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	if (strcmp(argv[3], "signals") == 0 || strcmp(argv[3], "rounds") == 0)
		sigprocmask(SIG_BLOCK, &set, NULL);
	if (strcmp(argv[3], "user") == 0)
		become(argv[4]);
	options.connect_timeout_ns = number(argv[2]) * 1000000ull;
	if (argc == 6 && strcmp(argv[3], "rounds") == 0 && number(argv[5]))
		options.keepalive_ns = KEEPALIVE_LONG_NS;
	start = caller_now_ms();
	conn = vb_connect(argv[1], &options);
	if (!conn) {
		printf("refused %s %llu %s\n", strerrorname_np(errno),
		       (unsigned long long)(caller_now_ms() - start),
		       vb_conn_error(NULL)->sentence);
		return 1;
	}
	printf("connected\n");
	status = run(conn, argv, &set);
	vb_conn_close(conn);
	return status;
}
