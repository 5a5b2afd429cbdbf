// SPDX-License-Identifier: Apache-2.0
/* The server half: checks, the handler, and the answer as a function of its own. */
#include <inttypes.h>
#include <string.h>

#include "codegen/c_extent.h"
#include "codegen/c_types.h"
#include "codegen/gen.h"
#include "codegen/stub.h"
#include "codegen/wire.h"

static const struct gen_place request_place = {
	.io = "&vb_r",
	.bytes = "vb_msg",
	.at = "",
	.skip = IDL_HEADER_SIZE,
	.minor = "req->minor",
	.fail = "goto bad;",
};

static const struct gen_place reply_place = {
	.io = "&vb_w",
	.bytes = "req->reply",
	.at = "",
	.skip = IDL_HEADER_SIZE,
	.minor = "req->minor",
	.fail = "goto range;",
};

/* In the decoding half: what came in. */
static const char *room_value(struct gen_emit *e, const void *context,
			      const struct idl_param *param)
{
	const struct gen_method *const m = context;

	return gen_root_scalar(e, "vb_msg", gen_field_of(&m->layout->request, param));
}

/* In the answering half: what goes out, or came in. */
static const char *length_value(struct gen_emit *e, const void *context,
				const struct idl_param *param)
{
	const struct gen_method *const m = context;

	if (param->direction == IDL_IN)
		return gen_root_scalar(e, "req->message", gen_field_of(&m->layout->request, param));
	return gen_root_scalar(e, "req->reply", gen_field_of(&m->layout->reply, param));
}

static bool is_growing(const struct idl_param *p)
{
	return gen_type_is_struct(p->type) && !p->is_buffer && !gen_type_is_frozen(p->type);
}

static bool has_frame(const struct gen_method *m, bool is_reply)
{
	for (const struct idl_param *p = m->method->params; p; p = p->next)
		if (is_growing(p) && (!is_reply || p->direction != IDL_IN))
			return true;
	return false;
}

/* Growing structs in C form: they live until the reply, which may come after the handler. */
static void server_frame(struct gen_emit *e, const struct gen_method *m)
{
	if (!has_frame(m, false))
		return;
	gen_emit(e, "struct $name$__frame {\n", "name", m->decl->c_name, NULL);
	for (const struct idl_param *p = m->method->params; p; p = p->next)
		if (is_growing(p))
			gen_emit(e, "\t$type$ $name$;\n", "type", gen_c_type(e, p->type), "name",
				 p->node.name.text, NULL);
	gen_emit(e, "};\n\n", NULL);
}

/* ---- the answer ---- */

static void reply_lengths(struct gen_emit *e, const struct gen_method *m)
{
	for (size_t i = 0; i < m->layout->n_buffers; i++) {
		const struct idl_param *const p = m->layout->buffers[i];
		const char *const name = p->node.name.text;
		const char *const index = gen_number(e, i);

		if (p->direction == IDL_IN)
			continue;
		if (gen_is_whole(p)) {
			gen_emit(e, "vb_buf[$i$].length = vb_buf[$i$].room;\n", "i", index, NULL);
			continue;
		}
		gen_emit(e,
			 "const uint64_t vb_length_$name$ = $length$;\n"
			 "if (vb_length_$name$ > vb_buf[$i$].room$div$)\n"
			 "\tgoto range;\n"
			 "vb_buf[$i$].length = $bytes$;\n",
			 "name", name, "length",
			 gen_extent(e, p->length, "vb_result", length_value, m), "i", index, "div",
			 p->element_size > 1 ? gen_format(e, " / %" PRIu32, p->element_size) : "",
			 "bytes",
			 gen_bytes_of(e, gen_format(e, "vb_length_%s", name), p->element_size),
			 NULL);
	}
}

static void reply_structs(struct gen_emit *e, const struct gen_method *m)
{
	const struct idl_message_layout *const reply = &m->layout->reply;

	for (size_t i = 0; i < reply->n_heap; i++) {
		const struct idl_wire_field *const field = reply->heap[i];

		if (field->kind != IDL_WIRE_STRUCT)
			continue;
		const struct gen_value value = {
			.address = gen_format(e, "&vb_frame->%s", field->name),
		};
		gen_put_field(e, &reply_place, field, &value);
	}
}

/* "vb_buf[0].flags | vb_buf[2].flags": of all buffers, or of those that go out. */
static const char *all_flags(struct gen_emit *e, const struct gen_method *m, bool is_out_only)
{
	const char *text = NULL;

	for (size_t i = 0; i < m->layout->n_buffers; i++) {
		if (is_out_only && m->layout->buffers[i]->direction == IDL_IN)
			continue;
		text = text ? gen_format(e, "%s | vb_buf[%zu].flags", text, i)
			    : gen_format(e, "vb_buf[%zu].flags", i);
	}
	return text;
}

/* The buffers' bytes behind everything else; returns the expression of the reply's length. */
static const char *reply_buffers(struct gen_emit *e, const struct gen_method *m, bool has_writer)
{
	const char *cursor = has_writer ? "vb_w.cursor" : gen_number(e, m->layout->reply.fixed);

	if (!m->layout->n_out_buffers)
		return cursor;
	gen_emit(e,
		 "if (($flags$) & VB_BUFFER_EXPOSED &&\n"
		 "    !vb_settle_buffers(req, $n$, $cursor$))\n"
		 "\treturn;\n"
		 "uint32_t vb_cursor = $cursor$;\n",
		 "flags", all_flags(e, m, true), "n", gen_number(e, m->layout->n_buffers), "cursor",
		 cursor, NULL);
	for (size_t i = 0; i < m->layout->n_buffers; i++)
		if (m->layout->buffers[i]->direction != IDL_IN)
			gen_emit(e, "vb_cursor = vb_reply_buffer(req, &vb_buf[$i$], vb_cursor);\n",
				 "i", gen_number(e, i), NULL);
	return "vb_cursor";
}

static bool was_emitted(const struct gen_emit *e, size_t since, const char *text)
{
	return memmem(e->text + since, e->size - since, text, strlen(text)) != NULL;
}

static void reply_body(struct gen_emit *e, const struct gen_method *m)
{
	const struct idl_message_layout *const reply = &m->layout->reply;
	const struct idl_wire_field *const result = gen_result_field(m);
	const bool has_writer = has_frame(m, true);

	gen_emit(e, "if (vb_result < 0) {\n\tvb_stub_fail(req, vb_result);\n\treturn;\n}\n", NULL);
	/* What the handler has written into the root itself. */
	for (size_t i = 0; i < reply->root.n_fields; i++)
		if (reply->root.fields[i].param)
			gen_check_field(e, &reply_place, &reply->root.fields[i]);
	reply_lengths(e, m);
	if (result)
		gen_emit(e, "vb_put_$type$(req->reply + $at$, vb_result);\n", "type",
			 idl_scalar_info(result->scalar)->name, "at",
			 gen_number(e, IDL_HEADER_SIZE + result->offset), NULL);
	if (has_writer) {
		gen_emit(e,
			 "struct vb_writer vb_w = vb_writer_reply(req, $fixed$);\n"
			 "int vb_error;\n",
			 "fixed", gen_number(e, reply->fixed), NULL);
		reply_structs(e, m);
	}
	const char *const length = reply_buffers(e, m, has_writer);
	gen_emit(e, "vb_stub_reply_send(req, $length$);\n", "length", length, NULL);
}

static void server_reply(struct gen_emit *e, const struct gen_method *m)
{
	const char *const name = m->decl->c_name;

	if (m->method->result == IDL_RESULT_ONEWAY)
		return;
	gen_emit(e, "static void $name$__reply(struct vb_request *req, $type$ vb_result)\n{\n",
		 "name", name, "type", gen_c_result(m->method, true), NULL);
	gen_emit_indent(e);
	const size_t start = e->size;
	if (m->layout->n_out_buffers)
		gen_emit(e, "struct vb_buffer *const vb_buf = req->buffers;\n", NULL);
	if (has_frame(m, true))
		gen_emit(e,
			 "struct $name$__frame *const vb_frame = "
			 "(struct $name$__frame *)req->frame;\n",
			 "name", name, NULL);
	if (e->size != start)
		gen_emit(e, "\n", NULL);
	reply_body(e, m);
	if (was_emitted(e, start, "goto range;")) {
		gen_emit(e, "return;\n", NULL);
		gen_emit_outdent(e);
		gen_emit(e, "range:\n\tvb_stub_fail_length(req);\n", NULL);
		gen_emit_indent(e);
	}
	gen_emit_outdent(e);
	gen_emit(e, "}\n\n", NULL);
}

/* ---- the request ---- */

static void serve_locals(struct gen_emit *e, const struct gen_method *m)
{
	const struct idl_message_layout *const request = &m->layout->request;

	gen_emit(e, "const struct $P$_ops *const vb_ops = (const struct $P$_ops *)req->ops;\n",
		 NULL);
	if (gen_root_is_touched(&request->root))
		gen_emit(e, "const uint8_t *const vb_msg = req->message;\n", NULL);
	if (m->layout->n_buffers)
		gen_emit(e, "struct vb_buffer *const vb_buf = req->buffers;\n", NULL);
	if (has_frame(m, false))
		gen_emit(e, "struct $name$__frame *vb_frame;\n", "name", m->decl->c_name, NULL);
	if (!request->is_simple)
		gen_emit(e, "struct vb_reader vb_r;\n", NULL);
	for (size_t i = 0; i < request->n_heap; i++) {
		const struct idl_wire_field *const field = request->heap[i];
		const char *type;

		if (field->kind == IDL_WIRE_STRING)
			type = "const char *";
		else if (field->kind == IDL_WIRE_BYTES)
			type = "const void *";
		else if (field->kind == IDL_WIRE_SEQUENCE)
			type = gen_format(e, "%s *", gen_c_element(e, field->param->type));
		else
			continue;
		gen_emit(e, "$type$vb_in_$name$;\n", "type", type, "name", field->name, NULL);
		if (field->kind != IDL_WIRE_STRING)
			gen_emit(e, "uint32_t vb_n_$name$;\n", "name", field->name, NULL);
	}
	gen_emit(e, "\n", NULL);
}

static const char *buffer_flags(const struct idl_param *p)
{
	const bool is_zeroed = p->direction == IDL_OUT && gen_is_whole(p);

	if (p->is_direct && is_zeroed)
		return "VB_BUFFER_DIRECT | VB_BUFFER_ZERO";
	return p->is_direct ? "VB_BUFFER_DIRECT" : is_zeroed ? "VB_BUFFER_ZERO" : "0";
}

static void serve_buffer(struct gen_emit *e, const struct gen_method *m,
			 const struct idl_wire_field *field)
{
	static const char *const directions[] = {
		[IDL_IN] = "VB_IN", [IDL_OUT] = "VB_OUT", [IDL_INOUT] = "VB_INOUT"};
	const struct idl_param *const p = field->param;
	const uint64_t max = gen_units_max(m, p);
	const char *const name = p->node.name.text;
	size_t index = 0;

	while (m->layout->buffers[index] != p)
		index++;
	gen_emit(e, "const uint64_t vb_units_$name$ = $room$;\n", "name", name, "room",
		 gen_extent(e, p->room, "", room_value, m), NULL);
	if (!p->room->is_constant && gen_extent_max(p->room) > max)
		gen_emit(e, "if (vb_units_$name$ > UINT64_C($max$))\n\tgoto bad;\n", "name", name,
			 "max", gen_number(e, max), NULL);
	gen_emit(e,
		 "if (!vb_read_request_buffer(&vb_r, $at$, $room$, $direction$,\n"
		 "\t    $flags$, &vb_buf[$index$]))\n"
		 "\tgoto bad;\n",
		 "at", gen_field_at(e, &request_place, field), "room",
		 gen_bytes_of(e, gen_format(e, "vb_units_%s", name), p->element_size), "direction",
		 directions[p->direction], "flags", buffer_flags(p), "index", gen_number(e, index),
		 NULL);
	if (m->method->result == IDL_RESULT_ONEWAY)
		gen_emit(e, "if (vb_buf[$index$].records)\n\tgoto bad;\n", "index",
			 gen_number(e, index), NULL);
}

static void serve_checks(struct gen_emit *e, const struct gen_method *m)
{
	const struct idl_message_layout *const request = &m->layout->request;

	if (request->is_simple)
		gen_emit(e, "if (req->length != $fixed$)\n\tgoto bad;\n", "fixed",
			 gen_number(e, request->fixed), NULL);
	else
		gen_emit(e, "if (!vb_reader_request(&vb_r, req, $fixed$))\n\tgoto bad;\n", "fixed",
			 gen_number(e, request->fixed), NULL);
	gen_check_gaps(e, &request_place, &request->root.forms[0]);
	for (size_t i = 0; i < request->root.n_fields; i++)
		gen_check_field(e, &request_place, &request->root.fields[i]);
}

static void serve_heap(struct gen_emit *e, const struct gen_method *m)
{
	const struct idl_message_layout *const request = &m->layout->request;

	if (has_frame(m, false))
		gen_emit(e,
			 "vb_frame = (struct $name$__frame *)vb_stub_request_alloc(req, "
			 "sizeof(*vb_frame));\n"
			 "if (!vb_frame)\n"
			 "\treturn;\n"
			 "vb_zero(vb_frame, sizeof(*vb_frame));\n"
			 "req->frame = vb_frame;\n",
			 "name", m->decl->c_name, NULL);
	for (size_t i = 0; i < request->n_heap; i++) {
		const struct idl_wire_field *const field = request->heap[i];
		const struct gen_value value = {
			.value = gen_format(e, "vb_in_%s", field->name),
			.address = gen_format(e, "&vb_frame->%s", field->name),
			.count = gen_format(e, "vb_n_%s", field->name),
		};

		if (field->kind == IDL_WIRE_BUFFER)
			serve_buffer(e, m, field);
		else
			gen_get_heap(e, &request_place, field, &value);
	}
	if (!request->is_simple)
		gen_emit(e, "if (!vb_reader_done(&vb_r))\n\tgoto bad;\n", NULL);
}

/* Where the handler finds the buffers; those of a oneway method are where they were read. */
static void serve_places(struct gen_emit *e, const struct gen_method *m)
{
	if (!m->layout->n_buffers || m->method->result == IDL_RESULT_ONEWAY)
		return;
	gen_emit(e,
		 "if (($flags$) & VB_BUFFER_EXPOSED) {\n"
		 "\tif (!vb_stub_request_buffers(req, $n$, $heap$))\n"
		 "\t\treturn;\n"
		 "}",
		 "flags", all_flags(e, m, false), "n", gen_number(e, m->layout->n_buffers), "heap",
		 gen_number(e, m->reply_heap), NULL);
	if (!m->layout->n_out_buffers) {
		gen_emit(e, "\n", NULL);
		return;
	}
	gen_emit(e, " else {\n\tuint64_t vb_at = $heap$;\n\n", "heap", gen_number(e, m->reply_heap),
		 NULL);
	for (size_t i = 0; i < m->layout->n_buffers; i++)
		if (m->layout->buffers[i]->direction != IDL_IN)
			gen_emit(e,
				 "\tif (!vb_place_buffer(req, &vb_buf[$i$], &vb_at))\n"
				 "\t\treturn;\n",
				 "i", gen_number(e, i), NULL);
	gen_emit(e, "}\n", NULL);
}

/* Everything that the handler finds in the reply: zeroes, and what goes both ways. */
static void serve_prepare(struct gen_emit *e, const struct gen_method *m)
{
	const struct idl_message_layout *const reply = &m->layout->reply;
	const uint32_t root = reply->fixed > IDL_HEADER_SIZE ? reply->fixed - IDL_HEADER_SIZE : 0;

	serve_places(e, m);
	if (root)
		gen_emit(e, "vb_zero(req->reply + $header$, $root$);\n", "header",
			 gen_number(e, IDL_HEADER_SIZE), "root", gen_number(e, root), NULL);
	for (const struct idl_param *p = m->method->params; p; p = p->next) {
		const struct idl_wire_field *const in = gen_field_of(&m->layout->request, p);
		const struct idl_wire_field *const out = gen_field_of(reply, p);

		if (p->direction != IDL_INOUT)
			continue;
		if (p->is_buffer) {
			size_t index = 0;

			while (m->layout->buffers[index] != p)
				index++;
			gen_emit(e, "vb_fill_inout(req, &vb_buf[$index$], $at$);\n", "index",
				 gen_number(e, index), "at", gen_field_at(e, &request_place, in),
				 NULL);
		} else if (!is_growing(p)) {
			gen_emit(e, "vb_copy($out$, $in$, $size$);\n", "out",
				 gen_field_bytes(e, &reply_place, out), "in",
				 gen_field_bytes(e, &request_place, in), "size",
				 gen_number(e, in->size), NULL);
		}
	}
}

static const char *handler_argument(struct gen_emit *e, const struct gen_method *m,
				    const struct gen_c_param *c)
{
	const struct idl_param *const p = c->param;
	const char *const name = p->node.name.text;

	if (c->is_count)
		return gen_format(e, "vb_n_%s", name);
	if (p->is_buffer) {
		size_t index = 0;

		while (m->layout->buffers[index] != p)
			index++;
		return gen_format(e, "vb_buf[%zu].address", index);
	}
	if (is_growing(p))
		return gen_format(e, "&vb_frame->%s", name);
	if (p->type->kind == IDL_TYPE_SEQUENCE || p->type->kind == IDL_TYPE_BYTES ||
	    p->type->kind == IDL_TYPE_STRING)
		return gen_format(e, "vb_in_%s", name);
	const char *const type = gen_c_type(e, p->type);
	if (p->direction != IDL_IN)
		return gen_format(e, "(%s *)(void *)(%s)", type,
				  gen_field_bytes(e, &reply_place,
						  gen_field_of(&m->layout->reply, p)));
	const struct idl_wire_field *const field = gen_field_of(&m->layout->request, p);
	if (gen_type_is_struct(p->type))
		return gen_format(e, "(const %s *)(const void *)(%s)", type,
				  gen_field_bytes(e, &request_place, field));
	return gen_root_scalar(e, "vb_msg", field);
}

static void serve_call(struct gen_emit *e, const struct gen_method *m)
{
	const struct gen_c_param *params;
	const size_t n = gen_c_params(e, m->method, &params);
	const char **const items = idl_arena_array(&e->arena, n + 1, sizeof(*items));
	const char *const member = m->decl->node.name.text;
	const bool is_oneway = m->method->result == IDL_RESULT_ONEWAY;

	items[0] = "req";
	for (size_t i = 0; i < n; i++)
		items[i + 1] = handler_argument(e, m, &params[i]);
	gen_emit(e, "vb_clear_errno();\n", NULL);
	gen_emit_list(e,
		      is_oneway ? gen_format(e, "vb_ops->%s(", member)
				: gen_format(e, "%s__reply(req, vb_ops->%s(", m->decl->c_name,
					     member),
		      items, n + 1, is_oneway ? ");\n" : "));\n");
	if (is_oneway)
		gen_emit(e, "vb_stub_oneway_done(req);\n", NULL);
}

static void server_serve(struct gen_emit *e, const struct gen_method *m)
{
	gen_emit(e, "static void $name$__serve(struct vb_request *req)\n{\n", "name",
		 m->decl->c_name, NULL);
	gen_emit_indent(e);
	serve_locals(e, m);
	serve_checks(e, m);
	serve_heap(e, m);
	serve_prepare(e, m);
	serve_call(e, m);
	gen_emit(e, "return;\n", NULL);
	gen_emit_outdent(e);
	gen_emit(e, "bad:\n\t$refuse$;\n}\n\n", "refuse",
		 m->layout->request.is_simple ? "vb_stub_bad_request(req)"
					      : "vb_reader_refuse(&vb_r)",
		 NULL);
}

void gen_server(struct gen_emit *e, const struct idl_decl *interface)
{
	const struct idl_decl *const *const methods = gen_methods(e, interface);

	for (size_t i = 0; i < interface->u.interface.n_methods; i++) {
		struct gen_method m;

		gen_method_init(&m, methods[i], i);
		server_frame(e, &m);
		server_reply(e, &m);
		server_serve(e, &m);
	}
}
