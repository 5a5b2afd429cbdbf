/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/address.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/cause.h"

static int bad_place(const char *rest, const char *why, struct vbi_cause *ret_cause)
{
	return vbi_cause_set(ret_cause, EINVAL,
			     "'rdma://%.100s' is no address: %s; it looks like rdma://HOST:PORT or "
			     "rdma://[IPV6]:PORT",
			     rest, why);
}

/* Whether a host's text can be one: what a name, a number or a scope consists of. */
static bool host_is_plain(const char *host, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:%*",
			    host[i]))
			return false;
	return true;
}

static const char *parse_port(const char *text, struct verbs_place *place)
{
	char *end;
	unsigned long port;

	if (text[0] < '0' || text[0] > '9')
		return "the port is not a number";
	port = strtoul(text, &end, 10);
	if (*end || port == 0 || port > 65535)
		return "a port is a number from 1 to 65535";
	snprintf(place->port, sizeof(place->port), "%lu", port);
	return NULL;
}

/* "*" and nothing: getaddrinfo() would take the first as this host, whoever asks. */
static bool is_any(const struct verbs_place *place)
{
	return !place->host[0] || (place->host[0] == '*' && !place->host[1]);
}

int verbs_place_parse(const char *rest, bool listen, struct verbs_place *ret_place,
		      struct vbi_cause *ret_cause)
{
	struct verbs_place place = {0};
	const char *host = rest;
	const char *colon = strrchr(rest, ':');
	const char *why;
	size_t length;

	if (!colon)
		return bad_place(rest, "it has no port", ret_cause);
	length = (size_t)(colon - rest);
	if (rest[0] == '[') {
		if (length < 2 || rest[length - 1] != ']')
			return bad_place(rest, "its brackets do not close before the port",
					 ret_cause);
		host++;
		length -= 2;
	} else if (memchr(rest, ':', length)) {
		return bad_place(rest, "an IPv6 address stands in brackets", ret_cause);
	}
	if (length >= sizeof(place.host))
		return bad_place(rest, "its host is longer than a name can be", ret_cause);
	if (!host_is_plain(host, length))
		return bad_place(rest, "its host has a character that no name has", ret_cause);
	memcpy(place.host, host, length);
	if (!listen && is_any(&place))
		return bad_place(rest, "it names no host to connect to", ret_cause);
	why = parse_port(colon + 1, &place);
	if (why)
		return bad_place(rest, why, ret_cause);
	*ret_place = place;
	return 0;
}

int verbs_address_check(const char *rest, bool listen, struct vbi_cause *ret_cause)
{
	struct verbs_place place;

	return verbs_place_parse(rest, listen, &place, ret_cause);
}

static void take_addresses(const struct addrinfo *list, struct verbs_addresses *ret)
{
	ret->n = 0;
	for (; list && ret->n < VERBS_ADDRESSES; list = list->ai_next) {
		if (list->ai_family != AF_INET && list->ai_family != AF_INET6)
			continue;
		memset(&ret->addresses[ret->n], 0, sizeof(ret->addresses[0]));
		memcpy(&ret->addresses[ret->n++], list->ai_addr, list->ai_addrlen);
	}
}

/* IPv6's "any" hears IPv4 too. */
static void prefer_ipv6(struct verbs_addresses *addresses)
{
	for (unsigned i = 1; i < addresses->n; i++) {
		struct sockaddr_storage first = addresses->addresses[0];

		if (addresses->addresses[i].ss_family != AF_INET6)
			continue;
		addresses->addresses[0] = addresses->addresses[i];
		addresses->addresses[i] = first;
		return;
	}
}

static int ask(const struct verbs_place *place, int flags, struct verbs_addresses *ret)
{
	const char *host = place->host;
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags | AI_NUMERICSERV,
	};
	struct addrinfo *list = NULL;
	int error;

	if (flags & AI_PASSIVE && is_any(place))
		host = NULL;
	error = getaddrinfo(host, place->port, &hints, &list);
	if (error)
		return error;
	take_addresses(list, ret);
	freeaddrinfo(list);
	if (!host)
		prefer_ipv6(ret);
	return ret->n ? 0 : EAI_NONAME;
}

int verbs_place_numeric(const struct verbs_place *place, bool listen, struct verbs_addresses *ret)
{
	return ask(place, AI_NUMERICHOST | (listen ? AI_PASSIVE : 0), ret) ? -ENOENT : 0;
}

int verbs_place_look_up(const struct verbs_place *place, struct verbs_addresses *ret,
			struct vbi_cause *ret_cause)
{
	int error = ask(place, 0, ret);

	switch (error) {
	case 0:
		return 0;
	case EAI_MEMORY:
		return vbi_cause_set(ret_cause, ENOMEM, "no memory to look up '%.100s'",
				     place->host);
	case EAI_AGAIN:
		return vbi_cause_set(ret_cause, EHOSTUNREACH,
				     "the name '%.100s' could not be looked up: no name server "
				     "answers; try again, or use a number",
				     place->host);
	default:
		return vbi_cause_set(ret_cause, EHOSTUNREACH, "the host '%.100s' is not known: %s",
				     place->host, gai_strerror(error));
	}
}

/* getnameinfo() knows scopes: a link-local address is none without. Numbers only: asks nobody. */
void verbs_address_print(const struct sockaddr *address, char *text, size_t size)
{
	bool is_6 = address->sa_family == AF_INET6;
	socklen_t length = is_6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE];
	char port[VERBS_PORT_MAX];

	if (getnameinfo(address, length, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV)) {
		snprintf(text, size, "?");
		return;
	}
	snprintf(text, size, is_6 ? "[%s]:%s" : "%s:%s", host, port);
}
