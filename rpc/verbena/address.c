/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/verbena/address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_DIGITS_MAX 5
#define PORT_MAX	65535

static const char scheme[] = "rdma://";

static bool port_is_good(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long value;

	if (digits == 0 || digits > PORT_DIGITS_MAX || text[digits])
		return false;
	value = strtoul(text, NULL, 10);
	return value > 0 && value <= PORT_MAX;
}

int address_split(const char *address, char *ret_host, size_t size, bool *ret_has_port)
{
	const char *host = address, *end, *colon, *port = NULL;
	size_t length = strlen(scheme);

	if (strlen(address) >= length && memcmp(address, scheme, length) == 0)
		host += length;
	colon = strchr(host, ':');
	if (host[0] == '[') {
		host++;
		end = strchr(host, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		port = end[1] ? end + 2 : NULL;
	} else if (colon && !strchr(colon + 1, ':')) {
		end = colon;
		port = colon + 1;
	} else {
		end = host + strlen(host);
	}
	length = (size_t)(end - host);
	if (length == 0 || length >= size || memchr(host, '/', length) ||
	    (port && !port_is_good(port)))
		return -EINVAL;
	memcpy(ret_host, host, length);
	ret_host[length] = '\0';
	*ret_has_port = port;
	return 0;
}

bool address_host_is_any(const char *host)
{
	return strcmp(host, "*") == 0;
}

int address_join(const char *host, char *ret_address, size_t size)
{
	bool is_6 = strchr(host, ':');
	int length = snprintf(ret_address, size, is_6 ? "%s[%s]" : "%s%s", scheme, host);

	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}
