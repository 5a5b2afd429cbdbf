/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about devices. */
#include <errno.h>
#include <string.h>

#include "rpc/verbena/findings.h"

/* For what one device of several lacks, there may be another. */
static enum severity device_severity(const struct exam *exam)
{
	return exam_has_usable_port(exam) ? SEVERITY_NOTE : SEVERITY_PROBLEM;
}

static bool device_is_open(const struct vbi_survey_device *device)
{
	return device->is_known && !device->open_errnum;
}

void rule_provider(const struct exam *exam, struct findings *findings)
{
	const struct vbi_survey *survey = &exam->survey;
	struct finding *finding;

	/* Without uverbs libibverbs knows none, and another rule says so. */
	if (!survey->has_verbs || !survey->has_uverbs_module)
		return;
	for (size_t i = 0; i < survey->n_devices; i++) {
		const struct vbi_survey_device *device = &survey->devices[i];

		if (device->is_known)
			continue;
		finding = finding_add(findings, device_severity(exam), "no-provider",
				      "The kernel has %s (driver %s), but libibverbs does not list "
				      "it: %s.",
				      device->name, device->driver[0] ? device->driver : "unknown",
				      survey->is_netns_exclusive
					      ? "it may be in another network namespace"
					      : "it has no provider for such devices");
		if (survey->is_netns_exclusive)
			finding_mend(finding,
				     "rdma dev set %s netns $$  # to this shell's, from its own",
				     device->name);
		finding_mend(finding, "apt-get install ibverbs-providers");
	}
}

void rule_open(const struct exam *exam, struct findings *findings)
{
	struct finding *finding;

	for (size_t i = 0; i < exam->survey.n_devices; i++) {
		const struct vbi_survey_device *device = &exam->survey.devices[i];
		const char *node = device->node[0] ? device->node : "uverbs0";
		int errnum = device->open_errnum;

		if (!device->is_known || !errnum)
			continue;
		if (errnum == EACCES || errnum == EPERM) {
			finding = finding_add(findings, device_severity(exam), "device-access",
					      "This user may not open %s (/dev/infiniband/%s).",
					      device->name, node);
			finding_mend(finding,
				     "chmod a+rw /dev/infiniband/%s  "
				     "# lasting: the udev rules of rdma-core",
				     node);
		} else {
			finding = finding_add(findings, device_severity(exam), "device-access",
					      "Opening %s (/dev/infiniband/%s) fails: %s.",
					      device->name, node, strerror(errnum));
			finding_mend(finding, "udevadm trigger  # makes missing nodes");
		}
		finding_mend(finding,
			     "docker run --device=/dev/infiniband/%s ...  # in a container", node);
	}
}

/* Its Ethernet carries RoCE as well, made in software at both ends. */
static void iwarp_mend(const struct vbi_survey_device *device, struct finding *finding)
{
	const char *netdev = device->n_ports && device->ports[0].netdev[0] ? device->ports[0].netdev
									   : "NETDEV";

	finding_mend(
		finding,
		"rdma link add rxe_%s type rxe netdev %s  # SoftRoCE on its interface, at both "
		"ends",
		netdev, netdev);
}

void rule_iwarp(const struct exam *exam, struct findings *findings)
{
	for (size_t i = 0; i < exam->survey.n_devices; i++) {
		const struct vbi_survey_device *device = &exam->survey.devices[i];

		if (device->is_iwarp)
			iwarp_mend(device, finding_add(findings, device_severity(exam), "iwarp",
						       "%s is an iWARP device, and Verbena refuses "
						       "these: a READ there needs memory that the "
						       "other side may write.",
						       device->name));
	}
}

void rule_probe(const struct exam *exam, struct findings *findings)
{
	const struct vbi_survey *survey = &exam->survey;

	for (size_t i = 0; i < survey->n_devices; i++) {
		const struct vbi_survey_device *device = &survey->devices[i];
		bool is_memory = device->probe_errnum == ENOMEM && !survey->is_memlock_exempt &&
				 survey->memlock != UINT64_MAX;
		struct finding *finding;

		if (!device_is_open(device) || !device->probe_errnum)
			continue;
		finding = finding_add(findings, SEVERITY_PROBLEM, "trial-queue",
				      "%s does not make a %s, of the smallest size: %s%s.",
				      device->name, device->probe_what,
				      strerror(device->probe_errnum),
				      is_memory ? " (this may be RLIMIT_MEMLOCK)" : "");
		if (is_memory)
			memlock_mends(survey, finding);
		else
			finding_mend(finding, "dmesg | tail -n 20  # what its driver says of it");
	}
}

static void limits_mend(const struct vbi_survey_device *device, struct finding *finding)
{
	finding_mend(finding, "ibv_devinfo -v -d %s  # its limits, for its administrator",
		     device->name);
}

static void examine_reads(const struct vbi_survey_device *device, struct findings *findings)
{
	struct finding *finding;

	if (device->max_init_rd_atomic == 0) {
		finding = finding_add(findings, SEVERITY_PROBLEM, "no-read",
				      "%s cannot READ another host's memory (max_qp_init_rd_atom "
				      "is 0), and a server on it refuses its clients.",
				      device->name);
		limits_mend(device, finding);
	}
	if (device->max_rd_atomic == 0) {
		finding = finding_add(findings, SEVERITY_PROBLEM, "unreadable",
				      "%s lets no other host READ its memory (max_qp_rd_atom is "
				      "0), and servers refuse a client on it.",
				      device->name);
		limits_mend(device, finding);
	}
}

void rule_queues(const struct exam *exam, struct findings *findings)
{
	for (size_t i = 0; i < exam->survey.n_devices; i++) {
		const struct vbi_survey_device *device = &exam->survey.devices[i];

		if (!device_is_open(device) || device->is_iwarp)
			continue;
		if (device->max_srq == 0)
			limits_mend(device,
				    finding_add(findings, SEVERITY_PROBLEM, "no-srq",
						"%s has no shared receive queues (max_srq is 0), "
						"and a server on it refuses its clients. Some "
						"virtual functions are set up so; the device's "
						"administrator can change it.",
						device->name));
		examine_reads(device, findings);
	}
}

const char *const *driver_gaps(const char *driver)
{
	static const char *const rxe[] = {
		"invalidating a memory window that is not bound panics the kernel, and a peer can "
		"do it: never enable windows for peers that you do not trust",
		"a window's range is not enforced, only its region's",
		"SEND_WITH_INV is not tied to its connection: a peer can invalidate another's "
		"window",
		"IBV_WC_WITH_INV is never set in completions (IBV_WC_IP_CSUM_OK is, in its place)",
		"a retry count of 7 means for ever; Verbena asks for 6",
		"an error completion of a send does not wake a queue armed for solicited events",
		"a connect that is tried while the link is down leaves the device deaf: later ones "
		"time out until it is made anew",
		NULL,
	};

	return strcmp(driver, "rxe") == 0 ? rxe : NULL;
}

void rule_gaps(const struct exam *exam, struct findings *findings)
{
	for (size_t i = 0; i < exam->survey.n_devices; i++) {
		const struct vbi_survey_device *device = &exam->survey.devices[i];

		if (!device_is_open(device) || !driver_gaps(device->driver))
			continue;
		finding_add(findings, SEVERITY_NOTE, "driver-gaps",
			    "%s is SoftRoCE, for trying out and testing. Its memory windows have "
			    "known gaps, listed with the devices; Verbena exposes memory there by "
			    "registrations, never by windows unless forced.",
			    device->name);
		/* The gaps are the driver's: once is enough. */
		return;
	}
}
