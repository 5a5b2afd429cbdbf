/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Did you mean": offer every candidate, then ask for the best.
 *
 *	idl_suggest_init(&suggest, "nbyte");
 *	for (...)
 *		idl_suggest_offer(&suggest, param->node.name.text);
 *	idl_diag_mean(diag, &suggest);
 */
#ifndef VERBENA_IDL_SUGGEST_H
#define VERBENA_IDL_SUGGEST_H

struct idl_diag;

struct idl_suggest {
	const char *word;
	const char *best; /* NULL: nothing is near enough */
	unsigned distance;
};

/* `word` must outlive the search. */
void idl_suggest_init(struct idl_suggest *suggest, const char *word);

/* `candidate` may be NULL, and must outlive the search. Of equals the first offered is kept. */
void idl_suggest_offer(struct idl_suggest *suggest, const char *candidate);

/* Hangs "did you mean 'best'?" on a diagnostic when there is a best; diag may be NULL. */
void idl_diag_mean(struct idl_diag *diag, const struct idl_suggest *suggest);

/*
 * Edits (insert, delete, replace, swap of neighbours) from a to b; names longer than IDL_MAX_NAME
 * are infinitely far (UINT_MAX). A change of case alone counts as nothing.
 */
unsigned idl_suggest_distance(const char *a, const char *b);

#endif
