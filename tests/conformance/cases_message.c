/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: every size, order, flow control, buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/conformance/conformance.h"

/* More than any ring or receive queue holds. */
#define FLOOD 4000u

static void echo_of(struct client *client, uint32_t length, uint64_t id)
{
	struct request request = {.command = COMMAND_ECHO, .id = id};
	unsigned before = client->n_received;

	client_release(client);
	client_send(client, &request, length, false);
	turn_until(client->fixture, &client->n_received, before + 1);
	assert_int_equal(client->held->length, length);
	assert_memory_equal(client->held->data, &length, sizeof(length));
	for (uint32_t i = sizeof(request); i < length; i++)
		assert_int_equal(client->held->data[i], pattern(id, i));
}

static void every_size_is_echoed(void **state)
{
	struct fixture *fixture = *state;

	for (uint32_t length = VBI_MESSAGE_MIN; length <= MESSAGE_MAX; length += 8)
		echo_of(&fixture->clients[0], length, length);
	for (uint32_t length = MESSAGE_MAX; length > MESSAGE_MAX - 2000; length -= 8)
		echo_of(&fixture->clients[0], length, length);
	assert_int_equal(fixture->client_stats.allocations, 0);
	assert_int_equal(fixture->server_stats.allocations, 0);
}

static void other_bytes_of_the_header_survive(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];

	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(client_call(client, COMMAND_ECHO, i, ~0ull - i, NULL)->argument,
				 ~0ull - i);
}

static void order_is_kept(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct request request = {.command = COMMAND_ECHO};

	for (unsigned burst = 0; burst < 200; burst++) {
		unsigned n = 1 + burst % 50;

		for (unsigned i = 0; i < n; i++, request.id++)
			client_send(client, &request,
				    (uint32_t)sizeof(request) + (uint32_t)(request.id % 60) * 8,
				    i + 1 < n);
		turn_until(fixture, &client->n_received, (unsigned)request.id);
	}
	assert_false(client->out_of_order);
}

static void flush_sends_what_more_held_back(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct request request = {.command = COMMAND_ECHO};

	client_send(client, &request, sizeof(request), true);
	fixture->ops->flush(client->endpoint);
	turn_until(fixture, &client->n_received, 1);
	fixture->ops->flush(client->endpoint);
}

/* As many messages as may be unreleased, at once and again: each has its receive. */
static void all_receives_are_used(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct request request = {.command = COMMAND_ECHO};

	for (unsigned round = 0; round < 30; round++) {
		for (unsigned i = 0; i < RECEIVES; i++, request.id++)
			client_send(client, &request, 64 + (i % 8) * 512, false);
		turn_until(fixture, &client->n_received, (unsigned)request.id);
	}
	assert_false(client->out_of_order);
}

/* A sender that outruns its peer waits; nothing is lost, nothing overtakes. */
static void flood_is_delivered_in_order(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct request request = {.command = COMMAND_SINK};
	unsigned sent = 0;

	if (!subject->waits_for_room)
		skip();

	while (sent < FLOOD) {
		struct vbi_message *message = fixture->ops->message_get(client->endpoint);

		/* All buffers are in use: the transport's word that it is enough. */
		if (!message) {
			turn(fixture);
			continue;
		}
		fixture->ops->message_put(client->endpoint, message);
		client_send(client, &request, 512, false);
		sent++;
	}
	turn_until_shared(fixture, &fixture->n_sunk, FLOOD);
	if (!subject->threaded)
		assert_true(fixture->client_stats.ring_full > 0);
	client_call(client, COMMAND_ECHO, 0, 0, NULL);
	assert_int_equal(atomic_load(&fixture->n_sunk), FLOOD);
}

/* The same the other way round: the server's answers wait for us. */
static void slow_reader_loses_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct request request = {.command = COMMAND_ECHO};

	if (!subject->waits_for_room)
		skip();
	for (request.id = 0; request.id < 500; request.id++)
		client_send(client, &request, 4096, false);
	for (unsigned i = 0; !subject->threaded && i < 500; i++)
		fixture->ops->poll(fixture->server_domain);
	turn_until(fixture, &client->n_received, 500);
	assert_false(client->out_of_order);
}

static void buffers_are_bounded_and_come_back(void **state)
{
	static struct vbi_message *messages[1u << 16];
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	const struct vbi_transport *ops = fixture->ops;
	unsigned n = 0;

	while (n < sizeof(messages) / sizeof(messages[0]) &&
	       (messages[n] = ops->message_get(client->endpoint)))
		n++;
	assert_in_range(n, 2 * RECEIVES, sizeof(messages) / sizeof(messages[0]) - 1);
	ops->message_put(client->endpoint, messages[0]);
	assert_non_null(messages[0] = ops->message_get(client->endpoint));
	for (unsigned i = 0; i < n; i++)
		ops->message_put(client->endpoint, messages[i]);
	client_call(client, COMMAND_ECHO, 0, 0, NULL);
}

/* A close takes back what its owner never sent or released, so that the next connection has it. */
static void close_takes_buffers_back(void **state)
{
	struct fixture *fixture = *state;
	const struct vbi_transport *ops = fixture->ops;

	for (unsigned round = 0; round < 8; round++) {
		struct client *client = client_connect(fixture);
		struct request request = {.command = COMMAND_ECHO};

		turn_until(fixture, &client->n_connected, 1);
		for (unsigned i = 0; i < 2 * RECEIVES; i++)
			assert_non_null(ops->message_get(client->endpoint));
		client_send(client, &request, sizeof(request), false);
		turn_until(fixture, &client->n_received, 1);
		client_close(client);
	}
	assert_int_equal(fixture->client_stats.allocations, 0);
}

/*
 * The same on the side that serves, whose connections may have their buffers from one place: the
 * first of them brings as many as any needs. It closes, or finds that its client has.
 */
static void served_close_takes_buffers_back(void **state)
{
	struct fixture *fixture = *state;
	uint64_t registrations = 0;

	for (unsigned round = 0; round < 12; round++) {
		struct client *client = client_connect(fixture);

		turn_until(fixture, &client->n_connected, 1);
		assert_int_equal(client_call(client, COMMAND_TAKE, 0, 2 * RECEIVES, NULL)->argument,
				 2 * RECEIVES);
		if (!round)
			registrations = fixture->server_stats.registrations;
		if (round % 2) {
			client_call(client, COMMAND_CLOSE, 1, 0, NULL);
			turn_until(fixture, &client->n_failed, 1);
			client_close(client);
		} else {
			client_close(client);
			turn_until_shared(fixture, &fixture->n_server_failed, 1 + round / 2);
		}
	}
	assert_int_equal(fixture->server_stats.registrations, registrations);
	assert_int_equal(fixture->server_stats.allocations, 0);
}

/* More than may be under way at once, and a close behind them: they arrive, and then the close. */
static void close_delivers_what_waits(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture);
	struct request request = {.command = COMMAND_SINK};

	turn_until(fixture, &client->n_connected, 1);
	for (unsigned i = 0; i < MANY_RECEIVES; i++)
		client_send(client, &request, sizeof(request), false);
	if (subject->sends_under_way)
		assert_int_equal(fixture->client_stats.ring_full,
				 MANY_RECEIVES - subject->sends_under_way);
	client_close(client);
	turn_until_shared(fixture, &fixture->n_server_failed, 1);
	assert_int_equal(atomic_load(&fixture->n_sunk), MANY_RECEIVES);
}

static void a_released_message_is_another_ones(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct vbi_message *kept[50];
	struct request request = {.command = COMMAND_ECHO};

	for (unsigned i = 0; i < 50; i++) {
		request.id = i;
		client_send(client, &request, 200, false);
		turn_until(fixture, &client->n_received, i + 1);
		kept[i] = client->held;
		client->held = NULL;
	}
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(((const struct request *)kept[i]->data)->id, i);
		assert_int_equal(kept[i]->data[199], pattern(i, 199));
		fixture->ops->release(client->endpoint, kept[i]);
	}
}

/* Each direction has the receiver's limit. */
static void limits_differ_by_direction(void **state)
{
	struct fixture *fixture = *state;
	const struct vbi_transport *ops = fixture->ops;
	struct vbi_domain *domain = fixture->client_domain, *small;
	struct vbi_cause cause;
	struct client *client;

	assert_int_equal(ops->domain_open(domain->events, &fixture->client_stats,
					  &(struct vbi_domain_options){.message_max = 1024,
								       .receives = RECEIVES},
					  &small, &cause),
			 0);
	fixture->client_domain = small;
	client = client_connect(fixture);
	turn_until(fixture, &client->n_connected, 1);
	assert_int_equal(client->endpoint->limits.send_max, MESSAGE_MAX);
	assert_int_equal(client->endpoint->limits.receive_max, 1024);
	for (uint32_t length = 512; length <= 1024; length += 64)
		echo_of(client, length, length);
	client_close(client);
	ops->domain_close(small);
	fixture->client_domain = domain;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
#define CASE_UNCONNECTED(f) \
	cmocka_unit_test_setup_teardown(f, fixture_setup_unconnected, fixture_teardown)

const struct CMUnitTest *cases_message(size_t *n)
{
	static const struct CMUnitTest cases[] = {
		CASE(every_size_is_echoed),
		CASE(other_bytes_of_the_header_survive),
		CASE(order_is_kept),
		CASE(flush_sends_what_more_held_back),
		CASE(all_receives_are_used),
		CASE(flood_is_delivered_in_order),
		CASE(slow_reader_loses_nothing),
		CASE(buffers_are_bounded_and_come_back),
		CASE_UNCONNECTED(close_takes_buffers_back),
		CASE_UNCONNECTED(served_close_takes_buffers_back),
		cmocka_unit_test_setup_teardown(close_delivers_what_waits,
						fixture_setup_many_receives, fixture_teardown),
		CASE(a_released_message_is_another_ones),
		CASE_UNCONNECTED(limits_differ_by_direction),
	};

	*n = sizeof(cases) / sizeof(cases[0]);
	return cases;
}
