// SPDX-License-Identifier: Apache-2.0
#include "idl/checker.h"

#include <float.h>
#include <math.h>

/*
 * Every integer that the language can write, and every sum, product or shift of two of them, fits
 * 128 bits or is caught by the overflow builtins; each step must come back to what 64 bits hold.
 */
__extension__ typedef __int128 wide;

struct number {
	enum idl_value_kind kind;
	wide integer; /* INT; BOOL: 0 or 1 */
	double real;  /* FLOAT */
};

struct evaluation {
	struct idl_checker *c;
	bool *in_error;
	const struct idl_scalar_info *scalar; /* the type that the expression is for */
};

static wide wide_of(uint64_t bits, bool is_negative)
{
	return is_negative ? (wide)(int64_t)bits : (wide)bits;
}

static struct idl_value value_of(const struct number *number)
{
	return (struct idl_value){
		.kind = number->kind,
		.is_negative = number->integer < 0,
		.bits = (uint64_t)number->integer,
		.number = number->real,
	};
}

const char *idl_value_text(struct idl_checker *c, const struct idl_value *value)
{
	switch (value->kind) {
	case IDL_VALUE_BOOL:
		return value->bits ? "true" : "false";
	case IDL_VALUE_INT:
		if (value->is_negative)
			return idl_arena_printf(c->arena, "%lld", (long long)value->bits);
		return idl_arena_printf(c->arena, "%llu", (unsigned long long)value->bits);
	case IDL_VALUE_FLOAT:
		return idl_arena_printf(c->arena, "%.17g", value->number);
	case IDL_VALUE_NONE:
		break;
	}
	return "nothing";
}

/* ---- leaves ---- */

static const char *kind_text(enum idl_value_kind kind)
{
	switch (kind) {
	case IDL_VALUE_BOOL:
		return "a bool";
	case IDL_VALUE_INT:
		return "an integer";
	case IDL_VALUE_FLOAT:
		return "a float";
	case IDL_VALUE_NONE:
		break;
	}
	return "nothing";
}

static enum idl_value_kind wanted_kind(const struct idl_scalar_info *scalar)
{
	if (scalar->is_float)
		return IDL_VALUE_FLOAT;
	return scalar->is_integer ? IDL_VALUE_INT : IDL_VALUE_BOOL;
}

/* Integers become floats where a float is wanted; nothing else changes its kind. */
static bool leaf(const struct evaluation *e, const struct idl_expr *expr, struct number *number)
{
	enum idl_value_kind wanted = wanted_kind(e->scalar);

	if (wanted == IDL_VALUE_FLOAT && number->kind == IDL_VALUE_INT) {
		number->kind = IDL_VALUE_FLOAT;
		number->real = (double)number->integer;
	}
	if (number->kind == wanted)
		return true;
	idl_diag_on(e->c->diags, e->in_error, IDL_E0408, expr->span,
		    "%s where %s belongs: the expression is for type %s", kind_text(number->kind),
		    kind_text(wanted), e->scalar->name);
	return false;
}

static bool name(const struct evaluation *e, struct idl_expr *expr, struct number *number)
{
	const struct idl_value *value;
	struct idl_target target;

	if (!idl_names_resolve(e->c, e->in_error, &expr->name, &target))
		return false;
	if (target.kind == IDL_TARGET_DECL && target.decl->kind != IDL_DECL_CONST) {
		idl_diag_on(e->c->diags, e->in_error, IDL_E0202, expr->span,
			    "'%s' is %s, not a constant", expr->name.full,
			    idl_decl_kind_name(target.decl->kind));
		return false;
	}
	expr->decl = target.decl;
	expr->item = target.kind == IDL_TARGET_ITEM ? target.item : NULL;
	value = expr->item ? &expr->item->value : &expr->decl->u.constant.value;
	if (value->kind == IDL_VALUE_NONE) {
		/* Its declaration is in error and was reported: this one follows from it. */
		*e->in_error = true;
		return false;
	}
	number->kind = value->kind;
	number->integer = wide_of(value->bits, value->is_negative);
	number->real = value->number;
	return leaf(e, expr, number);
}

/* ---- operators ---- */

static bool no_value(const struct evaluation *e, const struct idl_expr *expr, const char *why)
{
	idl_diag_on(e->c->diags, e->in_error, IDL_E0401, expr->span, "%s", why);
	return false;
}

static bool only_integers(const struct evaluation *e, const struct idl_expr *expr)
{
	if (e->scalar->is_integer)
		return true;
	idl_diag_on(e->c->diags, e->in_error, IDL_E0408, expr->span,
		    "this operator is for integers, and the expression is for type %s",
		    e->scalar->name);
	return false;
}

static bool integer_fits(const struct evaluation *e, const struct idl_expr *expr, bool overflows,
			 wide value)
{
	if (!overflows && value >= (wide)INT64_MIN && value <= (wide)UINT64_MAX)
		return true;
	return no_value(e, expr, "the value overflows 64 bits");
}

static bool shift(const struct evaluation *e, const struct idl_expr *expr, wide left, wide right,
		  wide *ret)
{
	if (right < 0 || right > 63)
		return no_value(e, expr->right, "a shift must be by 0 to 63 bits");
	/* 65 bits by at most 63: never beyond 128. */
	*ret = left * ((wide)1 << right);
	return integer_fits(e, expr, false, *ret);
}

static bool divide(const struct evaluation *e, const struct idl_expr *expr, wide left, wide right,
		   wide *ret)
{
	if (right == 0)
		return no_value(e, expr->right, "division by zero");
	*ret = expr->kind == IDL_EXPR_DIVIDE ? left / right : left % right;
	return true;
}

static bool integer_binary(const struct evaluation *e, const struct idl_expr *expr, wide left,
			   wide right, wide *ret)
{
	bool overflows;

	switch (expr->kind) {
	case IDL_EXPR_OR:
		*ret = left | right;
		return true;
	case IDL_EXPR_SHIFT:
		return shift(e, expr, left, right, ret);
	case IDL_EXPR_ADD:
		*ret = left + right;
		return integer_fits(e, expr, false, *ret);
	case IDL_EXPR_SUBTRACT:
		*ret = left - right;
		return integer_fits(e, expr, false, *ret);
	case IDL_EXPR_MULTIPLY:
		overflows = __builtin_mul_overflow(left, right, ret);
		return integer_fits(e, expr, overflows, *ret);
	default:
		return divide(e, expr, left, right, ret);
	}
}

static bool real_binary(const struct evaluation *e, const struct idl_expr *expr, double left,
			double right, double *ret)
{
	switch (expr->kind) {
	case IDL_EXPR_ADD:
		*ret = left + right;
		break;
	case IDL_EXPR_SUBTRACT:
		*ret = left - right;
		break;
	case IDL_EXPR_MULTIPLY:
		*ret = left * right;
		break;
	case IDL_EXPR_DIVIDE:
		*ret = left / right;
		break;
	default:
		return only_integers(e, expr);
	}
	if (isfinite(*ret))
		return true;
	return no_value(e, expr, "the value is not finite");
}

static bool evaluate(const struct evaluation *e, struct idl_expr *expr, struct number *number);

static bool binary(const struct evaluation *e, struct idl_expr *expr, struct number *number)
{
	struct number right = {0};

	if (!evaluate(e, expr->left, number) || !evaluate(e, expr->right, &right))
		return false;
	if (e->scalar->is_float)
		return real_binary(e, expr, number->real, right.real, &number->real);
	return only_integers(e, expr) &&
	       integer_binary(e, expr, number->integer, right.integer, &number->integer);
}

/* ~ flips the bits of the type that the expression is for, as C does for a variable of it. */
static bool complement(const struct evaluation *e, struct idl_expr *expr, struct number *number)
{
	if (!only_integers(e, expr) || !evaluate(e, expr->left, number))
		return false;
	if (e->scalar->is_signed) {
		number->integer = -1 - number->integer;
		return integer_fits(e, expr, false, number->integer);
	}
	number->integer = (wide)e->scalar->max - number->integer;
	if (number->integer >= 0 && number->integer <= (wide)e->scalar->max)
		return true;
	return no_value(e, expr,
			idl_arena_printf(e->c->arena, "the operand of ~ is no %s",
					 e->scalar->name));
}

static bool negate(const struct evaluation *e, struct idl_expr *expr, struct number *number)
{
	if (!evaluate(e, expr->left, number))
		return false;
	if (e->scalar->is_float) {
		number->real = -number->real;
		return true;
	}
	number->integer = -number->integer;
	return only_integers(e, expr) && integer_fits(e, expr, false, number->integer);
}

/* Recursion is bounded by the expression's height, at most IDL_MAX_EXPR_DEPTH. */
static bool evaluate(const struct evaluation *e, struct idl_expr *expr, struct number *number)
{
	bool ok;

	*number = (struct number){0};
	switch (expr->kind) {
	case IDL_EXPR_INT:
		number->kind = IDL_VALUE_INT;
		number->integer = (wide)expr->integer;
		ok = leaf(e, expr, number);
		break;
	case IDL_EXPR_FLOAT:
		number->kind = IDL_VALUE_FLOAT;
		number->real = expr->number;
		ok = leaf(e, expr, number);
		break;
	case IDL_EXPR_BOOL:
		number->kind = IDL_VALUE_BOOL;
		number->integer = (wide)expr->integer;
		ok = leaf(e, expr, number);
		break;
	case IDL_EXPR_NAME:
		ok = name(e, expr, number);
		break;
	case IDL_EXPR_NEGATE:
		ok = negate(e, expr, number);
		break;
	case IDL_EXPR_COMPLEMENT:
		ok = complement(e, expr, number);
		break;
	default:
		ok = binary(e, expr, number);
		break;
	}
	if (ok)
		expr->value = value_of(number);
	return ok;
}

/* ---- what a value is for ---- */

static bool fits_scalar(const struct idl_scalar_info *scalar, const struct number *number)
{
	if (number->kind == IDL_VALUE_FLOAT)
		return scalar->size == sizeof(double) || fabs(number->real) <= (double)FLT_MAX;
	return number->integer >= (wide)scalar->min && number->integer <= (wide)scalar->max;
}

bool idl_const_evaluate(struct idl_checker *c, bool *in_error, struct idl_expr *expr,
			enum idl_scalar scalar, struct idl_value *ret_value)
{
	const struct evaluation e = {c, in_error, idl_scalar_info(scalar)};
	struct number number;
	struct idl_value value;

	if (!evaluate(&e, expr, &number))
		return false;
	value = value_of(&number);
	if (!fits_scalar(e.scalar, &number)) {
		struct idl_diag *d = idl_diag_on(c->diags, in_error, IDL_E0402, expr->span,
						 "%s does not fit %s", idl_value_text(c, &value),
						 e.scalar->name);

		if (e.scalar->is_integer)
			idl_diag_fix(d, "%lld to %llu", (long long)e.scalar->min,
				     (unsigned long long)e.scalar->max);
		return false;
	}
	*ret_value = value;
	return true;
}

bool idl_const_bound(struct idl_checker *c, bool *in_error, struct idl_expr *expr, uint32_t max,
		     const char *what, uint32_t *ret_value)
{
	const struct evaluation e = {c, in_error, idl_scalar_info(IDL_INT64)};
	struct number number;

	if (!evaluate(&e, expr, &number))
		return false;
	if (number.integer < 1 || number.integer > (wide)max) {
		struct idl_value value = value_of(&number);

		idl_diag_on(c->diags, in_error, IDL_E0403, expr->span,
			    "%s is %s; it must be 1 to %u", what, idl_value_text(c, &value), max);
		return false;
	}
	*ret_value = (uint32_t)number.integer;
	return true;
}
