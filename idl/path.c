// SPDX-License-Identifier: Apache-2.0
#include "idl/path.h"

#include <stdbool.h>
#include <string.h>

#include "idl/arena.h"
#include "idl/source.h"

const char *idl_path_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Where the last component of the result starts, so that ".." can take it back. */
static size_t last_start(const char *text, size_t size)
{
	while (size && text[size - 1] != '/')
		size--;
	return size;
}

static bool can_go_up(const char *text, size_t size)
{
	size_t start = last_start(text, size);

	return size > start && !idl_slice_equal(text + start, size - start, "..");
}

const char *idl_path_join(struct idl_arena *arena, const char *dir, const char *path)
{
	const char *from = idl_arena_printf(arena, "%s%s%s", dir, *dir ? "/" : "", path);
	char *text = idl_arena_alloc(arena, strlen(from) + 2);
	size_t size = 0, root;

	root = *from == '/' ? 1 : 0;
	if (root)
		text[size++] = '/';
	while (*from) {
		size_t part = strcspn(from, "/");

		if (idl_slice_equal(from, part, "..") && can_go_up(text, size)) {
			size = last_start(text, size);
			if (size > root)
				size--;
		} else if (part && !idl_slice_equal(from, part, ".") &&
			   !(root && size == root && idl_slice_equal(from, part, ".."))) {
			if (size > root)
				text[size++] = '/';
			memcpy(text + size, from, part);
			size += part;
		}
		from += part;
		from += *from == '/';
	}
	text[size] = '\0';
	return text;
}

const char *idl_path_beside(struct idl_arena *arena, const char *base, const char *path)
{
	size_t dir = (size_t)(idl_path_last(base) - base);

	/* "/x" lies in "/", and "x" in the current directory. */
	return idl_path_join(arena, idl_arena_copy(arena, base, dir), path);
}

const char *idl_path_below(struct idl_arena *arena, const char *dir, const char *path)
{
	size_t size;

	dir = idl_path_join(arena, "", dir);
	path = idl_path_join(arena, "", path);
	size = strlen(dir);
	if (size == 0)
		return *path == '/' || idl_slice_equal(path, strcspn(path, "/"), "..") ? NULL
										       : path;
	if (strlen(path) <= size || memcmp(path, dir, size) != 0)
		return NULL;
	if (dir[size - 1] == '/')
		return path + size;
	return path[size] == '/' ? path + size + 1 : NULL;
}

const char *idl_path_stem(struct idl_arena *arena, const char *path)
{
	size_t size = strlen(path);

	if (size > 4 && idl_slice_equal(path + size - 4, 4, ".idl"))
		size -= 4;
	return idl_arena_copy(arena, path, size);
}
