/* SPDX-License-Identifier: Apache-2.0 */
/* What librdmacm picks for an address: the steps of a connect, up to where it would send. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <rdma/rdma_cma.h>

#include "transport/survey/files.h"
#include "transport/survey/parts.h"

/* A step may need ARP, or a subnet manager; what takes longer than this is broken. */
#define STEP_MS 1000

/* Resolving needs some port, and asks nobody whether it is in use. */
#define ANY_SERVICE "9"

static int fail(struct vbi_survey_pick *pick, int errnum, const char *what)
{
	pick->errnum = errnum;
	vbi_text_copy(pick->what, sizeof(pick->what), what);
	return -errnum;
}

/* Waits for the step's one event. 0, or the negative errno that it carries. */
static int step_wait(struct rdma_event_channel *channel, enum rdma_cm_event_type wanted)
{
	struct pollfd wait = {.fd = channel->fd, .events = POLLIN};
	struct rdma_cm_event *event;
	int result, ready;

	do
		ready = poll(&wait, 1, STEP_MS);
	while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return ready < 0 ? -errno : -ETIMEDOUT;
	if (rdma_get_cm_event(channel, &event) < 0)
		return -errno;
	if (event->event == wanted)
		result = 0;
	else
		/* Negative errno; positive ones are a subnet manager's own. */
		result = event->status < 0 ? event->status : -EHOSTUNREACH;
	rdma_ack_cm_event(event);
	return result;
}

static int id_resolve(struct rdma_event_channel *channel, struct rdma_cm_id *id,
		      struct vbi_survey_pick *pick)
{
	struct rdma_addrinfo hints = {.ai_port_space = RDMA_PS_TCP};
	struct rdma_addrinfo *target;
	int result;

	/* rdma_getaddrinfo() does not want what is const. */
	if (rdma_getaddrinfo(pick->host, ANY_SERVICE, &hints, &target) < 0)
		return fail(pick, errno ? errno : ENOENT, "look up the name");
	result = rdma_resolve_addr(id, NULL, target->ai_dst_addr, STEP_MS) < 0
			 ? -errno
			 : step_wait(channel, RDMA_CM_EVENT_ADDR_RESOLVED);
	rdma_freeaddrinfo(target);
	if (result)
		return fail(pick, -result, "resolve the address");
	result = rdma_resolve_route(id, STEP_MS) < 0
			 ? -errno
			 : step_wait(channel, RDMA_CM_EVENT_ROUTE_RESOLVED);
	return result ? fail(pick, -result, "resolve the route") : 0;
}

static void source_text(const struct sockaddr *address, char *ret_text)
{
	uint8_t raw[16] = {[10] = 0xff, [11] = 0xff};

	if (address->sa_family == AF_INET)
		memcpy(raw + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	else
		memcpy(raw, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
	vbi_survey_gid_text(raw, ret_text);
}

static void id_read(struct rdma_cm_id *id, struct vbi_survey_pick *pick)
{
	vbi_text_copy(pick->device, sizeof(pick->device), ibv_get_device_name(id->verbs->device));
	pick->port = id->port_num;
	source_text(rdma_get_local_addr(id), pick->source);
	memcpy(pick->gid.raw, id->route.addr.addr.ibaddr.sgid.raw, sizeof(pick->gid.raw));
}

void vbi_survey_resolve(struct vbi_survey_pick *pick)
{
	struct rdma_event_channel *channel;
	struct rdma_cm_id *id;

	errno = 0;
	channel = rdma_create_event_channel();
	if (!channel) {
		fail(pick, errno ? errno : ENODEV, "open the connection manager");
		return;
	}
	if (rdma_create_id(channel, &id, NULL, RDMA_PS_TCP) < 0) {
		fail(pick, errno ? errno : ENODEV, "open the connection manager");
		goto no_id;
	}
	if (id_resolve(channel, id, pick) == 0)
		id_read(id, pick);
	rdma_destroy_id(id);
no_id:
	rdma_destroy_event_channel(channel);
}
