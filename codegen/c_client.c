// SPDX-License-Identifier: Apache-2.0
/* The client half: checks, stores, one call, and the answer. */
#include <inttypes.h>

#include "codegen/c_extent.h"
#include "codegen/c_types.h"
#include "codegen/gen.h"
#include "codegen/stub.h"
#include "codegen/wire.h"

static const struct gen_place request_place = {
	.io = "&vb_w",
	.bytes = "vb_msg",
	.at = "",
	.skip = IDL_HEADER_SIZE,
	.minor = "vb_self->minor",
	.fail = "return vb_stub_refuse(vb_self, vb_called, $error$);",
};

static const struct gen_place reply_place = {
	.io = "&vb_r",
	.bytes = "vb_ans",
	.at = "",
	.skip = IDL_HEADER_SIZE,
	.minor = "vb_self->minor",
	.fail = "return vb_stub_bad_reply(vb_self, vb_called);",
};

static void refuse_if(struct gen_emit *e, const char *condition, const char *error)
{
	gen_emit(e,
		 "if ($condition$)\n"
		 "\treturn vb_stub_refuse(vb_self, vb_called, $error$);\n",
		 "condition", condition, "error", error, NULL);
}

static void bad_if(struct gen_emit *e, const char *condition)
{
	gen_emit(e, "if ($condition$)\n\treturn vb_stub_bad_reply(vb_self, vb_called);\n",
		 "condition", condition, NULL);
}

static bool is_inout_scalar(const struct idl_param *p)
{
	return p->direction == IDL_INOUT && !p->is_buffer && !gen_type_is_struct(p->type);
}

/* A parameter in a room: what the caller has given. */
static const char *room_value(struct gen_emit *e, const void *context,
			      const struct idl_param *param)
{
	(void)context;
	return gen_format(e, "%s%s", is_inout_scalar(param) ? "vb_in_" : "", param->node.name.text);
}

/* A parameter in a length: what came back, if it comes back. */
static const char *length_value(struct gen_emit *e, const void *context,
				const struct idl_param *param)
{
	const struct gen_method *const m = context;

	if (param->direction == IDL_IN)
		return param->node.name.text;
	return gen_root_scalar(e, "vb_ans", gen_field_of(&m->layout->reply, param));
}

/* ---- before anything is written ---- */

static void client_inouts(struct gen_emit *e, const struct gen_method *m)
{
	for (const struct idl_param *p = m->method->params; p; p = p->next) {
		const char *const name = p->node.name.text;

		if (!is_inout_scalar(p))
			continue;
		refuse_if(e, gen_format(e, "!%s", name), "EFAULT");
		gen_emit(e, "$type$ vb_in_$name$ = *$name$;\n", "type", gen_c_type(e, p->type),
			 "name", name, NULL);
	}
}

/* A short read is legal: the room is lowered to what a call may move. */
static void client_clamp(struct gen_emit *e, const struct gen_method *m,
			 const struct idl_param *buffer)
{
	const struct idl_param *const room = buffer->room->param;
	const struct idl_scalar_info *const info = idl_scalar_info(gen_type_scalar(room->type));
	const uint64_t max = gen_units_max(m, buffer);
	const char *const name = room_value(e, m, room);

	if (info->is_signed)
		refuse_if(e, gen_format(e, "%s < 0", name), "EMSGSIZE");
	if (info->max > max)
		gen_emit(e, "if ($name$ > $macro$($max$))\n\t$name$ = $macro$($max$);\n", "name",
			 name, "macro", info->constant_macro, "max", gen_number(e, max), NULL);
}

static void client_room(struct gen_emit *e, const struct gen_method *m, size_t index)
{
	static const char *const directions[] = {
		[IDL_IN] = "VB_IN", [IDL_OUT] = "VB_OUT", [IDL_INOUT] = "VB_INOUT"};
	const struct idl_param *const p = m->layout->buffers[index];
	const uint64_t max = gen_units_max(m, p);
	const char *const name = p->node.name.text;

	gen_emit(e, "const uint64_t vb_units_$name$ = $room$;\n", "name", name, "room",
		 gen_extent(e, p->room, "", room_value, m), NULL);
	if (!p->room->is_constant && !p->is_clamped && gen_extent_max(p->room) > max)
		refuse_if(e, gen_format(e, "vb_units_%s > UINT64_C(%" PRIu64 ")", name, max),
			  "EMSGSIZE");
	gen_emit(e,
		 "vb_buf[$index$] = (struct vb_buffer){\n"
		 "\t.address = $address$,\n"
		 "\t.room = $room$,\n"
		 "\t.direction = $direction$,\n"
		 "$flags$"
		 "};\n",
		 "index", gen_number(e, index), "address",
		 p->direction == IDL_IN ? gen_format(e, "(void *)(uintptr_t)%s", name) : name,
		 "room", gen_bytes_of(e, gen_format(e, "vb_units_%s", name), p->element_size),
		 "direction", directions[p->direction], "flags",
		 p->is_direct ? "\t.flags = VB_BUFFER_DIRECT,\n" : "", NULL);
}

static void client_prepare(struct gen_emit *e, const struct gen_method *m)
{
	if (m->method->since.minor > 0)
		refuse_if(e, gen_format(e, "vb_self->minor < %" PRIu32, m->method->since.minor),
			  "ENOSYS");
	client_inouts(e, m);
	for (size_t i = 0; i < m->layout->n_buffers; i++)
		if (m->layout->buffers[i]->is_clamped)
			client_clamp(e, m, m->layout->buffers[i]);
	for (size_t i = 0; i < m->layout->n_buffers; i++)
		client_room(e, m, i);
}

/* ---- the request ---- */

/* Heap bytes of one field that comes after a buffer, as an expression. */
static const char *rest_of_field(struct gen_emit *e, const struct idl_wire_field *field)
{
	const char *const name = field->name;
	const char *const bytes = gen_bytes_of(e, gen_format(e, "vb_units_%s", name),
					       field->element.size);

	switch (field->kind) {
	case IDL_WIRE_STRING:
		return gen_format(e, "vb_string_room(%s, %" PRIu32 ")", name, field->bound);
	case IDL_WIRE_BYTES:
		return gen_format(e, "vb_round_up(n_%s)", name);
	case IDL_WIRE_BUFFER:
		if (field->may_expose)
			return gen_format(e, "vb_records_size(%s)", bytes);
		if (field->param->direction == IDL_OUT)
			return "0";
		return gen_format(e, "vb_round_up(%s)", bytes);
	case IDL_WIRE_SEQUENCE:
		if (field->element.kind == IDL_WIRE_SCALAR ||
		    field->element.kind == IDL_WIRE_FROZEN)
			return gen_format(e, "vb_round_up((uint64_t)n_%s * %" PRIu32 ")", name,
					  field->element.size);
		/* Only walking it would tell. */
		return gen_number(e, field->heap_max);
	default:
		return gen_number(e, field->heap_max);
	}
}

/* What the fields behind the one at `index` of the heap take. */
static const char *rest_of_heap(struct gen_emit *e, const struct idl_message_layout *request,
				size_t index)
{
	const char *text = NULL;

	if (request->heap[index]->param->direction == IDL_OUT || !request->heap[index]->may_expose)
		return "0";
	for (size_t i = index + 1; i < request->n_heap; i++) {
		const char *const rest = rest_of_field(e, request->heap[i]);

		text = text ? gen_format(e, "%s + %s", text, rest) : rest;
	}
	return text ? text : "0";
}

static size_t heap_index(const struct idl_message_layout *message,
			 const struct idl_wire_field *field)
{
	size_t i = 0;

	while (i + 1 < message->n_heap && message->heap[i] != field)
		i++;
	return i;
}

static size_t buffer_index(const struct gen_method *m, const struct idl_param *param)
{
	size_t i = 0;

	while (i + 1 < m->layout->n_buffers && m->layout->buffers[i] != param)
		i++;
	return i;
}

static void client_put_buffer(struct gen_emit *e, const struct gen_method *m,
			      const struct idl_wire_field *field)
{
	gen_emit(e,
		 "vb_error = vb_write_buffer(&vb_w, vb_self, $at$, &vb_buf[$index$], "
		 "$inline_max$, $rest$,\n"
		 "\t&vb_used, $may_expose$);\n",
		 "at", gen_field_at(e, &request_place, field), "index",
		 gen_number(e, buffer_index(m, field->param)), "inline_max",
		 gen_number(e, field->inline_max), "rest",
		 rest_of_heap(e, &m->layout->request, heap_index(&m->layout->request, field)),
		 "may_expose", field->may_expose ? "true" : "false", NULL);
	refuse_if(e, "vb_error", "vb_error");
}

static void client_put(struct gen_emit *e, const struct gen_method *m)
{
	const struct idl_wire_block *const root = &m->layout->request.root;

	for (size_t i = 0; i < root->n_fields; i++) {
		const struct idl_wire_field *const field = &root->fields[i];
		const struct gen_value value = {
			.value = room_value(e, m, field->param),
			.address = field->name,
			.count = gen_format(e, "n_%s", field->name),
		};

		if (field->kind == IDL_WIRE_BUFFER) {
			client_put_buffer(e, m, field);
			continue;
		}
		if (field->kind == IDL_WIRE_FROZEN || field->kind == IDL_WIRE_STRUCT)
			refuse_if(e, gen_format(e, "!%s", field->name), "EFAULT");
		gen_put_field(e, &request_place, field, &value);
	}
	for (size_t i = 0; i < root->forms[0].n_gaps; i++)
		gen_emit(e, "vb_zero(vb_msg + $offset$, $size$);\n", "offset",
			 gen_number(e, IDL_HEADER_SIZE + root->forms[0].gaps[i].offset), "size",
			 gen_number(e, root->forms[0].gaps[i].size), NULL);
}

/* ---- the answer ---- */

static void client_get_structs(struct gen_emit *e, const struct gen_method *m)
{
	const struct idl_message_layout *const reply = &m->layout->reply;

	for (size_t i = 0; i < reply->n_heap; i++) {
		const struct idl_wire_field *const field = reply->heap[i];

		if (field->kind != IDL_WIRE_STRUCT)
			continue;
		const struct gen_value value = {
			.address = gen_format(e, "&vb_got_%s", field->name),
		};
		gen_emit(e, "struct $type$ vb_got_$name$;\n", "type", field->decl->c_name, "name",
			 field->name, NULL);
		gen_get_heap(e, &reply_place, field, &value);
	}
}

static void client_get_buffer(struct gen_emit *e, const struct gen_method *m, size_t index)
{
	const struct idl_param *const p = m->layout->buffers[index];
	const char *const name = p->node.name.text;

	if (p->direction == IDL_IN)
		return;
	if (gen_is_whole(p)) {
		gen_emit(e, "const uint64_t vb_length_$name$ = vb_units_$name$;\n", "name", name,
			 NULL);
	} else {
		gen_emit(e, "const uint64_t vb_length_$name$ = $length$;\n", "name", name, "length",
			 gen_extent(e, p->length, "vb_result", length_value, m), NULL);
		bad_if(e, gen_format(e, "vb_length_%s > vb_units_%s", name, name));
	}
	gen_emit(e, "const uint8_t *vb_data_$name$;\n", "name", name, NULL);
	bad_if(e, gen_format(e, "!vb_read_buffer(&vb_r, &vb_buf[%zu], %s, &vb_data_%s)", index,
			     gen_bytes_of(e, gen_format(e, "vb_length_%s", name), p->element_size),
			     name));
}

static void client_copy_outs(struct gen_emit *e, const struct gen_method *m)
{
	for (const struct idl_param *p = m->method->params; p; p = p->next) {
		const struct idl_wire_field *const field = gen_field_of(&m->layout->reply, p);
		const char *const name = p->node.name.text;

		if (p->direction == IDL_IN)
			continue;
		if (p->is_buffer)
			gen_emit(e,
				 "if (vb_data_$name$)\n"
				 "\tvb_copy($name$, vb_data_$name$, $size$);\n",
				 "name", name, "size",
				 gen_bytes_of(e, gen_format(e, "vb_length_%s", name),
					      p->element_size),
				 NULL);
		else if (field->kind == IDL_WIRE_STRUCT)
			gen_emit(e, "if ($name$)\n\t*$name$ = vb_got_$name$;\n", "name", name,
				 NULL);
		else if (field->kind == IDL_WIRE_FROZEN)
			gen_emit(e, "if ($name$)\n\tvb_copy($name$, $bytes$, $size$);\n", "name",
				 name, "bytes", gen_field_bytes(e, &reply_place, field), "size",
				 gen_number(e, field->size), NULL);
		else
			gen_emit(e, "if ($name$)\n\t*$name$ = $value$;\n", "name", name, "value",
				 gen_root_scalar(e, "vb_ans", field), NULL);
	}
}

static void client_answer(struct gen_emit *e, const struct gen_method *m)
{
	const struct idl_message_layout *const reply = &m->layout->reply;
	const struct idl_wire_field *const result = gen_result_field(m);

	gen_emit(e, "if (!vb_ans)\n\treturn -1;\n", NULL);
	if (reply->is_simple) {
		bad_if(e, gen_format(e, "vb_message_length(vb_ans) != %" PRIu32, reply->fixed));
	} else {
		gen_emit(e, "struct vb_reader vb_r;\n", NULL);
		bad_if(e, gen_format(e, "!vb_reader_answer(&vb_r, vb_self, vb_ans, %" PRIu32 ")",
				     reply->fixed));
	}
	gen_check_gaps(e, &reply_place, &reply->root.forms[0]);
	for (size_t i = 0; i < reply->root.n_fields; i++)
		gen_check_field(e, &reply_place, &reply->root.fields[i]);
	if (result) {
		gen_emit(e, "const $type$ vb_result = $value$;\n", "type",
			 gen_c_result(m->method, false), "value",
			 gen_root_scalar(e, "vb_ans", result), NULL);
		bad_if(e, "vb_result < 0");
	}
	client_get_structs(e, m);
	for (size_t i = 0; i < m->layout->n_buffers; i++)
		client_get_buffer(e, m, i);
	if (!reply->is_simple)
		bad_if(e, "!vb_reader_done(&vb_r)");
	client_copy_outs(e, m);
	gen_emit(e, "return $result$;\n", "result", result ? "vb_result" : "0", NULL);
}

/* ---- a stub ---- */

static void client_head(struct gen_emit *e, const struct gen_method *m)
{
	const struct gen_c_param *params;
	const size_t n = gen_c_params(e, m->method, &params);
	const char **const items = idl_arena_array(&e->arena, n + 1, sizeof(*items));

	items[0] = gen_format(e, "struct %s_peer *peer", m->decl->owner->c_name);
	for (size_t i = 0; i < n; i++)
		items[i + 1] = params[i].decl;
	gen_emit_list(e, gen_format(e, "%s %s(", gen_c_result(m->method, false), m->decl->c_name),
		      items, n + 1, ")\n{\n");
}

/* Whether some field of the request can fail to be written. */
static bool has_error(const struct gen_method *m)
{
	return !m->layout->request.is_simple;
}

static void client_stub(struct gen_emit *e, const struct gen_method *m)
{
	const struct idl_message_layout *const request = &m->layout->request;
	const bool is_simple = request->is_simple;
	const bool is_oneway = m->method->result == IDL_RESULT_ONEWAY;
	const char *const length = is_simple ? gen_number(e, request->fixed) : "vb_w.cursor";

	client_head(e, m);
	gen_emit_indent(e);
	gen_emit(e,
		 "struct vb_peer *const vb_self = (struct vb_peer *)peer;\n"
		 "const struct vb_method *const vb_called = &$P$__methods[$index$];\n",
		 "index", gen_number(e, m->index), NULL);
	if (m->layout->n_buffers)
		gen_emit(e, "struct vb_buffer vb_buf[$n$];\nuint64_t vb_used = $used$;\n", "n",
			 gen_number(e, m->layout->n_buffers), "used", gen_number(e, m->reply_heap),
			 NULL);
	if (has_error(m))
		gen_emit(e, "int vb_error;\n", NULL);
	gen_emit(e, "\nif (!vb_self)\n\treturn vb_stub_no_peer();\n", NULL);
	client_prepare(e, m);
	if (!is_simple)
		gen_emit(e, "struct vb_writer vb_w = vb_writer_request(vb_self, $fixed$);\n",
			 "fixed", gen_number(e, request->fixed), NULL);
	if (gen_root_is_touched(&request->root))
		gen_emit(e, "uint8_t *const vb_msg = vb_self->message;\n", NULL);
	client_put(e, m);
	gen_emit(e,
		 is_oneway ? "return vb_stub_send(vb_self, vb_called, $length$);\n"
			   : "\nconst uint8_t *const vb_ans = vb_stub_call(vb_self, vb_called, "
			     "$length$);\n",
		 "length", length, NULL);
	if (!is_oneway)
		client_answer(e, m);
	gen_emit_outdent(e);
	gen_emit(e, "}\n\n", NULL);
}

static void client_peer(struct gen_emit *e)
{
	gen_emit(e,
		 "struct $P$_peer *$P$_peer_bind(struct vb_conn *conn)\n"
		 "{\n"
		 "\treturn (struct $P$_peer *)vb_stub_bind(conn, &$P$__interface);\n"
		 "}\n\n"
		 "void $P$_peer_free(struct $P$_peer *peer)\n"
		 "{\n"
		 "\tvb_stub_unbind((struct vb_peer *)peer);\n"
		 "}\n\n"
		 "void $P$_peer_set_deadline(struct $P$_peer *peer, uint64_t nanoseconds)\n"
		 "{\n"
		 "\tif (peer)\n"
		 "\t\tvb_stub_set_deadline((struct vb_peer *)peer, nanoseconds);\n"
		 "}\n\n"
		 "unsigned $P$_peer_minor(const struct $P$_peer *peer)\n"
		 "{\n"
		 "\treturn peer ? ((const struct vb_peer *)peer)->minor : 0;\n"
		 "}\n\n"
		 "enum vb_outcome $P$_peer_outcome(const struct $P$_peer *peer)\n"
		 "{\n"
		 "\treturn peer ? ((const struct vb_peer *)peer)->outcome : VB_NOT_SENT;\n"
		 "}\n\n",
		 NULL);
}

void gen_client(struct gen_emit *e, const struct idl_decl *interface)
{
	const struct idl_decl *const *const methods = gen_methods(e, interface);

	client_peer(e);
	for (size_t i = 0; i < interface->u.interface.n_methods; i++) {
		struct gen_method m;

		gen_method_init(&m, methods[i], i);
		client_stub(e, &m);
	}
}
