// SPDX-License-Identifier: Apache-2.0
/* Which types need functions of their own, and the checks of closed enums and frozen structs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/c_types.h"
#include "codegen/gen.h"
#include "codegen/wire.h"

/* Types that messages use, in order of discovery. */
struct need {
	const struct idl_decl *decl;
	bool is_zero_asked; /* a growing struct in a field of a later version */
};

struct needs {
	struct gen_emit *e;
	struct need *list;
	size_t n;
	size_t capacity;
};

const char *gen_wire_name(struct gen_emit *e, const struct idl_decl *decl, const char *verb)
{
	return gen_format(e, "%s__%s", decl->c_name, verb);
}

const char *gen_struct_size(struct gen_emit *e, const struct idl_decl *decl, const char *minor)
{
	const struct idl_wire_block *const block = &decl->u.structure.layout->block;

	if (block->n_forms == 1)
		return gen_format(e, "%" PRIu32 "u", block->forms[0].size);
	return gen_format(e, "%s(%s)", gen_wire_name(e, decl, "size"), minor);
}

const char *gen_field_bytes(struct gen_emit *e, const struct gen_place *place,
			    const struct idl_wire_field *field)
{
	return gen_format(e, "%s + %" PRIu32, place->bytes, place->skip + field->offset);
}

const char *gen_field_at(struct gen_emit *e, const struct gen_place *place,
			 const struct idl_wire_field *field)
{
	return gen_format(e, "%s%" PRIu32, place->at, place->skip + field->offset);
}

static bool is_closed(const struct idl_decl *decl)
{
	return decl && decl->kind == IDL_DECL_ENUM && decl->u.enumeration.is_closed;
}

bool gen_kind_is_checked(enum idl_wire_kind kind, enum idl_scalar scalar,
			 const struct idl_decl *decl)
{
	if (kind == IDL_WIRE_FROZEN)
		return decl->u.structure.layout->is_checked;
	return kind == IDL_WIRE_SCALAR && (scalar == IDL_BOOL || is_closed(decl));
}

/* ---- discovery ---- */

/* Whether it was there already. */
static bool need_add(struct needs *needs, const struct idl_decl *decl, bool is_zero_asked)
{
	for (size_t i = 0; i < needs->n; i++) {
		if (needs->list[i].decl != decl)
			continue;
		const bool is_known = needs->list[i].is_zero_asked || !is_zero_asked;
		needs->list[i].is_zero_asked |= is_zero_asked;
		return is_known;
	}
	if (needs->n == needs->capacity) {
		const size_t capacity = needs->capacity ? needs->capacity * 2 : 64;
		struct need *const list = idl_arena_array(&needs->e->arena, capacity,
							  sizeof(*list));

		if (needs->n)
			memcpy(list, needs->list, needs->n * sizeof(*list));
		needs->list = list;
		needs->capacity = capacity;
	}
	needs->list[needs->n++] = (struct need){decl, is_zero_asked};
	return false;
}

static void need_decl(struct needs *needs, const struct idl_decl *decl, bool is_zero_asked);

/* What a frozen struct holds, by its own fields: it has no block. Nesting ends, as types do. */
static void need_frozen(struct needs *needs, const struct idl_decl *decl)
{
	for (const struct idl_field *f = decl->u.structure.fields; f; f = f->next)
		if (f->type->kind == IDL_TYPE_NAMED)
			need_decl(needs, f->type->decl, false);
}

static void need_block(struct needs *needs, const struct idl_wire_block *block, bool is_zero_asked)
{
	for (size_t i = 0; i < block->n_fields; i++) {
		const struct idl_wire_field *const f = &block->fields[i];

		if (f->decl)
			need_decl(needs, f->decl,
				  f->kind == IDL_WIRE_STRUCT &&
					  (is_zero_asked || f->since_minor > 0));
		if (f->kind == IDL_WIRE_SEQUENCE && f->element.decl)
			need_decl(needs, f->element.decl, false);
	}
}

static void need_decl(struct needs *needs, const struct idl_decl *decl, bool is_zero_asked)
{
	if (decl->kind == IDL_DECL_ENUM) {
		if (decl->u.enumeration.is_closed)
			need_add(needs, decl, false);
		return;
	}
	const struct idl_struct *const s = &decl->u.structure;
	if (s->is_frozen_type && !s->layout->is_checked)
		return;
	if (need_add(needs, decl, is_zero_asked))
		return;
	if (s->is_frozen_type)
		need_frozen(needs, decl);
	else
		need_block(needs, &s->layout->block, is_zero_asked);
}

static void needs_collect(struct needs *needs, const struct idl_file *file)
{
	for (const struct idl_decl *d = file->decls; d; d = d->next) {
		if (d->kind != IDL_DECL_INTERFACE)
			continue;
		for (const struct idl_decl *m = d->u.interface.decls; m; m = m->next) {
			if (m->kind != IDL_DECL_METHOD)
				continue;
			need_block(needs, &m->u.method.layout->request.root, false);
			need_block(needs, &m->u.method.layout->reply.root, false);
		}
	}
}

/* ---- checks ---- */

static void check_enum(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_enum *const en = &decl->u.enumeration;
	bool has_later = false;

	gen_emit(e,
		 "static bool $name$($type$ value, unsigned minor)\n"
		 "{\n"
		 "\tswitch (value) {\n",
		 "name", gen_wire_name(e, decl, "valid"), "type",
		 idl_scalar_info(en->scalar)->c_type, NULL);
	for (const struct idl_item *item = en->items; item; item = item->next) {
		if (decl->owner && item->since.minor > 0)
			has_later = true;
		else
			gen_emit(e, "\tcase $value$:\n", "value", item->c_name, NULL);
	}
	if (has_later)
		gen_emit(e, "\t\treturn true;\n", NULL);
	for (const struct idl_item *item = en->items; has_later && item; item = item->next)
		if (item->since.minor > 0)
			gen_emit(e, "\tcase $value$:\n\t\treturn minor >= $since$;\n", "value",
				 item->c_name, "since", gen_number(e, item->since.minor), NULL);
	if (!has_later)
		gen_emit(e, "\t\t(void)minor;\n\t\treturn true;\n", NULL);
	gen_emit(e, "\tdefault:\n\t\treturn false;\n\t}\n}\n\n", NULL);
}

/* The statement that checks one field of a frozen struct, or all elements of one. */
static void check_frozen_field(struct gen_emit *e, const struct idl_decl *decl,
			       const struct idl_field *field)
{
	const struct idl_type *const type = field->type;
	const enum idl_scalar scalar = gen_type_scalar(type);
	const uint32_t offset = decl->u.structure.layout->c_offsets[field->index];
	const uint32_t count = field->array_size ? field->array_size : 1;
	const char *const place = gen_format(e, "bytes + %" PRIu32, offset);
	const char *test;
	uint32_t size;

	if (scalar == IDL_BOOL) {
		gen_emit(e, "\tif (!vb_is_bool($place$, $count$))\n\t\treturn false;\n", "place",
			 place, "count", gen_number(e, count), NULL);
		return;
	}
	if (gen_type_is_struct(type)) {
		if (!type->decl->u.structure.layout->is_checked)
			return;
		size = type->decl->u.structure.layout->c_size;
		test = gen_format(e, "%s($place$, minor)", gen_wire_name(e, type->decl, "valid"));
	} else if (type->kind == IDL_TYPE_NAMED && is_closed(type->decl)) {
		size = idl_scalar_info(scalar)->size;
		test = gen_format(e, "%s(vb_get_%s($place$), minor)",
				  gen_wire_name(e, type->decl, "valid"),
				  idl_scalar_info(scalar)->name);
	} else {
		return;
	}
	if (!field->array_size) {
		gen_emit(e, gen_format(e, "\tif (!%s)\n\t\treturn false;\n", test), "place", place,
			 NULL);
		return;
	}
	gen_emit(e, "\tfor (uint32_t i = 0; i < $count$; i++)\n", "count", gen_number(e, count),
		 NULL);
	gen_emit(e, gen_format(e, "\t\tif (!%s)\n\t\t\treturn false;\n", test), "place",
		 gen_format(e, "%s + i * %" PRIu32, place, size), NULL);
}

static void check_frozen(struct gen_emit *e, const struct idl_decl *decl)
{
	gen_emit(e,
		 "static bool $name$(const void *place, unsigned minor)\n"
		 "{\n"
		 "\tconst uint8_t *const bytes = (const uint8_t *)place;\n\n"
		 "\t(void)minor;\n",
		 "name", gen_wire_name(e, decl, "valid"), NULL);
	for (const struct idl_field *f = decl->u.structure.fields; f; f = f->next)
		check_frozen_field(e, decl, f);
	gen_emit(e, "\treturn true;\n}\n\n", NULL);
}

/* ---- sizes ---- */

static void struct_size(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_wire_block *const block = &decl->u.structure.layout->block;

	if (block->n_forms == 1)
		return;
	gen_emit(e, "static uint32_t $name$(unsigned minor)\n{\n", "name",
		 gen_wire_name(e, decl, "size"), NULL);
	for (size_t i = block->n_forms - 1; i > 0; i--)
		gen_emit(e, "\tif (minor >= $minor$)\n\t\treturn $size$;\n", "minor",
			 gen_number(e, block->forms[i].minor), "size",
			 gen_number(e, block->forms[i].size), NULL);
	gen_emit(e, "\treturn $size$;\n}\n\n", "size", gen_number(e, block->forms[0].size), NULL);
}

static void emit_needed(struct gen_emit *e, const struct needs *needs, const struct idl_decl *decls)
{
	for (const struct idl_decl *d = decls; d; d = d->next) {
		const struct need *need = NULL;

		if (d->kind == IDL_DECL_INTERFACE)
			emit_needed(e, needs, d->u.interface.decls);
		for (size_t i = 0; i < needs->n && !need; i++)
			if (needs->list[i].decl == d)
				need = &needs->list[i];
		if (!need)
			continue;
		if (d->kind == IDL_DECL_ENUM) {
			check_enum(e, d);
		} else if (d->u.structure.is_frozen_type) {
			check_frozen(e, d);
		} else {
			struct_size(e, d);
			if (need->is_zero_asked) {
				gen_zero_struct(e, d);
				gen_default_struct(e, d);
			}
			gen_put_struct(e, d);
			gen_get_struct(e, d);
		}
	}
}

void gen_wire(struct gen_emit *e, const struct idl_program *program)
{
	struct needs needs = {.e = e};

	needs_collect(&needs, program->main);
	/* Files, and declarations in them, come after what they use. */
	for (const struct idl_file *file = program->files; file; file = file->next)
		emit_needed(e, &needs, file->decls);
}
