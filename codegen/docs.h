/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comments of the generated header: the author's words, and what a call costs.
 */
#ifndef VERBENA_CODEGEN_DOCS_H
#define VERBENA_CODEGEN_DOCS_H

#include "codegen/emit.h"
#include "idl/ast.h"

/* The author's comment as a C comment on lines of its own; nothing if there is none. */
void gen_doc(struct gen_emit *e, const struct idl_doc *doc);

/* The same for something that is marked deprecated or has a since above its first version. */
void gen_doc_member(struct gen_emit *e, const struct idl_doc *doc, bool is_deprecated,
		    const struct idl_version *since, bool is_later);

/* The comment of a method's client stub, with its deadline, its cost and what a failure leaves. */
void gen_doc_method(struct gen_emit *e, const struct idl_decl *method);

#endif
