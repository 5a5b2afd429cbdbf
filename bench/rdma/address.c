/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/rdma/address.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A port's table of GIDs has some hundreds of places at most, and addresses come early. */
#define GIDS_MAX       256
#define PORTS_MAX      16
#define LINE_MAX_BYTES 64

static int read_line(const char *path, char *ret_line, size_t size)
{
	FILE *file = fopen(path, "re");
	char *line;

	if (!file)
		return -1;
	line = fgets(ret_line, (int)size, file);
	fclose(file);
	if (!line)
		return -1;
	ret_line[strcspn(ret_line, "\n")] = '\0';
	return 0;
}

/* A RoCE port's GID of an IPv4 address is that address as IPv6 writes it: ::ffff:a.b.c.d. */
static int gid_address(const char *port, int index, char *ret_address)
{
	char path[PATH_MAX], line[LINE_MAX_BYTES];
	struct in6_addr gid;

	snprintf(path, sizeof(path), "%s/gids/%d", port, index);
	if (read_line(path, line, sizeof(line)) < 0 || inet_pton(AF_INET6, line, &gid) != 1 ||
	    !IN6_IS_ADDR_V4MAPPED(&gid))
		return -1;
	return inet_ntop(AF_INET, &gid.s6_addr[12], ret_address, RDMA_ADDRESS_MAX) ? 0 : -1;
}

static int port_address(const char *port, const char *wanted, char *ret_address)
{
	char path[PATH_MAX], line[LINE_MAX_BYTES];
	int index;

	snprintf(path, sizeof(path), "%s/state", port);
	if (read_line(path, line, sizeof(line)) < 0 || !strstr(line, "ACTIVE"))
		return -1;
	for (index = 0; index < GIDS_MAX; index++) {
		if (gid_address(port, index, ret_address) == 0 &&
		    (!wanted || strcmp(wanted, ret_address) == 0))
			return 0;
	}
	return -1;
}

static int device_address(const char *directory, const char *device, const char *wanted,
			  struct rdma_place *ret_place)
{
	char port[PATH_MAX / 2];
	unsigned number;

	for (number = 1; number <= PORTS_MAX; number++) {
		snprintf(port, sizeof(port), "%s/%s/ports/%u", directory, device, number);
		if (port_address(port, wanted, ret_place->address) < 0)
			continue;
		snprintf(ret_place->device, sizeof(ret_place->device), "%.*s",
			 (int)sizeof(ret_place->device) - 1, device);
		ret_place->port = number;
		return 0;
	}
	return -1;
}

static int is_device(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int rdma_place_find(const char *directory, const char *wanted, struct rdma_place *ret_place)
{
	struct dirent **entries;
	struct rdma_place place;
	int n = scandir(directory, &entries, is_device, alphasort), i, result = -1;

	for (i = 0; i < n; i++) {
		if (result < 0 &&
		    device_address(directory, entries[i]->d_name, wanted, &place) == 0) {
			*ret_place = place;
			result = 0;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	if (result < 0)
		errno = ENODEV;
	return result;
}

void rdma_place_explain(const char *directory, const char *address)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, is_device, alphasort), i;

	if (address && strchr(address, ':'))
		warnx("%s is an address of IPv6: the bench takes those of IPv4 only; ip addr add "
		      "gives the device's network interface one",
		      address);
	else if (n <= 0)
		warnx("no RDMA device here; SoftRoCE gives one to any network interface: "
		      "rdma link add rxe0 type rxe netdev INTERFACE");
	else if (address)
		warnx("no active port of an RDMA device here has the address %s", address);
	else
		warnx("no RDMA device here has an active port with an IPv4 address; name one of "
		      "its addresses with --address");
	for (i = 0; i < n; i++)
		free(entries[i]);
	if (n >= 0)
		free(entries);
}
