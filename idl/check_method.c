// SPDX-License-Identifier: Apache-2.0
#include "idl/checker.h"

#include <string.h>

#include "idl/errno_names.h"
#include "idl/limits.h"
#include "idl/suggest.h"

/* ---- name ---- */

/* What the table of handlers has beside its methods. */
static void check_name(struct idl_checker *c, struct idl_decl *decl)
{
	static const char *const taken[] = {"bound", "gone", "size"};
	struct idl_node *node = &decl->node;

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		if (strcmp(node->name.text, taken[i]) == 0)
			idl_diag_on(c->diags, &node->in_error, IDL_E0305, node->name.span,
				    "'%s' is a member of every table of handlers", taken[i]);
	}
	idl_c_name_check_alone(c, node);
}

/* ---- result ---- */

/* "in int32 fd, " or nothing: what the source has between the parentheses. */
static const char *params_text(struct idl_checker *c, const struct idl_method *m)
{
	const struct idl_param *last = m->params;

	if (!last)
		return "";
	while (last->next)
		last = last->next;
	return idl_arena_printf(
		c->arena, "%s, ",
		idl_source_text(c, idl_span_join(m->params->node.span, last->node.span)));
}

static bool is_small(const struct idl_type *type)
{
	return type->kind == IDL_TYPE_SCALAR && idl_scalar_info(type->scalar)->is_integer &&
	       idl_scalar_info(type->scalar)->size < 4;
}

static void check_result(struct idl_checker *c, struct idl_decl *decl)
{
	const struct idl_method *m = &decl->u.method;
	const char *name = decl->node.name.text;
	const char *type;
	struct idl_diag *d;

	if (m->result != IDL_RESULT_OTHER)
		return;
	type = idl_source_text(c, m->result_span);
	d = idl_diag_on(c->diags, &decl->node.in_error, IDL_E0207, m->result_span,
			"'%s' cannot be a result: a remote call can fail and needs -1", type);
	if (is_small(m->result_type))
		idl_diag_fix(d, "use int32");
	else if (m->result_type->kind == IDL_TYPE_SCALAR || m->result_type->kind == IDL_TYPE_NAMED)
		idl_diag_fix(d, "return it through a parameter: void %s(%sout %s %s) = %llu;", name,
			     params_text(c, m), type, name, (unsigned long long)m->number);
	else
		idl_diag_fix(d,
			     "return it through a buffer: int64 %s(%sout bytes %s[room : return], "
			     "in uint64 room) = %llu;",
			     name, params_text(c, m), name, (unsigned long long)m->number);
}

/* ---- marks ---- */

static void check_errors(struct idl_checker *c, struct idl_decl *decl, const struct idl_mark *mark)
{
	const struct idl_errno_name *table, *entry;
	struct idl_suggest suggest;
	struct idl_diag *d;
	size_t n;

	table = idl_errno_names(&n);
	for (size_t i = 0; i < mark->n_errors; i++) {
		const struct idl_name *name = &mark->errors[i];

		entry = idl_errno_find(name->text);
		if (entry && entry->same) {
			d = idl_diag_on(c->diags, &decl->node.in_error, IDL_E0221, name->span,
					"'%s' is another name of %s", name->text, entry->same);
			idl_diag_fix(d, "write %s", entry->same);
		} else if (!entry) {
			d = idl_diag_on(c->diags, &decl->node.in_error, IDL_E0221, name->span,
					"'%s' is no errno; verbenac --errors lists them",
					name->text);
			idl_suggest_init(&suggest, name->text);
			for (size_t k = 0; k < n; k++)
				idl_suggest_offer(&suggest, table[k].name);
			idl_diag_mean(d, &suggest);
		}
		for (size_t k = 0; k < i; k++) {
			if (strcmp(mark->errors[k].text, name->text) == 0)
				idl_diag_on(c->diags, &decl->node.in_error, IDL_E0221, name->span,
					    "'%s' is listed twice", name->text);
		}
	}
}

static void check_marks(struct idl_checker *c, struct idl_decl *decl)
{
	struct idl_method *m = &decl->u.method;
	const struct idl_mark *mark;

	m->is_idempotent = idl_node_mark(&decl->node, IDL_MARK_IDEMPOTENT) != NULL;
	m->is_deprecated = idl_node_mark(&decl->node, IDL_MARK_DEPRECATED) != NULL;
	m->since = idl_check_since(c, &decl->node);
	m->deadline_us = c->interface->u.interface.deadline_us;
	mark = idl_node_mark(&decl->node, IDL_MARK_DEADLINE);
	if (mark && idl_check_deadline(c, &decl->node.in_error, mark->time_us, mark->span))
		m->deadline_us = mark->time_us;
	mark = idl_node_mark(&decl->node, IDL_MARK_ERRORS);
	if (mark) {
		check_errors(c, decl, mark);
		m->errors = mark->errors;
		m->n_errors = mark->n_errors;
	}
}

/* ---- oneway ---- */

static void refuse_oneway(struct idl_checker *c, struct idl_decl *decl, bool *in_error,
			  struct idl_span span, const char *what)
{
	struct idl_diag *d = idl_diag_on(c->diags, in_error, IDL_E0219, span,
					 "oneway method '%s' cannot have %s", decl->node.name.text,
					 what);

	idl_diag_fix(d, "nothing comes back from it; leave oneway away, or this");
}

static void check_oneway(struct idl_checker *c, struct idl_decl *decl)
{
	static const struct {
		enum idl_mark_kind kind;
		const char *what;
	} refused[] = {
		{IDL_MARK_ERRORS, "errors()"},
		{IDL_MARK_IDEMPOTENT, "idempotent"},
	};
	struct idl_method *m = &decl->u.method;
	const struct idl_mark *mark;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		mark = idl_node_mark(&decl->node, refused[i].kind);
		if (mark)
			refuse_oneway(c, decl, &decl->node.in_error, mark->span, refused[i].what);
	}
	for (struct idl_param *p = m->params; p; p = p->next) {
		mark = idl_node_mark(&p->node, IDL_MARK_DIRECT);
		if (p->direction != IDL_IN)
			refuse_oneway(c, decl, &p->node.in_error, p->direction_span,
				      "an out parameter");
		else if (mark)
			refuse_oneway(c, decl, &p->node.in_error, mark->span, "a direct parameter");
	}
}

/* ---- all ---- */

static bool check_params(struct idl_checker *c, struct idl_decl *decl)
{
	struct idl_method *m = &decl->u.method;
	size_t n_buffers = 0;
	bool ok = true;

	for (struct idl_param *p = m->params; p; p = p->next) {
		idl_check_param(c, decl, p);
		ok = ok && !p->node.in_error;
		if (p->extent && ++n_buffers == IDL_MAX_BUFFERS + 1)
			idl_diag_on(c->diags, &p->node.in_error, IDL_E0410, p->node.span,
				    "method '%s' has more than %u buffers", decl->node.name.text,
				    IDL_MAX_BUFFERS);
	}
	for (struct idl_param *p = m->params; p && ok; p = p->next) {
		if (!p->extent)
			idl_check_companion(c, decl, &p->node, p->type, false, "parameter");
	}
	return ok;
}

void idl_check_method(struct idl_checker *c, struct idl_decl *decl)
{
	check_name(c, decl);
	check_result(c, decl);
	check_marks(c, decl);
	if (decl->u.method.result == IDL_RESULT_ONEWAY)
		check_oneway(c, decl);
	if (check_params(c, decl))
		idl_check_extents(c, decl);
}
