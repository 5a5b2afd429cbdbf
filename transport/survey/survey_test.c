/* SPDX-License-Identifier: Apache-2.0 */
/* The survey of hosts that are made up of files, and of this one where any host is the same. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/survey/parts.h"
#include "transport/survey/survey.h"

#define PATH_BYTES 512

static char root[64];

static int root_make(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/verbena-survey-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int entry_remove(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	(void)st;
	(void)kind;
	(void)walk;
	return remove(path);
}

static int root_remove(void **state)
{
	(void)state;
	return nftw(root, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path below the root, with the folders that lead there. */
static void path_make(char *path, const char *name)
{
	snprintf(path, PATH_BYTES, "%s%s", root, name);
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(path, 0700) < 0)
			assert_int_equal(errno, EEXIST);
		*slash = '/';
	}
}

static void put(const char *name, const char *text)
{
	char path[PATH_BYTES];
	FILE *file;

	path_make(path, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void put_link(const char *name, const char *target)
{
	char path[PATH_BYTES];

	path_make(path, name);
	assert_int_equal(symlink(target, path), 0);
}

static struct vbi_survey take(void)
{
	struct vbi_survey survey;

	assert_int_equal(vbi_survey_take(root, &survey), 0);
	return survey;
}

/* ---- Devices ---- */

static void an_empty_host_has_nothing(void **state)
{
	struct vbi_survey survey = take();

	(void)state;
	assert_int_equal(survey.n_devices, 0);
	assert_false(survey.has_uverbs_module);
	assert_false(survey.has_ucm_module);
	assert_false(survey.is_rxe_available);
	assert_int_equal(survey.cm_errnum, ENOENT);
	assert_string_equal(survey.default_netdev, "");
	assert_int_equal(survey.huge_page_size, 0);
	vbi_survey_free(&survey);
}

static void devices_come_by_name_with_driver_and_node(void **state)
{
	struct vbi_survey survey;

	(void)state;
	put("/sys/class/infiniband/mlx5_1/node_type", "1: CA\n");
	put_link("/sys/class/infiniband/mlx5_1/device/driver",
		 "../../../bus/pci/drivers/mlx5_core");
	put("/sys/class/infiniband/mlx5_0/node_type", "1: CA\n");
	put("/sys/class/infiniband_verbs/abi_version", "6\n");
	put("/sys/class/infiniband_verbs/uverbs3/ibdev", "mlx5_1\n");
	put("/sys/class/infiniband_verbs/uverbs4/ibdev", "mlx5_10\n");
	survey = take();
	assert_int_equal(survey.n_devices, 2);
	assert_string_equal(survey.devices[0].name, "mlx5_0");
	assert_string_equal(survey.devices[0].driver, "");
	assert_string_equal(survey.devices[0].node, "");
	assert_string_equal(survey.devices[1].name, "mlx5_1");
	assert_string_equal(survey.devices[1].driver, "mlx5_core");
	assert_string_equal(survey.devices[1].node, "uverbs3");
	assert_false(survey.devices[1].is_iwarp);
	/* Only libibverbs lists devices, and it is asked about this host only. */
	assert_false(survey.devices[1].is_known);
	assert_true(survey.has_uverbs_module);
	vbi_survey_free(&survey);
}

/* Older kernels give rxe the card's own driver as its `device`. */
static void rxe_is_known_by_its_parent(void **state)
{
	struct vbi_survey survey;

	(void)state;
	put("/sys/class/infiniband/anything/parent", "eth7\n");
	put_link("/sys/class/infiniband/anything/device/driver", "../../bus/pci/drivers/e1000");
	survey = take();
	assert_int_equal(survey.n_devices, 1);
	assert_string_equal(survey.devices[0].driver, "rxe");
	vbi_survey_free(&survey);
}

static void siw_describes_itself_and_is_iwarp(void **state)
{
	struct vbi_survey survey;

	(void)state;
	put("/sys/class/infiniband/siw0/node_desc", "Software iWARP stack\n");
	put("/sys/class/infiniband/siw0/node_type", "4: RNIC\n");
	put_link("/sys/class/infiniband/siw0/device/driver", "../../bus/pci/drivers/e1000");
	survey = take();
	assert_string_equal(survey.devices[0].driver, "siw");
	assert_true(survey.devices[0].is_iwarp);
	vbi_survey_free(&survey);
}

static void no_more_devices_than_the_bound(void **state)
{
	struct vbi_survey survey;
	char name[PATH_BYTES];

	(void)state;
	for (unsigned i = 0; i < VBI_SURVEY_DEVICES_MAX + 3; i++) {
		snprintf(name, sizeof(name), "/sys/class/infiniband/d%03u/node_type", i);
		put(name, "1: CA\n");
	}
	survey = take();
	assert_int_equal(survey.n_devices, VBI_SURVEY_DEVICES_MAX);
	vbi_survey_free(&survey);
}

/* ---- Modules ---- */

static void modules_are_loaded_or_can_be(void **state)
{
	struct vbi_survey survey;

	(void)state;
	put("/proc/sys/kernel/osrelease", "6.1.0-test\n");
	put("/sys/module/rdma_ucm/refcnt", "0\n");
	put("/lib/modules/6.1.0-test/modules.dep",
	    "kernel/a.ko: kernel/b.ko\nkernel/sw/rxe/rdma_rxe.ko.xz: kernel/ib_core.ko.xz\n");
	survey = take();
	assert_string_equal(survey.kernel, "6.1.0-test");
	assert_true(survey.has_ucm_module);
	assert_false(survey.has_uverbs_module);
	assert_false(survey.has_rxe_module);
	assert_true(survey.is_rxe_available);
	vbi_survey_free(&survey);
}

static void a_module_that_others_name_is_not_there(void **state)
{
	struct vbi_survey survey;
	char line[2048];
	size_t length;

	(void)state;
	/* Also where a long line is read in parts. */
	length = (size_t)snprintf(line, sizeof(line), "kernel/a.ko:");
	while (length < 1500)
		length += (size_t)snprintf(line + length, sizeof(line) - length,
					   " kernel/sw/rxe/rdma_rxe.ko");
	snprintf(line + length, sizeof(line) - length, "\n");
	put("/proc/sys/kernel/osrelease", "6.1.0-test\n");
	put("/lib/modules/6.1.0-test/modules.dep", line);
	survey = take();
	assert_false(survey.is_rxe_available);
	vbi_survey_free(&survey);
}

static void a_module_of_another_kernel_is_not_there(void **state)
{
	struct vbi_survey survey;

	(void)state;
	put("/proc/sys/kernel/osrelease", "6.1.0-other\n");
	put("/lib/modules/6.1.0-test/modules.dep", "kernel/rdma_rxe.ko:\n");
	survey = take();
	assert_false(survey.is_rxe_available);
	vbi_survey_free(&survey);
}

static void what_is_built_in_needs_no_loading(void **state)
{
	struct vbi_survey survey;

	(void)state;
	put("/proc/sys/kernel/osrelease", "6.1.0-test\n");
	put("/lib/modules/6.1.0-test/modules.builtin", "kernel/sw/rxe/rdma_rxe.ko\n");
	survey = take();
	assert_true(survey.has_rxe_module);
	assert_true(survey.is_rxe_available);
	vbi_survey_free(&survey);
}

static void devices_of_one_namespace_each(void **state)
{
	static const char mode[] = "/sys/module/ib_core/parameters/netns_mode";
	struct vbi_survey survey;

	(void)state;
	put(mode, "Y\n");
	survey = take();
	assert_false(survey.is_netns_exclusive);
	vbi_survey_free(&survey);
	put(mode, "N\n");
	survey = take();
	assert_true(survey.is_netns_exclusive);
	vbi_survey_free(&survey);
}

/* ---- Interfaces ---- */

#define ROUTE_HEADING \
	"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

static void the_default_route_of_least_metric_names_the_interface(void **state)
{
	struct vbi_survey survey;

	(void)state;
	put("/proc/net/route",
	    ROUTE_HEADING "lan0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n"
			  "wan1\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
			  "wan0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
			  "off0\t00000000\t010200C0\t0002\t0\t0\t1\t00000000\t0\t0\t0\n");
	survey = take();
	assert_string_equal(survey.default_netdev, "wan0");
	vbi_survey_free(&survey);
}

static void a_host_of_ipv6_only_has_one_too(void **state)
{
	struct vbi_survey survey;

	(void)state;
	put("/proc/net/route", ROUTE_HEADING);
	put("/proc/net/ipv6_route",
	    "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 "
	    "00000000000000000000000000000000 00000100 00000001 00000000 00000001     lan0\n"
	    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
	    "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n"
	    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
	    "fd000000000000000000000000000001 00000400 00000001 00000000 00000003     wan6\n");
	survey = take();
	assert_string_equal(survey.default_netdev, "wan6");
	vbi_survey_free(&survey);
}

static void without_a_route_an_interface_that_is_up(void **state)
{
	struct vbi_survey survey;

	(void)state;
	put("/sys/class/net/aaa0/flags", "0x1002\n");
	put("/sys/class/net/lo/flags", "0x9\n");
	put("/sys/class/net/nic1/flags", "0x1003\n");
	put("/sys/class/net/nic0/flags", "0x1003\n");
	survey = take();
	assert_string_equal(survey.default_netdev, "nic0");
	vbi_survey_free(&survey);
}

/* ---- Memory ---- */

static void huge_pages_are_counted(void **state)
{
	struct vbi_survey survey;

	(void)state;
	put("/proc/meminfo", "MemTotal: 1 kB\nHugePages_Total:      12\nHugePages_Free:        7\n"
			     "HugePages_Rsvd:        0\nHugepagesize:       2048 kB\n");
	survey = take();
	assert_int_equal(survey.huge_pages, 12);
	assert_int_equal(survey.huge_pages_free, 7);
	assert_int_equal(survey.huge_page_size, 2048 * 1024);
	vbi_survey_free(&survey);
}

static bool exempt_with(const char *capabilities, const char *map)
{
	struct vbi_survey survey;
	bool result;

	put("/proc/self/status", capabilities);
	put("/proc/self/uid_map", map);
	survey = take();
	result = survey.is_memlock_exempt;
	vbi_survey_free(&survey);
	return result;
}

static void the_capability_counts_in_the_first_user_namespace_only(void **state)
{
	static const char first[] = "         0          0 4294967295\n";
	static const char held[] = "Name: a\nCapInh: 0\nCapEff:\t0000000000004000\n";

	(void)state;
	assert_true(exempt_with(held, first));
	assert_false(exempt_with("CapEff:\t000001ffffffbfff\n", first));
	assert_false(exempt_with(held, "         0       1000          1\n"));
	assert_false(exempt_with(held, "         0     100000 4294967295\n"));
}

/* ---- Addresses ---- */

static void gids_are_shown_as_addresses(void **state)
{
	static const uint8_t v4[16] = {[10] = 0xff, 0xff, 10, 77, 0, 1};
	static const uint8_t local[16] = {0xfe, 0x80, [15] = 7};
	static const uint8_t v6[16] = {0xfd, [15] = 5};
	char text[VBI_SURVEY_ADDRESS];

	(void)state;
	vbi_survey_gid_text(v4, text);
	assert_string_equal(text, "10.77.0.1");
	vbi_survey_gid_text(v6, text);
	assert_string_equal(text, "fd00::5");
	assert_true(vbi_survey_gid_is_link_local(local));
	assert_false(vbi_survey_gid_is_link_local(v4));
	assert_false(vbi_survey_gid_is_link_local(v6));
}

static void this_host_has_its_loopback_address_and_no_other(void **state)
{
	static const uint8_t here[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
	static const uint8_t nowhere[16] = {[10] = 0xff, 0xff, 203, 0, 113, 77};
	char netdev[VBI_SURVEY_NAME] = "";

	(void)state;
	assert_true(vbi_survey_address_is_here(here, netdev, sizeof(netdev)));
	assert_string_not_equal(netdev, "");
	assert_false(vbi_survey_address_is_here(nowhere, NULL, 0));
}

static void the_route_to_itself_is_its_own_address(void **state)
{
	struct vbi_survey_pick pick = {0};
	struct vbi_survey_targets targets;

	(void)state;
	assert_int_equal(vbi_survey_look_up("127.0.0.1", &targets), 0);
	assert_int_equal(targets.n, 1);
	assert_int_equal(vbi_survey_route((const struct sockaddr *)&targets.list[0], &pick), 0);
	assert_true(pick.is_local);
	assert_string_equal(pick.address, "127.0.0.1");
	assert_string_equal(pick.route_source, "127.0.0.1");
}

static void a_link_local_address_keeps_its_interface(void **state)
{
	struct vbi_survey_targets targets;
	char text[VBI_SURVEY_ADDRESS];

	(void)state;
	assert_int_equal(vbi_survey_look_up("fe80::7%lo", &targets), 0);
	vbi_survey_address_text((const struct sockaddr *)&targets.list[0], text);
	assert_string_equal(text, "fe80::7%lo");
}

/* A look-up that fails has no address, and says so. */
static void what_stands_for_nothing_is_not_picked(void **state)
{
	const struct vbi_survey survey = {0};
	struct vbi_survey_targets targets;
	struct vbi_survey_pick pick;

	(void)state;
	/* No name has such a part: nobody is asked for it. */
	vbi_survey_pick_take(&survey, "a..b", &pick);
	assert_int_equal(pick.errnum, -vbi_survey_look_up("a..b", &targets));
	assert_int_not_equal(pick.errnum, 0);
	assert_string_equal(pick.host, "a..b");
	assert_string_equal(pick.address, "");
	assert_string_equal(pick.what, "look up the name");
}

/* Whatever this host has: it can be looked at, and given back. */
static void this_host_has_a_survey(void **state)
{
	struct vbi_survey survey;

	(void)state;
	assert_int_equal(vbi_survey_take("", &survey), 0);
	assert_string_not_equal(survey.kernel, "");
	for (size_t i = 0; i < survey.n_devices; i++)
		assert_string_not_equal(survey.devices[i].name, "");
	vbi_survey_free(&survey);
	assert_null(survey.devices);
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, root_make, root_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_ROOT(an_empty_host_has_nothing),
		IN_ROOT(devices_come_by_name_with_driver_and_node),
		IN_ROOT(rxe_is_known_by_its_parent),
		IN_ROOT(siw_describes_itself_and_is_iwarp),
		IN_ROOT(no_more_devices_than_the_bound),
		IN_ROOT(modules_are_loaded_or_can_be),
		IN_ROOT(a_module_that_others_name_is_not_there),
		IN_ROOT(a_module_of_another_kernel_is_not_there),
		IN_ROOT(what_is_built_in_needs_no_loading),
		IN_ROOT(devices_of_one_namespace_each),
		IN_ROOT(the_default_route_of_least_metric_names_the_interface),
		IN_ROOT(a_host_of_ipv6_only_has_one_too),
		IN_ROOT(without_a_route_an_interface_that_is_up),
		IN_ROOT(huge_pages_are_counted),
		IN_ROOT(the_capability_counts_in_the_first_user_namespace_only),
		cmocka_unit_test(gids_are_shown_as_addresses),
		cmocka_unit_test(this_host_has_its_loopback_address_and_no_other),
		cmocka_unit_test(the_route_to_itself_is_its_own_address),
		cmocka_unit_test(a_link_local_address_keeps_its_interface),
		cmocka_unit_test(what_stands_for_nothing_is_not_picked),
		cmocka_unit_test(this_host_has_a_survey),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
