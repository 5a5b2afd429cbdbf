// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "idl/arena.h"
#include "idl/diag.h"
#include "idl/limits.h"
#include "idl/utf8.h"

/* A part of a source line, in bytes from its start. */
struct window {
	const char *line;
	size_t start;
	size_t end;
};

/* Writes one code point so that no byte of a hostile file reaches the terminal as control. */
static void put_point(FILE *out, const char *text, size_t size)
{
	if (size == 1 && ((unsigned char)text[0] < 0x20 || (unsigned char)text[0] >= 0x7f))
		fputc('?', out);
	else
		fwrite(text, 1, size, out);
}

static size_t points(const char *text, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i += idl_utf8_step(text + i, size - i))
		n++;
	return n;
}

/* A long line is cut; a caret far to the right gets a window that begins a little before it. */
static struct window window_of(const char *line, size_t size, size_t caret)
{
	struct window window = {line, 0, 0};
	size_t shown = 0;

	if (points(line, caret) >= IDL_MAX_SHOWN_COLUMNS) {
		size_t skip = points(line, caret) - IDL_MAX_SHOWN_COLUMNS / 4;

		for (; skip; skip--)
			window.start += idl_utf8_step(line + window.start, size - window.start);
	}
	window.end = window.start;
	for (; window.end < size && shown < IDL_MAX_SHOWN_COLUMNS; shown++)
		window.end += idl_utf8_step(line + window.end, size - window.end);
	return window;
}

/*
 * Both lines begin with 8 columns, a whole tab stop, so a tab copied to the caret line puts the
 * caret where the terminal put the text.
 */
static void render_excerpt(FILE *out, const struct idl_span *span, const char *fix)
{
	struct idl_place place = idl_source_place(span->source, span->start);
	size_t size, caret, caret_end;
	struct window window;
	const char *line;
	bool any = false;

	idl_source_line(span->source, place.line, &line, &size);
	caret = span->start - span->source->line_starts[place.line - 1];
	caret_end = caret + (span->end - span->start);
	if (caret > size)
		caret = size;
	if (caret_end > size)
		caret_end = size;
	window = window_of(line, size, caret);

	fprintf(out, "%5u | ", (unsigned)place.line);
	for (size_t i = window.start, step; i < window.end; i += step) {
		step = idl_utf8_step(line + i, size - i);
		if (line[i] == '\t')
			fputc('\t', out);
		else
			put_point(out, line + i, step);
	}
	fputs("\n      | ", out);
	for (size_t i = window.start; i < window.end && (i < caret || i < caret_end);
	     i += idl_utf8_step(line + i, size - i)) {
		bool marked = i >= caret;

		fputc(line[i] == '\t' ? '\t' : marked ? '^' : ' ', out);
		any = any || (marked && line[i] != '\t');
	}
	if (!any)
		fputc('^', out);
	if (fix)
		fprintf(out, " %s", fix);
	fputc('\n', out);
}

static void render_head(FILE *out, const struct idl_span *span, const char *severity)
{
	struct idl_place place;

	if (!span->source) {
		fprintf(out, "%s: ", severity);
		return;
	}
	place = idl_source_place(span->source, span->start);
	fprintf(out, "%s:%u:%u: %s: ", span->source->path, (unsigned)place.line,
		(unsigned)place.column, severity);
}

static void render_diag(const struct idl_diag *diag, FILE *out)
{
	const struct idl_code_info *info = idl_code_info(diag->code);

	render_head(out, &diag->span, diag->severity == IDL_ERROR ? "error" : "warning");
	fprintf(out, "%s [%s]\n", diag->text, info->name);
	if (diag->span.source)
		render_excerpt(out, &diag->span, diag->fix);
	else if (diag->fix)
		fprintf(out, "      | %s\n", diag->fix);
	for (const struct idl_diag_note *note = diag->notes; note; note = note->next) {
		render_head(out, &note->span, "note");
		fprintf(out, "%s\n", note->text);
	}
}

/* Place of a diagnostic in the output: files in order of their first report, then by offset. */
struct rank {
	const struct idl_diag *diag;
	size_t file;
	size_t order;
};

static int rank_compare(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->diag->span.start != y->diag->span.start)
		return x->diag->span.start < y->diag->span.start ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void idl_diags_render(const struct idl_diags *diags, FILE *out)
{
	struct rank ranks[IDL_MAX_DIAGNOSTICS] = {{.diag = NULL}};
	size_t n = 0;

	for (const struct idl_diag *diag = diags->first; diag; diag = diag->next, n++) {
		size_t first = 0;

		ranks[n] = (struct rank){.diag = diag, .file = n, .order = n};
		while (ranks[first].diag->span.source != diag->span.source)
			first++;
		ranks[n].file = ranks[first].file;
	}
	qsort(ranks, n, sizeof(ranks[0]), rank_compare);
	for (size_t i = 0; i < n; i++)
		render_diag(ranks[i].diag, out);
	if (diags->n_left_out)
		fprintf(out, "%u more not shown\n", diags->n_left_out);
}
