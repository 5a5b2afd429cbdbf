// SPDX-License-Identifier: Apache-2.0
#include "idl/layout_priv.h"

#include "idl/arena.h"

/* The records that stand for an exposed buffer in a request. */
#define RECORDS_SIZE ((uint64_t)IDL_RECORD_SIZE * IDL_MAX_RECORDS)

struct method_builder {
	struct idl_arena *arena;
	const struct idl_method *method;
	const struct idl_interface *interface;
	bool exposes_all; /* buffers may be exposed that would be small enough for a message */
};

/* ---- buffers ---- */

/* The most that a sum or product can be, given what its parameters can hold; height bounded. */
static uint64_t extent_max(const struct idl_extent *extent)
{
	switch (extent->kind) {
	case IDL_EXTENT_NUMBER:
		return extent->value;
	case IDL_EXTENT_NAME:
		return extent->param ? idl_scalar_info(extent->param->type->scalar)->max
				     : extent->value;
	case IDL_EXTENT_ADD:
		return idl_size_add(extent_max(extent->left), extent_max(extent->right));
	case IDL_EXTENT_MULTIPLY:
		return idl_size_multiply(extent_max(extent->left), extent_max(extent->right));
	case IDL_EXTENT_RETURN:
		break;
	}
	return 0;
}

static uint64_t room_max(const struct method_builder *b, const struct idl_param *param)
{
	uint64_t max = idl_size_multiply(extent_max(param->room), param->element_size);

	if (param->type->kind == IDL_TYPE_BYTES && param->type->bound && max > param->type->bound)
		max = param->type->bound;
	if (max > b->interface->max_transfer)
		max = b->interface->max_transfer;
	return max / param->element_size * param->element_size;
}

static void set_buffer(const struct method_builder *b, struct idl_wire_field *field)
{
	bool is_oneway = b->method->result == IDL_RESULT_ONEWAY;

	field->kind = IDL_WIRE_BUFFER;
	field->count = 1;
	field->presence_word = IDL_NOT_OPTIONAL;
	field->element = idl_wire_element_of(field->param->type);
	field->bound = field->param->type->bound;
	field->name = field->param->node.name.text;
	field->room_max = room_max(b, field->param);
	field->inline_max = b->interface->max_inline;
	if (is_oneway || field->room_max < field->inline_max)
		field->inline_max = (uint32_t)field->room_max;
	field->may_expose = !is_oneway && (b->exposes_all || field->room_max > field->inline_max);
}

/* What a buffer takes of a request's heap, all of it inline or as records. */
static uint64_t request_heap(const struct idl_wire_field *field, bool is_exposed)
{
	uint64_t size = 0;

	if (is_exposed)
		return RECORDS_SIZE;
	if (field->param->direction != IDL_OUT)
		size = idl_size_round(field->inline_max, IDL_HEAP_ALIGN);
	return field->may_expose && size < RECORDS_SIZE ? RECORDS_SIZE : size;
}

/* ---- roots ---- */

static void add_param(struct idl_block_builder *builder, const struct idl_param *param)
{
	struct idl_wire_field *field = idl_block_add_type(builder, param->type, 0);

	field->param = param;
	field->name = param->node.name.text;
}

static void add_request_param(const struct method_builder *b, struct idl_block_builder *builder,
			      const struct idl_param *param)
{
	struct idl_wire_field *field;

	if (!param->is_buffer) {
		if (param->direction != IDL_OUT)
			add_param(builder, param);
		return;
	}
	field = idl_block_add(builder, IDL_SPAN_SIZE, IDL_SPAN_SIZE);
	field->param = param;
	set_buffer(b, field);
	field->heap_max = request_heap(field, false);
}

static void add_result(const struct method_builder *b, struct idl_block_builder *builder)
{
	enum idl_scalar scalar = b->method->result == IDL_RESULT_INT32 ? IDL_INT32 : IDL_INT64;
	uint32_t size = idl_scalar_info(scalar)->size;
	struct idl_wire_field *field;

	if (b->method->result == IDL_RESULT_VOID)
		return;
	field = idl_block_add(builder, size, size);
	field->kind = IDL_WIRE_RESULT;
	field->scalar = scalar;
	field->name = "result";
}

/* ---- the message around the root ---- */

static uint64_t finish_root(struct idl_message_layout *message, struct idl_block_builder *builder,
			    const struct idl_wire_field **heap, size_t *n_heap)
{
	uint64_t fixed;

	idl_block_close_form(builder, IDL_HEAP_ALIGN);
	message->root = idl_block_finish(builder);
	for (size_t i = 0; i < message->root.n_fields; i++) {
		if (message->root.fields[i].kind >= IDL_WIRE_STRING)
			heap[(*n_heap)++] = &message->root.fields[i];
	}
	fixed = idl_size_add(idl_size_round(builder->end, IDL_HEAP_ALIGN), IDL_HEADER_SIZE);
	message->fixed = (uint32_t)fixed;
	message->heap = heap;
	return fixed;
}

/* False when the largest message has no 32-bit length. */
static bool sum_heap(struct idl_message_layout *message, uint64_t fixed, bool is_request)
{
	uint64_t min = fixed, max = fixed, max_exposed = fixed;

	for (size_t i = 0; i < message->n_heap; i++) {
		const struct idl_wire_field *f = message->heap[i];
		uint64_t exposed = f->heap_max;

		if (f->kind == IDL_WIRE_BUFFER && f->may_expose)
			exposed = is_request ? request_heap(f, true) : 0;
		min = idl_size_add(min, idl_wire_heap_min(f));
		max = idl_size_add(max, f->heap_max);
		max_exposed = idl_size_add(max_exposed, exposed);
	}
	message->is_simple = message->n_heap == 0;
	message->min = (uint32_t)min;
	message->max = (uint32_t)max;
	message->max_exposed = (uint32_t)max_exposed;
	return max <= UINT32_MAX;
}

static bool layout_request(const struct method_builder *b, struct idl_message_layout *request)
{
	const struct idl_wire_field **heap = idl_arena_array(b->arena, b->method->n_params + 1,
							     sizeof(struct idl_wire_field *));
	struct idl_block_builder builder;
	uint64_t fixed;

	idl_block_init(&builder, b->arena, b->method->n_params);
	for (const struct idl_param *p = b->method->params; p; p = p->next)
		add_request_param(b, &builder, p);
	request->n_heap = 0;
	fixed = finish_root(request, &builder, heap, &request->n_heap);
	return sum_heap(request, fixed, true);
}

/* Buffers have no field in a reply: they follow whatever has, in order of declaration. */
static void add_reply_buffers(const struct method_builder *b, struct idl_message_layout *reply,
			      const struct idl_wire_field **heap)
{
	for (const struct idl_param *p = b->method->params; p; p = p->next) {
		struct idl_wire_field *field;

		if (!p->is_buffer || p->direction == IDL_IN)
			continue;
		field = idl_arena_alloc(b->arena, sizeof(*field));
		field->param = p;
		set_buffer(b, field);
		field->heap_max = idl_size_round(field->inline_max, IDL_HEAP_ALIGN);
		heap[reply->n_heap++] = field;
	}
}

static bool layout_reply(const struct method_builder *b, struct idl_message_layout *reply)
{
	const struct idl_wire_field **heap = idl_arena_array(b->arena, b->method->n_params + 1,
							     sizeof(struct idl_wire_field *));
	struct idl_block_builder builder;
	uint64_t fixed;

	idl_block_init(&builder, b->arena, b->method->n_params + 1);
	add_result(b, &builder);
	for (const struct idl_param *p = b->method->params; p; p = p->next) {
		if (!p->is_buffer && p->direction != IDL_IN)
			add_param(&builder, p);
	}
	reply->n_heap = 0;
	fixed = finish_root(reply, &builder, heap, &reply->n_heap);
	add_reply_buffers(b, reply, heap);
	return sum_heap(reply, fixed, false);
}

/* A oneway method has no reply: an empty root, and every size 0. */
static void layout_no_reply(const struct method_builder *b, struct idl_message_layout *reply)
{
	struct idl_block_builder builder;

	idl_block_init(&builder, b->arena, 0);
	idl_block_close_form(&builder, IDL_HEAP_ALIGN);
	*reply = (struct idl_message_layout){
		.root = idl_block_finish(&builder),
		.is_simple = true,
	};
}

/* ---- methods ---- */

static const char *layout_messages(const struct method_builder *b, struct idl_method_layout *layout)
{
	if (!layout_request(b, &layout->request))
		return "request";
	if (b->method->result == IDL_RESULT_ONEWAY)
		layout_no_reply(b, &layout->reply);
	else if (!layout_reply(b, &layout->reply))
		return "reply";
	return NULL;
}

static void list_buffers(const struct method_builder *b, struct idl_method_layout *layout)
{
	const struct idl_param **buffers = idl_arena_array(b->arena, b->method->n_params + 1,
							   sizeof(struct idl_param *));

	for (const struct idl_param *p = b->method->params; p; p = p->next) {
		if (!p->is_buffer)
			continue;
		buffers[layout->n_buffers++] = p;
		if (p->direction != IDL_IN)
			layout->n_out_buffers++;
	}
	layout->buffers = buffers;
}

struct idl_method_layout *idl_layout_method(struct idl_arena *arena, const struct idl_decl *decl,
					    const struct idl_interface *interface,
					    const char **ret_too_large)
{
	struct idl_method_layout *layout = idl_arena_alloc(arena, sizeof(*layout));
	struct method_builder b = {
		.arena = arena,
		.method = &decl->u.method,
		.interface = interface,
	};

	*ret_too_large = layout_messages(&b, layout);
	/* Several small buffers may not fit together: then any of them may be exposed instead. */
	if (!*ret_too_large && (layout->request.max > interface->max_message ||
				layout->reply.max > interface->max_message)) {
		b.exposes_all = true;
		*ret_too_large = layout_messages(&b, layout);
	}
	list_buffers(&b, layout);
	for (size_t i = 0; i < layout->request.root.n_fields; i++)
		layout->arena_max = idl_size_add(
			layout->arena_max, idl_wire_arena_max(&layout->request.root.fields[i]));
	layout->is_simple = layout->request.is_simple && layout->reply.is_simple;
	return layout;
}
