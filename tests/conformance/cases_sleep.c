/* SPDX-License-Identifier: Apache-2.0 */
/* Arm, look again, sleep: no wake-up is lost. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/conformance/conformance.h"

/* Long enough to be seen as a hang, short enough to end the test. */
#define FOREVER_NS 10000000000ull

static bool is_readable(const struct vbi_domain *domain)
{
	struct pollfd entry = {.fd = domain->ops->fd(domain), .events = POLLIN};

	return poll(&entry, 1, 0) == 1;
}

/* Until DOMAIN has nothing more to do and is armed. */
static void settle(struct fixture *fixture, struct vbi_domain *domain)
{
	while (fixture->ops->poll(domain) || fixture->ops->arm(domain) || is_readable(domain))
		;
}

static void message_wakes_an_armed_domain(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct request request = {.command = COMMAND_ECHO};

	for (unsigned i = 1; i < 50; i++) {
		settle(fixture, fixture->server_domain);
		client_send(client, &request, sizeof(request), false);
		assert_true(is_readable(fixture->server_domain));
		settle(fixture, fixture->client_domain);
		while (!fixture->ops->poll(fixture->server_domain))
			;
		assert_true(is_readable(fixture->client_domain));
		while (client->n_received < i)
			fixture->ops->poll(fixture->client_domain);
	}
	if (subject->knows_process)
		assert_true(fixture->client_stats.wakeups_sent >= 49);
}

static void work_makes_arm_busy(void **state)
{
	struct fixture *fixture = *state;
	struct request request = {.command = COMMAND_ECHO};

	if (subject->is_late)
		skip();
	settle(fixture, fixture->server_domain);
	fixture->ops->poll(fixture->server_domain);
	client_send(&fixture->clients[0], &request, sizeof(request), false);
	assert_int_equal(fixture->ops->arm(fixture->server_domain), -EBUSY);
	assert_int_equal(fixture->ops->arm(fixture->server_domain), -EBUSY);
	assert_true(fixture->ops->poll(fixture->server_domain) > 0);
}

static void connection_wakes_an_armed_domain(void **state)
{
	struct fixture *fixture = *state;
	struct client *client;

	settle(fixture, fixture->server_domain);
	client = client_connect(fixture);
	turn_until(fixture, &client->n_connected, 0);
	while (!is_readable(fixture->server_domain))
		fixture->ops->poll(fixture->client_domain);
	turn_until(fixture, &client->n_connected, 1);
}

static void end_of_peer_wakes_an_armed_domain(void **state)
{
	struct fixture *fixture = *state;

	settle(fixture, fixture->server_domain);
	client_close(&fixture->clients[0]);
	assert_true(is_readable(fixture->server_domain));
	turn_until_shared(fixture, &fixture->n_server_failed, 1);
}

static void room_wakes_a_waiting_sender(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	struct request request = {.command = COMMAND_SINK};

	if (!subject->waits_for_room)
		skip();
	settle(fixture, fixture->client_domain);
	while (!fixture->client_stats.ring_full)
		client_send(client, &request, 4096, false);
	settle(fixture, fixture->client_domain);
	while (!is_readable(fixture->client_domain))
		assert_true(fixture->ops->poll(fixture->server_domain) > 0);
}

static void sleep_keeps_its_timeout(void **state)
{
	struct fixture *fixture = *state;

	settle(fixture, fixture->client_domain);
	assert_int_equal(fixture->ops->sleep(fixture->client_domain, 1000000), 0);
	assert_int_equal(fixture->ops->poll(fixture->client_domain), 0);
}

/* Both ends sleep whenever they can; a wake-up that gets lost hangs. */
static void ping_pong_asleep(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = &fixture->clients[0];
	const struct vbi_transport *ops = fixture->ops;
	struct request request = {.command = COMMAND_ECHO};

	for (request.id = 0; request.id < 3000; request.id++) {
		client_send(client, &request, sizeof(request), false);
		while (client->n_received <= request.id) {
			if (!subject->threaded)
				settle(fixture, fixture->server_domain);
			if (!ops->poll(fixture->client_domain) && !ops->arm(fixture->client_domain))
				assert_int_equal(ops->sleep(fixture->client_domain, FOREVER_NS), 0);
		}
	}
	assert_false(client->out_of_order);
}

/* Idle connections sleep by themselves beside a busy one, and are heard when they speak. */
static void idle_ones_are_heard_beside_a_busy_one(void **state)
{
	struct fixture *fixture = *state;
	struct request request = {.command = COMMAND_ECHO};

	while (fixture->n_clients < 40)
		client_connect(fixture);
	for (unsigned i = 0; i < fixture->n_clients; i++)
		turn_until(fixture, &fixture->clients[i].n_connected, 1);
	for (unsigned i = 0; i < subject->calls_until_idle; i++)
		client_call(&fixture->clients[0], COMMAND_ECHO, i, 0, NULL);
	for (unsigned i = 1; i < fixture->n_clients; i++)
		client_send(&fixture->clients[i], &request, sizeof(request), false);
	for (unsigned i = 1; i < fixture->n_clients; i++)
		turn_until(fixture, &fixture->clients[i].n_received, 1);
}

static void spinning_needs_somebody_to_wait_for(void **state)
{
	struct fixture *fixture = *state;

	assert_false(fixture->ops->spin_pays(fixture->client_domain));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
#define CASE_UNCONNECTED(f) \
	cmocka_unit_test_setup_teardown(f, fixture_setup_unconnected, fixture_teardown)
#define CASE_UNASKED(f) cmocka_unit_test_setup_teardown(f, fixture_setup_unasked, fixture_teardown)

const struct CMUnitTest *cases_sleep(size_t *n)
{
	static const struct CMUnitTest cases[] = {
		CASE_UNASKED(sleep_keeps_its_timeout),
		CASE(ping_pong_asleep),
		CASE_UNCONNECTED(idle_ones_are_heard_beside_a_busy_one),
		CASE_UNCONNECTED(spinning_needs_somebody_to_wait_for),
		/* These look at the moment between two polls of the server: one thread only. */
		CASE(message_wakes_an_armed_domain),
		CASE(work_makes_arm_busy),
		CASE_UNCONNECTED(connection_wakes_an_armed_domain),
		CASE(end_of_peer_wakes_an_armed_domain),
		CASE(room_wakes_a_waiting_sender),
	};
	enum { N_THREADED = 4 };

	*n = subject->threaded ? N_THREADED : sizeof(cases) / sizeof(cases[0]);
	return cases;
}
