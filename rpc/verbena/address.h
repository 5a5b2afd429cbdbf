/* SPDX-License-Identifier: Apache-2.0 */
/* The ADDRESS of the command line. Any thread. */
#ifndef VERBENA_ADDRESS_H
#define VERBENA_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes "rdma://HOST", "rdma://HOST:PORT", HOST an IPv6 address in brackets or bare and without a
 * port, apart. RET_HOST is without brackets. -EINVAL: no host, a port that is none, too long.
 */
int address_split(const char *address, char *ret_host, size_t size, bool *ret_has_port);

/* Whether HOST is "*": every address, as servers listen on it. */
bool address_host_is_any(const char *host);

/* "rdma://HOST", brackets around an IPv6 address. -ENAMETOOLONG. */
int address_join(const char *host, char *ret_address, size_t size);

#endif
