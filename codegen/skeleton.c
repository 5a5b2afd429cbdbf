// SPDX-License-Identifier: Apache-2.0
/* --skeleton: a server that compiles and answers ENOSYS, to be filled in. */
#include "codegen/c_types.h"
#include "codegen/gen.h"

/* Two interfaces of a file may have methods of one name. */
static const char *handler_name(struct gen_emit *e, const struct idl_decl *method, bool is_alone)
{
	if (is_alone)
		return gen_format(e, "on_%s", method->node.name.text);
	return gen_format(e, "on_%s", method->c_name);
}

static void skeleton_handler(struct gen_emit *e, const struct idl_decl *method, bool is_alone)
{
	const struct idl_method *const m = &method->u.method;
	const struct gen_c_param *params;
	const size_t n = gen_c_params(e, m, &params);
	const char **const items = idl_arena_array(&e->arena, n + 1, sizeof(*items));

	items[0] = "struct vb_request *req";
	for (size_t i = 0; i < n; i++)
		items[i + 1] = params[i].decl;
	gen_emit_list(e,
		      gen_format(e, "static %s %s(", gen_c_result(m, true),
				 handler_name(e, method, is_alone)),
		      items, n + 1, ")\n{\n");
	gen_emit(e, "\t(void)req;\n", NULL);
	for (size_t i = 0; i < n; i++)
		gen_emit(e, "\t(void)$name$;\n", "name", params[i].name, NULL);
	if (m->result != IDL_RESULT_ONEWAY)
		gen_emit(e, "\terrno = ENOSYS;\n\treturn -1;\n", NULL);
	gen_emit(e, "}\n\n", NULL);
}

static void skeleton_table(struct gen_emit *e, const struct idl_decl *interface, bool is_alone)
{
	gen_emit(e,
		 "static const struct $P$_ops $P$_handlers = {\n"
		 "\t.size = sizeof(struct $P$_ops),\n",
		 "P", interface->c_name, NULL);
	for (const struct idl_decl *d = interface->u.interface.decls; d; d = d->next)
		if (d->kind == IDL_DECL_METHOD)
			gen_emit(e, "\t.$name$ = $handler$,\n", "name", d->node.name.text,
				 "handler", handler_name(e, d, is_alone), NULL);
	gen_emit(e, "};\n\n", NULL);
}

static void skeleton_main(struct gen_emit *e, const struct idl_file *file)
{
	gen_emit(e,
		 "int main(int argc, char **argv)\n"
		 "{\n"
		 "\tstruct vb_server *server;\n\n"
		 "\tif (argc != 2) {\n"
		 "\t\tfprintf(stderr, \"usage: %s ADDRESS\\n\", argv[0]);\n"
		 "\t\treturn 2;\n"
		 "\t}\n"
		 "\tserver = vb_server_create(NULL);\n"
		 "\tif (!server) {\n"
		 "\t\tfprintf(stderr, \"%s\\n\", vb_conn_error(NULL)->sentence);\n"
		 "\t\treturn 1;\n"
		 "\t}\n",
		 NULL);
	const char *calls = "";
	for (const struct idl_decl *d = file->decls; d; d = d->next)
		if (d->kind == IDL_DECL_INTERFACE)
			calls = gen_format(e, "%s%s%s_serve(server, &%s_handlers, NULL) < 0 ||\n",
					   calls, calls[0] ? "\t    " : "", d->c_name, d->c_name);
	gen_emit(e,
		 "\tif ($calls$"
		 "\t    vb_server_listen(server, argv[1]) < 0 || vb_server_run(server) < 0) {\n"
		 "\t\tfprintf(stderr, \"%s\\n\", vb_server_error(server)->sentence);\n"
		 "\t\tvb_server_free(server);\n"
		 "\t\treturn 1;\n"
		 "\t}\n"
		 "\tvb_server_free(server);\n"
		 "\treturn 0;\n"
		 "}\n",
		 "calls", calls, NULL);
}

void gen_skeleton(struct gen_emit *e, const struct idl_file *file)
{
	size_t n = 0;

	for (const struct idl_decl *d = file->decls; d; d = d->next)
		n += d->kind == IDL_DECL_INTERFACE;
	gen_emit(e,
		 "/* A server for $base$.idl, to be filled in. */\n"
		 "#include <errno.h>\n"
		 "#include <stdio.h>\n\n"
		 "#include <verbena/verbena.h>\n\n"
		 "#include \"$base$.vb.h\"\n\n",
		 "base", gen_base_name(file->header_path), NULL);
	for (const struct idl_decl *d = file->decls; d; d = d->next) {
		if (d->kind != IDL_DECL_INTERFACE)
			continue;
		for (const struct idl_decl *m = d->u.interface.decls; m; m = m->next)
			if (m->kind == IDL_DECL_METHOD)
				skeleton_handler(e, m, n == 1);
		skeleton_table(e, d, n == 1);
	}
	skeleton_main(e, file);
}
