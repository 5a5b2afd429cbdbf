// SPDX-License-Identifier: Apache-2.0
#include "codegen/emit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY (64u << 10)
#define TAB_COLUMNS    8u

void gen_emit_init(struct gen_emit *e)
{
	*e = (struct gen_emit){0};
	idl_arena_init(&e->arena);
}

void gen_emit_release(struct gen_emit *e)
{
	free(e->text);
	idl_arena_release(&e->arena);
	*e = (struct gen_emit){0};
}

static void emit_raw(struct gen_emit *e, const char *bytes, size_t size)
{
	if (size > e->capacity - e->size) {
		size_t capacity = e->capacity ? e->capacity : FIRST_CAPACITY;

		while (capacity - e->size < size)
			capacity *= 2;
		char *text = realloc(e->text, capacity);
		if (!text)
			idl_out_of_memory();
		e->text = text;
		e->capacity = capacity;
	}
	memcpy(e->text + e->size, bytes, size);
	e->size += size;
}

/* Bytes of one line, or of its beginning or end: no newline among them. */
static void emit_inside(struct gen_emit *e, const char *bytes, size_t size)
{
	if (!size)
		return;
	if (!e->is_inside_line)
		for (unsigned i = 0; i < e->depth; i++)
			emit_raw(e, "\t", 1);
	e->is_inside_line = true;
	emit_raw(e, bytes, size);
}

static void emit_text(struct gen_emit *e, const char *text, size_t size)
{
	while (size) {
		const char *newline = memchr(text, '\n', size);
		const size_t line = newline ? (size_t)(newline - text) : size;

		emit_inside(e, text, line);
		text += line;
		size -= line;
		if (newline) {
			emit_raw(e, "\n", 1);
			e->is_inside_line = false;
			text++;
			size--;
		}
	}
}

static bool name_equal(const char *name, const char *text, size_t size)
{
	return strlen(name) == size && memcmp(name, text, size) == 0;
}

static const char *var_find(const struct gen_emit *e, const char *name, size_t size, va_list pairs)
{
	for (;;) {
		const char *const pair = va_arg(pairs, const char *);

		if (!pair)
			break;
		const char *const value = va_arg(pairs, const char *);
		if (name_equal(pair, name, size))
			return value;
	}
	for (unsigned i = 0; i < e->n_vars; i++)
		if (name_equal(e->vars[i].name, name, size))
			return e->vars[i].value;
	fprintf(stderr, "verbenac: internal error: no value for $%.*s$\n", (int)size, name);
	abort();
}

void gen_emit(struct gen_emit *e, const char *text, ...)
{
	for (;;) {
		const char *const dollar = strchr(text, '$');

		if (!dollar) {
			emit_text(e, text, strlen(text));
			return;
		}
		emit_text(e, text, (size_t)(dollar - text));
		const char *const end = strchr(dollar + 1, '$');
		if (!end) {
			fprintf(stderr, "verbenac: internal error: one dollar in '%s'\n", dollar);
			abort();
		}
		if (end == dollar + 1) {
			emit_text(e, "$", 1);
		} else {
			va_list pairs;

			va_start(pairs, text);
			const char *const value = var_find(e, dollar + 1,
							   (size_t)(end - dollar - 1), pairs);
			va_end(pairs);
			emit_text(e, value, strlen(value));
		}
		text = end + 1;
	}
}

void gen_emit_set(struct gen_emit *e, const char *name, const char *value)
{
	for (unsigned i = 0; i < e->n_vars; i++) {
		if (name_equal(e->vars[i].name, name, strlen(name))) {
			e->vars[i].value = value;
			return;
		}
	}
	if (e->n_vars == GEN_MAX_VARS) {
		fprintf(stderr, "verbenac: internal error: too many names\n");
		abort();
	}
	e->vars[e->n_vars++] = (struct gen_var){name, value};
}

void gen_emit_indent(struct gen_emit *e)
{
	e->depth++;
}

void gen_emit_outdent(struct gen_emit *e)
{
	e->depth--;
}

const char *gen_format(struct gen_emit *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const char *const text = idl_arena_vprintf(&e->arena, format, args);
	va_end(args);
	return text;
}

const char *gen_number(struct gen_emit *e, uint64_t number)
{
	return gen_format(e, "%" PRIu64, number);
}

/* Columns that text takes after what stands at `column`. */
static unsigned columns_after(unsigned column, const char *text)
{
	for (; *text; text++)
		column += *text == '\t' ? TAB_COLUMNS - column % TAB_COLUMNS : 1;
	return column;
}

void gen_emit_list(struct gen_emit *e, const char *head, const char *const *items, size_t n_items,
		   const char *tail)
{
	/* A head may have lines before its last. */
	const char *const newline = strrchr(head, '\n');
	const char *const last = newline ? newline + 1 : head;
	const unsigned start = columns_after(e->depth * TAB_COLUMNS, last);
	unsigned column = start;

	emit_text(e, head, strlen(head));
	for (size_t i = 0; i < n_items; i++) {
		const char *const after = i + 1 < n_items ? "," : tail;
		const unsigned width = columns_after(0, items[i]);
		const unsigned room = columns_after(0, after);

		if (i > 0 && column + 1 + width + room > GEN_COLUMNS) {
			emit_raw(e, "\n", 1);
			for (unsigned tab = 0; tab < start / TAB_COLUMNS; tab++)
				emit_raw(e, "\t", 1);
			for (unsigned blank = 0; blank < start % TAB_COLUMNS; blank++)
				emit_raw(e, " ", 1);
			column = start;
		} else if (i > 0) {
			emit_raw(e, " ", 1);
			column++;
		}
		emit_text(e, items[i], strlen(items[i]));
		column += width;
		if (i + 1 < n_items) {
			emit_raw(e, ",", 1);
			column++;
		}
	}
	emit_text(e, tail, strlen(tail));
}
