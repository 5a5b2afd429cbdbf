// SPDX-License-Identifier: Apache-2.0
#include "idl/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "idl/idl.h"
#include "idl/limits.h"
#include "idl/parse.h"
#include "idl/path.h"

/* A file once it was found; however it is reached, it is loaded once. */
struct unit {
	struct idl_file *file;
	const char *key; /* the same for every way to the file */
	bool is_loading; /* some file that it imports is being loaded */
	struct unit *next;
};

struct loader {
	struct idl_program *program;
	const struct idl_options *options;
	bool follow_imports;
	struct unit *units;
	struct idl_file **files_end;
	const struct idl_import *chain[IDL_MAX_IMPORT_DEPTH]; /* from main to here */
	unsigned depth;
};

static const struct idl_memory_file *memory_file(const struct loader *loader, const char *path)
{
	const struct idl_options *options = loader->options;

	for (size_t i = 0; i < options->n_memory_files; i++) {
		if (strcmp(options->memory_files[i].path, path) == 0)
			return &options->memory_files[i];
	}
	return NULL;
}

/* What identifies the file at `path`. Returns 0 or a negative errno. */
static int find_key(struct loader *loader, const char *path, const char **ret_key)
{
	char *real;

	if (memory_file(loader, path)) {
		*ret_key = idl_arena_printf(&loader->program->arena, "memory:%s", path);
		return 0;
	}
	if (loader->options->memory_only)
		return -ENOENT;
	real = realpath(path, NULL);
	if (!real)
		return errno ? -errno : -ENOENT;
	*ret_key = idl_arena_copy(&loader->program->arena, real, strlen(real));
	free(real);
	return 0;
}

static int read_source(struct loader *loader, const char *path,
		       const struct idl_source **ret_source)
{
	const struct idl_memory_file *memory = memory_file(loader, path);
	struct idl_arena *arena = &loader->program->arena;

	if (memory)
		return idl_source_from_memory(arena, path, memory->text, memory->size, ret_source);
	return idl_source_read(arena, path, ret_source);
}

/* `span` is the import's path; its source is NULL for the main file. */
static void report_unreadable(struct loader *loader, struct idl_span span, const char *path,
			      int error)
{
	struct idl_diags *diags = &loader->program->diags;
	char reason[128]; /* glibc's longest is 50 */

	if (error == EFBIG)
		idl_diag_at(diags, IDL_E0002, span, "'%s' is larger than %u bytes", path,
			    IDL_MAX_SOURCE_SIZE);
	else
		idl_diag_at(diags, IDL_E0001, span, "cannot read '%s': %s", path,
			    strerror_r(error, reason, sizeof(reason)));
}

static bool within_limits(struct loader *loader, struct idl_span span)
{
	struct idl_program *program = loader->program;

	if (program->n_files >= IDL_MAX_FILES) {
		idl_diag_at(&program->diags, IDL_E0503, span, "more than %d files", IDL_MAX_FILES);
		return false;
	}
	if (program->total_size > IDL_MAX_TOTAL_SIZE) {
		idl_diag_at(&program->diags, IDL_E0002, span, "more than %u bytes in all files",
			    IDL_MAX_TOTAL_SIZE);
		return false;
	}
	return true;
}

static void load_imports(struct loader *loader, struct idl_file *file);

/* Loads a file that is not loaded yet; NULL after a report. */
static struct unit *load_unit(struct loader *loader, const char *path, const char *key,
			      const char *header_path, struct idl_span span)
{
	struct idl_program *program = loader->program;
	const struct idl_source *source;
	struct unit *unit;
	int r;

	r = read_source(loader, path, &source);
	if (r < 0) {
		report_unreadable(loader, span, path, -r);
		return NULL;
	}
	program->n_files++;
	program->total_size += source->size;
	if (!within_limits(loader, span))
		return NULL;
	unit = idl_arena_alloc(&program->arena, sizeof(*unit));
	unit->key = key;
	unit->next = loader->units;
	loader->units = unit;
	unit->file = idl_parse_source(&program->arena, &program->diags, source);
	unit->file->header_path = header_path;
	unit->is_loading = true;
	if (loader->follow_imports)
		load_imports(loader, unit->file);
	unit->is_loading = false;
	*loader->files_end = unit->file;
	loader->files_end = &unit->file->next;
	return unit;
}

static void report_cycle(struct loader *loader, const struct idl_import *import,
			 const struct unit *unit)
{
	struct idl_diag *diag;
	unsigned i = loader->depth;

	diag = idl_diag_at(&loader->program->diags, IDL_E0502, import->path_span,
			   "'%s' imports itself through this line", unit->file->source->path);
	/* Back to the import that stands in the file itself. */
	while (i-- > 0) {
		if (loader->chain[i] != import)
			idl_diag_note(diag, loader->chain[i]->path_span, "imported from here");
		if (loader->chain[i]->path_span.source == unit->file->source)
			break;
	}
}

/* A place where an import may be. */
struct candidate {
	const char *path;
	const char *header_path;
	const char *key;
};

/* Beside the importing file first, then below each -I. Returns 0 or a negative errno. */
static int find_import(struct loader *loader, const struct idl_file *file, const char *path,
		       struct candidate *ret_found)
{
	struct idl_arena *arena = &loader->program->arena;
	const struct idl_options *options = loader->options;
	struct candidate c = {
		.path = idl_path_beside(arena, file->source->path, path),
		.header_path = idl_path_beside(arena, file->header_path, path),
	};
	int r = find_key(loader, c.path, &c.key);

	for (size_t i = 0; i < options->n_include_dirs && (r == -ENOENT || r == -ENOTDIR); i++) {
		c.path = idl_path_join(arena, options->include_dirs[i], path);
		c.header_path = idl_path_join(arena, "", path);
		r = find_key(loader, c.path, &c.key);
	}
	if (r < 0)
		return r;
	c.header_path = idl_path_stem(arena, c.header_path);
	*ret_found = c;
	return 0;
}

static void report_not_found(struct loader *loader, const struct idl_import *import, int error)
{
	struct idl_diag *diag;

	if (error != ENOENT && error != ENOTDIR) {
		report_unreadable(loader, import->path_span, import->path, error);
		return;
	}
	diag = idl_diag_at(&loader->program->diags, IDL_E0501, import->path_span,
			   "'%s' is neither beside this file nor below a directory given with -I",
			   import->path);
	idl_diag_fix(diag, "is a -I missing?");
}

static void load_import(struct loader *loader, struct idl_file *file, struct idl_import *import)
{
	struct idl_diags *diags = &loader->program->diags;
	struct candidate found = {.key = NULL};
	struct unit *unit;
	int r;

	if (*import->path == '/' || !*import->path) {
		idl_diag_fix(idl_diag_at(diags, IDL_E0501, import->path_span,
					 "an import is a relative path"),
			     "relative to this file, or to a directory given with -I");
		return;
	}
	r = find_import(loader, file, import->path, &found);
	if (r < 0) {
		report_not_found(loader, import, -r);
		return;
	}
	for (unit = loader->units; unit; unit = unit->next) {
		if (strcmp(unit->key, found.key) == 0)
			break;
	}
	if (unit && unit->is_loading) {
		report_cycle(loader, import, unit);
		return;
	}
	if (!unit)
		unit = load_unit(loader, found.path, found.key, found.header_path,
				 import->path_span);
	import->file = unit ? unit->file : NULL;
}

/* Recursion ends at IDL_MAX_IMPORT_DEPTH. */
static void load_imports(struct loader *loader, struct idl_file *file)
{
	if (!file->imports)
		return;
	if (loader->depth == IDL_MAX_IMPORT_DEPTH) {
		idl_diag_at(&loader->program->diags, IDL_E0503, file->imports->path_span,
			    "imports are more than %d deep", IDL_MAX_IMPORT_DEPTH);
		return;
	}
	for (struct idl_import *import = file->imports; import; import = import->next) {
		loader->chain[loader->depth++] = import;
		load_import(loader, file, import);
		loader->depth--;
	}
}

/*
 * Below the -I that holds the file most closely; otherwise it goes straight into the -o
 * directory.
 */
static const char *main_header_path(struct loader *loader, const char *path)
{
	struct idl_arena *arena = &loader->program->arena;
	const struct idl_options *options = loader->options;
	const char *best = NULL;

	for (size_t i = 0; i < options->n_include_dirs; i++) {
		const char *below = idl_path_below(arena, options->include_dirs[i], path);

		if (below && (!best || strlen(below) < strlen(best)))
			best = below;
	}
	return idl_path_stem(arena, best ? best : idl_path_last(path));
}

void idl_load(struct idl_program *program, const char *path, const struct idl_options *options,
	      bool imports)
{
	static const struct idl_options no_options;
	const struct idl_span nowhere = {.source = NULL};
	struct loader loader = {
		.program = program,
		.options = options ? options : &no_options,
		.follow_imports = imports,
		.files_end = &program->files,
	};
	const char *key = NULL;
	struct unit *unit;
	int r = find_key(&loader, path, &key);

	if (r < 0) {
		report_unreadable(&loader, nowhere, path, -r);
		return;
	}
	unit = load_unit(&loader, path, key, main_header_path(&loader, path), nowhere);
	program->main = unit ? unit->file : NULL;
}
