/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of this transport and what its files say to each other. */
#ifndef SHM_SHM_H
#define SHM_SHM_H

#include <sys/epoll.h>

#include "transport/clock.h"
#include "transport/shm/address.h"
#include "transport/shm/mapping.h"
#include "transport/shm/pool.h"
#include "transport/shm/ring.h"

struct shm_domain;
struct shm_endpoint;
struct shm_listener;
struct shm_exposures;
struct shm_arena;

/* Messages of 256 bytes to 64 KiB: one pool for each power of two. */
#define SHM_POOL_SHIFT_MIN 8u
#define SHM_POOLS	   9u
static_assert(1u << (SHM_POOL_SHIFT_MIN + SHM_POOLS - 1) == VBI_MESSAGE_MAX, "a pool for each");

/* Smallest message_max of a domain, bytes. */
#define SHM_MESSAGE_MAX_LEAST (1u << SHM_POOL_SHIFT_MIN)

/* Events taken from the kernel at a time: enough for a burst, small enough for the domain. */
#define SHM_EVENTS 32

/* What a descriptor in the domain's epoll belongs to. */
enum shm_watch_kind {
	SHM_WATCH_LISTENER,
	SHM_WATCH_SOCKET,  /* of an endpoint */
	SHM_WATCH_WAKEUP,  /* the eventfd that the peer of an endpoint writes */
	SHM_WATCH_PROCESS, /* the peer's process */
	SHM_WATCH_FOREIGN, /* somebody else's: it ends a sleep and nothing more */
};

struct shm_watch {
	enum shm_watch_kind kind;
	void *object;
};

enum shm_state {
	SHM_CONNECT_WAITING, /* client: the server's backlog is full; tries again */
	SHM_CONNECT_SENT,    /* client: hello sent, no answer yet */
	SHM_HANDSHAKE,	     /* server: no hello yet */
	SHM_LIVE,
	SHM_FAILED, /* has a cause; failed() has been or will be called */
	SHM_CLOSED, /* closed; its memory is freed when poll() is left */
};

struct shm_endpoint {
	struct vbi_endpoint base;
	struct shm_domain *domain;

	/* A line for receiving, a line for sending, and one for both. */
	_Alignas(SHM_LINE) struct shm_rx rx;
	_Alignas(SHM_LINE) struct shm_tx tx;
	_Alignas(SHM_LINE) enum shm_state state;
	bool chores; /* poll() has more to do than to look at the ring: shm_endpoint_has_chores() */
	bool active; /* in domain->active, and so polled */
	bool asleep; /* our shared flags say SHM_SLEEPING */
	bool eof;    /* the peer has closed its socket */
	uint32_t calm;	     /* answers in a row that found everything consumed */
	uint32_t n_sending;  /* buffers that rpc has got, and those in the queue */
	uint32_t n_received; /* messages that rpc has not released */
	struct shm_pool *tx_pool;

	/* Chores. */
	struct shm_message *queue; /* sent, and waiting for room, in order */
	struct shm_message **queue_end;
	struct vbi_transfer *transfers; /* server: under way, one for each record */
	struct vbi_exposure *pipes;	/* client: exposures whose bytes poll() moves */
	uint64_t eof_limit; /* position up to which a dead peer's messages are delivered */

	uint32_t woken;		     /* the peer's flags when we last woke it */
	uint32_t sleep_flags;	     /* our own flags' count */
	uint32_t active_at;	     /* index in domain->active */
	unsigned idle;		     /* slow looks since the last message */
	uint64_t seen;		     /* position at the last slow look */
	struct vbi_exposure *places; /* client: exposures of arena memory */
	enum shm_role role;
	bool reported;	       /* failed() has been called */
	struct shm_side *side; /* shared: ours */
	struct shm_mapping *mapping;
	int socket_fd;
	int memory_fd;	/* client, until connected */
	int own_fd;	/* eventfd that we sleep on */
	int peer_fd;	/* eventfd that the peer sleeps on */
	int process_fd; /* pidfd of the peer; -1: the socket alone tells its end */
	struct shm_watch socket_watch;
	struct shm_watch wakeup_watch;
	struct shm_watch process_watch;
	uint64_t deadline_ns;	     /* 0: none; handshake: when to give up; waiting: when to try */
	struct shm_address *address; /* client, until connected */
	unsigned path;		     /* of these, the one in use */
	uint64_t arena_size;
	struct shm_arena *arena;	 /* client */
	struct shm_exposures *exposures; /* client */
	void *listener_owner;		 /* server, until accepted */
	struct shm_listener *listener;
	struct vbi_cause cause;
	struct shm_endpoint *previous, *next; /* domain->endpoints */
	struct shm_endpoint *report_next;     /* domain->failed */
	struct shm_endpoint *free_next;	      /* domain->closed */
};
static_assert(sizeof(struct shm_rx) == SHM_LINE && sizeof(struct shm_tx) == SHM_LINE,
	      "a line each");

struct shm_listener {
	struct vbi_listener base;
	struct shm_domain *domain;
	int socket_fd;
	int lock_fd; /* locked for as long as we listen */
	struct shm_watch watch;
	struct sockaddr_un path;
	char lock_path[sizeof(((struct sockaddr_un *)0)->sun_path) + sizeof(".lock")];
	unsigned n_handshakes;		/* accepted sockets that have not said hello */
	struct shm_listener *free_next; /* domain->closed_listeners */
};

struct shm_domain {
	struct vbi_domain base;

	/* What each poll touches. */
	struct shm_endpoint **active; /* an entry is NULL if it went during a poll */
	uint32_t n_active;
	uint32_t active_room; /* entries, at least the number of endpoints */
	int32_t countdown;    /* polls until the clock is looked at */
	unsigned depth;	      /* of nested polls */
	bool slept;	      /* flagged, or armed */
	bool flagged;	      /* active endpoints' shared flags say SHM_SLEEPING */
	bool armed;	      /* ... and nothing was there: the next poll looks at the kernel */
	bool chores;	      /* something failed or was closed: the poll does more at its end */
	bool active_holes;
	struct shm_pool *rx_pool;
	struct shm_endpoint *failed; /* to be told */
	struct shm_endpoint **failed_end;

	struct shm_endpoint *closed; /* to be freed when the poll is left */
	struct shm_listener *closed_listeners;
	uint64_t look_ticks;	 /* when the slow things were looked at */
	struct tick_length tick; /* a look is due each millisecond */
	uint32_t cpu;		 /* as told to peers: plus 1 */
	bool one_cpu;		 /* this thread may run on one only */
	unsigned looks_to_affinity;
	int epoll_fd;
	int reserve_fd; /* given up to accept one more and tell it that there are too many */
	uint32_t n_endpoints;
	struct shm_endpoint *endpoints;
	struct shm_pool pools[SHM_POOLS];
	uint64_t *n_allocations;
	uint32_t n_timed; /* endpoints with a deadline_ns */
	int next_event;	  /* the first of n_events that is not handled yet */
	int n_events;
	struct epoll_event events[SHM_EVENTS];
};

static inline struct shm_domain *shm_domain_of(const struct vbi_domain *base)
{
	return (struct shm_domain *)(uintptr_t)base;
}

static inline struct shm_endpoint *shm_endpoint_of(const struct vbi_endpoint *base)
{
	return (struct shm_endpoint *)(uintptr_t)base;
}

/* ---- domain.c ---- */

int shm_domain_open(const struct vbi_events *events, struct vb_stats *stats,
		    const struct vbi_domain_options *options, struct vbi_domain **ret_domain,
		    struct vbi_cause *ret_cause);
void shm_domain_close(struct vbi_domain *base);
int shm_domain_fd(const struct vbi_domain *base);
/* The pool of buffers that hold messages of SIZE bytes. */
struct shm_pool *shm_domain_pool(struct shm_domain *domain, uint32_t size);
/* Makes room for one more endpoint in the tables and links it. -ENOMEM. */
int shm_domain_add(struct shm_domain *domain, struct shm_endpoint *endpoint);
void shm_domain_remove(struct shm_domain *domain, struct shm_endpoint *endpoint);
/* Watches FD for EVENTS (EPOLLIN ...). Negative errno. */
int shm_domain_watch(struct shm_domain *domain, int fd, uint32_t events, struct shm_watch *watch);
/* Forgets FD, events that have been taken from the kernel included. */
void shm_domain_unwatch(struct shm_domain *domain, int fd, const struct shm_watch *watch);

/* ---- progress.c ---- */

int shm_domain_poll(struct vbi_domain *base);

/* ---- slow.c ---- */

/* Looks at the slow things if a millisecond has passed since the last look. How many events. */
int shm_domain_look_if_due(struct shm_domain *domain);
/* Handles what the kernel has, and deadlines that have passed. How many events. */
int shm_domain_handle_events(struct shm_domain *domain);
/* Sets or, with 0, takes away the endpoint's deadline. */
void shm_endpoint_set_deadline(struct shm_endpoint *endpoint, uint64_t deadline_ns);
uint64_t shm_domain_next_timeout(const struct vbi_domain *base);

/* ---- sleep.c ---- */

int shm_domain_arm(struct vbi_domain *base);
int shm_domain_watch_foreign(struct vbi_domain *base, int fd);
int shm_domain_sleep(struct vbi_domain *base, uint64_t timeout_ns);
bool shm_domain_spin_pays(const struct vbi_domain *base);
/* Undoes what arm() told the peers. */
void shm_domain_disarm(struct shm_domain *domain);
/* From here on ENDPOINT is polled; what it sleeps on is disarmed. */
void shm_endpoint_activate(struct shm_endpoint *endpoint);
void shm_endpoint_deactivate(struct shm_endpoint *endpoint);
/* Lets ENDPOINT sleep by itself, unless something comes at this very moment. */
void shm_endpoint_rest(struct shm_endpoint *endpoint);
/* Closes up the table of active endpoints after a poll. */
void shm_domain_close_holes(struct shm_domain *domain);

/* ---- endpoint.c ---- */

/* A new endpoint that owns SOCKET_FD, linked to the domain. NULL: no memory. */
struct shm_endpoint *shm_endpoint_new(struct shm_domain *domain, enum shm_role role, int socket_fd);
/* Makes the endpoint live: mapping, limits and descriptors are set. Negative errno. */
int shm_endpoint_go_live(struct shm_endpoint *endpoint, uint32_t peer_message_max);
/* Fails the endpoint, if it has not failed; failed() follows from poll(). */
__attribute__((format(printf, 3, 4))) void shm_endpoint_fail(struct shm_endpoint *endpoint,
							     int errnum, const char *format, ...);
/* Frees what shm_endpoint_close() left. */
void shm_endpoint_free(struct shm_endpoint *endpoint);

void shm_endpoint_close(struct vbi_endpoint *base);
/* ---- message.c ---- */

/* Sends what is in the queue, as far as there is room. Whether anything was sent. */
bool shm_endpoint_send_queued(struct shm_endpoint *endpoint);
/* Writes the peer's eventfd; FLAGS are what its flags say. */
void shm_endpoint_wake(struct shm_endpoint *endpoint, uint32_t flags);
/* Whether poll() would do something for it now. */
bool shm_endpoint_has_work(const struct shm_endpoint *endpoint);

struct vbi_message *shm_endpoint_message_get(struct vbi_endpoint *base);
void shm_endpoint_prepare(struct vbi_endpoint *base);
void shm_endpoint_message_put(struct vbi_endpoint *base, struct vbi_message *message);
void shm_endpoint_send(struct vbi_endpoint *base, struct vbi_message *message, uint32_t length,
		       bool more);
void shm_endpoint_flush(struct vbi_endpoint *base);
void shm_endpoint_release(struct vbi_endpoint *base, struct vbi_message *message);

/* ---- rendezvous_client.c ---- */

int shm_connect(struct vbi_domain *base, const char *rest, uint64_t arena_max, void *owner,
		struct vbi_endpoint **ret_endpoint, struct vbi_cause *ret_cause);
/* The server's answer, or its end, is there. */
void shm_connect_readable(struct shm_endpoint *endpoint);
/* Time to try again. */
void shm_connect_retry(struct shm_endpoint *endpoint);

/* ---- listener.c ---- */

int shm_listen(struct vbi_domain *base, const char *rest, void *owner,
	       struct vbi_listener **ret_listener, struct vbi_cause *ret_cause);
void shm_listener_close(struct vbi_listener *base);

/* ---- rendezvous_server.c ---- */

/* Somebody connects. */
void shm_listener_readable(struct shm_listener *listener);
/* A client's hello, or its end, is there. */
void shm_handshake_readable(struct shm_endpoint *endpoint);
/* It has been silent for too long. */
void shm_handshake_expired(struct shm_endpoint *endpoint);

/* What `chores` is about. It is set when one begins, and looked at again by poll(). */
static inline bool shm_endpoint_has_chores(const struct shm_endpoint *endpoint)
{
	return endpoint->queue || endpoint->transfers || endpoint->pipes || endpoint->eof;
}

/*
 * After something was written for the peer: wakes it if its flags have one of WANTED. The fence
 * orders the write before the look; the peer sets its flags, fences, and looks at the write.
 */
static inline void shm_endpoint_nudge(struct shm_endpoint *endpoint, uint32_t wanted)
{
	uint32_t flags;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	flags = __atomic_load_n(&endpoint->tx.peer->flags, __ATOMIC_RELAXED);
	if (__builtin_expect(flags & wanted, 0))
		shm_endpoint_wake(endpoint, flags);
}

#endif
