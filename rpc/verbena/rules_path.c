/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about what addresses pick, and about the calls that were tried. */
#include <errno.h>
#include <string.h>

#include "rpc/verbena/findings.h"

/* lo is no RDMA device, and cannot be made one of use to others. */
static void pick_loopback(const struct exam *exam, const struct vbi_survey_pick *pick,
			  struct findings *findings)
{
	char addresses[1][VBI_SURVEY_ADDRESS];
	struct finding *finding = finding_add(
		findings, SEVERITY_PROBLEM, "loopback-address",
		"%s is the loopback interface's, which has no RDMA device. Call this host by one "
		"of its RDMA addresses.",
		pick->host);

	if (vbi_survey_addresses(&exam->survey, addresses, 1) > 0)
		finding_mend(finding, "verbena doctor rdma://%s", addresses[0]);
}

/* A route, but not to RDMA. */
static void pick_without_device(const struct vbi_survey_pick *pick, struct findings *findings)
{
	struct finding *finding = finding_add(
		findings, SEVERITY_PROBLEM, "route-without-device",
		"The route to %s leaves through %s (source %s), and no RDMA device is on that "
		"interface.",
		pick->host, pick->route_netdev[0] ? pick->route_netdev : "an interface",
		pick->route_source);

	finding_mend(finding, "rdma link add rxe_%s type rxe netdev %s  # SoftRoCE on it",
		     pick->route_netdev[0] ? pick->route_netdev : "NETDEV",
		     pick->route_netdev[0] ? pick->route_netdev : "NETDEV");
	finding_mend(finding, "ip route add %s dev NETDEV  # or a route through an RDMA device",
		     pick->address);
}

static void pick_judge(const struct exam *exam, const struct vbi_survey_pick *pick,
		       struct findings *findings)
{
	struct finding *finding;

	switch (pick->errnum) {
	case 0:
		return;
	case ENODEV:
		if (strcmp(pick->route_netdev, "lo") == 0)
			pick_loopback(exam, pick, findings);
		else
			pick_without_device(pick, findings);
		return;
	case ENETUNREACH:
		finding = finding_add(findings, SEVERITY_PROBLEM, "no-route",
				      "There is no route to %s.", pick->host);
		finding_mend(finding, "ip route get %s", pick->address);
		finding_mend(finding, "ip route add %s dev NETDEV", pick->address);
		return;
	case ENOENT:
		finding = finding_add(findings, SEVERITY_PROBLEM, "no-name",
				      "The name %s stands for no address.", pick->host);
		finding_mend(finding, "getent ahosts %s  # what this host knows by that name",
			     pick->host);
		return;
	case EAGAIN:
		finding = finding_add(findings, SEVERITY_PROBLEM, "no-name",
				      "The name %s could not be looked up: no name server answers.",
				      pick->host);
		finding_mend(finding, "getent ahosts %s", pick->host);
		finding_mend(finding, "cat /etc/resolv.conf  # the name servers");
		return;
	case ETIMEDOUT:
	case EHOSTUNREACH:
		finding = finding_add(findings, SEVERITY_PROBLEM, "no-neighbour",
				      "%s does not answer through %s: %s, while trying to %s.",
				      pick->host,
				      pick->route_netdev[0] ? pick->route_netdev : "its route",
				      strerror(pick->errnum), pick->what);
		finding_mend(finding, "ping -c 3 %s", pick->address);
		finding_mend(finding, "ip neigh show %s", pick->address);
		return;
	default:
		finding =
			finding_add(findings, SEVERITY_PROBLEM, "not-resolved",
				    "%s is not resolved to an RDMA device: %s, while trying to %s.",
				    pick->host, strerror(pick->errnum), pick->what);
		finding_mend(finding, "ip route get %s  # the way there", pick->address);
		finding_mend(finding, "rdma link show  # and the devices");
	}
}

/* Without a device, a connection manager or a build with verbs nothing is picked, and that has been
 * said. */
void rule_picks(const struct exam *exam, struct findings *findings)
{
	const struct vbi_survey *survey = &exam->survey;

	for (size_t i = 0; i < exam->n_picks; i++) {
		const struct vbi_survey_pick *pick = &exam->picks[i];

		if (pick->address[0] && pick->route_source[0] &&
		    (!survey->has_verbs || survey->n_devices == 0 || survey->cm_errnum))
			continue;
		pick_judge(exam, pick, findings);
	}
}

/* What rxe needs after its gap has been met. */
static void deaf_mend(const struct vbi_survey *survey, const struct trial *trial,
		      struct finding *finding)
{
	for (size_t i = 0; i < survey->n_devices; i++) {
		const struct vbi_survey_device *device = &survey->devices[i];

		if (strcmp(device->name, trial->device) == 0 &&
		    strcmp(device->driver, "rxe") == 0 && device->n_ports > 0)
			finding_mend(finding,
				     "rdma link del %s && rdma link add %s type rxe netdev %s  "
				     "# deaf after a connect while its link was down?",
				     device->name, device->name, device->ports[0].netdev);
	}
}

static void trial_mends(const struct vbi_survey *survey, const struct trial *trial,
			struct finding *finding)
{
	switch (trial->errnum) {
	case ENOMEM:
		/* On this side, or on the side of a server that is us. */
		if (exam_address_is_rdma(trial->address) && survey->memlock != UINT64_MAX &&
		    !survey->is_memlock_exempt)
			memlock_mends(survey, finding);
		return;
	case ECONNREFUSED:
	case ENOENT:
		if (!trial->is_call)
			finding_mend(finding, "%s  # does a server listen there?",
				     exam_address_is_rdma(trial->address)
					     ? "rdma resource show cm_id"
					     : "ss -lx");
		return;
	case ETIMEDOUT:
		if (trial->is_call)
			deaf_mend(survey, trial, finding);
		if (exam_address_is_rdma(trial->address))
			finding_mend(finding, "nft list ruleset  "
					      "# RoCE v2 is UDP, destination port 4791");
		return;
	default:
		return;
	}
}

/* Where nothing better is known: where to look. */
static void last_mend(const struct trial *trial, struct finding *finding)
{
	if (trial->errnum == ENOMEM)
		finding_mend(finding, "free -m  # is there memory?");
	else if (exam_address_is_rdma(trial->address))
		finding_mend(finding, "dmesg | tail -n 20  # what the device's driver says");
	else
		finding_mend(finding, "ls -ld \"${XDG_RUNTIME_DIR:-/run/verbena}\"  "
				      "# the sockets' directory: may this user write there?");
}

void rule_trials(const struct exam *exam, struct findings *findings)
{
	struct finding *finding;

	for (size_t i = 0; i < exam->n_trials; i++) {
		const struct trial *trial = &exam->trials[i];

		if (!trial->errnum)
			continue;
		finding = finding_add(
			findings, SEVERITY_PROBLEM,
			trial->is_call ? "call-failed" : "connect-failed", "%s %s: %s failed: %s",
			trial->is_call ? "A call over" : "Connecting to", trial->address,
			trial->step,
			trial->sentence[0] ? trial->sentence : strerror(trial->errnum));
		trial_mends(&exam->survey, trial, finding);
		if (!finding->n_mends)
			last_mend(trial, finding);
	}
}
