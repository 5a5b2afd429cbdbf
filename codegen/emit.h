/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text under construction. An emitter writes templates into it in which $name$ stands for a value,
 * so that the template reads like the output; nothing reaches a file before all of it is there.
 *
 *	gen_emit(e, "void $P$_free(struct $P$_peer *peer);\n", "P", prefix, NULL);
 */
#ifndef VERBENA_CODEGEN_EMIT_H
#define VERBENA_CODEGEN_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "idl/arena.h"

/* Names with a value at a time: an emitter's own few, and those of what it is inside of. */
#define GEN_MAX_VARS 32

struct gen_var {
	const char *name;
	const char *value;
};

struct gen_emit {
	struct idl_arena arena; /* values and other strings, as long as the text */
	char *text;		/* size bytes, no NUL */
	size_t size;
	size_t capacity;
	unsigned depth; /* tabs before each line that is not empty */
	bool is_inside_line;
	struct gen_var vars[GEN_MAX_VARS];
	unsigned n_vars;
};

void gen_emit_init(struct gen_emit *e);
void gen_emit_release(struct gen_emit *e);

/*
 * Appends `text`, indented, each $name$ replaced: first by the pairs that follow (name, value; a
 * NULL name ends them), then by gen_emit_set() ones. $$ is one dollar. A name without a value is a
 * fault of this program: it says so and aborts.
 */
void gen_emit(struct gen_emit *e, const char *text, ...) __attribute__((sentinel));

/* Gives `name` a value for all that is emitted later; both must live as long as the text. */
void gen_emit_set(struct gen_emit *e, const char *name, const char *value);

/* One tab more, or less, from the next line on. */
void gen_emit_indent(struct gen_emit *e);
void gen_emit_outdent(struct gen_emit *e);

/* A string that lives as long as the text. */
const char *gen_format(struct gen_emit *e, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A decimal number as a string. */
const char *gen_number(struct gen_emit *e, uint64_t number);

/*
 * Appends `head`, the items separated by ", ", and `tail`; where a line would pass GEN_COLUMNS the
 * next item begins another, below the first one. Nothing is substituted.
 */
#define GEN_COLUMNS 100
void gen_emit_list(struct gen_emit *e, const char *head, const char *const *items, size_t n_items,
		   const char *tail);

#endif
