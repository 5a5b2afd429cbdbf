/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel's files and limits say about the host and this process. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "transport/memlock.h"
#include "transport/survey/files.h"
#include "transport/survey/parts.h"

#define LINE 512

static FILE *file_open(const char *root, const char *name)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s%s", root, name);

	return length > 0 && (size_t)length < sizeof(path) ? fopen(path, "re") : NULL;
}

/* ---- Modules ---- */

/* Whether a list of modules.dep's or modules.builtin's form has one. */
static bool list_has_module(const char *root, const char *kernel, const char *list,
			    const char *module)
{
	char name[LINE], wanted[VBI_SURVEY_NAME], line[LINE];
	bool found = false;
	FILE *file;

	snprintf(name, sizeof(name), "/lib/modules/%s/%s", kernel, list);
	snprintf(wanted, sizeof(wanted), "/%s.ko", module);
	file = file_open(root, name);
	if (!file)
		return false;
	/* A line that is longer than ours goes on with dependencies, and so may be cut anywhere:
	 * only what stands before the colon counts, at the beginning of a line. */
	for (bool at_start = true; !found && fgets(line, sizeof(line), file);) {
		bool is_whole = strchr(line, '\n');

		line[strcspn(line, ":\n")] = '\0';
		found = at_start && strstr(line, wanted);
		at_start = is_whole;
	}
	fclose(file);
	return found;
}

static void modules_look(const char *root, struct vbi_survey *survey)
{
	static const char rxe[] = "rdma_rxe";
	char mode[VBI_SURVEY_NAME];

	/* "Y": shared by all of them. */
	survey->is_netns_exclusive = vbi_file_line(mode, sizeof(mode), root,
						   "/sys/module/ib_core/parameters/netns_mode") ==
					     0 &&
				     strcmp(mode, "N") == 0;

	/* What is built in has no folder of modules, but the classes that it makes. */
	survey->has_uverbs_module = vbi_file_exists(root, "/sys/module/ib_uverbs") ||
				    vbi_file_exists(root, "/sys/class/infiniband_verbs");
	survey->has_ucm_module = vbi_file_exists(root, "/sys/module/rdma_ucm") ||
				 vbi_file_exists(root, "/sys/class/misc/rdma_cm");
	survey->has_rxe_module = vbi_file_exists(root, "/sys/module/%s", rxe) ||
				 list_has_module(root, survey->kernel, "modules.builtin", rxe);
	survey->is_rxe_available = survey->has_rxe_module ||
				   list_has_module(root, survey->kernel, "modules.dep", rxe);
}

static void node_look(const char *root, struct vbi_survey *survey)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/dev/infiniband/rdma_cm", root);
	fd = open(path, O_RDWR | O_CLOEXEC);
	survey->cm_errnum = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
}

/* ---- Interfaces ---- */

static void default_route4(const char *root, char *ret_netdev)
{
	char line[LINE], name[VBI_SURVEY_NAME];
	unsigned destination, gateway, flags, mask;
	unsigned metric, best = UINT_MAX;
	FILE *file = file_open(root, "/proc/net/route");

	while (file && fgets(line, sizeof(line), file)) {
		/* The heading is no such line. */
		if (sscanf(line, "%63s %x %x %x %*d %*d %u %x", name, &destination, &gateway,
			   &flags, &metric, &mask) != 6)
			continue;
		if (destination || mask || !(flags & RTF_UP) || metric >= best)
			continue;
		best = metric;
		vbi_text_copy(ret_netdev, VBI_SURVEY_NAME, name);
	}
	if (file)
		fclose(file);
}

static void default_route6(const char *root, char *ret_netdev)
{
	char line[LINE], destination[33], name[VBI_SURVEY_NAME];
	unsigned prefix, flags;
	FILE *file = file_open(root, "/proc/net/ipv6_route");

	while (file && !ret_netdev[0] && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %x %63s", destination, &prefix,
			   &flags, name) != 4)
			continue;
		if (prefix == 0 && strspn(destination, "0") == 32 && !(flags & RTF_REJECT) &&
		    (flags & RTF_UP) && strcmp(name, "lo") != 0)
			vbi_text_copy(ret_netdev, VBI_SURVEY_NAME, name);
	}
	if (file)
		fclose(file);
}

/* An interface that is up, the first by name, so that the answer is the same each time. */
static void some_netdev(const char *root, char *ret_netdev)
{
	char path[PATH_MAX], flags[VBI_SURVEY_NAME];
	struct dirent **entries = NULL;
	int n_entries;

	snprintf(path, sizeof(path), "%s/sys/class/net", root);
	n_entries = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n_entries; i++) {
		const char *name = entries[i]->d_name;
		unsigned long bits;

		if (!ret_netdev[0] && name[0] != '.' &&
		    vbi_file_line(flags, sizeof(flags), root, "/sys/class/net/%s/flags", name) ==
			    0) {
			bits = strtoul(flags, NULL, 16);
			if ((bits & IFF_UP) && !(bits & IFF_LOOPBACK))
				vbi_text_copy(ret_netdev, VBI_SURVEY_NAME, name);
		}
		free(entries[i]);
	}
	free(entries);
}

static void netdev_look(const char *root, struct vbi_survey *survey)
{
	default_route4(root, survey->default_netdev);
	if (!survey->default_netdev[0])
		default_route6(root, survey->default_netdev);
	if (!survey->default_netdev[0])
		some_netdev(root, survey->default_netdev);
}

/* ---- Memory ---- */

static void huge_look(const char *root, struct vbi_survey *survey)
{
	unsigned long long value;
	char line[LINE];
	FILE *file = file_open(root, "/proc/meminfo");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "HugePages_Total: %llu", &value) == 1)
			survey->huge_pages = value;
		else if (sscanf(line, "HugePages_Free: %llu", &value) == 1)
			survey->huge_pages_free = value;
		else if (sscanf(line, "Hugepagesize: %llu kB", &value) == 1)
			survey->huge_page_size = value * 1024;
	}
	if (file)
		fclose(file);
}

static void memlock_look(const char *root, struct vbi_survey *survey)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return;
	survey->memlock = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
	survey->memlock_max = limit.rlim_max == RLIM_INFINITY ? UINT64_MAX : limit.rlim_max;
	survey->is_memlock_exempt = vbi_memlock_is_exempt(root);
}

void vbi_survey_host(const char *root, struct vbi_survey *survey)
{
	vbi_file_line(survey->kernel, sizeof(survey->kernel), root, "/proc/sys/kernel/osrelease");
	modules_look(root, survey);
	node_look(root, survey);
	netdev_look(root, survey);
	huge_look(root, survey);
	memlock_look(root, survey);
}

/* ---- Devices ---- */

static int is_no_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/*
 * The software devices have no hardware of their own. In older kernels their `device` link leads to
 * the network card that they run over, so they are asked after first: only rxe has a file `parent`,
 * and siw describes itself.
 */
static void driver_find(const char *root, struct vbi_survey_device *device)
{
	char text[VBI_SURVEY_NAME];

	if (vbi_file_exists(root, "/sys/class/infiniband/%s/parent", device->name)) {
		vbi_text_copy(device->driver, sizeof(device->driver), "rxe");
		return;
	}
	vbi_file_line(text, sizeof(text), root, "/sys/class/infiniband/%s/node_desc", device->name);
	if (strcmp(text, "Software iWARP stack") == 0) {
		vbi_text_copy(device->driver, sizeof(device->driver), "siw");
		return;
	}
	vbi_file_link(device->driver, sizeof(device->driver), root,
		      "/sys/class/infiniband/%s/device/driver", device->name);
}

static void node_find(const char *root, struct vbi_survey_device *device)
{
	char path[PATH_MAX], name[VBI_SURVEY_NAME];
	struct dirent **entries = NULL;
	int n_entries;

	snprintf(path, sizeof(path), "%s/sys/class/infiniband_verbs", root);
	n_entries = scandir(path, &entries, is_no_dot, alphasort);
	for (int i = 0; i < n_entries; i++) {
		if (vbi_file_line(name, sizeof(name), root, "/sys/class/infiniband_verbs/%s/ibdev",
				  entries[i]->d_name) == 0 &&
		    strcmp(name, device->name) == 0)
			vbi_text_copy(device->node, sizeof(device->node), entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

int vbi_survey_sysfs(const char *root, struct vbi_survey *survey)
{
	char path[PATH_MAX], type[VBI_SURVEY_NAME];
	struct dirent **entries = NULL;
	int n_entries, result = 0;

	snprintf(path, sizeof(path), "%s/sys/class/infiniband", root);
	n_entries = scandir(path, &entries, is_no_dot, alphasort);
	if (n_entries <= 0)
		goto out;
	survey->devices = calloc((size_t)n_entries, sizeof(*survey->devices));
	if (!survey->devices)
		result = -ENOMEM;
	for (int i = 0; i < n_entries; i++) {
		struct vbi_survey_device *device;

		if (!result && survey->n_devices < VBI_SURVEY_DEVICES_MAX) {
			device = &survey->devices[survey->n_devices++];
			vbi_text_copy(device->name, sizeof(device->name), entries[i]->d_name);
			driver_find(root, device);
			node_find(root, device);
			vbi_file_line(type, sizeof(type), root,
				      "/sys/class/infiniband/%s/node_type", device->name);
			/* "4: RNIC" */
			device->is_iwarp = type[0] == '4';
		}
		free(entries[i]);
	}
out:
	free(entries);
	return result;
}
