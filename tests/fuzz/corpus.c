// SPDX-License-Identifier: Apache-2.0
/*
 * corpus N DIRECTORY...: runs the fuzz target over every file of the directories, and over N
 * mutations of each. The mutations come from a fixed seed, so every run is the same. What fails is
 * left in the file corpus-failure.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* Seeds are written by hand; a mutation grows by at most GROWTH bytes. */
#define MAX_SEED (64u << 10)
#define GROWTH	 1024u

struct input {
	uint8_t data[MAX_SEED + GROWTH];
	size_t size;
};

/* xorshift64* */
static uint64_t random_state = 0x9e3779b97f4a7c15;

static size_t random_below(size_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return n ? (size_t)((random_state * 0x2545f4914f6cdd1dull) >> 32) % n : 0;
}

static void run(const struct input *input)
{
	/* A buffer of exactly this size, so that the sanitizer sees a read beyond it. */
	uint8_t *copy = malloc(input->size ? input->size : 1);
	FILE *file = fopen("corpus-failure", "we");

	FUZZ_REQUIRE(copy && file);
	FUZZ_REQUIRE(fwrite(input->data, 1, input->size, file) == input->size);
	FUZZ_REQUIRE(fclose(file) == 0);
	memcpy(copy, input->data, input->size);
	LLVMFuzzerTestOneInput(copy, input->size);
	free(copy);
}

static void delete_some(struct input *input)
{
	size_t at = random_below(input->size);
	size_t n = 1 + random_below(random_below(2) ? 4 : 64);

	if (n > input->size - at)
		n = input->size - at;
	memmove(input->data + at, input->data + at + n, input->size - at - n);
	input->size -= n;
}

/* Repeats a piece of the input at another place. */
static void repeat_some(struct input *input)
{
	size_t from = random_below(input->size), at = random_below(input->size);
	size_t n = 1 + random_below(random_below(2) ? 8 : 128);
	uint8_t piece[128];

	if (n > input->size - from)
		n = input->size - from;
	if (n > sizeof(input->data) - input->size)
		return;
	memcpy(piece, input->data + from, n);
	memmove(input->data + at + n, input->data + at, input->size - at);
	memcpy(input->data + at, piece, n);
	input->size += n;
}

static void mutate(struct input *input)
{
	for (size_t n = 1 + random_below(4); n && input->size; n--) {
		switch (random_below(4)) {
		case 0:
			input->data[random_below(input->size)] = (uint8_t)random_below(256);
			break;
		case 1:
			input->data[random_below(input->size)] =
				input->data[random_below(input->size)];
			break;
		case 2:
			delete_some(input);
			break;
		default:
			repeat_some(input);
			break;
		}
	}
}

static void run_file(const char *path, unsigned long n_mutations)
{
	static struct input seed, input;
	FILE *file = fopen(path, "re");

	FUZZ_REQUIRE(file);
	seed.size = fread(seed.data, 1, MAX_SEED, file);
	FUZZ_REQUIRE(fgetc(file) == EOF && !ferror(file));
	fclose(file);
	run(&seed);
	for (; n_mutations; n_mutations--) {
		input = seed;
		mutate(&input);
		run(&input);
	}
}

/* In order of name, so that the random numbers fall the same way everywhere. */
static unsigned run_directory(const char *path, unsigned long n_mutations)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);
	unsigned n_files = 0;

	FUZZ_REQUIRE(n >= 0);
	for (int i = 0; i < n; i++) {
		char file[PATH_MAX];

		if (entries[i]->d_name[0] != '.') {
			FUZZ_REQUIRE(snprintf(file, sizeof(file), "%s/%s", path,
					      entries[i]->d_name) < PATH_MAX);
			run_file(file, n_mutations);
			n_files++;
		}
		free(entries[i]);
	}
	free(entries);
	return n_files;
}

int main(int argc, char **argv)
{
	unsigned n_files = 0;
	unsigned long n;
	char *end;

	if (argc < 3) {
		fprintf(stderr, "usage: %s MUTATIONS DIRECTORY...\n", argv[0]);
		return 2;
	}
	errno = 0;
	n = strtoul(argv[1], &end, 10);
	if (errno || *end || end == argv[1]) {
		fprintf(stderr, "%s: '%s' is not a number of mutations\n", argv[0], argv[1]);
		return 2;
	}
	for (int i = 2; i < argc; i++)
		n_files += run_directory(argv[i], n);
	remove("corpus-failure");
	printf("%u files, %lu mutations each\n", n_files, n);
	return n_files ? 0 : 1;
}
