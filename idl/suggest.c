// SPDX-License-Identifier: Apache-2.0
#include "idl/suggest.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "idl/diag.h"
#include "idl/limits.h"

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Not tolower(): the result may not depend on the locale. */
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

unsigned idl_suggest_distance(const char *a, const char *b)
{
	size_t a_size = strlen(a), b_size = strlen(b);
	unsigned rows[3][IDL_MAX_NAME + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	if (a_size > IDL_MAX_NAME || b_size > IDL_MAX_NAME)
		return UINT_MAX;
	for (unsigned j = 0; j <= b_size; j++)
		above[j] = j;
	for (unsigned i = 1; i <= a_size; i++) {
		unsigned *spare = before;

		row[0] = i;
		for (unsigned j = 1; j <= b_size; j++) {
			unsigned differs = lower(a[i - 1]) != lower(b[j - 1]);

			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + differs);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[b_size];
}

void idl_suggest_init(struct idl_suggest *suggest, const char *word)
{
	*suggest = (struct idl_suggest){.word = word, .distance = UINT_MAX};
}

void idl_suggest_offer(struct idl_suggest *suggest, const char *candidate)
{
	unsigned distance;
	size_t size;

	if (!candidate || strcmp(candidate, suggest->word) == 0)
		return;
	distance = idl_suggest_distance(suggest->word, candidate);
	/* A third of the word may be wrong; anything further is a guess that misleads. */
	size = strlen(suggest->word);
	if (distance > (size < 3 ? 1 : size / 3) || distance >= size ||
	    distance >= suggest->distance)
		return;
	suggest->best = candidate;
	suggest->distance = distance;
}

void idl_diag_mean(struct idl_diag *diag, const struct idl_suggest *suggest)
{
	if (suggest->best)
		idl_diag_fix(diag, "did you mean '%s'?", suggest->best);
}
