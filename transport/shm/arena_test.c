/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/arena.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE  (1u << 20)
#define PAGE  4096u
#define LIVES 64u

static int fd;
static struct shm_arena *arena;
static struct shm_mapping *mapping;

static int setup(void **state)
{
	(void)state;
	fd = memfd_create("arena", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)shm_file_size(SIZE)) < 0 ||
	    shm_mapping_create(fd, shm_file_size(SIZE), &mapping) < 0)
		return -1;
	arena = shm_arena_create(mapping, SIZE);
	return arena ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	shm_arena_drop(arena);
	shm_mapping_drop(mapping);
	close(fd);
	return 0;
}

/* Random pieces, each filled with its own number: none overlaps, all come back zeroed. */
static void pieces_do_not_overlap(void **state)
{
	struct {
		uint8_t *memory;
		size_t size;
	} pieces[LIVES] = {0};

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned one = (unsigned)random() % LIVES;
		size_t size = 1 + (size_t)random() % 60000;

		if (pieces[one].memory) {
			assert_int_equal(pieces[one].memory[0], one + 1);
			assert_int_equal(pieces[one].memory[pieces[one].size - 1], one + 1);
			assert_true(shm_arena_free(pieces[one].memory));
		}
		pieces[one].memory = shm_arena_alloc(arena, size);
		pieces[one].size = size;
		if (!pieces[one].memory)
			continue;
		assert_int_equal(pieces[one].memory[0], 0);
		assert_int_equal(pieces[one].memory[size - 1], 0);
		memset(pieces[one].memory, (int)one + 1, size);
	}
	for (unsigned i = 0; i < LIVES; i++)
		if (pieces[i].memory)
			assert_true(shm_arena_free(pieces[i].memory));
	pieces[0].memory = shm_arena_alloc(arena, SIZE);
	assert_non_null(pieces[0].memory);
	assert_true(shm_arena_free(pieces[0].memory));
}

static void private_pages_are_out_of_reach(void **state)
{
	uint8_t *memory = shm_arena_alloc(arena, 4 * PAGE);
	uint8_t *peer = mmap(NULL, shm_file_size(SIZE), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint8_t *theirs = peer + (memory - mapping->base);

	(void)state;
	assert_true(peer != MAP_FAILED);
	memset(memory, 7, 4 * PAGE);
	assert_int_equal(shm_arena_make_private(memory + PAGE + 100, PAGE), 0);
	memset(theirs, 9, 4 * PAGE);
	assert_int_equal(memory[PAGE - 1], 9);
	assert_int_equal(memory[PAGE], 7);
	assert_int_equal(memory[3 * PAGE - 1], 7);
	assert_int_equal(memory[3 * PAGE], 9);
	memory[PAGE] = 8;
	assert_int_equal(theirs[PAGE], 9);
	assert_true(shm_arena_free(memory));
	munmap(peer, shm_file_size(SIZE));
}

static void empty_arena(void **state)
{
	struct shm_arena *none = shm_arena_create(mapping, 0);

	(void)state;
	assert_non_null(none);
	assert_null(shm_arena_alloc(none, 1));
	shm_arena_drop(none);
}

static void *alloc_and_free(void *argument)
{
	for (unsigned i = 0; i < 2000; i++) {
		uint8_t *memory = shm_arena_alloc(argument, 5000);

		if (memory && !shm_arena_free(memory))
			return argument;
	}
	return NULL;
}

static void threads_share_the_table(void **state)
{
	pthread_t threads[4];
	void *failed;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, alloc_and_free, arena), 0);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pieces_do_not_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(private_pages_are_out_of_reach, setup, teardown),
		cmocka_unit_test_setup_teardown(empty_arena, setup, teardown),
		cmocka_unit_test_setup_teardown(threads_share_the_table, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
