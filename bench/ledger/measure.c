/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/ledger/ledger.h"
#include "bench/pair.h"

#define LIBRARY		  "libverbena-ledger.so"
/* A client that takes so long hangs, also on an emulated machine. */
#define CLIENT_TIMEOUT_MS 300000
#define REPORT_MAX	  4096u
#define SERVER_CPU	  0
#define CLIENT_CPU	  1
/* So many calls come before, or queues would not be where they stay. */
#define WARMUP		  "64"

struct books {
	char library[PATH_MAX + 16];
	char directory[40];
	char paths[LEDGER_SIDES][64];
	char files[LEDGER_SIDES][128];
	const char *environment[LEDGER_SIDES][3];
	struct pair_wrap wraps[LEDGER_SIDES];
};

bool ledger_is_kept(void)
{
	return getenv(LEDGER_VARIABLE) != NULL;
}

static int books_open(struct books *books)
{
	static const char *const names[LEDGER_SIDES] = {"client", "server"};
	char library[PATH_MAX];
	unsigned i;

	if (child_helper_path(LIBRARY, library, sizeof(library)) < 0) {
		warnx("ledger: " LIBRARY " is not beside this program, nor in %s",
		      BENCH_HELPER_DIR);
		return -1;
	}
	*books = (struct books){.directory = "/tmp/verbena-ledger-XXXXXX"};
	snprintf(books->library, sizeof(books->library), "LD_PRELOAD=%s", library);
	if (!mkdtemp(books->directory)) {
		warn("ledger: no temporary directory");
		return -1;
	}
	for (i = 0; i < LEDGER_SIDES; i++) {
		snprintf(books->paths[i], sizeof(books->paths[i]), "%s/%s", books->directory,
			 names[i]);
		snprintf(books->files[i], sizeof(books->files[i]), LEDGER_VARIABLE "=%s",
			 books->paths[i]);
		books->environment[i][0] = books->library;
		books->environment[i][1] = books->files[i];
		books->wraps[i].environment = books->environment[i];
	}
	return 0;
}

static void books_close(struct books *books)
{
	unsigned i;

	for (i = 0; i < LEDGER_SIDES; i++)
		unlink(books->paths[i]);
	rmdir(books->directory);
}

static int read_book(const char *path, struct ledger *ret_ledger)
{
	char text[REPORT_MAX];
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file) {
		warn("ledger: %s was not written", path);
		return -1;
	}
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	if (ledger_parse(text, ret_ledger) == 0)
		return 0;
	warnx("ledger: %s is not a ledger", path);
	return -1;
}

static int run_calls(const char *host, const struct ledger_call *call, uint64_t calls,
		     const struct books *books)
{
	char number[24];
	const char *words[PAIR_WORDS_MAX] = {
		"--method", call->method, "--calls", number,   "--warmup",
		WARMUP,	    "--wait",	  "spin",    "--json", "/dev/null",
	};
	unsigned n = 10;
	struct pair pair;
	int result;

	snprintf(number, sizeof(number), "%" PRIu64, calls);
	if (call->size) {
		words[n++] = "--size";
		words[n++] = call->size;
	}
	if (call->reply_size) {
		words[n++] = "--reply-size";
		words[n++] = call->reply_size;
	}
	if (call->registered)
		words[n] = "--registered";
	if (pair_open(&pair, host, WAIT_SPIN, SERVER_CPU, &books->wraps[LEDGER_SERVER]) < 0)
		return -1;
	result = pair_run_client(&pair, words, CLIENT_CPU, &books->wraps[LEDGER_CLIENT],
				 CLIENT_TIMEOUT_MS);
	pair_close(&pair);
	return result;
}

static int count_once(const char *host, const struct ledger_call *call, uint64_t calls,
		      struct ledger *ret_ledgers)
{
	struct books books;
	int result = -1;
	unsigned i;

	if (books_open(&books) < 0)
		return -1;
	if (run_calls(host, call, calls, &books) < 0)
		goto out;
	for (i = 0; i < LEDGER_SIDES; i++) {
		if (read_book(books.paths[i], &ret_ledgers[i]) < 0)
			goto out;
	}
	result = 0;
out:
	books_close(&books);
	return result;
}

int ledger_measure(const char *host, const struct ledger_call *call, uint64_t calls,
		   double ret_per_call[LEDGER_SIDES][LEDGER_ENTRIES])
{
	struct ledger once[LEDGER_SIDES], twice[LEDGER_SIDES];
	unsigned side, entry;

	if (count_once(host, call, calls, once) < 0 || count_once(host, call, 2 * calls, twice) < 0)
		return -1;
	for (side = 0; side < LEDGER_SIDES; side++) {
		for (entry = 0; entry < LEDGER_ENTRIES; entry++) {
			double more = (double)twice[side].entries[entry] -
				      (double)once[side].entries[entry];

			ret_per_call[side][entry] = more / (double)calls;
		}
	}
	return 0;
}
