/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong here on purpose must be seen where end-to-end tests run with faults: faulted.py
 * runs each with a fault that the client's calls meet, or with none that they do.
 */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <verbena/stub.h>

#define MS 1000000ull

struct client {
	struct probe probe;
	struct vb_conn *conn;
	struct probe_peer *peer;
};

static void begin(struct client *client)
{
	probe_start(&client->probe, NULL);
	client->conn = probe_connect(&client->probe, NULL);
	client->peer = probe_bind(client->conn);
}

/* Until the fault comes. */
static void call_until_it_fails(struct client *client)
{
	while (probe_add(client->peer, 1, 2) == 3)
		;
}

/* Nothing is planted: the fault is enough of a reason to break off. */
static void plant_nothing(void **state)
{
	struct client client;

	(void)state;
	begin(&client);
	call_until_it_fails(&client);
	fail_msg("a call failed");
}

static void plant_wrong_success(void **state)
{
	struct client client;

	(void)state;
	begin(&client);
	call_until_it_fails(&client);
	probe_peer_free(client.peer);
	vb_conn_close(client.conn);
	client.conn = probe_connect(&client.probe, NULL);
	client.peer = probe_bind(client.conn);
	assert_int_equal(probe_add(client.peer, 1, 2), 4);
}

static void plant_no_fault(void **state)
{
	struct client client;

	(void)state;
	begin(&client);
	fail_msg("for no reason");
}

/* What connects behind the watcher's back, and is not closed. */
struct vb_conn *__real_vb_connect(const char *address, const struct vb_options *options);

static void plant_leak(void **state)
{
	struct client client;

	(void)state;
	begin(&client);
	assert_non_null(__real_vb_connect(client.probe.address, NULL));
	call_until_it_fails(&client);
	fail_msg("a call failed");
}

static void plant_hang(void **state)
{
	struct client client;

	(void)state;
	begin(&client);
	call_until_it_fails(&client);
	pause();
}

/* A call that ends by nothing but a deadline which is there for the worst. */
static void plant_patience(void **state)
{
	struct client client;

	(void)state;
	begin(&client);
	probe_peer_set_deadline(client.peer, 5000 * MS);
	assert_int_equal(probe_hold(client.peer), 0);
}

static void plant_errno(void **state)
{
	struct client client;

	(void)state;
	begin(&client);
	errno = 0;
	assert_null(vb_connect("rdma://192.0.2.7:7000", NULL));
	assert_int_equal(errno, ECONNREFUSED);
}

static void plant_dead_server(void **state)
{
	struct client client;

	(void)state;
	begin(&client);
	call_until_it_fails(&client);
	probe_signal(&client.probe, SIGUSR1);
	fail_msg("a call failed");
}

/* A call that nobody owns to: it is made behind the watcher's back. */
const uint8_t *__real_vb_stub_call(struct vb_peer *peer, const struct vb_method *method,
				   uint32_t length);

static void plant_outcome(void **state)
{
	const struct vb_method add = {
		.name = "probe.add",
		.deadline_ns = VB_NO_DEADLINE,
		.request_fixed = VB_HEADER_SIZE + 8,
		.number = 2,
	};
	struct client client;
	struct vb_peer *head;

	(void)state;
	begin(&client);
	head = (struct vb_peer *)client.peer;
	memset(head->message + VB_HEADER_SIZE, 0, 8);
	assert_non_null(__real_vb_stub_call(head, &add, add.request_fixed));
	vb_conn_close(client.conn);
	probe_peer_free(client.peer);
	probe_end(&client.probe);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(plant_nothing),  HARNESS_TEST(plant_wrong_success),
	HARNESS_TEST(plant_no_fault), HARNESS_TEST(plant_leak),
	HARNESS_TEST(plant_hang),     HARNESS_TEST(plant_patience),
	HARNESS_TEST(plant_errno),    HARNESS_TEST(plant_dead_server),
	HARNESS_TEST(plant_outcome),
};

HARNESS_MAIN(tests, 1)
