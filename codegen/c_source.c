// SPDX-License-Identifier: Apache-2.0
/* NAME.vb.c: its frame and its constant tables. */
#include <inttypes.h>

#include "codegen/c_types.h"
#include "codegen/gen.h"
#include "codegen/stub.h"

#define NS_PER_US 1000u

static void enum_name(struct gen_emit *e, const struct idl_decl *decl)
{
	const struct idl_enum *const en = &decl->u.enumeration;

	gen_emit(e,
		 "const char *$name$_name($type$ value)\n"
		 "{\n"
		 "\tswitch (value) {\n",
		 "name", decl->c_name, "type", idl_scalar_info(en->scalar)->c_type, NULL);
	for (const struct idl_item *item = en->items; item; item = item->next)
		gen_emit(e, "\tcase $value$:\n\t\treturn \"$name$\";\n", "value", item->c_name,
			 "name", item->node.name.text, NULL);
	gen_emit(e, "\tdefault:\n\t\treturn NULL;\n\t}\n}\n\n", NULL);
}

static void enum_names(struct gen_emit *e, const struct idl_decl *decls)
{
	for (const struct idl_decl *d = decls; d; d = d->next) {
		if (d->kind == IDL_DECL_ENUM)
			enum_name(e, d);
		else if (d->kind == IDL_DECL_INTERFACE)
			enum_names(e, d->u.interface.decls);
	}
}

/* Members that are 0 are left out. */
static void method_entry(struct gen_emit *e, const struct idl_decl *method, size_t index)
{
	const struct idl_method *const m = &method->u.method;
	const struct idl_method_layout *const layout = m->layout;
	struct gen_method both;

	gen_method_init(&both, method, index);
	gen_emit(e,
		 "[$index$] = {\n"
		 "\t.name = \"$title$\",\n"
		 "\t.deadline_ns = UINT64_C($deadline$),\n"
		 "\t.request_fixed = $request_fixed$,\n"
		 "\t.request_max = $request_max$,\n",
		 "index", gen_number(e, index), "title", gen_method_title(e, method), "deadline",
		 gen_number(e, m->deadline_us * NS_PER_US), "request_fixed",
		 gen_number(e, layout->request.fixed), "request_max",
		 gen_number(e, layout->request.max), NULL);
	if (m->result != IDL_RESULT_ONEWAY)
		gen_emit(e, "\t.reply_fixed = $reply_fixed$,\n\t.reply_max = $reply_max$,\n",
			 "reply_fixed", gen_number(e, both.reply_heap), "reply_max",
			 gen_number(e, layout->reply.max), NULL);
	gen_emit(e, "\t.number = $number$,\n", "number", gen_number(e, m->number), NULL);
	if (m->since.minor)
		gen_emit(e, "\t.since = $since$,\n", "since", gen_number(e, m->since.minor), NULL);
	if (m->is_idempotent)
		gen_emit(e, "\t.flags = VB_METHOD_IDEMPOTENT,\n", NULL);
	if (m->result == IDL_RESULT_ONEWAY)
		gen_emit(e, "\t.flags = VB_METHOD_ONEWAY,\n", NULL);
	gen_emit(e, "},\n", NULL);
}

void gen_method_table(struct gen_emit *e, const struct idl_decl *interface)
{
	const struct idl_interface *const i = &interface->u.interface;
	const struct idl_decl *const *const methods = gen_methods(e, interface);

	if (i->n_methods) {
		gen_emit(e, "static const struct vb_method $P$__methods[] = {\n", NULL);
		gen_emit_indent(e);
		for (size_t m = 0; m < i->n_methods; m++)
			method_entry(e, methods[m], m);
		gen_emit_outdent(e);
		gen_emit(e, "};\n\n", NULL);
	}
	gen_emit(e,
		 "static const struct vb_interface $P$__interface = {\n"
		 "\t.size = sizeof(struct vb_interface),\n"
		 "\t.name = \"$name$\",\n"
		 "\t.id = UINT64_C($id$),\n"
		 "\t.major = $major$,\n"
		 "\t.minor = $minor$,\n"
		 "\t.message_max = $message_max$,\n"
		 "\t.methods = $methods$,\n"
		 "\t.n_methods = $n$,\n"
		 "};\n\n",
		 "name", interface->node.name.text, "id", gen_format(e, "0x%016" PRIx64, i->id),
		 "major", gen_number(e, i->version.major), "minor", gen_number(e, i->version.minor),
		 "message_max", gen_number(e, i->max_message), "methods",
		 i->n_methods ? gen_format(e, "%s__methods", interface->c_name) : "NULL", "n",
		 gen_number(e, i->n_methods), NULL);
}

void gen_service_table(struct gen_emit *e, const struct idl_decl *interface)
{
	const size_t n = interface->u.interface.n_methods;
	const struct idl_decl *const *const methods = gen_methods(e, interface);

	if (n) {
		gen_emit(e, "static const struct vb_service_method $P$__served[] = {\n", NULL);
		for (size_t m = 0; m < n; m++)
			gen_emit(e,
				 "\t{&$P$__methods[$index$], $method$__serve,\n"
				 "\t offsetof(struct $P$_ops, $member$)},\n",
				 "index", gen_number(e, m), "method", methods[m]->c_name, "member",
				 methods[m]->node.name.text, NULL);
		gen_emit(e, "};\n\n", NULL);
	}
	gen_emit(e,
		 "static const struct vb_service $P$__service = {\n"
		 "\t.size = sizeof(struct vb_service),\n"
		 "\t.interface = &$P$__interface,\n"
		 "\t.methods = $served$,\n"
		 "\t.n_methods = $n$,\n"
		 "\t.ops_size = sizeof(struct $P$_ops),\n"
		 "\t.bound = offsetof(struct $P$_ops, bound),\n"
		 "\t.gone = offsetof(struct $P$_ops, gone),\n"
		 "};\n\n"
		 "int $P$_serve(struct vb_server *server, const struct $P$_ops *ops, void *data)\n"
		 "{\n"
		 "\treturn vb_stub_serve(server, &$P$__service, ops, data);\n"
		 "}\n",
		 "served", n ? gen_format(e, "%s__served", interface->c_name) : "NULL", "n",
		 gen_number(e, n), NULL);
}

void gen_source(struct gen_emit *e, const struct idl_program *program)
{
	const struct idl_file *const file = program->main;

	gen_banner(e, file);
	gen_emit(e,
		 "#include \"$base$.vb.h\"\n\n"
		 "#include <verbena/stub.h>\n\n"
		 "#if VB_STUB_ABI != 1\n"
		 "#error \"these stubs are for another version of Verbena: run verbenac again\"\n"
		 "#endif\n\n",
		 "base", gen_base_name(file->header_path), NULL);
	enum_names(e, file->decls);
	gen_wire(e, program);
	for (const struct idl_decl *d = file->decls; d; d = d->next) {
		if (d->kind != IDL_DECL_INTERFACE)
			continue;
		gen_emit_set(e, "P", d->c_name);
		gen_emit(e, "/* ---- $name$ ---- */\n\n", "name", d->node.name.text, NULL);
		gen_method_table(e, d);
		gen_client(e, d);
		gen_server(e, d);
		gen_service_table(e, d);
	}
}
