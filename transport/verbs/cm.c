/* SPDX-License-Identifier: Apache-2.0 */
/* The connection manager's events. Each is copied, acknowledged, and only then handled: what
 * handles it may destroy its id, which would wait for the acknowledgement for ever. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"

/* The process for which librdmacm has devices open; 0: nobody has asked it to. */
static atomic_int opener;

int verbs_cm_claim(struct vbi_cause *ret_cause)
{
	int nobody = 0;

	if (atomic_compare_exchange_strong(&opener, &nobody, getpid()) || nobody == getpid())
		return 0;
	return vbi_cause_set(ret_cause, EPERM,
			     "process %d has forked this one after it had used RDMA, and a device "
			     "that it opened is not its children's: fork before the first "
			     "rdma:// address is used, or exec",
			     nobody);
}

/* Events in one look: a storm of connections must not keep messages waiting. */
#define EVENTS_BATCH 32

static void copy_event(struct verbs_cm_event *copy, const struct rdma_cm_event *event)
{
	uint8_t length = event->param.conn.private_data_len;

	copy->type = event->event;
	copy->status = event->status;
	copy->id = event->id;
	copy->param = event->param.conn;
	copy->param.private_data = copy->data;
	memset(copy->data, 0, sizeof(copy->data));
	if (event->param.conn.private_data)
		memcpy(copy->data, event->param.conn.private_data, length);
	else
		copy->param.private_data_len = 0;
}

static struct verbs_listener *listener_of(struct verbs_domain *domain, const struct rdma_cm_id *id)
{
	struct verbs_listener *listener;

	LL_FOREACH(domain->listeners, listener) {
		if (listener->cm == id)
			return listener;
	}
	return NULL;
}

static void dispatch(struct verbs_domain *domain, const struct rdma_cm_id *listen_id,
		     const struct verbs_cm_event *event)
{
	struct verbs_listener *listener;

	if (event->type == RDMA_CM_EVENT_CONNECT_REQUEST) {
		listener = listener_of(domain, listen_id);
		if (listener)
			verbs_listener_event(listener, event);
		else
			verbs_cm_destroy_id(event->id);
		return;
	}
	/* A listener's own: its device has gone. Others may still reach the rest of its address. */
	if (!listener_of(domain, event->id) && event->id->context)
		verbs_connect_event(event->id->context, event);
}

int verbs_cm_poll(struct verbs_domain *domain)
{
	int n;

	for (n = 0; n < EVENTS_BATCH; n++) {
		struct rdma_cm_event *event;
		struct verbs_cm_event copy;
		struct rdma_cm_id *listen_id;

		if (verbs_cm_get_event(domain->cm, &event))
			break;
		copy_event(&copy, event);
		listen_id = event->listen_id;
		verbs_cm_ack_event(event);
		dispatch(domain, listen_id, &copy);
	}
	return n;
}

bool verbs_cm_is_local(const struct rdma_cm_id *id)
{
	const struct sockaddr *here = rdma_get_local_addr((struct rdma_cm_id *)(uintptr_t)id);
	const struct sockaddr *there = rdma_get_peer_addr((struct rdma_cm_id *)(uintptr_t)id);

	if (here->sa_family != there->sa_family)
		return false;
	if (here->sa_family == AF_INET6)
		return !memcmp(&((const struct sockaddr_in6 *)(const void *)here)->sin6_addr,
			       &((const struct sockaddr_in6 *)(const void *)there)->sin6_addr,
			       sizeof(struct in6_addr));
	return ((const struct sockaddr_in *)(const void *)here)->sin_addr.s_addr ==
	       ((const struct sockaddr_in *)(const void *)there)->sin_addr.s_addr;
}
