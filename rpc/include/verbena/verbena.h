/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbena: remote calls that look like local ones.
 *
 * A program writes an .idl file, verbenac turns it into stubs, and this header holds what the stubs
 * stand on: connections, servers, memory, errors, counters. A function returns -1 or NULL and sets
 * errno when it fails, as POSIX functions do.
 *
 * Threads. A connection, the peers bound on it and its memory belong to the thread that opened it;
 * a call from another thread fails with EPERM and does nothing. A server belongs to the thread that
 * calls vb_server_run(); only vb_server_stop() may come from elsewhere. After fork() the child owns
 * nothing: each function but the ones that free fails there with EPERM.
 */
#ifndef VERBENA_VERBENA_H
#define VERBENA_VERBENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VB_EXPORT __attribute__((visibility("default")))
#else
#define VB_EXPORT
#endif

#define VB_VERSION_MAJOR 0
#define VB_VERSION_MINOR 1
#define VB_VERSION_PATCH 0

struct vb_conn;
struct vb_server;
struct vb_request;
struct vb_session;

/* What is known about a failed call: errno says why, the outcome says whether it ran. */
enum vb_outcome {
	VB_NOT_SENT,	 /* nothing left this process */
	VB_NOT_EXECUTED, /* the server says that the handler did not start */
	VB_EXECUTED,	 /* the handler has run to its end (also: the call succeeded) */
	VB_UNKNOWN,	 /* sent, and no answer: it may have run, may be running */
};

/*
 * A deadline that never comes. A call still ends when its peer dies: at once when the process does,
 * and as keepalive_ns says when its host vanishes.
 */
#define VB_NO_DEADLINE UINT64_MAX

/* How a thread waits. The default spins for a moment, at most about the time a wake-up costs, and
 * then sleeps. */
enum vb_wait {
	VB_WAIT_ADAPTIVE, /* spin a little, then sleep */
	VB_WAIT_SPIN,	  /* never sleep: lowest latency, one CPU busy for it */
	VB_WAIT_SLEEP,	  /* never spin */
};

/*
 * Why something failed: its first cause, as fields and as one sentence. What follows from the first
 * cause is not reported.
 */
struct vb_error {
	int errnum; /* an errno value; 0: nothing has failed */
	/* What was being done: "connect", "bind", "receive"; a method's name, if it was being
	 * called; "connection" if nothing was. */
	char where[64];
	char sentence[448]; /* for people: names the thing and, where there is one, the mend */
};

/* ---- Connections ---- */

/* Set with VB_OPTIONS_INIT, then change members. A member left 0 has its default. */
struct vb_options {
	size_t size;		     /* sizeof(struct vb_options), for later members */
	uint64_t connect_timeout_ns; /* for vb_connect as a whole; default 10 s */
	uint64_t grace_ns;    /* how long past its deadline a call with exposed memory waits for an
				 answer; default 10 ms. Without one the connection is closed, which
				 over rdma: takes up to 100 ms more before the call returns */
	enum vb_wait wait;    /* default VB_WAIT_ADAPTIVE */
	uint32_t message_max; /* bytes of the largest message this side receives, 4 KiB to 64 KiB;
				 default 8 KiB */
	uint32_t inflight; /* calls of this connection outstanding at most, 1 to 1024; default 64 */
	uint64_t memory_max; /* bytes that vb_memory_alloc can give out on this connection; default
				256 MiB */
	uint64_t keepalive_ns; /* within how long a host that has vanished is noticed though nothing
				  arrives, 100 ms to 1 h; default 3 s. A client without a call in
				  progress runs no code: its next call notices. One whose server
				  did not answer for a while before, being busy or stopped, notices
				  up to as much later, or after 32 times this not at all: give such
				  a call a deadline. shm: at once */
};
#define VB_OPTIONS_INIT                                                       \
	{                                                                     \
		sizeof(struct vb_options), 0, 0, VB_WAIT_ADAPTIVE, 0, 0, 0, 0 \
	}

/*
 * Connects to ADDRESS. OPTIONS may be NULL. Blocks for at most the connect timeout.
 *
 *   shm://NAME         a server on this host; NAME is one word of letters, digits, '.', '-', '_',
 *                      or an absolute path
 *   rdma://HOST:PORT   a server that an RDMA device reaches; HOST is a name, an IPv4 address or an
 *                      IPv6 address in brackets
 *
 * Returns NULL with errno: EINVAL (the address does not parse, an option is out of range),
 * ECONNREFUSED and ENOENT (nobody listens there), EBUSY (the server has all the connections that it
 * takes), EACCES (no right to it), ETIMEDOUT, ECONNRESET (the server ended it before it was
 * complete), EPROTO (not a Verbena server), EPROTONOSUPPORT (another protocol version),
 * EHOSTUNREACH and ENETUNREACH (the host is not known, does not answer, or no route leads there),
 * ENODEV (no RDMA device here, or none on the way), ENETDOWN (its port is down), EIO (it failed),
 * EOPNOTSUPP (an iWARP device), EPERM (forked from a process that had used rdma), EMFILE, ENOMEM
 * (also: the limit of locked memory), or what the server's on_accept() refuses with;
 * vb_conn_error(NULL) has the sentence.
 * The connection is the caller's until vb_conn_close().
 */
VB_EXPORT struct vb_conn *vb_connect(const char *address, const struct vb_options *options);

/*
 * Closes the connection and frees it. Peers bound on it must have been freed. Memory of
 * vb_memory_alloc() stays. NULL is ignored.
 */
VB_EXPORT void vb_conn_close(struct vb_conn *conn);

/*
 * The connection's first cause of failure; if it has not failed, what was last refused on it (a
 * bind, an allocation); errnum 0 if nothing was. With NULL: the calling thread's last failure of a
 * function that had no object to tell it by (vb_connect, vb_server_create). Never NULL. The text
 * belongs to the connection (or the thread) and may change with the next call there.
 */
VB_EXPORT const struct vb_error *vb_conn_error(const struct vb_conn *conn);

/* ---- Memory ---- */

/*
 * Allocates SIZE bytes, page-aligned and zeroed, registered with the connection's transport: a
 * buffer that lies in it is not copied on its way, where a copy is not the quicker way (rdma). It
 * outlives the connection, is never unmapped by a peer's death, and is freed only by
 * vb_memory_free(). Used with another connection it is ordinary memory. NULL with errno: ENOMEM
 * (more than memory_max), EINVAL (SIZE 0), EPERM, or the connection's failure.
 */
VB_EXPORT void *vb_memory_alloc(struct vb_conn *conn, size_t size);

/* Frees memory of vb_memory_alloc(). CONN may have been closed by then. NULL memory is ignored. Not
 * while a call uses the memory. */
VB_EXPORT void vb_memory_free(struct vb_conn *conn, void *memory);

/* What kind of memory is registered. */
enum vb_memory_kind {
	VB_MEMORY_HOST,	  /* this process's, as malloc() and mmap() give it */
	VB_MEMORY_DMABUF, /* a device's, by dma-buf: reserved, EOPNOTSUPP */
};

/* Set with VB_MEMORY_OPTIONS_INIT, then change members. A member left 0 has its default. */
struct vb_memory_options {
	size_t size; /* sizeof(struct vb_memory_options) */
	enum vb_memory_kind kind;
	/* Of memory that is allocated, as far as the system and the transport can grant it: */
	uint64_t numa_nodes; /* bit n: from node n; 0: wherever the thread runs */
	bool hugepages;	     /* fewer, larger pages */
};
#define VB_MEMORY_OPTIONS_INIT                                         \
	{                                                              \
		sizeof(struct vb_memory_options), VB_MEMORY_HOST, 0, 0 \
	}

/*
 * Tells the connection of SIZE bytes at ADDRESS, the caller's, that buffers will lie in again and
 * again: their pages are made present now, and a transport that can spares copies of what lies in
 * them (rdma: above 32 KiB). The peer reaches them no more than other memory: during a call, and
 * only what the call names. They must stay mapped until vb_memory_unregister() or vb_conn_close().
 * With ADDRESS NULL: allocates as vb_memory_alloc() does, as OPTIONS say, for vb_memory_free().
 * OPTIONS may be NULL. Returns the memory; NULL with errno: EFAULT (rdma: not all of it is
 * mapped), EEXIST (rdma: part of it is registered already), EOPNOTSUPP (its kind), ENOMEM, EINVAL
 * (SIZE 0, or what the options say), EPERM, or the connection's failure.
 */
VB_EXPORT void *vb_memory_register(struct vb_conn *conn, void *address, size_t size,
				   const struct vb_memory_options *options);

/*
 * Takes that back; the memory stays the caller's. Not while a call uses it. What begins nothing
 * that is registered is ignored.
 */
VB_EXPORT void vb_memory_unregister(struct vb_conn *conn, void *address);

/* ---- Servers ---- */

/* Who the client is, as the transport knows (shm: the kernel's word). Fields not known are
 * (unsigned)-1 or -1. */
struct vb_identity {
	uint32_t uid;
	uint32_t gid;
	int32_t pid;
};

/* A client that asks to be let in. The library's, its text too, until on_accept() returns. */
struct vb_client {
	size_t size; /* sizeof(struct vb_client) of the library in use, for later members */
	struct vb_identity identity;
	/* Where it is: rdma "10.0.0.2:4711" or "[fd00::2]:4711", shm "pid 12 uid 1000". An address
	 * is what the client's host says that it has, and no proof. */
	const char *address;
};

/* Set with VB_SERVER_OPTIONS_INIT, then change members. A member left 0 has its default. */
struct vb_server_options {
	size_t size;	      /* sizeof(struct vb_server_options) */
	enum vb_wait wait;    /* default VB_WAIT_ADAPTIVE */
	uint32_t message_max; /* bytes of the largest message this side receives, 4 KiB to 64 KiB;
				 default 8 KiB */
	uint32_t inflight; /* requests one connection may have outstanding, 1 to 1024; default 64 */
	uint32_t connections_max; /* connections at a time; one more is refused with EBUSY; default
				     1024 */
	uint64_t bulk_max; /* bytes of server memory for bulk in flight, all connections together;
			      default 256 MiB */
	uint64_t keepalive_ns; /* as of struct vb_options */
	/*
	 * Asked once for each client whose hello is in order, before it can bind or call; on the
	 * thread that runs the server, which serves nobody meanwhile: it must not block. Returns 0
	 * to let the client in; -1 with errno to refuse it: its vb_connect() fails with that.
	 * Anything but 0 refuses, with EACCES if errno is 0 or no errno value. May call
	 * vb_server_stop() and vb_server_stats(). No call tells that a client has left: what is
	 * kept for one belongs to its sessions. Default NULL: all are let in.
	 */
	int (*on_accept)(const struct vb_client *client, void *data);
	void *on_accept_data; /* its DATA; nothing else is done with it */
};
#define VB_SERVER_OPTIONS_INIT                                                                \
	{                                                                                     \
		sizeof(struct vb_server_options), VB_WAIT_ADAPTIVE, 0, 0, 0, 0, 0, NULL, NULL \
	}

/* Creates a server; OPTIONS may be NULL. NULL with errno (EINVAL, ENOMEM, EMFILE);
 * vb_conn_error(NULL) has the sentence. */
VB_EXPORT struct vb_server *vb_server_create(const struct vb_server_options *options);

/*
 * Listens on ADDRESS, as of vb_connect(); HOST of rdma://HOST:PORT is one of this host's addresses,
 * or * for every address, on every device. Several are allowed, before and, on its thread, while
 * the server runs. -1 with errno: EINVAL (the address does not parse), EADDRINUSE (a server lives
 * there; a dead one's socket is replaced), EACCES, ENAMETOOLONG, ENOENT (a path's directory is not
 * there), EHOSTUNREACH (the host is not known), ENODEV and EADDRNOTAVAIL (no RDMA device has the
 * address), EMFILE, ENOMEM, for which vb_server_error() has the sentence; EPERM.
 */
VB_EXPORT int vb_server_listen(struct vb_server *server, const char *address);

/*
 * Serves until vb_server_stop(). Returns 0 when stopped, -1 with errno if it could not run.
 * Handlers run on the calling thread. Connections are closed when it returns; sessions get their
 * gone(). May be called again.
 */
VB_EXPORT int vb_server_run(struct vb_server *server);

/* Makes vb_server_run() return soon, from any thread and from signal handlers. Before
 * vb_server_run(): it returns at once. */
VB_EXPORT void vb_server_stop(struct vb_server *server);

/* Frees a server that is not running. NULL is ignored. */
VB_EXPORT void vb_server_free(struct vb_server *server);

/* Why the server's last failed function failed. With NULL: as vb_conn_error(NULL). Never NULL.
 * Belongs to the server (or the thread). */
VB_EXPORT const struct vb_error *vb_server_error(const struct vb_server *server);

/* ---- In a handler ---- */

/* Time left until the caller gives up, in nanoseconds; 0 when it has, VB_NO_DEADLINE when it never
 * will. */
VB_EXPORT uint64_t vb_request_remaining_ns(const struct vb_request *req);

/* Whether the caller has given up, so that the work may stop. */
VB_EXPORT bool vb_request_canceled(const struct vb_request *req);

/* The DATA given to X_serve(). */
VB_EXPORT void *vb_request_data(const struct vb_request *req);

/* The session of the request: one per client and interface, from its bind until its connection
 * ends. */
VB_EXPORT struct vb_session *vb_request_session(const struct vb_request *req);

/* A pointer of the application's for each session, NULL at first. Nothing is done with it; free it
 * in gone(). */
VB_EXPORT void vb_session_set_data(struct vb_session *session, void *data);
VB_EXPORT void *vb_session_data(const struct vb_session *session);

/* Whose session it is. */
VB_EXPORT struct vb_identity vb_session_identity(const struct vb_session *session);

/* ---- Counters ---- */

/* Everything counts from the connection's (the server's) beginning. Each slow path has a counter of
 * its own. */
struct vb_stats {
	size_t size;	       /* in: sizeof(struct vb_stats) */
	uint64_t calls;	       /* requests sent (client) or dispatched (server) */
	uint64_t calls_failed; /* calls that ended with a failure (client); handlers that failed
				  (server) */
	uint64_t oneways;      /* of the calls: without an answer */
	uint64_t messages_sent;
	uint64_t messages_received;
	uint64_t bytes_bulk_pulled; /* bulk moved for in buffers */
	uint64_t bytes_bulk_pushed; /* bulk moved for out buffers */
	uint64_t bulk_exposures;    /* buffers exposed (client) */
	uint64_t bulk_bounced;	    /* of these: copied through the transport's own memory */
	uint64_t bulk_waits;	    /* requests that had to wait for server memory */
	uint64_t credit_waits;	    /* calls that had to wait for a credit */
	uint64_t ring_full;	    /* sends that had to wait for room in the transport */
	uint64_t sleeps;	    /* times the thread slept while waiting */
	uint64_t wakeups_sent;	    /* times the peer had to be woken */
	uint64_t deadlines;	    /* calls given up at their deadline */
	uint64_t late_replies;	    /* answers that came after their caller had left */
	uint64_t abandoned; /* connections closed to keep a late writer from a returned buffer */
	uint64_t protocol_errors;	/* connections closed with EPROTO */
	uint64_t handler_errno_zero;	/* handlers that returned -1 with errno 0 (sent as EIO) */
	uint64_t handler_out_of_range;	/* handlers that returned below -1, or a length above the
					  room (sent as EREMOTEIO) */
	uint64_t unknown_methods;	/* requests for a method without handler (ENOSYS) */
	uint64_t connections_accepted;	/* server: greeted and let in */
	uint64_t connections_refused;	/* server: too many, not to be trusted, no means, a hello
					   that cannot be taken, on_accept() */
	uint64_t allocations;		/* memory allocations after connection set-up */
	uint64_t registrations;		/* memory registered with a device after set-up */
	uint64_t keepalives;		/* questions whether a silent peer's host still lives */
	uint64_t work_requests;		/* posted to send queues: messages, pulls, pushes */
	uint64_t doorbells;		/* posts that carried them */
	uint64_t completions_signalled; /* of the work requests: with a completion */
	uint64_t messages_inline;	/* of the messages sent: copied into the work request */
};
#define VB_STATS_INIT                                                                             \
	{                                                                                         \
		sizeof(struct vb_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                           \
	}

/* Fills STATS up to its size. -1 with EINVAL if its size is not that of a known version. */
VB_EXPORT int vb_conn_stats(const struct vb_conn *conn, struct vb_stats *stats);
VB_EXPORT int vb_server_stats(const struct vb_server *server, struct vb_stats *stats);

/* "0.1.0" of the library in use. */
VB_EXPORT const char *vb_version(void);

#ifdef __cplusplus
}
#endif

#endif
