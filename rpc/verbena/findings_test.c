/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule on a host that is made up: silent where all is well, heard where one thing is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/verbena/findings_scene.h"

static void all_is_well(void **state)
{
	(void)state;
	assert_true(exam_has_usable_port(&host.exam));
	nothing();
	host.exam.survey.n_devices = N_DEVICES;
	nothing();
}

/* ---- Host and process ---- */

static void built_without_verbs(void **state)
{
	(void)state;
	host.exam.survey.has_verbs = false;
	host.exam.survey.devices[0].is_known = false;
	only("built-without-verbs", SEVERITY_PROBLEM, "libibverbs", "apt-get install");
}

static void library_without_rdma(void **state)
{
	(void)state;
	host.exam.library_has_rdma = false;
	only("library-without-rdma", SEVERITY_PROBLEM, "no rdma://", "-Dtransports=");
}

static void no_device(void **state)
{
	(void)state;
	host.exam.survey.n_devices = 0;
	host.exam.n_picks = 0;
	only("no-device", SEVERITY_PROBLEM, "SoftRoCE", "rdma link add rxe0 type rxe netdev wan0");
	assert_string_equal(find("no-device")->mends[0], "modprobe rdma_rxe");
	/* Loaded: one command is enough. */
	host.exam.survey.has_rxe_module = true;
	only("no-device", SEVERITY_PROBLEM, "SoftRoCE", "rdma link add");
	assert_int_equal(find("no-device")->n_mends, 1);
}

static void no_device_and_no_module(void **state)
{
	(void)state;
	host.exam.survey.n_devices = 0;
	host.exam.survey.is_rxe_available = false;
	host.exam.survey.default_netdev[0] = '\0';
	/* Limits do not matter where there is no device. */
	host.exam.survey.memlock = 0;
	host.exam.survey.cm_errnum = ENOENT;
	host.exam.survey.fork = VBI_FORK_UNSAFE;
	host.exam.n_picks = 0;
	only("no-device", SEVERITY_PROBLEM, "6.1.0-test", "netdev NETDEV");
	/* First what does work here. */
	assert_non_null(strstr(find("no-device")->mends[0], "./dev vm "));
	/* A device may be there all the same, elsewhere. */
	host.exam.survey.is_netns_exclusive = true;
	only("no-device", SEVERITY_PROBLEM, "6.1.0-test", "rdma dev set DEVICE netns");
}

static void device_may_be_in_another_namespace(void **state)
{
	(void)state;
	host.exam.survey.n_devices = 0;
	host.exam.survey.is_netns_exclusive = true;
	host.exam.n_picks = 0;
	only("no-device", SEVERITY_PROBLEM, "SoftRoCE", "rdma dev set DEVICE netns");
}

static void no_uverbs(void **state)
{
	(void)state;
	host.exam.survey.has_uverbs_module = false;
	host.devices[0].is_known = false;
	only("no-uverbs", SEVERITY_PROBLEM, "not loaded", "modprobe ib_uverbs");
}

static void no_connection_manager_module(void **state)
{
	(void)state;
	host.exam.survey.has_ucm_module = false;
	host.exam.survey.cm_errnum = ENOENT;
	only("no-connection-manager", SEVERITY_PROBLEM, "not loaded", "modprobe rdma_ucm");
}

static void connection_manager_is_not_for_this_user(void **state)
{
	(void)state;
	host.exam.survey.cm_errnum = EACCES;
	only("no-connection-manager", SEVERITY_PROBLEM, "may not open", "chmod a+rw");
}

static void connection_manager_has_no_node(void **state)
{
	(void)state;
	host.exam.survey.cm_errnum = ENOENT;
	only("no-connection-manager", SEVERITY_PROBLEM, "No such file", "--device=");
}

static void memlock_is_too_small(void **state)
{
	(void)state;
	host.exam.survey.memlock = 64 << 10;
	only("memlock", SEVERITY_PROBLEM, "64 KiB", "ulimit -l unlimited");
	only("memlock", SEVERITY_PROBLEM, "ENOMEM", "LimitMEMLOCK=");
	/* A user cannot raise what is the hard limit too. */
	host.exam.survey.memlock_max = 64 << 10;
	only("memlock", SEVERITY_PROBLEM, "64 KiB", "prlimit");
	host.exam.survey.is_memlock_exempt = true;
	nothing();
}

static void memlock_bounds(void **state)
{
	(void)state;
	host.exam.survey.memlock = CONNECTION_MEMORY - 1;
	only("memlock", SEVERITY_PROBLEM, "one connection", "ulimit");
	host.exam.survey.memlock = CONNECTION_MEMORY;
	only("memlock-bulk", SEVERITY_NOTE, "what 1 connection", "ulimit");
	host.exam.survey.memlock_max = CONNECTION_MEMORY;
	only("memlock-bulk", SEVERITY_NOTE, "what 1 connection", "prlimit");
	assert_false(has_mend("memlock-bulk", "ulimit -l"));
	host.exam.survey.memlock_max = UINT64_MAX;
	host.exam.survey.memlock = CONNECTION_MEMORY + PIECE_MEMORY - 1;
	only("memlock-bulk", SEVERITY_NOTE, "fails with ENOMEM", "limits.conf");
	host.exam.survey.memlock = CONNECTION_MEMORY + PIECE_MEMORY;
	nothing();
}

static void fork_is_not_safe(void **state)
{
	(void)state;
	host.exam.survey.fork = VBI_FORK_UNSAFE;
	only("fork", SEVERITY_NOTE, "fork()", "RDMAV_FORK_SAFE=1");
	host.exam.survey.fork = VBI_FORK_PREPARED;
	nothing();
}

/* ---- Devices ---- */

static void no_provider(void **state)
{
	(void)state;
	host.devices[0].is_known = false;
	host.devices[0].n_ports = 0;
	only("no-provider", SEVERITY_PROBLEM, "driver mlx5_core", "ibverbs-providers");
	/* With another device it need not be mended. */
	host.exam.survey.n_devices = 2;
	only("no-provider", SEVERITY_NOTE, "mlx5_0", "ibverbs-providers");
	host.exam.survey.is_netns_exclusive = true;
	only("no-provider", SEVERITY_NOTE, "another network namespace", "rdma dev set mlx5_0");
}

static void device_is_not_for_this_user(void **state)
{
	(void)state;
	host.devices[0].open_errnum = EACCES;
	host.devices[0].n_ports = 0;
	only("device-access", SEVERITY_PROBLEM, "/dev/infiniband/uverbs0", "chmod a+rw");
}

static void device_has_no_node(void **state)
{
	(void)state;
	host.devices[0].open_errnum = ENOENT;
	host.devices[0].n_ports = 0;
	only("device-access", SEVERITY_PROBLEM, "No such file", "--device=/dev/infiniband/uverbs0");
}

static void iwarp_is_refused(void **state)
{
	(void)state;
	host.devices[0].is_iwarp = true;
	only("iwarp", SEVERITY_PROBLEM, "mlx5_0 is an iWARP device", "netdev nic0");
	host.exam.survey.n_devices = 2;
	only("iwarp", SEVERITY_NOTE, "refuses", "SoftRoCE");
}

static void trial_queue_is_not_made(void **state)
{
	(void)state;
	host.devices[0].probe_errnum = ENOMEM;
	snprintf(host.devices[0].probe_what, sizeof(host.devices[0].probe_what), "queue pair");
	only("trial-queue", SEVERITY_PROBLEM, "Cannot allocate memory", "dmesg");
	host.exam.survey.memlock = UINT64_MAX - 1;
	only("trial-queue", SEVERITY_PROBLEM, "RLIMIT_MEMLOCK", "ulimit -l");
	host.devices[0].probe_errnum = EINVAL;
	only("trial-queue", SEVERITY_PROBLEM, "does not make a queue pair", "dmesg");
	assert_null(strstr(find("trial-queue")->cause, "RLIMIT_MEMLOCK"));
}

static void no_shared_receive_queues(void **state)
{
	(void)state;
	host.devices[0].max_srq = 0;
	only("no-srq", SEVERITY_PROBLEM, "max_srq", "-d mlx5_0");
	host.devices[0].max_srq = 1;
	nothing();
}

static void no_reads(void **state)
{
	(void)state;
	host.devices[0].max_init_rd_atomic = 0;
	only("no-read", SEVERITY_PROBLEM, "max_qp_init_rd_atom", "-d mlx5_0");
	host.devices[0].max_init_rd_atomic = 1;
	nothing();
	host.devices[0].max_rd_atomic = 0;
	only("unreadable", SEVERITY_PROBLEM, "max_qp_rd_atom", "-d mlx5_0");
	host.devices[0].max_rd_atomic = 1;
	nothing();
}

static void gaps_of_softroce_are_named_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_DEVICES; i++)
		snprintf(host.devices[i].driver, sizeof(host.devices[i].driver), "rxe");
	host.exam.survey.n_devices = 2;
	only("driver-gaps", SEVERITY_NOTE, "SoftRoCE", "");
	assert_int_equal(findings.n, 1);
	assert_non_null(driver_gaps("rxe"));
	assert_null(driver_gaps("mlx5_core"));
	assert_null(driver_gaps(""));
}

/* ---- Ports ---- */

static void port_down(const char *state_name, const char *mend)
{
	host.ports[0].is_active = false;
	snprintf(host.ports[0].state, sizeof(host.ports[0].state), "%s", state_name);
	only("port-down", SEVERITY_PROBLEM, state_name, mend);
}

static void port_with_interface_down(void **state)
{
	(void)state;
	host.ports[0].netdev_is_up = false;
	port_down("DOWN", "ip link set nic0 up");
}

static void port_without_cable(void **state)
{
	(void)state;
	port_down("DOWN", "cable");
}

static void infiniband_without_subnet_manager(void **state)
{
	(void)state;
	host.ports[0].is_ethernet = false;
	host.ports[0].netdev[0] = '\0';
	port_down("INIT", "opensm");
	port_down("DOWN", "rdma link show");
}

static void one_port_of_two_down_is_a_note(void **state)
{
	(void)state;
	host.exam.survey.n_devices = 2;
	host.ports[0].is_active = false;
	only("port-down", SEVERITY_NOTE, "mlx5_0", "nic0");
	/* Also when the one that is left is of no use. */
	host.devices[1].is_iwarp = true;
	judge();
	assert_int_equal(find("port-down")->severity, SEVERITY_PROBLEM);
}

static void a_port_that_was_asked_for_has_to_be_up(void **state)
{
	(void)state;
	host.exam.survey.n_devices = 2;
	host.ports[0].is_active = false;
	snprintf(host.exam.asked, sizeof(host.exam.asked), "rdma://" ADDRESS);
	only("port-down", SEVERITY_PROBLEM, "mlx5_0", "nic0");
	/* Another one was. */
	snprintf(host.exam.picks[0].device, VBI_SURVEY_NAME, "mlx5_1");
	only("port-down", SEVERITY_NOTE, "mlx5_0", "nic0");
}

static void interface_in_another_namespace(void **state)
{
	(void)state;
	host.gids[0][1].place = VBI_PLACE_ELSEWHERE;
	host.ports[0].netdev_is_here = false;
	only("other-namespace", SEVERITY_PROBLEM, "nic0", "ip netns exec");
	/* What is down there is not ours to bring up. */
	host.ports[0].is_active = false;
	only("other-namespace", SEVERITY_PROBLEM, "nic0", "--network=host");
}

static void one_address_here_is_enough(void **state)
{
	(void)state;
	host.gids[0][0].place = VBI_PLACE_ELSEWHERE;
	nothing();
}

static void interface_without_address(void **state)
{
	(void)state;
	host.devices[0].n_gids = 1;
	only("no-address", SEVERITY_PROBLEM, "nic0 has no IP address", "dev nic0");
	host.devices[0].n_gids = 0;
	only("no-address", SEVERITY_PROBLEM, "nic0 has no IP address", "ip addr add");
}

static void roce_v1_only(void **state)
{
	(void)state;
	host.gids[0][0].type = VBI_GID_ROCE_V1;
	host.gids[0][1].type = VBI_GID_ROCE_V1;
	only("roce-v1-only", SEVERITY_PROBLEM, "RoCE v1", "cma_roce_mode -d mlx5_0 -p 1");
}

static void small_mtu(void **state)
{
	(void)state;
	host.ports[0].mtu = 1024;
	only("small-mtu", SEVERITY_NOTE, "could send 4096", "ip link set nic0 mtu");
	host.ports[0].mtu_max = 1024;
	nothing();
	host.ports[0].mtu_max = 4096;
	host.ports[0].mtu = 2048;
	nothing();
}

static void infiniband_without_ipoib(void **state)
{
	(void)state;
	host.ports[0].is_ethernet = false;
	host.gids[0][0].type = VBI_GID_IB;
	host.gids[0][1].type = VBI_GID_IB;
	/* An address leads to it. */
	nothing();
	host.exam.n_picks = 0;
	only("no-ipoib", SEVERITY_PROBLEM, "IPoIB", "modprobe ib_ipoib");
}

/* ---- Picks ---- */

static void pick_fails(int errnum)
{
	struct vbi_survey_pick *pick = &host.exam.picks[0];

	pick->errnum = errnum;
	pick->device[0] = '\0';
	snprintf(pick->what, sizeof(pick->what), "resolve the address");
}

static void route_without_device(void **state)
{
	(void)state;
	pick_fails(ENODEV);
	snprintf(host.exam.picks[0].route_netdev, VBI_SURVEY_NAME, "wan0");
	only("route-without-device", SEVERITY_PROBLEM, "leaves through wan0", "netdev wan0");
}

static void loopback_address(void **state)
{
	(void)state;
	pick_fails(ENODEV);
	snprintf(host.exam.picks[0].route_netdev, VBI_SURVEY_NAME, "lo");
	only("loopback-address", SEVERITY_PROBLEM, "loopback", "doctor rdma://" ADDRESS);
}

static void no_route(void **state)
{
	(void)state;
	pick_fails(ENETUNREACH);
	host.exam.picks[0].route_source[0] = '\0';
	only("no-route", SEVERITY_PROBLEM, "no route to " ADDRESS, "ip route get " ADDRESS);
}

static void no_name(void **state)
{
	(void)state;
	pick_fails(ENOENT);
	host.exam.picks[0].address[0] = '\0';
	only("no-name", SEVERITY_PROBLEM, "stands for no address", "getent ahosts");
	/* That is so whether there is a device or not. */
	host.exam.survey.n_devices = 0;
	judge();
	assert_non_null(find("no-name"));
	host.exam.picks[0].errnum = EAGAIN;
	judge();
	assert_non_null(strstr(find("no-name")->cause, "no name server answers"));
}

static void no_neighbour(void **state)
{
	(void)state;
	pick_fails(ETIMEDOUT);
	only("no-neighbour", SEVERITY_PROBLEM, "does not answer through nic0", "ping");
	pick_fails(EHOSTUNREACH);
	only("no-neighbour", SEVERITY_PROBLEM, "resolve the address", "ip neigh show");
}

static void not_resolved(void **state)
{
	(void)state;
	pick_fails(EINVAL);
	only("not-resolved", SEVERITY_PROBLEM, "Invalid argument", "ip route get " ADDRESS);
}

static void what_follows_from_no_device_is_not_said_again(void **state)
{
	(void)state;
	pick_fails(ENODEV);
	host.exam.survey.n_devices = 0;
	only("no-device", SEVERITY_PROBLEM, "SoftRoCE", "rdma link add");
}

/* ---- Trials ---- */

static void trial_fails(const char *address, bool is_call, int errnum)
{
	host.exam.trials[0] = (struct trial){
		.is_call = is_call, .errnum = errnum, .step = "connect", .sentence = "it is so"};
	snprintf(host.exam.trials[0].address, EXAM_ADDRESS, "%s", address);
}

static void call_fails(void **state)
{
	(void)state;
	trial_fails("shm://self", true, EACCES);
	only("call-failed", SEVERITY_PROBLEM, "shm://self: connect failed: it is so", "ls -ld");
	trial_fails("rdma://" ADDRESS, true, EIO);
	only("call-failed", SEVERITY_PROBLEM, "it is so", "dmesg");
	trial_fails("rdma://" ADDRESS, true, ETIMEDOUT);
	only("call-failed", SEVERITY_PROBLEM, "it is so", "4791");
	/* Is it the limit? */
	trial_fails("rdma://" ADDRESS, true, ENOMEM);
	only("call-failed", SEVERITY_PROBLEM, "it is so", "free");
	host.exam.survey.memlock = UINT64_MAX - 1;
	only("call-failed", SEVERITY_PROBLEM, "it is so", "ulimit -l");
	/* Nothing is in the way of shared memory. */
	trial_fails("shm://self", true, ETIMEDOUT);
	only("call-failed", SEVERITY_PROBLEM, "it is so", "XDG_RUNTIME_DIR");
}

static void who_asks_for_shared_memory_needs_no_device(void **state)
{
	(void)state;
	host.exam.survey.n_devices = 0;
	host.exam.n_picks = 0;
	snprintf(host.exam.asked, sizeof(host.exam.asked), "shm://self");
	only("no-device", SEVERITY_NOTE, "SoftRoCE", "rdma link add");
	trial_fails("shm://self", false, ENOENT);
	judge();
	assert_int_equal(find("connect-failed")->severity, SEVERITY_PROBLEM);
}

static void softroce_is_deaf(void **state)
{
	static const char mend[] =
		"rdma link del mlx5_0 && rdma link add mlx5_0 type rxe netdev nic0";

	(void)state;
	trial_fails("rdma://" ADDRESS, true, ETIMEDOUT);
	snprintf(host.exam.trials[0].device, VBI_SURVEY_NAME, "mlx5_0");
	snprintf(host.devices[0].driver, VBI_SURVEY_NAME, "rxe");
	judge();
	assert_true(has_mend("call-failed", mend));
	/* Somebody else's server may have reasons of its own. */
	trial_fails("rdma://" ADDRESS ":7", false, ETIMEDOUT);
	snprintf(host.exam.trials[0].device, VBI_SURVEY_NAME, "mlx5_0");
	judge();
	assert_false(has_mend("connect-failed", "link del"));
}

static void nobody_listens(void **state)
{
	(void)state;
	trial_fails("shm://other", false, ENOENT);
	only("connect-failed", SEVERITY_PROBLEM, "Connecting to shm://other", "ss -lx");
	trial_fails("rdma://" ADDRESS ":7", false, ECONNREFUSED);
	only("connect-failed", SEVERITY_PROBLEM, "it is so", "rdma resource show");
}

static void a_failure_without_a_sentence_has_its_errno(void **state)
{
	(void)state;
	trial_fails("shm://self", true, ENOMEM);
	host.exam.trials[0].sentence[0] = '\0';
	only("call-failed", SEVERITY_PROBLEM, "Cannot allocate memory", "free");
}

/* ---- The list ---- */

static void the_list_has_an_end(void **state)
{
	(void)state;
	findings.n = 0;
	for (unsigned i = 0; i < FINDINGS_MAX + 5; i++)
		finding_add(&findings, SEVERITY_PROBLEM, "rule", "number %u", i);
	assert_int_equal(findings.n, FINDINGS_MAX);
	assert_int_equal(findings_problems(&findings), FINDINGS_MAX);
}

#define ON_HOST(test) cmocka_unit_test_setup(test, host_make)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_HOST(all_is_well),
		ON_HOST(built_without_verbs),
		ON_HOST(library_without_rdma),
		ON_HOST(no_device),
		ON_HOST(no_device_and_no_module),
		ON_HOST(device_may_be_in_another_namespace),
		ON_HOST(no_uverbs),
		ON_HOST(no_connection_manager_module),
		ON_HOST(connection_manager_is_not_for_this_user),
		ON_HOST(connection_manager_has_no_node),
		ON_HOST(memlock_is_too_small),
		ON_HOST(memlock_bounds),
		ON_HOST(fork_is_not_safe),
		ON_HOST(no_provider),
		ON_HOST(device_is_not_for_this_user),
		ON_HOST(device_has_no_node),
		ON_HOST(iwarp_is_refused),
		ON_HOST(trial_queue_is_not_made),
		ON_HOST(no_shared_receive_queues),
		ON_HOST(no_reads),
		ON_HOST(gaps_of_softroce_are_named_once),
		ON_HOST(port_with_interface_down),
		ON_HOST(port_without_cable),
		ON_HOST(infiniband_without_subnet_manager),
		ON_HOST(one_port_of_two_down_is_a_note),
		ON_HOST(a_port_that_was_asked_for_has_to_be_up),
		ON_HOST(interface_in_another_namespace),
		ON_HOST(one_address_here_is_enough),
		ON_HOST(interface_without_address),
		ON_HOST(roce_v1_only),
		ON_HOST(small_mtu),
		ON_HOST(infiniband_without_ipoib),
		ON_HOST(route_without_device),
		ON_HOST(loopback_address),
		ON_HOST(no_route),
		ON_HOST(no_name),
		ON_HOST(no_neighbour),
		ON_HOST(not_resolved),
		ON_HOST(what_follows_from_no_device_is_not_said_again),
		ON_HOST(call_fails),
		ON_HOST(who_asks_for_shared_memory_needs_no_device),
		ON_HOST(softroce_is_deaf),
		ON_HOST(nobody_listens),
		ON_HOST(a_failure_without_a_sentence_has_its_errno),
		ON_HOST(the_list_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
