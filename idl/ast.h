/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of one file. The parser fills it in from the text alone; members under "set by check"
 * are filled in by the checker, and a program without errors has all of them, so that emitters
 * need no tables of their own.
 *
 * Every object lies in the program's arena and lives as long as the program. Lists are in the
 * order of the text. Names and texts are NUL-terminated. Nothing is changed after idl_compile()
 * has returned.
 */
#ifndef VERBENA_IDL_AST_H
#define VERBENA_IDL_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "idl/scalar.h"
#include "idl/source.h"

struct idl_decl;
struct idl_field;
struct idl_file;
struct idl_param;

/* Made by layout.c and described in layout.h. */
struct idl_struct_layout;
struct idl_method_layout;

/* ---- small things -------------------------------------------------------------------------- */

struct idl_name {
	const char *text; /* NULL: there is none */
	struct idl_span span;
};

/* a.b.c; full is the text with its dots */
struct idl_qname {
	const struct idl_name *parts;
	size_t n_parts;
	const char *full;
	struct idl_span span;
};

/*
 * The lines of a /// comment without the slashes and one blank; a comment end in it is already
 * made harmless.
 */
struct idl_doc {
	const char *const *lines;
	size_t n_lines; /* 0: undocumented */
};

struct idl_version {
	uint32_t major;
	uint32_t minor;
};

/* A range of numbers, both ends included; first == last for a single one. */
struct idl_range {
	uint64_t first;
	uint64_t last;
	struct idl_span span;
};

/* What follows `reserved`. */
struct idl_ranges {
	const struct idl_range *ranges;
	size_t n_ranges;
};

/* ---- marks: what may follow a declaration -------------------------------------------------- */

enum idl_mark_kind {
	IDL_MARK_IDEMPOTENT,
	IDL_MARK_DIRECT,
	IDL_MARK_DEPRECATED,
	IDL_MARK_DEADLINE,
	IDL_MARK_PRIORITY, /* refused for the present, with its own number */
	IDL_MARK_SINCE,
	IDL_MARK_ERRORS,
	IDL_N_MARKS,
};

/* The parser has seen to it that a mark stands where it may and only once. */
struct idl_mark {
	enum idl_mark_kind kind;
	struct idl_span span;
	uint64_t time_us;	       /* DEADLINE; its range is unchecked */
	struct idl_version since;      /* SINCE */
	const struct idl_name *errors; /* ERRORS; unchecked */
	size_t n_errors;
	struct idl_mark *next;
};

/*
 * What everything with a name has; always the member `node`. span is the whole entity from its
 * first word to its last, without doc comment and final `;`.
 */
struct idl_node {
	struct idl_span span;
	struct idl_name name; /* text NULL: unnamed (reserved numbers) */
	struct idl_doc doc;
	struct idl_mark *marks;
	bool in_error; /* reported already; for idl_diag_on() */
};

/* ---- expressions --------------------------------------------------------------------------- */

enum idl_value_kind {
	IDL_VALUE_NONE, /* not evaluated, or in error */
	IDL_VALUE_BOOL,
	IDL_VALUE_INT,
	IDL_VALUE_FLOAT,
};

struct idl_value {
	enum idl_value_kind kind;
	bool is_negative; /* INT: bits are those of a negative int64_t, else of a uint64_t */
	uint64_t bits;	  /* INT; BOOL: 0 or 1 */
	double number;	  /* FLOAT */
};

enum idl_expr_kind {
	IDL_EXPR_INT,
	IDL_EXPR_FLOAT,
	IDL_EXPR_BOOL,
	IDL_EXPR_NAME,
	IDL_EXPR_NEGATE,     /* -left */
	IDL_EXPR_COMPLEMENT, /* ~left */
	IDL_EXPR_OR,
	IDL_EXPR_SHIFT, /* left << right */
	IDL_EXPR_ADD,
	IDL_EXPR_SUBTRACT,
	IDL_EXPR_MULTIPLY,
	IDL_EXPR_DIVIDE,
	IDL_EXPR_MODULO,
};

/* Parentheses are not kept. The height is at most IDL_MAX_EXPR_DEPTH: recursion is safe. */
struct idl_expr {
	enum idl_expr_kind kind;
	struct idl_span span;
	unsigned depth;	       /* 1 for a leaf */
	uint64_t integer;      /* INT, BOOL */
	double number;	       /* FLOAT */
	struct idl_qname name; /* NAME */
	struct idl_expr *left;
	struct idl_expr *right;

	/* set by check */
	struct idl_value value;
	const struct idl_decl *decl; /* NAME: the constant, or the enum of the item */
	const struct idl_item *item; /* NAME: the enum's value, NULL for a constant */
};

/* ---- types --------------------------------------------------------------------------------- */

enum idl_type_kind {
	IDL_TYPE_SCALAR,
	IDL_TYPE_STRING,
	IDL_TYPE_BYTES,
	IDL_TYPE_SEQUENCE,
	IDL_TYPE_NAMED, /* an enum or a struct */
};

/* The nesting is at most IDL_MAX_TYPE_DEPTH: recursion over elements is safe. */
struct idl_type {
	enum idl_type_kind kind;
	struct idl_span span;
	enum idl_scalar scalar;	     /* SCALAR */
	struct idl_expr *bound_expr; /* STRING, SEQUENCE; BYTES: NULL without <N> */
	struct idl_type *element;    /* SEQUENCE */
	struct idl_qname name;	     /* NAMED */

	/* set by check */
	const struct idl_decl *decl; /* NAMED: kind ENUM or STRUCT */
	uint32_t bound;		     /* value of bound_expr; BYTES without <N>: 0 */
};

/* ---- extents ------------------------------------------------------------------------------- */

enum idl_extent_kind {
	IDL_EXTENT_RETURN, /* the method's result; never below another */
	IDL_EXTENT_NUMBER,
	IDL_EXTENT_NAME,
	IDL_EXTENT_ADD,
	IDL_EXTENT_MULTIPLY,
};

/* The height is at most IDL_MAX_EXPR_DEPTH. */
struct idl_extent {
	enum idl_extent_kind kind;
	struct idl_span span;
	unsigned depth;	       /* 1 for a leaf */
	uint64_t number;       /* NUMBER */
	struct idl_qname name; /* NAME */
	struct idl_extent *left;
	struct idl_extent *right;

	/* set by check */
	const struct idl_param *param;	 /* NAME: the parameter; NULL when it is a constant */
	const struct idl_decl *constant; /* NAME: the constant; NULL when it is a parameter */
	uint64_t value;			 /* NUMBER, NAME of a constant */
	bool is_constant;		 /* no parameter and no return below */
};

/* ---- declarations -------------------------------------------------------------------------- */

struct idl_const {
	enum idl_scalar scalar;
	struct idl_span scalar_span;
	struct idl_expr *expr;

	/* set by check */
	struct idl_value value; /* fits the scalar */
};

/* One value of an enum. */
struct idl_item {
	struct idl_node node;
	struct idl_expr *expr;
	const struct idl_decl *owner;
	struct idl_item *next;

	/* set by check */
	struct idl_value value;
	struct idl_version since;
	bool is_deprecated;
	const char *c_name; /* P_ENUM_VALUE */
};

struct idl_enum {
	bool is_closed;
	enum idl_scalar scalar; /* an integer */
	struct idl_span scalar_span;
	struct idl_item *items;
	size_t n_items;
	const struct idl_ranges *reserved; /* all `reserved` lines, in order */
	size_t n_reserved;

	/* set by check */
	bool fits_int; /* a C enum can hold every value */
};

/*
 * A field of a struct, or what a removed one left: is_reserved, which has a type and a name all
 * the same.
 */
struct idl_field {
	struct idl_node node;
	bool is_optional;
	bool is_reserved;
	struct idl_type *type;
	struct idl_expr *array_expr; /* NULL: no array */
	const struct idl_decl *owner;
	size_t index; /* position in the struct, reserved ones included */
	struct idl_field *next;

	/* set by check */
	uint32_t array_size;	  /* 0: no array */
	struct idl_version since; /* the interface's first version {major, 0} unless marked */
	bool is_deprecated;
};

struct idl_struct {
	bool is_frozen; /* as written; see is_frozen_type */
	struct idl_field *fields;
	size_t n_fields;

	/* set by check */
	bool is_frozen_type;  /* C form is wire form: frozen, or at package level */
	bool is_bulk_element; /* frozen, no bool, no closed enum: a buffer may have it */
	const struct idl_struct_layout *layout;
};

enum idl_direction {
	IDL_IN,
	IDL_OUT,
	IDL_INOUT,
};

struct idl_param {
	struct idl_node node;
	enum idl_direction direction;
	struct idl_span direction_span;
	struct idl_type *type;
	struct idl_extent *extent;	  /* before the colon; NULL: no extent */
	struct idl_extent *extent_length; /* after the colon; NULL: none */
	const struct idl_decl *owner;	  /* the method */
	size_t index;			  /* position among the parameters, from 0 */
	struct idl_param *next;

	/* set by check */
	bool is_buffer; /* has an extent */
	bool is_direct;
	bool is_clamped;		 /* a room above the bound is lowered, and not EMSGSIZE */
	const struct idl_extent *room;	 /* in units of the element; buffers only */
	const struct idl_extent *length; /* meaningful units; for in the room itself */
	uint32_t element_size;		 /* buffers: bytes of a unit */
	bool is_extent_of_other;	 /* an integer that some room or length names */
};

enum idl_result_kind {
	IDL_RESULT_VOID,
	IDL_RESULT_INT32,
	IDL_RESULT_INT64,
	IDL_RESULT_ONEWAY,
	IDL_RESULT_OTHER, /* a type that cannot be a result: result_type says which */
};

struct idl_method {
	enum idl_result_kind result;
	struct idl_span result_span;
	struct idl_type *result_type; /* OTHER only */
	struct idl_param *params;
	size_t n_params;
	uint64_t number; /* as written; check sees to its range */
	struct idl_span number_span;

	/* set by check */
	bool is_idempotent;
	bool is_deprecated;
	struct idl_version since;      /* {major, 0} unless marked */
	uint64_t deadline_us;	       /* the method's, else the interface's, else the default */
	const struct idl_name *errors; /* of the mark; every one is in the table */
	size_t n_errors;
	const struct idl_method_layout *layout;
};

enum idl_rule_kind {
	IDL_RULE_PREFIX,
	IDL_RULE_DEADLINE,
	IDL_RULE_MAX_MESSAGE,
	IDL_RULE_MAX_INLINE,
	IDL_RULE_MAX_TRANSFER,
	IDL_RULE_INFLIGHT,
	IDL_RULE_PRIORITY, /* refused for the present, with its own number */
	IDL_N_RULES,
};

/* The parser has seen to it that rules come first and each once. */
struct idl_rule {
	enum idl_rule_kind kind;
	struct idl_span span;
	struct idl_name name; /* PREFIX */
	uint64_t value;	      /* DEADLINE: microseconds; sizes: bytes; INFLIGHT: calls; unchecked */
	struct idl_span value_span;
	struct idl_rule *next;
};

struct idl_interface {
	uint64_t id; /* 0 only in a file with errors */
	struct idl_span id_span;
	struct idl_version version;
	struct idl_span version_span;
	struct idl_rule *rules;
	struct idl_decl *decls; /* types, constants, methods, reserved numbers, in order */
	size_t n_decls;

	/* set by check: the rules with their defaults */
	uint64_t deadline_us;
	uint32_t max_message;
	uint32_t max_inline;
	uint64_t max_transfer;
	uint32_t inflight; /* 0: the runtime's default */
	size_t n_methods;
	uint32_t last_method; /* highest number in use */
};

enum idl_decl_kind {
	IDL_DECL_CONST,
	IDL_DECL_ENUM,
	IDL_DECL_STRUCT,
	IDL_DECL_INTERFACE,
	IDL_DECL_METHOD,
	IDL_DECL_RESERVED, /* reserved method numbers; has no name */
};

struct idl_decl {
	struct idl_node node;
	enum idl_decl_kind kind;
	const struct idl_file *file;
	const struct idl_decl *owner; /* the interface it stands in; NULL at package level */
	struct idl_decl *next;
	union {
		struct idl_const constant;
		struct idl_enum enumeration;
		struct idl_struct structure;
		struct idl_interface interface;
		struct idl_method method;
		struct idl_ranges reserved;
	} u;

	/* set by check */
	const char *c_name; /* "file_stat", "FILE_MAX", "file_read"; interface: its prefix */
};

/* ---- files --------------------------------------------------------------------------------- */

struct idl_import {
	struct idl_span span;
	const char *path; /* as written */
	struct idl_span path_span;
	struct idl_name alias; /* text NULL: the imported package's name is used */
	struct idl_import *next;
	bool in_error;

	/* set by the loader */
	const struct idl_file *file; /* NULL only in a program with errors */
};

struct idl_package {
	struct idl_span span;
	struct idl_doc doc;
	struct idl_qname name;
	struct idl_name prefix; /* as written; text NULL: none */
	bool in_error;

	/* set by check */
	const char *c_prefix; /* the prefix, or the name joined with _ */
};

struct idl_token;

struct idl_file {
	const struct idl_source *source;
	const struct idl_token *tokens; /* lex.h; comments included, the last is END */
	size_t n_tokens;
	const char *header_path; /* where its header goes below -o, without suffix: "d/x" */
	struct idl_import *imports;
	struct idl_package package;
	struct idl_decl *decls; /* package level, in order */
	size_t n_decls;
	bool is_parsed;	       /* without a syntax error */
	struct idl_file *next; /* of the program: a file comes after everything it imports */
};

/* Node of the first mark of a kind, or NULL. */
const struct idl_mark *idl_node_mark(const struct idl_node *node, enum idl_mark_kind kind);

#endif
