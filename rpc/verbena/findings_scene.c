/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/verbena/findings_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct host host;
struct findings findings;

static void device_make(unsigned i)
{
	struct vbi_survey_device *device = &host.devices[i];

	*device = (struct vbi_survey_device){
		.driver = "mlx5_core",
		.is_known = true,
		.max_qp = 1000,
		.max_qp_wr = 8192,
		.max_cqe = 1 << 20,
		.max_srq = 1000,
		.max_srq_wr = 32767,
		.max_rd_atomic = 16,
		.max_init_rd_atomic = 16,
		.max_inline = 220,
		.ports = &host.ports[i],
		.n_ports = 1,
		.gids = host.gids[i],
		.n_gids = 2,
	};
	snprintf(device->name, sizeof(device->name), "mlx5_%u", i);
	snprintf(device->node, sizeof(device->node), "uverbs%u", i);
	host.ports[i] = (struct vbi_survey_port){
		.number = 1,
		.is_active = true,
		.is_ethernet = true,
		.state = "ACTIVE",
		.mtu = 4096,
		.mtu_max = 4096,
		.netdev_is_here = true,
		.netdev_is_up = true,
	};
	snprintf(host.ports[i].netdev, sizeof(host.ports[i].netdev), "nic%u", i);
	host.gids[i][0] = (struct vbi_survey_gid){
		.port = 1, .type = VBI_GID_ROCE_V2, .place = VBI_PLACE_LINK_LOCAL};
	host.gids[i][1] = (struct vbi_survey_gid){.port = 1,
						  .index = 1,
						  .type = VBI_GID_ROCE_V2,
						  .place = VBI_PLACE_HERE,
						  .address = ADDRESS};
}

int host_make(void **state)
{
	(void)state;
	memset(&host, 0, sizeof(host));
	for (unsigned i = 0; i < N_DEVICES; i++)
		device_make(i);
	host.exam.library_has_rdma = true;
	host.exam.survey = (struct vbi_survey){
		.has_verbs = true,
		.kernel = "6.1.0-test",
		.has_uverbs_module = true,
		.has_ucm_module = true,
		.is_rxe_available = true,
		.default_netdev = "wan0",
		.memlock = UINT64_MAX,
		.memlock_max = UINT64_MAX,
		.fork = VBI_FORK_UNNEEDED,
		.devices = host.devices,
		.n_devices = 1,
	};
	host.exam.picks[0] = (struct vbi_survey_pick){.host = ADDRESS,
						      .address = ADDRESS,
						      .route_netdev = "nic0",
						      .route_source = ADDRESS,
						      .device = "mlx5_0",
						      .port = 1};
	host.exam.n_picks = 1;
	host.exam.trials[0] = (struct trial){.address = "shm://self", .is_call = true};
	host.exam.n_trials = 1;
	return 0;
}

/* ---- Looking at what the rules say ---- */

const struct finding *find(const char *rule)
{
	for (size_t i = 0; i < findings.n; i++) {
		if (strcmp(findings.list[i].rule, rule) == 0)
			return &findings.list[i];
	}
	return NULL;
}

bool has_mend(const char *rule, const char *word)
{
	const struct finding *finding = find(rule);
	bool found = false;

	assert_non_null(finding);
	for (size_t i = 0; finding && i < finding->n_mends; i++)
		found |= strstr(finding->mends[i], word) != NULL;
	return found;
}

void judge(void)
{
	findings_judge(&host.exam, &findings);
	for (size_t i = 0; i < findings.n; i++)
		if (findings.list[i].severity == SEVERITY_PROBLEM && !findings.list[i].n_mends)
			fail_msg("%s says nothing of what to do", findings.list[i].rule);
}

void only(const char *rule, enum severity severity, const char *cause, const char *mend)
{
	const struct finding *finding;

	judge();
	for (size_t i = 0; i < findings.n; i++) {
		if (strcmp(findings.list[i].rule, rule) != 0)
			fail_msg("%s spoke: %s", findings.list[i].rule, findings.list[i].cause);
	}
	finding = find(rule);
	assert_non_null(finding);
	assert_int_equal(finding->severity, severity);
	if (!strstr(finding->cause, cause))
		fail_msg("no '%s' in: %s", cause, finding->cause);
	if (mend[0] && !has_mend(rule, mend))
		fail_msg("no '%s' among the mends of %s", mend, rule);
	if (!mend[0])
		assert_int_equal(finding->n_mends, 0);
}

void nothing(void)
{
	judge();
	if (findings.n)
		fail_msg("%s spoke: %s", findings.list[0].rule, findings.list[0].cause);
	assert_int_equal(findings_problems(&findings), 0);
}
