/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger of verbs counts: by the library that is loaded into a process, and by the program
 * that reads what it wrote. */
#ifndef BENCH_LEDGER_ENTRIES_H
#define BENCH_LEDGER_ENTRIES_H

/* The file that a process writes its ledger into when it ends: a line "NAME NUMBER" an entry. */
#define LEDGER_VARIABLE "VERBENA_LEDGER_FILE"

enum ledger_entry {
	LEDGER_WRS,	      /* work requests posted to send queues */
	LEDGER_DOORBELLS,     /* calls that posted them */
	LEDGER_SIGNALLED,     /* of them: ask for a completion */
	LEDGER_INLINE,	      /* carry their data */
	LEDGER_SENDS,	      /* SENDs, with invalidation or without */
	LEDGER_WRITES,	      /* WRITEs, with immediate data or without */
	LEDGER_READS,	      /* READs */
	LEDGER_OTHERS,	      /* binds, invalidations, atomics */
	LEDGER_SEND_BYTES,    /* of SENDs */
	LEDGER_WRITE_BYTES,   /* of WRITEs */
	LEDGER_READ_BYTES,    /* of READs */
	LEDGER_RECEIVES,      /* work requests posted to receive queues, own or shared */
	LEDGER_RECEIVE_BELLS, /* calls that posted them */
	LEDGER_COMPLETIONS,   /* taken from completion queues */
	LEDGER_POLLS,	      /* looks at completion queues, those in vain too */
	LEDGER_ARMS,	      /* requests for an event */
	LEDGER_REGISTRATIONS, /* of memory */
	LEDGER_DEREGISTRATIONS,
	LEDGER_REGISTERED_BYTES,
	LEDGER_WINDOWS, /* allocated */
	LEDGER_ENTRIES
};

extern const char *const ledger_names[LEDGER_ENTRIES];

#endif
