/* SPDX-License-Identifier: Apache-2.0 */
/* What libibverbs says about each device. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <infiniband/verbs.h>

#include "transport/survey/files.h"
#include "transport/survey/parts.h"

/* Devices with virtual functions have some hundred GIDs a port; more than this are not shown. */
#define GIDS_MAX 1024

/* No device is known to send more inline; the search ends there. */
#define INLINE_MAX 4096

static const char *state_name(enum ibv_port_state state)
{
	static const char *const names[] = {
		[IBV_PORT_NOP] = "NOP",	      [IBV_PORT_DOWN] = "DOWN",
		[IBV_PORT_INIT] = "INIT",     [IBV_PORT_ARMED] = "ARMED",
		[IBV_PORT_ACTIVE] = "ACTIVE", [IBV_PORT_ACTIVE_DEFER] = "ACTIVE_DEFER",
	};

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

static unsigned mtu_bytes(enum ibv_mtu mtu)
{
	/* IBV_MTU_256 is 1, and each next one doubles. */
	return mtu >= IBV_MTU_256 && mtu <= IBV_MTU_4096 ? 128u << mtu : 0;
}

/* ---- Ports and GIDs ---- */

static void port_fill(struct ibv_context *context, unsigned number, struct vbi_survey_port *port)
{
	struct ibv_port_attr attr;

	port->number = number;
	vbi_text_copy(port->state, sizeof(port->state), "unknown");
	if (ibv_query_port(context, (uint8_t)number, &attr))
		return;
	vbi_text_copy(port->state, sizeof(port->state), state_name(attr.state));
	port->is_active = attr.state == IBV_PORT_ACTIVE;
	port->is_ethernet = attr.link_layer == IBV_LINK_LAYER_ETHERNET;
	port->mtu = mtu_bytes(attr.active_mtu);
	port->mtu_max = mtu_bytes(attr.max_mtu);
	port->message_max = attr.max_msg_sz;
}

static enum vbi_survey_gid_type gid_type(uint32_t type)
{
	switch (type) {
	case IBV_GID_TYPE_ROCE_V2:
		return VBI_GID_ROCE_V2;
	case IBV_GID_TYPE_ROCE_V1:
		return VBI_GID_ROCE_V1;
	default:
		return VBI_GID_IB;
	}
}

static void gid_fill(const struct ibv_gid_entry *entry, struct vbi_survey_gid *gid)
{
	gid->port = entry->port_num;
	gid->index = entry->gid_index;
	gid->type = gid_type(entry->gid_type);
	memcpy(gid->raw, entry->gid.raw, sizeof(gid->raw));
	vbi_survey_gid_text(gid->raw, gid->address);
	if (vbi_survey_gid_is_link_local(gid->raw))
		gid->place = VBI_PLACE_LINK_LOCAL;
	else
		gid->place = vbi_survey_address_is_here(gid->raw, NULL, 0) ? VBI_PLACE_HERE
									   : VBI_PLACE_ELSEWHERE;
}

static int ports_fill(struct ibv_context *context, unsigned n_ports,
		      struct vbi_survey_device *device)
{
	struct ibv_gid_entry *entries = calloc(GIDS_MAX, sizeof(*entries));
	ssize_t n_entries;

	device->ports = calloc(n_ports ? n_ports : 1, sizeof(*device->ports));
	if (!entries || !device->ports)
		goto no_memory;
	for (unsigned i = 0; i < n_ports; i++)
		port_fill(context, i + 1, &device->ports[device->n_ports++]);
	n_entries = ibv_query_gid_table(context, entries, GIDS_MAX, 0);
	if (n_entries > 0) {
		device->gids = calloc((size_t)n_entries, sizeof(*device->gids));
		if (!device->gids)
			goto no_memory;
		for (ssize_t i = 0; i < n_entries; i++)
			gid_fill(&entries[i], &device->gids[device->n_gids++]);
	}
	free(entries);
	return 0;

no_memory:
	free(entries);
	return -ENOMEM;
}

/* ---- A trial of what each connection needs ---- */

static struct ibv_qp *qp_make(struct ibv_pd *pd, struct ibv_cq *cq, unsigned inline_size)
{
	struct ibv_qp_init_attr attr = {
		.send_cq = cq,
		.recv_cq = cq,
		.cap = {.max_send_wr = 1,
			.max_recv_wr = 1,
			.max_send_sge = 1,
			.max_recv_sge = 1,
			.max_inline_data = inline_size},
		.qp_type = IBV_QPT_RC,
	};

	return ibv_create_qp(pd, &attr);
}

/* The largest inline size that a queue pair is made with. Drivers refuse what is above; none says
 * beforehand what that is. */
static unsigned inline_find(struct ibv_pd *pd, struct ibv_cq *cq)
{
	unsigned good = 0, bad = INLINE_MAX + 1;

	while (bad - good > 1) {
		unsigned middle = good + (bad - good) / 2;
		struct ibv_qp *qp = qp_make(pd, cq, middle);

		if (qp) {
			good = middle;
			ibv_destroy_qp(qp);
		} else {
			bad = middle;
		}
	}
	return good;
}

static void probe_fail(struct vbi_survey_device *device, const char *what)
{
	device->probe_errnum = errno ? errno : EIO;
	vbi_text_copy(device->probe_what, sizeof(device->probe_what), what);
}

static void probe(struct ibv_context *context, struct vbi_survey_device *device)
{
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_qp *qp;

	errno = 0;
	pd = ibv_alloc_pd(context);
	if (!pd) {
		probe_fail(device, "protection domain");
		return;
	}
	cq = ibv_create_cq(context, 2, NULL, NULL, 0);
	if (!cq) {
		probe_fail(device, "completion queue");
		goto no_cq;
	}
	qp = qp_make(pd, cq, 0);
	if (qp) {
		ibv_destroy_qp(qp);
		device->max_inline = inline_find(pd, cq);
	} else {
		probe_fail(device, "queue pair");
	}
	ibv_destroy_cq(cq);
no_cq:
	ibv_dealloc_pd(pd);
}

/* ---- Devices ---- */

/* Why the node cannot be opened: the library says ENOENT also where it is EACCES. */
static int node_errnum(const char *node, int errnum)
{
	char path[VBI_SURVEY_PATH];
	int fd;

	if (!node[0])
		return errnum;
	snprintf(path, sizeof(path), "/dev/infiniband/%s", node);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno;
	close(fd);
	return errnum;
}

static int device_fill(struct ibv_device *from, struct vbi_survey_device *device)
{
	struct ibv_context *context;
	struct ibv_device_attr attr;
	int result;

	device->is_known = true;
	device->is_iwarp = from->transport_type == IBV_TRANSPORT_IWARP;
	errno = 0;
	context = ibv_open_device(from);
	if (!context) {
		device->open_errnum = node_errnum(device->node, errno ? errno : EIO);
		return 0;
	}
	result = ibv_query_device(context, &attr);
	if (result) {
		device->open_errnum = result;
		ibv_close_device(context);
		return 0;
	}
	device->max_qp = (unsigned)attr.max_qp;
	device->max_qp_wr = (unsigned)attr.max_qp_wr;
	device->max_cqe = (unsigned)attr.max_cqe;
	device->max_srq = (unsigned)attr.max_srq;
	device->max_srq_wr = (unsigned)attr.max_srq_wr;
	device->max_rd_atomic = (unsigned)attr.max_qp_rd_atom;
	device->max_init_rd_atomic = (unsigned)attr.max_qp_init_rd_atom;
	device->has_window_2b = attr.device_cap_flags & IBV_DEVICE_MEM_WINDOW_TYPE_2B;
	device->has_send_inv = attr.device_cap_flags & IBV_DEVICE_MEM_MGT_EXTENSIONS;
	result = ports_fill(context, attr.phys_port_cnt, device);
	if (!result)
		probe(context, device);
	ibv_close_device(context);
	return result;
}

static struct vbi_survey_device *device_named(struct vbi_survey *survey, const char *name)
{
	for (size_t i = 0; i < survey->n_devices; i++) {
		if (strcmp(survey->devices[i].name, name) == 0)
			return &survey->devices[i];
	}
	return NULL;
}

static void fork_look(struct vbi_survey *survey)
{
	switch (ibv_is_fork_initialized()) {
	case IBV_FORK_DISABLED:
		survey->fork = VBI_FORK_UNSAFE;
		break;
	case IBV_FORK_ENABLED:
		survey->fork = VBI_FORK_PREPARED;
		break;
	case IBV_FORK_UNNEEDED:
		survey->fork = VBI_FORK_UNNEEDED;
		break;
	}
}

int vbi_survey_verbs(struct vbi_survey *survey)
{
	struct ibv_device **list;
	int n_listed = 0, result = 0;

	survey->has_verbs = true;
	list = ibv_get_device_list(&n_listed);
	for (int i = 0; list && i < n_listed && !result; i++) {
		struct vbi_survey_device *device = device_named(survey,
								ibv_get_device_name(list[i]));

		/* One that sysfs does not have has just appeared, or is past the bound. */
		if (device)
			result = device_fill(list[i], device);
	}
	if (list)
		ibv_free_device_list(list);
	/* Without a device there is nothing to ask, and what the library says means nothing. */
	if (n_listed > 0)
		fork_look(survey);
	return result;
}
