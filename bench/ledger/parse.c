/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "bench/ledger/ledger.h"

#define NAME_BYTES 32

static int entry_by_name(const char *name)
{
	int i;

	for (i = 0; i < LEDGER_ENTRIES; i++) {
		if (strcmp(ledger_names[i], name) == 0)
			return i;
	}
	return -1;
}

int ledger_parse(const char *text, struct ledger *ret_ledger)
{
	bool seen[LEDGER_ENTRIES] = {false};
	struct ledger ledger = {{0}};
	unsigned n = 0;
	int used;

	for (; *text; text += used) {
		char name[NAME_BYTES];
		unsigned long long value;
		int entry;

		if (sscanf(text, "%31s %llu\n%n", name, &value, &used) != 2)
			return -1;
		entry = entry_by_name(name);
		if (entry < 0 || seen[entry])
			return -1;
		seen[entry] = true;
		ledger.entries[entry] = value;
		n++;
	}
	if (n != LEDGER_ENTRIES)
		return -1;
	*ret_ledger = ledger;
	return 0;
}
