/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/memlock.h"

#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>

static FILE *file_open(const char *root, const char *name)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s%s", root, name);

	return length > 0 && (size_t)length < sizeof(path) ? fopen(path, "re") : NULL;
}

/* The kernel asks for the capability in the first user namespace: one that a container has of its
 * own does not count. That namespace maps all ids to themselves. */
static bool user_namespace_is_first(const char *root)
{
	FILE *file = file_open(root, "/proc/self/uid_map");
	unsigned long inside, outside, count;
	bool is_first;

	if (!file)
		return false;
	is_first = fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3 && inside == 0 &&
		   outside == 0 && count == UINT32_MAX;
	fclose(file);
	return is_first;
}

static bool capability_is_held(const char *root, unsigned capability)
{
	FILE *file = file_open(root, "/proc/self/status");
	unsigned long long bits = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "CapEff: %llx", &bits) == 1)
			break;
	}
	if (file)
		fclose(file);
	return bits >> capability & 1;
}

bool vbi_memlock_is_exempt(const char *root)
{
	return capability_is_held(root, CAP_IPC_LOCK) && user_namespace_is_first(root);
}

uint64_t vbi_memlock_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
	    vbi_memlock_is_exempt(""))
		return UINT64_MAX;
	return limit.rlim_cur;
}
