/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source texts, and places in them. A span is how every layer above speaks of a place; line and
 * column are computed only when a diagnostic is shown.
 */
#ifndef VERBENA_IDL_SOURCE_H
#define VERBENA_IDL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idl_arena;

struct idl_source {
	const char *path;	     /* as diagnostics show it */
	const char *text;	     /* NUL-terminated; the NUL is not counted in size */
	size_t size;		     /* bytes, at most IDL_MAX_SOURCE_SIZE */
	const uint32_t *line_starts; /* byte offset of each line */
	uint32_t n_lines;	     /* at least 1 */
};

/*
 * Bytes [start, end) of a source. source is NULL in a span that names no place (a file that is
 * missing).
 */
struct idl_span {
	const struct idl_source *source;
	uint32_t start;
	uint32_t end;
};

/* Line and column count from 1; the column counts bytes' code points, a tab is one. */
struct idl_place {
	uint32_t line;
	uint32_t column;
};

/*
 * Reads the file at `path`. Text and tables belong to the arena. Returns 0 or a negative errno:
 * EFBIG above IDL_MAX_SOURCE_SIZE, EISDIR, whatever open and read say. *ret_source is written on
 * success only.
 */
int idl_source_read(struct idl_arena *arena, const char *path,
		    const struct idl_source **ret_source);

/*
 * Makes a source from memory; the text is copied. Returns 0 or -EFBIG. `path` is copied too.
 */
int idl_source_from_memory(struct idl_arena *arena, const char *path, const char *text, size_t size,
			   const struct idl_source **ret_source);

/*
 * Line and column of a byte offset; an offset at or beyond the end gives the place after the last
 * byte.
 */
struct idl_place idl_source_place(const struct idl_source *source, uint32_t offset);

/* The bytes of a line (from 1), without its line end. */
void idl_source_line(const struct idl_source *source, uint32_t line, const char **ret_text,
		     size_t *ret_size);

/* From the first byte of `first` to the last of `last`; both of one source. */
struct idl_span idl_span_join(struct idl_span first, struct idl_span last);

/* The empty span at the end of `span`: where a missing character belongs. */
struct idl_span idl_span_after(struct idl_span span);

/* Whether `size` bytes at `text` are exactly the NUL-terminated `word`. */
bool idl_slice_equal(const char *text, size_t size, const char *word);

#endif
