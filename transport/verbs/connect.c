/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connecting side, and the CM's events of all connections.
 *
 *   name -> address -> route -> queue pair, receives, rdma_connect -> response -> live
 *
 * Each stage ends by an event or by its time; a host with several addresses has them tried in turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/cause.h"
#include "transport/clock.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/verbs.h"
#include "transport/verbs/window.h"

/* For the address and for the route: the kernel asks for a neighbour once a second. */
#define RESOLVE_MS 2000

/* For all stages of one address, the last above all: of those before it, none may use up the time
 * that rpc waits for the whole. */
#define STAGES_NS (30 * TICK_NS_PER_S)

/* Buffers for messages that a client begins with, and has at most: twice what can be outstanding
 * and what its peers have ready. */
#define SENDS_FIRST 16u
#define SENDS_STEP  32u
#define SENDS_MAX   4096u

/* Of a device that is opened, at most: for commands, for its own events, for the CM. */
#define DEVICE_DESCRIPTORS 4

/* The CM's reasons of rejection (IB specification, 12.6.7.2). */
#define REJECTED_NOBODY_LISTENS 8
#define REJECTED_BY_CONSUMER	28

/* Polls in a row that find nothing, behind DISCONNECTED, until nothing more is taken to come: the
 * CM's events and completions have no order. Fewer than those that fail a lane (lane.c). */
#define TRAILING_POLLS 16u
static_assert(TRAILING_POLLS < VERBS_POLL_ERRORS_MAX, "one disconnect is no broken queue");

static int begin_address(struct verbs_endpoint *endpoint);

/* ---- Failure of a stage ---- */

/* Forgets what was made for this address. */
static void undo(struct verbs_endpoint *endpoint)
{
	verbs_qp_destroy(endpoint);
	verbs_lane_leave(endpoint);
	verbs_slab_fini(&endpoint->own_receives);
	verbs_slab_fini(&endpoint->own_sends);
	endpoint->refill = NULL;
	endpoint->n_refill = 0;
	endpoint->broken = false;
	endpoint->flushed = false;
	if (endpoint->pd)
		verbs_dealloc_pd(endpoint->pd);
	endpoint->pd = NULL;
	if (endpoint->cm)
		verbs_cm_destroy_id(endpoint->cm);
	endpoint->cm = NULL;
}

/* The address at hand does not work: the next one, if there is one. */
static void stage_failed(struct verbs_endpoint *endpoint, const struct vbi_cause *cause)
{
	struct verbs_addresses *addresses = endpoint->addresses;

	while (addresses && endpoint->at_address + 1 < addresses->n) {
		endpoint->at_address++;
		undo(endpoint);
		if (begin_address(endpoint) == 0)
			return;
	}
	verbs_endpoint_fail_cause(endpoint, cause);
}

/* ---- Stages ---- */

/* An equal share of the time that is left, for each address that is. */
static uint64_t stages_end(const struct verbs_endpoint *endpoint, uint64_t now)
{
	uint64_t left = endpoint->connect_by > now ? endpoint->connect_by - now : 0;
	unsigned n = endpoint->addresses->n - endpoint->at_address;

	return now + (n > 1 && left && left / n < STAGES_NS ? left / n : STAGES_NS);
}

static int begin_address(struct verbs_endpoint *endpoint)
{
	struct sockaddr *to =
		(struct sockaddr *)&endpoint->addresses->addresses[endpoint->at_address];
	int error;

	verbs_address_print(to, endpoint->base.peer, sizeof(endpoint->base.peer));
	endpoint->state = VERBS_RESOLVING_ADDRESS;
	endpoint->deadline_ns = stages_end(endpoint, tick_clock_ns());
	verbs_timers_note(endpoint->domain, endpoint->deadline_ns);
	error = verbs_cm_create_id(endpoint->domain->cm, endpoint, &endpoint->cm);
	if (!error)
		error = verbs_cm_resolve_addr(endpoint->cm, to, RESOLVE_MS);
	return error;
}

/* The others, a time-out among them, say of a host that it cannot be reached. */
static bool is_of_this_host(int errnum)
{
	switch (errnum) {
	case EACCES:
	case EIO:
	case EMFILE:
	case ENETUNREACH:
	case ENFILE:
	case ENOBUFS:
	case ENODEV:
	case ENOMEM:
		return true;
	default:
		return false;
	}
}

/* librdmacm forgets that a device could not be opened for want of descriptors. */
static bool lacks_descriptors(const struct verbs_domain *domain)
{
	int fds[DEVICE_DESCRIPTORS];
	unsigned n = 0;

	while (n < DEVICE_DESCRIPTORS &&
	       (fds[n] = fcntl(domain->epoll_fd, F_DUPFD_CLOEXEC, 0)) >= 0)
		n++;
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	return n < DEVICE_DESCRIPTORS;
}

/* What it then says: -1 in an event, or what a call of its own failed with. A host that cannot be
 * reached is the kernel's word. */
static bool may_lack_descriptors(int error)
{
	return error == -1 || error == -ENODEV || error == -EMFILE || error == -ENFILE;
}

static void no_way(struct verbs_endpoint *endpoint, int error, const char *what)
{
	struct vbi_cause cause;
	int errnum = is_of_this_host(-error) ? -error : EHOSTUNREACH;

	if (may_lack_descriptors(error) && lacks_descriptors(endpoint->domain)) {
		vbi_cause_set(
			&cause, EMFILE,
			"no descriptor is left to open an RDMA device for %s: raise the limit "
			"on open files (ulimit -n)",
			endpoint->base.peer);
		stage_failed(endpoint, &cause);
		return;
	}
	vbi_cause_set(&cause, errnum,
		      "no %s by RDMA to %s: %s; verbena doctor rdma://%s says which device would "
		      "be used",
		      what, endpoint->base.peer, vbi_errno_text(error ? -error : EHOSTUNREACH),
		      endpoint->base.peer);
	stage_failed(endpoint, &cause);
}

static void begin(struct verbs_endpoint *endpoint)
{
	int error = begin_address(endpoint);

	if (error)
		no_way(endpoint, error, "way");
}

void verbs_connect_resolved(struct verbs_endpoint *endpoint)
{
	struct vbi_cause cause;
	int error = verbs_resolver_result(endpoint->resolver, endpoint->addresses, &cause);

	if (error == -EAGAIN)
		return;
	verbs_resolver_free(endpoint->resolver);
	endpoint->resolver = NULL;
	if (error)
		verbs_endpoint_fail_cause(endpoint, &cause);
	else
		begin(endpoint);
}

static int make_receives(struct verbs_endpoint *endpoint)
{
	uint32_t n = endpoint->share + VERBS_REFILL;
	int error;

	verbs_slab_init(&endpoint->own_receives, endpoint->pd, endpoint->domain->base.message_max,
			n, n);
	error = verbs_slab_grow(&endpoint->own_receives, n);
	for (uint32_t i = 0; !error && i < n; i++) {
		struct verbs_slot *slot = verbs_slab_get(&endpoint->own_receives);

		slot->next = endpoint->refill;
		endpoint->refill = slot;
		endpoint->n_refill++;
	}
	return error ? error : verbs_receives_post(endpoint, true);
}

static int make_queue_pair(struct verbs_endpoint *endpoint, struct vbi_cause *ret_cause)
{
	int error = verbs_device_get(endpoint->domain, endpoint->cm->verbs, &endpoint->device,
				     ret_cause);

	if (error)
		return error;
	error = verbs_alloc_pd(endpoint->cm->verbs, &endpoint->pd);
	if (error)
		return verbs_explain_resources(endpoint, error, "make queues", ret_cause);
	/* Before anything is asked: it would take long to fail, and SoftRoCE does not recover. */
	error = verbs_port_limits(endpoint, ret_cause);
	if (error)
		return error;
	error = verbs_lane_admit(endpoint->device, endpoint);
	if (error)
		return verbs_explain_resources(endpoint, error, "make queues", ret_cause);
	error = verbs_qp_create(endpoint, ret_cause);
	if (error)
		return error;
	error = make_receives(endpoint);
	return error ? verbs_explain_resources(endpoint, error, "register receives", ret_cause) : 0;
}

static int ask(struct verbs_endpoint *endpoint)
{
	struct verbs_domain *domain = endpoint->domain;
	uint32_t reads = (uint32_t)endpoint->device->attr.max_qp_rd_atom;
	struct verbs_hello hello;
	struct rdma_conn_param param = {
		.private_data = &hello,
		.private_data_len = sizeof(hello),
		/* What the server may read at a time; a count has 8 bits. We read nothing. */
		.responder_resources = (uint8_t)(reads < VERBS_READS_MAX ? reads : VERBS_READS_MAX),
		.initiator_depth = 0,
		.retry_count = VERBS_RETRY_COUNT,
		.rnr_retry_count = VERBS_RNR_RETRY_COUNT,
		.qp_num = endpoint->qp->qp_num,
	};

	verbs_hello_make(&hello, domain->base.message_max, domain->options.receives,
			 verbs_windows_offered(endpoint->device) ? VERBS_FEATURE_WINDOWS : 0, 0);
	return verbs_cm_connect(endpoint->cm, &param);
}

static void route_resolved(struct verbs_endpoint *endpoint)
{
	struct vbi_cause cause;
	int error = make_queue_pair(endpoint, &cause);

	if (error == -ENETDOWN)
		stage_failed(endpoint, &cause);
	else if (error)
		verbs_endpoint_fail_cause(endpoint, &cause);
	if (error)
		return;
	endpoint->state = VERBS_CONNECTING;
	error = ask(endpoint);
	if (error)
		no_way(endpoint, error, "connection");
}

static int finish(struct verbs_endpoint *endpoint, const struct verbs_cm_event *event,
		  struct vbi_cause *ret_cause)
{
	struct verbs_hello hello;
	int error = verbs_hello_read(event->data, event->param.private_data_len,
				     endpoint->base.peer, &hello, ret_cause);

	if (error)
		return error;
	endpoint->base.limits = (struct vbi_limits){
		.send_max = hello.message_max,
		.receive_max = endpoint->domain->base.message_max,
		.inline_max = endpoint->device->inline_max,
		.one_sided = true,
	};
	endpoint->has_windows = hello.features & VERBS_FEATURE_WINDOWS &&
				verbs_windows_offered(endpoint->device);
	endpoint->base.limits.remote_invalidate = endpoint->has_windows;
	verbs_slab_init(&endpoint->own_sends, endpoint->pd, hello.message_max, SENDS_STEP,
			SENDS_MAX);
	error = verbs_slab_grow(&endpoint->own_sends, SENDS_FIRST);
	if (error)
		return verbs_explain_resources(endpoint, error, "register messages", ret_cause);
	endpoint->own_sends.n_registrations = &endpoint->domain->base.stats->registrations;
	error = verbs_qp_start(endpoint, ret_cause);
	if (error)
		return error;
	error = verbs_cm_establish(endpoint->cm);
	if (error)
		/* EINVAL: the peer has ended it meanwhile. */
		return vbi_cause_set(ret_cause, error == -EINVAL ? ECONNRESET : -error,
				     "the connection with %s was not completed: %s",
				     endpoint->base.peer,
				     vbi_errno_text(error == -EINVAL ? ECONNRESET : -error));
	endpoint->established = true;
	return 0;
}

static void response(struct verbs_endpoint *endpoint, const struct verbs_cm_event *event)
{
	struct vbi_cause cause;
	int error = finish(endpoint, event, &cause);

	if (error) {
		verbs_endpoint_fail_cause(endpoint, &cause);
		return;
	}
	verbs_endpoint_live(endpoint);
	endpoint->domain->base.events->connected(endpoint->base.owner);
}

/* It is not this side's limit that is to be raised, as it is with most that is told of ENOMEM. */
static const char refused_for_memory[] =
	" at the server's end, not here: its process has no memory for one more connection, or may "
	"not lock so much (RLIMIT_MEMLOCK, ulimit -l); VERBENA_LOG=1 there says which";
static const char refused_for_else[] = "; VERBENA_LOG=1 there says why";

static void rejected(struct verbs_endpoint *endpoint, const struct verbs_cm_event *event)
{
	struct verbs_hello hello;
	struct vbi_cause cause;

	memcpy(&hello, event->data, sizeof(hello));
	if (event->status != REJECTED_BY_CONSUMER) {
		vbi_cause_set(&cause, ECONNREFUSED,
			      event->status == REJECTED_NOBODY_LISTENS
				      ? "nobody listens at rdma://%s: is the server running?"
				      : "rdma://%s rejects connections by its device's word",
			      endpoint->base.peer);
		stage_failed(endpoint, &cause);
		return;
	}
	if (!hello.magic) {
		/* The kernel's word for a port that is listened at by another address of the host,
		 * and for a process that ended before it answered; or somebody's who never meant
		 * to say more. */
		vbi_cause_set(&cause, ECONNREFUSED,
			      "rdma://%s turned the connection away without a word: the server "
			      "listens at another address, was closing, was asked by too many at "
			      "once, or is no Verbena server",
			      endpoint->base.peer);
		stage_failed(endpoint, &cause);
		return;
	}
	if (hello.magic == VERBS_MAGIC && hello.errnum && strerrorname_np(hello.errnum))
		vbi_cause_set(&cause, hello.errnum, "the server at rdma://%s refused: %s%s",
			      endpoint->base.peer, vbi_errno_text(hello.errnum),
			      hello.errnum == ENOMEM ? refused_for_memory : refused_for_else);
	else
		vbi_cause_set(&cause, EPROTO, "what listens at rdma://%s is not a Verbena server",
			      endpoint->base.peer);
	verbs_endpoint_fail_cause(endpoint, &cause);
}

void verbs_connect_expired(struct verbs_endpoint *endpoint)
{
	if (endpoint->accepting)
		verbs_endpoint_fail(endpoint, ETIMEDOUT,
				    "peer %s asked for a connection and did not complete it",
				    endpoint->base.peer);
	else
		no_way(endpoint, -ETIMEDOUT, "answer");
}

/* ---- Events ---- */

/* What had arrived before it is delivered first; its completions may come a little behind it. */
static void disconnected(struct verbs_endpoint *endpoint)
{
	unsigned batches = 0, empty = 0;

	while (endpoint->state == VERBS_LIVE && endpoint->lane && batches++ < VERBS_SQ_DEPTH &&
	       empty < TRAILING_POLLS)
		empty = verbs_lane_poll(endpoint->lane) ? 0 : empty + 1;
	if (endpoint->state == VERBS_LEAVING)
		verbs_endpoint_destroy(endpoint);
	else
		verbs_endpoint_fail(endpoint, ECONNRESET,
				    "peer %s has ended or closed the connection",
				    endpoint->base.peer);
}

static void connecting_event(struct verbs_endpoint *endpoint, const struct verbs_cm_event *event)
{
	int error;

	switch (event->type) {
	case RDMA_CM_EVENT_ADDR_RESOLVED:
		endpoint->state = VERBS_RESOLVING_ROUTE;
		error = verbs_cm_resolve_route(endpoint->cm, RESOLVE_MS);
		if (error)
			no_way(endpoint, error, "route");
		break;
	case RDMA_CM_EVENT_ADDR_ERROR:
		no_way(endpoint, event->status, "way");
		break;
	case RDMA_CM_EVENT_ROUTE_RESOLVED:
		route_resolved(endpoint);
		break;
	case RDMA_CM_EVENT_ROUTE_ERROR:
		no_way(endpoint, event->status, "route");
		break;
	case RDMA_CM_EVENT_CONNECT_RESPONSE:
		response(endpoint, event);
		break;
	case RDMA_CM_EVENT_REJECTED:
		rejected(endpoint, event);
		break;
	case RDMA_CM_EVENT_CONNECT_ERROR:
	case RDMA_CM_EVENT_UNREACHABLE:
		no_way(endpoint, event->status, "answer");
		break;
	default:
		break;
	}
}

void verbs_connect_event(struct verbs_endpoint *endpoint, const struct verbs_cm_event *event)
{
	switch (event->type) {
	case RDMA_CM_EVENT_DISCONNECTED:
		disconnected(endpoint);
		break;
	case RDMA_CM_EVENT_DEVICE_REMOVAL:
		verbs_endpoint_fail(endpoint, ENODEV, "the RDMA device to peer %s was removed",
				    endpoint->base.peer);
		break;
	case RDMA_CM_EVENT_ESTABLISHED:
		if (endpoint->accepting && endpoint->state == VERBS_CONNECTING)
			verbs_endpoint_live(endpoint);
		break;
	case RDMA_CM_EVENT_REJECTED:
		/* A server that ends a connection before it has heard that it was made. */
		if (!endpoint->accepting && endpoint->state >= VERBS_LIVE) {
			disconnected(endpoint);
			break;
		}
		/* fall through */
	default:
		if (!endpoint->accepting && endpoint->state < VERBS_LIVE)
			connecting_event(endpoint, event);
		else if (endpoint->state == VERBS_CONNECTING &&
			 (event->type == RDMA_CM_EVENT_REJECTED ||
			  event->type == RDMA_CM_EVENT_CONNECT_ERROR ||
			  event->type == RDMA_CM_EVENT_UNREACHABLE))
			verbs_endpoint_fail(endpoint, ECONNRESET,
					    "peer %s gave up its connection before it was made",
					    endpoint->base.peer);
	}
}

/* ---- Connect ---- */

static int begin_name(struct verbs_endpoint *endpoint, const struct verbs_place *place,
		      struct vbi_cause *ret_cause)
{
	int error;

	snprintf(endpoint->base.peer, sizeof(endpoint->base.peer), "%.60s:%s", place->host,
		 place->port);
	endpoint->state = VERBS_RESOLVING_NAME;
	endpoint->resolver = verbs_resolver_start(place);
	if (!endpoint->resolver)
		return vbi_cause_set(ret_cause, errno, "cannot look up '%.100s': %s", place->host,
				     vbi_errno_text(errno));
	error = verbs_domain_watch(endpoint->domain, verbs_resolver_fd(endpoint->resolver),
				   VERBS_WATCH_RESOLVER);
	return error ? vbi_cause_set(ret_cause, -error, "cannot wait for '%.100s': %s", place->host,
				     vbi_errno_text(-error))
		     : 0;
}

int verbs_connect(struct vbi_domain *base, const char *rest, uint64_t arena_max, void *owner,
		  struct vbi_endpoint **ret_endpoint, struct vbi_cause *ret_cause)
{
	struct verbs_domain *domain = verbs_domain_of(base);
	struct verbs_endpoint *endpoint;
	struct verbs_place place;
	int error = verbs_place_parse(rest, false, &place, ret_cause);

	if (!error)
		error = verbs_cm_claim(ret_cause);
	if (error)
		return error;
	endpoint = verbs_endpoint_new(domain);
	if (!endpoint)
		return vbi_cause_set(ret_cause, ENOMEM, "no memory for a connection");
	endpoint->base.owner = owner;
	endpoint->memory_max = arena_max;
	if (domain->options.connect_ns)
		endpoint->connect_by = tick_clock_ns() + domain->options.connect_ns;
	endpoint->send_slab = &endpoint->own_sends;
	endpoint->addresses = calloc(1, sizeof(*endpoint->addresses));
	if (!endpoint->addresses) {
		error = vbi_cause_set(ret_cause, ENOMEM, "no memory for a connection");
		goto destroy;
	}
	if (verbs_place_numeric(&place, false, endpoint->addresses) == 0) {
		begin(endpoint);
	} else {
		error = begin_name(endpoint, &place, ret_cause);
		if (error)
			goto destroy;
	}
	*ret_endpoint = &endpoint->base;
	return 0;
destroy:
	verbs_endpoint_destroy(endpoint);
	verbs_domain_free_closed(domain);
	return error;
}
