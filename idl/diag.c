// SPDX-License-Identifier: Apache-2.0
#include "idl/diag.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "idl/arena.h"
#include "idl/limits.h"

static const struct idl_code_info codes[IDL_N_CODES] = {
#define IDL_DIAG(code, sev, text) \
	[IDL_##code] = {.name = #code, .severity = IDL_##sev, .title = (text)},
#include "idl/diag_codes.def"
#undef IDL_DIAG
};

const struct idl_code_info *idl_code_info(enum idl_code code)
{
	return &codes[code];
}

enum idl_code idl_code_find(const char *name)
{
	unsigned code = 0;

	while (code < IDL_N_CODES && strcasecmp(name, codes[code].name) != 0)
		code++;
	return (enum idl_code)code;
}

void idl_diags_init(struct idl_diags *diags, struct idl_arena *arena)
{
	*diags = (struct idl_diags){.arena = arena};
}

/* Errors push warnings out, never the other way round: a run that fails must say why. */
static bool make_room(struct idl_diags *diags, enum idl_severity severity)
{
	unsigned shown = diags->n_errors + diags->n_warnings - diags->n_left_out;
	struct idl_diag *last_warning = NULL, *previous = NULL;
	struct idl_diag *before = NULL;

	if (shown <= IDL_MAX_DIAGNOSTICS)
		return true;
	if (severity == IDL_ERROR) {
		for (struct idl_diag *d = diags->first; d; previous = d, d = d->next) {
			if (d->severity == IDL_WARNING) {
				last_warning = d;
				before = previous;
			}
		}
	}
	diags->n_left_out++;
	if (!last_warning)
		return false;
	if (before)
		before->next = last_warning->next;
	else
		diags->first = last_warning->next;
	if (diags->last == last_warning)
		diags->last = before;
	return true;
}

static struct idl_diag *diag_new(struct idl_diags *diags, enum idl_code code, struct idl_span span,
				 const char *format, va_list args)
	__attribute__((format(printf, 4, 0)));

static struct idl_diag *diag_new(struct idl_diags *diags, enum idl_code code, struct idl_span span,
				 const char *format, va_list args)
{
	struct idl_diag *diag;

	if (codes[code].severity == IDL_ERROR)
		diags->n_errors++;
	else
		diags->n_warnings++;
	if (!make_room(diags, codes[code].severity))
		return NULL;
	diag = idl_arena_alloc(diags->arena, sizeof(*diag));
	diag->arena = diags->arena;
	diag->code = code;
	diag->severity = codes[code].severity;
	diag->span = span;
	diag->text = idl_arena_vprintf(diags->arena, format, args);
	if (diags->last)
		diags->last->next = diag;
	else
		diags->first = diag;
	diags->last = diag;
	return diag;
}

struct idl_diag *idl_diag_at(struct idl_diags *diags, enum idl_code code, struct idl_span span,
			     const char *format, ...)
{
	struct idl_diag *diag;
	va_list args;

	va_start(args, format);
	diag = diag_new(diags, code, span, format, args);
	va_end(args);
	return diag;
}

struct idl_diag *idl_diag_on(struct idl_diags *diags, bool *in_error, enum idl_code code,
			     struct idl_span span, const char *format, ...)
{
	struct idl_diag *diag;
	va_list args;

	if (*in_error)
		return NULL;
	if (codes[code].severity == IDL_ERROR)
		*in_error = true;
	va_start(args, format);
	diag = diag_new(diags, code, span, format, args);
	va_end(args);
	return diag;
}

void idl_diag_fix(struct idl_diag *diag, const char *format, ...)
{
	va_list args;

	if (!diag)
		return;
	va_start(args, format);
	diag->fix = idl_arena_vprintf(diag->arena, format, args);
	va_end(args);
}

void idl_diag_note(struct idl_diag *diag, struct idl_span span, const char *format, ...)
{
	struct idl_diag_note *note, **end;
	va_list args;

	if (!diag)
		return;
	note = idl_arena_alloc(diag->arena, sizeof(*note));
	note->span = span;
	va_start(args, format);
	note->text = idl_arena_vprintf(diag->arena, format, args);
	va_end(args);
	for (end = &diag->notes; *end; end = &(*end)->next)
		;
	*end = note;
}
