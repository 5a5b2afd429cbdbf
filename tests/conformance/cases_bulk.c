/* SPDX-License-Identifier: Apache-2.0 */
/* Exposures, pulls and pushes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/conformance/buffer.h"

static const uint64_t sizes[] = {
	1, 7, 64, 4095, 4096, 4097, 65535, 65536, 100001, 300007, 524288, 1048577, 9u << 20,
};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void pull_all_sizes(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];

	for (unsigned i = 0; i < N_SIZES * N_PLACES; i++) {
		struct buffer buffer = buffer_make(client, i % N_PLACES, sizes[i / N_PLACES]);
		struct vbi_exposure exposure;

		fill(buffer.bytes, buffer.length, i);
		expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_READ);
		assert_true(client_call(client, COMMAND_PULL, i, 0, exposure.records)->argument ==
			    hash(buffer.bytes, buffer.length));
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
		buffer_free(client, &buffer);
	}
	assert_int_equal(client->n_failed, 0);
}

static void pull_of_a_literal(void **state)
{
	static const char literal[6000] = "memory that may not be written";
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct vbi_exposure exposure;

	expose(client, &exposure, (void *)(uintptr_t)literal, sizeof(literal), VBI_REMOTE_READ);
	assert_true(client_call(client, COMMAND_PULL, 1, 0, exposure.records)->argument ==
		    hash(literal, sizeof(literal)));
	take_back(client, &exposure, VBI_REVOKE_ANSWERED);
}

/* Some kernels do not pin such pages; a call does not fail for that. */
static void pull_of_a_read_only_mapping(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	int fd = memfd_create("conformance", MFD_CLOEXEC);
	uint8_t *written, *mapped;
	struct vbi_exposure exposure;

	assert_true(fd >= 0 && ftruncate(fd, REGISTERED) == 0);
	written = mmap(NULL, REGISTERED, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(written, MAP_FAILED);
	fill(written, REGISTERED, 6);
	for (unsigned i = 0; i < 2; i++) {
		mapped = mmap(NULL, REGISTERED, PROT_READ, i ? MAP_SHARED : MAP_PRIVATE, fd, 0);
		assert_ptr_not_equal(mapped, MAP_FAILED);
		expose(client, &exposure, mapped, REGISTERED, VBI_REMOTE_READ);
		assert_true(client_call(client, COMMAND_PULL, i, 0, exposure.records)->argument ==
			    hash(written, REGISTERED));
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
		munmap(mapped, REGISTERED);
	}
	munmap(written, REGISTERED);
	close(fd);
}

static void push_all_sizes(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];

	for (unsigned i = 0; i < N_SIZES * N_PLACES; i++) {
		struct buffer buffer = buffer_make(client, i % N_PLACES, sizes[i / N_PLACES]);
		struct vbi_exposure exposure;

		expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_WRITE);
		assert_int_equal(client_call(client, COMMAND_PUSH, i, buffer.length,
					     exposure.records)
					 ->argument,
				 0);
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
		check_filled(buffer.bytes, buffer.length, i);
		buffer_free(client, &buffer);
	}
}

/* What is not pushed stays as it was. */
static void push_of_a_part(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];

	for (unsigned place = 0; place < N_PLACES; place++) {
		struct buffer buffer = buffer_make(client, place, 100000);
		struct vbi_exposure exposure;

		expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_WRITE);
		client_call(client, COMMAND_PUSH, 9, 70001, exposure.records);
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
		assert_int_equal(buffer.bytes[70000], pattern(9, 70000));
		for (uint64_t at = 70001; at < buffer.length; at++)
			assert_int_equal(buffer.bytes[at], 0x5a);
		buffer_free(client, &buffer);
	}
}

/* Closed before the device has told of the push that an answer stands behind. */
static void close_behind_an_answered_push(void **state)
{
	struct fixture *fixture = *state;
	struct request request = {.command = COMMAND_PUSH, .argument = REGISTERED / 16};

	/* Elsewhere an answer follows its push, and a close comes between them. */
	if (!fixture->clients[0].endpoint->limits.one_sided)
		return;
	for (unsigned i = 0; i < 10; i++) {
		struct client *client = client_connect(fixture);
		struct vbi_exposure exposure;
		struct buffer buffer;

		turn_until(fixture, &client->n_connected, 1);
		buffer = buffer_make(client, PLACE_HEAP, REGISTERED);
		expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_WRITE);
		request.id = i;
		request.command = COMMAND_PUSH;
		request.record = exposure.records[0];
		client_send(client, &request, sizeof(request), true);
		request.command = COMMAND_CLOSE;
		client_send(client, &request, sizeof(request), false);
		turn_until(fixture, &client->n_failed, 1);
		assert_int_equal(client->n_received, 2);
		take_back(client, &exposure, VBI_REVOKE_ABANDON);
		check_filled(buffer.bytes, request.argument, i);
		buffer_free(client, &buffer);
		client_close(client);
	}
}

static void both_ways_all_sizes(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];

	for (unsigned i = 0; i < N_SIZES * N_PLACES; i++) {
		struct buffer buffer = buffer_make(client, i % N_PLACES, sizes[i / N_PLACES]);
		struct vbi_exposure exposure;

		fill(buffer.bytes, buffer.length, i);
		expose(client, &exposure, buffer.bytes, buffer.length,
		       VBI_REMOTE_READ | VBI_REMOTE_WRITE);
		client_call(client, COMMAND_INVERT, i, 0, exposure.records);
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
		check_inverted(&buffer, i);
		buffer_free(client, &buffer);
	}
}

static void map_reaches_arena_memory_only(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];

	for (unsigned place = 0; place < N_PLACES; place++) {
		struct buffer buffer = buffer_make(client, place, 20000);
		bool expected = subject->maps && place == PLACE_ARENA;
		struct vbi_exposure exposure;

		fill(buffer.bytes, buffer.length, 3);
		expose(client, &exposure, buffer.bytes, buffer.length,
		       VBI_REMOTE_READ | VBI_REMOTE_WRITE);
		assert_int_equal(client_call(client, COMMAND_MAP, 3, 0, exposure.records)->argument,
				 expected);
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
		if (expected)
			check_inverted(&buffer, 3);
		buffer_free(client, &buffer);
	}
}

static void many_at_a_time(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	static struct vbi_exposure exposures[64];
	struct buffer buffers[64];

	for (unsigned i = 0; i < 64; i++) {
		struct request request = {.command = COMMAND_INVERT, .id = i};

		buffers[i] = buffer_make(client, i % N_PLACES, 1 + i * 5003);
		fill(buffers[i].bytes, buffers[i].length, i);
		expose(client, &exposures[i], buffers[i].bytes, buffers[i].length,
		       VBI_REMOTE_READ | VBI_REMOTE_WRITE);
		request.record = exposures[i].records[0];
		client_send(client, &request, sizeof(request), i < 63);
	}
	turn_until(fixture, &client->n_received, 64);
	for (unsigned i = 0; i < 64; i++) {
		take_back(client, &exposures[i], VBI_REVOKE_ANSWERED);
		check_inverted(&buffers[i], i);
		buffer_free(client, &buffers[i]);
	}
}

/* An agreement that was lost would leave what is done with windows untried. */
static void windows_are_agreed_on(void **state)
{
	struct fixture *fixture = *state;
	const struct vbi_endpoint *endpoint = fixture->clients[0].endpoint;

	assert_int_equal(endpoint->limits.remote_invalidate,
			 subject->windows(endpoint) != WINDOWS_NONE);
}

/*
 * Memory that has a name is registered once where windows are agreed on, and each call has a window
 * of its own, which its answer ends or the revocation does.
 */
static void windows_spare_registrations(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct buffer buffer = buffer_make(client, PLACE_ARENA, REGISTERED);
	struct vbi_exposure exposure;
	uint64_t before, windows;

	if (subject->windows(client->endpoint) == WINDOWS_NONE) {
		buffer_free(client, &buffer);
		skip();
	}
	for (unsigned i = 0; i < 20; i++) {
		before = fixture->client_stats.registrations;
		windows = fixture->client_stats.allocations;
		fill(buffer.bytes, buffer.length, i);
		expose(client, &exposure, buffer.bytes, buffer.length,
		       VBI_REMOTE_READ | VBI_REMOTE_WRITE);
		assert_int_equal(fixture->client_stats.registrations - before, i == 0);
		/* The answer to a pull ends nothing, and the revocation takes the window. */
		assert_int_equal(fixture->client_stats.allocations - windows,
				 i == 0 || (i - 1) % 3 == 0);
		if (i % 3)
			client_call(client, COMMAND_INVERT, i, 0, exposure.records);
		else
			client_call(client, COMMAND_PULL, i, 0, exposure.records);
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
		if (i % 3)
			check_inverted(&buffer, i);
	}
	/* Another piece at its address is not taken for it. */
	buffer_free(client, &buffer);
	buffer = buffer_make(client, PLACE_ARENA, REGISTERED);
	fill(buffer.bytes, buffer.length, 5);
	before = fixture->client_stats.registrations;
	expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_READ);
	assert_int_equal(fixture->client_stats.registrations - before, 1);
	assert_true(client_call(client, COMMAND_PULL, 1, 0, exposure.records)->argument ==
		    hash(buffer.bytes, buffer.length));
	take_back(client, &exposure, VBI_REVOKE_ANSWERED);
	buffer_free(client, &buffer);
}

static uint64_t pinned_kib(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	unsigned long long kib = 0;
	char line[200];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmPin: %llu kB", &kib) == 1)
			break;
	fclose(file);
	return kib;
}

/* Memory that has been freed, on whatever thread, is let go of with the next window. */
static void windows_let_go_of_freed_memory(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct buffer buffers[3];
	struct vbi_exposure exposure;
	uint64_t before, after;

	if (subject->windows(client->endpoint) == WINDOWS_NONE)
		skip();
	for (unsigned i = 0; i < 3; i++) {
		buffers[i] = buffer_make(client, PLACE_ARENA, i < 2 ? 4 * REGISTERED : REGISTERED);
		expose(client, &exposure, buffers[i].bytes, buffers[i].length, VBI_REMOTE_READ);
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
	}
	before = pinned_kib();
	buffer_free(client, &buffers[0]);
	buffer_free(client, &buffers[1]);
	expose(client, &exposure, buffers[2].bytes, buffers[2].length, VBI_REMOTE_READ);
	after = pinned_kib();
	take_back(client, &exposure, VBI_REVOKE_ANSWERED);
	buffer_free(client, &buffers[2]);
	assert_true(after + 2 * 4 * REGISTERED / 1024 <= before);
}

/* A buffer that several keys name is moved by each of them. */
static void records_of_one_buffer(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	uint64_t length = (64ull << 20) + 300001, sum = 0;
	struct vbi_exposure exposure = {.length = length, .rights = VBI_REMOTE_READ};
	uint8_t *bytes = calloc(1, length);

	exposure.address = bytes;
	fill(bytes + (64u << 20), 300001, 3);
	assert_int_equal(fixture->ops->expose(client->endpoint, &exposure), 0);
	assert_in_range(exposure.n_records, 1, VBI_RECORDS_MAX);
	for (unsigned i = 0; i < exposure.n_records; i++)
		sum += exposure.records[i].length;
	assert_true(sum == length);
	if (exposure.n_records > 1) {
		const struct vbi_record *last = &exposure.records[exposure.n_records - 1];

		assert_true(client_call(client, COMMAND_PULL, 1, 0, last)->argument ==
			    hash(bytes + length - last->length, last->length));
	}
	take_back(client, &exposure, VBI_REVOKE_ANSWERED);
	free(bytes);
}

/* Enough is enough, with an error, and afterwards everything is as before. */
static void too_many_exposures(void **state)
{
	static struct vbi_exposure exposures[1u << 16];
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	uint8_t byte = 1;
	unsigned n = 0;
	int error = 0;

	while (n < sizeof(exposures) / sizeof(exposures[0])) {
		exposures[n] = (struct vbi_exposure){
			.address = &byte, .length = 1, .rights = VBI_REMOTE_READ};
		error = fixture->ops->expose(client->endpoint, &exposures[n]);
		if (error)
			break;
		n++;
	}
	assert_int_equal(error, -ENOBUFS);
	assert_true(n >= 1024);
	for (unsigned i = 0; i < n; i++)
		take_back(client, &exposures[i], VBI_REVOKE_ANSWERED);
	pull_of_a_literal(state);
}

/* Large ones share what room there is. */
static void large_exposures_get_less_each(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	static struct vbi_exposure exposures[200];
	uint64_t length = 2u << 20;
	uint8_t *bytes = malloc(length);

	fill(bytes, length, 1);
	for (unsigned i = 0; i < 200; i++)
		expose(client, &exposures[i], bytes, length, VBI_REMOTE_READ);
	assert_true(client_call(client, COMMAND_PULL, 1, 0, exposures[199].records)->argument ==
		    hash(bytes, length));
	for (unsigned i = 0; i < 200; i++)
		take_back(client, &exposures[i], VBI_REVOKE_ANSWERED);
	expose(client, &exposures[0], bytes, length, VBI_REMOTE_READ);
	assert_true(client_call(client, COMMAND_PULL, 1, 0, exposures[0].records)->argument ==
		    hash(bytes, length));
	take_back(client, &exposures[0], VBI_REVOKE_ANSWERED);
	free(bytes);
}

static void transfers_end_with_their_endpoint(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	uint64_t length = 4u << 20;
	uint8_t *bytes = calloc(1, length);
	struct vbi_exposure exposure;
	struct request request = {.command = COMMAND_VANISH};

	expose(client, &exposure, bytes, length, VBI_REMOTE_READ);
	request.record = exposure.records[0];
	client_send(client, &request, sizeof(request), false);
	turn_until(fixture, &client->n_failed, 1);
	assert_int_equal(client->cause.errnum, ECONNRESET);
	take_back(client, &exposure, VBI_REVOKE_ABANDON);
	free(bytes);
}

/* The client goes while the server pulls; what is not revoked is gone with it. */
static void client_goes_during_a_pull(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	uint64_t length = 8u << 20;
	uint8_t *bytes = calloc(1, length);
	struct vbi_exposure exposures[2];
	struct request request = {.command = COMMAND_PULL};
	struct buffer buffer = buffer_make(client, PLACE_ARENA, 70000);

	expose(client, &exposures[0], bytes, length, VBI_REMOTE_READ);
	expose(client, &exposures[1], buffer.bytes, buffer.length, VBI_REMOTE_READ);
	request.record = exposures[0].records[0];
	client_send(client, &request, sizeof(request), false);
	for (unsigned i = 0; i < 5; i++)
		turn(fixture);
	client_close(client);
	turn_until_shared(fixture, &fixture->n_server_failed, 1);
	client->fixture = fixture;
	buffer_free(client, &buffer);
	free(bytes);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

const struct CMUnitTest *cases_bulk(size_t *n)
{
	static const struct CMUnitTest cases[] = {
		CASE(pull_all_sizes),
		CASE(pull_of_a_literal),
		CASE(pull_of_a_read_only_mapping),
		CASE(push_all_sizes),
		CASE(push_of_a_part),
		CASE(close_behind_an_answered_push),
		CASE(both_ways_all_sizes),
		CASE(map_reaches_arena_memory_only),
		CASE(many_at_a_time),
		CASE(windows_are_agreed_on),
		CASE(windows_spare_registrations),
		CASE(windows_let_go_of_freed_memory),
		CASE(records_of_one_buffer),
		CASE(too_many_exposures),
		CASE(large_exposures_get_less_each),
		CASE(transfers_end_with_their_endpoint),
		CASE(client_goes_during_a_pull),
	};

	*n = sizeof(cases) / sizeof(cases[0]);
	return cases;
}
