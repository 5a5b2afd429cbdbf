/* SPDX-License-Identifier: Apache-2.0 */
/* A device as one worker uses it: found by the CM's route, never "the first". */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"

/* What SoftRoCE says it was made by (the kernel's RXE_VENDOR_ID); no other device says so. */
#define RXE_VENDOR_ID 0xffffffu

/* Message buffers by which the shared slab of sends grows, and how many one device has at most. */
#define SENDS_STEP 32u
#define SENDS_MAX  65536u

/* Completion events acknowledged at a time: an acknowledgement takes a lock. */
#define ACK_BATCH 64u

bool verbs_device_is_rxe(const struct verbs_device *device)
{
	return device->attr.vendor_id == RXE_VENDOR_ID;
}

static int device_open(struct verbs_device *device, struct vbi_cause *ret_cause)
{
	struct ibv_context *context = device->context;
	int error = verbs_query_device(context, &device->attr);

	if (!error)
		error = verbs_alloc_pd(context, &device->pd);
	if (!error)
		error = verbs_create_channel(context, &device->channel);
	if (!error && fcntl(device->channel->fd, F_SETFL,
			    fcntl(device->channel->fd, F_GETFL) | O_NONBLOCK) < 0)
		error = -errno;
	if (!error)
		error = verbs_domain_watch(device->domain, device->channel->fd,
					   VERBS_WATCH_COMPLETIONS);
	if (error)
		vbi_cause_set(ret_cause, -error, "cannot use the RDMA device %s: %s%s",
			      ibv_get_device_name(context->device), vbi_errno_text(-error),
			      error == -EMFILE ? "; raise the limit on open files (ulimit -n)"
					       : "");
	return error;
}

int verbs_device_get(struct verbs_domain *domain, struct ibv_context *context,
		     struct verbs_device **ret_device, struct vbi_cause *ret_cause)
{
	struct verbs_device *device;
	int error;

	LL_FOREACH(domain->devices, device) {
		if (device->context == context) {
			*ret_device = device;
			return 0;
		}
	}
	/* Its READs need a sink that the peer may write, which this library never has on the side
	 * that serves. */
	if (context->device->transport_type == IBV_TRANSPORT_IWARP)
		return vbi_cause_set(ret_cause, EOPNOTSUPP,
				     "the RDMA device %s is iWARP, where to read a client's memory "
				     "would open the server's to it: use an InfiniBand or RoCE "
				     "device, or SoftRoCE",
				     ibv_get_device_name(context->device));
	device = calloc(1, sizeof(*device));
	if (!device)
		return vbi_cause_set(ret_cause, ENOMEM, "no memory for an RDMA device");
	device->domain = domain;
	device->context = context;
	device->inline_max = VERBS_INLINE_MAX;
	LL_PREPEND(domain->devices, device);
	error = device_open(device, ret_cause);
	if (error) {
		verbs_device_close(device);
		return error;
	}
	verbs_slab_init(&device->receives, device->pd, domain->base.message_max, 1, UINT32_MAX);
	for (unsigned i = 0; i < VERBS_SIZES; i++) {
		verbs_slab_init(&device->sends[i], device->pd, VERBS_MESSAGE_MAX_LEAST << i,
				SENDS_STEP, SENDS_MAX);
		device->sends[i].n_registrations = &domain->base.stats->registrations;
	}
	*ret_device = device;
	return 0;
}

int verbs_device_check_serves(const struct verbs_device *device, struct vbi_cause *ret_cause)
{
	const char *name = ibv_get_device_name(device->context->device);

	if (device->attr.max_srq <= 0)
		return vbi_cause_set(ret_cause, EOPNOTSUPP,
				     "the RDMA device %s has no shared receive queues, in which "
				     "all connections of a server receive",
				     name);
	if (device->attr.max_qp_init_rd_atom <= 0)
		return vbi_cause_set(ret_cause, EOPNOTSUPP,
				     "the RDMA device %s cannot read another host's memory, by "
				     "which a server takes large arguments",
				     name);
	return 0;
}

struct verbs_slab *verbs_device_sends(struct verbs_device *device, uint32_t size)
{
	struct verbs_slab *slab = device->sends;

	while (slab->size < size)
		slab++;
	return slab;
}

void verbs_device_close(struct verbs_device *device)
{
	struct verbs_domain *domain = device->domain;

	while (device->lanes)
		verbs_lane_close(device->lanes);
	verbs_regions_leave_device(domain, device);
	verbs_slab_fini(&device->receives);
	for (unsigned i = 0; i < VERBS_SIZES; i++)
		verbs_slab_fini(&device->sends[i]);
	if (device->channel)
		verbs_destroy_channel(device->channel);
	if (device->pd)
		verbs_dealloc_pd(device->pd);
	LL_DELETE(domain->devices, device);
	free(device);
}

void verbs_device_take_events(struct verbs_device *device)
{
	struct ibv_cq *cq;
	void *owner;

	while (verbs_get_cq_event(device->channel, &cq, &owner) == 0) {
		struct verbs_lane *lane = owner;

		lane->armed = VERBS_DISARMED;
		if (++lane->n_unacked < ACK_BATCH)
			continue;
		verbs_ack_cq_events(cq, lane->n_unacked);
		lane->n_unacked = 0;
	}
}
