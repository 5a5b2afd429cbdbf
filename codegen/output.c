// SPDX-License-Identifier: Apache-2.0
#include "codegen/output.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE	0666u
#define DIRECTORY_MODE	0777u
#define TEMPORARY_CHARS ".XXXXXX"

void gen_outputs_add(struct gen_outputs *outputs, const char *path, const char *text, size_t size)
{
	assert(outputs->n < GEN_MAX_OUTPUTS);
	outputs->list[outputs->n++] = (struct gen_output){path, text, size, NULL};
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		const ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

/* What open() would have made of the mode, had mkstemp() not chosen another. */
static mode_t file_mode(const char *path)
{
	struct stat st;
	const mode_t mask = umask(0);

	umask(mask);
	if (stat(path, &st) == 0)
		return st.st_mode & 07777u;
	return FILE_MODE & ~mask;
}

static int temporary_write(struct idl_arena *arena, struct gen_output *output)
{
	char *const name = idl_arena_printf(arena, "%s" TEMPORARY_CHARS, output->path);
	const int fd = mkstemp(name);

	if (fd < 0)
		return -errno;
	output->temporary = name;
	int error = write_all(fd, output->text, output->size);
	if (!error && fchmod(fd, file_mode(output->path)) < 0)
		error = -errno;
	if (close(fd) < 0 && !error)
		error = -errno;
	return error;
}

/* A device or pipe is written to, not replaced. */
static int special_write(const struct gen_output *output)
{
	FILE *const file = fopen(output->path, "w");
	int error = 0;

	if (!file)
		return -errno;
	if (fwrite(output->text, 1, output->size, file) != output->size || fflush(file) != 0)
		error = -errno;
	if (fclose(file) != 0 && !error)
		error = -errno;
	return error;
}

static int output_prepare(struct idl_arena *arena, struct gen_output *output)
{
	struct stat st;

	if (stat(output->path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return -EISDIR;
		if (!S_ISREG(st.st_mode))
			return special_write(output);
	}
	return temporary_write(arena, output);
}

static int output_finish(struct gen_output *output)
{
	if (!output->temporary)
		return 0;
	if (rename(output->temporary, output->path) < 0)
		return -errno;
	output->temporary = NULL;
	return 0;
}

int gen_outputs_write(struct gen_outputs *outputs, const char **ret_path)
{
	int error = 0;

	for (unsigned i = 0; i < outputs->n && !error; i++) {
		error = output_prepare(outputs->arena, &outputs->list[i]);
		*ret_path = outputs->list[i].path;
	}
	for (unsigned i = 0; i < outputs->n && !error; i++) {
		error = output_finish(&outputs->list[i]);
		*ret_path = outputs->list[i].path;
	}
	for (unsigned i = 0; i < outputs->n; i++)
		if (outputs->list[i].temporary)
			unlink(outputs->list[i].temporary);
	return error;
}

int gen_make_directories(struct idl_arena *arena, const char *base, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		const char *const directory = idl_arena_printf(arena, "%s/%.*s", base,
							       (int)(slash - path), path);

		if (mkdir(directory, DIRECTORY_MODE) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}
