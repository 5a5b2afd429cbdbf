/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/count/maps.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Shared mappings of a process that is stepped: a few per connection. Its object files have about
 * five mappings each. */
#define MAPPINGS_MAX 64u
#define OBJECTS_MAX  64u

struct mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
};

struct object {
	uint64_t start; /* of its first mapping: what its symbols' addresses count from */
	uint64_t end;	/* of its last */
	char path[PATH_MAX];
};

struct maps {
	unsigned n_objects;
	struct object objects[OBJECTS_MAX];
	unsigned n;
	struct mapping mappings[MAPPINGS_MAX];
};

/* The mappings of a file follow each other. */
static void add_object(struct maps *maps, const struct mapping *mapping, const char *path)
{
	struct object *last = maps->n_objects ? &maps->objects[maps->n_objects - 1] : NULL;

	if (last && strcmp(last->path, path) == 0) {
		last->end = mapping->end;
		return;
	}
	if (maps->n_objects == OBJECTS_MAX)
		return;
	last = &maps->objects[maps->n_objects++];
	last->start = mapping->start;
	last->end = mapping->end;
	snprintf(last->path, sizeof(last->path), "%s", path);
}

struct maps *maps_read(pid_t pid)
{
	struct maps *maps = calloc(1, sizeof(*maps));
	char path[64], line[PATH_MAX + 128], object[PATH_MAX];
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

		object[0] = '\0';
		if (sscanf(line,
			   "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64 " %4095[^\n]",
			   &mapping.start, &mapping.end, rights, &mapping.offset, &mapping.inode,
			   object) < 5)
			continue;
		if (object[0])
			add_object(maps, &mapping, object);
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

const char *maps_object(const struct maps *maps, uint64_t address, uint64_t *ret_address)
{
	unsigned i;

	for (i = 0; i < maps->n_objects; i++) {
		const struct object *object = &maps->objects[i];

		if (address < object->start || address >= object->end)
			continue;
		*ret_address = address - object->start;
		return object->path;
	}
	return NULL;
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
