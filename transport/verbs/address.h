/* SPDX-License-Identifier: Apache-2.0 */
/* rdma://HOST:PORT, and the look-up of HOST that must not hold up a worker. */
#ifndef VERBS_ADDRESS_H
#define VERBS_ADDRESS_H

#include <netdb.h>
#include <sys/socket.h>

#include "transport/transport.h"

/* As much as a name has in DNS, and a port. */
#define VERBS_HOST_MAX 256u
#define VERBS_PORT_MAX 8u

struct verbs_resolver;

/* HOST:PORT, taken apart. HOST without an IPv6 address's brackets; "*" or "" is any. */
struct verbs_place {
	char host[VERBS_HOST_MAX];
	char port[VERBS_PORT_MAX];
};

/* Takes REST apart. LISTEN: any host is allowed. -EINVAL and *RET_CAUSE. */
int verbs_place_parse(const char *rest, bool listen, struct verbs_place *ret_place,
		      struct vbi_cause *ret_cause);

/* The transport's address_check(): REST is a place, and not without a host if not to LISTEN. */
int verbs_address_check(const char *rest, bool listen, struct vbi_cause *ret_cause);

/* The addresses of a place, at most VERBS_ADDRESSES of them, in the order to be tried. */
#define VERBS_ADDRESSES 8u
struct verbs_addresses {
	unsigned n;
	struct sockaddr_storage addresses[VERBS_ADDRESSES];
};

/*
 * The addresses of a place whose host is a number: no look-up, does not block. -ENOENT: it is a
 * name. LISTEN, as it was parsed for: "*" and "" are every address of this host.
 */
int verbs_place_numeric(const struct verbs_place *place, bool listen, struct verbs_addresses *ret);

/* By look-up, which may block for seconds. Negative errno and *RET_CAUSE. */
int verbs_place_look_up(const struct verbs_place *place, struct verbs_addresses *ret,
			struct vbi_cause *ret_cause);

/* Starts the look-up on a thread of its own. Its fd is readable when it is done. NULL: errno. */
struct verbs_resolver *verbs_resolver_start(const struct verbs_place *place);
int verbs_resolver_fd(const struct verbs_resolver *resolver);
/* 0 and *RET; -EAGAIN: not yet; else negative errno and *RET_CAUSE. */
int verbs_resolver_result(struct verbs_resolver *resolver, struct verbs_addresses *ret,
			  struct vbi_cause *ret_cause);
/* Gives it up, done or not. */
void verbs_resolver_free(struct verbs_resolver *resolver);

/* "10.0.0.1:4711", "[fd00::1]:4711", "[fe80::1%eth0]:4711"; "?": of another family. */
void verbs_address_print(const struct sockaddr *address, char *text, size_t size);

#endif
