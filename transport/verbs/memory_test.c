/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/memory.h"

#include <linux/mempolicy.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/verbs/verbs.h"

#define PAGE 4096u
#define MAX  (1u << 20)

static struct verbs_memory_budget *budget;

static int setup(void **state)
{
	(void)state;
	budget = verbs_memory_budget_create(MAX);
	return budget ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	verbs_memory_budget_drop(budget);
	budget = NULL;
	return 0;
}

static void memory_is_aligned_and_zero(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		size_t size = 1 + i * 3001;
		uint8_t *memory = verbs_memory_alloc_within(budget, size, NULL);

		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % PAGE, 0);
		for (size_t at = 0; at < size; at++)
			assert_int_equal(memory[at], 0);
		memset(memory, 0xff, size);
		assert_true(verbs_memory_free(memory));
		assert_false(verbs_memory_free(memory));
	}
}

static void the_budget_counts_pages(void **state)
{
	void *pieces[MAX / PAGE];

	(void)state;
	assert_null(verbs_memory_alloc_within(budget, 0, NULL));
	assert_null(verbs_memory_alloc_within(budget, MAX + 1, NULL));
	assert_null(verbs_memory_alloc_within(budget, SIZE_MAX, NULL));
	for (unsigned i = 0; i < MAX / PAGE; i++) {
		pieces[i] = verbs_memory_alloc_within(budget, 1, NULL);
		assert_non_null(pieces[i]);
	}
	assert_null(verbs_memory_alloc_within(budget, 1, NULL));
	for (unsigned i = 0; i < MAX / PAGE; i += 2)
		assert_true(verbs_memory_free(pieces[i]));
	for (unsigned i = 1; i < MAX / PAGE; i += 2)
		assert_true(verbs_memory_free(pieces[i]));
	pieces[0] = verbs_memory_alloc_within(budget, MAX, NULL);
	assert_non_null(pieces[0]);
	assert_true(verbs_memory_free(pieces[0]));
}

static void memory_outlives_its_connection(void **state)
{
	uint8_t *memory = verbs_memory_alloc_within(budget, 10000, NULL);

	teardown(state);
	memset(memory, 7, 10000);
	assert_true(verbs_memory_free(memory));
}

static void *free_there(void *memory)
{
	return (void *)(uintptr_t)verbs_memory_free(memory);
}

static void any_thread_frees(void **state)
{
	void *memory = verbs_memory_alloc_within(budget, 10000, NULL);
	pthread_t thread;
	void *result;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, free_there, memory), 0);
	pthread_join(thread, &result);
	assert_non_null(result);
	assert_false(verbs_memory_free(memory));
}

static void other_memory_is_not_ours(void **state)
{
	int here;

	(void)state;
	assert_false(verbs_memory_free(&here));
	assert_false(verbs_memory_free(NULL));
}

/* Wishes: a machine without such pages or such a node gives others. */
static void options_are_wishes(void **state)
{
	const struct vb_memory_options options = {
		.size = sizeof(options), .numa_nodes = 1, .hugepages = true};
	struct verbs_memory_budget *large = verbs_memory_budget_create(8u << 20);
	uint8_t *memory = verbs_memory_alloc_within(large, 3u << 20, &options);

	(void)state;
	assert_non_null(memory);
	assert_int_equal((uintptr_t)memory % (2u << 20), 0);
	assert_int_equal(memory[(3u << 20) - 1], 0);
	memset(memory, 1, 3u << 20);
	/* Counted as what was mapped. */
	assert_null(verbs_memory_alloc_within(large, 6u << 20, &options));
	assert_true(verbs_memory_free(memory));
	memory = verbs_memory_alloc_within(large, 8u << 20, &options);
	assert_non_null(memory);
	assert_true(verbs_memory_free(memory));
	verbs_memory_budget_drop(large);
}

/* The policy of the pages at MEMORY, and its nodes. -1: this system has none. */
static int policy_of(void *memory, unsigned long *nodes)
{
	int mode = -1;

	*nodes = 0;
	if (syscall(SYS_get_mempolicy, &mode, nodes, 8 * sizeof(*nodes) + 1, memory, MPOL_F_ADDR))
		return -1;
	return mode;
}

/* All nodes that are named are meant, where the kernel (Linux 5.15) can. */
static void memory_is_of_the_nodes_named(void **state)
{
	const int many = 5; /* MPOL_PREFERRED_MANY */
	const struct vb_memory_options options = {.size = sizeof(options), .numa_nodes = 3};
	uint8_t *plain = verbs_memory_alloc_within(budget, 10000, NULL);
	uint8_t *memory = verbs_memory_alloc_within(budget, 10000, &options);
	unsigned long nodes, one = 1;
	bool knows_many;

	(void)state;
	if (policy_of(plain, &nodes) != MPOL_DEFAULT)
		skip();
	knows_many = syscall(SYS_mbind, plain, PAGE, many, &one, 8 * sizeof(one) + 1, 0) == 0;
	assert_int_equal(policy_of(memory, &nodes), knows_many ? many : MPOL_PREFERRED);
	assert_true(nodes & 1);
	assert_true(verbs_memory_free(memory));
	assert_true(verbs_memory_free(plain));
}

static void any_part_is_known(void **state)
{
	struct verbs_endpoint endpoint = {0};
	struct verbs_named named;
	uint64_t serial;
	uint8_t *memory = verbs_memory_alloc_within(budget, 3 * PAGE, NULL);

	(void)state;
	assert_true(verbs_memory_named(&endpoint, memory, 3 * PAGE, &named));
	assert_ptr_equal(named.address, memory);
	assert_int_equal(named.size, 3 * PAGE);
	assert_true(verbs_memory_named(&endpoint, memory + 5, 3 * PAGE - 5, &named));
	assert_false(verbs_memory_named(&endpoint, memory + 1, 3 * PAGE, &named));
	assert_false(verbs_memory_named(&endpoint, state, 1, &named));
	/* Freed by its beginning only. */
	assert_false(verbs_memory_free(memory + PAGE));
	assert_true(verbs_memory_free(memory));
	assert_false(verbs_memory_named(&endpoint, memory, 1, &named));
	/* Another piece may come to the same address: it is another. */
	memory = verbs_memory_alloc_within(budget, 3 * PAGE, NULL);
	serial = named.serial;
	assert_true(verbs_memory_named(&endpoint, memory, 1, &named));
	assert_int_not_equal(named.serial, serial);
	assert_true(verbs_memory_free(memory));
}

/* A child neither has the pages nor frees what may by then be its own at their address. */
static void a_child_does_not_have_it(void **state)
{
	uint8_t *memory = verbs_memory_alloc_within(budget, PAGE, NULL);
	int status = 0;
	pid_t child;

	(void)state;
	memory[0] = 42;
	child = fork();
	if (child == 0) {
		unsigned char there;
		bool is_mapped = mincore(memory, PAGE, &there) == 0;

		_exit(is_mapped ? 1 : verbs_memory_free(memory) ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(memory[0], 42);
	assert_true(verbs_memory_free(memory));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(memory_is_aligned_and_zero),     TEST(the_budget_counts_pages),
		TEST(memory_outlives_its_connection), TEST(any_thread_frees),
		TEST(other_memory_is_not_ours),	      TEST(options_are_wishes),
		TEST(memory_is_of_the_nodes_named),   TEST(any_part_is_known),
		TEST(a_child_does_not_have_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
