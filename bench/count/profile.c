/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/count/profile.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/child.h"

#define NAME_BYTES	     64u
/* Less is not worth a line. */
#define LEAST_PER_CALL	     1.0
#define ADDR2LINE_TIMEOUT_MS 30000
/* Two lines an address: the function's name, and a file's path and line. */
#define ANSWER_BYTES	     (NAME_BYTES + PATH_MAX)
/* Addresses asked for at a time, within what a command line holds. */
#define BATCH		     512u

struct sample {
	char *path; /* own */
	uint64_t address;
	uint64_t count;
	char function[NAME_BYTES];
};

struct profile {
	struct sample *samples;
	size_t n;
	size_t room;
};

struct profile *profile_new(void)
{
	return calloc(1, sizeof(struct profile));
}

void profile_free(struct profile *profile)
{
	size_t i;

	if (!profile)
		return;
	for (i = 0; i < profile->n; i++)
		free(profile->samples[i].path);
	free(profile->samples);
	free(profile);
}

int profile_add(struct profile *profile, const char *path, uint64_t address, uint64_t count)
{
	struct sample *sample;

	if (profile->n == profile->room) {
		size_t room = profile->room ? 2 * profile->room : 1024;
		struct sample *samples = realloc(profile->samples, room * sizeof(*samples));

		if (!samples)
			return -1;
		profile->samples = samples;
		profile->room = room;
	}
	sample = &profile->samples[profile->n];
	*sample = (struct sample){.path = strdup(path), .address = address, .count = count};
	if (!sample->path)
		return -1;
	profile->n++;
	return 0;
}

/* ---- Names ---- */

static int by_place(const void *left, const void *right)
{
	const struct sample *a = left, *b = right;
	int order = strcmp(a->path, b->path);

	if (order)
		return order;
	return (a->address > b->address) - (a->address < b->address);
}

/* Takes the names out of addr2line's answer. */
static void take_names(struct sample *samples, size_t n, char *answer)
{
	char *rest = answer;
	size_t i;

	for (i = 0; i < n; i++) {
		const char *name = strsep(&rest, "\n");

		snprintf(samples[i].function, sizeof(samples[i].function), "%.*s",
			 (int)sizeof(samples[i].function) - 1,
			 name && *name ? name : samples[i].path);
		strsep(&rest, "\n"); /* its file and line */
		/* Without symbols the object's name says more than "??". */
		if (memcmp(samples[i].function, "??", 2) == 0) {
			const char *slash = strrchr(samples[i].path, '/');

			snprintf(samples[i].function, sizeof(samples[i].function), "in %.50s",
				 slash ? slash + 1 : samples[i].path);
		}
	}
}

/* Names N samples of one object. */
static int name_batch(struct sample *samples, size_t n)
{
	const struct child_options options = {.cpu = -1, .error_path = "/dev/null"};
	const char *words[BATCH + 5] = {"addr2line", "-f", "-e", samples[0].path};
	char(*addresses)[24] = malloc(n * sizeof(*addresses));
	size_t size = n * ANSWER_BYTES, i;
	char *answer = calloc(1, size);
	struct child child;
	int result = -1;

	if (!addresses || !answer)
		goto out;
	for (i = 0; i < n; i++) {
		snprintf(addresses[i], sizeof(addresses[i]), "0x%" PRIx64, samples[i].address);
		words[4 + i] = addresses[i];
	}
	if (child_start(&child, words, &options) < 0)
		goto out;
	if (child_finish(&child, answer, size, ADDR2LINE_TIMEOUT_MS) < 0)
		goto out;
	/* It fails for what is no file, such as [vdso]: no names then. */
	take_names(samples, n, answer);
	result = 0;
out:
	free(addresses);
	free(answer);
	return result;
}

static int name_all(struct profile *profile)
{
	size_t from, n;

	qsort(profile->samples, profile->n, sizeof(*profile->samples), by_place);
	for (from = 0; from < profile->n; from += n) {
		struct sample *first = &profile->samples[from];

		for (n = 1; n < BATCH && from + n < profile->n; n++) {
			if (strcmp(first[n].path, first->path) != 0)
				break;
		}
		if (name_batch(first, n) < 0)
			return -1;
	}
	return 0;
}

/* ---- Functions ---- */

static int by_function(const void *left, const void *right)
{
	return strcmp(((const struct sample *)left)->function,
		      ((const struct sample *)right)->function);
}

static int by_count(const void *left, const void *right)
{
	const struct sample *a = left, *b = right;

	return (a->count < b->count) - (a->count > b->count);
}

/* Adds up the samples of each function, in the first of them; the others have 0. */
static void add_up(struct profile *profile)
{
	struct sample *first = NULL;
	size_t i;

	qsort(profile->samples, profile->n, sizeof(*profile->samples), by_function);
	for (i = 0; i < profile->n; i++) {
		struct sample *sample = &profile->samples[i];

		if (first && strcmp(first->function, sample->function) == 0) {
			first->count += sample->count;
			sample->count = 0;
		} else {
			first = sample;
		}
	}
}

int profile_print(struct profile *profile, uint64_t calls, FILE *out)
{
	size_t i;

	if (name_all(profile) < 0)
		return -1;
	add_up(profile);
	qsort(profile->samples, profile->n, sizeof(*profile->samples), by_count);
	for (i = 0; i < profile->n; i++) {
		double per_call = (double)profile->samples[i].count / (double)calls;

		if (per_call < LEAST_PER_CALL)
			break;
		fprintf(out, "    %8.1f  %s\n", per_call, profile->samples[i].function);
	}
	return 0;
}
