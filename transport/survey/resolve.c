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

/* A step may need ARP, or a subnet manager: as long as a connection gives it. A neighbour is asked
 * once a second, so that in one second a single lost packet would pass for a broken way. */
#define STEP_MS 2000

/* The step's own time-out comes as an event: longer than that. */
#define EVENT_MS (STEP_MS + 500)

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
		ready = poll(&wait, 1, EVENT_MS);
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
		      const struct sockaddr *target, struct vbi_survey_pick *pick)
{
	/* It does not want what is const. */
	int result = rdma_resolve_addr(id, NULL, (struct sockaddr *)(uintptr_t)target, STEP_MS) < 0
			     ? -errno
			     : step_wait(channel, RDMA_CM_EVENT_ADDR_RESOLVED);

	if (result)
		return fail(pick, -result, "resolve the address");
	result = rdma_resolve_route(id, STEP_MS) < 0
			 ? -errno
			 : step_wait(channel, RDMA_CM_EVENT_ROUTE_RESOLVED);
	return result ? fail(pick, -result, "resolve the route") : 0;
}

static void id_read(struct rdma_cm_id *id, struct vbi_survey_pick *pick)
{
	vbi_text_copy(pick->device, sizeof(pick->device), ibv_get_device_name(id->verbs->device));
	pick->port = id->port_num;
	vbi_survey_address_text(rdma_get_local_addr(id), pick->source);
	memcpy(pick->gid.raw, id->route.addr.addr.ibaddr.sgid.raw, sizeof(pick->gid.raw));
}

void vbi_survey_resolve(const struct sockaddr *target, struct vbi_survey_pick *pick)
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
	if (id_resolve(channel, id, target, pick) == 0)
		id_read(id, pick);
	rdma_destroy_id(id);
no_id:
	rdma_destroy_event_channel(channel);
}
