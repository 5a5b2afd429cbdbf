/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths as text; nothing here looks at the disk. Results lie in the arena.
 */
#ifndef VERBENA_IDL_PATH_H
#define VERBENA_IDL_PATH_H

struct idl_arena;

/* `path` as seen from the directory that `base`, a file, lies in, normalised. */
const char *idl_path_beside(struct idl_arena *arena, const char *base, const char *path);

/*
 * dir/path, normalised: "a//./b/../c" is "a/c". Leading ".." stay. An empty dir is the current
 * one.
 */
const char *idl_path_join(struct idl_arena *arena, const char *dir, const char *path);

/*
 * What remains of `path` below `dir`, or NULL if it does not lie there; both are normalised
 * first.
 */
const char *idl_path_below(struct idl_arena *arena, const char *dir, const char *path);

/* Without the suffix ".idl", if it has it. */
const char *idl_path_stem(struct idl_arena *arena, const char *path);

/* The part behind the last slash, in the same memory. */
const char *idl_path_last(const char *path);

#endif
