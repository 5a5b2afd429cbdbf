// SPDX-License-Identifier: Apache-2.0
#include "idl/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "idl/arena.h"
#include "idl/limits.h"

static void source_count_lines(struct idl_arena *arena, struct idl_source *source)
{
	uint32_t *starts;
	uint32_t n = 1;

	for (size_t i = 0; i < source->size; i++)
		n += source->text[i] == '\n';
	starts = idl_arena_array(arena, n, sizeof(*starts));
	n = 1;
	for (size_t i = 0; i < source->size; i++) {
		if (source->text[i] == '\n')
			starts[n++] = (uint32_t)(i + 1);
	}
	source->line_starts = starts;
	source->n_lines = n;
}

/* Takes over `text`, which lies in the arena and ends with a NUL. */
static const struct idl_source *source_make(struct idl_arena *arena, const char *path,
					    const char *text, size_t size)
{
	struct idl_source *source = idl_arena_alloc(arena, sizeof(*source));

	source->path = idl_arena_copy(arena, path, strlen(path));
	source->text = text;
	source->size = size;
	source_count_lines(arena, source);
	return source;
}

/* Reads until the end of the file; one byte more than the limit shows that the file is larger. */
static int read_all(int fd, char *buffer, size_t room, size_t *ret_size)
{
	size_t size = 0;

	while (size < room) {
		ssize_t n = read(fd, buffer + size, room - size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	*ret_size = size;
	return 0;
}

int idl_source_read(struct idl_arena *arena, const char *path, const struct idl_source **ret_source)
{
	struct stat st;
	size_t room, size = 0;
	char *text;
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		r = -errno;
		goto close_file;
	}
	r = S_ISDIR(st.st_mode) ? -EISDIR : 0;
	if (r == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)IDL_MAX_SOURCE_SIZE)
		r = -EFBIG;
	if (r < 0)
		goto close_file;
	/* A pipe has no size, and a regular file may still grow. */
	room = IDL_MAX_SOURCE_SIZE;
	if (S_ISREG(st.st_mode) && st.st_size > 0)
		room = (size_t)st.st_size;
	text = idl_arena_alloc(arena, room + 2);
	r = read_all(fd, text, room + 1, &size);
	if (r == 0 && size > IDL_MAX_SOURCE_SIZE)
		r = -EFBIG;
	if (r < 0)
		goto close_file;
	text[size] = '\0';
	*ret_source = source_make(arena, path, text, size);
close_file:
	close(fd);
	return r;
}

int idl_source_from_memory(struct idl_arena *arena, const char *path, const char *text, size_t size,
			   const struct idl_source **ret_source)
{
	if (size > IDL_MAX_SOURCE_SIZE)
		return -EFBIG;
	*ret_source = source_make(arena, path, idl_arena_copy(arena, text, size), size);
	return 0;
}

/* The line, counted from 0, that holds the offset: the last one that starts at or before it. */
static uint32_t line_of(const struct idl_source *source, uint32_t offset)
{
	uint32_t low = 0, high = source->n_lines;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (source->line_starts[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

struct idl_place idl_source_place(const struct idl_source *source, uint32_t offset)
{
	struct idl_place place;
	uint32_t line;

	if (offset > source->size)
		offset = (uint32_t)source->size;
	line = line_of(source, offset);
	place.line = line + 1;
	place.column = 1;
	for (uint32_t i = source->line_starts[line]; i < offset; i++) {
		/* Bytes 10xxxxxx continue a code point. */
		if (((unsigned char)source->text[i] & 0xc0) != 0x80)
			place.column++;
	}
	return place;
}

void idl_source_line(const struct idl_source *source, uint32_t line, const char **ret_text,
		     size_t *ret_size)
{
	size_t start = source->line_starts[line - 1];
	size_t end = line < source->n_lines ? source->line_starts[line] : source->size;

	if (end > start && source->text[end - 1] == '\n')
		end--;
	if (end > start && source->text[end - 1] == '\r')
		end--;
	*ret_text = source->text + start;
	*ret_size = end - start;
}

struct idl_span idl_span_join(struct idl_span first, struct idl_span last)
{
	return (struct idl_span){first.source, first.start, last.end};
}

struct idl_span idl_span_after(struct idl_span span)
{
	return (struct idl_span){span.source, span.end, span.end};
}

bool idl_slice_equal(const char *text, size_t size, const char *word)
{
	return strlen(word) == size && memcmp(text, word, size) == 0;
}
