/* SPDX-License-Identifier: Apache-2.0 */
/* What must not be reached: records that lie, keys of others, exposures that are over. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/conformance/buffer.h"

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
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
		buffer_free(client, &buffer);
	}
	assert_int_equal(client->n_failed, 0);
}

/* What a server tries with a record on a connection of its own. An answer behind a push that the
 * device refused does not arrive. */
static void try_and_die(struct fixture *fixture, enum command command,
			const struct vbi_record *record, struct client *client)
{
	struct request request = {.command = command, .argument = record ? record->length : 0};
	unsigned before = fixture->n_server_failed;
	unsigned answers = client->n_received;

	if (record)
		request.record = *record;
	client_send(client, &request, sizeof(request), false);
	turn_until(fixture, &client->n_failed, 1);
	assert_int_equal(client->n_received, answers);
	turn_until_shared(fixture, &fixture->n_server_failed, before + 1);
}

enum lie { LIE_KEY, LIE_ADDRESS, LIE_LENGTH, LIE_RIGHT, N_LIES };

static void lie_once(struct fixture *fixture, enum lie how, enum place place, uint64_t length)
{
	struct client *client = client_connect(fixture);
	struct vbi_exposure exposure;
	struct vbi_record lie;
	struct buffer buffer;

	turn_until(fixture, &client->n_connected, 1);
	buffer = buffer_make(client, place, length);
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
		check_filled(buffer.bytes, length, 1);
	take_back(client, &exposure, VBI_REVOKE_ABANDON);
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
		for (enum place place = 0; place < N_PLACES; place++) {
			lie_once(fixture, how, place, 9000);
			lie_once(fixture, how, place, REGISTERED);
		}
	}
	assert_int_equal(fixture->clients[0].n_failed, 0);
	client_call(&fixture->clients[0], COMMAND_ECHO, 1, 0, NULL);
}

/* Bytes exposed in the middle of thrice as many: more than is copied. */
#define BESIDE (64ll << 10)

/* A push that begins SHIFT bytes off what is exposed, and is LONGER than it. */
static void push_beside(struct fixture *fixture, int64_t shift, uint64_t longer)
{
	struct client *client = client_connect(fixture);
	struct vbi_exposure exposure;
	struct vbi_record lie;
	struct buffer buffer;

	turn_until(fixture, &client->n_connected, 1);
	buffer = buffer_make(client, PLACE_ARENA, 3 * BESIDE);
	fill(buffer.bytes, buffer.length, 1);
	expose(client, &exposure, buffer.bytes + BESIDE, BESIDE, VBI_REMOTE_WRITE);
	lie = exposure.records[0];
	lie.address += (uint64_t)shift;
	lie.length += longer;
	if (subject->windows(client->endpoint) == WINDOWS_LOOSE) {
		assert_int_equal(client_call(client, COMMAND_PUSH, 2, lie.length, &lie)->argument,
				 0);
		check_filled((uint8_t *)(uintptr_t)lie.address, lie.length, 2);
		print_message("known gap of this device: a window's bounds are not kept; %llu "
			      "bytes were written %+lld bytes from the beginning of one of %lld\n",
			      (unsigned long long)lie.length, (long long)shift, BESIDE);
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
	} else {
		try_and_die(fixture, COMMAND_PUSH, &lie, client);
		check_filled(buffer.bytes, BESIDE, 1);
		for (uint64_t at = 2 * BESIDE; at < buffer.length; at++)
			assert_int_equal(buffer.bytes[at], pattern(1, at));
		take_back(client, &exposure, VBI_REVOKE_ABANDON);
	}
	buffer_free(client, &buffer);
	client_close(client);
}

/*
 * Always with registrations. Of a window's bounds a device may be known not to take notice: then it
 * is seen that it does not.
 */
static void exposures_have_bounds(void **state)
{
	struct fixture *fixture = *state;

	if (subject->keys_are_checked)
		skip();
	push_beside(fixture, -BESIDE, 0);
	push_beside(fixture, BESIDE, 0);
	push_beside(fixture, 0, BESIDE);
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
	for (unsigned i = 0; i < 4 * N_PLACES; i++) {
		struct client *other = client_connect(fixture);
		uint64_t length = lengths[i / 2 % 2];
		struct vbi_exposure exposure;
		struct buffer buffer;

		turn_until(fixture, &other->n_connected, 1);
		buffer = buffer_make(client, i / 4, length);
		fill(buffer.bytes, length, i);
		expose(client, &exposure, buffer.bytes, length, VBI_REMOTE_READ | VBI_REMOTE_WRITE);
		try_and_die(fixture, i % 2 ? COMMAND_PULL : COMMAND_PUSH, exposure.records, other);
		assert_int_equal(client->n_failed, 0);
		client_call(client, COMMAND_INVERT, i, 0, exposure.records);
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
		check_inverted(&buffer, i);
		buffer_free(client, &buffer);
	}
}

/*
 * Nor can another connection end a window, which costs it its own. Where a device is known to let
 * it, the one whose window it was loses its call and, as the server then writes, itself; but
 * nothing is written.
 */
static void windows_are_their_connections_own(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct client *other = client_connect(fixture);
	struct request request = {.command = COMMAND_END};
	struct vbi_exposure exposure;
	struct buffer buffer;

	if (subject->windows(client->endpoint) == WINDOWS_NONE)
		skip();
	turn_until(fixture, &other->n_connected, 1);
	buffer = buffer_make(client, PLACE_ARENA, REGISTERED);
	fill(buffer.bytes, buffer.length, 1);
	expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_READ | VBI_REMOTE_WRITE);
	/* Behind the bind. */
	client_call(client, COMMAND_ECHO, 1, 0, NULL);
	request.record = exposure.records[0];
	client_send(other, &request, sizeof(request), false);
	turn_until(fixture, &other->n_failed, 1);
	assert_int_equal(client->n_failed, 0);
	if (subject->windows(client->endpoint) == WINDOWS_LOOSE) {
		assert_int_equal(other->cause.errnum, EPROTO);
		turn_until_shared(fixture, &fixture->n_server_failed, 1);
		try_and_die(fixture, COMMAND_PUSH, exposure.records, client);
		print_message("known gap of this device: a window was ended by another "
			      "connection than its own\n");
		check_filled(buffer.bytes, buffer.length, 1);
		take_back(client, &exposure, VBI_REVOKE_ABANDON);
	} else {
		client_call(client, COMMAND_INVERT, 1, 0, exposure.records);
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
		check_inverted(&buffer, 1);
	}
	buffer_free(client, &buffer);
}

/*
 * An answer may end the window of another call than its own: that takes from the server what it was
 * given, and nothing else.
 */
static void windows_that_end_early(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct vbi_exposure exposures[2];
	struct buffer buffers[2];

	if (subject->windows(client->endpoint) == WINDOWS_NONE)
		skip();
	for (unsigned i = 0; i < 2; i++) {
		buffers[i] = buffer_make(client, PLACE_ARENA, REGISTERED);
		fill(buffers[i].bytes, REGISTERED, i);
	}
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 2; i++)
			expose(client, &exposures[i], buffers[i].bytes, REGISTERED,
			       VBI_REMOTE_READ | VBI_REMOTE_WRITE);
		/* The first call is answered, and the second's window is ended by that. */
		client_call(client, COMMAND_END, round, 0, exposures[1].records);
		take_back(client, &exposures[0], VBI_REVOKE_ANSWERED);
		assert_int_equal(client->n_failed, 0);
		/* The second has its answer without; then, in vain, with it. */
		if (round == 0)
			client_call(client, COMMAND_ECHO, round, 0, NULL);
		else
			try_and_die(fixture, COMMAND_PUSH, exposures[1].records, client);
		take_back(client, &exposures[1], round ? VBI_REVOKE_ABANDON : VBI_REVOKE_ANSWERED);
	}
	for (unsigned i = 0; i < 2; i++) {
		check_filled(buffers[i].bytes, REGISTERED, i);
		buffer_free(client, &buffers[i]);
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
		take_back(client, &exposure, how);
		assert_true(status_of(client, COMMAND_PULL_LATE, NULL) < 0);
		expose(client, &next, buffer.bytes, 9000, VBI_REMOTE_READ);
		assert_true(status_of(client, COMMAND_PULL_LATE, NULL) < 0);
		take_back(client, &next, VBI_REVOKE_ANSWERED);
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

/* Ends a client of which nothing is written any more, whatever is under way still. */
static void end_untouched(struct fixture *fixture, struct client *client, struct buffer *buffer)
{
	for (unsigned i = 0; i < 1000; i++)
		turn(fixture);
	check_canary(buffer);
	buffer_free(client, buffer);
	client_close(client);
}

/*
 * Nor does it find the application's memory: a registration is over, and then the connection is
 * too; what was copied is the transport's.
 */
static void late_push_changes_nothing(void **state)
{
	static const uint64_t lengths[] = {9000, REGISTERED};
	/* A window ends by its answer, or by the revocation. */
	static const enum command commands[] = {COMMAND_REMEMBER, COMMAND_END};
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 4 * N_PLACES; i++) {
		struct client *client = client_connect(fixture);
		struct request request = {.command = COMMAND_PUSH_LATE};
		struct vbi_exposure exposure;
		struct buffer buffer;

		turn_until(fixture, &client->n_connected, 1);
		buffer = buffer_make(client, i % N_PLACES, lengths[i / N_PLACES % 2]);
		expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_WRITE);
		client_call(client, commands[i / N_PLACES / 2], 1, 0, exposure.records);
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
		fill(buffer.bytes, buffer.length, 77);
		client_send(client, &request, sizeof(request), false);
		turn_until_answered_or_failed(client, 2);
		assert_true(subject->keys_are_checked || client->n_failed ||
			    buffer.length < REGISTERED);
		end_untouched(fixture, client, &buffer);
	}
}

/* The server has been told to push before it hears that there is no connection any more. */
static void push_to_kept(struct fixture *fixture, enum place place, enum refusal refusal,
			 bool closes)
{
	struct client *client = client_connect(fixture);
	struct request request = {.command = COMMAND_PUSH_LATE};
	unsigned before = fixture->n_server_failed;
	struct vbi_exposure exposure;
	struct buffer buffer;

	turn_until(fixture, &client->n_connected, 1);
	buffer = buffer_make(client, place, REGISTERED);
	expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_WRITE);
	client_call(client, COMMAND_REMEMBER, 1, 0, exposure.records);
	client_send(client, &request, sizeof(request), false);
	subject->refuse(refusal);
	if (closes)
		client_close(client);
	else
		take_back(client, &exposure, VBI_REVOKE_ANSWERED);
	subject->refuse(REFUSES_NOTHING);
	fill(buffer.bytes, buffer.length, 77);
	if (!closes) {
		turn_until(fixture, &client->n_failed, 1);
		assert_int_equal(client->cause.errnum, EIO);
	}
	turn_until_shared(fixture, &fixture->n_server_failed, before + 1);
	end_untouched(fixture, client, &buffer);
}

/* A device that does not take memory out of the peer's reach costs the connection: when a call is
 * over, and when its connection is. */
static void late_push_to_what_the_device_keeps(void **state)
{
	if (!subject->refuse(REFUSES_TO_REVOKE))
		skip();
	subject->refuse(REFUSES_NOTHING);
	for (enum refusal how = REFUSES_TO_REVOKE; how <= REFUSES_TO_BREAK_TOO; how++)
		for (enum place place = 0; place < N_PLACES; place++)
			for (unsigned closes = 0; closes < 2; closes++)
				push_to_kept(*state, place, how, closes);
}

/* A call that is given up under a push costs the connection, and then nothing is written. */
static void abandon_push(struct fixture *fixture, enum place place)
{
	struct client *client = client_connect(fixture);
	struct request request = {.command = COMMAND_PUSH, .argument = 8u << 20};
	unsigned before = fixture->n_server_failed;
	struct vbi_exposure exposure;
	struct buffer buffer;

	turn_until(fixture, &client->n_connected, 1);
	buffer = buffer_make(client, place, 8u << 20);
	expose(client, &exposure, buffer.bytes, buffer.length, VBI_REMOTE_WRITE);
	request.record = exposure.records[0];
	client_send(client, &request, sizeof(request), false);
	turn_while(fixture, &buffer.bytes[0], 0x5a);
	take_back(client, &exposure, VBI_REVOKE_ABANDON);
	fill(buffer.bytes, buffer.length, 77);
	turn_until(fixture, &client->n_failed, 1);
	turn_until_shared(fixture, &fixture->n_server_failed, before + 1);
	end_untouched(fixture, client, &buffer);
}

static void abandoned_push_stops(void **state)
{
	if (subject->keys_are_checked)
		skip();
	for (enum place place = 0; place < N_PLACES; place++)
		abandon_push(*state, place);
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
		take_back(client, &exposure, VBI_REVOKE_ABANDON);
	/* On one thread the scribbling comes after the revocation, and is not seen here. */
	if (subject->threaded) {
		take_back(client, &exposure, VBI_REVOKE_ABANDON);
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
	take_back(client, &exposure, VBI_REVOKE_ABANDON);
	client_call(client, COMMAND_ECHO, 6, 0, NULL);
	buffer_free(client, &buffer);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

const struct CMUnitTest *cases_reach(size_t *n)
{
	static const struct CMUnitTest cases[] = {
		CASE(records_that_lie_are_refused),
		CASE(lies_cost_their_own_connection),
		CASE(exposures_have_bounds),
		CASE(keys_are_their_connections_own),
		CASE(windows_are_their_connections_own),
		CASE(windows_that_end_early),
		CASE(late_pull_fails),
		CASE(late_push_changes_nothing),
		CASE(late_push_to_what_the_device_keeps),
		CASE(abandoned_push_stops),
		CASE(abandoned_memory_is_out_of_reach),
		CASE(held_memory_is_revoked_when_let_go),
	};

	*n = sizeof(cases) / sizeof(cases[0]);
	return cases;
}
