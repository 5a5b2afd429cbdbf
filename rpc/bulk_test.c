/* SPDX-License-Identifier: Apache-2.0 */
/* Requests with bulk that wait for each other's memory, and what becomes of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/fake_transport.h"
#include "rpc/packed.h"
#include "rpc/request.h"
#include "rpc/server.h"

#define MIB 1048576u

/* Requests that may be outstanding. */
#define INFLIGHT 1024

/* Lowest and highest address of a handler's frame. */
static uintptr_t lowest, highest;
static unsigned n_served;
/* Bytes that method 2 gives. */
static uint64_t gives;
/* Stubs want more memory, when their handlers have run, than there can be. */
static bool wants_memory;

struct fake_ops {
	size_t size;
	int (*take)(void);
	int (*give)(void);
};

static int handler(void)
{
	return 0;
}

/* Method 1 takes a buffer that is exposed, method 2 gives some bytes of one that is. */
static void serve(struct vb_request *req, enum vb_direction direction)
{
	struct vb_reader reader;
	/* Not the address of a local, which a sanitizer may keep elsewhere. */
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (!vb_reader_request(&reader, req, 32) ||
	    !vb_read_request_buffer(&reader, 24, MIB, direction, 0, &req->buffers[0])) {
		vb_stub_bad_request(req);
		return;
	}
	if (!vb_stub_request_buffers(req, 1, 24))
		return;
	lowest = n_served && lowest < here ? lowest : here;
	highest = highest > here ? highest : here;
	n_served++;
	req->buffers[0].length = direction == VB_OUT ? gives : 0;
	if (wants_memory) {
		vb_stub_reply_buffers(req, 1, 24);
		assert_null(vb_stub_request_alloc(req, VB_ARENA_MAX + 1));
		return;
	}
	vb_stub_reply_send(req, 24);
}

static void serve_take(struct vb_request *req)
{
	serve(req, VB_IN);
}

static void serve_give(struct vb_request *req)
{
	serve(req, VB_OUT);
}

static const struct vb_method methods[] = {
	{.name = "fake.take", .request_fixed = 32, .reply_fixed = 24, .number = 1},
	{.name = "fake.give", .request_fixed = 32, .reply_fixed = 24, .number = 2},
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
	{&methods[0], serve_take, offsetof(struct fake_ops, take)},
	{&methods[1], serve_give, offsetof(struct fake_ops, give)},
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

static const struct fake_ops ops = {sizeof(ops), handler, handler};

/* ---- Two clients of a server with memory for one transfer ---- */

struct fixture {
	struct vb_server *server;
	struct vbi_worker *worker;
	struct fake_endpoint *clients[2];
	unsigned n_greeted[2]; /* messages sent to each before its first request */
};

static struct fixture *fixture;

/* Hello and bind, as a client of this library sends them. */
static void greet(unsigned i)
{
	static struct vbi_worker client_worker;
	struct vbi_bound bound = {.id = 77, .major = 1};
	struct vb_conn client = {.worker = &client_worker, .credits.window = INFLIGHT};
	struct fake_message message = fake_message(VBI_KIND_CONTROL);
	uint32_t length;

	client_worker.transport_options.message_max = FAKE_MESSAGE_MAX;
	client.n_bound = 1;
	client.bound = &bound;
	length = vbi_packed_hello(&client, (uint8_t *)&message, sizeof(message), 0, NULL);
	fake_deliver(fixture->clients[i], message, length);
	message = fake_message(VBI_KIND_CONTROL);
	message.header.credits = INFLIGHT;
	length = vbi_packed_binds(&client, (uint8_t *)&message, sizeof(message));
	fake_deliver(fixture->clients[i], message, length);
	vbi_worker_poll(fixture->worker);
	fixture->n_greeted[i] = fixture->clients[i]->n_sent;
	assert_int_equal(fixture->n_greeted[i], 2);
}

static int set_up(void **state)
{
	struct vb_server_options options = VB_SERVER_OPTIONS_INIT;
	struct fake_endpoint *first;
	struct fake_domain *domain;

	(void)state;
	n_served = 0;
	wants_memory = false;
	gives = 0;
	lowest = highest = 0;
	fake_on_poll = NULL;
	fixture = calloc(1, sizeof(*fixture));
	options.bulk_max = MIB;
	options.inflight = INFLIGHT;
	fixture->server = vb_server_create(&options);
	assert_non_null(fixture->server);
	assert_int_equal(vb_stub_serve(fixture->server, &service, &ops, NULL), 0);
	/* The server's worker is known by a connection of it. */
	domain = calloc(1, sizeof(*domain));
	first = fake_endpoint_new(domain);
	assert_int_equal(vbi_server_accepted(fixture->server, &first->base), 0);
	fixture->worker = ((struct vb_conn *)first->base.owner)->worker;
	free(domain);
	domain = fake_domain_new(fixture->worker);
	domain->endpoints[domain->n_endpoints++] = first;
	fixture->clients[0] = first;
	fixture->clients[1] = fake_endpoint_new(domain);
	assert_int_equal(vbi_server_accepted(fixture->server, &fixture->clients[1]->base), 0);
	greet(0);
	greet(1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vb_server_free(fixture->server);
	free(fixture);
	return 0;
}

/* CLIENT calls METHOD in SLOT with an exposed buffer of a mebibyte. */
static void call(unsigned client, uint16_t method, uint16_t slot)
{
	struct fake_message message = fake_message(VBI_KIND_REQUEST);
	const uint32_t field[] = {32, 1};
	const struct vbi_record record = {.length = MIB};

	message.header.interface = 1;
	message.header.method = method;
	message.header.slot = slot;
	message.header.credits = INFLIGHT;
	message.header.time = 1000000;
	memcpy(message.body, field, sizeof(field));
	memcpy(message.body + 8, &record, sizeof(record));
	fake_deliver(fixture->clients[client], message, 56);
	vbi_worker_poll(fixture->worker);
}

static unsigned n_answers(unsigned client)
{
	return fixture->clients[client]->n_sent - fixture->n_greeted[client];
}

static const struct fake_message *answer(unsigned client, unsigned n)
{
	return fake_sent(fixture->clients[client], fixture->n_greeted[client] + n);
}

static void finish_transfers(unsigned client)
{
	while (fixture->clients[client]->n_transfers)
		fake_finish_transfer(fixture->clients[client], 0);
}

static void test_one_after_the_other(void **state)
{
	(void)state;
	call(0, 1, 0);
	assert_true(fixture->clients[0]->n_transfers > 0);
	call(1, 1, 0);
	assert_int_equal(fixture->clients[1]->n_transfers, 0);
	assert_int_equal(fixture->worker->stats.bulk_waits, 1);
	finish_transfers(0);
	assert_int_equal(n_answers(0), 1);
	assert_true(fixture->clients[1]->n_transfers > 0);
	finish_transfers(1);
	assert_int_equal(n_answers(1), 1);
	assert_int_equal(answer(1, 0)->header.kind, VBI_KIND_REPLY);
	assert_int_equal(fixture->worker->stats.bytes_bulk_pulled, 2 * MIB);
}

/* What a client held when it broke the rules is another's. */
static void test_memory_of_a_refused_client(void **state)
{
	struct fake_message nonsense = fake_message(VBI_KIND_END);

	(void)state;
	call(0, 1, 0);
	call(1, 1, 0);
	assert_int_equal(fixture->clients[1]->n_transfers, 0);
	fake_deliver(fixture->clients[0], nonsense, sizeof(nonsense.header));
	vbi_worker_poll(fixture->worker);
	assert_true(fixture->clients[0]->closed);
	assert_true(fixture->clients[1]->n_transfers > 0);
	finish_transfers(1);
	assert_int_equal(n_answers(1), 1);
}

static void test_memory_of_a_dead_client(void **state)
{
	(void)state;
	call(0, 1, 0);
	call(1, 1, 0);
	fixture->clients[0]->breaks = true;
	vbi_worker_poll(fixture->worker);
	assert_true(fixture->clients[0]->closed);
	finish_transfers(1);
	assert_int_equal(n_answers(1), 1);
}

/* Until the first client's time is over, which the worker watches. */
static void stand_still(void)
{
	uint64_t end = fixture->worker->moving->moved_at + VBI_STALL_NS;

	while (fake_now_ns < end) {
		assert_false(fixture->clients[0]->closed);
		vbi_worker_look(fixture->worker);
		fake_now_ns = vbi_worker_next_timeout(fixture->worker);
	}
	assert_true(fake_now_ns == end);
	vbi_worker_look(fixture->worker);
	assert_true(fixture->clients[0]->closed);
}

/* A client that stands still does not keep for ever what others wait for. */
static void test_memory_of_a_stopped_client(void **state)
{
	(void)state;
	call(0, 1, 0);
	call(1, 1, 0);
	assert_int_equal(fixture->clients[1]->n_transfers, 0);
	stand_still();
	assert_true(fixture->clients[1]->n_transfers > 0);
	finish_transfers(1);
	assert_int_equal(n_answers(1), 1);
}

/* Whoever was busy itself has not seen what its clients did meanwhile. */
static void test_bulk_beside_a_handler_that_takes_long(void **state)
{
	(void)state;
	call(0, 1, 0);
	vbi_worker_look(fixture->worker);
	fake_now_ns += 3 * VBI_STALL_NS;
	vbi_worker_look(fixture->worker);
	assert_false(fixture->clients[0]->closed);
	stand_still();
}

/* One that waits in the middle of the queue and is given up is answered there. */
static void test_cancel_in_the_queue(void **state)
{
	struct fake_message cancel = fake_message(VBI_KIND_CANCEL);

	(void)state;
	call(0, 1, 0);
	for (uint16_t slot = 0; slot < 3; slot++)
		call(1, 1, slot);
	cancel.header.slot = 1;
	cancel.header.credits = INFLIGHT;
	fake_deliver(fixture->clients[1], cancel, sizeof(cancel.header));
	vbi_worker_poll(fixture->worker);
	assert_int_equal(n_answers(1), 2);
	assert_int_equal(answer(1, 0)->header.kind, VBI_KIND_FAILURE);
	assert_int_equal(answer(1, 0)->header.status, ECANCELED);
	assert_int_equal(answer(1, 0)->header.slot, 1);
	assert_int_equal(answer(1, 0)->header.flags, 0);
	assert_int_equal(answer(1, 1)->header.flags, VBI_FLAG_CONTROL_ACK);
	finish_transfers(0);
	finish_transfers(1);
	assert_int_equal(n_answers(1), 4);
	assert_int_equal(answer(1, 2)->header.slot, 0);
	assert_int_equal(answer(1, 3)->header.slot, 2);
}

/* A thousand that are over as soon as they begin do not stand on each other's shoulders: neither on
 * the stack, nor with a message each that is answered and keeps its receive. */
static void test_stack_of_a_long_queue(void **state)
{
	(void)state;
	call(0, 1, 0);
	for (uint16_t slot = 0; slot < INFLIGHT; slot++)
		call(1, 2, slot);
	assert_int_equal(n_served, 0);
	fake_in_hand = fake_in_hand_most = 0;
	finish_transfers(0);
	assert_int_equal(fake_in_hand_most, 1);
	assert_int_equal(n_served, INFLIGHT + 1);
	assert_int_equal(n_answers(1), INFLIGHT);
	assert_true(highest - lowest < 16384);
}

static void test_records_that_name_nothing(void **state)
{
	(void)state;
	fixture->clients[0]->pull_answer = -EPROTO;
	call(0, 1, 0);
	assert_true(fixture->clients[0]->closed);
	assert_int_equal(n_answers(0), 0);
	assert_int_equal(fixture->worker->stats.protocol_errors, 1);
	call(1, 1, 0);
	finish_transfers(1);
	assert_int_equal(n_answers(1), 1);
}

/* What goes on because a connection has ended can be the end of the next one. */
static void test_one_end_after_the_other(void **state)
{
	struct fake_message nonsense = fake_message(VBI_KIND_END);

	(void)state;
	call(0, 1, 0);
	call(1, 1, 0);
	fixture->clients[1]->pull_answer = -EPROTO;
	fake_deliver(fixture->clients[0], nonsense, sizeof(nonsense.header));
	vbi_worker_poll(fixture->worker);
	assert_true(fixture->clients[0]->closed);
	assert_true(fixture->clients[1]->closed);
	assert_null(fixture->worker->doomed);
	assert_int_equal(fixture->worker->stats.protocol_errors, 2);
}

/* A pull that fails for another reason is an answer. */
static void test_pull_that_fails(void **state)
{
	(void)state;
	call(0, 1, 0);
	while (fixture->clients[0]->n_transfers)
		fake_finish_transfer(fixture->clients[0], -ENOMEM);
	assert_int_equal(n_answers(0), 1);
	assert_int_equal(answer(0, 0)->header.kind, VBI_KIND_FAILURE);
	assert_int_equal(answer(0, 0)->header.status, ENOMEM);
	assert_int_equal(fixture->worker->stats.bytes_bulk_pulled, 0);
	assert_int_equal(n_served, 0);
}

/* Where an answer could overtake a push, it waits. */
static void test_answer_after_a_push(void **state)
{
	(void)state;
	gives = MIB;
	call(0, 2, 0);
	for (unsigned left = MIB / VBI_CHUNK; left; left--) {
		assert_int_equal(n_answers(0), 0);
		fake_finish_transfer(fixture->clients[0], 0);
	}
	assert_int_equal(fixture->clients[0]->n_transfers, 0);
	assert_int_equal(n_answers(0), 1);
	assert_int_equal(answer(0, 0)->header.kind, VBI_KIND_REPLY);
	assert_int_equal(fixture->worker->stats.bytes_bulk_pushed, MIB);
}

/* Where it cannot, it goes out with the last chunk; the memory is kept until that has gone too. */
static void test_answer_behind_an_ordered_push(void **state)
{
	(void)state;
	gives = MIB;
	fixture->clients[0]->push_answer = VBI_ORDERED;
	call(0, 2, 0);
	for (unsigned left = MIB / VBI_CHUNK; left > VBI_CHUNKS_UNDERWAY; left--) {
		assert_int_equal(n_answers(0), 0);
		fake_finish_transfer(fixture->clients[0], 0);
	}
	assert_int_equal(fixture->clients[0]->n_transfers, VBI_CHUNKS_UNDERWAY);
	assert_int_equal(n_answers(0), 1);
	assert_int_equal(answer(0, 0)->header.kind, VBI_KIND_REPLY);
	assert_int_equal(fixture->worker->stats.bulk_waits, 0);
	/* The caller has its answer, and the slot is its next call's. */
	call(0, 2, 0);
	assert_int_equal(fixture->worker->stats.bulk_waits, 1);
	assert_int_equal(n_served, 1);
	fake_finish_transfer(fixture->clients[0], 0);
	assert_int_equal(n_served, 1);
	fake_finish_transfer(fixture->clients[0], 0);
	assert_int_equal(n_served, 2);
	finish_transfers(0);
	assert_int_equal(n_answers(0), 2);
	assert_int_equal(fixture->worker->stats.bytes_bulk_pushed, 2 * MIB);
}

static void test_answer_behind_one_ordered_chunk(void **state)
{
	(void)state;
	gives = 1;
	fixture->clients[0]->push_answer = VBI_ORDERED;
	call(0, 2, 0);
	assert_int_equal(fixture->clients[0]->n_transfers, 1);
	assert_int_equal(n_answers(0), 1);
	finish_transfers(0);
	assert_int_equal(n_answers(0), 1);
}

/* An answer that is out has no slot any more that a cancel, or a death, could find. */
static void test_end_of_what_is_answered(void **state)
{
	struct fake_message cancel = fake_message(VBI_KIND_CANCEL);

	(void)state;
	gives = 1;
	fixture->clients[0]->push_answer = VBI_ORDERED;
	call(0, 2, 0);
	cancel.header.credits = INFLIGHT;
	fake_deliver(fixture->clients[0], cancel, sizeof(cancel.header));
	vbi_worker_poll(fixture->worker);
	assert_int_equal(n_answers(0), 2);
	assert_int_equal(answer(0, 1)->header.flags, VBI_FLAG_CONTROL_ACK);
	call(1, 1, 0);
	assert_int_equal(fixture->clients[1]->n_transfers, 0);
	fixture->clients[0]->breaks = true;
	vbi_worker_poll(fixture->worker);
	assert_true(fixture->clients[0]->closed);
	finish_transfers(1);
	assert_int_equal(n_answers(1), 1);
}

/* Its memory comes back, and nobody is told a second time. */
static void test_push_that_fails_behind_its_answer(void **state)
{
	(void)state;
	gives = MIB;
	fixture->clients[0]->push_answer = VBI_ORDERED;
	call(0, 2, 0);
	fake_finish_transfer(fixture->clients[0], 0);
	fake_finish_transfer(fixture->clients[0], 0);
	assert_int_equal(n_answers(0), 1);
	call(1, 1, 0);
	assert_int_equal(fixture->clients[1]->n_transfers, 0);
	fake_finish_transfer(fixture->clients[0], -ECONNRESET);
	fake_finish_transfer(fixture->clients[0], -ECONNRESET);
	assert_int_equal(n_answers(0), 1);
	finish_transfers(1);
	assert_int_equal(n_answers(1), 1);
}

/* An answer waits for those that it would overtake, and only for them. */
static void test_answer_behind_ordered_and_other_chunks(void **state)
{
	struct fake_endpoint *client = fixture->clients[0];

	(void)state;
	for (unsigned ordered_first = 0; ordered_first < 2; ordered_first++) {
		unsigned before = n_answers(0);

		gives = 2ull * VBI_CHUNK;
		client->push_answers[0] = ordered_first ? VBI_ORDERED : 0;
		client->push_answers[1] = ordered_first ? 0 : VBI_ORDERED;
		client->n_push_answers = 2;
		call(0, 2, 0);
		assert_int_equal(client->n_transfers, 2);
		assert_int_equal(n_answers(0), before);
		/* The other one is the first that is left, or the last. */
		if (ordered_first) {
			fake_finish_transfer(client, 0);
			assert_int_equal(n_answers(0), before);
			fake_finish_transfer(client, 0);
		} else {
			fake_finish_transfer(client, 0);
			assert_int_equal(n_answers(0), before + 1);
			fake_finish_transfer(client, 0);
		}
		assert_int_equal(n_answers(0), before + 1);
	}
	assert_int_equal(fixture->worker->stats.bytes_bulk_pushed, 4ull * VBI_CHUNK);
}

/* Between two chunks: what is under way ends first, for it is sent from the memory. */
static void test_end_between_ordered_chunks(void **state)
{
	struct fake_message cancel = fake_message(VBI_KIND_CANCEL);
	struct fake_endpoint *client = fixture->clients[0];

	(void)state;
	gives = MIB;
	client->push_answer = VBI_ORDERED;
	call(0, 2, 0);
	cancel.header.credits = INFLIGHT;
	fake_deliver(client, cancel, sizeof(cancel.header));
	vbi_worker_poll(fixture->worker);
	/* The acknowledgement. */
	assert_int_equal(n_answers(0), 1);
	fake_finish_transfer(client, 0);
	assert_int_equal(n_answers(0), 1);
	fake_finish_transfer(client, 0);
	assert_int_equal(n_answers(0), 2);
	assert_int_equal(answer(0, 1)->header.kind, VBI_KIND_FAILURE);
	assert_int_equal(answer(0, 1)->header.status, ECANCELED);

	client->push_answers[0] = VBI_ORDERED;
	client->push_answers[1] = -ENOMEM;
	client->n_push_answers = 2;
	call(0, 2, 0);
	assert_int_equal(n_answers(0), 2);
	finish_transfers(0);
	assert_int_equal(n_answers(0), 3);
	assert_int_equal(answer(0, 2)->header.kind, VBI_KIND_FAILURE);
	assert_int_equal(answer(0, 2)->header.status, ENOMEM);
}

/* The connection has failed, and its endpoint does not know yet. */
static void test_no_answer_on_a_failed_connection(void **state)
{
	struct vb_conn *conn = fixture->clients[0]->base.owner;

	(void)state;
	gives = MIB;
	fixture->clients[0]->push_answer = VBI_ORDERED;
	call(0, 2, 0);
	vbi_conn_fail(conn, EPROTO, "test", "it broke the rules");
	finish_transfers(0);
	assert_int_equal(n_answers(0), 0);
	assert_int_equal(fixture->worker->stats.calls_failed, 1);
	vbi_worker_poll(fixture->worker);
	assert_true(fixture->clients[0]->closed);
	call(1, 1, 0);
	finish_transfers(1);
	assert_int_equal(n_answers(1), 1);
}

/* The slot is a new call's: what ends is the new one, and what goes on is the old one's memory. */
static void test_slot_of_what_is_answered(void **state)
{
	struct fake_message cancel = fake_message(VBI_KIND_CANCEL);

	(void)state;
	gives = MIB;
	fixture->clients[0]->push_answer = VBI_ORDERED;
	call(0, 2, 0);
	fake_finish_transfer(fixture->clients[0], 0);
	fake_finish_transfer(fixture->clients[0], 0);
	assert_int_equal(n_answers(0), 1);
	call(0, 2, 0);
	cancel.header.credits = INFLIGHT;
	fake_deliver(fixture->clients[0], cancel, sizeof(cancel.header));
	vbi_worker_poll(fixture->worker);
	assert_int_equal(answer(0, 1)->header.kind, VBI_KIND_FAILURE);
	assert_int_equal(answer(0, 1)->header.status, ECANCELED);
	assert_int_equal(fixture->clients[0]->n_transfers, 2);
	call(0, 2, 0);
	finish_transfers(0);
	assert_int_equal(n_served, 2);
	assert_int_equal(answer(0, 3)->header.kind, VBI_KIND_REPLY);
}

static void test_memory_of_an_answered_client_that_is_stopped(void **state)
{
	(void)state;
	gives = MIB;
	fixture->clients[0]->push_answer = VBI_ORDERED;
	call(0, 2, 0);
	fake_finish_transfer(fixture->clients[0], 0);
	fake_finish_transfer(fixture->clients[0], 0);
	call(1, 1, 0);
	assert_int_equal(fixture->clients[1]->n_transfers, 0);
	stand_still();
	finish_transfers(1);
	assert_int_equal(n_answers(1), 1);
}

static void test_push_that_cannot_begin(void **state)
{
	(void)state;
	gives = MIB;
	fixture->clients[0]->push_answer = -ENOMEM;
	call(0, 2, 0);
	assert_int_equal(n_answers(0), 1);
	assert_int_equal(answer(0, 0)->header.kind, VBI_KIND_FAILURE);
	assert_int_equal(answer(0, 0)->header.status, ENOMEM);
	assert_int_equal(answer(0, 0)->header.flags, VBI_FLAG_RAN);
}

/* The caller is not told that nothing has happened. */
static void test_no_memory_after_the_handler(void **state)
{
	(void)state;
	wants_memory = true;
	call(0, 2, 0);
	assert_int_equal(n_served, 1);
	assert_int_equal(n_answers(0), 1);
	assert_int_equal(answer(0, 0)->header.kind, VBI_KIND_FAILURE);
	assert_int_equal(answer(0, 0)->header.status, ENOMEM);
	assert_int_equal(answer(0, 0)->header.flags, VBI_FLAG_RAN);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_after_the_other),
		TEST(test_memory_of_a_refused_client),
		TEST(test_memory_of_a_dead_client),
		TEST(test_memory_of_a_stopped_client),
		TEST(test_bulk_beside_a_handler_that_takes_long),
		TEST(test_cancel_in_the_queue),
		TEST(test_stack_of_a_long_queue),
		TEST(test_records_that_name_nothing),
		TEST(test_one_end_after_the_other),
		TEST(test_pull_that_fails),
		TEST(test_answer_after_a_push),
		TEST(test_answer_behind_an_ordered_push),
		TEST(test_answer_behind_one_ordered_chunk),
		TEST(test_end_of_what_is_answered),
		TEST(test_push_that_fails_behind_its_answer),
		TEST(test_answer_behind_ordered_and_other_chunks),
		TEST(test_end_between_ordered_chunks),
		TEST(test_no_answer_on_a_failed_connection),
		TEST(test_slot_of_what_is_answered),
		TEST(test_memory_of_an_answered_client_that_is_stopped),
		TEST(test_push_that_cannot_begin),
		TEST(test_no_memory_after_the_handler),
	};

	return cmocka_run_group_tests_name("bulk", tests, NULL, NULL);
}
