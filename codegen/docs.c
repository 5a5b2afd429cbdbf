// SPDX-License-Identifier: Apache-2.0
#include "codegen/docs.h"

#include <inttypes.h>
#include <string.h>

#include "codegen/c_types.h"
#include "idl/layout.h"

/* Text of a comment's line, after its " * ". */
#define TEXT_COLUMNS 94u

#define US_PER_MS 1000u
#define US_PER_S  1000000u
#define KIB	  1024u

/* A C comment has no use for the marks that an author puts around names. */
static const char *doc_line(struct gen_emit *e, const struct idl_doc *doc, size_t index)
{
	char *const line = idl_arena_copy(&e->arena, doc->lines[index], strlen(doc->lines[index]));
	char *end = line;

	for (const char *c = line; *c; c++)
		if (*c != '`')
			*end++ = *c;
	*end = 0;
	return line;
}

static void doc_lines(struct gen_emit *e, const struct idl_doc *doc)
{
	for (size_t i = 0; i < doc->n_lines; i++)
		gen_emit(e, doc->lines[i][0] ? " * $line$\n" : " *\n", "line", doc_line(e, doc, i),
			 NULL);
}

void gen_doc(struct gen_emit *e, const struct idl_doc *doc)
{
	if (!doc->n_lines)
		return;
	if (doc->n_lines == 1) {
		gen_emit(e, "/* $line$ */\n", "line", doc_line(e, doc, 0), NULL);
		return;
	}
	gen_emit(e, "/*\n", NULL);
	doc_lines(e, doc);
	gen_emit(e, " */\n", NULL);
}

void gen_doc_member(struct gen_emit *e, const struct idl_doc *doc, bool is_deprecated,
		    const struct idl_version *since, bool is_later)
{
	const char *extra = "";

	if (is_later)
		extra = gen_format(e, "Since %" PRIu32 ".%" PRIu32 ".", since->major, since->minor);
	if (is_deprecated)
		extra = gen_format(e, "%s%sDeprecated.", extra, extra[0] ? " " : "");
	if (!extra[0]) {
		gen_doc(e, doc);
		return;
	}
	if (!doc->n_lines) {
		gen_emit(e, "/* $extra$ */\n", "extra", extra, NULL);
		return;
	}
	gen_emit(e, "/*\n", NULL);
	doc_lines(e, doc);
	gen_emit(e, " * $extra$\n */\n", "extra", extra, NULL);
}

/* Lays the words of `text` out in lines of a comment. */
static void doc_wrap(struct gen_emit *e, const char *text)
{
	while (*text) {
		size_t end = strlen(text);

		if (end > TEXT_COLUMNS) {
			end = TEXT_COLUMNS;
			while (end > 0 && text[end] != ' ')
				end--;
			if (!end)
				end = strcspn(text, " ");
		}
		gen_emit(e, " * $line$\n", "line", gen_format(e, "%.*s", (int)end, text), NULL);
		text += end;
		text += *text == ' ';
	}
}

static const char *time_text(struct gen_emit *e, uint64_t us)
{
	if (us % US_PER_S == 0)
		return gen_format(e, "%" PRIu64 " s", us / US_PER_S);
	if (us % US_PER_MS == 0)
		return gen_format(e, "%" PRIu64 " ms", us / US_PER_MS);
	return gen_format(e, "%" PRIu64 " us", us);
}

static const char *size_text(struct gen_emit *e, uint64_t bytes)
{
	if (bytes >= KIB * KIB * KIB && bytes % (KIB * KIB * KIB) == 0)
		return gen_format(e, "%" PRIu64 " GiB", bytes / (KIB * KIB * KIB));
	if (bytes >= KIB * KIB && bytes % (KIB * KIB) == 0)
		return gen_format(e, "%" PRIu64 " MiB", bytes / (KIB * KIB));
	if (bytes >= KIB && bytes % KIB == 0)
		return gen_format(e, "%" PRIu64 " KiB", bytes / KIB);
	return gen_format(e, "%" PRIu64 " bytes", bytes);
}

/* The layout of a buffer's field in the request. */
static const struct idl_wire_field *request_buffer(const struct idl_method *m,
						   const struct idl_param *param)
{
	const struct idl_wire_block *const root = &m->layout->request.root;

	for (size_t i = 0; i < root->n_fields; i++)
		if (root->fields[i].param == param)
			return &root->fields[i];
	return NULL;
}

/* One sentence for each buffer with a limit worth knowing. */
static const char *buffer_text(struct gen_emit *e, const struct idl_method *m)
{
	const char *text = "";

	for (size_t i = 0; i < m->layout->n_buffers; i++) {
		const struct idl_param *const p = m->layout->buffers[i];
		const struct idl_wire_field *const field = request_buffer(m, p);

		if (p->room->is_constant || !field)
			continue;
		if (p->is_clamped)
			text = gen_format(e, "%s At most %s of %s a call: a larger %s is lowered.",
					  text, size_text(e, field->room_max), p->node.name.text,
					  p->room->param->node.name.text);
		else
			text = gen_format(e, "%s More than %s of %s is EMSGSIZE, not sent.", text,
					  size_text(e, field->room_max), p->node.name.text);
	}
	return text;
}

/* "buffer" or "buffer and other": the buffers that a failed call may have written to. */
static const char *undefined_buffers(struct gen_emit *e, const struct idl_method *m)
{
	const char *names = "";

	for (size_t i = 0; i < m->layout->n_buffers; i++) {
		const struct idl_param *const p = m->layout->buffers[i];

		if (p->direction != IDL_IN)
			names = gen_format(e, "%s%s%s", names, names[0] ? " and " : "",
					   p->node.name.text);
	}
	return names;
}

static bool has_outs(const struct idl_method *m)
{
	for (const struct idl_param *p = m->params; p; p = p->next)
		if (p->direction != IDL_IN)
			return true;
	return false;
}

static const char *errors_text(struct gen_emit *e, const struct idl_method *m)
{
	const char *text = "";

	for (size_t i = 0; i < m->n_errors; i++)
		text = gen_format(e, "%s%s%s", text, i ? ", " : " Errors: ", m->errors[i].text);
	return m->n_errors ? gen_format(e, "%s, and those of any call.", text) : text;
}

static const char *failure_text(struct gen_emit *e, const struct idl_decl *method)
{
	const struct idl_method *const m = &method->u.method;
	const char *const prefix = method->owner->c_name;
	const char *const names = undefined_buffers(e, m);

	if (m->result == IDL_RESULT_ONEWAY)
		return "";
	if (names[0])
		return gen_format(e,
				  " On failure %s may have changed, up to the room; "
				  "%s_peer_outcome() tells whether the server ran it.",
				  names, prefix);
	return gen_format(e, " On failure %s%s_peer_outcome() tells whether the server ran it.",
			  has_outs(m) ? "nothing is written; " : "", prefix);
}

/* What the author says of a parameter, on lines of its own: "fd: from open()". */
static bool doc_params(struct gen_emit *e, const struct idl_method *m)
{
	bool is_any = false;

	for (const struct idl_param *p = m->params; p; p = p->next) {
		const char *text = p->node.name.text;

		for (size_t i = 0; i < p->node.doc.n_lines; i++)
			text = gen_format(e, "%s%s%s", text, i ? " " : ": ",
					  doc_line(e, &p->node.doc, i));
		if (p->node.doc.n_lines)
			doc_wrap(e, text);
		is_any |= p->node.doc.n_lines > 0;
	}
	return is_any;
}

void gen_doc_method(struct gen_emit *e, const struct idl_decl *method)
{
	const struct idl_method *const m = &method->u.method;
	const char *text;

	if (m->result == IDL_RESULT_ONEWAY)
		text = gen_format(
			e,
			"One message, no answer: 0 says that it has been handed over, not "
			"that it was served. Waits at most %s for the server to take more.",
			time_text(e, m->deadline_us));
	else
		text = gen_format(e, "%s Deadline %s unless the peer's is set. One round trip.",
				  m->is_idempotent ? "Idempotent: may be sent again."
						   : "Not idempotent: never resent.",
				  time_text(e, m->deadline_us));
	text = gen_format(e, "%s%s%s%s", text, buffer_text(e, m), errors_text(e, m),
			  failure_text(e, method));
	if (m->since.minor > 0)
		text = gen_format(e,
				  "%s Since %" PRIu32 ".%" PRIu32
				  ": ENOSYS, not sent, when the server is older.",
				  text, m->since.major, m->since.minor);
	if (m->is_deprecated)
		text = gen_format(e, "%s Deprecated.", text);
	gen_emit(e, "/*\n", NULL);
	doc_lines(e, &method->node.doc);
	if (doc_params(e, m) || method->node.doc.n_lines)
		gen_emit(e, " *\n", NULL);
	doc_wrap(e, text);
	gen_emit(e, " */\n", NULL);
}
