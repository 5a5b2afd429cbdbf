// SPDX-License-Identifier: Apache-2.0
/*
 * What may follow a declaration, and the small values in it: times, sizes, versions, ranges.
 */
#include <string.h>

#include "idl/parser.h"
#include "idl/suggest.h"

static const char *const mark_words[IDL_N_MARKS] = {
	[IDL_MARK_IDEMPOTENT] = "idempotent", [IDL_MARK_DIRECT] = "direct",
	[IDL_MARK_DEPRECATED] = "deprecated", [IDL_MARK_DEADLINE] = "deadline",
	[IDL_MARK_PRIORITY] = "priority",     [IDL_MARK_SINCE] = "since",
	[IDL_MARK_ERRORS] = "errors",
};

static const struct {
	const char *name;
	bool allowed[IDL_N_MARKS];
} places[] = {
	[IDL_MARK_ON_METHOD] = {"a method",
				{[IDL_MARK_IDEMPOTENT] = true,
				 [IDL_MARK_DEPRECATED] = true,
				 [IDL_MARK_DEADLINE] = true,
				 [IDL_MARK_PRIORITY] = true,
				 [IDL_MARK_SINCE] = true,
				 [IDL_MARK_ERRORS] = true}},
	[IDL_MARK_ON_FIELD] = {"a field", {[IDL_MARK_DEPRECATED] = true, [IDL_MARK_SINCE] = true}},
	[IDL_MARK_ON_VALUE] = {"a value", {[IDL_MARK_DEPRECATED] = true, [IDL_MARK_SINCE] = true}},
	[IDL_MARK_ON_PARAM] = {"a parameter", {[IDL_MARK_DIRECT] = true}},
};

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit time_units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}};

static const struct unit size_units[] = {
	{"", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}};

/* A number with one of the units; `fix` says which there are. */
static bool parse_quantity(struct idl_parser *parser, const char *what, const struct unit *units,
			   size_t n_units, const char *fix, uint64_t *ret_value)
{
	const struct idl_token *token = idl_parser_token(parser);
	struct idl_span span = idl_parser_span(parser);
	const char *unit;
	size_t i = 0;

	*ret_value = 0;
	if (token->kind != IDL_TOKEN_NUMBER) {
		idl_parser_unexpected(parser, what);
		return false;
	}
	unit = idl_arena_copy(parser->arena, parser->source->text + token->unit,
			      token->end - token->unit);
	while (i < n_units && strcmp(unit, units[i].name) != 0)
		i++;
	if (i == n_units) {
		if (*unit)
			span.start = token->unit;
		idl_diag_fix(idl_diag_at(parser->diags, IDL_E0119, span,
					 *unit ? "'%s' is no unit here" : "a unit is missing%s",
					 unit),
			     "%s", fix);
	} else if (!idl_token_number(parser->source, token, ret_value) ||
		   __builtin_mul_overflow(*ret_value, units[i].factor, ret_value)) {
		idl_diag_at(parser->diags, IDL_E0006, span, "this number exceeds 64 bits");
	}
	idl_parser_step(parser);
	return true;
}

bool idl_parse_time(struct idl_parser *parser, uint64_t *ret_us)
{
	return parse_quantity(parser, "a time such as 500ms", time_units, 3,
			      "the number touches us, ms or s: 500ms", ret_us);
}

bool idl_parse_size(struct idl_parser *parser, uint64_t *ret_bytes)
{
	return parse_quantity(parser, "a size such as 64KiB", size_units, 4,
			      "the number touches KiB, MiB or GiB, or stands alone: 64KiB",
			      ret_bytes);
}

static bool version_part(struct idl_parser *parser, uint32_t *ret_part)
{
	struct idl_span span = idl_parser_span(parser);
	uint64_t value;

	if (!idl_parser_integer(parser, "a version such as 1.0", &value))
		return false;
	if (value > IDL_MAX_VERSION)
		idl_diag_at(parser->diags, IDL_E0006, span, "a version's parts are at most %d",
			    IDL_MAX_VERSION);
	*ret_part = (uint32_t)value;
	return true;
}

bool idl_parse_version(struct idl_parser *parser, struct idl_version *ret_version)
{
	return version_part(parser, &ret_version->major) &&
	       idl_parser_expect(parser, IDL_TOKEN_DOT, "and the minor version") &&
	       version_part(parser, &ret_version->minor);
}

/*
 * A comma is part of the list only if a number follows: an enum's next value comes behind it too.
 */
bool idl_parse_ranges(struct idl_parser *parser, struct idl_ranges *ret_ranges)
{
	struct idl_range ranges[IDL_MAX_RANGES];
	struct idl_range *copy;
	size_t n = 0;

	do {
		struct idl_range *range = &ranges[n];
		struct idl_span start = idl_parser_span(parser);

		if (idl_parser_full(parser, n, IDL_MAX_RANGES, "reserved ranges") ||
		    !idl_parser_integer(parser, "a number", &range->first))
			return false;
		range->last = range->first;
		if (idl_parser_take_word(parser, "to") &&
		    !idl_parser_integer(parser, "a number after 'to'", &range->last))
			return false;
		range->span = idl_parser_span_from(parser, start);
		n++;
		if (idl_parser_peek(parser, 1)->kind != IDL_TOKEN_NUMBER)
			break;
	} while (idl_parser_take(parser, IDL_TOKEN_COMMA));
	copy = idl_arena_array(parser->arena, n, sizeof(*copy));
	memcpy(copy, ranges, n * sizeof(*copy));
	*ret_ranges = (struct idl_ranges){copy, n};
	return true;
}

/* "(" ident { "," ident } ")" */
static bool parse_errors(struct idl_parser *parser, struct idl_mark *mark)
{
	struct idl_name names[IDL_MAX_ERRORS];
	struct idl_name *copy;
	size_t n = 0;

	if (!idl_parser_expect(parser, IDL_TOKEN_LEFT_PAREN, "after 'errors'"))
		return false;
	do {
		if (idl_parser_full(parser, n, IDL_MAX_ERRORS, "errors") ||
		    !idl_parser_name(parser, "an error such as ENOENT", &names[n]))
			return false;
		n++;
	} while (idl_parser_take(parser, IDL_TOKEN_COMMA));
	if (!idl_parser_expect(parser, IDL_TOKEN_RIGHT_PAREN, "after the errors"))
		return false;
	copy = idl_arena_array(parser->arena, n, sizeof(*copy));
	memcpy(copy, names, n * sizeof(*copy));
	mark->errors = copy;
	mark->n_errors = n;
	return true;
}

static bool parse_value(struct idl_parser *parser, struct idl_mark *mark)
{
	struct idl_name level;

	switch (mark->kind) {
	case IDL_MARK_DEADLINE:
		return idl_parse_time(parser, &mark->time_us);
	case IDL_MARK_SINCE:
		return idl_parse_version(parser, &mark->since);
	case IDL_MARK_ERRORS:
		return parse_errors(parser, mark);
	case IDL_MARK_PRIORITY:
		idl_diag_fix(idl_diag_at(parser->diags, IDL_E0154, mark->span,
					 "priorities are not supported yet"),
			     "leave it out");
		return idl_parser_name(parser, "low, normal or high", &level);
	default:
		return true;
	}
}

/* The mark that the current word begins, or IDL_N_MARKS. */
static enum idl_mark_kind mark_here(const struct idl_parser *parser)
{
	unsigned kind = 0;

	while (kind < IDL_N_MARKS && !idl_parser_at_word(parser, mark_words[kind]))
		kind++;
	return (enum idl_mark_kind)kind;
}

const struct idl_mark *idl_node_mark(const struct idl_node *node, enum idl_mark_kind kind)
{
	const struct idl_mark *mark = node->marks;

	while (mark && mark->kind != kind)
		mark = mark->next;
	return mark;
}

static void misplaced(struct idl_parser *parser, enum idl_mark_kind kind, enum idl_mark_place place)
{
	struct idl_diag *diag;
	const char *where = "";

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i].allowed[kind])
			where = idl_arena_printf(parser->arena, "%s%s%s", where,
						 *where ? " or " : "", places[i].name);
	}
	diag = idl_diag_at(parser->diags, IDL_E0116, idl_parser_span(parser), "'%s' cannot mark %s",
			   mark_words[kind], places[place].name);
	idl_diag_fix(diag, "it goes with %s", where);
}

static bool parse_mark(struct idl_parser *parser, enum idl_mark_kind kind,
		       enum idl_mark_place place, struct idl_node *node)
{
	const struct idl_mark *before = idl_node_mark(node, kind);
	struct idl_mark *mark = idl_arena_alloc(parser->arena, sizeof(*mark));
	struct idl_mark **end = &node->marks;
	struct idl_diag *diag;

	mark->kind = kind;
	mark->span = idl_parser_span(parser);
	if (!places[place].allowed[kind]) {
		misplaced(parser, kind, place);
	} else if (before) {
		diag = idl_diag_at(parser->diags, IDL_E0117, mark->span, "'%s' is given twice",
				   mark_words[kind]);
		idl_diag_note(diag, before->span, "first given here");
	}
	idl_parser_step(parser);
	if (!parse_value(parser, mark))
		return false;
	mark->span = idl_parser_span_from(parser, mark->span);
	if (before) /* the list stays short, whatever the file repeats */
		return true;
	while (*end)
		end = &(*end)->next;
	*end = mark;
	return true;
}

/* Whether the current word is what stands behind a forgotten comma or semicolon. */
static bool begins_next(const struct idl_parser *parser, const struct idl_suggest *suggest)
{
	enum idl_token_kind next = idl_parser_peek(parser, 1)->kind;

	return next == IDL_TOKEN_EQUALS || (next == IDL_TOKEN_WORD && !suggest->best) ||
	       idl_parser_at_word(parser, "in") || idl_parser_at_word(parser, "out") ||
	       idl_parser_at_word(parser, "inout");
}

/* A word on the same line that is no mark is a mistyped one; on the next, a `;` is missing. */
static bool unknown_mark(struct idl_parser *parser, enum idl_mark_place place)
{
	struct idl_suggest suggest;
	struct idl_diag *diag;

	if (!idl_parser_at(parser, IDL_TOKEN_WORD) || idl_parser_on_new_line(parser))
		return false;
	idl_suggest_init(&suggest, idl_parser_text(parser));
	for (unsigned kind = 0; kind < IDL_N_MARKS; kind++) {
		if (places[place].allowed[kind])
			idl_suggest_offer(&suggest, mark_words[kind]);
	}
	if (begins_next(parser, &suggest))
		return false;
	diag = idl_diag_at(parser->diags, IDL_E0116, idl_parser_span(parser),
			   "'%s' is no mark of %s", idl_parser_text(parser), places[place].name);
	idl_diag_mean(diag, &suggest);
	idl_parser_step(parser);
	return true;
}

bool idl_parse_marks(struct idl_parser *parser, enum idl_mark_place place, struct idl_node *node)
{
	for (;;) {
		enum idl_mark_kind kind = mark_here(parser);

		if (kind < IDL_N_MARKS) {
			if (!parse_mark(parser, kind, place, node))
				return false;
		} else if (!unknown_mark(parser, place)) {
			return true;
		}
		/* Elsewhere a comma separates values or parameters. */
		if (place == IDL_MARK_ON_METHOD)
			idl_parser_take(parser, IDL_TOKEN_COMMA);
	}
}
