/* SPDX-License-Identifier: Apache-2.0 */
/* Exposures, pulls and pushes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/conformance/conformance.h"

static const uint64_t sizes[] = {
	1, 7, 64, 4095, 4096, 4097, 65535, 65536, 100001, 300007, 524288, 1048577, 9u << 20,
};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* Bytes before and behind a buffer that must stay as they are. */
#define GUARD 64u

enum place { PLACE_HEAP, PLACE_ARENA, N_PLACES };

struct buffer {
	enum place place;
	uint8_t *whole, *bytes;
	uint64_t length;
};

static struct buffer buffer_make(struct client *client, enum place place, uint64_t length)
{
	struct buffer buffer = {.place = place, .length = length};
	uint64_t whole = length + 2 * GUARD;

	buffer.whole = place == PLACE_HEAP
			       ? malloc(whole)
			       : client->fixture->ops->memory_alloc(client->endpoint, whole, NULL);
	assert_non_null(buffer.whole);
	memset(buffer.whole, 0x5a, whole);
	buffer.bytes = buffer.whole + GUARD;
	return buffer;
}

static void buffer_free(struct client *client, struct buffer *buffer)
{
	for (unsigned i = 0; i < GUARD; i++) {
		assert_int_equal(buffer->whole[i], 0x5a);
		assert_int_equal(buffer->bytes[buffer->length + i], 0x5a);
	}
	if (buffer->place == PLACE_HEAP)
		free(buffer->whole);
	else
		assert_true(client->fixture->ops->memory_free(buffer->whole));
}

static void fill(uint8_t *bytes, uint64_t length, uint64_t seed)
{
	for (uint64_t i = 0; i < length; i++)
		bytes[i] = pattern(seed, i);
}

static void expose(struct client *client, struct vbi_exposure *exposure, void *bytes,
		   uint64_t length, unsigned rights)
{
	*exposure = (struct vbi_exposure){.address = bytes, .length = length, .rights = rights};
	assert_int_equal(client->fixture->ops->expose(client->endpoint, exposure), 0);
	assert_int_equal(exposure->n_records, 1);
	assert_true(exposure->records[0].length == length);
}

static unsigned n_revoked;

static void count_revoked(struct vbi_exposure *exposure)
{
	(void)exposure;
	n_revoked++;
}

static void revoke(struct client *client, struct vbi_exposure *exposure, enum vbi_revoke how)
{
	unsigned before = n_revoked;
	int status;

	exposure->revoked = count_revoked;
	status = client->fixture->ops->revoke(client->endpoint, exposure, how);
	if (status == -EINPROGRESS)
		turn_until(client->fixture, &n_revoked, before + 1);
	else
		assert_int_equal(status, 0);
}

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
		revoke(client, &exposure, VBI_REVOKE_ANSWERED);
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
	revoke(client, &exposure, VBI_REVOKE_ANSWERED);
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
		revoke(client, &exposure, VBI_REVOKE_ANSWERED);
		for (uint64_t at = 0; at < buffer.length; at++)
			if (buffer.bytes[at] != pattern(i, at))
				fail_msg("size %llu: byte %llu is wrong",
					 (unsigned long long)buffer.length, (unsigned long long)at);
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
		revoke(client, &exposure, VBI_REVOKE_ANSWERED);
		assert_int_equal(buffer.bytes[70000], pattern(9, 70000));
		for (uint64_t at = 70001; at < buffer.length; at++)
			assert_int_equal(buffer.bytes[at], 0x5a);
		buffer_free(client, &buffer);
	}
}

static void check_inverted(const struct buffer *buffer, uint64_t seed)
{
	for (uint64_t at = 0; at < buffer->length; at++)
		if ((buffer->bytes[at] ^ pattern(seed, at)) != 0xff)
			fail_msg("size %llu: byte %llu is wrong",
				 (unsigned long long)buffer->length, (unsigned long long)at);
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
		revoke(client, &exposure, VBI_REVOKE_ANSWERED);
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
		revoke(client, &exposure, VBI_REVOKE_ANSWERED);
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
		revoke(client, &exposures[i], VBI_REVOKE_ANSWERED);
		check_inverted(&buffers[i], i);
		buffer_free(client, &buffers[i]);
	}
}

/* Large enough to be registered for its call, where small buffers are copied instead. */
#define REGISTERED (1u << 20)

/* The status that the service's move of RECORD ends with. */
static int64_t status_of(struct client *client, enum command command,
			 const struct vbi_record *record)
{
	return (int64_t)client_call(client, command, 7, 100, record)->argument;
}

static void records_that_lie_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];

	for (unsigned place = 0; place < N_PLACES; place++) {
		struct buffer buffer = buffer_make(client, place, 9000);
		struct vbi_exposure exposure;
		struct vbi_record lie;

		expose(client, &exposure, buffer.bytes, 9000, VBI_REMOTE_READ);
		lie = exposure.records[0];
		lie.flags |= 0x80000000u;
		assert_true(status_of(client, COMMAND_INVERT, &lie) < 0);
		lie = exposure.records[0];
		lie.address = UINT64_MAX - 4000;
		assert_true(status_of(client, COMMAND_INVERT, &lie) < 0);
		if (subject->keys_are_checked) {
			assert_true(status_of(client, COMMAND_PUSH, exposure.records) < 0);
			lie = exposure.records[0];
			lie.key ^= 0x10000;
			assert_true(status_of(client, COMMAND_INVERT, &lie) < 0);
			lie = exposure.records[0];
			lie.key |= 0xffff;
			assert_true(status_of(client, COMMAND_INVERT, &lie) < 0);
		}
		revoke(client, &exposure, VBI_REVOKE_ANSWERED);
		buffer_free(client, &buffer);
	}
	assert_int_equal(client->n_failed, 0);
}

/* What a server tries with a record on a connection of its own; it has no answer to give. */
static void try_and_die(struct fixture *fixture, enum command command,
			const struct vbi_record *record, struct client *client)
{
	struct request request = {.command = command, .argument = record ? record->length : 0};
	unsigned before = fixture->n_server_failed;

	if (record)
		request.record = *record;
	client_send(client, &request, sizeof(request), false);
	turn_until(fixture, &client->n_failed, 1);
	turn_until_shared(fixture, &fixture->n_server_failed, before + 1);
}

enum lie { LIE_KEY, LIE_ADDRESS, LIE_LENGTH, LIE_RIGHT, N_LIES };

static void lie_once(struct fixture *fixture, enum lie how, uint64_t length)
{
	struct client *client = client_connect(fixture);
	struct vbi_exposure exposure;
	struct vbi_record lie;
	struct buffer buffer;

	turn_until(fixture, &client->n_connected, 1);
	buffer = buffer_make(client, PLACE_HEAP, length);
	fill(buffer.bytes, length, 1);
	expose(client, &exposure, buffer.bytes, length,
	       how == LIE_RIGHT ? VBI_REMOTE_READ : VBI_REMOTE_READ | VBI_REMOTE_WRITE);
	lie = exposure.records[0];
	lie.key ^= how == LIE_KEY ? 0x5500 : 0;
	lie.address += how == LIE_ADDRESS ? 1u << 30 : 0;
	lie.length += how == LIE_LENGTH ? 2u << 20 : 0;
	try_and_die(fixture, COMMAND_PUSH, &lie, client);
	/* The rest of an exposure that was named too long is the server's to write. */
	if (how != LIE_LENGTH)
		for (uint64_t at = 0; at < length; at++)
			assert_int_equal(buffer.bytes[at], pattern(1, at));
	revoke(client, &exposure, VBI_REVOKE_ABANDON);
	buffer_free(client, &buffer);
	client_close(client);
}

/* Where a device checks, the connection is the price; that of others goes on. */
static void lies_cost_their_own_connection(void **state)
{
	struct fixture *fixture = *state;

	if (subject->keys_are_checked)
		skip();
	for (unsigned how = 0; how < N_LIES; how++) {
		lie_once(fixture, how, 9000);
		lie_once(fixture, how, REGISTERED);
	}
	assert_int_equal(fixture->clients[0].n_failed, 0);
	client_call(&fixture->clients[0], COMMAND_ECHO, 1, 0, NULL);
}

/* A key is worth nothing on another connection. */
static void keys_are_their_connections_own(void **state)
{
	static const uint64_t lengths[] = {9000, REGISTERED};
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];

	if (subject->keys_are_checked)
		skip();
	for (unsigned i = 0; i < 2; i++) {
		struct client *other = client_connect(fixture);
		struct vbi_exposure exposure;
		struct buffer buffer;

		turn_until(fixture, &other->n_connected, 1);
		buffer = buffer_make(client, PLACE_HEAP, lengths[i]);
		fill(buffer.bytes, lengths[i], i);
		expose(client, &exposure, buffer.bytes, lengths[i],
		       VBI_REMOTE_READ | VBI_REMOTE_WRITE);
		try_and_die(fixture, i ? COMMAND_PULL : COMMAND_PUSH, exposure.records, other);
		assert_int_equal(client->n_failed, 0);
		client_call(client, COMMAND_INVERT, i, 0, exposure.records);
		revoke(client, &exposure, VBI_REVOKE_ANSWERED);
		check_inverted(&buffer, i);
		buffer_free(client, &buffer);
	}
}

/* A server that comes late finds the exposure closed, also when another one has its place. */
static void late_pull_fails(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];

	if (!subject->keys_are_checked)
		skip();
	for (unsigned i = 0; i < 2 * N_PLACES; i++) {
		struct buffer buffer = buffer_make(client, i % N_PLACES, 9000);
		struct vbi_exposure exposure, next;
		enum vbi_revoke how = i / N_PLACES ? VBI_REVOKE_ABANDON : VBI_REVOKE_ANSWERED;

		expose(client, &exposure, buffer.bytes, 9000, VBI_REMOTE_READ);
		client_call(client, COMMAND_REMEMBER, i, 0, exposure.records);
		revoke(client, &exposure, how);
		assert_true(status_of(client, COMMAND_PULL_LATE, NULL) < 0);
		expose(client, &next, buffer.bytes, 9000, VBI_REMOTE_READ);
		assert_true(status_of(client, COMMAND_PULL_LATE, NULL) < 0);
		revoke(client, &next, VBI_REVOKE_ANSWERED);
		buffer_free(client, &buffer);
	}
	assert_int_equal(client->n_failed, 0);
}

static void check_canary(const struct buffer *buffer)
{
	for (uint64_t at = 0; at < buffer->length; at++)
		if (buffer->bytes[at] != pattern(77, at))
			fail_msg("byte %llu was written", (unsigned long long)at);
}

/*
 * Nor does it find the application's memory: a registration is over, and then the connection is
 * too; what was copied is the transport's.
 */
static void late_push_changes_nothing(void **state)
{
	static const uint64_t lengths[] = {9000, REGISTERED};
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 2 * N_PLACES; i++) {
		struct client *client = client_connect(fixture);
		struct request request = {.command = COMMAND_PUSH_LATE};
		struct vbi_exposure exposure;
		struct buffer buffer;

		turn_until(fixture, &client->n_connected, 1);
		buffer = buffer_make(client, i % N_PLACES, lengths[i / N_PLACES]);
		expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_WRITE);
		client_call(client, COMMAND_REMEMBER, 1, 0, exposure.records);
		revoke(client, &exposure, VBI_REVOKE_ANSWERED);
		fill(buffer.bytes, buffer.length, 77);
		client_send(client, &request, sizeof(request), false);
		turn_until_answered_or_failed(client, 2);
		assert_true(subject->keys_are_checked || client->n_failed ||
			    buffer.length < REGISTERED);
		for (unsigned n = 0; n < 1000; n++)
			turn(fixture);
		check_canary(&buffer);
		buffer_free(client, &buffer);
		client_close(client);
	}
}

/* A call that is given up under a push costs the connection, and then nothing is written. */
static void abandoned_push_stops(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct request request = {.command = COMMAND_PUSH, .argument = 8u << 20};
	struct buffer buffer = buffer_make(client, PLACE_HEAP, 8u << 20);
	struct vbi_exposure exposure;

	if (subject->keys_are_checked) {
		buffer_free(client, &buffer);
		skip();
	}
	expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_WRITE);
	request.record = exposure.records[0];
	client_send(client, &request, sizeof(request), false);
	turn_while(fixture, &buffer.bytes[0], 0x5a);
	revoke(client, &exposure, VBI_REVOKE_ABANDON);
	fill(buffer.bytes, buffer.length, 77);
	turn_until(fixture, &client->n_failed, 1);
	turn_until_shared(fixture, &fixture->n_server_failed, 1);
	for (unsigned i = 0; i < 1000; i++)
		turn(fixture);
	check_canary(&buffer);
	buffer_free(client, &buffer);
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

	if (!client->endpoint->limits.remote_invalidate) {
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
		revoke(client, &exposure, VBI_REVOKE_ANSWERED);
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
	revoke(client, &exposure, VBI_REVOKE_ANSWERED);
	buffer_free(client, &buffer);
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
	revoke(client, &exposure, VBI_REVOKE_ANSWERED);
	free(bytes);
}

/* A server that holds on to memory costs the connection, and then has nothing. */
static void abandoned_memory_is_out_of_reach(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct request request = {.command = COMMAND_SCRIBBLE};
	struct vbi_exposure exposure;
	struct buffer buffer;

	if (!subject->maps)
		skip();
	buffer = buffer_make(client, PLACE_ARENA, 50000);
	fill(buffer.bytes, buffer.length, 5);
	expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_READ | VBI_REMOTE_WRITE);
	assert_int_equal(client_call(client, COMMAND_HOLD, 5, 0, exposure.records)->argument, 1);
	client_send(client, &request, sizeof(request), false);
	if (subject->threaded)
		turn_until(fixture, &client->n_received, 2);
	else
		revoke(client, &exposure, VBI_REVOKE_ABANDON);
	/* On one thread the scribbling comes after the revocation, and is not seen here. */
	if (subject->threaded) {
		revoke(client, &exposure, VBI_REVOKE_ABANDON);
		fill(buffer.bytes, buffer.length, 5);
	}
	turn_until(fixture, &client->n_failed, 1);
	for (unsigned i = 0; i < 100; i++)
		turn(fixture);
	for (uint64_t at = 0; at < buffer.length; at++)
		assert_int_equal(buffer.bytes[at], pattern(5, at));
	buffer_free(client, &buffer);
}

static void held_memory_is_revoked_when_let_go(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct vbi_exposure exposure;
	struct buffer buffer;

	if (!subject->maps)
		skip();
	buffer = buffer_make(client, PLACE_ARENA, 5000);
	expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_READ | VBI_REMOTE_WRITE);
	client_call(client, COMMAND_HOLD, 5, 0, exposure.records);
	client_call(client, COMMAND_LET_GO, 5, 0, exposure.records);
	revoke(client, &exposure, VBI_REVOKE_ABANDON);
	client_call(client, COMMAND_ECHO, 6, 0, NULL);
	buffer_free(client, &buffer);
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
		revoke(client, &exposures[i], VBI_REVOKE_ANSWERED);
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
		revoke(client, &exposures[i], VBI_REVOKE_ANSWERED);
	expose(client, &exposures[0], bytes, length, VBI_REMOTE_READ);
	assert_true(client_call(client, COMMAND_PULL, 1, 0, exposures[0].records)->argument ==
		    hash(bytes, length));
	revoke(client, &exposures[0], VBI_REVOKE_ANSWERED);
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
	revoke(client, &exposure, VBI_REVOKE_ABANDON);
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
		CASE(push_all_sizes),
		CASE(push_of_a_part),
		CASE(both_ways_all_sizes),
		CASE(map_reaches_arena_memory_only),
		CASE(many_at_a_time),
		CASE(records_that_lie_are_refused),
		CASE(lies_cost_their_own_connection),
		CASE(keys_are_their_connections_own),
		CASE(late_pull_fails),
		CASE(late_push_changes_nothing),
		CASE(abandoned_push_stops),
		CASE(windows_spare_registrations),
		CASE(records_of_one_buffer),
		CASE(abandoned_memory_is_out_of_reach),
		CASE(held_memory_is_revoked_when_let_go),
		CASE(too_many_exposures),
		CASE(large_exposures_get_less_each),
		CASE(transfers_end_with_their_endpoint),
		CASE(client_goes_during_a_pull),
	};

	*n = sizeof(cases) / sizeof(cases[0]);
	return cases;
}
