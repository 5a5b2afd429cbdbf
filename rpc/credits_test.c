/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime does what it does with messages in the order of the table in credits.h. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/call.h"
#include "rpc/control.h"
#include "rpc/fake_transport.h"
#include "rpc/owner.h"
#include "rpc/packed.h"
#include "rpc/peer.h"
#include "rpc/server.h"

#define MS 1000000ull

enum { METHOD_GET = 1, METHOD_TELL = 2 };

struct fake_ops {
	size_t size;
	int (*get)(void);
	void (*tell)(void);
};

static int handle_get(void)
{
	return 0;
}

static void handle_tell(void)
{
}

static void serve_get(struct vb_request *req)
{
	vb_stub_reply_send(req, 32);
}

static const struct vb_method methods[] = {
	{.name = "fake.get",
	 .deadline_ns = 10 * MS,
	 .request_fixed = 32,
	 .reply_fixed = 32,
	 .number = METHOD_GET},
	{.name = "fake.tell",
	 .deadline_ns = 10 * MS,
	 .request_fixed = 32,
	 .number = METHOD_TELL,
	 .flags = VB_METHOD_ONEWAY},
};

static const struct vb_interface interface = {
	.size = sizeof(struct vb_interface),
	.name = "fake",
	.id = 77,
	.major = 1,
	.message_max = 8192,
	.methods = methods,
	.n_methods = 2,
};

static const struct vb_service_method service_methods[] = {
	{&methods[0], serve_get, offsetof(struct fake_ops, get)},
	{&methods[1], vb_stub_oneway_done, offsetof(struct fake_ops, tell)},
};

static const struct vb_service service = {
	.size = sizeof(struct vb_service),
	.interface = &interface,
	.methods = service_methods,
	.n_methods = 2,
	.ops_size = sizeof(struct fake_ops),
	.bound = sizeof(struct fake_ops),
	.gone = sizeof(struct fake_ops),
};

static const struct fake_ops ops = {sizeof(ops), handle_get, handle_tell};

/* ---- What was done, against the table ---- */

/* The kinds of the messages that the steps of one event are about. */
struct kinds {
	enum vbi_kind sent;
	enum vbi_kind released;
	enum vbi_kind control;
};

static struct fake_deed deed_of(enum vbi_credits_step step, const struct kinds *kinds)
{
	switch (step) {
	case VBI_STEP_SEND:
		return (struct fake_deed){false, (uint8_t)kinds->sent};
	case VBI_STEP_RELEASE:
		return (struct fake_deed){true, (uint8_t)kinds->released};
	case VBI_STEP_RELEASE_HELD:
		return (struct fake_deed){true, VBI_KIND_REPLY};
	case VBI_STEP_GRANT:
	case VBI_STEP_ACKNOWLEDGE:
		return (struct fake_deed){false, VBI_KIND_CREDIT};
	case VBI_STEP_CONTROL:
		return (struct fake_deed){false, (uint8_t)kinds->control};
	default:
		assert_int_equal(step, VBI_STEP_OPEN);
		return (struct fake_deed){false, VBI_KIND_CONTROL};
	}
}

/* From the FIRST deed of ENDPOINT on, those of EVENT follow. Returns the next one's number. */
static unsigned assert_steps(const struct fake_endpoint *endpoint, unsigned first,
			     enum vbi_credits_event event, struct kinds kinds)
{
	const uint8_t *steps = vbi_credits_steps[event];

	for (unsigned i = 0; i < VBI_CREDITS_STEPS && steps[i] != VBI_STEP_END; i++) {
		struct fake_deed expected;

		if (steps[i] == VBI_STEP_HOLD)
			continue;
		expected = deed_of(steps[i], &kinds);
		assert_true(first < endpoint->n_deeds);
		assert_int_equal(endpoint->deeds[first].kind, expected.kind);
		assert_int_equal(endpoint->deeds[first].is_release, expected.is_release);
		first++;
	}
	return first;
}

static void assert_no_more(const struct fake_endpoint *endpoint, unsigned n)
{
	assert_int_equal(endpoint->n_deeds, n);
}

/* ---- A client ---- */

struct client {
	struct vbi_worker worker;
	struct vb_conn *conn;
	struct fake_endpoint *endpoint;
	struct vb_peer *peer;
};

static struct client *client;

static void acknowledge_to_client(void)
{
	struct fake_message ack = fake_message(VBI_KIND_CREDIT);

	ack.header.flags = VBI_FLAG_CONTROL_ACK;
	ack.header.credits = 4;
	fake_deliver(client->endpoint, ack, sizeof(ack.header));
	vbi_worker_poll(&client->worker);
}

/* Open, with interface 77 bound and the bind under way. */
static int set_up_client(void **state)
{
	struct vb_conn *conn;

	(void)state;
	client = calloc(1, sizeof(*client));
	vbi_worker_init(&client->worker, VB_WAIT_SLEEP,
			&(struct vbi_domain_options){.message_max = FAKE_MESSAGE_MAX}, 0);
	client->endpoint = fake_endpoint_new(fake_domain_new(&client->worker));
	conn = client->conn = vbi_conn_new(&client->worker, 4, 0, 10 * MS);
	conn->endpoint = &client->endpoint->base;
	conn->ops = &fake_transport;
	conn->endpoint->owner = conn;
	conn->owner = vbi_owner_take();
	conn->state = VBI_CONN_OPEN;
	conn->scratch = aligned_alloc(64, VBI_MESSAGE_MAX);
	conn->credits.granted = 4;
	conn->slot_list = (struct vbi_slot_list){.free = 0, .n = 4};
	conn->slots = calloc(4, sizeof(*conn->slots));
	for (uint16_t i = 0; i < 4; i++)
		conn->slots[i].use.next_free = i < 3 ? (uint16_t)(i + 1) : VBI_SLOT_NONE;
	conn->offers = calloc(1, sizeof(*conn->offers));
	conn->offers[0] = (struct vbi_offer){.id = 77, .major = 1};
	conn->n_offers = 1;
	fake_poll_ns = MS / 10;
	fake_on_poll = NULL;
	client->peer = vb_stub_bind(conn, &interface);
	assert_non_null(client->peer);
	return 0;
}

static int tear_down_client(void **state)
{
	(void)state;
	vb_stub_unbind(client->peer);
	vbi_conn_free(client->conn);
	vbi_worker_fini(&client->worker);
	free(client);
	return 0;
}

/* Answers the request that was sent last. */
static void answer(void)
{
	const struct fake_message *asked = fake_sent(client->endpoint,
						     client->endpoint->n_sent - 1);
	struct fake_message reply = fake_message(VBI_KIND_REPLY);

	if (asked->header.kind != VBI_KIND_REQUEST)
		return;
	reply.header.slot = asked->header.slot;
	reply.header.generation = asked->header.generation;
	reply.header.interface = asked->header.interface;
	reply.header.method = asked->header.method;
	reply.header.credits = (uint16_t)(client->conn->credits.sent + 4);
	fake_deliver(client->endpoint, reply, 32);
}

static void call(struct vb_peer *peer)
{
	fake_on_poll = answer;
	assert_non_null(vb_stub_call(peer, &methods[0], 32));
	fake_on_poll = NULL;
}

static const struct kinds calling = {.sent = VBI_KIND_REQUEST};

static void test_calls(void **state)
{
	unsigned at;

	(void)state;
	acknowledge_to_client();
	at = client->endpoint->n_deeds;
	call(client->peer);
	/* There was no answer to let go of. */
	assert_no_more(client->endpoint, at + 1);
	at = assert_steps(client->endpoint, at + 1, VBI_ON_ANSWER, calling);
	call(client->peer);
	at = assert_steps(client->endpoint, at, VBI_ON_CALL, calling);
	at = assert_steps(client->endpoint, at, VBI_ON_ANSWER, calling);
	assert_int_equal(vb_stub_send(client->peer, &methods[1], 32), 0);
	at = assert_steps(client->endpoint, at, VBI_ON_ONEWAY, calling);
	assert_no_more(client->endpoint, at);
}

/* However many peers a connection has: it is the connection that has receives. */
static void test_one_answer_is_held(void **state)
{
	struct vb_peer *other = vb_stub_bind(client->conn, &interface);
	unsigned at;

	(void)state;
	assert_non_null(other);
	acknowledge_to_client();
	call(client->peer);
	at = client->endpoint->n_deeds;
	call(other);
	at = assert_steps(client->endpoint, at, VBI_ON_CALL, calling);
	call(client->peer);
	at = assert_steps(client->endpoint, at, VBI_ON_CALL, calling);
	assert_no_more(client->endpoint, at);
	vb_stub_unbind(other);
	assert_no_more(client->endpoint, at);
}

/* The cancel has to wait until the bind is acknowledged. */
static void test_late_answer_and_ack(void **state)
{
	unsigned at = client->endpoint->n_deeds;

	(void)state;
	assert_null(vb_stub_call(client->peer, &methods[0], 32));
	assert_int_equal(errno, ETIMEDOUT);
	assert_no_more(client->endpoint, at + 1);
	acknowledge_to_client();
	at = assert_steps(client->endpoint, at + 1, VBI_ON_ACK,
			  (struct kinds){.released = VBI_KIND_CREDIT, .control = VBI_KIND_CANCEL});
	client->endpoint->n_sent--; /* the cancel: the answer is to the call */
	answer();
	vbi_worker_poll(&client->worker);
	at = assert_steps(client->endpoint, at, VBI_ON_LATE_ANSWER,
			  (struct kinds){.released = VBI_KIND_REPLY});
	assert_no_more(client->endpoint, at);
}

/* ---- A server ---- */

struct served {
	struct vb_server *server;
	struct vbi_worker *worker;
	struct fake_endpoint *endpoint;
};

static struct served *served;

static int set_up_server(void **state)
{
	struct vb_server_options options = VB_SERVER_OPTIONS_INIT;
	struct fake_domain *domain = calloc(1, sizeof(*domain));

	(void)state;
	served = calloc(1, sizeof(*served));
	fake_on_poll = NULL;
	options.inflight = 1;
	served->server = vb_server_create(&options);
	assert_non_null(served->server);
	assert_int_equal(vb_stub_serve(served->server, &service, &ops, NULL), 0);
	served->endpoint = fake_endpoint_new(domain);
	assert_int_equal(vbi_server_accepted(served->server, &served->endpoint->base), 0);
	served->worker = ((struct vb_conn *)served->endpoint->base.owner)->worker;
	free(domain);
	domain = fake_domain_new(served->worker);
	domain->endpoints[domain->n_endpoints++] = served->endpoint;
	return 0;
}

static int tear_down_server(void **state)
{
	(void)state;
	vb_server_free(served->server);
	free(served);
	return 0;
}

static void deliver(struct fake_message message, uint32_t length)
{
	fake_deliver(served->endpoint, message, length);
	vbi_worker_poll(served->worker);
}

static void deliver_request(uint16_t method, uint16_t slot)
{
	struct fake_message message = fake_message(VBI_KIND_REQUEST);

	message.header.interface = 1;
	message.header.method = method;
	message.header.slot = slot;
	message.header.time = slot == VBI_SLOT_NONE ? 0 : 1000;
	deliver(message, 32);
}

static void test_server(void **state)
{
	struct vbi_worker worker = {.transport_options.message_max = FAKE_MESSAGE_MAX};
	struct vbi_bound bound = {.id = 77, .major = 1};
	struct vb_conn peer = {.worker = &worker, .n_bound = 1, .bound = &bound};
	struct fake_message message = fake_message(VBI_KIND_CONTROL);
	const struct kinds control = {.released = VBI_KIND_CONTROL};
	const struct kinds request = {.sent = VBI_KIND_REPLY, .released = VBI_KIND_REQUEST};
	uint32_t length;
	unsigned at;

	(void)state;
	length = vbi_packed_hello(&peer, (uint8_t *)&message, sizeof(message), 0, NULL);
	deliver(message, length);
	at = assert_steps(served->endpoint, 0, VBI_ON_HELLO, control);
	message = fake_message(VBI_KIND_CONTROL);
	length = vbi_packed_binds(&peer, (uint8_t *)&message, sizeof(message));
	deliver(message, length);
	at = assert_steps(served->endpoint, at, VBI_ON_CONTROL, control);
	deliver_request(METHOD_GET, 0);
	at = assert_steps(served->endpoint, at, VBI_ON_REQUEST_OVER, request);
	/* With a window of one, its credit is told at once. */
	deliver_request(METHOD_TELL, VBI_SLOT_NONE);
	at = assert_steps(served->endpoint, at, VBI_ON_ONEWAY_OVER, request);
	assert_no_more(served->endpoint, at);
}

#define CLIENT_TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up_client, tear_down_client)
#define SERVER_TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up_server, tear_down_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLIENT_TEST(test_calls),
		CLIENT_TEST(test_one_answer_is_held),
		CLIENT_TEST(test_late_answer_and_ack),
		SERVER_TEST(test_server),
	};

	return cmocka_run_group_tests_name("credits", tests, NULL, NULL);
}
