/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/statistics.h"

#include <math.h>
#include <stdlib.h>

/* NANs last. */
static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	if (isnan(a) || isnan(b))
		return (isnan(a) != 0) - (isnan(b) != 0);
	return (a > b) - (a < b);
}

double median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare);
	while (n > 0 && isnan(values[n - 1]))
		n--;
	if (n == 0)
		return NAN;
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double least(const double *values, unsigned n)
{
	double result = NAN;
	unsigned i;

	/* fmin() and fmax() pass a NAN over. */
	for (i = 0; i < n; i++)
		result = fmin(result, values[i]);
	return result;
}

double greatest(const double *values, unsigned n)
{
	double result = NAN;
	unsigned i;

	for (i = 0; i < n; i++)
		result = fmax(result, values[i]);
	return result;
}
