/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam. Above it, rpc knows calls; below it, a transport knows how bytes move: messages into
 * posted receives, and one-sided pull and push against memory that the other side exposed for one
 * call.
 *
 * Written for verbs first. Three objects, each the transport's own struct with the common head
 * below:
 *
 *   domain    what one worker (one thread) has of one transport: verbs: devices, PD, CQs, SRQ, CM
 *             channel; shm: an epoll fd and its rings
 *   listener  an address that is listened on
 *   endpoint  one connection: verbs: a queue pair; shm: a socket, a sealed memfd, two rings and an
 *             arena
 *
 * Rules for all members, unless one says otherwise:
 * - Called on the thread of the domain's worker. None blocks. Negative errno for failure.
 * - Events come as calls of `struct vbi_events` from inside poll() only. An event may call any
 * operation, close() included; the endpoint's memory stays until poll() has returned.
 * - Messages arrive in order, exactly once, or the endpoint fails once, with one first cause, and
 * then nothing else arrives on it.
 * - An endpoint may fail from inside any operation. What is asked of it between that and the poll()
 * that says so by failed() is refused with -ECONNRESET, where it can be refused.
 * - No operation is NULL. One that a transport lacks fails with -EOPNOTSUPP; the data path does not
 * ask first.
 * - Lengths: a message is 24 to message_max bytes, a multiple of 8. Its first 4 bytes are its
 * length, little-endian; the low 3 bits of that word, and those above the largest length, belong to
 * the transport on the wire and are 0 above the seam.
 */
#ifndef VBI_TRANSPORT_H
#define VBI_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <verbena/verbena.h>

/* Smallest and largest message, bytes. The smallest is a bare header; the largest keeps a slot's
 * cost bounded. */
#define VBI_MESSAGE_MIN 24u
#define VBI_MESSAGE_MAX (64u << 10)

/* Bulk records of one exposure, at most; the wire's limit. */
#define VBI_RECORDS_MAX 16u

struct vbi_transport;
struct vbi_endpoint;
struct vbi_exposure;
struct vbi_transfer;

/* The first cause of an endpoint's failure. ERRNUM is positive; the sentence names the thing and
 * the mend. */
struct vbi_cause {
	int errnum;
	char sentence[384];
};

/*
 * A message buffer in the transport's memory (verbs: registered). 64-byte aligned data. The
 * transport embeds it in its own slot.
 */
struct vbi_message {
	uint8_t *data;
	uint32_t capacity; /* bytes, a multiple of 64 */
	uint32_t length;   /* received messages: bytes, checked to be the message's own length word,
			      24 to message_max */
};

/* What an endpoint can do, known when it is connected. */
struct vbi_limits {
	uint32_t send_max;    /* bytes of the largest message the other side receives */
	uint32_t receive_max; /* bytes of the largest message this side receives */
	uint32_t inline_max;  /* bytes up to which send() is cheapest */
	bool one_sided;	      /* pull and push by the hardware; false: emulated */
	bool remote_invalidate;
};

/* What happens below, told to rpc. All from inside poll(), on the worker's thread. OWNER is
 * endpoint->owner. */
struct vbi_events {
	/*
	 * A peer wants to connect at a listener; ENDPOINT is new and the callee's. It has been
	 * checked as far as the transport can (who the peer is, that its memory is to be trusted).
	 * Returns 0 (and has set endpoint->owner) to accept; a negative errno to refuse: the
	 * transport tells the peer and frees the endpoint.
	 */
	int (*accepted)(void *listener_owner, struct vbi_endpoint *endpoint);
	/*
	 * A peer that wanted to connect at a listener was turned away by the transport, before
	 * accepted() was asked: it is not to be trusted, or this side lacks what it needs. The peer
	 * has been told as much of CAUSE as the transport can carry; the sentence is for whoever
	 * runs this side. CAUSE is the callee's to read during the call. For the log: nothing needs
	 * to be done.
	 */
	void (*refused)(void *listener_owner, const struct vbi_cause *cause);
	/* connect() has finished: the endpoint can send and endpoint->limits hold. Failure comes as
	 * failed(). */
	void (*connected)(void *owner);
	/* A message, in private memory that the peer cannot write. The callee has it until it calls
	 * release(). */
	void (*received)(void *owner, struct vbi_message *message);
	/* The endpoint has failed, exactly once. CAUSE is the callee's to read during the call. The
	 * callee must still close(). */
	void (*failed)(void *owner, const struct vbi_cause *cause);
};

/* Common heads. The transport sets `ops`; rpc sets `owner`. */
struct vbi_domain {
	const struct vbi_transport *ops;
	const struct vbi_events *events;
	uint32_t message_max;	/* of what this domain's endpoints receive */
	struct vb_stats *stats; /* counters of slow paths, the worker's */
};

struct vbi_listener {
	const struct vbi_transport *ops;
	void *owner;
};

struct vbi_endpoint {
	const struct vbi_transport *ops;
	void *owner;
	struct vbi_limits limits;
	struct vb_identity identity; /* who the peer is, as far as the transport knows */
	char peer[80];		     /* the same for people: "pid 12 uid 0", "10.0.0.1:4711" */
};

/* What rpc tells a domain when it opens it. */
struct vbi_domain_options {
	/* Bytes of the largest message its endpoints receive: 256 to VBI_MESSAGE_MAX. */
	uint32_t message_max;
	/*
	 * Messages that an endpoint's peer may have sent and this side not released, at most: so
	 * many receives must be there (verbs posts them; elsewhere room is made as it is needed).
	 */
	uint32_t receives;
	/* Within how long a peer that has vanished without a word is noticed, though nothing is
	 * under way. A transport whose kernel tells does not need it. */
	uint64_t keepalive_ns;
	/*
	 * How long the caller of connect() waits for connected(), so that a host with several
	 * addresses has each of them tried in that time. 0: unknown. The time-out is the caller's.
	 */
	uint64_t connect_ns;
};

/* Rights of an exposure, from the point of view of the peer. */
enum vbi_rights { VBI_REMOTE_READ = 1, VBI_REMOTE_WRITE = 2 };

/* A bulk record exactly as it travels in a request: names one piece of exposed memory.
 * Little-endian. */
struct vbi_record {
	uint64_t address;
	uint64_t length; /* bytes, never 0 */
	uint32_t key;
	uint32_t flags; /* the transport's own */
};

/*
 * A byte range that the peer may read or write, for one call. The caller's memory (it stands in the
 * call); the transport may keep a pointer to it from expose() until revoke() is done.
 */
struct vbi_exposure {
	void *address; /* the application's buffer */
	uint64_t length;
	unsigned rights; /* enum vbi_rights */
	uint32_t n_records;
	struct vbi_record records[VBI_RECORDS_MAX];
	void *owner; /* rpc's */
	void (*revoked)(struct vbi_exposure
				*exposure); /* rpc's: revoke() said -EINPROGRESS and is done now */
	uint64_t state[6];		    /* the transport's */
};

/*
 * How a revocation may assume the peer stands.
 * ANSWERED: the peer's final answer to the call has arrived, so it should be done with the memory.
 * ABANDON: no answer and no more waiting; whatever must be broken for the memory to be safe is
 * broken now, the endpoint included.
 */
enum vbi_revoke { VBI_REVOKE_ANSWERED, VBI_REVOKE_ABANDON };

/*
 * One pull or push, the serving side's. The caller's memory, from the call until done() has run.
 * LOCAL must come from region_alloc() of the same domain, or be arena memory as the transport
 * defines.
 */
struct vbi_transfer {
	struct vbi_record record; /* a private copy */
	uint64_t offset;	  /* into the record */
	void *local;
	uint64_t length; /* offset + length <= record.length is checked by the transport: -EPROTO */
	void *owner;
	/* From inside poll(), exactly once, also when the endpoint dies: STATUS 0 or a negative
	 * errno. */
	void (*done)(struct vbi_transfer *transfer, int status);
	struct vbi_transfer *next; /* the transport's, while it runs */
	uint64_t state[4];
};

/*
 * What push() returns when a message that is sent from then on arrives behind the bytes, or not at
 * all: the answer needs not wait for done(). The memory does.
 */
#define VBI_ORDERED 1

struct vbi_transport {
	const char *scheme; /* "shm" of shm://NAME */
	/* Fruitless polls in which the answer to a small call has come as a rule: a waiting thread
	 * makes so many before it looks at the clock at all. */
	unsigned polls_untimed;

	/* ---- Domain ---- */

	/*
	 * Creates what one worker has of this transport. May block briefly (opens devices). EVENTS,
	 * STATS outlive it; OPTIONS are copied. -EMFILE, -ENOMEM, -ENODEV ...; *RET_CAUSE says it
	 * in a sentence.
	 */
	int (*domain_open)(const struct vbi_events *events, struct vb_stats *stats,
			   const struct vbi_domain_options *options, struct vbi_domain **ret_domain,
			   struct vbi_cause *ret_cause);
	/* All endpoints and listeners have been closed. */
	void (*domain_close)(struct vbi_domain *domain);

	/*
	 * Makes progress: receives, flushes what waited for room, moves one-sided data, completes,
	 * connects. Handles a bounded batch. Returns how many events it handled; 0: nothing to do
	 * now. Costs no system call while messages flow, but looks at the slow things (new
	 * connections, dead peers) often enough: at least once a millisecond while it is being
	 * called.
	 */
	int (*poll)(struct vbi_domain *domain);
	/*
	 * Before sleeping: asks to be woken through fd(). 0: armed, nothing was there after arming;
	 * -EBUSY: there is work, poll() again. The next poll() disarms.
	 */
	int (*arm)(struct vbi_domain *domain);
	/* Readable when an armed domain has work. The same for the domain's life. The domain's to
	 * close. */
	int (*fd)(const struct vbi_domain *domain);
	/*
	 * Lets sleep() end, and fd() become readable, also while FD is readable. FD is the caller's
	 * and stays open as long as the domain; what makes it readable is the caller's to take
	 * away. For a worker's own events, such as to stop. Negative errno.
	 */
	int (*watch)(struct vbi_domain *domain, int fd);
	/*
	 * Sleeps on an armed domain until there may be work or TIMEOUT_NS have passed (UINT64_MAX:
	 * none). The one member that blocks. For loops of our own; a foreign loop watches fd()
	 * instead. 0, or -EINTR.
	 */
	int (*sleep)(struct vbi_domain *domain, uint64_t timeout_ns);
	/* Nanoseconds until the transport itself wants poll() to be called though nothing arrives;
	 * UINT64_MAX: never. */
	uint64_t (*next_timeout)(const struct vbi_domain *domain);
	/* Whether spinning can pay: false when every peer that could answer waits on this very CPU,
	 * or may do so because nobody has said where and this thread may run on one CPU only. */
	bool (*spin_pays)(const struct vbi_domain *domain);

	/* ---- Connections ---- */

	/*
	 * Whether REST, the address without its scheme, can be one at all: to LISTEN on, or to
	 * connect to. Needs no domain and asks nobody, so that a bad address is told as such also
	 * where the host lacks what a domain needs. 0; -EINVAL, -ENAMETOOLONG and *RET_CAUSE.
	 */
	int (*address_check)(const char *rest, bool listen, struct vbi_cause *ret_cause);
	/* REST: the address without its scheme. May block briefly (name look-up is not done here).
	 * *RET_CAUSE on failure. */
	int (*listen)(struct vbi_domain *domain, const char *rest, void *owner,
		      struct vbi_listener **ret_listener, struct vbi_cause *ret_cause);
	void (*listener_close)(struct vbi_listener *listener);
	/*
	 * Begins to connect; finishes by connected() or failed(). An address that cannot be used at
	 * all fails here, with *RET_CAUSE. ARENA_MAX: bytes of memory_alloc() the endpoint shall be
	 * able to give out.
	 */
	int (*connect)(struct vbi_domain *domain, const char *rest, uint64_t arena_max, void *owner,
		       struct vbi_endpoint **ret_endpoint, struct vbi_cause *ret_cause);
	/*
	 * Ends the endpoint and frees it, now or at the end of poll(). Messages not released,
	 * buffers neither sent nor put and exposures not revoked are gone; transfers are completed
	 * from inside this call: with 0 those that were VBI_ORDERED and get a bounded time for it,
	 * others with -ECONNRESET. No event follows. What send() accepted before is still delivered
	 * if the transport can, also what waits for room.
	 */
	void (*close)(struct vbi_endpoint *endpoint);

	/* ---- Messages ---- */

	/* A buffer for a message of at most limits.send_max bytes. NULL: all are in use (rpc's
	 * credits bound how many it needs). */
	struct vbi_message *(*message_get)(struct vbi_endpoint *endpoint);
	/*
	 * A hint that a send follows within some ten nanoseconds: the transport may get ready for
	 * it meanwhile. Nothing changes if none follows. For answers: a request is sent from
	 * stores that are under way already, and asking for its line first cost 10 ns.
	 */
	void (*prepare)(struct vbi_endpoint *endpoint);
	/*
	 * MESSAGE, an answer that is sent next, is to end the exposure that RECORD names as it
	 * arrives, and with it the peer's work of revoking it. A wish, of which a message has one.
	 */
	void (*end_with)(struct vbi_endpoint *endpoint, struct vbi_message *message,
			 const struct vbi_record *record);
	/* Gives back a buffer that was not sent. */
	void (*message_put)(struct vbi_endpoint *endpoint, struct vbi_message *message);
	/*
	 * Sends LENGTH bytes; the message is the transport's from here. Never fails: a dead
	 * endpoint has said so, or will, by failed(). Order of calls is order of arrival. MORE:
	 * another send or a flush() follows at once, so the doorbell (verbs) or the wake-up (shm)
	 * may wait.
	 */
	void (*send)(struct vbi_endpoint *endpoint, struct vbi_message *message, uint32_t length,
		     bool more);
	void (*flush)(struct vbi_endpoint *endpoint);
	/* Gives back a received message: its slot can take another. */
	void (*release)(struct vbi_endpoint *endpoint, struct vbi_message *message);

	/* ---- One-sided, the side that calls ---- */

	/*
	 * Exposes exposure->length (> 0) bytes at exposure->address with exposure->rights and fills
	 * the records to put into the request. Never fails for where the memory lies. -ENOBUFS: too
	 * much is exposed now; -EMSGSIZE: more than VBI_RECORDS_MAX pieces can name; -ENOMEM.
	 */
	int (*expose)(struct vbi_endpoint *endpoint, struct vbi_exposure *exposure);
	/*
	 * Ends an exposure: afterwards nothing can write or read the application's buffer through
	 * it, and whatever the peer pushed before its answer is there. 0: done. -EINPROGRESS:
	 * exposure->revoked() follows from poll() (never for ABANDON, which may block for a bounded
	 * time: mappings replaced, queue pair drained; and fails the endpoint if that was needed:
	 * failed() follows). Other negative errno: the exposure is over, but what the peer pushed
	 * is not all there (-EPROTO: it lied about it, and failed() follows), or the memory could
	 * not be taken out of its reach (-ENOMEM).
	 */
	int (*revoke)(struct vbi_endpoint *endpoint, struct vbi_exposure *exposure,
		      enum vbi_revoke how);

	/* Registered memory for the application; page-aligned, zeroed. Outlives the endpoint;
	 * memory_free() may come after close(). OPTIONS (NULL: none) are wishes. NULL: no room. */
	void *(*memory_alloc)(struct vbi_endpoint *endpoint, size_t size,
			      const struct vb_memory_options *options);
	/* Any thread. False: not memory of this transport. */
	bool (*memory_free)(void *memory);
	/*
	 * Tells of SIZE bytes at ADDRESS, the application's, that exposures will lie in often; they
	 * stay mapped until memory_unregister() or close(). A transport that gains nothing by
	 * knowing does nothing. -EFAULT: not all are mapped; -EEXIST: some are registered already;
	 * -ENOMEM.
	 */
	int (*memory_register)(struct vbi_endpoint *endpoint, void *address, size_t size);
	/* What begins at ADDRESS is not exposed any more. What is not registered is ignored. */
	void (*memory_unregister)(struct vbi_endpoint *endpoint, void *address);

	/* ---- One-sided, the side that serves ---- */

	/* Memory that pull() and push() can use: page-aligned, not zeroed. Bounded by rpc, not
	 * here. NULL: no memory. */
	void *(*region_alloc)(struct vbi_domain *domain, size_t size);
	void (*region_free)(struct vbi_domain *domain, void *region, size_t size);
	/*
	 * Starts to move transfer->length bytes from (to) the peer's exposure. 0, or VBI_ORDERED
	 * from push(): done() follows; else a negative errno (-EPROTO: the record cannot be one)
	 * and done() never. Several may be under way; those of one record and direction name its
	 * bytes in order, without a gap and each once, for where bytes are piped they are gone when
	 * they have been read. done() says -ECANCELED when the peer has ended the exposure.
	 */
	int (*pull)(struct vbi_endpoint *endpoint, struct vbi_transfer *transfer);
	int (*push)(struct vbi_endpoint *endpoint, struct vbi_transfer *transfer);
	/*
	 * For `direct`: the peer's exposed memory itself, where the transport can reach it (shm,
	 * memory of memory_alloc()): no bytes move. The peer can change it at any time. NULL: not
	 * reachable; pull or push instead. Ends with unmap(), before close(); while mapped,
	 * the peer's revoke waits.
	 */
	void *(*map)(struct vbi_endpoint *endpoint, const struct vbi_record *record,
		     unsigned rights);
	void (*unmap)(struct vbi_endpoint *endpoint, const struct vbi_record *record,
		      unsigned rights);
};

/* The one exported symbol of transport/shm/, and that of transport/verbs/. */
extern const struct vbi_transport vbi_shm;
extern const struct vbi_transport vbi_verbs;

/* The transport for ADDRESS ("scheme://rest"), and *RET_REST behind the scheme. NULL: no such
 * scheme, or not an address. */
const struct vbi_transport *vbi_transport_find(const char *address, const char **ret_rest);

/* Frees memory of some transport's memory_alloc(). Any thread. False: it is none. */
bool vbi_transport_memory_free(void *memory);

#endif
