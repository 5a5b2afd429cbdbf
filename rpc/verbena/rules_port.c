/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about ports, their interfaces and GIDs. */
#include <string.h>

#include "rpc/verbena/findings.h"

/* The RDMA MTU over Ethernet frames of 1500 bytes. */
#define SMALL_MTU 1024

/* Interface MTU that carries an RDMA MTU of 4096 and its headers, and that most cards can. */
#define GOOD_NETDEV_MTU 4500

typedef void port_fn(const struct exam *exam, const struct vbi_survey_device *device,
		     const struct vbi_survey_port *port, struct findings *findings);

/* iWARP ports are of no use, whatever their state. */
static void ports_walk(const struct exam *exam, struct findings *findings, port_fn *visit)
{
	for (size_t i = 0; i < exam->survey.n_devices; i++) {
		const struct vbi_survey_device *device = &exam->survey.devices[i];

		for (size_t k = 0; k < device->n_ports && !device->is_iwarp; k++)
			visit(exam, device, &device->ports[k], findings);
	}
}

/* A port of a card may be left without a cable on purpose, if another is there to be used and this
 * one was not asked for. */
static enum severity port_severity(const struct exam *exam, const struct vbi_survey_port *port)
{
	if (exam->asked[0] && exam->n_picks && pick_port(&exam->survey, &exam->picks[0]) == port)
		return SEVERITY_PROBLEM;
	return exam_has_usable_port(exam) ? SEVERITY_NOTE : SEVERITY_PROBLEM;
}

/* How many GIDs the port has of a kind. */
struct gid_count {
	unsigned here;	    /* IP addresses of ours, RoCE v2 */
	unsigned here_v1;   /* the same, RoCE v1 */
	unsigned elsewhere; /* IP addresses that no interface here has */
	unsigned v2;	    /* of RoCE v2, whatever the address */
};

static struct gid_count gids_count(const struct vbi_survey_device *device, unsigned port)
{
	struct gid_count count = {0};

	for (size_t i = 0; i < device->n_gids; i++) {
		const struct vbi_survey_gid *gid = &device->gids[i];

		if (gid->port != port)
			continue;
		count.v2 += gid->type == VBI_GID_ROCE_V2;
		count.elsewhere += gid->place == VBI_PLACE_ELSEWHERE;
		count.here += gid->place == VBI_PLACE_HERE && gid->type == VBI_GID_ROCE_V2;
		count.here_v1 += gid->place == VBI_PLACE_HERE && gid->type == VBI_GID_ROCE_V1;
	}
	return count;
}

static bool is_elsewhere(const struct vbi_survey_device *device, const struct vbi_survey_port *port)
{
	struct gid_count count = gids_count(device, port->number);

	return port->is_ethernet && count.here + count.here_v1 == 0 &&
	       (count.elsewhere > 0 || (port->netdev[0] && !port->netdev_is_here));
}

static void port_judge(const struct exam *exam, const struct vbi_survey_device *device,
		       const struct vbi_survey_port *port, struct findings *findings)
{
	struct finding *finding;

	/* The interface of another namespace is not ours to bring up. */
	if (port->is_active || is_elsewhere(device, port))
		return;
	finding = finding_add(findings, port_severity(exam, port), "port-down",
			      "Port %u of %s is %s, not ACTIVE.", port->number, device->name,
			      port->state);
	if (port->netdev[0] && !port->netdev_is_up)
		finding_mend(finding, "ip link set %s up", port->netdev);
	else if (port->netdev[0])
		finding_mend(finding, "ethtool %s  # the interface is up: cable, switch?",
			     port->netdev);
	else if (!port->is_ethernet && strcmp(port->state, "INIT") == 0)
		finding_mend(finding, "systemctl start opensm  "
				      "# on one host of the fabric: it has no subnet manager");
	else
		finding_mend(finding, "rdma link show  # cable, switch, driver?");
}

void rule_port(const struct exam *exam, struct findings *findings)
{
	ports_walk(exam, findings, port_judge);
}

static void namespace_judge(const struct exam *exam, const struct vbi_survey_device *device,
			    const struct vbi_survey_port *port, struct findings *findings)
{
	const char *netdev = port->netdev[0] ? port->netdev : "its interface";
	struct finding *finding;

	if (!is_elsewhere(device, port))
		return;
	finding = finding_add(findings, port_severity(exam, port), "other-namespace",
			      "Port %u of %s is seen here, but %s is in another network namespace: "
			      "none of its addresses is of this one.",
			      port->number, device->name, netdev);
	finding_mend(finding, "ip netns exec NAME verbena doctor  # run where the interface is");
	finding_mend(finding, "ip link set %s netns $$  # or, from there, move it to this shell's",
		     port->netdev[0] ? port->netdev : "NETDEV");
	finding_mend(finding, "docker run --network=host ...  # in a container");
}

void rule_namespace(const struct exam *exam, struct findings *findings)
{
	ports_walk(exam, findings, namespace_judge);
}

static void gids_judge(const struct exam *exam, const struct vbi_survey_device *device,
		       const struct vbi_survey_port *port, struct findings *findings)
{
	struct gid_count count = gids_count(device, port->number);
	struct finding *finding;

	/* What is down has no addresses; that is another rule's. */
	if (!port->is_ethernet || !port->is_active || count.here || is_elsewhere(device, port))
		return;
	if (count.here_v1) {
		finding = finding_add(
			findings, port_severity(exam, port), "roce-v1-only",
			"Port %u of %s has GIDs of RoCE v1 only, which routers drop.%s",
			port->number, device->name,
			count.v2 ? "" : " The card or its driver may know nothing newer.");
		finding_mend(finding, "cma_roce_mode -d %s -p %u -m 2  # RoCE v2, if it can",
			     device->name, port->number);
		return;
	}
	finding = finding_add(findings, port_severity(exam, port), "no-address",
			      "Port %u of %s is active, but %s has no IP address, and so the port "
			      "no GID that rdma:// can use.",
			      port->number, device->name,
			      port->netdev[0] ? port->netdev : "its interface");
	finding_mend(finding, "ip addr add ADDRESS/24 dev %s  # an address of your network",
		     port->netdev[0] ? port->netdev : "NETDEV");
}

void rule_gids(const struct exam *exam, struct findings *findings)
{
	ports_walk(exam, findings, gids_judge);
}

static void mtu_judge(const struct exam *exam, const struct vbi_survey_device *device,
		      const struct vbi_survey_port *port, struct findings *findings)
{
	struct finding *finding;

	(void)exam;
	if (!port->is_active || !port->is_ethernet || !port->mtu || port->mtu > SMALL_MTU ||
	    port->mtu_max <= port->mtu)
		return;
	finding = finding_add(findings, SEVERITY_NOTE, "small-mtu",
			      "Port %u of %s sends %u bytes a packet and could send %u: large "
			      "buffers travel faster so. The whole path has to carry it.",
			      port->number, device->name, port->mtu, port->mtu_max);
	finding_mend(finding, "ip link set %s mtu %u", port->netdev[0] ? port->netdev : "NETDEV",
		     GOOD_NETDEV_MTU);
}

void rule_mtu(const struct exam *exam, struct findings *findings)
{
	ports_walk(exam, findings, mtu_judge);
}

static void ipoib_judge(const struct exam *exam, const struct vbi_survey_device *device,
			const struct vbi_survey_port *port, struct findings *findings)
{
	struct finding *finding;

	if (!port->is_active || port->is_ethernet || device->open_errnum)
		return;
	for (size_t i = 0; i < exam->n_picks; i++) {
		if (strcmp(exam->picks[i].device, device->name) == 0)
			return;
	}
	finding = finding_add(findings, exam->n_picks ? SEVERITY_NOTE : SEVERITY_PROBLEM,
			      "no-ipoib",
			      "Port %u of %s is InfiniBand, and no IP address leads to it: rdma:// "
			      "finds InfiniBand ports by the addresses of IPoIB interfaces.",
			      port->number, device->name);
	finding_mend(finding, "modprobe ib_ipoib");
	finding_mend(finding, "ip addr add ADDRESS/24 dev ib0 && ip link set ib0 up");
}

void rule_ipoib(const struct exam *exam, struct findings *findings)
{
	ports_walk(exam, findings, ipoib_judge);
}
