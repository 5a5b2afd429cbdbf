// SPDX-License-Identifier: Apache-2.0
/*
 * Habits from C, .proto and .x files. Each is told what it is called here, and the declaration is
 * read on as if it had been written so.
 */
#include <string.h>

#include "idl/parser.h"

static const char *const keywords[] = {
	"as",	    "bool",	  "bytes",    "case",	    "closed",	   "const",
	"deadline", "deprecated", "direct",   "enum",	    "errors",	   "false",
	"float32",  "float64",	  "frozen",   "high",	    "idempotent",  "import",
	"in",	    "inflight",	  "inout",    "int16",	    "int32",	   "int64",
	"int8",	    "interface",  "low",      "max_inline", "max_message", "max_transfer",
	"normal",   "oneway",	  "optional", "out",	    "package",	   "prefix",
	"priority", "proto",	  "reserved", "return",	    "sequence",	   "since",
	"stream",   "string",	  "struct",   "to",	    "true",	   "uint16",
	"uint32",   "uint64",	  "uint8",    "union",	    "vector",	   "version",
	"void",
};

/* A type of C that is one word, and what it is here on the systems Verbena runs on. */
static const struct {
	const char *c;
	const char *idl;
} c_types[] = {
	{"int8_t", "int8"},	 {"int16_t", "int16"},	  {"int32_t", "int32"},
	{"int64_t", "int64"},	 {"uint8_t", "uint8"},	  {"uint16_t", "uint16"},
	{"uint32_t", "uint32"},	 {"uint64_t", "uint64"},  {"size_t", "uint64"},
	{"ssize_t", "int64"},	 {"off_t", "int64"},	  {"loff_t", "int64"},
	{"time_t", "int64"},	 {"ptrdiff_t", "int64"},  {"intptr_t", "int64"},
	{"uintptr_t", "uint64"}, {"intmax_t", "int64"},	  {"uintmax_t", "uint64"},
	{"mode_t", "uint32"},	 {"pid_t", "int32"},	  {"uid_t", "uint32"},
	{"gid_t", "uint32"},	 {"dev_t", "uint64"},	  {"ino_t", "uint64"},
	{"nlink_t", "uint32"},	 {"socklen_t", "uint32"}, {"_Bool", "bool"},
	{"boolean", "bool"},	 {"uint", "uint32"},	  {"ushort", "uint16"},
	{"ulong", "uint64"},	 {"byte", "uint8"},	  {"octet", "uint8"},
	{"float", "float32"},	 {"double", "float64"},	  {"u8", "uint8"},
	{"u16", "uint16"},	 {"u32", "uint32"},	  {"u64", "uint64"},
	{"sint32", "int32"},	 {"sint64", "int64"},	  {"fixed32", "uint32"},
	{"fixed64", "uint64"},	 {"sfixed32", "int32"},	  {"sfixed64", "int64"},
	{"wchar_t", "uint32"},
};

/* Words that C joins into one type. */
static const char *const c_words[] = {
	"unsigned", "signed", "short", "long", "hyper", "int", "char", "const", "volatile",
};

bool idl_foreign_is_keyword(const char *word)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (strcmp(keywords[i], word) == 0)
			return true;
	}
	return false;
}

static const char *c_type_here(const char *word)
{
	for (size_t i = 0; i < sizeof(c_types) / sizeof(c_types[0]); i++) {
		if (strcmp(c_types[i].c, word) == 0)
			return c_types[i].idl;
	}
	return NULL;
}

static bool is_c_word(const char *word)
{
	for (size_t i = 0; i < sizeof(c_words) / sizeof(c_words[0]); i++) {
		if (strcmp(c_words[i], word) == 0)
			return true;
	}
	return false;
}

bool idl_foreign_is_c_type(const char *word)
{
	return c_type_here(word) || is_c_word(word);
}

/* What a type of C is made of. */
struct c_type {
	bool is_unsigned;
	bool is_char;
	bool is_short;
	bool is_long;
	bool is_number; /* something that says a type, not only const */
	bool is_void;
	bool is_tagged;	   /* struct or enum NAME */
	const char *here;  /* from the table of one-word types */
	unsigned pointers; /* stars behind it */
};

static bool take_c_word(struct idl_parser *parser, struct c_type *type)
{
	const char *word;

	if (!idl_parser_at(parser, IDL_TOKEN_WORD))
		return false;
	word = idl_parser_text(parser);
	if (is_c_word(word)) {
		type->is_unsigned |= strcmp(word, "unsigned") == 0;
		type->is_char |= strcmp(word, "char") == 0;
		type->is_short |= strcmp(word, "short") == 0;
		type->is_long |= strcmp(word, "long") == 0 || strcmp(word, "hyper") == 0;
		type->is_number |= strcmp(word, "const") != 0 && strcmp(word, "volatile") != 0;
	} else if (!type->is_number && c_type_here(word)) {
		type->is_number = true;
		type->here = c_type_here(word);
	} else if (!type->is_number && strcmp(word, "void") == 0) {
		type->is_number = true;
		type->is_void = true;
	} else if (!type->is_number && (strcmp(word, "struct") == 0 || strcmp(word, "enum") == 0)) {
		type->is_number = true;
		type->is_tagged = true;
	} else {
		return false;
	}
	idl_parser_step(parser);
	return true;
}

static const char *scalar_of(const struct c_type *type)
{
	static const char *const names[2][4] = {
		{"int8", "int16", "int32", "int64"},
		{"uint8", "uint16", "uint32", "uint64"},
	};
	unsigned size = type->is_char ? 0 : type->is_short ? 1 : type->is_long ? 3 : 2;

	return type->here ? type->here : names[type->is_unsigned][size];
}

static void report_c_type(struct idl_parser *parser, const struct c_type *type,
			  struct idl_span span)
{
	const char *text = idl_arena_copy(parser->arena, span.source->text + span.start,
					  span.end - span.start);
	struct idl_diag *diag;

	if (type->is_tagged) {
		diag = idl_diag_at(parser->diags, IDL_E0105, span, "a type is named without '%s'",
				   text);
		idl_diag_fix(diag, "write its name alone");
	} else if (type->pointers || type->is_void) {
		diag = idl_diag_at(parser->diags, IDL_E0107, span,
				   "'%s': a pointer means nothing to another process", text);
		if (type->is_char)
			idl_diag_fix(diag, "string<N> for text, bytes with an extent for a buffer");
		else if (type->is_void)
			idl_diag_fix(diag, "bytes with an extent: in bytes data[size]");
		else
			idl_diag_fix(diag, "%s with an extent, or the direction out",
				     scalar_of(type));
	} else if (!type->is_number) {
		diag = idl_diag_at(parser->diags, IDL_E0105, span, "'%s' is a word of C", text);
		idl_diag_fix(diag, "leave it out: the direction in says it");
	} else {
		diag = idl_diag_at(parser->diags, IDL_E0105, span,
				   "'%s' is not a type here: sizes are part of the name", text);
		idl_diag_fix(diag, "write %s", scalar_of(type));
	}
}

bool idl_foreign_c_type(struct idl_parser *parser)
{
	struct idl_span span = idl_parser_span(parser);
	struct c_type type = {.pointers = 0};
	struct idl_qname rest;

	if (idl_parser_peek(parser, 1)->kind == IDL_TOKEN_DOT) /* an import of that name */
		return false;
	if (!take_c_word(parser, &type))
		return false;
	while (take_c_word(parser, &type))
		;
	if (type.is_tagged)
		span = idl_parser_span_from(parser, span);
	for (; idl_parser_take(parser, IDL_TOKEN_STAR); idl_parser_take_word(parser, "const"))
		type.pointers++;
	if (!type.is_tagged)
		span = idl_parser_span_from(parser, span);
	report_c_type(parser, &type, span);
	/* `const T x` and `struct T x`: a type follows, unless this word is already the name. */
	if ((type.is_tagged || !type.is_number) &&
	    (idl_parser_peek(parser, 1)->kind == IDL_TOKEN_WORD ||
	     idl_parser_peek(parser, 1)->kind == IDL_TOKEN_STAR ||
	     idl_parser_peek(parser, 1)->kind == IDL_TOKEN_DOT))
		idl_parser_qname(parser, "a type", &rest);
	while (idl_parser_take(parser, IDL_TOKEN_STAR))
		;
	return true;
}

/* A word that begins a declaration elsewhere, and what is written here instead. */
struct foreign_word {
	const char *word;
	enum idl_code code;
	const char *text;
	const char *fix;
};

static const struct foreign_word top_words[] = {
	{"syntax", IDL_E0108, "a .proto file begins so", "leave the line out"},
	{"option", IDL_E0108, "options belong to .proto files",
	 "rules such as 'deadline 1s;' stand first in an interface"},
	{"message", IDL_E0108, "'message' belongs to .proto files",
	 "write struct NAME { type field; };"},
	{"service", IDL_E0108, "'service' belongs to .proto files",
	 "write interface NAME @id version 1.0 { ... };"},
	{"extend", IDL_E0108, "'extend' belongs to .proto files",
	 "a growing struct gets fields at its end"},
	{"program", IDL_E0109, "'program' belongs to .x files",
	 "write interface NAME @id version 1.0 { ... };"},
	{"typedef", IDL_E0109, "there is no typedef", "write the type where it is used"},
	{"module", IDL_E0109, "there are no modules", "write package NAME; at the top"},
};

static const struct foreign_word member_words[] = {
	{"rpc", IDL_E0108, "'rpc' belongs to .proto files",
	 "write result name(in type x, out type y) = 1;"},
	{"repeated", IDL_E0108, "'repeated' belongs to .proto files", "write sequence<T, N> name"},
	{"required", IDL_E0108, "'required' belongs to .proto files", "leave the word out"},
	{"oneof", IDL_E0108, "'oneof' belongs to .proto files", "use optional fields"},
	{"option", IDL_E0108, "options belong to .proto files", "use the rules and marks"},
	{"map", IDL_E0108, "there are no maps", "write a sequence of a struct of key and value"},
	{"extensions", IDL_E0108, "'extensions' belongs to .proto files",
	 "a growing struct gets fields at its end"},
	{"opaque", IDL_E0109, "'opaque' belongs to .x files", "write bytes<N> name"},
	{"version", IDL_E0109, "'version' with a block belongs to .x files",
	 "the version stands before the interface's '{'"},
	{"typedef", IDL_E0109, "there is no typedef", "write the type where it is used"},
};

/*
 * Any of these words may be the name of a type or a value here, so what follows must not make sense
 * as a declaration of ours: `message x;` and `message x[` are fields.
 */
static bool makes_sense(const struct idl_parser *parser, bool at_top)
{
	enum idl_token_kind next = idl_parser_peek(parser, 1)->kind;
	enum idl_token_kind second = idl_parser_peek(parser, 2)->kind;

	if (at_top)
		return false;
	if (next == IDL_TOKEN_DOT || next == IDL_TOKEN_EQUALS)
		return true;
	return next == IDL_TOKEN_WORD &&
	       (second == IDL_TOKEN_SEMICOLON || second == IDL_TOKEN_LEFT_BRACKET) &&
	       !idl_parser_at_word(parser, "opaque");
}

static bool report_word(struct idl_parser *parser, const struct foreign_word *words, size_t n)
{
	struct idl_diag *diag;

	for (size_t i = 0; i < n; i++) {
		if (!idl_parser_at_word(parser, words[i].word))
			continue;
		diag = idl_diag_at(parser->diags, words[i].code, idl_parser_span(parser), "%s",
				   words[i].text);
		idl_diag_fix(diag, "%s", words[i].fix);
		return true;
	}
	return false;
}

bool idl_foreign_declaration(struct idl_parser *parser, bool at_top)
{
	if (makes_sense(parser, at_top))
		return false;
	if (at_top)
		return report_word(parser, top_words, sizeof(top_words) / sizeof(top_words[0]));
	return report_word(parser, member_words, sizeof(member_words) / sizeof(member_words[0]));
}
