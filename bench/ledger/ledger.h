/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of a call: which verbs it costs at either end, counted by a library that is loaded
 * into client and server, as the difference between N and 2N calls. One thread.
 */
#ifndef BENCH_LEDGER_LEDGER_H
#define BENCH_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/ledger/entries.h"

enum ledger_side { LEDGER_CLIENT, LEDGER_SERVER, LEDGER_SIDES };

/* After how long a process whose verbs are counted asks a silent peer whether it lives: questions
 * are SENDs, and how many there are depends on how long the calls take. */
#define LEDGER_KEEPALIVE_NS UINT64_C(3600000000000)

/* Whether this process's verbs are counted. */
bool ledger_is_kept(void);

/* What one process counted. */
struct ledger {
	uint64_t entries[LEDGER_ENTRIES];
};

/* A kind of call, in words of verbena-bench client. */
struct ledger_call {
	const char *text;
	const char *method;
	const char *size;	/* NULL: the method's own */
	const char *reply_size; /* NULL: as much as goes in */
	bool registered;
};

/* Reads what the library wrote: all entries and no other. -1 if TEXT is not that. */
int ledger_parse(const char *text, struct ledger *ret_ledger);

/* Entries of one call, from both ends' difference between CALLS and twice as many calls, over rdma
 * at HOST. -1 with a message on standard error. */
int ledger_measure(const char *host, const struct ledger_call *call, uint64_t calls,
		   double ret_per_call[LEDGER_SIDES][LEDGER_ENTRIES]);

#endif
