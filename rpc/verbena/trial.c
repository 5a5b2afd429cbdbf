/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/verbena/trial.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <verbena/verbena.h>

#include "doctor.vb.h"

/* Enough for a median; the first ones fault pages in. */
#define CALLS	 32
#define CALLS_IN 8

/* Above every threshold for messages; one registration. */
#define BULK (1u << 20)

#define DEADLINE_NS   (UINT64_C(5) * 1000 * 1000 * 1000)
#define SERVER_STOP_S 10

/* IANA's ports for private use. RDMA's are a space of their own, and others may be in use there. */
#define PORT_FIRST 49152
#define PORTS	   16384
#define PORT_TRIES 16

/* The serving thread. */
struct host {
	pthread_t thread;
	sem_t ready;
	struct vb_server *server; /* set before ready is posted; NULL: could not be made */
	struct trial *trial;	  /* whose address it listens on; not touched after ready */
	bool listens;
};

static void fail(struct trial *trial, const char *step, const struct vb_error *error)
{
	trial->errnum = error->errnum ? error->errnum : errno;
	snprintf(trial->step, sizeof(trial->step), "%s", step);
	snprintf(trial->sentence, sizeof(trial->sentence), "%s",
		 error->errnum ? error->sentence : strerror(errno));
}

/* ---- The server ---- */

static int on_echo(struct vb_request *req, const struct doctor_blk *request,
		   struct doctor_blk *reply)
{
	(void)req;
	*reply = *request;
	return 0;
}

static int64_t on_echo_bytes(struct vb_request *req, const void *request, uint64_t n, void *reply,
			     uint64_t room)
{
	uint64_t length = n < room ? n : room;

	(void)req;
	if (length)
		memcpy(reply, request, length);
	return (int64_t)length;
}

/* An rdma address gets a port that is free; nothing else says which are. */
static int listen_somewhere(struct vb_server *server, struct trial *trial)
{
	char host[EXAM_ADDRESS];
	unsigned start = (unsigned)getpid();
	int result = -1;

	if (!exam_address_is_rdma(trial->address))
		return vb_server_listen(server, trial->address);
	memcpy(host, trial->address, sizeof(host));
	for (unsigned i = 0; i < PORT_TRIES && result < 0; i++) {
		int length = snprintf(trial->address, sizeof(trial->address), "%s:%u", host,
				      PORT_FIRST + (start + i) % PORTS);

		if (length < 0 || (size_t)length >= sizeof(trial->address)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		result = vb_server_listen(server, trial->address);
		if (result < 0 && errno != EADDRINUSE)
			break;
	}
	return result;
}

static void *serve(void *data)
{
	static const struct doctor_ops ops = {
		.size = sizeof(ops), .echo = on_echo, .echo_bytes = on_echo_bytes};
	struct host *host = data;
	struct vb_server *server = vb_server_create(NULL);

	host->server = server;
	if (!server)
		fail(host->trial, "create", vb_server_error(NULL));
	else if (doctor_serve(server, &ops, NULL) < 0)
		fail(host->trial, "serve", vb_server_error(server));
	else if (listen_somewhere(server, host->trial) < 0)
		fail(host->trial, "listen", vb_server_error(server));
	else
		host->listens = true;
	sem_post(&host->ready);
	if (host->listens)
		vb_server_run(server);
	vb_server_free(server);
	return NULL;
}

/* Returns when the server listens, or has said in the trial why it does not. */
static struct host *host_start(struct trial *trial)
{
	struct host *host = calloc(1, sizeof(*host));

	if (!host) {
		fail(trial, "start", &(const struct vb_error){.errnum = ENOMEM});
		return NULL;
	}
	host->trial = trial;
	sem_init(&host->ready, 0, 0);
	errno = pthread_create(&host->thread, NULL, serve, host);
	if (errno) {
		fail(trial, "start", &(const struct vb_error){.errnum = 0});
		sem_destroy(&host->ready);
		free(host);
		return NULL;
	}
	while (sem_wait(&host->ready) < 0 && errno == EINTR)
		;
	return host;
}

static void host_stop(struct host *host, struct trial *trial)
{
	struct timespec limit;

	if (host->listens)
		vb_server_stop(host->server);
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += SERVER_STOP_S;
	errno = pthread_timedjoin_np(host->thread, NULL, &limit);
	if (errno) {
		/* It still uses HOST: the process, which is about to exit, keeps it. */
		if (!trial->errnum)
			fail(trial, "stop", &(const struct vb_error){.errnum = 0});
		return;
	}
	sem_destroy(&host->ready);
	free(host);
}

/* ---- The client ---- */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* -1 with errno; EBADMSG if the answer is not what was sent. */
static int call_small(struct doctor_peer *peer, struct trial *trial)
{
	uint64_t times[CALLS];

	for (unsigned i = 0; i < CALLS_IN + CALLS; i++) {
		const struct doctor_blk request = {.words = {i, i + 1, i + 2, ~(uint64_t)i}};
		struct doctor_blk reply;
		uint64_t start = now_ns();

		if (doctor_echo(peer, &request, &reply) < 0)
			return -1;
		if (i >= CALLS_IN)
			times[i - CALLS_IN] = now_ns() - start;
		if (memcmp(&request, &reply, sizeof(request)) != 0) {
			errno = EBADMSG;
			return -1;
		}
	}
	qsort(times, CALLS, sizeof(times[0]), compare);
	trial->round_trip_ns = times[CALLS / 2];
	return 0;
}

static int call_bulk(struct doctor_peer *peer, struct trial *trial)
{
	uint8_t *request = malloc(BULK), *reply = calloc(1, BULK);
	uint64_t start;
	int64_t length;
	int result = -1;

	if (!request || !reply)
		goto out;
	for (unsigned i = 0; i < BULK; i++)
		request[i] = (uint8_t)(i * 31 + (i >> 8));
	start = now_ns();
	length = doctor_echo_bytes(peer, request, BULK, reply, BULK);
	if (length < 0)
		goto out;
	if (length != BULK || memcmp(request, reply, BULK) != 0) {
		errno = EBADMSG;
		goto out;
	}
	trial->bulk_ns = now_ns() - start;
	result = 0;
out:
	free(request);
	free(reply);
	return result;
}

static void call_all(struct vb_conn *conn, struct trial *trial)
{
	struct doctor_peer *peer = doctor_peer_bind(conn);

	if (!peer) {
		fail(trial, "bind", vb_conn_error(conn));
		return;
	}
	doctor_peer_set_deadline(peer, DEADLINE_NS);
	if (call_small(peer, trial) < 0)
		fail(trial, "a call of 32 bytes", vb_conn_error(conn));
	else if (call_bulk(peer, trial) < 0)
		fail(trial, "a call of 1 MiB", vb_conn_error(conn));
	doctor_peer_free(peer);
}

static void start_trial(const char *address, bool is_call, struct trial *trial)
{
	*trial = (struct trial){.is_call = is_call};
	snprintf(trial->address, sizeof(trial->address), "%s", address);
}

void trial_call(const char *address, struct trial *ret_trial)
{
	struct vb_conn *conn;
	struct host *host;

	start_trial(address, true, ret_trial);
	host = host_start(ret_trial);
	if (!host)
		return;
	if (host->listens) {
		conn = vb_connect(ret_trial->address, NULL);
		if (conn)
			call_all(conn, ret_trial);
		else
			fail(ret_trial, "connect", vb_conn_error(NULL));
		vb_conn_close(conn);
	}
	host_stop(host, ret_trial);
}

void trial_connect(const char *address, struct trial *ret_trial)
{
	struct vb_conn *conn;

	start_trial(address, false, ret_trial);
	conn = vb_connect(address, NULL);
	if (!conn)
		fail(ret_trial, "connect", vb_conn_error(NULL));
	vb_conn_close(conn);
}
