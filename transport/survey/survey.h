/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What RDMA this host has, as data: devices, ports, GIDs, limits, and what an address would pick.
 * Asks libibverbs, librdmacm and the kernel's files, changes nothing and moves no data. Nothing in
 * the library uses it; `verbena doctor` judges and shows it.
 *
 * Any thread; one survey belongs to one. Strings are cut to fit, never unterminated.
 */
#ifndef TRANSPORT_SURVEY_H
#define TRANSPORT_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A name of the kernel's (a device's, a module's, a driver's: 64 with the NUL there), a path, an
 * address as text (INET6_ADDRSTRLEN is 46, IF_NAMESIZE of a scope 16), a sentence. */
#define VBI_SURVEY_NAME	    64
#define VBI_SURVEY_PATH	    128
#define VBI_SURVEY_ADDRESS  64
#define VBI_SURVEY_SENTENCE 192

/* Devices that are looked at; a host with more has 32 in the survey. */
#define VBI_SURVEY_DEVICES_MAX 32

enum vbi_survey_gid_type { VBI_GID_IB, VBI_GID_ROCE_V1, VBI_GID_ROCE_V2 };

/* Where a GID's address is, seen from this network namespace. */
enum vbi_survey_place {
	VBI_PLACE_HERE,	      /* an IP address of an interface of ours */
	VBI_PLACE_LINK_LOCAL, /* made of a MAC or GUID: an address only with its interface */
	VBI_PLACE_ELSEWHERE,  /* an IP address, and no interface of ours has it */
};

struct vbi_survey_gid {
	unsigned port;
	unsigned index;
	enum vbi_survey_gid_type type;
	enum vbi_survey_place place;
	uint8_t raw[16];
	char address[VBI_SURVEY_ADDRESS]; /* IPv4-mapped ones as IPv4 */
	char netdev[VBI_SURVEY_NAME];	  /* the kernel's name for it; "" if it has none */
};

struct vbi_survey_port {
	unsigned number;
	bool is_active;
	bool is_ethernet;
	char state[VBI_SURVEY_NAME]; /* "ACTIVE", "DOWN", "INIT", ... */
	unsigned mtu;		     /* bytes; 0: not known */
	unsigned mtu_max;
	uint64_t message_max;	      /* bytes of one SEND, WRITE or READ */
	char netdev[VBI_SURVEY_NAME]; /* Ethernet; "" if not known */
	bool netdev_is_here;	      /* the interface is in this network namespace, */
	bool netdev_is_up;	      /* and administratively up */
};

struct vbi_survey_device {
	char name[VBI_SURVEY_NAME];
	char driver[VBI_SURVEY_NAME]; /* the kernel's; "rxe" and "siw" for the software ones */
	char node[VBI_SURVEY_NAME];   /* "uverbs0", under /dev/infiniband; "" if it has none */
	bool is_iwarp;
	bool is_known;	 /* libibverbs lists it */
	int open_errnum; /* 0, or why it could not be opened; then what follows is 0 */

	unsigned max_qp;
	unsigned max_qp_wr; /* work requests in one queue */
	unsigned max_cqe;
	unsigned max_srq;
	unsigned max_srq_wr;
	unsigned max_rd_atomic;	     /* READs of a peer's that a queue pair can have in progress */
	unsigned max_init_rd_atomic; /* READs of its own, likewise */
	bool has_window_2b;
	bool has_send_inv; /* SEND_WITH_INV, LOCAL_INV (base memory management extensions) */

	/* A protection domain, completion queue and RC queue pairs were made for a trial. */
	int probe_errnum;		  /* 0: all were */
	char probe_what[VBI_SURVEY_NAME]; /* the one that could not be made */
	unsigned max_inline;		  /* bytes of the largest SEND accepted inline */

	struct vbi_survey_port *ports;
	size_t n_ports;
	struct vbi_survey_gid *gids;
	size_t n_gids;
};

enum vbi_survey_fork {
	VBI_FORK_UNKNOWN,
	VBI_FORK_UNSAFE,   /* a child of this process may break our registered memory */
	VBI_FORK_PREPARED, /* ibv_fork_init() was called */
	VBI_FORK_UNNEEDED, /* the kernel copies pinned pages for the child */
};

struct vbi_survey {
	bool has_verbs; /* built with libibverbs and librdmacm */

	/* Of the host, from the kernel's files. */
	char kernel[VBI_SURVEY_NAME];
	bool has_uverbs_module; /* loaded, or built in: of the next two also */
	bool has_ucm_module;
	bool has_rxe_module;
	bool is_rxe_available;		      /* loaded, or there to be loaded */
	bool is_netns_exclusive;	      /* a device is seen in one network namespace only */
	int cm_errnum;			      /* of opening /dev/infiniband/rdma_cm */
	char default_netdev[VBI_SURVEY_NAME]; /* of the default route; else an interface that is up
						 and is not lo; "" if there is none */
	uint64_t huge_page_size;	      /* bytes; 0: none */
	uint64_t huge_pages;
	uint64_t huge_pages_free;

	/* Of this process. */
	uint64_t memlock;	/* bytes, UINT64_MAX: unlimited */
	uint64_t memlock_max;	/* what it can be raised to without privilege */
	bool is_memlock_exempt; /* CAP_IPC_LOCK */
	enum vbi_survey_fork fork;

	struct vbi_survey_device *devices;
	size_t n_devices;
};

/* What connecting to an address would use, as librdmacm resolves it. */
struct vbi_survey_pick {
	char host[VBI_SURVEY_PATH]; /* as it was asked for */
	/* What the name stands for: of several the first that is resolved to a device; if none is,
	 * the first. "": nothing. */
	char address[VBI_SURVEY_ADDRESS];
	/* By the routing table, RDMA or not. "" if there is no route. */
	char route_netdev[VBI_SURVEY_NAME];
	char route_source[VBI_SURVEY_ADDRESS];
	bool is_local; /* the address is this host's own */

	int errnum;		    /* 0: resolved, and what follows is set */
	char what[VBI_SURVEY_NAME]; /* the step that failed */
	char device[VBI_SURVEY_NAME];
	unsigned port;
	char source[VBI_SURVEY_ADDRESS];
	bool has_gid; /* the source's GID is in the device's table: */
	struct vbi_survey_gid gid;
};

/*
 * Looks at everything. ROOT stands before /sys, /proc, /dev and /lib ("" for this host; libibverbs
 * and librdmacm always ask this host and are asked only if it is ""). Blocks for milliseconds.
 * -ENOMEM. What cannot be read is left 0: a survey of a host with nothing on it is not an error.
 * The caller owns what RET_SURVEY holds until vbi_survey_free().
 */
int vbi_survey_take(const char *root, struct vbi_survey *ret_survey);
void vbi_survey_free(struct vbi_survey *survey);

/*
 * Resolves HOST (a name, an IPv4 or IPv6 address). Blocks for at most 5 s for each of up to 8
 * addresses, as many as rdma:// tries, and for what the system's look-up takes.
 */
void vbi_survey_pick_take(const struct vbi_survey *survey, const char *host,
			  struct vbi_survey_pick *ret_pick);

/* The IP addresses of this host that rdma:// can be asked for: those of GIDs and of IPoIB
 * interfaces, each once. Returns how many were written to RET_ADDRESSES, at most MAX. */
size_t vbi_survey_addresses(const struct vbi_survey *survey,
			    char (*ret_addresses)[VBI_SURVEY_ADDRESS], size_t max);

/* "RoCE v2", ... */
const char *vbi_survey_gid_type_name(enum vbi_survey_gid_type type);

#endif
