/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the parser share: a cursor over the tokens, and the common steps. Private to
 * parse*.c and parser.c.
 *
 * A function idl_parse_X() stands on the first token of X and leaves the cursor behind X. It
 * returns false or NULL only after it has reported an error and cannot go on; the caller then
 * returns as well, up to the loop over declarations, which resumes with idl_parser_resume().
 */
#ifndef VERBENA_IDL_PARSER_H
#define VERBENA_IDL_PARSER_H

#include <stdbool.h>

#include "idl/arena.h"
#include "idl/ast.h"
#include "idl/diag.h"
#include "idl/lex.h"
#include "idl/limits.h"

struct idl_parser {
	struct idl_arena *arena;
	struct idl_diags *diags;
	const struct idl_source *source;
	const struct idl_token *tokens;
	size_t at;	    /* never a comment */
	size_t previous;    /* the token taken last; == at before the first */
	size_t docs_first;  /* documentation lines before the current token: */
	size_t docs_end;    /* DOC tokens in [docs_first, docs_end) */
	size_t unclosed_at; /* where a missing brace was reported; SIZE_MAX: nowhere */
	bool skipping;	    /* resuming: what is skipped is not looked at */
	unsigned depth;	    /* of nested types or expressions */
	size_t body;	    /* first token in the interface's braces */
	uint64_t proposed;  /* the last method number proposed in it; 0: none */
	struct idl_file *file;
};

/* ---- the cursor (parser.c) ----------------------------------------------------------------- */

void idl_parser_init(struct idl_parser *parser);

const struct idl_token *idl_parser_token(const struct idl_parser *parser);

/* The nth token behind the current one, without comments; END beyond the end. For messages only. */
const struct idl_token *idl_parser_peek(const struct idl_parser *parser, unsigned n);

bool idl_parser_at(const struct idl_parser *parser, enum idl_token_kind kind);
bool idl_parser_at_word(const struct idl_parser *parser, const char *word);

/* Goes to the next token; documentation that nobody took gets W0101. Stays at END. */
void idl_parser_step(struct idl_parser *parser);

/* Steps if the current token is this one, and says so. */
bool idl_parser_take(struct idl_parser *parser, enum idl_token_kind kind);
bool idl_parser_take_word(struct idl_parser *parser, const char *word);

/* The same, reporting E0101 with `where` ("after the method's name") if it is another. */
bool idl_parser_expect(struct idl_parser *parser, enum idl_token_kind kind, const char *where);

/* The documentation before the current token; the caller has a use for it. */
struct idl_doc idl_parser_docs(struct idl_parser *parser);

struct idl_span idl_parser_span(const struct idl_parser *parser); /* of the current token */
struct idl_span idl_parser_previous_span(const struct idl_parser *parser); /* of the one before */

/* From `start` to the end of the token taken last. */
struct idl_span idl_parser_span_from(const struct idl_parser *parser, struct idl_span start);

/* Whether the current token stands on a later line than the one before. */
bool idl_parser_on_new_line(const struct idl_parser *parser);

/* The current token for a message, in quotes, or "the end of the file". */
const char *idl_parser_found(const struct idl_parser *parser);

/* A copy of the current token's text. */
const char *idl_parser_text(const struct idl_parser *parser);

/* E0101: `wanted` ("a type") was expected. Returns the diagnostic, to hang a fix on. */
struct idl_diag *idl_parser_unexpected(struct idl_parser *parser, const char *wanted);

/* A name; `what` is for the message: "the field's name". */
bool idl_parser_name(struct idl_parser *parser, const char *what, struct idl_name *ret_name);
bool idl_parser_qname(struct idl_parser *parser, const char *what, struct idl_qname *ret_name);

/* A number without a unit. Reports E0006 (too large, leading zero) and E0119 (unit) and goes on. */
bool idl_parser_integer(struct idl_parser *parser, const char *what, uint64_t *ret_value);

/*
 * The `;` that ends a declaration. A missing one is reported and taken as there if that is
 * likely.
 */
bool idl_parser_semicolon(struct idl_parser *parser);

/* The same after `}`. */
bool idl_parser_semicolon_after_brace(struct idl_parser *parser);

/* Goes behind the next `;` or a whole {...}, or to a `}` that closes what surrounds us. */
void idl_parser_resume(struct idl_parser *parser);

/*
 * Whether the body whose `{` is at `open` ends here: at `}`, at the end of the file or at a word
 * that only begins a file's declarations. In the last two cases that is reported and *ret_closed
 * false.
 */
bool idl_parser_body_ends(struct idl_parser *parser, struct idl_span open, const char *of,
			  bool *ret_closed);

/* Reports E0121 at the current token when n has reached the limit. */
bool idl_parser_full(struct idl_parser *parser, size_t n, size_t limit, const char *what);

/* ---- the grammar --------------------------------------------------------------------------- */

struct idl_expr *idl_parse_expr(struct idl_parser *parser);
struct idl_extent *idl_parse_extent(struct idl_parser *parser);
struct idl_type *idl_parse_type(struct idl_parser *parser);

/* Whether the current token is a scalar; reports E0124 (`what` for the message) otherwise. */
bool idl_parse_scalar(struct idl_parser *parser, const char *what, enum idl_scalar *ret_scalar,
		      struct idl_span *ret_span);

bool idl_parse_version(struct idl_parser *parser, struct idl_version *ret_version);
bool idl_parse_time(struct idl_parser *parser, uint64_t *ret_us);
bool idl_parse_size(struct idl_parser *parser, uint64_t *ret_bytes);
bool idl_parse_ranges(struct idl_parser *parser, struct idl_ranges *ret_ranges);

enum idl_mark_place {
	IDL_MARK_ON_METHOD,
	IDL_MARK_ON_FIELD,
	IDL_MARK_ON_VALUE,
	IDL_MARK_ON_PARAM,
};

/* All marks that follow, onto the node. */
bool idl_parse_marks(struct idl_parser *parser, enum idl_mark_place place, struct idl_node *node);

/* Constants, enums, structs. NULL after an error; the final `;` is left to the caller. */
struct idl_decl *idl_parse_typedecl(struct idl_parser *parser, const struct idl_decl *owner);
bool idl_parse_at_typedecl(const struct idl_parser *parser);

struct idl_decl *idl_parse_interface(struct idl_parser *parser);
struct idl_decl *idl_parse_method(struct idl_parser *parser, const struct idl_decl *owner);

/* A new declaration that begins at the current token and takes its documentation. */
struct idl_decl *idl_parse_decl_new(struct idl_parser *parser, enum idl_decl_kind kind,
				    const struct idl_decl *owner);

/* The name of a type that is being declared: E0118 when it is a word of the language or of C. */
bool idl_parse_type_name(struct idl_parser *parser, const char *what, struct idl_name *ret_name);

/* ---- habits from elsewhere (foreign.c) ----------------------------------------------------- */

/* Whether the word is one that the grammar uses. */
bool idl_foreign_is_keyword(const char *word);

/* Whether the word is a type of C that cannot be one here. */
bool idl_foreign_is_c_type(const char *word);

/* At C's words for types: reports E0105 or E0107, steps over them and returns true. */
bool idl_foreign_c_type(struct idl_parser *parser);

/* At a declaration of a .proto or .x file: reports E0108 or E0109 and returns true. */
bool idl_foreign_declaration(struct idl_parser *parser, bool at_top);

#endif
