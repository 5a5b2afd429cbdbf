/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/bounce.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/transport.h"

#define KIB  1024ull
#define BOTH (VBI_REMOTE_READ | VBI_REMOTE_WRITE)

/* A source that counts, names each piece of memory by its rights, and fails when it is told to. */
static unsigned n_gets, n_alive;
static uint64_t bytes_alive;
static bool refuses;

static int get(void *context, uint64_t size, unsigned rights, struct verbs_bounce_pages *ret)
{
	assert_ptr_equal(context, &n_gets);
	if (refuses)
		return -ENOMEM;
	n_gets++;
	n_alive++;
	bytes_alive += size;
	ret->memory = calloc(1, size);
	ret->key = n_gets << 4 | rights;
	ret->registration = ret->memory;
	return 0;
}

static void put(void *context, const struct verbs_bounce_pages *pages, uint64_t size)
{
	assert_ptr_equal(context, &n_gets);
	assert_ptr_equal(pages->registration, pages->memory);
	n_alive--;
	bytes_alive -= size;
	free(pages->memory);
}

static struct verbs_bounce *bounce;

static int setup(void **state)
{
	const struct verbs_bounce_source source = {.get = get, .put = put, .context = &n_gets};

	(void)state;
	n_gets = 0;
	refuses = false;
	bounce = verbs_bounce_create(&source);
	return bounce ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	verbs_bounce_destroy(bounce);
	return n_alive || bytes_alive ? -1 : 0;
}

static void blocks_come_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct verbs_bounce_block *block = verbs_bounce_get(bounce, 5000, VBI_REMOTE_READ,
								    false);

		assert_non_null(block);
		memset(block->memory, 1, 5000);
		verbs_bounce_put(bounce, block);
	}
	assert_int_equal(n_gets, 1);
}

static void blocks_do_not_overlap(void **state)
{
	struct verbs_bounce_block *blocks[40];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		blocks[i] = verbs_bounce_get(bounce, 4096, VBI_REMOTE_READ, false);
		assert_non_null(blocks[i]);
		memset(blocks[i]->memory, (int)i, 4096);
	}
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(blocks[i]->memory[0], i);
		assert_int_equal(blocks[i]->memory[4095], i);
		verbs_bounce_put(bounce, blocks[i]);
	}
	assert_int_equal(n_gets, 3);
}

/* Where the peer may write it may not read, whatever was there before. */
static void blocks_keep_their_kind(void **state)
{
	static const unsigned kinds[] = {VBI_REMOTE_READ, VBI_REMOTE_WRITE, BOTH};

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		unsigned rights = kinds[i % 3];
		struct verbs_bounce_block *block = verbs_bounce_get(bounce, 1 + i * 100, rights,
								    i % 2);

		assert_non_null(block);
		assert_int_equal(block->key & 0xf, rights);
		verbs_bounce_put(bounce, block);
	}
}

static void what_is_kept_has_a_limit(void **state)
{
	unsigned n = VERBS_BOUNCE_MAX / (256 * KIB);
	struct verbs_bounce_block *blocks[VERBS_BOUNCE_MAX / (256 * KIB)];
	struct verbs_bounce_block *more;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		blocks[i] = verbs_bounce_get(bounce, 256 * KIB, VBI_REMOTE_WRITE, false);
		assert_non_null(blocks[i]);
	}
	assert_null(verbs_bounce_get(bounce, 256 * KIB, VBI_REMOTE_WRITE, false));
	assert_null(verbs_bounce_get(bounce, 1, VBI_REMOTE_READ, false));
	more = verbs_bounce_get(bounce, 256 * KIB, VBI_REMOTE_WRITE, true);
	assert_non_null(more);
	assert_int_equal(bytes_alive, VERBS_BOUNCE_MAX + 256 * KIB);
	verbs_bounce_put(bounce, more);
	assert_int_equal(bytes_alive, VERBS_BOUNCE_MAX);
	for (unsigned i = 0; i < n; i++)
		verbs_bounce_put(bounce, blocks[i]);
	assert_int_equal(bytes_alive, VERBS_BOUNCE_MAX);
}

static void large_ones_go_with_their_call(void **state)
{
	struct verbs_bounce_block *block;

	(void)state;
	assert_null(verbs_bounce_get(bounce, 256 * KIB + 1, VBI_REMOTE_READ, false));
	assert_int_equal(n_gets, 0);
	block = verbs_bounce_get(bounce, 3000 * KIB + 1, VBI_REMOTE_READ, true);
	assert_non_null(block);
	assert_int_equal(bytes_alive, 3004 * KIB);
	memset(block->memory, 1, 3000 * KIB + 1);
	verbs_bounce_put(bounce, block);
	assert_int_equal(n_alive, 0);
}

static void no_memory_is_said(void **state)
{
	struct verbs_bounce_block *block;

	(void)state;
	refuses = true;
	assert_null(verbs_bounce_get(bounce, 1, VBI_REMOTE_READ, false));
	assert_null(verbs_bounce_get(bounce, 1, VBI_REMOTE_READ, true));
	assert_null(verbs_bounce_get(bounce, 1 << 20, VBI_REMOTE_READ, true));
	assert_null(verbs_bounce_get(bounce, UINT64_MAX, VBI_REMOTE_READ, true));
	refuses = false;
	block = verbs_bounce_get(bounce, 1, VBI_REMOTE_READ, false);
	assert_non_null(block);
	verbs_bounce_put(bounce, block);
}

/* Where no more memory is to be had, what there is serves smaller buffers too. */
static void larger_blocks_serve_when_they_must(void **state)
{
	struct verbs_bounce_block *block = verbs_bounce_get(bounce, 64 * KIB, VBI_REMOTE_READ,
							    false);
	struct verbs_bounce_block *again;

	(void)state;
	assert_non_null(block);
	verbs_bounce_put(bounce, block);
	refuses = true;
	assert_null(verbs_bounce_get(bounce, 5000, VBI_REMOTE_READ, false));
	assert_null(verbs_bounce_get(bounce, 5000, VBI_REMOTE_WRITE, true));
	assert_null(verbs_bounce_get(bounce, 64 * KIB + 1, VBI_REMOTE_READ, true));
	assert_ptr_equal(verbs_bounce_get(bounce, 5000, VBI_REMOTE_READ, true), block);
	assert_null(verbs_bounce_get(bounce, 5000, VBI_REMOTE_READ, true));
	verbs_bounce_put(bounce, block);
	again = verbs_bounce_get(bounce, 64 * KIB, VBI_REMOTE_READ, false);
	assert_ptr_equal(again, block);
	verbs_bounce_put(bounce, again);
}

static void blocks_in_use_go_with_the_connection(void **state)
{
	(void)state;
	assert_non_null(verbs_bounce_get(bounce, 1, VBI_REMOTE_READ, false));
	assert_non_null(verbs_bounce_get(bounce, 1 << 20, BOTH, true));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(blocks_come_back),
		TEST(blocks_do_not_overlap),
		TEST(blocks_keep_their_kind),
		TEST(what_is_kept_has_a_limit),
		TEST(large_ones_go_with_their_call),
		TEST(no_memory_is_said),
		TEST(larger_blocks_serve_when_they_must),
		TEST(blocks_in_use_go_with_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
