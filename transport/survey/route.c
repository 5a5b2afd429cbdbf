/* SPDX-License-Identifier: Apache-2.0 */
/* Names, addresses and the routing table: what any socket would use. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/survey/files.h"
#include "transport/survey/parts.h"

/* connect() of a datagram socket asks the routing table and sends nothing; any port will do. */
#define ANY_PORT "9"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* An IPv4 address as the 16 bytes that a GID has; false: neither IPv4 nor IPv6. */
static bool address_widen(const struct sockaddr *address, uint8_t ret_raw[16])
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

		memcpy(ret_raw, mapped, sizeof(mapped));
		memcpy(ret_raw + sizeof(mapped), &in->sin_addr, 4);
		return true;
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)address;

		memcpy(ret_raw, &in->sin6_addr, 16);
		return true;
	}
	return false;
}

bool vbi_survey_gid_is_link_local(const uint8_t raw[16])
{
	static const uint8_t prefix[8] = {0xfe, 0x80};

	return memcmp(raw, prefix, sizeof(prefix)) == 0;
}

void vbi_survey_gid_text(const uint8_t raw[16], char ret_text[VBI_SURVEY_ADDRESS])
{
	bool is_4 = memcmp(raw, mapped, sizeof(mapped)) == 0;

	if (!inet_ntop(is_4 ? AF_INET : AF_INET6, is_4 ? raw + sizeof(mapped) : raw, ret_text,
		       VBI_SURVEY_ADDRESS))
		ret_text[0] = '\0';
}

bool vbi_survey_address_is_here(const uint8_t address[16], char *ret_netdev, size_t size)
{
	struct ifaddrs *list, *entry;
	uint8_t raw[16];
	bool found = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (entry = list; entry && !found; entry = entry->ifa_next) {
		if (!entry->ifa_addr || !address_widen(entry->ifa_addr, raw) ||
		    memcmp(raw, address, sizeof(raw)) != 0)
			continue;
		found = true;
		if (ret_netdev)
			vbi_text_copy(ret_netdev, size, entry->ifa_name);
	}
	freeifaddrs(list);
	return found;
}

void vbi_survey_address_text(const struct sockaddr *address, char ret_text[VBI_SURVEY_ADDRESS])
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
	char netdev[IF_NAMESIZE];
	uint8_t raw[16];
	size_t length;

	ret_text[0] = '\0';
	if (!address_widen(address, raw))
		return;
	vbi_survey_gid_text(raw, ret_text);
	length = strlen(ret_text);
	if (address->sa_family == AF_INET6 && if_indextoname(in6->sin6_scope_id, netdev))
		snprintf(ret_text + length, VBI_SURVEY_ADDRESS - length, "%%%s", netdev);
}

static socklen_t address_length(const struct sockaddr *address)
{
	return address->sa_family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6);
}

int vbi_survey_look_up(const char *host, struct vbi_survey_targets *ret_targets)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list, *entry;
	size_t n = 0;
	int result = getaddrinfo(host, ANY_PORT, &hints, &list);

	if (result == EAI_AGAIN)
		return -EAGAIN;
	if (result)
		return result == EAI_SYSTEM ? -errno : -ENOENT;
	for (entry = list; entry && n < VBI_SURVEY_TARGETS_MAX; entry = entry->ai_next) {
		if (entry->ai_family == AF_INET || entry->ai_family == AF_INET6)
			memcpy(&ret_targets->list[n++], entry->ai_addr, entry->ai_addrlen);
	}
	freeaddrinfo(list);
	ret_targets->n = n;
	return n ? 0 : -ENOENT;
}

/* The source address that the routing table gives, and the interface that has it. */
static int route_ask(const struct sockaddr *target, struct vbi_survey_pick *pick)
{
	struct sockaddr_storage source = {.ss_family = AF_UNSPEC};
	socklen_t length = sizeof(source);
	uint8_t raw[16];
	int result = 0;
	int fd = socket(target->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, target, address_length(target)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&source, &length) < 0)
		result = -errno;
	close(fd);
	if (result || !address_widen((const struct sockaddr *)&source, raw))
		return result;
	vbi_survey_address_text((const struct sockaddr *)&source, pick->route_source);
	vbi_survey_address_is_here(raw, pick->route_netdev, sizeof(pick->route_netdev));
	return 0;
}

int vbi_survey_route(const struct sockaddr *target, struct vbi_survey_pick *pick)
{
	uint8_t raw[16];
	int result;

	vbi_survey_address_text(target, pick->address);
	pick->is_local = address_widen(target, raw) && vbi_survey_address_is_here(raw, NULL, 0);
	result = route_ask(target, pick);
	if (result)
		vbi_text_copy(pick->what, sizeof(pick->what), "find a route");
	return result;
}

/* ---- Addresses of this host ---- */

static size_t address_add(char (*addresses)[VBI_SURVEY_ADDRESS], size_t n, size_t max,
			  const char *address)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(addresses[i], address) == 0)
			return n;
	}
	if (n == max)
		return n;
	vbi_text_copy(addresses[n], VBI_SURVEY_ADDRESS, address);
	return n + 1;
}

static bool netdev_is_ipoib(const char *name)
{
	char type[VBI_SURVEY_NAME], wanted[VBI_SURVEY_NAME];

	snprintf(wanted, sizeof(wanted), "%d", ARPHRD_INFINIBAND);
	return vbi_file_line(type, sizeof(type), "", "/sys/class/net/%s/type", name) == 0 &&
	       strcmp(type, wanted) == 0;
}

size_t vbi_survey_addresses(const struct vbi_survey *survey,
			    char (*ret_addresses)[VBI_SURVEY_ADDRESS], size_t max)
{
	struct ifaddrs *list, *entry;
	uint8_t raw[16];
	char text[VBI_SURVEY_ADDRESS];
	size_t n = 0;

	for (size_t i = 0; i < survey->n_devices; i++) {
		const struct vbi_survey_device *device = &survey->devices[i];

		for (size_t k = 0; k < device->n_gids; k++) {
			if (device->gids[k].type != VBI_GID_IB &&
			    device->gids[k].place == VBI_PLACE_HERE)
				n = address_add(ret_addresses, n, max, device->gids[k].address);
		}
	}
	if (getifaddrs(&list) < 0)
		return n;
	for (entry = list; entry; entry = entry->ifa_next) {
		if (!entry->ifa_addr || !address_widen(entry->ifa_addr, raw) ||
		    vbi_survey_gid_is_link_local(raw) || !netdev_is_ipoib(entry->ifa_name))
			continue;
		vbi_survey_gid_text(raw, text);
		n = address_add(ret_addresses, n, max, text);
	}
	freeifaddrs(list);
	return n;
}
