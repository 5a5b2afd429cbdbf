/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting, refusing, closing, dying. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/conformance/conformance.h"

static void connects_and_knows_the_peer(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];

	assert_int_equal(client->n_connected, 1);
	assert_int_equal(client->endpoint->limits.send_max, MESSAGE_MAX);
	assert_int_equal(client->endpoint->limits.receive_max, MESSAGE_MAX);
	if (subject->knows_process) {
		assert_int_equal(client->endpoint->identity.pid, getpid());
		assert_int_equal(client->endpoint->identity.uid, geteuid());
	} else {
		assert_int_equal(client->endpoint->identity.pid, -1);
	}
	assert_true(strlen(client->endpoint->peer) > 5);
	turn_until_shared(fixture, &fixture->n_accepted, 1);
	assert_int_equal(client->n_failed, 0);
}

/* Either at once or by failed(): both are the transport's right. */
static int connect_error(struct fixture *fixture, const char *address, struct vbi_cause *ret_cause)
{
	struct client *client = &fixture->clients[fixture->n_clients++];

	*client = (struct client){.fixture = fixture};
	if (fixture->ops->connect(fixture->client_domain, address, 0, client, &client->endpoint,
				  ret_cause) < 0)
		return ret_cause->errnum;
	turn_until(fixture, &client->n_failed, 1);
	*ret_cause = client->cause;
	assert_int_equal(client->n_connected, 0);
	return client->cause.errnum;
}

static void nobody_listens(void **state)
{
	struct fixture *fixture = *state;
	struct vbi_cause cause;
	char address[ADDRESS_SIZE];
	int errnum;

	subject->make_address(address, sizeof(address));
	errnum = connect_error(fixture, address, &cause);
	assert_true(errnum == ENOENT || errnum == ECONNREFUSED);
	assert_true(strlen(cause.sentence) > 20);
}

static void address_does_not_parse(void **state)
{
	struct fixture *fixture = *state;
	struct vbi_cause cause = {0};
	struct vbi_listener *listener;

	assert_int_equal(connect_error(fixture, "", &cause), EINVAL);
	assert_int_equal(connect_error(fixture, "a b", &cause), EINVAL);
	assert_non_null(strstr(cause.sentence, "a b"));
	assert_int_equal(fixture->ops->listen(fixture->client_domain, "a/b", NULL, &listener,
					      &cause),
			 -EINVAL);
}

static void second_listener_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct vbi_cause cause = {0};
	struct vbi_listener *listener;

	assert_int_equal(fixture->ops->listen(fixture->client_domain, fixture->address, NULL,
					      &listener, &cause),
			 -EADDRINUSE);
	assert_int_equal(cause.errnum, EADDRINUSE);
	assert_true(strlen(cause.sentence) > 20);
	/* And the first is none the worse. */
	client_connect(fixture);
	turn_until(fixture, &fixture->clients[0].n_connected, 1);
}

static void listens_again_after_close(void **state)
{
	struct fixture *fixture = *state;
	struct vbi_cause cause;
	struct vbi_listener *listener;
	char address[ADDRESS_SIZE];

	subject->make_address(address, sizeof(address));
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(fixture->ops->listen(fixture->client_domain, address, NULL,
						      &listener, &cause),
				 0);
		fixture->ops->listener_close(listener);
	}
	assert_true(connect_error(fixture, address, &cause) != 0);
}

static void refusal_reaches_the_client(void **state)
{
	struct fixture *fixture = *state;
	struct client *client;

	fixture->refuse_with = EBUSY;
	client = client_connect(fixture);
	turn_until(fixture, &client->n_failed, 1);
	assert_int_equal(client->cause.errnum, EBUSY);
	assert_int_equal(client->n_connected, 0);
	assert_true(strlen(client->cause.sentence) > 20);
	for (unsigned i = 0; i < 100; i++)
		turn(fixture);
	assert_int_equal(client->n_failed, 1);
}

static void many_connect(void **state)
{
	struct fixture *fixture = *state;

	while (fixture->n_clients < CLIENTS_MAX)
		client_connect(fixture);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		turn_until(fixture, &fixture->clients[i].n_connected, 1);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < CLIENTS_MAX; i++)
			client_call(&fixture->clients[i], COMMAND_ECHO, round, i, NULL);
	/* Every second one leaves; the others do not notice. */
	for (unsigned i = 0; i < CLIENTS_MAX; i += 2)
		client_close(&fixture->clients[i]);
	turn_until_shared(fixture, &fixture->n_server_failed, CLIENTS_MAX / 2);
	for (unsigned i = 1; i < CLIENTS_MAX; i += 2)
		client_call(&fixture->clients[i], COMMAND_ECHO, 3, i, NULL);
}

static void close_before_connected(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned turns = 0; turns < 4; turns++) {
		struct client *client = client_connect(fixture);

		for (unsigned i = 0; i < turns; i++)
			turn(fixture);
		client_close(client);
	}
	for (unsigned i = 0; i < 100; i++)
		turn(fixture);
	client_connect(fixture);
	turn_until(fixture, &fixture->clients[4].n_connected, 1);
}

static void close_from_inside_received(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct request request = {.command = COMMAND_ECHO};

	client->close_on_message = true;
	for (request.id = 0; request.id < 5; request.id++)
		client_send(client, &request, sizeof(request), false);
	turn_until(fixture, &client->n_received, 1);
	for (unsigned i = 0; i < 100; i++)
		turn(fixture);
	assert_int_equal(client->n_received, 1);
	assert_int_equal(client->n_failed, 0);
	turn_until_shared(fixture, &fixture->n_server_failed, 1);
}

static void peer_close_delivers_then_fails_once(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct request request = {.command = COMMAND_ECHO};

	for (request.id = 0; request.id < 20; request.id++)
		client_send(client, &request, sizeof(request), false);
	request.command = COMMAND_CLOSE;
	client_send(client, &request, sizeof(request), false);
	turn_until(fixture, &client->n_failed, 1);
	assert_int_equal(client->n_received, 21);
	assert_false(client->out_of_order);
	assert_int_equal(client->cause.errnum, ECONNRESET);
	assert_non_null(strstr(client->cause.sentence, "peer"));
	/* Whatever is sent to it now is dropped without a word. */
	client_send(client, &request, sizeof(request), false);
	for (unsigned i = 0; i < 100; i++)
		turn(fixture);
	assert_int_equal(client->n_failed, 1);
}

static void close_from_inside_failed(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct request request = {.command = COMMAND_CLOSE};

	client->close_on_failure = true;
	client_send(client, &request, sizeof(request), false);
	turn_until(fixture, &client->n_failed, 1);
	assert_null(client->endpoint);
	for (unsigned i = 0; i < 100; i++)
		turn(fixture);
	assert_int_equal(client->n_failed, 1);
}

static void silent_domain_has_no_timeout(void **state)
{
	struct fixture *fixture = *state;
	uint64_t timeout = 0;

	for (unsigned i = 0; i < 10; i++)
		turn(fixture);
	/* On a host with other work something may be due by now, which a turn does. */
	for (unsigned i = 0; i < 1000 && !timeout; i++) {
		turn(fixture);
		timeout = fixture->ops->next_timeout(fixture->client_domain);
	}
	if (subject->keeps_alive)
		assert_in_range(timeout, 1, KEEPALIVE_NS);
	else
		assert_true(timeout == UINT64_MAX);
}

static void message_max_out_of_range(void **state)
{
	struct fixture *fixture = *state;
	static const uint32_t sizes[] = {0, 255, VBI_MESSAGE_MAX + 1, UINT32_MAX};
	struct vb_stats stats = {0};
	struct vbi_domain *domain;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct vbi_cause cause = {0};

		assert_int_equal(fixture->ops->domain_open(
					 &service_events, &stats,
					 &(struct vbi_domain_options){.message_max = sizes[i]},
					 &domain, &cause),
				 -EINVAL);
		assert_int_equal(cause.errnum, EINVAL);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
#define CASE_UNCONNECTED(f) \
	cmocka_unit_test_setup_teardown(f, fixture_setup_unconnected, fixture_teardown)

const struct CMUnitTest *cases_connect(size_t *n)
{
	static const struct CMUnitTest cases[] = {
		CASE(connects_and_knows_the_peer),
		CASE_UNCONNECTED(nobody_listens),
		CASE_UNCONNECTED(address_does_not_parse),
		CASE_UNCONNECTED(second_listener_is_refused),
		CASE_UNCONNECTED(listens_again_after_close),
		CASE_UNCONNECTED(refusal_reaches_the_client),
		CASE_UNCONNECTED(many_connect),
		CASE_UNCONNECTED(close_before_connected),
		CASE(close_from_inside_received),
		CASE(peer_close_delivers_then_fails_once),
		CASE(close_from_inside_failed),
		CASE(silent_domain_has_no_timeout),
		CASE(message_max_out_of_range),
	};

	*n = sizeof(cases) / sizeof(cases[0]);
	return cases;
}
