/* SPDX-License-Identifier: Apache-2.0 */
/* The accepting side: an address, and what connects to it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/clock.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"
#include "transport/verbs/window.h"

/* Connections that the kernel keeps for us: a thousand clients may come at once. */
#define BACKLOG 1024

/* An accepted connection that says nothing must not hold its receives. */
#define ESTABLISH_NS (10 * TICK_NS_PER_S)

/* ---- Listen ---- */

static int explain_listen(const char *rest, int error, struct vbi_cause *ret_cause)
{
	switch (error) {
	case -EADDRINUSE:
		return vbi_cause_set(ret_cause, EADDRINUSE,
				     "a server listens on rdma://%.100s already", rest);
	case -ENODEV:
	case -EADDRNOTAVAIL:
		return vbi_cause_set(
			ret_cause, -error,
			"no RDMA device of this host has the address of rdma://%.100s: "
			"verbena doctor lists those there are",
			rest);
	case -EACCES:
		return vbi_cause_set(ret_cause, EACCES,
				     "no right to the port of rdma://%.100s: below 1024 it needs "
				     "CAP_NET_BIND_SERVICE",
				     rest);
	default:
		return vbi_cause_set(ret_cause, -error, "cannot listen on rdma://%.100s: %s", rest,
				     vbi_errno_text(-error));
	}
}

/* A name is looked up here and now: whoever listens has nothing else to do yet. */
static int find_address(const char *rest, struct verbs_addresses *ret, struct vbi_cause *ret_cause)
{
	struct verbs_place place;
	int error = verbs_place_parse(rest, true, &place, ret_cause);

	if (error)
		return error;
	if (verbs_place_numeric(&place, true, ret) == 0)
		return 0;
	return verbs_place_look_up(&place, ret, ret_cause);
}

static int listen_at(struct verbs_listener *listener, struct sockaddr *address)
{
	int error = verbs_cm_create_id(listener->domain->cm, NULL, &listener->cm);

	if (error)
		return error;
	error = verbs_cm_bind(listener->cm, address);
	if (!error)
		error = verbs_cm_listen(listener->cm, BACKLOG);
	if (error)
		verbs_cm_destroy_id(listener->cm);
	return error;
}

int verbs_listen(struct vbi_domain *base, const char *rest, void *owner,
		 struct vbi_listener **ret_listener, struct vbi_cause *ret_cause)
{
	struct verbs_domain *domain = verbs_domain_of(base);
	struct verbs_addresses addresses;
	struct verbs_listener *listener;
	int error = find_address(rest, &addresses, ret_cause);

	if (!error)
		error = verbs_cm_claim(ret_cause);
	if (error)
		return error;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return vbi_cause_set(ret_cause, ENOMEM, "no memory to listen");
	listener->base.ops = &vbi_verbs;
	listener->base.owner = owner;
	listener->domain = domain;
	/* The first that this host has. */
	for (unsigned i = 0; i < addresses.n; i++) {
		error = listen_at(listener, (struct sockaddr *)&addresses.addresses[i]);
		if (error != -EADDRNOTAVAIL && error != -ENODEV && error != -EAFNOSUPPORT)
			break;
	}
	if (!error) {
		LL_PREPEND(domain->listeners, listener);
		*ret_listener = &listener->base;
		return 0;
	}
	free(listener);
	return explain_listen(rest, error, ret_cause);
}

void verbs_listener_close(struct vbi_listener *base)
{
	struct verbs_listener *listener = (struct verbs_listener *)(uintptr_t)base;

	LL_DELETE(listener->domain->listeners, listener);
	verbs_cm_destroy_id(listener->cm);
	free(listener);
}

/* ---- Accept ---- */

static void answer_no(struct rdma_cm_id *id, int errnum)
{
	struct verbs_hello hello;

	verbs_hello_make(&hello, 0, 0, 0, errnum);
	verbs_cm_reject(id, &hello, sizeof(hello));
}

/* CAUSE: NULL if it was accepted() that refused. */
static void refuse(struct verbs_listener *listener, struct rdma_cm_id *id, int errnum,
		   const struct vbi_cause *cause)
{
	struct vbi_domain *domain = &listener->domain->base;

	domain->stats->connections_refused++;
	answer_no(id, errnum);
	if (cause)
		domain->events->refused(listener->base.owner, cause);
}

static int check_request(struct verbs_endpoint *endpoint, const struct verbs_cm_event *event,
			 struct vbi_cause *ret_cause)
{
	struct verbs_hello hello;
	int error = verbs_hello_read(event->data, event->param.private_data_len,
				     endpoint->base.peer, &hello, ret_cause);

	if (error)
		return error;
	/* 0 READs would be found out at the first one, by a time-out. */
	if (event->param.initiator_depth == 0)
		return vbi_cause_set(ret_cause, EPROTO, "%s lets nobody read its memory",
				     endpoint->base.peer);
	endpoint->base.limits.send_max = hello.message_max;
	endpoint->base.limits.receive_max = endpoint->domain->base.message_max;
	endpoint->initiator_depth = event->param.initiator_depth;
	endpoint->has_windows = hello.features & VERBS_FEATURE_WINDOWS;
	return 0;
}

static int make_endpoint(struct verbs_endpoint *endpoint, struct vbi_cause *ret_cause)
{
	int error = verbs_device_get(endpoint->domain, endpoint->cm->verbs, &endpoint->device,
				     ret_cause);
	uint32_t most;

	if (!error)
		error = verbs_device_check_serves(endpoint->device, ret_cause);
	if (error)
		return error;
	endpoint->pd = endpoint->device->pd;
	endpoint->has_windows &= verbs_windows_offered(endpoint->device);
	endpoint->send_slab = verbs_device_sends(endpoint->device, endpoint->base.limits.send_max);
	most = (uint32_t)endpoint->device->attr.max_qp_init_rd_atom;
	most = most < VERBS_READS_MAX ? most : VERBS_READS_MAX;
	if (endpoint->initiator_depth > most)
		endpoint->initiator_depth = (uint8_t)most;
	error = verbs_port_limits(endpoint, ret_cause);
	if (error)
		return error;
	error = verbs_lane_admit(endpoint->device, endpoint);
	if (error)
		return verbs_explain_resources(endpoint, error, "make queues to receive",
					       ret_cause);
	error = verbs_qp_create(endpoint, ret_cause);
	if (!error)
		error = verbs_qp_start(endpoint, ret_cause);
	endpoint->base.limits.inline_max = endpoint->device->inline_max;
	endpoint->base.limits.one_sided = true;
	return error;
}

static int accept_connection(struct verbs_endpoint *endpoint)
{
	struct verbs_domain *domain = endpoint->domain;
	struct verbs_hello hello;
	struct rdma_conn_param param = {
		.private_data = &hello,
		.private_data_len = sizeof(hello),
		.responder_resources = 0,
		.initiator_depth = endpoint->initiator_depth,
		.rnr_retry_count = VERBS_RNR_RETRY_COUNT,
		.srq = 1,
		.qp_num = endpoint->qp->qp_num,
	};

	verbs_hello_make(&hello, domain->base.message_max, domain->options.receives,
			 endpoint->has_windows ? VERBS_FEATURE_WINDOWS : 0, 0);
	return verbs_cm_accept(endpoint->cm, &param);
}

void verbs_listener_event(struct verbs_listener *listener, const struct verbs_cm_event *event)
{
	struct verbs_domain *domain = listener->domain;
	struct verbs_endpoint *endpoint = verbs_endpoint_new(domain);
	struct vbi_cause cause;
	int error;

	if (!endpoint) {
		vbi_cause_set(&cause, ENOMEM, "no memory for one more connection");
		refuse(listener, event->id, ENOMEM, &cause);
		verbs_cm_destroy_id(event->id);
		return;
	}
	endpoint->accepting = true;
	endpoint->cm = event->id;
	endpoint->cm->context = endpoint;
	endpoint->state = VERBS_CONNECTING;
	verbs_address_print(rdma_get_peer_addr(event->id), endpoint->base.peer,
			    sizeof(endpoint->base.peer));
	error = check_request(endpoint, event, &cause);
	if (!error)
		error = make_endpoint(endpoint, &cause);
	if (error) {
		refuse(listener, endpoint->cm, -error, &cause);
		verbs_endpoint_destroy(endpoint);
		return;
	}
	error = domain->base.events->accepted(listener->base.owner, &endpoint->base);
	if (error) {
		refuse(listener, endpoint->cm, -error, NULL);
		verbs_endpoint_destroy(endpoint);
		return;
	}
	error = accept_connection(endpoint);
	if (error) {
		/* rpc has it by now: it must hear of its end, and so must the peer. */
		answer_no(endpoint->cm, -error);
		verbs_endpoint_fail(endpoint, -error, "peer %s could not be accepted: %s",
				    endpoint->base.peer, vbi_errno_text(-error));
		return;
	}
	endpoint->established = true;
	endpoint->deadline_ns = tick_clock_ns() + ESTABLISH_NS;
	verbs_timers_note(domain, endpoint->deadline_ns);
}
