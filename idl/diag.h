/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics: collected while compiling, rendered afterwards, so that tests look at them as data.
 *
 *	struct idl_diag *d = idl_diag_on(diags, &param->node.in_error, IDL_E0203, span,
 *					 "'%s' names no parameter of '%s'", name, method);
 *	idl_diag_fix(d, "did you mean '%s'?", guess);
 *	idl_diag_note(d, other_span, "first used here");
 */
#ifndef VERBENA_IDL_DIAG_H
#define VERBENA_IDL_DIAG_H

#include <stdbool.h>
#include <stdio.h>

#include "idl/source.h"

struct idl_arena;

enum idl_severity {
	IDL_WARNING,
	IDL_ERROR,
};

/* IDL_E0203 and so on; diag_codes.def is the registry. */
enum idl_code {
#define IDL_DIAG(code, severity, title) IDL_##code,
#include "idl/diag_codes.def"
#undef IDL_DIAG
	IDL_N_CODES,
};

struct idl_code_info {
	const char *name; /* "E0203" */
	enum idl_severity severity;
	const char *title; /* one line, no full stop; also the title of its page */
};

struct idl_diag_note {
	struct idl_span span; /* source NULL: no place is shown */
	const char *text;
	struct idl_diag_note *next;
};

struct idl_diag {
	struct idl_arena *arena; /* of the texts */
	enum idl_code code;
	enum idl_severity severity;
	struct idl_span span;
	const char *text;
	const char *fix;	     /* shown after the carets; NULL when there is none */
	struct idl_diag_note *notes; /* in order */
	struct idl_diag *next;
};

struct idl_diags {
	struct idl_arena *arena;
	struct idl_diag *first; /* in order of report */
	struct idl_diag *last;
	unsigned n_errors; /* including those left out */
	unsigned n_warnings;
	unsigned n_left_out; /* reported beyond IDL_MAX_DIAGNOSTICS */
};

void idl_diags_init(struct idl_diags *diags, struct idl_arena *arena);

/*
 * Reports `code` at `span`. Returns the diagnostic, to hang a fix and notes on, or NULL when it
 * is beyond the limit; every function below takes NULL and does nothing then. All texts are
 * copied to the arena.
 */
struct idl_diag *idl_diag_at(struct idl_diags *diags, enum idl_code code, struct idl_span span,
			     const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * The same for an entity that is reported once: `*in_error` is its mark. Errors on a marked
 * entity are dropped (and not counted); an error marks it. Warnings neither mark nor are dropped,
 * unless the entity is in error.
 */
struct idl_diag *idl_diag_on(struct idl_diags *diags, bool *in_error, enum idl_code code,
			     struct idl_span span, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* What to do about it, shown behind the carets. */
void idl_diag_fix(struct idl_diag *diag, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A line of its own, with its place; span.source NULL for a note that has none. */
void idl_diag_note(struct idl_diag *diag, struct idl_span span, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Writes all diagnostics, sorted by place within a file, in the form that docs/errors describes. */
void idl_diags_render(const struct idl_diags *diags, FILE *out);

/* Facts of a code; never NULL for a code of the registry. */
const struct idl_code_info *idl_code_info(enum idl_code code);

/* Finds "E0203" or "e0203"; IDL_N_CODES when there is none. */
enum idl_code idl_code_find(const char *name);

/* The page of a code, the text of docs/errors/E0203.md; a static string. */
const char *idl_code_page(enum idl_code code);

#endif
