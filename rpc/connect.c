/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vb_connect() and its counterparts: a client's connection with the worker that is its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/conn.h"
#include "rpc/options.h"
#include "rpc/owner.h"
#include "rpc/worker.h"

/* A client serves no bulk: its pool only has to exist. */
#define CLIENT_BULK_MAX 0
/* Nor can it be called: it grants nothing, and needs no receives for requests. */
#define CLIENT_WINDOW	0

/* A client's connection and its worker are one allocation in two pieces with one life. */
static struct vb_conn *new_client(const struct vb_options *options)
{
	struct vbi_worker *worker = malloc(sizeof(*worker));
	struct vb_conn *conn;

	if (!worker)
		return NULL;
	vbi_worker_init(worker, options->wait,
			&(struct vbi_domain_options){
				.message_max = options->message_max,
				.receives = vbi_credits_receives((uint16_t)options->inflight),
				.keepalive_ns = options->keepalive_ns,
				.connect_ns = options->connect_timeout_ns,
			},
			CLIENT_BULK_MAX);
	conn = vbi_conn_new(worker, (uint16_t)options->inflight, CLIENT_WINDOW, options->grace_ns);
	if (!conn)
		goto free_worker;
	conn->scratch = aligned_alloc(64, VBI_MESSAGE_MAX);
	if (!conn->scratch)
		goto free_conn;
	conn->owner = vbi_owner_take();
	conn->state = VBI_CONN_CONNECTING;
	return conn;
free_conn:
	vbi_conn_free(conn);
free_worker:
	free(worker);
	return NULL;
}

static void free_client(struct vb_conn *conn)
{
	struct vbi_worker *worker = conn->worker;

	vbi_conn_free(conn);
	vbi_worker_fini(worker);
	free(worker);
}

static bool settled(const void *context)
{
	const struct vb_conn *conn = context;

	return conn->state == VBI_CONN_OPEN || conn->state == VBI_CONN_FAILED;
}

/* Starts to connect; the cause is in conn->error if it cannot. */
static int begin(struct vb_conn *conn, const char *address, const struct vb_options *options)
{
	struct vbi_cause cause = {0};
	const char *rest = NULL;
	const struct vbi_transport *transport = address ? vbi_transport_find(address, &rest) : NULL;
	struct vbi_domain *domain;
	int error = -EINVAL;

	if (!transport)
		vbi_options_explain_address(address, cause.sentence, sizeof(cause.sentence));
	else
		error = transport->address_check(rest, false, &cause);
	if (!error)
		error = vbi_worker_domain(conn->worker, transport, &domain, &cause);
	if (!error) {
		snprintf(conn->address, sizeof(conn->address), "%s", address);
		conn->ops = transport;
		error = transport->connect(domain, rest, options->memory_max, conn, &conn->endpoint,
					   &cause);
	}
	if (error)
		vbi_error_first(&conn->error, -error, "connect", "%s",
				cause.sentence[0] ? cause.sentence : "no memory to connect");
	return error;
}

static int connect_client(struct vb_conn *conn, const char *address,
			  const struct vb_options *options)
{
	int error = begin(conn, address, options);

	if (error)
		return error;
	if (!vbi_worker_wait(conn->worker, settled, conn, options->connect_timeout_ns)) {
		vbi_error_first(
			&conn->error, ETIMEDOUT, "connect",
			"%s did not answer within %llu ms: is the server running, or stopped?",
			address, (unsigned long long)(options->connect_timeout_ns / VBI_NS_PER_MS));
		return -ETIMEDOUT;
	}
	return conn->state == VBI_CONN_OPEN ? 0 : -conn->error.errnum;
}

struct vb_conn *vb_connect(const char *address, const struct vb_options *options)
{
	struct vb_error *error = vbi_error_thread();
	struct vb_options chosen;
	struct vb_conn *conn;
	int result = -EINVAL;

	error->errnum = 0;
	if (vbi_options_conn(options, &chosen, error))
		goto fail;
	conn = new_client(&chosen);
	if (!conn) {
		vbi_error_set(error, ENOMEM, "connect", "no memory for a connection");
		goto fail;
	}
	result = connect_client(conn, address, &chosen);
	if (!result)
		return conn;
	*error = conn->error;
	free_client(conn);
fail:
	errno = error->errnum;
	return NULL;
}

void vb_conn_close(struct vb_conn *conn)
{
	if (!conn)
		return;
	/*
	 * In a forked child the mappings are not there and the rings are the parent's: what is the
	 * child's own copy is given up to its exit.
	 */
	if (!vbi_owner_is(conn->owner))
		return;
	free_client(conn);
}

const struct vb_error *vb_conn_error(const struct vb_conn *conn)
{
	if (!conn)
		return vbi_error_thread();
	return conn->error.errnum ? &conn->error : &conn->refusal;
}

int vb_conn_stats(const struct vb_conn *conn, struct vb_stats *stats)
{
	if (!vbi_owner_is(conn->owner))
		return vbi_edge(-EPERM);
	return vbi_options_copy_stats(&conn->worker->stats, stats);
}

#define TEXT_OF(number) #number
#define TEXT(macro)	TEXT_OF(macro)

const char *vb_version(void)
{
	return TEXT(VB_VERSION_MAJOR) "." TEXT(VB_VERSION_MINOR) "." TEXT(VB_VERSION_PATCH);
}
