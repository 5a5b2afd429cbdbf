/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/ledger/entries.h"

const char *const ledger_names[LEDGER_ENTRIES] = {
	[LEDGER_WRS] = "work_requests",
	[LEDGER_DOORBELLS] = "doorbells",
	[LEDGER_SIGNALLED] = "signalled",
	[LEDGER_INLINE] = "inline",
	[LEDGER_SENDS] = "sends",
	[LEDGER_WRITES] = "writes",
	[LEDGER_READS] = "reads",
	[LEDGER_OTHERS] = "others",
	[LEDGER_SEND_BYTES] = "send_bytes",
	[LEDGER_WRITE_BYTES] = "write_bytes",
	[LEDGER_READ_BYTES] = "read_bytes",
	[LEDGER_RECEIVES] = "receives_posted",
	[LEDGER_RECEIVE_BELLS] = "receive_doorbells",
	[LEDGER_COMPLETIONS] = "completions",
	[LEDGER_POLLS] = "polls",
	[LEDGER_ARMS] = "arms",
	[LEDGER_REGISTRATIONS] = "registrations",
	[LEDGER_DEREGISTRATIONS] = "deregistrations",
	[LEDGER_REGISTERED_BYTES] = "registered_bytes",
	[LEDGER_WINDOWS] = "windows",
};
