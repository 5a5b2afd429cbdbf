/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What generated code stands on; programs include <verbena/verbena.h> and the generated headers
 * instead.
 *
 * A client stub stores its arguments into peer->message at constant offsets, calls vb_stub_call()
 * once, and loads the results from the answer that it returns. A server stub reads req->message,
 * which is a private copy that the peer can no longer write, calls the handler through the table,
 * and stores the results into req->reply. How bytes are laid out is in <verbena/marshal.h>; how
 * they travel is not seen here.
 *
 * Threads: as the connection (client) or the server's loop (server).
 */
#ifndef VERBENA_STUB_H
#define VERBENA_STUB_H

#include <verbena/verbena.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this header's contract with the library; generated code checks it at compile time. */
#define VB_STUB_ABI 1

/* Bytes before a message's root block. */
#define VB_HEADER_SIZE 24

/* Largest number of extent buffers in one method: bounds the arrays in a call and a request. */
#define VB_BUFFERS_MAX 8

/* Bulk records of one exposed buffer, at most (the wire allows 16: pieces of 64 MiB make 1 GiB). */
#define VB_RECORDS_MAX 16

/* Bytes of a bulk record {u64 addr, u64 length, u32 rkey, u32 flags} on the wire. */
#define VB_RECORD_SIZE 24

enum vb_method_flags {
	VB_METHOD_IDEMPOTENT = 1,
	VB_METHOD_ONEWAY = 2,
};

/* One method, constant, generated. Sizes are bytes and include the header. */
struct vb_method {
	const char *name;     /* "file.read", for errors */
	uint64_t deadline_ns; /* the method's, else the interface's, else 10 s; VB_NO_DEADLINE if it
				 says so */
	uint32_t request_fixed; /* header and root */
	uint32_t request_max;	/* computed from the declared bounds; may exceed what a message can
				   hold */
	uint32_t reply_fixed;	/* header, root and out structs, all but buffers */
	uint32_t reply_max;
	uint16_t number;
	uint16_t since; /* minor version that brought it */
	uint16_t flags; /* enum vb_method_flags */
	uint16_t reserved;
};

/* One interface, constant, generated. METHODS are in ascending order of number. */
struct vb_interface {
	size_t size; /* sizeof(struct vb_interface) */
	const char *name;
	uint64_t id;
	uint16_t major;
	uint16_t minor;
	uint32_t message_max; /* max_message */
	const struct vb_method *methods;
	uint32_t n_methods;
};

/* ---- Buffers: the parameters with an extent ---- */

enum vb_direction { VB_IN = 1, VB_OUT = 2, VB_INOUT = 3 };

enum vb_buffer_flags {
	/* Its bytes travel by pull and push; else inline in the message. */
	VB_BUFFER_EXPOSED = 1,
	/* The method says so: the handler is in the caller's own memory, where it can reach it. */
	VB_BUFFER_DIRECT = 2,
	/* The whole room is meaningful: zeroed before the handler, unless it is the caller's. */
	VB_BUFFER_ZERO = 4,
};

struct vb_buffer {
	void *address;	     /* client: the caller's memory; server: where the handler finds it */
	uint64_t room;	     /* bytes there is room for; for an in buffer: bytes that there are */
	uint64_t length;     /* bytes that are meaningful: set for out buffers when the handler has
				returned */
	const void *records; /* server: the bulk records in the request, NULL when inline */
	uint32_t n_records;
	uint8_t direction; /* enum vb_direction */
	uint8_t flags;	   /* enum vb_buffer_flags */
	uint16_t reserved;
};

/* ---- Client ---- */

/*
 * The head of a peer that stubs see; the library's part follows it. `struct X_peer` of an interface
 * X is this.
 */
struct vb_peer {
	uint8_t *message;     /* where the next request is written; 8-aligned; never NULL */
	uint32_t message_max; /* bytes the next request may have, header included */
	uint32_t reply_max;   /* bytes an answer may have, header included */
	uint16_t minor;	      /* the agreed one */
	uint16_t reserved;
	enum vb_outcome outcome; /* of the last call */
};

/*
 * Binds INTERFACE on CONN: agrees on the lower minor of both ends. Does not block. NULL with errno:
 * ENOSYS (the server has no such interface), EPROTONOSUPPORT (another major), EMSGSIZE (a message
 * of the server is too small for a method's fixed part), ENOMEM, EPERM, or the connection's
 * failure; vb_conn_error() names both versions, or the method.
 */
VB_EXPORT struct vb_peer *vb_stub_bind(struct vb_conn *conn, const struct vb_interface *interface);
VB_EXPORT void vb_stub_unbind(struct vb_peer *peer); /* NULL is ignored */
VB_EXPORT void vb_stub_set_deadline(struct vb_peer *peer, uint64_t nanoseconds);

/*
 * Sends the request of LENGTH bytes (a multiple of 8) in peer->message, whose root and heap are
 * complete and whose header this function writes; waits for the answer; revokes every exposure of
 * the call. Returns the answer: a reply of this method, its header checked, its root and heap not
 * yet; valid until the peer's next call. NULL with errno when the call failed, with peer->outcome
 * set and nothing to undo.
 */
VB_EXPORT const uint8_t *vb_stub_call(struct vb_peer *peer, const struct vb_method *method,
				      uint32_t length);

/* The same for a one-way method: returns 0 when the request has been handed to the transport, or
 * -1. */
VB_EXPORT int vb_stub_send(struct vb_peer *peer, const struct vb_method *method, uint32_t length);

/* Fails a call before it is sent: drops its exposures, sets errno and outcome VB_NOT_SENT, counts;
 * returns -1. */
VB_EXPORT int vb_stub_refuse(struct vb_peer *peer, const struct vb_method *method, int errnum);

/* The answer's content is not what METHOD's reply must be: closes the connection with EPROTO,
 * outcome VB_EXECUTED; returns -1. */
VB_EXPORT int vb_stub_bad_reply(struct vb_peer *peer, const struct vb_method *method);

/*
 * Exposes buffer->room bytes at buffer->address to the server for the call that is being built, and
 * writes the bulk records at *CURSOR of peer->message, moving it. Returns how many records (1 to
 * VB_RECORDS_MAX), or a negative errno (-EMSGSIZE: no room in the message); the stub then calls
 * vb_stub_refuse(). Sets VB_BUFFER_EXPOSED. The exposure ends inside vb_stub_call() or
 * vb_stub_refuse().
 */
VB_EXPORT int vb_stub_expose(struct vb_peer *peer, struct vb_buffer *buffer, uint32_t *cursor);

/* ---- Server ---- */

/*
 * The head of a request that stubs see; the library's part follows it. All of it belongs to the
 * library.
 */
struct vb_request {
	const uint8_t *message; /* the whole request, private to this process, 8-aligned */
	uint8_t *reply;	 /* where the answer is written: reply_max bytes, 8-aligned; its header is
			    the library's */
	const void *ops; /* the handler table given to X_serve(); the handler of this method is
			    there and not NULL */
	struct vb_buffer
		*buffers; /* VB_BUFFERS_MAX of them, for the stub to fill in order of declaration */
	void *frame;	  /* the stub's own: what it keeps from decoding until the reply */
	uint32_t length;  /* of message, 24 or more; whether it is enough, the stub checks */
	uint32_t reply_max; /* bytes */
	uint16_t minor;	    /* the agreed one */
	uint16_t reserved;
};

/*
 * Serves one request. Called by the library on the server's thread; may be called again from its
 * start for the same request when vb_stub_request_buffers() has said so.
 */
typedef void vb_serve_fn(struct vb_request *req);

struct vb_service_method {
	const struct vb_method *method;
	vb_serve_fn *serve;
	size_t handler; /* offset of the handler's pointer in the ops table; one beyond ops->size is
			   missing */
};

/* An interface's server half, constant, generated. METHODS are in ascending order of number. */
struct vb_service {
	size_t size; /* sizeof(struct vb_service) */
	const struct vb_interface *interface;
	const struct vb_service_method *methods;
	uint32_t n_methods;
	size_t ops_size; /* sizeof(struct X_ops) at compile time of the stubs */
	size_t bound;	 /* offsets of the two session members */
	size_t gone;
};

/*
 * Adds SERVICE to SERVER before it runs. OPS begins with its size_t size and stays the caller's
 * until vb_server_free(), as does DATA. -1 with errno: EINVAL (OPS NULL or its size 0 or not a
 * size), EEXIST (this id is served already), EBUSY (the server runs), ENOMEM.
 */
VB_EXPORT int vb_stub_serve(struct vb_server *server, const struct vb_service *service,
			    const void *ops, void *data);

/*
 * Makes the first N of req->buffers ready for the handler: pulls in buffers that are exposed, gives
 * out and inout buffers a place: in the reply behind its first HEAP bytes (a multiple of 8: header,
 * root and the other heap blocks), each rounded up to 8, if inline, in server memory if exposed.
 * Zeroes VB_BUFFER_ZERO ones, but for caller's memory. What an inline inout buffer holds at first,
 * the stub copies there. An inline room that the reply has no space for is a client that lies: the
 * library fails the request as vb_stub_bad_request() does and returns false. Returns true when all
 * have their address. False: the stub returns at once; the library has failed the request, or will
 * call the stub again from its start when the data is there. A stub calls this only if a buffer is
 * exposed, and finds places in the reply by itself otherwise.
 */
VB_EXPORT bool vb_stub_request_buffers(struct vb_request *req, unsigned n, uint32_t heap);

/*
 * After the handler, with buffers[i].length set for the N buffers: decides how they go back, given
 * that the reply without them takes FIXED bytes: clears VB_BUFFER_EXPOSED of those that will lie in
 * the reply. A stub calls this only if an out buffer is exposed.
 */
VB_EXPORT void vb_stub_reply_buffers(struct vb_request *req, unsigned n, uint32_t fixed);

/* Sends the reply of LENGTH bytes (a multiple of 8) after pushing what is exposed. The request is
 * over for the stub. */
VB_EXPORT void vb_stub_reply_send(struct vb_request *req, uint32_t length);

/* The handler failed with RESULT (-1: errno says why; below: out of range). Answers with a failure.
 * The request is over for the stub. */
VB_EXPORT void vb_stub_fail(struct vb_request *req, int64_t result);

/* The handler gave a length above its buffer's room: answers EREMOTEIO, counted. The request is
 * over for the stub. */
VB_EXPORT void vb_stub_fail_length(struct vb_request *req);

/* The handler of a one-way method has returned. The request is over for the stub. */
VB_EXPORT void vb_stub_oneway_done(struct vb_request *req);

/* The request's bytes are not what the method's must be: closes the connection with EPROTO. The
 * request is over for the stub. */
VB_EXPORT void vb_stub_bad_request(struct vb_request *req);

/*
 * Memory that lives as long as the request, 8-aligned, not zeroed, for decoded sequences and
 * structs. At most VB_ARENA_MAX bytes a request. NULL: the library has failed the request with
 * ENOMEM; the stub returns at once. A second call of the stub for the same request starts with an
 * empty arena.
 */
#define VB_ARENA_MAX (4u << 20)
VB_EXPORT void *vb_stub_request_alloc(struct vb_request *req, size_t size);

#ifdef __cplusplus
}
#endif

#include <verbena/marshal.h>

#endif
