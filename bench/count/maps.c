/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/count/maps.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Shared mappings of a process that is stepped: a few per connection. */
#define MAPPINGS_MAX 64u

struct mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
};

struct maps {
	unsigned n;
	struct mapping mappings[MAPPINGS_MAX];
};

struct maps *maps_read(pid_t pid)
{
	struct maps *maps = calloc(1, sizeof(*maps));
	char path[64], line[512];
	FILE *file;

	if (!maps)
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "re");
	if (!file)
		goto no_file;
	while (maps->n < MAPPINGS_MAX && fgets(line, sizeof(line), file)) {
		struct mapping mapping;
		char rights[5];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64,
			   &mapping.start, &mapping.end, rights, &mapping.offset,
			   &mapping.inode) != 5)
			continue;
		if (rights[3] == 's')
			maps->mappings[maps->n++] = mapping;
	}
	fclose(file);
	return maps;
no_file:
	free(maps);
	return NULL;
}

void maps_free(struct maps *maps)
{
	free(maps);
}

bool maps_shared(const struct maps *maps, uint64_t address, uint64_t *ret_inode,
		 uint64_t *ret_offset)
{
	unsigned i;

	for (i = 0; i < maps->n; i++) {
		const struct mapping *mapping = &maps->mappings[i];

		if (address < mapping->start || address >= mapping->end)
			continue;
		*ret_inode = mapping->inode;
		*ret_offset = address - mapping->start + mapping->offset;
		return true;
	}
	return false;
}

unsigned maps_threads(pid_t pid)
{
	const struct dirent *entry;
	unsigned n = 0;
	char path[64];
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	directory = opendir(path);
	if (!directory)
		return 0;
	while ((entry = readdir(directory)))
		n += entry->d_name[0] != '.';
	closedir(directory);
	return n;
}
