/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/conformance/conformance.h"

/* A test that waits so long has failed; sanitizers and a busy machine are slow, not this slow. */
#define PATIENCE_S 60

const struct subject *subject;

/* ---- The client's events ---- */

static void client_connected(void *owner)
{
	struct client *client = owner;

	client->n_connected++;
}

static void client_received(void *owner, struct vbi_message *message)
{
	struct client *client = owner;
	struct request reply = {0};

	memcpy(&reply, message->data,
	       message->length < sizeof(reply) ? message->length : sizeof(reply));
	client->n_received++;
	client->out_of_order |= reply.id != client->next_id;
	client->next_id = reply.id + 1;
	client_release(client);
	client->held = message;
	if (client->close_on_message)
		client_close(client);
}

static void client_failed(void *owner, const struct vbi_cause *cause)
{
	struct client *client = owner;

	client->n_failed++;
	client->cause = *cause;
	if (client->close_on_failure)
		client_close(client);
}

static void client_refused(void *listener_owner, const struct vbi_cause *cause)
{
	(void)listener_owner;
	(void)cause;
	abort();
}

static int client_accepted(void *listener_owner, struct vbi_endpoint *endpoint)
{
	(void)listener_owner;
	(void)endpoint;
	abort();
}

static const struct vbi_events client_events = {
	.accepted = client_accepted,
	.refused = client_refused,
	.connected = client_connected,
	.received = client_received,
	.failed = client_failed,
};

/* ---- Turning ---- */

static void *server_main(void *argument)
{
	struct fixture *fixture = argument;
	const struct vbi_transport *ops = fixture->ops;

	while (!atomic_load(&fixture->stop))
		if (!ops->poll(fixture->server_domain) && !ops->arm(fixture->server_domain))
			ops->sleep(fixture->server_domain, 5000000);
	return NULL;
}

void turn(struct fixture *fixture)
{
	fixture->ops->poll(fixture->client_domain);
	if (!fixture->subject->threaded)
		fixture->ops->poll(fixture->server_domain);
}

static void check_patience(struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!since->tv_sec)
		*since = now;
	if (now.tv_sec - since->tv_sec > PATIENCE_S)
		fail_msg("waited in vain for %d s", PATIENCE_S);
}

void turn_until(struct fixture *fixture, const unsigned *condition, unsigned wanted)
{
	struct timespec since = {0};

	while (*(const volatile unsigned *)condition < wanted) {
		turn(fixture);
		check_patience(&since);
	}
}

void turn_until_answered_or_failed(struct client *client, unsigned wanted)
{
	struct timespec since = {0};

	while (client->n_received < wanted && !client->n_failed) {
		turn(client->fixture);
		check_patience(&since);
	}
}

void turn_while(struct fixture *fixture, const uint8_t *byte, uint8_t value)
{
	struct timespec since = {0};

	while (*(const volatile uint8_t *)byte == value) {
		turn(fixture);
		check_patience(&since);
	}
}

void turn_until_shared(struct fixture *fixture, atomic_uint *condition, unsigned wanted)
{
	struct timespec since = {0};

	while (atomic_load(condition) < wanted) {
		turn(fixture);
		check_patience(&since);
	}
}

/* ---- Clients ---- */

struct client *client_connect(struct fixture *fixture)
{
	struct client *client = &fixture->clients[fixture->n_clients++];
	struct vbi_cause cause;

	*client = (struct client){.fixture = fixture};
	if (fixture->ops->connect(fixture->client_domain, fixture->address, ARENA_SIZE, client,
				  &client->endpoint, &cause) < 0)
		fail_msg("connect: %s", cause.sentence);
	return client;
}

void client_release(struct client *client)
{
	if (client->held)
		client->fixture->ops->release(client->endpoint, client->held);
	client->held = NULL;
}

void client_close(struct client *client)
{
	struct vbi_endpoint *endpoint = client->endpoint;

	client->held = NULL;
	client->endpoint = NULL;
	if (endpoint)
		client->fixture->ops->close(endpoint);
}

void client_send(struct client *client, const struct request *request, uint32_t length, bool more)
{
	const struct vbi_transport *ops = client->fixture->ops;
	struct vbi_message *message = ops->message_get(client->endpoint);
	uint32_t head = length < sizeof(*request) ? length : (uint32_t)sizeof(*request);

	assert_non_null(message);
	assert_int_equal((uintptr_t)message->data % 64, 0);
	assert_true(message->capacity >= length);
	memcpy(message->data, request, head);
	memcpy(message->data, &length, sizeof(length));
	for (uint32_t i = head; i < length; i++)
		message->data[i] = pattern(request->id, i);
	ops->send(client->endpoint, message, length, more);
}

const struct request *client_call(struct client *client, enum command command, uint64_t id,
				  uint64_t argument, const struct vbi_record *record)
{
	struct request request = {.command = command, .id = id, .argument = argument};
	unsigned before = client->n_received;

	if (record)
		request.record = *record;
	client_release(client);
	client_send(client, &request, sizeof(request), false);
	turn_until(client->fixture, &client->n_received, before + 1);
	assert_non_null(client->held);
	assert_int_equal(((const struct request *)client->held->data)->id, id);
	return (const struct request *)client->held->data;
}

/* ---- The fixture ---- */

static int set_up(void **state, uint32_t receives, uint64_t keepalive_ns)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const struct vbi_transport *ops = subject->ops;
	const struct vbi_domain_options options = {
		.message_max = MESSAGE_MAX,
		.receives = receives,
		.keepalive_ns = keepalive_ns,
	};
	struct vbi_cause cause;

	fixture->subject = subject;
	fixture->ops = ops;
	subject->make_address(fixture->address, sizeof(fixture->address));
	if (ops->domain_open(&client_events, &fixture->client_stats, &options,
			     &fixture->client_domain, &cause) < 0 ||
	    ops->domain_open(&service_events, &fixture->server_stats, &options,
			     &fixture->server_domain, &cause) < 0 ||
	    ops->listen(fixture->server_domain, fixture->address, fixture, &fixture->listener,
			&cause) < 0) {
		print_error("%s\n", cause.sentence);
		free(fixture);
		return -1;
	}
	if (subject->threaded && pthread_create(&fixture->thread, NULL, server_main, fixture))
		return -1;
	*state = fixture;
	return 0;
}

int fixture_setup_unconnected(void **state)
{
	return set_up(state, RECEIVES, KEEPALIVE_NS);
}

int fixture_setup_many_receives(void **state)
{
	return set_up(state, MANY_RECEIVES, KEEPALIVE_NS);
}

static int connect_first(struct fixture *fixture)
{
	client_connect(fixture);
	turn_until(fixture, &fixture->clients[0].n_connected, 1);
	return 0;
}

int fixture_setup(void **state)
{
	return fixture_setup_unconnected(state) < 0 ? -1 : connect_first(*state);
}

int fixture_setup_unasked(void **state)
{
	return set_up(state, RECEIVES, KEEPALIVE_LONG_NS) < 0 ? -1 : connect_first(*state);
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < fixture->n_clients; i++)
		client_close(&fixture->clients[i]);
	if (fixture->subject->threaded) {
		atomic_store(&fixture->stop, true);
		pthread_join(fixture->thread, NULL);
	}
	service_close_all(fixture);
	fixture->ops->listener_close(fixture->listener);
	fixture->ops->domain_close(fixture->server_domain);
	fixture->ops->domain_close(fixture->client_domain);
	free(fixture);
	return 0;
}

static const char *chosen;

bool conformance_is_for_one(void)
{
	return chosen && !strpbrk(chosen, "*?");
}

static bool matches_any(const struct CMUnitTest *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!chosen || fnmatch(chosen, cases[i].name, 0) == 0)
			return true;
	return false;
}

int conformance_run(const struct subject *given, const char *filter)
{
	static const struct CMUnitTest *(*const lists[])(size_t *) = {
		cases_connect, cases_message, cases_sleep, cases_bulk, cases_memory, cases_reach,
	};
	bool any = false;
	int failures = 0;

	chosen = filter;
	if (filter)
		cmocka_set_test_filter(filter);
	for (unsigned threaded = 0; threaded < 2; threaded++) {
		struct subject both = *given;

		both.threaded = threaded;
		subject = &both;
		for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
			size_t n;
			const struct CMUnitTest *cases = lists[i](&n);

			any |= matches_any(cases, n);
			failures += _cmocka_run_group_tests(threaded ? "two threads" : "one thread",
							    cases, n, NULL, NULL);
		}
	}
	if (!any)
		print_error("no case is named '%s'\n", filter);
	return any ? failures : 1;
}
