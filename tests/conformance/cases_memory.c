/* SPDX-License-Identifier: Apache-2.0 */
/* Registered memory and regions. */
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/conformance/conformance.h"

static bool is_zero(const uint8_t *bytes, size_t length)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, length - 1);
}

static void memory_is_aligned_zeroed_and_reused(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; i < 40; i++) {
		size_t size = 1 + i * 3001;
		uint8_t *memory = fixture->ops->memory_alloc(client->endpoint, size, NULL);

		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % page, 0);
		assert_true(is_zero(memory, size));
		memset(memory, 0xff, size);
		assert_true(fixture->ops->memory_free(memory));
	}
}

static void memory_has_an_end(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	const struct vbi_transport *ops = fixture->ops;
	void *pieces[64];
	unsigned n = 0;

	assert_null(ops->memory_alloc(client->endpoint, ARENA_SIZE + 1, NULL));
	assert_null(ops->memory_alloc(client->endpoint, SIZE_MAX, NULL));
	while (n < 64 && (pieces[n] = ops->memory_alloc(client->endpoint, 1u << 20, NULL)))
		n++;
	assert_int_equal(n, ARENA_SIZE >> 20);
	/* Out of order, so that neighbours have to find each other. */
	for (unsigned i = 0; i < n; i += 2)
		assert_true(ops->memory_free(pieces[i]));
	if (subject->one_arena)
		assert_null(ops->memory_alloc(client->endpoint, 2u << 20, NULL));
	for (unsigned i = n - 1; i < n; i -= 2)
		assert_true(ops->memory_free(pieces[i]));
	pieces[0] = ops->memory_alloc(client->endpoint, ARENA_SIZE, NULL);
	assert_non_null(pieces[0]);
	assert_true(ops->memory_free(pieces[0]));
}

static void memory_outlives_its_endpoint(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	uint8_t *first = fixture->ops->memory_alloc(client->endpoint, 100000, NULL);
	uint8_t *second = fixture->ops->memory_alloc(client->endpoint, 5000, NULL);

	memset(first, 1, 100000);
	client_close(client);
	assert_int_equal(first[99999], 1);
	memset(first, 2, 100000);
	memset(second, 3, 5000);
	assert_true(fixture->ops->memory_free(first));
	assert_int_equal(second[4999], 3);
	assert_true(fixture->ops->memory_free(second));
}

static void memory_outlives_its_peer(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	uint8_t *memory = fixture->ops->memory_alloc(client->endpoint, 100000, NULL);

	memset(memory, 7, 100000);
	client_call(client, COMMAND_CLOSE, 0, 0, NULL);
	turn_until(fixture, &client->n_failed, 1);
	assert_int_equal(memory[99999], 7);
	memset(memory, 8, 100000);
	assert_true(fixture->ops->memory_free(memory));
}

static void *free_there(void *argument)
{
	return (void *)(uintptr_t)subject->ops->memory_free(argument);
}

static void any_thread_frees(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	void *memory = fixture->ops->memory_alloc(client->endpoint, 10000, NULL);
	pthread_t thread;
	void *result;

	assert_int_equal(pthread_create(&thread, NULL, free_there, memory), 0);
	pthread_join(thread, &result);
	assert_non_null(result);
	assert_false(fixture->ops->memory_free(memory));
}

static void other_memory_is_not_ours(void **state)
{
	struct fixture *fixture = *state;
	int here;

	assert_false(fixture->ops->memory_free(&here));
	assert_false(fixture->ops->memory_free(NULL));
}

/* Memory of one connection is ordinary memory for another. */
static void memory_of_another_endpoint(void **state)
{
	struct fixture *fixture = *state;
	struct client *other = client_connect(fixture);
	struct vbi_exposure exposure = {.length = 20000, .rights = VBI_REMOTE_READ};

	turn_until(fixture, &other->n_connected, 1);
	exposure.address = fixture->ops->memory_alloc(fixture->clients[0].endpoint, 20000, NULL);
	memset(exposure.address, 0x42, 20000);
	assert_int_equal(fixture->ops->expose(other->endpoint, &exposure), 0);
	assert_true(client_call(other, COMMAND_PULL, 0, 0, exposure.records)->argument ==
		    hash(exposure.address, 20000));
	assert_int_equal(fixture->ops->revoke(other->endpoint, &exposure, VBI_REVOKE_ANSWERED), 0);
	assert_true(fixture->ops->memory_free(exposure.address));
}

/* Such a process has no limit. The device would not serve one that gave up the right by now. */
static bool may_lock_all(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	return data[0].effective & 1u << CAP_IPC_LOCK;
}

static int pull_once(struct client *client, uint8_t *bytes, uint64_t length)
{
	struct vbi_exposure exposure = {
		.address = bytes, .length = length, .rights = VBI_REMOTE_READ};
	int error = client->fixture->ops->expose(client->endpoint, &exposure);

	if (error)
		return error;
	assert_true(client_call(client, COMMAND_PULL, 0, 0, exposure.records)->argument ==
		    hash(bytes, length));
	return client->fixture->ops->revoke(client->endpoint, &exposure, VBI_REVOKE_ANSWERED);
}

/* What has memory goes on; what needs more says so; nothing else suffers. */
static void memory_that_may_not_be_locked(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct vbi_exposure exposure = {.length = 1u << 20, .rights = VBI_REMOTE_READ};
	struct rlimit before, tight;
	struct client *second;

	if (!subject->pins_memory)
		skip();
	if (may_lock_all()) {
		if (conformance_is_for_one())
			fail_msg("this process has no limit: it may lock all memory");
		skip();
	}
	exposure.address = calloc(1, 1u << 20);
	assert_int_equal(pull_once(client, exposure.address, 9000), 0);
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
	tight = before;
	tight.rlim_cur = 64u << 10;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &tight), 0);
	assert_int_equal(fixture->ops->expose(client->endpoint, &exposure), -ENOMEM);
	client_call(client, COMMAND_ECHO, 1, 0, NULL);
	second = client_connect(fixture);
	turn_until(fixture, &second->n_failed, 1);
	assert_int_equal(second->cause.errnum, ENOMEM);
	assert_non_null(strstr(second->cause.sentence, "RLIMIT_MEMLOCK"));
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &before), 0);
	assert_int_equal(pull_once(client, exposure.address, 1u << 20), 0);
	assert_int_equal(client->n_failed, 0);
	free(exposure.address);
}

#define HUGE_PAGE (2u << 20)

static unsigned free_huge_pages(void)
{
	FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	unsigned n = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%u", &n) != 1)
		n = 0;
	fclose(file);
	return n;
}

/* KiB of the pages that MEMORY consists of. 0: nothing is there. */
static unsigned page_kib(const void *memory)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long from = 0, to = 0;
	unsigned kib = 0, found = 0;
	char line[500];

	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			continue;
		if ((uintptr_t)memory >= from && (uintptr_t)memory < to &&
		    sscanf(line, "KernelPageSize: %u kB", &kib) == 1)
			found = kib;
	}
	fclose(file);
	return found;
}

/* Of those that the system has set aside; they are its own again afterwards. */
static void memory_of_huge_pages(void **state)
{
	const struct vb_memory_options options = {.size = sizeof(options), .hugepages = true};
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	unsigned n = free_huge_pages();
	uint8_t *memory;

	/* Memory of shm is of its file, which has ordinary pages. */
	if (!subject->pins_memory || n < 2) {
		if (conformance_is_for_one())
			fail_msg("%u huge pages are set aside", n);
		skip();
	}
	memory = fixture->ops->memory_alloc(client->endpoint, HUGE_PAGE + 1, &options);
	assert_non_null(memory);
	assert_int_equal(page_kib(memory), HUGE_PAGE / 1024);
	assert_int_equal(free_huge_pages(), n - 2);
	memset(memory, 0x42, HUGE_PAGE + 1);
	assert_int_equal(pull_once(client, memory, HUGE_PAGE + 1), 0);
	assert_true(fixture->ops->memory_free(memory));
	assert_int_equal(page_kib(memory), 0);
	assert_int_equal(free_huge_pages(), n);
}

/* The application's own, which stays its own. */
static void registered_memory_moves(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	const struct vbi_transport *ops = fixture->ops;
	uint8_t *memory = malloc(200000);
	struct vbi_exposure exposure = {
		.address = memory + 1000, .length = 150000, .rights = VBI_REMOTE_READ};

	memset(memory, 0x42, 200000);
	assert_int_equal(ops->memory_register(client->endpoint, memory, 200000), 0);
	for (unsigned i = 0; i < 2; i++) {
		memory[100000] = (uint8_t)i;
		assert_int_equal(ops->expose(client->endpoint, &exposure), 0);
		assert_true(client_call(client, COMMAND_PULL, i, 0, exposure.records)->argument ==
			    hash(exposure.address, exposure.length));
		assert_int_equal(ops->revoke(client->endpoint, &exposure, VBI_REVOKE_ANSWERED), 0);
		ops->memory_unregister(client->endpoint, memory);
	}
	assert_int_equal(ops->memory_register(client->endpoint, memory, 200000), 0);
	client_close(client);
	assert_int_equal(memory[199999], 0x42);
	free(memory);
}

static void regions_are_aligned(void **state)
{
	struct fixture *fixture = *state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *region = fixture->ops->region_alloc(fixture->client_domain, 70000);

	assert_non_null(region);
	assert_int_equal((uintptr_t)region % page, 0);
	memset(region, 1, 70000);
	fixture->ops->region_free(fixture->client_domain, region, 70000);
	assert_null(fixture->ops->region_alloc(fixture->client_domain, SIZE_MAX / 2));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

const struct CMUnitTest *cases_memory(size_t *n)
{
	static const struct CMUnitTest cases[] = {
		CASE(memory_is_aligned_zeroed_and_reused),
		CASE(memory_has_an_end),
		CASE(memory_outlives_its_endpoint),
		CASE(memory_outlives_its_peer),
		CASE(any_thread_frees),
		CASE(other_memory_is_not_ours),
		CASE(memory_of_another_endpoint),
		CASE(memory_that_may_not_be_locked),
		CASE(memory_of_huge_pages),
		CASE(registered_memory_moves),
		CASE(regions_are_aligned),
	};

	*n = sizeof(cases) / sizeof(cases[0]);
	return cases;
}
