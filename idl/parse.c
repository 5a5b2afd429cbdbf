// SPDX-License-Identifier: Apache-2.0
#include "idl/parse.h"

#include <string.h>

#include "idl/parser.h"
#include "idl/suggest.h"

/* What the loop over a file keeps. */
struct parts {
	struct idl_file *file;
	struct idl_import **imports_end;
	struct idl_decl **decls_end;
	size_t n_imports;
	bool has_package;
};

/* The text of a string token, without its quotes. */
static bool parse_path(struct idl_parser *parser, struct idl_import *import)
{
	const struct idl_token *token = idl_parser_token(parser);
	size_t size = token->end - token->start;
	const char *text = parser->source->text + token->start;
	struct idl_diag *diag;

	if (token->kind != IDL_TOKEN_STRING) {
		diag = idl_parser_unexpected(parser, "a path in double quotes");
		idl_diag_fix(diag, "import \"other.idl\";");
		return false;
	}
	/* One that is not closed was reported; its last byte belongs to the path. */
	size -= size > 1 && text[size - 1] == '"' ? 2 : 1;
	import->path_span = idl_parser_span(parser);
	import->path = idl_arena_copy(parser->arena, text + 1, size);
	idl_parser_step(parser);
	return true;
}

static bool parse_import(struct idl_parser *parser, struct parts *parts)
{
	struct idl_import *import = idl_arena_alloc(parser->arena, sizeof(*import));
	struct idl_diag *diag;

	import->span = idl_parser_span(parser);
	if (parts->file->decls) {
		diag = idl_diag_at(parser->diags, IDL_E0111, import->span,
				   "imports come before the declarations");
		idl_diag_note(diag, parts->file->decls->node.span, "put it before this one");
	}
	if (idl_parser_full(parser, parts->n_imports++, IDL_MAX_IMPORTS, "imports"))
		return false;
	idl_parser_step(parser);
	if (!parse_path(parser, import))
		return false;
	if (idl_parser_take_word(parser, "as") &&
	    !idl_parser_name(parser, "a name for the import", &import->alias))
		return false;
	import->span = idl_parser_span_from(parser, import->span);
	*parts->imports_end = import;
	parts->imports_end = &import->next;
	return idl_parser_semicolon(parser);
}

static void check_package_place(struct idl_parser *parser, const struct parts *parts)
{
	struct idl_span span = idl_parser_span(parser);
	struct idl_diag *diag;

	if (parts->has_package) {
		diag = idl_diag_at(parser->diags, IDL_E0110, span, "a file has one package");
		idl_diag_note(diag, parts->file->package.span, "the first is here");
	} else if (parts->file->decls) {
		diag = idl_diag_at(parser->diags, IDL_E0110, span,
				   "the package comes before the declarations");
		idl_diag_note(diag, parts->file->decls->node.span, "put it before this one");
	}
}

static bool parse_package(struct idl_parser *parser, struct parts *parts)
{
	struct idl_package package = {.span = idl_parser_span(parser)};

	check_package_place(parser, parts);
	package.doc = idl_parser_docs(parser);
	idl_parser_step(parser);
	if (!idl_parser_qname(parser, "the package's name", &package.name))
		return false;
	if (idl_parser_take_word(parser, "prefix") &&
	    !idl_parser_name(parser, "the prefix", &package.prefix))
		return false;
	package.span = idl_parser_span_from(parser, package.span);
	if (!parts->has_package)
		parts->file->package = package;
	parts->has_package = true;
	return idl_parser_semicolon(parser);
}

static const char *const top_words[] = {
	"package", "import", "const", "enum", "closed", "struct", "frozen", "interface",
};

static bool refuse_top(struct idl_parser *parser)
{
	struct idl_suggest suggest;
	struct idl_diag *diag;

	diag = idl_parser_unexpected(parser, "a declaration");
	if (!idl_parser_at(parser, IDL_TOKEN_WORD))
		return false;
	idl_suggest_init(&suggest, idl_parser_text(parser));
	for (size_t i = 0; i < sizeof(top_words) / sizeof(top_words[0]); i++)
		idl_suggest_offer(&suggest, top_words[i]);
	if (suggest.best)
		idl_diag_mean(diag, &suggest);
	else
		idl_diag_fix(diag,
			     "const, enum, struct or interface; methods go into an interface");
	return false;
}

static bool parse_part(struct idl_parser *parser, struct parts *parts)
{
	struct idl_decl *decl;

	if (idl_parser_at_word(parser, "import"))
		return parse_import(parser, parts);
	if (idl_parser_at_word(parser, "package"))
		return parse_package(parser, parts);
	if (idl_parser_at_word(parser, "interface"))
		decl = idl_parse_interface(parser);
	else if (idl_parse_at_typedecl(parser))
		decl = idl_parse_typedecl(parser, NULL);
	else
		return idl_foreign_declaration(parser, true) ? false : refuse_top(parser);
	if (!decl)
		return false;
	*parts->decls_end = decl;
	parts->decls_end = &decl->next;
	parts->file->n_decls++;
	return decl->kind == IDL_DECL_CONST ? idl_parser_semicolon(parser)
					    : idl_parser_semicolon_after_brace(parser);
}

/* A brace that closes nothing is skipped: the mistake it came with was reported. */
static void resume_part(struct idl_parser *parser)
{
	idl_parser_resume(parser);
	if (idl_parser_take(parser, IDL_TOKEN_RIGHT_BRACE))
		idl_parser_take(parser, IDL_TOKEN_SEMICOLON);
}

/* Only for a file that is otherwise good: in any other the line may be what was not understood. */
static void report_no_package(struct idl_parser *parser, const struct parts *parts)
{
	struct idl_span span = {parser->source, 0, 0};
	struct idl_diag *diag;

	if (parts->file->decls)
		span = parts->file->decls->node.span;
	diag = idl_diag_at(parser->diags, IDL_E0110, span, "the file has no package");
	idl_diag_fix(diag, "begin it with: package NAME;");
}

struct idl_file *idl_parse_source(struct idl_arena *arena, struct idl_diags *diags,
				  const struct idl_source *source)
{
	struct idl_file *file = idl_arena_alloc(arena, sizeof(*file));
	struct idl_parser parser = {
		.arena = arena,
		.diags = diags,
		.source = source,
		.file = file,
	};
	struct parts parts = {
		.file = file,
		.imports_end = &file->imports,
		.decls_end = &file->decls,
	};
	unsigned n_errors = diags->n_errors;

	file->source = source;
	idl_lex(arena, diags, source, &file->tokens, &file->n_tokens);
	parser.tokens = file->tokens;
	idl_parser_init(&parser);
	while (!idl_parser_at(&parser, IDL_TOKEN_END)) {
		if (!parse_part(&parser, &parts))
			resume_part(&parser);
	}
	idl_parser_step(&parser);
	if (!parts.has_package && diags->n_errors == n_errors)
		report_no_package(&parser, &parts);
	file->is_parsed = diags->n_errors == n_errors;
	return file;
}
