/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/server.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

#include "rpc/conn.h"
#include "rpc/control.h"
#include "rpc/options.h"
#include "rpc/owner.h"
#include "rpc/service.h"
#include "rpc/worker.h"

struct listener {
	struct vbi_listener *transport;
	struct listener *next;
};

struct vb_server {
	struct vbi_worker worker;
	struct vbi_service *services;
	struct listener *listeners;
	struct vb_conn *conns;
	uint32_t n_conns;
	uint32_t connections_max;
	uint16_t inflight;
	int (*on_accept)(const struct vb_client *client, void *data);
	void *on_accept_data;
	pid_t pid; /* of the process it belongs to: a forked child's copy is dead */
	bool running;
	uint64_t owner; /* atomic: token of the thread that runs it; 0: none does */
	int stop_fd;	/* an eventfd: writing it is safe in signal handlers */
	int stopping;	/* atomic */
	struct vb_error error;
	struct ev_loop *loop;
	ev_io domain_watchers[VBI_DOMAINS_MAX];
	unsigned n_watched;
	unsigned n_told_stop; /* domains that watch stop_fd */
	ev_io stop_watcher;
	ev_timer timeout;
};

/* ---- Create, free ---- */

struct vb_server *vb_server_create(const struct vb_server_options *options)
{
	struct vb_error *error = vbi_error_thread();
	struct vb_server_options chosen;
	struct vb_server *server;

	error->errnum = 0;
	if (vbi_options_server(options, &chosen, error))
		goto fail;
	server = calloc(1, sizeof(*server));
	if (!server) {
		vbi_error_set(error, ENOMEM, "server", "no memory for a server");
		goto fail;
	}
	server->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->stop_fd < 0) {
		vbi_error_set(error, errno, "server",
			      "no file descriptor for the server: raise the limit (ulimit -n)");
		free(server);
		goto fail;
	}
	vbi_worker_init(&server->worker, chosen.wait,
			&(struct vbi_domain_options){
				.message_max = chosen.message_max,
				.receives = vbi_credits_receives((uint16_t)chosen.inflight),
				.keepalive_ns = chosen.keepalive_ns,
			},
			chosen.bulk_max);
	server->worker.server = server;
	server->connections_max = chosen.connections_max;
	server->inflight = (uint16_t)chosen.inflight;
	server->on_accept = chosen.on_accept;
	server->on_accept_data = chosen.on_accept_data;
	server->pid = getpid();
	return server;
fail:
	errno = error->errnum;
	return NULL;
}

static void free_listeners(struct vb_server *server)
{
	struct listener *listener;
	struct listener *next;

	LL_FOREACH_SAFE(server->listeners, listener, next) {
		listener->transport->ops->listener_close(listener->transport);
		free(listener);
	}
	server->listeners = NULL;
}

void vb_server_free(struct vb_server *server)
{
	struct vbi_service *service;
	struct vbi_service *next;

	/* In a forked child the rings are the parent's: the child's copy is left to its exit. */
	if (!server || server->pid != getpid())
		return;
	while (server->conns)
		vbi_conn_free(server->conns);
	free_listeners(server);
	LL_FOREACH_SAFE(server->services, service, next) {
		vbi_service_free(service);
	}
	vbi_worker_fini(&server->worker);
	close(server->stop_fd);
	free(server);
}

const struct vb_error *vb_server_error(const struct vb_server *server)
{
	return server ? &server->error : vbi_error_thread();
}

/* ---- What the rest of the runtime asks ---- */

struct vb_error *vbi_server_error(struct vb_server *server)
{
	return &server->error;
}

struct vbi_service *vbi_server_services(const struct vb_server *server)
{
	return server->services;
}

bool vbi_server_is_running(const struct vb_server *server)
{
	return server->running;
}

int vbi_server_add_service(struct vb_server *server, struct vbi_service *service)
{
	struct vb_conn probe = {.worker = &server->worker, .credits.window = VBI_INFLIGHT_MAX};

	LL_PREPEND(server->services, service);
	if (vbi_hello_check_size(&probe) == 0)
		return 0;
	LL_DELETE(server->services, service);
	vbi_error_set(&server->error, ENOSPC, "serve",
		      "interface %s is one too many: the hello that lists them holds %u bytes",
		      service->interface->name, VBI_CONTROL_MAX);
	return -ENOSPC;
}

/* ---- Listen, accept ---- */

static void watch_domains(struct vb_server *server);

static int listen_at(struct vb_server *server, const char *address, struct vbi_cause *cause)
{
	const char *rest = NULL;
	const struct vbi_transport *transport = address ? vbi_transport_find(address, &rest) : NULL;
	struct vbi_domain *domain;
	struct listener *listener;
	int error;

	if (!transport) {
		vbi_options_explain_address(address, cause->sentence, sizeof(cause->sentence));
		return -EINVAL;
	}
	error = transport->address_check(rest, true, cause);
	if (!error)
		error = vbi_worker_domain(&server->worker, transport, &domain, cause);
	/* Also those of an earlier call that failed here: a sleeping server must hear the stop. */
	while (!error && server->n_told_stop < server->worker.n_domains) {
		domain = server->worker.domains[server->n_told_stop];
		error = domain->ops->watch(domain, server->stop_fd);
		server->n_told_stop += !error;
	}
	if (!error)
		error = vbi_worker_domain(&server->worker, transport, &domain, cause);
	if (error)
		return error;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return -ENOMEM;
	error = transport->listen(domain, rest, server, &listener->transport, cause);
	if (error) {
		free(listener);
		return error;
	}
	LL_PREPEND(server->listeners, listener);
	if (server->running)
		watch_domains(server);
	return 0;
}

int vb_server_listen(struct vb_server *server, const char *address)
{
	struct vbi_cause cause = {0};
	uint64_t owner = __atomic_load_n(&server->owner, __ATOMIC_ACQUIRE);
	int error;

	/* While it runs, its tables are the loop's. */
	if (server->pid != getpid() || (owner && !vbi_owner_is(owner)))
		return vbi_edge(-EPERM);
	error = listen_at(server, address, &cause);
	if (!error)
		return 0;
	vbi_error_set(&server->error, -error, "listen", "%s",
		      cause.sentence[0] ? cause.sentence : "no memory to listen");
	return vbi_edge(error);
}

/* The client hears the errno, and perhaps more; whoever runs the server hears it in the log. */
void vbi_server_refused(void *listener_owner, const struct vbi_cause *cause)
{
	(void)listener_owner;
	vbi_log("accept: %s (%s)", cause->sentence, strerrordesc_np(cause->errnum));
}

int vbi_server_accepted(void *listener_owner, struct vbi_endpoint *endpoint)
{
	struct vb_server *server = listener_owner;
	struct vb_conn *conn;

	/* The transport counts whom it has to turn away. */
	if (server->n_conns >= server->connections_max) {
		vbi_log("accept: no place for %s: %u connections are open, which is the most "
			"(connections_max)",
			endpoint->peer, server->n_conns);
		return -EBUSY;
	}
	if (!vbi_conn_takes_control(endpoint)) {
		vbi_log("accept: %s takes messages of at most %u bytes, and a hello may have %u: "
			"it is no client of this protocol",
			endpoint->peer, endpoint->limits.send_max, VBI_CONTROL_MAX);
		return -EPROTO;
	}
	conn = vbi_conn_new(&server->worker, 0, server->inflight, 0);
	if (!conn) {
		vbi_log("accept: no memory for %s", endpoint->peer);
		return -ENOMEM;
	}
	conn->endpoint = endpoint;
	conn->ops = endpoint->ops;
	conn->owner = vbi_owner_take();
	conn->state = VBI_CONN_HELLO;
	snprintf(conn->address, sizeof(conn->address), "client %s", endpoint->peer);
	endpoint->owner = conn;
	DL_APPEND(server->conns, conn);
	server->n_conns++;
	vbi_conn_await_hello(conn);
	return 0;
}

/* 0, or the errno that the server's application refuses the client with. */
static int ask_on_accept(const struct vb_server *server, const struct vbi_endpoint *endpoint)
{
	const struct vb_client client = {
		.size = sizeof(client),
		.identity = endpoint->identity,
		.address = endpoint->peer,
	};

	errno = 0;
	if (!server->on_accept || server->on_accept(&client, server->on_accept_data) == 0)
		return 0;
	/* A refusal that has gone wrong is one still: nobody is let in by mistake. */
	return errno > 0 && strerrorname_np(errno) ? errno : EACCES;
}

int vbi_server_admit(struct vb_conn *conn)
{
	int errnum = ask_on_accept(conn->worker->server, conn->endpoint);

	if (errnum)
		vbi_error_first(&conn->error, errnum, "hello",
				"the server's on_accept() refuses %s with %s", conn->address,
				strerrorname_np(errnum));
	return -errnum;
}

void vbi_server_forget(struct vb_server *server, struct vb_conn *conn)
{
	DL_DELETE(server->conns, conn);
	server->n_conns--;
}

/* ---- Run ---- */

/* The loop only has to wake: the pass after it does the work. */
static void on_ready(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)watcher;
	(void)events;
}

static void on_timeout(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)watcher;
	(void)events;
}

static void watch_domains(struct vb_server *server)
{
	for (; server->n_watched < server->worker.n_domains; server->n_watched++) {
		struct vbi_domain *domain = server->worker.domains[server->n_watched];
		ev_io *watcher = &server->domain_watchers[server->n_watched];

		ev_io_init(watcher, on_ready, domain->ops->fd(domain), EV_READ);
		ev_io_start(server->loop, watcher);
	}
}

static bool is_stopping(const struct vb_server *server)
{
	return __atomic_load_n(&server->stopping, __ATOMIC_ACQUIRE);
}

/*
 * With one transport, which is told of the stop event, the thread sleeps in the transport itself:
 * to be woken through the loop's epoll by the transport's epoll costs a quarter of a call more.
 */
static void sleep_here(struct vb_server *server, uint64_t timeout_ns)
{
	struct vbi_worker *worker = &server->worker;

	if (worker->n_domains == 1) {
		worker->domains[0]->ops->sleep(worker->domains[0], timeout_ns);
		return;
	}
	if (timeout_ns != UINT64_MAX) {
		server->timeout.repeat = (double)timeout_ns / (double)VBI_NS_PER_S;
		ev_timer_again(server->loop, &server->timeout);
	} else {
		ev_timer_stop(server->loop, &server->timeout);
	}
	ev_run(server->loop, EVRUN_ONCE);
}

/* Sleeps until something may have arrived. */
static void sleep_for_work(struct vb_server *server)
{
	struct vbi_worker *worker = &server->worker;
	/* First: what is overdue ends here, and would make the time-out 0 for ever. */
	uint64_t now = vbi_worker_look(worker);
	uint64_t end = vbi_worker_next_timeout(worker);

	if (end <= now || !vbi_worker_arm(worker))
		return;
	worker->stats.sleeps++;
	sleep_here(server, end == UINT64_MAX ? UINT64_MAX : end - now);
	/* Requests that have arrived meanwhile are stamped with the time of their arrival. */
	vbi_worker_look(worker);
}

static void serve_until_stopped(struct vb_server *server)
{
	struct vbi_worker *worker = &server->worker;
	uint64_t spin_end = 0;
	unsigned idle = 0;

	while (!is_stopping(server)) {
		if (vbi_worker_poll(worker)) {
			idle = 0;
			/* Off the caller's path: the answers have left. Stamps what comes next. */
			spin_end = vbi_worker_look(worker) + VBI_SPIN_NS;
			continue;
		}
		/* The first fruitless pass asks too: the client may wait for this very CPU. */
		if (idle++ % VBI_POLLS_PER_LOOK == 0 && worker->wait != VB_WAIT_SPIN &&
		    (!vbi_worker_may_spin(worker) || vbi_worker_look(worker) >= spin_end)) {
			sleep_for_work(server);
			idle = 0;
			continue;
		}
		if (worker->wait == VB_WAIT_SPIN && idle % VBI_POLLS_PER_LOOK == 0)
			vbi_worker_look(worker);
	}
}

int vb_server_run(struct vb_server *server)
{
	struct vb_conn *conn;

	if (server->pid != getpid())
		return vbi_edge(-EPERM);
	/* From one of its own handlers, or from a second thread. */
	if (server->running)
		return vbi_edge(-EBUSY);
	server->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (!server->loop) {
		vbi_error_set(&server->error, EMFILE, "run",
			      "no event loop: raise the limit of open files (ulimit -n)");
		return vbi_edge(-EMFILE);
	}
	DL_FOREACH(server->conns, conn) {
		conn->owner = vbi_owner_take();
	}
	server->running = true;
	__atomic_store_n(&server->owner, vbi_owner_take(), __ATOMIC_RELEASE);
	server->n_watched = 0;
	watch_domains(server);
	ev_io_init(&server->stop_watcher, on_ready, server->stop_fd, EV_READ);
	ev_io_start(server->loop, &server->stop_watcher);
	ev_init(&server->timeout, on_timeout);
	serve_until_stopped(server);
	while (server->conns)
		vbi_conn_free(server->conns);
	ev_loop_destroy(server->loop);
	server->loop = NULL;
	server->running = false;
	__atomic_store_n(&server->owner, 0, __ATOMIC_RELEASE);
	/* Ready to run again. */
	uint64_t count;
	if (read(server->stop_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		vbi_log("run: the stop event could not be read");
	__atomic_store_n(&server->stopping, 0, __ATOMIC_RELEASE);
	return 0;
}

void vb_server_stop(struct vb_server *server)
{
	uint64_t one = 1;
	int saved = errno;

	/* The event is one with the parent's: its loop would never sleep again. */
	if (server->pid != getpid())
		return;
	__atomic_store_n(&server->stopping, 1, __ATOMIC_RELEASE);
	/* Fails only if the counter is full, and then the loop wakes anyway. */
	if (write(server->stop_fd, &one, sizeof(one)) < 0) {}
	errno = saved;
}

int vb_server_stats(const struct vb_server *server, struct vb_stats *stats)
{
	if (server->pid != getpid())
		return vbi_edge(-EPERM);
	return vbi_options_copy_stats(&server->worker.stats, stats);
}
