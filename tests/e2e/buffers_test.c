/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers of every size, in every direction, wherever they lie. */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/e2e/pattern.h"

#define KIB 1024ull
#define MIB (1024 * KIB)

#define TRANSFER_MAX (64 * MIB)

static const uint64_t sizes[] = {
	0, 1, 7, 31, 32, 4095, 4096, 4097, 8000, 8 * KIB, 64 * KIB, MIB - 1, 9 * MIB, TRANSFER_MAX,
};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct client {
	struct probe probe;
	struct vb_conn *conn;
	struct probe_peer *peer;
};

static void begin(struct client *client)
{
	struct vb_options options = VB_OPTIONS_INIT;

	probe_start(&client->probe, NULL);
	client->conn = probe_connect(&client->probe, &options);
	client->peer = probe_bind(client->conn);
}

static void end(struct client *client)
{
	probe_assert_alive(client->peer);
	probe_peer_free(client->peer);
	vb_conn_close(client->conn);
	probe_end(&client->probe);
}

/* Bytes around a buffer that must stay what they are. */
#define FENCE 64

static void set_fences(uint8_t *buffer, size_t size)
{
	memset(buffer - FENCE, 0x5a, FENCE);
	memset(buffer + size, 0x5a, FENCE);
}

static void check_fences(const uint8_t *buffer, size_t size)
{
	for (unsigned i = 1; i <= FENCE; i++)
		assert_int_equal(buffer[-(int)i], 0x5a);
	for (unsigned i = 0; i < FENCE; i++)
		assert_int_equal(buffer[size + i], 0x5a);
}

typedef int64_t fill_fn(struct probe_peer *, uint64_t, uint64_t, void *, uint64_t);
typedef int64_t check_fn(struct probe_peer *, uint64_t, const void *, uint64_t);
typedef int64_t flip_fn(struct probe_peer *, void *, uint64_t);

/* BUFFER has FENCE bytes before it and behind its SIZE. */
static void exchange(struct probe_peer *peer, uint8_t *buffer, uint64_t size, fill_fn *fill,
		     check_fn *check, flip_fn *flip)
{
	uint64_t seed = size * 3 + (uintptr_t)fill % 7;

	set_fences(buffer, size);
	probe_assert_result(peer, fill(peer, seed, size, buffer, size), size);
	assert_true(pattern_is(buffer, size, seed));
	assert_int_equal(probe_peer_outcome(peer), VB_EXECUTED);
	probe_assert_result(peer, check(peer, seed, buffer, size), size);
	probe_assert_result(peer, flip(peer, buffer, size), size);
	assert_true(pattern_is_flipped(buffer, size, seed));
	check_fences(buffer, size);
}

static void test_sizes(void **state)
{
	uint8_t *memory = malloc(TRANSFER_MAX + 2 * FENCE);
	struct client client;

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < N_SIZES; i++) {
		exchange(client.peer, memory + FENCE, sizes[i], probe_fill, probe_check,
			 probe_flip);
		/* An address that is a multiple of nothing. */
		if (sizes[i] && sizes[i] < MIB)
			exchange(client.peer, memory + FENCE + 1, sizes[i], probe_fill, probe_check,
				 probe_flip);
	}
	end(&client);
	free(memory);
}

static void test_direct_sizes(void **state)
{
	uint8_t *memory = malloc(TRANSFER_MAX + 2 * FENCE);
	struct client client;

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < N_SIZES; i++)
		exchange(client.peer, memory + FENCE, sizes[i], probe_fill_direct,
			 probe_check_direct, probe_flip_direct);
	end(&client);
	free(memory);
}

static void test_allocated_memory(void **state)
{
	struct client client;
	uint8_t *memory;
	struct vb_stats before, after;

	(void)state;
	begin(&client);
	memory = vb_memory_alloc(client.conn, TRANSFER_MAX + 2 * FENCE);
	assert_non_null(memory);
	for (unsigned i = 0; i < N_SIZES; i++) {
		exchange(client.peer, memory + FENCE, sizes[i], probe_fill, probe_check,
			 probe_flip);
		exchange(client.peer, memory + FENCE, sizes[i], probe_fill_direct,
			 probe_check_direct, probe_flip_direct);
	}
	before = probe_client_stats(client.conn);
	exchange(client.peer, memory + FENCE, MIB, probe_fill_direct, probe_check_direct,
		 probe_flip_direct);
	after = probe_client_stats(client.conn);
	assert_int_equal(after.bulk_exposures - before.bulk_exposures, 3);
	assert_int_equal(after.bulk_bounced, before.bulk_bounced);
	end(&client);
	vb_memory_free(NULL, memory);
}

/* What malloc gave is copied, or registered if it is large and there is a device: both are
 * counted. */
static void test_bounces_are_counted(void **state)
{
	const unsigned n_registered = harness_is_rdma() ? 2 : 0;
	struct client client;
	uint8_t *memory = malloc(MIB);
	struct vb_stats before, after;
	struct probe_counters moved_before, moved_after;

	(void)state;
	begin(&client);
	pattern_fill(memory, MIB, 5);
	before = probe_client_stats(client.conn);
	moved_before = probe_counters(client.peer);
	probe_assert_result(client.peer, probe_check(client.peer, 5, memory, MIB), MIB);
	probe_assert_result(client.peer, probe_fill(client.peer, 6, MIB, memory, MIB), MIB);
	after = probe_client_stats(client.conn);
	moved_after = probe_counters(client.peer);
	assert_int_equal(after.bulk_exposures - before.bulk_exposures, 2);
	assert_int_equal(after.bulk_bounced - before.bulk_bounced, 2 - n_registered);
	assert_int_equal(after.registrations - before.registrations, n_registered);
	assert_int_equal(moved_after.bulk_pulled - moved_before.bulk_pulled, MIB);
	assert_int_equal(moved_after.bulk_pushed - moved_before.bulk_pushed, MIB);
	end(&client);
	free(memory);
}

/* Several at once, freed in another order, of sizes that leave gaps. */
static void test_allocation_patterns(void **state)
{
	struct client client;
	uint8_t *memory[32];

	(void)state;
	begin(&client);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 32; i++) {
			memory[i] = vb_memory_alloc(client.conn, (i * 4000) % 50000 + 1);
			assert_non_null(memory[i]);
			assert_int_equal((uintptr_t)memory[i] % 4096, 0);
			assert_int_equal(memory[i][(i * 4000) % 50000], 0);
			memset(memory[i], 0xee, (i * 4000) % 50000 + 1);
		}
		for (unsigned i = 0; i < 32; i++)
			vb_memory_free(client.conn, memory[(i * 5) % 32]);
	}
	errno = 0;
	assert_null(vb_memory_alloc(client.conn, 0));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(vb_memory_alloc(client.conn, 257 * MIB));
	assert_int_equal(errno, ENOMEM);
	probe_assert_sentence(vb_conn_error(client.conn), "memory_max");
	/* All of it fits still, in one piece. */
	memory[0] = vb_memory_alloc(client.conn, 256 * MIB);
	assert_non_null(memory[0]);
	vb_memory_free(client.conn, memory[0]);
	vb_memory_free(client.conn, NULL);
	end(&client);
}

/* What is the caller's stays so; what is allocated by options is as any other. */
static void test_registered_memory(void **state)
{
	struct vb_memory_options options = VB_MEMORY_OPTIONS_INIT;
	uint8_t *memory = malloc(MIB + 2 * FENCE);
	struct client client;
	uint8_t *allocated;

	(void)state;
	begin(&client);
	assert_ptr_equal(vb_memory_register(client.conn, memory, MIB + 2 * FENCE, NULL), memory);
	for (unsigned i = 0; sizes[i] <= MIB; i++)
		exchange(client.peer, memory + FENCE, sizes[i], probe_fill, probe_check,
			 probe_flip);
	vb_memory_unregister(client.conn, memory);
	vb_memory_unregister(client.conn, memory);
	exchange(client.peer, memory + FENCE, MIB, probe_fill, probe_check, probe_flip);
	options.numa_nodes = 1;
	options.hugepages = true;
	allocated = vb_memory_register(client.conn, NULL, 3 * MIB, &options);
	assert_non_null(allocated);
	assert_int_equal(allocated[3 * MIB - 1], 0);
	exchange(client.peer, allocated + MIB - 5, MIB, probe_fill, probe_check, probe_flip);
	vb_memory_free(client.conn, allocated);
	/* Not taken back: the end of the connection does. */
	assert_non_null(vb_memory_register(client.conn, memory, MIB, &options));
	end(&client);
	free(memory);
}

static void test_registration_that_cannot_be(void **state)
{
	static const struct vb_memory_options none = VB_MEMORY_OPTIONS_INIT;
	struct vb_memory_options options = none;
	struct client client;
	uint8_t byte = 0;

	(void)state;
	begin(&client);
	options.kind = VB_MEMORY_DMABUF;
	errno = 0;
	assert_null(vb_memory_register(client.conn, &byte, 1, &options));
	assert_int_equal(errno, EOPNOTSUPP);
	options.kind = (enum vb_memory_kind)77;
	errno = 0;
	assert_null(vb_memory_register(client.conn, &byte, 1, &options));
	assert_int_equal(errno, EINVAL);
	probe_assert_sentence(vb_conn_error(client.conn), "77");
	options = none;
	options.size = 0;
	errno = 0;
	assert_null(vb_memory_register(client.conn, &byte, 1, &options));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(vb_memory_register(client.conn, &byte, 0, NULL));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(vb_memory_register(NULL, &byte, 1, NULL));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(vb_memory_register(client.conn, &byte, SIZE_MAX, NULL));
	assert_int_equal(errno, EFAULT);
	errno = 0;
	assert_null(vb_memory_register(client.conn, NULL, 257 * MIB, NULL));
	assert_int_equal(errno, ENOMEM);
	vb_memory_unregister(client.conn, &byte);
	vb_memory_unregister(NULL, &byte);
	end(&client);
}

/* Neither it nor what lies around it changes; a short answer leaves the rest alone. */
static void test_stack(void **state)
{
	uint8_t memory[100 * KIB + 2 * FENCE];
	struct client client;

	(void)state;
	begin(&client);
	for (unsigned i = 0; sizes[i] <= 64 * KIB; i++)
		exchange(client.peer, memory + FENCE, sizes[i], probe_fill, probe_check,
			 probe_flip);
	end(&client);
}

static void test_short_answers(void **state)
{
	static const uint64_t lengths[] = {0, 1, 100, 5000, 20000};
	uint8_t *memory = malloc(100000);
	struct client client;

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < 5; i++) {
		for (uint64_t room = 50; room <= 100000; room *= 40) {
			uint64_t length = lengths[i] < room ? lengths[i] : room;

			memset(memory, 0x77, 100000);
			probe_assert_result(client.peer,
					    probe_fill(client.peer, i, lengths[i], memory, room),
					    length);
			assert_true(pattern_is(memory, length, i));
			for (uint64_t k = room; k < 100000; k++)
				assert_int_equal(memory[k], 0x77);
		}
	}
	end(&client);
	free(memory);
}

static void test_string_literal(void **state)
{
	struct client client;
	uint64_t seed = 99;

	(void)state;
	begin(&client);
	probe_assert_failed(client.peer, probe_check(client.peer, seed, "not the pattern", 15),
			    EILSEQ, VB_EXECUTED);
	end(&client);
}

/* Memory that may only be read: private and shared mappings of a file. */
static void test_read_only_mapping(void **state)
{
	struct client client;
	char path[128];
	uint8_t *bytes = malloc(MIB);
	int fd;

	(void)state;
	begin(&client);
	snprintf(path, sizeof(path), "%s/file", harness_directory());
	pattern_fill(bytes, MIB, 4);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, MIB), MIB);
	for (unsigned i = 0; i < 2; i++) {
		void *mapped = mmap(NULL, MIB, PROT_READ, i ? MAP_SHARED : MAP_PRIVATE, fd, 0);

		assert_ptr_not_equal(mapped, MAP_FAILED);
		probe_assert_result(client.peer, probe_check(client.peer, 4, mapped, 100), 100);
		probe_assert_result(client.peer, probe_check(client.peer, 4, mapped, MIB), MIB);
		probe_assert_result(client.peer, probe_check_direct(client.peer, 4, mapped, MIB),
				    MIB);
		munmap(mapped, MIB);
	}
	close(fd);
	end(&client);
	free(bytes);
}

/* Memory of another connection is ordinary memory, also when that connection has gone. */
static void test_memory_of_another_connection(void **state)
{
	struct client client;
	struct vb_conn *other;
	uint8_t *memory;

	(void)state;
	begin(&client);
	other = probe_connect(&client.probe, NULL);
	memory = vb_memory_alloc(other, MIB + 2 * FENCE);
	assert_non_null(memory);
	exchange(client.peer, memory + FENCE, MIB, probe_fill, probe_check, probe_flip);
	vb_conn_close(other);
	exchange(client.peer, memory + FENCE, MIB, probe_fill, probe_check, probe_flip);
	exchange(client.peer, memory + FENCE, MIB, probe_fill_direct, probe_check_direct,
		 probe_flip_direct);
	vb_memory_free(client.conn, memory);
	end(&client);
}

/* A buffer that begins or ends inside of vb_memory_alloc()'s memory. */
static void test_buffer_across_allocations(void **state)
{
	struct client client;
	uint8_t *memory;

	(void)state;
	begin(&client);
	memory = vb_memory_alloc(client.conn, 3 * MIB);
	assert_non_null(memory);
	for (unsigned i = 0; i < 8; i++)
		exchange(client.peer, memory + MIB - 5 + i, MIB, probe_fill, probe_check,
			 probe_flip);
	vb_memory_free(client.conn, memory);
	end(&client);
}

/* Room that no handler writes, in memory of which the caller knows that it held something else. */
typedef int untouched_fn(struct probe_peer *, void *, uint64_t);

static void leave_room_untouched(struct probe_peer *peer, uint8_t *memory, uint64_t n,
				 untouched_fn *untouched)
{
	probe_assert_result(peer, probe_fill(peer, 1, n, memory, n), n);
	probe_assert_result(peer, probe_check(peer, 1, memory, n), n);
	assert_int_equal(untouched(peer, memory, n), 0);
}

static const uint64_t untouched_rooms[] = {1, 31, 4096, 4097, 64 * KIB, MIB};
#define N_UNTOUCHED (sizeof(untouched_rooms) / sizeof(untouched_rooms[0]))

static bool is_zero(const uint8_t *memory, uint64_t n)
{
	for (uint64_t k = 0; k < n; k++)
		if (memory[k])
			return false;
	return true;
}

/* Recycled memory must not show what another client had in it. */
static void test_untouched_room_is_zero(void **state)
{
	static untouched_fn *const methods[] = {probe_untouched, probe_untouched_direct};
	uint8_t *memory = malloc(MIB);
	struct client client;

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < 2 * N_UNTOUCHED; i++) {
		uint64_t n = untouched_rooms[i / 2];

		leave_room_untouched(client.peer, memory, n, methods[i % 2]);
		if (!is_zero(memory, n))
			fail_msg("%u bytes of room%s: not all are zero", (unsigned)n,
				 i % 2 ? ", direct" : "");
	}
	end(&client);
	free(memory);
}

/* A handler in the caller's own memory finds it as it is, and nobody spends time on it. What is not
 * that memory is zero: neither shows what is another's. */
static void test_untouched_memory_of_the_caller(void **state)
{
	struct client client;
	uint8_t *memory;

	(void)state;
	begin(&client);
	memory = vb_memory_alloc(client.conn, MIB);
	assert_non_null(memory);
	for (unsigned i = 0; i < N_UNTOUCHED; i++) {
		uint64_t n = untouched_rooms[i];
		bool is_reached = !harness_is_rdma() && n >= 64 * KIB;

		leave_room_untouched(client.peer, memory, n, probe_untouched_direct);
		if (is_reached || !is_zero(memory, n))
			assert_true(pattern_is(memory, n, 1));
	}
	end(&client);
	vb_memory_free(NULL, memory);
}

static void three(struct probe_peer *peer, const uint32_t *rooms, const uint32_t *lengths)
{
	static uint8_t a[20000], b[20000], c[20000];
	struct probe_mark first, second;
	uint32_t n_a = lengths[0], n_b = lengths[1], n_c = lengths[2];

	memset(a, 1, sizeof(a));
	memset(b, 2, sizeof(b));
	memset(c, 3, sizeof(c));
	assert_int_equal(probe_three(peer, 40, rooms[0], &n_a, a, &first, rooms[1], &n_b, b,
				     rooms[2], &n_c, c, &second),
			 0);
	assert_int_equal(n_a, lengths[0]);
	assert_int_equal(n_b, lengths[1]);
	assert_int_equal(n_c, lengths[2]);
	if (!pattern_is(a, n_a, 40) || !pattern_is(b, n_b, 41) || !pattern_is(c, n_c, 42))
		fail_msg("rooms %u %u %u, lengths %u %u %u: a buffer has not what it was given",
			 rooms[0], rooms[1], rooms[2], n_a, n_b, n_c);
	assert_int_equal(first.number, n_a);
	assert_int_equal(first.again, 1);
	assert_int_equal(second.number, n_c);
	assert_int_equal(second.again, 2);
}

/* Some exposed, some inline, some exposed that come back inline: in every order. */
static void test_several_buffers(void **state)
{
	static const uint32_t rooms[] = {0, 100, 3000, 9000, 20000};
	struct client client;

	(void)state;
	begin(&client);
	for (unsigned i = 0; i < 125; i++) {
		const uint32_t room[3] = {rooms[i % 5], rooms[i / 5 % 5], rooms[i / 25]};

		for (unsigned k = 0; k < 8; k++) {
			const uint32_t length[3] = {
				k & 1 ? room[0] : room[0] / 10,
				k & 2 ? room[1] : room[1] / 10,
				k & 4 ? room[2] : room[2] / 10,
			};

			three(client.peer, room, length);
		}
	}
	end(&client);
}

static void test_typed_buffer(void **state)
{
	uint32_t *items = malloc(100000 * sizeof(*items));
	struct client client;
	uint64_t total;
	uint64_t expected = 0;

	(void)state;
	begin(&client);
	for (uint32_t i = 0; i < 100000; i++)
		items[i] = i * 77777u;
	for (uint32_t i = 0; i < 100000; i++) {
		if (i == 0 || i == 1 || i == 999 || i == 5000 || i == 99999) {
			assert_int_equal(probe_sum(client.peer, items, i, &total), 0);
			assert_true(total == expected);
		}
		expected += items[i];
	}
	end(&client);
	free(items);
}

static void test_above_max_transfer(void **state)
{
	struct client client;
	uint8_t *memory = mmap(NULL, TRANSFER_MAX + MIB, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)state;
	assert_ptr_not_equal(memory, MAP_FAILED);
	begin(&client);
	probe_assert_failed(client.peer, probe_check(client.peer, 1, memory, TRANSFER_MAX + 1),
			    EMSGSIZE, VB_NOT_SENT);
	probe_assert_failed(client.peer, probe_flip(client.peer, memory, TRANSFER_MAX + 1),
			    EMSGSIZE, VB_NOT_SENT);
	probe_assert_failed(client.peer, probe_check(client.peer, 1, memory, UINT64_MAX), EMSGSIZE,
			    VB_NOT_SENT);
	/* A short read is legal: the room is cut off. */
	probe_assert_result(client.peer,
			    probe_fill(client.peer, 3, UINT64_MAX, memory, TRANSFER_MAX + MIB),
			    TRANSFER_MAX);
	assert_true(pattern_is(memory, TRANSFER_MAX, 3));
	assert_int_equal(memory[TRANSFER_MAX], 0);
	end(&client);
	munmap(memory, TRANSFER_MAX + MIB);
}

/* A server that has less memory for bulk than a call needs says so, and goes on. */
static void test_server_without_room(void **state)
{
	struct client client;
	uint8_t *memory = malloc(4 * MIB);

	(void)state;
	probe_start(&client.probe, "--bulk-max", "1048576", NULL);
	client.conn = probe_connect(&client.probe, NULL);
	client.peer = probe_bind(client.conn);
	pattern_fill(memory, 4 * MIB, 8);
	probe_assert_result(client.peer, probe_check(client.peer, 8, memory, MIB), MIB);
	probe_assert_failed(client.peer, probe_check(client.peer, 8, memory, 4 * MIB), EMSGSIZE,
			    VB_NOT_EXECUTED);
	probe_assert_result(client.peer, probe_fill(client.peer, 9, MIB, memory, MIB), MIB);
	assert_true(pattern_is(memory, MIB, 9));
	end(&client);
	free(memory);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_sizes),
	HARNESS_TEST(test_direct_sizes),
	HARNESS_TEST(test_allocated_memory),
	HARNESS_TEST(test_bounces_are_counted),
	HARNESS_TEST(test_allocation_patterns),
	HARNESS_TEST(test_registered_memory),
	HARNESS_TEST(test_registration_that_cannot_be),
	HARNESS_TEST(test_stack),
	HARNESS_TEST(test_short_answers),
	HARNESS_TEST(test_string_literal),
	HARNESS_TEST(test_read_only_mapping),
	HARNESS_TEST(test_memory_of_another_connection),
	HARNESS_TEST(test_buffer_across_allocations),
	HARNESS_TEST(test_untouched_room_is_zero),
	HARNESS_TEST(test_untouched_memory_of_the_caller),
	HARNESS_TEST(test_several_buffers),
	HARNESS_TEST(test_typed_buffer),
	HARNESS_TEST(test_above_max_transfer),
	HARNESS_TEST(test_server_without_room),
};

HARNESS_MAIN(tests, 2)
