// SPDX-License-Identifier: Apache-2.0
#include "idl/layout.h"

#include <stdlib.h>

#include "idl/idl.h"

/*
 * Only what is on the wire is printed: a rule, a comment or the value of a constant that changes
 * no byte leaves the text as it is. Names of constants are printed as their values.
 */

struct printer {
	FILE *out;
	uint32_t major;
};

/* ---- types and extents ---- */

static void print_type(const struct printer *p, const struct idl_type *type)
{
	switch (type->kind) {
	case IDL_TYPE_SCALAR:
		fprintf(p->out, "%s", idl_scalar_info(type->scalar)->name);
		break;
	case IDL_TYPE_STRING:
		fprintf(p->out, "string<%u>", type->bound);
		break;
	case IDL_TYPE_BYTES:
		fprintf(p->out, "bytes");
		if (type->bound)
			fprintf(p->out, "<%u>", type->bound);
		break;
	case IDL_TYPE_SEQUENCE:
		fprintf(p->out, "sequence<");
		print_type(p, type->element);
		fprintf(p->out, ", %u>", type->bound);
		break;
	case IDL_TYPE_NAMED:
		fprintf(p->out, "%s", type->name.full);
		break;
	}
}

/* A sum within a product cannot be written, so no parentheses are needed. */
static void print_extent(const struct printer *p, const struct idl_extent *extent)
{
	switch (extent->kind) {
	case IDL_EXTENT_RETURN:
		fprintf(p->out, "return");
		return;
	case IDL_EXTENT_NUMBER:
		fprintf(p->out, "%llu", (unsigned long long)extent->value);
		return;
	case IDL_EXTENT_NAME:
		if (extent->param)
			fprintf(p->out, "%s", extent->param->node.name.text);
		else
			fprintf(p->out, "%llu", (unsigned long long)extent->value);
		return;
	case IDL_EXTENT_ADD:
	case IDL_EXTENT_MULTIPLY:
		break;
	}
	print_extent(p, extent->left);
	fprintf(p->out, extent->kind == IDL_EXTENT_ADD ? " + " : " * ");
	print_extent(p, extent->right);
}

static const char *direction_name(enum idl_direction direction)
{
	static const char *const names[] = {
		[IDL_IN] = "in",
		[IDL_OUT] = "out",
		[IDL_INOUT] = "inout",
	};

	return names[direction];
}

static void print_param(const struct printer *p, const struct idl_param *param)
{
	fprintf(p->out, "%s ", direction_name(param->direction));
	print_type(p, param->type);
	fprintf(p->out, " %s", param->node.name.text);
	if (!param->is_buffer)
		return;
	fprintf(p->out, "[");
	print_extent(p, param->room);
	if (param->direction != IDL_IN) {
		fprintf(p->out, " : ");
		print_extent(p, param->length);
	}
	fprintf(p->out, "]");
}

/* ---- blocks ---- */

static void print_bytes(const struct printer *p, uint32_t offset, uint32_t size)
{
	fprintf(p->out, "  %6u %6u  ", offset, size);
}

static void print_field(const struct printer *p, const struct idl_wire_field *field)
{
	print_bytes(p, field->offset, field->size);
	if (field->param) {
		print_param(p, field->param);
	} else if (field->field) {
		print_type(p, field->field->type);
		fprintf(p->out, " %s", field->name);
		if (field->is_array)
			fprintf(p->out, "[%u]", field->count);
	} else {
		fprintf(p->out, "%s %s", idl_scalar_info(field->scalar)->name, field->name);
	}
	if (field->presence_word != IDL_NOT_OPTIONAL)
		fprintf(p->out, "  presence%u bit %u", field->presence_word, field->presence_bit);
	if (field->since_minor > 0)
		fprintf(p->out, "  since %u.%u", p->major, field->since_minor);
	fprintf(p->out, "\n");
}

/* Fields and gaps of the last form, by offset. */
static void print_block(const struct printer *p, const struct idl_wire_block *block)
{
	const struct idl_wire_form *form = &block->forms[block->n_forms - 1];
	size_t gap = 0;

	for (uint32_t i = 0; i <= form->n_fields; i++) {
		uint32_t offset = i < form->n_fields ? block->fields[i].offset : form->size;

		while (gap < form->n_gaps && form->gaps[gap].offset < offset) {
			print_bytes(p, form->gaps[gap].offset, form->gaps[gap].size);
			fprintf(p->out, "zero\n");
			gap++;
		}
		if (i < form->n_fields)
			print_field(p, &block->fields[i]);
	}
}

/* ---- declarations ---- */

static void print_struct(const struct printer *p, const struct idl_decl *decl)
{
	const struct idl_struct *structure = &decl->u.structure;
	const struct idl_struct_layout *layout = structure->layout;

	if (!structure->is_frozen_type) {
		fprintf(p->out, "\nstruct %s\n", decl->node.name.text);
		for (size_t i = 0; i < layout->block.n_forms; i++)
			fprintf(p->out, "  %u.%u  size %u align %u\n", p->major,
				layout->block.forms[i].minor, layout->block.forms[i].size,
				layout->block.forms[i].align);
		print_block(p, &layout->block);
		return;
	}
	fprintf(p->out, "\nfrozen struct %s  size %u align %u\n", decl->node.name.text,
		layout->c_size, layout->c_align);
	for (const struct idl_field *f = structure->fields; f; f = f->next) {
		print_bytes(p, layout->c_offsets[f->index], (uint32_t)idl_layout_c_field_size(f));
		print_type(p, f->type);
		fprintf(p->out, " %s", f->node.name.text);
		if (f->array_size)
			fprintf(p->out, "[%u]", f->array_size);
		fprintf(p->out, "\n");
	}
}

static void print_enum(const struct printer *p, const struct idl_decl *decl)
{
	const struct idl_enum *e = &decl->u.enumeration;

	fprintf(p->out, "\n%senum %s : %s\n", e->is_closed ? "closed " : "", decl->node.name.text,
		idl_scalar_info(e->scalar)->name);
	for (const struct idl_item *i = e->items; i; i = i->next) {
		if (i->value.is_negative)
			fprintf(p->out, "  %lld  %s", (long long)i->value.bits, i->node.name.text);
		else
			fprintf(p->out, "  %llu  %s", (unsigned long long)i->value.bits,
				i->node.name.text);
		if (i->since.minor > 0)
			fprintf(p->out, "  since %u.%u", i->since.major, i->since.minor);
		fprintf(p->out, "\n");
	}
}

static void print_message(const struct printer *p, const struct idl_message_layout *message,
			  const char *what)
{
	fprintf(p->out, " %s  fixed %u\n", what, message->fixed);
	print_block(p, &message->root);
	for (size_t i = 0; i < message->n_heap; i++) {
		fprintf(p->out, "  %13s  ", "heap");
		print_param(p, message->heap[i]->param);
		fprintf(p->out, "\n");
	}
}

static void print_method(const struct printer *p, const struct idl_decl *decl)
{
	const struct idl_method *m = &decl->u.method;
	static const char *const results[] = {
		[IDL_RESULT_VOID] = "void",   [IDL_RESULT_INT32] = "int32",
		[IDL_RESULT_INT64] = "int64", [IDL_RESULT_ONEWAY] = "oneway void",
		[IDL_RESULT_OTHER] = "",
	};

	fprintf(p->out, "\nmethod %llu  %s %s", (unsigned long long)m->number, results[m->result],
		decl->node.name.text);
	if (m->is_idempotent)
		fprintf(p->out, "  idempotent");
	if (m->since.minor > 0)
		fprintf(p->out, "  since %u.%u", m->since.major, m->since.minor);
	fprintf(p->out, "\n");
	print_message(p, &m->layout->request, "request");
	if (m->result != IDL_RESULT_ONEWAY)
		print_message(p, &m->layout->reply, "reply");
}

static void print_type_decl(const struct printer *p, const struct idl_decl *decl)
{
	if (decl->kind == IDL_DECL_STRUCT)
		print_struct(p, decl);
	else if (decl->kind == IDL_DECL_ENUM)
		print_enum(p, decl);
}

struct numbered {
	uint64_t number;
	const struct idl_decl *method;
};

static int compare_numbers(const void *left, const void *right)
{
	const struct numbered *a = left, *b = right;

	return a->number < b->number ? -1 : 1;
}

/* Methods by number, so that moving one in the text moves nothing here. */
static void print_interface(struct printer *p, const struct idl_decl *interface)
{
	const struct idl_interface *i = &interface->u.interface;
	struct numbered *methods = calloc(i->n_methods + 1, sizeof(*methods));
	size_t n = 0;

	if (!methods)
		idl_out_of_memory();
	p->major = i->version.major;
	fprintf(p->out, "\ninterface %s @0x%016llx version %u.%u\n", interface->node.name.text,
		(unsigned long long)i->id, i->version.major, i->version.minor);
	for (const struct idl_decl *d = i->decls; d; d = d->next) {
		if (d->kind == IDL_DECL_METHOD)
			methods[n++] = (struct numbered){d->u.method.number, d};
		else
			print_type_decl(p, d);
	}
	qsort(methods, n, sizeof(*methods), compare_numbers);
	for (size_t k = 0; k < n; k++)
		print_method(p, methods[k].method);
	free(methods);
}

void idl_layout_print(const struct idl_program *program, FILE *out)
{
	struct printer p = {.out = out};

	fprintf(out, "package %s\n", program->main->package.name.full);
	for (const struct idl_decl *d = program->main->decls; d; d = d->next) {
		if (d->kind == IDL_DECL_INTERFACE)
			print_interface(&p, d);
		else
			print_type_decl(&p, d);
	}
}
