/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the conform*.c files share.
 */
#ifndef VERBENA_IDL_CONFORM_PRIV_H
#define VERBENA_IDL_CONFORM_PRIV_H

#include "idl/checker.h"
#include "idl/conform.h"

struct idl_conform_pair;

struct idl_conform {
	struct idl_diags *diags;
	struct idl_arena *arena;
	struct idl_conform_pair *pairs; /* types compared already, old and new */
	struct idl_conform_pair *seen;	/* old types that have a new one */
};

/*
 * Compares two types where one stands for the other; structs and enums in them once a pair. NULL
 * when a value of one is a value of the other, else what has changed.
 */
const char *idl_conform_type(struct idl_conform *c, const struct idl_type *old,
			     const struct idl_type *new);

/* Compares declared types: structs or enums, whatever their names. */
void idl_conform_decl(struct idl_conform *c, const struct idl_decl *old,
		      const struct idl_decl *new);

/* Compares two methods of one number. */
void idl_conform_method(struct idl_conform *c, const struct idl_decl *old,
			const struct idl_decl *new);

/* Whether an old type has been compared with a new one. */
bool idl_conform_is_seen(struct idl_conform *c, const struct idl_decl *old);

void idl_conform_release(struct idl_conform *c);

/*
 * A new thing in `old`, an interface or a type of one, must be later than the released minor
 * (E0520).
 */
void idl_conform_check_new(struct idl_conform *c, const struct idl_node *node,
			   struct idl_version since, const struct idl_decl *old, const char *what);

/* What was reserved stays so: E0524 at `span` for the first number that is not. */
void idl_conform_reserved(struct idl_conform *c, const struct idl_range *old, size_t n_old,
			  const struct idl_range *new, size_t n_new, struct idl_span span);

/* Whether a number lies in one of the ranges. */
bool idl_conform_in_ranges(const struct idl_range *ranges, size_t n, uint64_t number);

/* W0501 when a name has changed; `what` is "method" and so on. */
void idl_conform_name(struct idl_conform *c, const struct idl_node *old, const struct idl_node *new,
		      const char *what);

#endif
