/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ledger/ledger.h"

static char text[2048];

/* As the library writes it; SKIP is left out, LAST goes behind. */
static const char *written(int skip, const char *last)
{
	size_t length = 0;
	int i;

	for (i = 0; i < LEDGER_ENTRIES; i++) {
		if (i != skip)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s %d\n",
						   ledger_names[i], 100 + i);
	}
	snprintf(text + length, sizeof(text) - length, "%s", last);
	return text;
}

static void every_entry_is_read(void **state)
{
	struct ledger ledger;
	unsigned i;

	(void)state;
	assert_int_equal(ledger_parse(written(-1, ""), &ledger), 0);
	for (i = 0; i < LEDGER_ENTRIES; i++)
		assert_int_equal(ledger.entries[i], 100 + i);
}

static void other_text_is_refused(void **state)
{
	struct ledger ledger;

	(void)state;
	assert_int_equal(ledger_parse("", &ledger), -1);
	assert_int_equal(ledger_parse("work_requests\n", &ledger), -1);
	assert_int_equal(ledger_parse(written(LEDGER_ENTRIES - 1, ""), &ledger), -1);
	assert_int_equal(ledger_parse(written(-1, "reads 1\n"), &ledger), -1);
	assert_int_equal(ledger_parse(written(-1, "atomics 1\n"), &ledger), -1);
	assert_int_equal(ledger_parse(written(LEDGER_READS, "reads 1\n"), &ledger), 0);
	assert_int_equal(ledger.entries[LEDGER_READS], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_entry_is_read),
		cmocka_unit_test(other_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
