/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the check_*.c files share. One checker lives for one program; its tables hold names by
 * scope, so that every lookup is a hash lookup however many methods there are.
 *
 * Every function that reports takes the mark of the entity that is at fault, and reports nothing
 * on one that is marked already.
 */
#ifndef VERBENA_IDL_CHECKER_H
#define VERBENA_IDL_CHECKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "idl/ast.h"
#include "idl/idl.h"
#include "idl/layout.h"

struct idl_name_entry;
struct idl_c_name;

struct idl_checker {
	struct idl_program *program;
	struct idl_diags *diags;
	struct idl_arena *arena;
	struct idl_name_entry *names; /* by scope and name; check_names.c */
	struct idl_c_name *c_names;   /* generated, of the whole program; check_c_names.c */
	struct idl_file *file;	      /* being checked */
	struct idl_decl *interface;   /* being checked; NULL at package level */
};

/* ---- check_names.c: scopes ---- */

/*
 * Enters `name` in `scope`, which is the address of whatever has names of its own. Returns NULL,
 * or what stands there already. Neither text is copied.
 */
const struct idl_node *idl_names_add(struct idl_checker *c, const void *scope, const char *name,
				     const struct idl_node *node);

/* The node entered under `name` in `scope`, or NULL. */
const struct idl_node *idl_names_find(struct idl_checker *c, const void *scope, const char *name);

/* The same by number: method numbers, values, ids. */
const struct idl_node *idl_names_add_number(struct idl_checker *c, const void *scope,
					    uint64_t number, bool is_negative,
					    const struct idl_node *node);

/* Enters the imports and declarations of c->file, with methods and enum values; E0303. */
void idl_names_collect(struct idl_checker *c);

/* Enters a node of `scope`, or reports it as declared twice; `what` is "field" and so on. */
void idl_names_declare(struct idl_checker *c, const void *scope, struct idl_node *node,
		       const char *what);

void idl_names_release(struct idl_checker *c);

/* The scope of an interface's method names; types and constants are in the decl itself. */
const void *idl_names_methods(const struct idl_decl *interface);

enum idl_target_kind {
	IDL_TARGET_NONE,
	IDL_TARGET_DECL,
	IDL_TARGET_ITEM, /* decl is its enum */
};

struct idl_target {
	enum idl_target_kind kind;
	const struct idl_decl *decl;
	const struct idl_item *item;
};

/* Looks a name up from where the checker is, reporting nothing. */
struct idl_target idl_names_lookup(struct idl_checker *c, const struct idl_qname *qname);

/*
 * The same for a use of it: reports what is not declared (E0201), not declared yet (E0223) or being
 * declared (E0222). False when reported.
 */
bool idl_names_resolve(struct idl_checker *c, bool *in_error, const struct idl_qname *qname,
		       struct idl_target *ret_target);

/* "a constant", "an enum": for messages. */
const char *idl_decl_kind_name(enum idl_decl_kind kind);

/* ---- check_c_names.c: names in C ---- */

/* Refuses what generated C cannot have in any name: __, a last _, a first vb_. */
bool idl_c_name_check_shape(struct idl_checker *c, bool *in_error, const struct idl_name *name);

/* Refuses a name that stands alone in C and is a keyword or macro there (E0304). */
void idl_c_name_check_alone(struct idl_checker *c, struct idl_node *node);

/* Sets package.c_prefix of c->file. */
void idl_c_name_package(struct idl_checker *c);

/* Sets c_name of a declaration at its place, and enters everything generated for it. */
void idl_c_name_decl(struct idl_checker *c, struct idl_decl *decl);

void idl_c_names_release(struct idl_checker *c);

/* ---- check_const.c: expressions ---- */

/*
 * Evaluates an expression in the type it is for, and sees that the value fits. False when it has
 * none, reported here or where its cause is.
 */
bool idl_const_evaluate(struct idl_checker *c, bool *in_error, struct idl_expr *expr,
			enum idl_scalar scalar, struct idl_value *ret_value);

/* An expression that must be an integer from 1 to `max`; `what` names it in E0403. */
bool idl_const_bound(struct idl_checker *c, bool *in_error, struct idl_expr *expr, uint32_t max,
		     const char *what, uint32_t *ret_value);

/* "-5", "300", "true": in the program's arena. */
const char *idl_value_text(struct idl_checker *c, const struct idl_value *value);

/* ---- check_types.c ---- */

/* Resolves names and evaluates bounds of a type and its elements. False when reported. */
bool idl_check_type(struct idl_checker *c, bool *in_error, struct idl_type *type);

void idl_check_struct(struct idl_checker *c, struct idl_decl *decl);
void idl_check_enum(struct idl_checker *c, struct idl_decl *decl);

/* Kinds of a resolved type. */
bool idl_type_is_enum(const struct idl_type *type);
bool idl_type_is_frozen(const struct idl_type *type);
bool idl_type_is_growing(const struct idl_type *type);
bool idl_type_is_plain(const struct idl_type *type); /* scalar, enum or frozen struct */

/*
 * Refuses the node of `scope` that has the name of what C puts beside `node`: n_x or has_x (E0306).
 */
void idl_check_companion(struct idl_checker *c, const void *scope, const struct idl_node *node,
			 const struct idl_type *type, bool is_optional, const char *what);

/* What the source says in a span, each run of blanks as one. */
const char *idl_source_text(struct idl_checker *c, struct idl_span span);

/* ---- check_reserved.c: reserved numbers of an interface or enum ---- */

struct idl_reserved_set {
	const struct idl_range *ranges; /* ascending */
	size_t n_ranges;
};

/* Sorts ranges, which must lie from min to max and not overlap (E0311). */
struct idl_reserved_set idl_reserved_collect(struct idl_checker *c, bool *in_error,
					     const struct idl_range *ranges, size_t n_ranges,
					     uint64_t min, uint64_t max);

/* The range that holds a number, or NULL. */
const struct idl_range *idl_reserved_find(const struct idl_reserved_set *set, uint64_t number);

/* ---- check_interface.c ---- */

/* Id, rules, methods' numbers; then its declarations in order. */
void idl_check_interface(struct idl_checker *c, struct idl_decl *decl);

/* Refuses a deadline, in microseconds, that the wire cannot carry (E0407). */
bool idl_check_deadline(struct idl_checker *c, bool *in_error, uint64_t deadline_us,
			struct idl_span span);

/* One type, constant or method where it stands. */
void idl_check_decl(struct idl_checker *c, struct idl_decl *decl);

/* ---- check_method.c, check_param.c, check_extent.c ---- */

void idl_check_method(struct idl_checker *c, struct idl_decl *decl);

/* Type and direction of a parameter. */
void idl_check_param(struct idl_checker *c, struct idl_decl *method, struct idl_param *param);

/* Extents of all parameters of a method, whose types are checked. */
void idl_check_extents(struct idl_checker *c, struct idl_decl *method);

/* ---- check_evolution.c ---- */

/* Version of a node of c->interface: its mark's or {major, 0}. */
struct idl_version idl_check_since(struct idl_checker *c, struct idl_node *node);

/* The fields' versions along a growing struct, and closed enums in later ones. */
void idl_check_struct_since(struct idl_checker *c, struct idl_decl *decl);

/* Remembers which closed enum in a checked struct has no 0, for the fields that contain it. */
void idl_check_struct_zero(struct idl_checker *c, const struct idl_decl *decl);

/* Refuses a since mark on something that has no version to grow by. */
void idl_check_no_since(struct idl_checker *c, struct idl_node *node, const char *why);

#endif
