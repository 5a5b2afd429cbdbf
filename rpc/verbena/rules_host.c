/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about the host, the process and how Verbena was built. */
#include <errno.h>
#include <string.h>

#include "rpc/verbena/findings.h"

#define NODES "/dev/infiniband"

void rule_build(const struct exam *exam, struct findings *findings)
{
	struct finding *finding;

	if (exam->survey.has_verbs)
		return;
	finding = finding_add(findings, SEVERITY_PROBLEM, "built-without-verbs",
			      "This program was built without libibverbs and librdmacm, and cannot "
			      "look into devices.");
	finding_mend(finding, "apt-get install libibverbs-dev librdmacm-dev  "
			      "# then configure and build Verbena again");
}

void rule_library(const struct exam *exam, struct findings *findings)
{
	struct finding *finding;

	if (exam->library_has_rdma)
		return;
	finding = finding_add(findings, SEVERITY_PROBLEM, "library-without-rdma",
			      "The Verbena library in use has no rdma:// transport.");
	finding_mend(finding, "meson configure BUILD -Dtransports=shm,verbs && ninja -C BUILD  "
			      "# and install it");
}

/* In another network namespace there may be one, which is nearer than a new one. */
static void namespace_mend(const struct vbi_survey *survey, struct finding *finding)
{
	if (survey->is_netns_exclusive)
		finding_mend(finding, "rdma dev set DEVICE netns $$  "
				      "# this shell's, from the namespace that has it: each device "
				      "is in one");
}

/* What does not help here is not advised: without the module, others' kernels. */
static void no_device_nor_module(const struct vbi_survey *survey, struct findings *findings)
{
	struct finding *finding = finding_add(
		findings, SEVERITY_PROBLEM, "no-device",
		"There is no RDMA device, and the kernel %s has no module rdma_rxe here to make "
		"one in software (SoftRoCE). Verbena's source tree has a virtual machine with a "
		"device, for any host (docs/vm.md there). If this is a container, its host may "
		"have the module.",
		survey->kernel);

	namespace_mend(survey, finding);
	finding_mend(finding, "./dev vm 'COMMAND'  # in Verbena's source tree");
	finding_mend(finding, "modprobe rdma_rxe && rdma link add rxe0 type rxe netdev NETDEV  "
			      "# on a container's host");
}

/* SoftRoCE: any Ethernet interface becomes an RDMA device. */
void rule_no_device(const struct exam *exam, struct findings *findings)
{
	const struct vbi_survey *survey = &exam->survey;
	const char *netdev = survey->default_netdev[0] ? survey->default_netdev : "NETDEV";
	struct finding *finding;

	if (survey->n_devices > 0)
		return;
	if (!survey->is_rxe_available) {
		no_device_nor_module(survey, findings);
		return;
	}
	finding = finding_add(findings, SEVERITY_PROBLEM, "no-device",
			      "There is no RDMA device. SoftRoCE makes one in software, of a "
			      "network interface.");
	namespace_mend(survey, finding);
	if (!survey->has_rxe_module)
		finding_mend(finding, "modprobe rdma_rxe");
	finding_mend(finding, "rdma link add rxe0 type rxe netdev %s", netdev);
}

void rule_uverbs(const struct exam *exam, struct findings *findings)
{
	struct finding *finding;

	if (exam->survey.n_devices == 0 || exam->survey.has_uverbs_module)
		return;
	finding = finding_add(findings, SEVERITY_PROBLEM, "no-uverbs",
			      "The kernel has RDMA devices, but the module that lets programs use "
			      "them is not loaded.");
	finding_mend(finding, "modprobe ib_uverbs");
}

void rule_cm(const struct exam *exam, struct findings *findings)
{
	const struct vbi_survey *survey = &exam->survey;
	struct finding *finding;

	if (survey->n_devices == 0 || !survey->cm_errnum)
		return;
	if (!survey->has_ucm_module) {
		finding = finding_add(findings, SEVERITY_PROBLEM, "no-connection-manager",
				      "The module through which programs connect is not loaded.");
		finding_mend(finding, "modprobe rdma_ucm");
	} else if (survey->cm_errnum == EACCES || survey->cm_errnum == EPERM) {
		finding = finding_add(findings, SEVERITY_PROBLEM, "no-connection-manager",
				      "This user may not open " NODES "/rdma_cm.");
		finding_mend(finding, "chmod a+rw " NODES "/rdma_cm  "
				      "# lasting: the udev rules of rdma-core");
		finding_mend(finding, "docker run --device=" NODES "/rdma_cm ...  "
				      "# in a container");
	} else {
		finding = finding_add(findings, SEVERITY_PROBLEM, "no-connection-manager",
				      "Opening " NODES "/rdma_cm fails: %s.",
				      strerror(survey->cm_errnum));
		finding_mend(finding, "udevadm trigger  # makes missing nodes");
		finding_mend(finding, "docker run --device=" NODES "/rdma_cm ...  "
				      "# in a container");
	}
}

void memlock_mends(const struct vbi_survey *survey, struct finding *finding)
{
	if (survey->memlock_max >= CONNECTION_MEMORY && survey->memlock_max > survey->memlock)
		finding_mend(finding, "ulimit -l %s  # in this shell",
			     survey->memlock_max == UINT64_MAX ? "unlimited" : "hard");
	else
		finding_mend(finding, "sudo prlimit --pid $$ --memlock=unlimited:unlimited  "
				      "# this shell, by root");
	finding_mend(finding, "LimitMEMLOCK=infinity  # in [Service] of a systemd unit");
	finding_mend(finding, "USER - memlock unlimited  "
			      "# a line of /etc/security/limits.conf; log in again");
	finding_mend(finding, "docker run --ulimit memlock=-1 ...  # in a container");
}

/* Only where there is a device: nothing else locks memory. */
void rule_memlock(const struct exam *exam, struct findings *findings)
{
	const struct vbi_survey *survey = &exam->survey;
	struct finding *finding;

	if (survey->n_devices == 0 || survey->is_memlock_exempt)
		return;
	if (survey->memlock < CONNECTION_MEMORY) {
		finding = finding_add(
			findings, SEVERITY_PROBLEM, "memlock",
			"This process may lock %llu KiB of memory (RLIMIT_MEMLOCK), and one "
			"connection needs about %u KiB. What goes wrong is an ENOMEM from "
			"registration, or from making a queue.",
			(unsigned long long)(survey->memlock >> 10), CONNECTION_MEMORY >> 10);
		memlock_mends(survey, finding);
	} else if (survey->memlock < CONNECTION_MEMORY + PIECE_MEMORY) {
		finding = finding_add(
			findings, SEVERITY_NOTE, "memlock-bulk",
			"This process may lock %llu KiB of memory (RLIMIT_MEMLOCK), what %llu "
			"connection(s) need. Large buffers are locked beside them: a call for "
			"whose buffer there is no room fails with ENOMEM, at the client or at the "
			"server.",
			(unsigned long long)(survey->memlock >> 10),
			(unsigned long long)(survey->memlock / CONNECTION_MEMORY));
		memlock_mends(survey, finding);
	}
}

void rule_fork(const struct exam *exam, struct findings *findings)
{
	struct finding *finding;

	if (exam->survey.n_devices == 0 || exam->survey.fork != VBI_FORK_UNSAFE)
		return;
	finding = finding_add(findings, SEVERITY_NOTE, "fork",
			      "On this kernel a fork() after memory was registered can take that "
			      "memory away from the parent (Linux 5.12 and later copy it for the "
			      "child).");
	finding_mend(finding, "export RDMAV_FORK_SAFE=1  # for a program that forks");
	finding_mend(finding, "export RDMAV_HUGEPAGES_SAFE=1  # besides, if it uses huge pages");
}
