// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "idl/parser.h"

struct idl_decl *idl_parse_decl_new(struct idl_parser *parser, enum idl_decl_kind kind,
				    const struct idl_decl *owner)
{
	struct idl_decl *decl = idl_arena_alloc(parser->arena, sizeof(*decl));

	decl->kind = kind;
	decl->file = parser->file;
	decl->owner = owner;
	decl->node.span = idl_parser_span(parser);
	if (kind != IDL_DECL_RESERVED)
		decl->node.doc = idl_parser_docs(parser);
	return decl;
}

bool idl_parse_type_name(struct idl_parser *parser, const char *what, struct idl_name *ret_name)
{
	struct idl_diag *diag;

	if (!idl_parser_name(parser, what, ret_name))
		return false;
	if (idl_foreign_is_keyword(ret_name->text)) {
		diag = idl_diag_at(parser->diags, IDL_E0118, ret_name->span,
				   "'%s' is a word of the language and cannot name a type",
				   ret_name->text);
		idl_diag_fix(diag, "choose another name");
	} else if (idl_foreign_is_c_type(ret_name->text)) {
		diag = idl_diag_at(parser->diags, IDL_E0118, ret_name->span,
				   "'%s' is a type of C and cannot name another", ret_name->text);
		idl_diag_fix(diag, "choose another name");
	}
	return true;
}

static struct idl_decl *parse_const(struct idl_parser *parser, const struct idl_decl *owner)
{
	struct idl_decl *decl = idl_parse_decl_new(parser, IDL_DECL_CONST, owner);
	struct idl_const *constant = &decl->u.constant;

	idl_parser_step(parser);
	if (!idl_parse_scalar(parser, "the constant's type", &constant->scalar,
			      &constant->scalar_span) ||
	    !idl_parser_name(parser, "the constant's name", &decl->node.name) ||
	    !idl_parser_expect(parser, IDL_TOKEN_EQUALS, "after the constant's name"))
		return NULL;
	constant->expr = idl_parse_expr(parser);
	return constant->expr ? decl : NULL;
}

/* A value, or `reserved` with its numbers, which go to `reserved`. */
static bool parse_item(struct idl_parser *parser, struct idl_decl *decl, struct idl_item ***end,
		       struct idl_ranges *reserved)
{
	struct idl_enum *enumeration = &decl->u.enumeration;
	struct idl_item *item;
	struct idl_diag *diag;

	if (idl_parser_take_word(parser, "reserved"))
		return idl_parse_ranges(parser, &reserved[enumeration->n_reserved++]);
	item = idl_arena_alloc(parser->arena, sizeof(*item));
	item->owner = decl;
	item->node.span = idl_parser_span(parser);
	item->node.doc = idl_parser_docs(parser);
	if (!idl_parser_name(parser, "a value's name", &item->node.name))
		return false;
	if (idl_parser_at(parser, IDL_TOKEN_COMMA) ||
	    idl_parser_at(parser, IDL_TOKEN_RIGHT_BRACE)) {
		diag = idl_parser_unexpected(parser, "'=' and the number");
		idl_diag_fix(diag, "values are written out: %s = %zu", item->node.name.text,
			     enumeration->n_items);
		return true;
	}
	if (!idl_parser_expect(parser, IDL_TOKEN_EQUALS, "after the value's name"))
		return false;
	item->expr = idl_parse_expr(parser);
	if (!item->expr || !idl_parse_marks(parser, IDL_MARK_ON_VALUE, &item->node))
		return false;
	item->node.span = idl_parser_span_from(parser, item->node.span);
	**end = item;
	*end = &item->next;
	enumeration->n_items++;
	return true;
}

/* To the next `,` or `}` of the enum, or beyond what is no longer part of it. */
static void resume_items(struct idl_parser *parser)
{
	parser->skipping = true;
	while (!idl_parser_at(parser, IDL_TOKEN_END) && !idl_parser_at(parser, IDL_TOKEN_COMMA) &&
	       !idl_parser_at(parser, IDL_TOKEN_RIGHT_BRACE) &&
	       !idl_parser_at(parser, IDL_TOKEN_SEMICOLON))
		idl_parser_step(parser);
	parser->skipping = false;
}

/* Between values: a comma; a semicolon, as in a struct, is told so and taken for one. */
static bool parse_separator(struct idl_parser *parser, bool *told)
{
	struct idl_diag *diag;

	if (idl_parser_take(parser, IDL_TOKEN_COMMA) ||
	    idl_parser_at(parser, IDL_TOKEN_RIGHT_BRACE) || idl_parser_at(parser, IDL_TOKEN_END))
		return true;
	if (!*told || !idl_parser_at(parser, IDL_TOKEN_SEMICOLON)) {
		diag = idl_parser_unexpected(parser, "',' or '}'");
		idl_diag_fix(diag, "values are separated by commas");
	}
	*told = true;
	return idl_parser_take(parser, IDL_TOKEN_SEMICOLON);
}

static bool parse_items(struct idl_parser *parser, struct idl_decl *decl)
{
	struct idl_enum *enumeration = &decl->u.enumeration;
	struct idl_span open = idl_parser_previous_span(parser);
	struct idl_ranges reserved[IDL_MAX_RANGES] = {{.ranges = NULL}};
	struct idl_item **end = &enumeration->items;
	struct idl_ranges *copy;
	bool told = false, closed;

	while (!idl_parser_body_ends(parser, open, "the enum", &closed)) {
		if (idl_parser_full(parser, enumeration->n_items, IDL_MAX_ITEMS, "values") ||
		    idl_parser_full(parser, enumeration->n_reserved, IDL_MAX_RANGES,
				    "lines of reserved numbers"))
			return false;
		if (!parse_item(parser, decl, &end, reserved) || !parse_separator(parser, &told)) {
			resume_items(parser);
			if (!idl_parser_take(parser, IDL_TOKEN_COMMA))
				idl_parser_take(parser, IDL_TOKEN_SEMICOLON);
		}
	}
	copy = idl_arena_array(parser->arena, enumeration->n_reserved, sizeof(*copy));
	memcpy(copy, reserved, enumeration->n_reserved * sizeof(*copy));
	enumeration->reserved = copy;
	return closed;
}

static void report_empty(struct idl_parser *parser, const struct idl_decl *decl, const char *what,
			 const char *fix)
{
	struct idl_diag *diag;

	diag = idl_diag_at(parser->diags, IDL_E0122, decl->node.name.span, "%s '%s' is empty", what,
			   decl->node.name.text);
	idl_diag_fix(diag, "%s", fix);
}

/* ": intty"; without it the file is read on, as the values are worth looking at. */
static bool parse_enum_type(struct idl_parser *parser, struct idl_enum *enumeration)
{
	struct idl_diag *diag;

	enumeration->scalar = IDL_UINT32;
	enumeration->scalar_span = idl_parser_span(parser);
	if (!idl_parser_take(parser, IDL_TOKEN_COLON)) {
		if (!idl_parser_at(parser, IDL_TOKEN_LEFT_BRACE)) {
			idl_parser_unexpected(parser, "':' and the enum's integer type");
			return false;
		}
		diag = idl_diag_at(parser->diags, IDL_E0124,
				   idl_span_after(idl_parser_previous_span(parser)),
				   "an enum needs an integer type: its size on the wire");
		idl_diag_fix(diag, "add ' : uint32'");
		return true;
	}
	if (!idl_parse_scalar(parser, "the enum's integer type", &enumeration->scalar,
			      &enumeration->scalar_span))
		return false;
	if (!idl_scalar_info(enumeration->scalar)->is_integer) {
		diag = idl_diag_at(parser->diags, IDL_E0124, enumeration->scalar_span,
				   "'%s' is no integer type",
				   idl_scalar_info(enumeration->scalar)->name);
		idl_diag_fix(diag, "int8 to uint64");
		enumeration->scalar = IDL_UINT32;
	}
	return true;
}

static struct idl_decl *parse_enum(struct idl_parser *parser, const struct idl_decl *owner)
{
	struct idl_decl *decl = idl_parse_decl_new(parser, IDL_DECL_ENUM, owner);
	struct idl_enum *enumeration = &decl->u.enumeration;

	enumeration->is_closed = idl_parser_take_word(parser, "closed");
	if (!idl_parser_take_word(parser, "enum")) {
		idl_parser_unexpected(parser, "'enum' after 'closed'");
		return NULL;
	}
	if (!idl_parse_type_name(parser, "the enum's name", &decl->node.name) ||
	    !parse_enum_type(parser, enumeration) ||
	    !idl_parser_expect(parser, IDL_TOKEN_LEFT_BRACE, "before the values") ||
	    !parse_items(parser, decl))
		return NULL;
	if (enumeration->n_items == 0)
		report_empty(parser, decl, "enum", "give it at least one value");
	return decl;
}

/* Behind the name of a field: what other languages have there. */
static bool refuse_field_number(struct idl_parser *parser)
{
	struct idl_diag *diag;
	uint64_t number;

	if (!idl_parser_at(parser, IDL_TOKEN_EQUALS))
		return true;
	diag = idl_diag_at(parser->diags, IDL_E0108, idl_parser_span(parser),
			   "a field has a position, not a number");
	idl_diag_fix(diag, "leave '= N' out; new fields go to the end");
	idl_parser_step(parser);
	return idl_parser_integer(parser, "the number", &number);
}

static bool parse_array(struct idl_parser *parser, struct idl_field *field)
{
	if (!idl_parser_take(parser, IDL_TOKEN_LEFT_BRACKET))
		return true;
	field->array_expr = idl_parse_expr(parser);
	return field->array_expr &&
	       idl_parser_expect(parser, IDL_TOKEN_RIGHT_BRACKET, "after the array's size");
}

static bool refuse_direction(struct idl_parser *parser)
{
	struct idl_diag *diag;

	if (!idl_parser_at_word(parser, "in") && !idl_parser_at_word(parser, "out") &&
	    !idl_parser_at_word(parser, "inout"))
		return true;
	diag = idl_parser_unexpected(parser, "a field's type");
	idl_diag_fix(diag, "only parameters have a direction");
	return false;
}

static struct idl_decl *parse_union(struct idl_parser *parser)
{
	struct idl_diag *diag;

	diag = idl_diag_at(parser->diags, IDL_E0151, idl_parser_span(parser),
			   "unions are not supported yet");
	idl_diag_fix(diag, "use a struct with optional fields");
	return NULL;
}

/*
 * A type that is declared where a field belongs, as C and protobuf allow: reported and skipped with
 * the name of the field behind it.
 */
static bool skip_nested(struct idl_parser *parser)
{
	enum idl_token_kind next = idl_parser_peek(parser, 1)->kind;
	enum idl_token_kind second = idl_parser_peek(parser, 2)->kind;
	struct idl_diag *diag;

	if (!idl_parse_at_typedecl(parser) ||
	    (next != IDL_TOKEN_LEFT_BRACE && second != IDL_TOKEN_LEFT_BRACE &&
	     second != IDL_TOKEN_COLON))
		return false;
	if (idl_parser_at_word(parser, "union")) {
		parse_union(parser);
	} else {
		diag = idl_parser_unexpected(parser, "a field");
		idl_diag_fix(diag, "declare the type before this struct, with a name");
	}
	idl_parser_resume(parser);
	if (idl_parser_at(parser, IDL_TOKEN_WORD) &&
	    idl_parser_peek(parser, 1)->kind == IDL_TOKEN_SEMICOLON)
		idl_parser_resume(parser);
	return true;
}

static bool parse_field(struct idl_parser *parser, struct idl_decl *decl, struct idl_field ***end)
{
	struct idl_struct *structure = &decl->u.structure;
	struct idl_field *field = idl_arena_alloc(parser->arena, sizeof(*field));

	if (idl_foreign_declaration(parser, false) || !refuse_direction(parser))
		return false;
	field->owner = decl;
	field->node.span = idl_parser_span(parser);
	field->is_reserved = idl_parser_at_word(parser, "reserved");
	if (!field->is_reserved)
		field->node.doc = idl_parser_docs(parser);
	if (field->is_reserved)
		idl_parser_step(parser);
	/* A reserved field that was optional keeps its presence bit. */
	field->is_optional = idl_parser_take_word(parser, "optional");
	field->type = idl_parse_type(parser);
	if (!field->type || !idl_parser_name(parser, "the field's name", &field->node.name) ||
	    !parse_array(parser, field) || !refuse_field_number(parser) ||
	    !idl_parse_marks(parser, IDL_MARK_ON_FIELD, &field->node))
		return false;
	field->node.span = idl_parser_span_from(parser, field->node.span);
	field->index = structure->n_fields++;
	**end = field;
	*end = &field->next;
	return idl_parser_semicolon(parser);
}

static struct idl_decl *parse_struct(struct idl_parser *parser, const struct idl_decl *owner)
{
	struct idl_decl *decl = idl_parse_decl_new(parser, IDL_DECL_STRUCT, owner);
	struct idl_struct *structure = &decl->u.structure;
	struct idl_field **end = &structure->fields;
	unsigned n_errors = parser->diags->n_errors;
	struct idl_span open;
	bool closed;

	structure->is_frozen = idl_parser_take_word(parser, "frozen");
	if (!idl_parser_take_word(parser, "struct")) {
		idl_parser_unexpected(parser, "'struct' after 'frozen'");
		return NULL;
	}
	if (!idl_parse_type_name(parser, "the struct's name", &decl->node.name) ||
	    !idl_parser_expect(parser, IDL_TOKEN_LEFT_BRACE, "before the fields"))
		return NULL;
	open = idl_parser_previous_span(parser);
	while (!idl_parser_body_ends(parser, open, "the struct", &closed)) {
		if (idl_parser_full(parser, structure->n_fields, IDL_MAX_FIELDS, "fields"))
			return NULL;
		if (!skip_nested(parser) && !parse_field(parser, decl, &end))
			idl_parser_resume(parser);
	}
	if (!closed)
		return NULL;
	if (structure->n_fields == 0 && parser->diags->n_errors == n_errors)
		report_empty(parser, decl, "struct", "give it at least one field");
	return decl;
}

bool idl_parse_at_typedecl(const struct idl_parser *parser)
{
	return idl_parser_at_word(parser, "const") || idl_parser_at_word(parser, "closed") ||
	       idl_parser_at_word(parser, "enum") || idl_parser_at_word(parser, "frozen") ||
	       idl_parser_at_word(parser, "struct") || idl_parser_at_word(parser, "union");
}

struct idl_decl *idl_parse_typedecl(struct idl_parser *parser, const struct idl_decl *owner)
{
	struct idl_decl *decl;

	if (idl_parser_at_word(parser, "const"))
		decl = parse_const(parser, owner);
	else if (idl_parser_at_word(parser, "closed") || idl_parser_at_word(parser, "enum"))
		decl = parse_enum(parser, owner);
	else if (idl_parser_at_word(parser, "union") ||
		 idl_token_is(parser->source, idl_parser_peek(parser, 1), "union"))
		decl = parse_union(parser);
	else
		decl = parse_struct(parser, owner);
	if (decl)
		decl->node.span = idl_parser_span_from(parser, decl->node.span);
	return decl;
}
