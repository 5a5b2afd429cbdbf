/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that are outstanding beside one that is given up. A server that stops in time harms none of
 * them; one that does not answer costs the connection, and they are told so, each once.
 */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/call.h"
#include "rpc/conn.h"
#include "rpc/peer.h"
#include "tests/e2e/pattern.h"
#include "tests/hostile_rpc/scene.h"

#define MS	     1000000ull
#define MIB	     (1024ull * 1024)
#define N_BYSTANDERS 3
#define CANARY	     7

/* Takes time, also where it is shared memory that is copied; an emulated device needs less. */
#define BULK (harness_is_rdma() ? 4 * MIB : 16 * MIB)

/* add(a, b), as its stub has it. */
#define ADD_LENGTH 32
static const struct vb_method add = {
	.name = "probe.add",
	.deadline_ns = VB_NO_DEADLINE,
	.request_fixed = ADD_LENGTH,
	.request_max = ADD_LENGTH,
	.reply_fixed = ADD_LENGTH,
	.reply_max = ADD_LENGTH,
	.number = PROBE_ADD,
};

/* fill(seed, length, buffer, room). */
#define FILL_LENGTH 56
static const struct vb_method fill = {
	.name = "probe.fill",
	.deadline_ns = VB_NO_DEADLINE,
	.request_fixed = FILL_LENGTH,
	.request_max = 440,
	.reply_fixed = 32,
	.reply_max = 4128,
	.number = PROBE_FILL,
};

struct company {
	struct probe probe;
	struct vb_conn *conn;
	struct probe_peer *peer;		 /* of the call that is given up */
	struct probe_peer *others[N_BYSTANDERS]; /* of those beside it */
	struct vb_call *calls[N_BYSTANDERS];
};

static void begin(struct company *company, uint64_t grace_ns)
{
	struct vb_options options = VB_OPTIONS_INIT;

	if (grace_ns)
		options.grace_ns = grace_ns;
	probe_start(&company->probe, NULL);
	company->conn = probe_connect(&company->probe, &options);
	company->peer = probe_bind(company->conn);
	probe_assert_alive(company->peer);
	for (unsigned i = 0; i < N_BYSTANDERS; i++) {
		company->others[i] = probe_bind(company->conn);
		company->calls[i] = calloc(1, sizeof(*company->calls[i]));
		assert_non_null(company->calls[i]);
	}
}

static void end(struct company *company)
{
	for (unsigned i = 0; i < N_BYSTANDERS; i++) {
		probe_peer_free(company->others[i]);
		free(company->calls[i]);
	}
	probe_peer_free(company->peer);
	vb_conn_close(company->conn);
	probe_end(&company->probe);
}

static void start_calls(struct company *company)
{
	for (unsigned i = 0; i < N_BYSTANDERS; i++) {
		struct vbi_peer *peer = (struct vbi_peer *)company->others[i];
		const int32_t numbers[2] = {(int32_t)i, 10};

		memcpy(peer->head.message + sizeof(struct vbi_header), numbers, sizeof(numbers));
		assert_int_equal(vbi_call_start(company->calls[i], peer, &add, ADD_LENGTH), 0);
		assert_false(company->calls[i]->done);
	}
}

static void assert_lost(const struct vb_call *call)
{
	assert_true(call->done);
	assert_int_equal(call->errnum, ECONNRESET);
	assert_int_equal(call->outcome, VB_UNKNOWN);
}

static void test_beside_a_server_that_is_mute(void **state)
{
	uint8_t *memory = malloc(MIB);
	struct company company;

	(void)state;
	begin(&company, 0);
	probe_signal(&company.probe, SIGSTOP);
	harness_wait_stopped(company.probe.pid);
	start_calls(&company);
	probe_peer_set_deadline(company.peer, 200 * MS);
	probe_assert_failed(company.peer, probe_fill(company.peer, 1, MIB, memory, MIB), ETIMEDOUT,
			    VB_UNKNOWN);
	for (unsigned i = 0; i < N_BYSTANDERS; i++)
		assert_lost(company.calls[i]);
	assert_int_equal(vb_conn_error(company.conn)->errnum, ETIMEDOUT);
	assert_int_equal(probe_client_stats(company.conn).abandoned, 1);
	pattern_fill(memory, MIB, CANARY);
	probe_signal(&company.probe, SIGCONT);
	/* It finds the request, and nothing that it may do for it. */
	for (unsigned i = 0; i < 100; i++) {
		usleep(10000);
		assert_true(pattern_is(memory, MIB, CANARY));
	}
	end(&company);
	free(memory);
}

static void test_beside_a_server_that_stops_in_time(void **state)
{
	uint64_t deadline_ns = 400 * MS;
	uint8_t *memory = malloc(16 * MIB);
	struct company company;
	int64_t result;

	(void)state;
	begin(&company, 60000 * MS);
	do {
		deadline_ns = deadline_ns * 2 / 3;
		assert_true(deadline_ns > 1000);
		probe_peer_set_deadline(company.peer, deadline_ns);
		start_calls(&company);
		result = probe_fill(company.peer, 1, 16 * MIB, memory, 16 * MIB);
		if (result < 0)
			assert_int_equal(errno, ETIMEDOUT);
		probe_peer_set_deadline(company.peer, 60000 * MS);
		/* Its answer comes behind theirs. */
		probe_assert_alive(company.peer);
		for (unsigned i = 0; i < N_BYSTANDERS; i++) {
			struct vb_call *call = company.calls[i];
			int32_t sum;

			assert_true(call->done);
			assert_int_equal(call->errnum, 0);
			memcpy(&sum, call->reply->data + sizeof(struct vbi_header), sizeof(sum));
			assert_int_equal(sum, (int32_t)i + 10);
			company.conn->ops->release(company.conn->endpoint, call->reply);
		}
	} while (result >= 0);
	assert_int_equal(probe_client_stats(company.conn).abandoned, 0);
	assert_int_equal(vb_conn_error(company.conn)->errnum, 0);
	end(&company);
	free(memory);
}

/* ---- Bulk beside bulk ---- */

static struct vb_call *call_of_fill(struct company *company, unsigned i)
{
	return &((struct vbi_peer *)company->others[i])->call;
}

/* As the stub does it, and without waiting. */
static void start_fill(struct company *company, unsigned i, uint8_t *memory)
{
	struct vb_peer *peer = (struct vb_peer *)company->others[i];
	struct vb_buffer buffer = {.address = memory, .room = BULK, .direction = VB_OUT};
	struct vb_writer writer = vb_writer_request(peer, FILL_LENGTH);

	vb_put_uint64(peer->message + 24, i);
	vb_put_uint64(peer->message + 32, BULK);
	assert_int_equal(vb_write_exposed(&writer, peer, 40, &buffer), 0);
	vb_put_uint64(peer->message + 48, BULK);
	assert_int_equal(vbi_call_start(call_of_fill(company, i), vbi_peer_of(peer), &fill,
					writer.cursor),
			 0);
}

/* The same; whether it was lost. */
static bool end_fill(struct company *company, unsigned i, const uint8_t *memory)
{
	struct vb_call *call = call_of_fill(company, i);

	vbi_call_revoke(call, call->errnum ? VBI_REVOKE_ABANDON : VBI_REVOKE_ANSWERED);
	if (call->errnum) {
		assert_lost(call);
		return true;
	}
	assert_true(call->done);
	assert_true(pattern_is(memory, BULK, i));
	company->conn->ops->release(company->conn->endpoint, call->reply);
	return false;
}

/* Starts the bystanders and calls; the server stops when MOVED bytes of all have been pushed. What
 * the call returns. */
static int64_t call_in_company(struct company *company, uint8_t *const *memory, uint64_t moved)
{
	uint64_t began = harness_now_ns(), took;
	int64_t result;

	/* A slow machine has the more time, so that the deadline does not come before the stop. */
	probe_peer_set_deadline(company->peer, VB_NO_DEADLINE);
	assert_int_equal(probe_fill(company->peer, 1, BULK, memory[0], BULK), BULK);
	took = harness_now_ns() - began;
	assert_int_equal(probe_watch(company->peer, moved, 0, SIGSTOP), 0);
	for (unsigned i = 0; i < N_BYSTANDERS; i++)
		start_fill(company, i, memory[i]);
	probe_peer_set_deadline(company->peer, 3000 * MS + 10 * took);
	result = probe_fill(company->peer, N_BYSTANDERS, BULK, memory[N_BYSTANDERS], BULK);
	if (result < 0)
		probe_check_failed(company->peer, result, ETIMEDOUT, VB_UNKNOWN, __FILE__,
				   __LINE__);
	harness_wait_stopped(company->probe.pid);
	return result;
}

/* Whether it stopped when a bystander and the call were under way. */
static bool stops_halfway(uint8_t *const *memory, uint64_t moved)
{
	struct company company;
	unsigned n_lost = 0;
	bool is_given_up;

	begin(&company, 0);
	is_given_up = call_in_company(&company, memory, moved) < 0;
	if (!is_given_up)
		probe_signal(&company.probe, SIGCONT);
	for (unsigned i = 0; i < N_BYSTANDERS; i++) {
		while (!is_given_up && !call_of_fill(&company, i)->done)
			probe_assert_alive(company.peer);
		n_lost += end_fill(&company, i, memory[i]);
	}
	assert_int_equal(probe_client_stats(company.conn).abandoned, is_given_up);
	assert_int_equal(vb_conn_error(company.conn)->errnum, is_given_up ? ETIMEDOUT : 0);
	for (unsigned i = 0; i <= N_BYSTANDERS; i++)
		pattern_fill(memory[i], BULK, CANARY);
	if (is_given_up)
		probe_signal(&company.probe, SIGCONT);
	for (unsigned n = 0; n < 10; n++) {
		usleep(100000);
		for (unsigned i = 0; i <= N_BYSTANDERS; i++)
			assert_true(pattern_is(memory[i], BULK, CANARY));
	}
	end(&company);
	return is_given_up && n_lost;
}

static void test_beside_a_server_that_stops_halfway(void **state)
{
	uint8_t *memory[N_BYSTANDERS + 1];
	uint64_t moved = BULK;

	(void)state;
	for (unsigned i = 0; i <= N_BYSTANDERS; i++)
		memory[i] = malloc(BULK);
	while (!stops_halfway(memory, moved)) {
		moved /= 2;
		assert_true(moved);
	}
	for (unsigned i = 0; i <= N_BYSTANDERS; i++)
		free(memory[i]);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_beside_a_server_that_is_mute),
	HARNESS_TEST(test_beside_a_server_that_stops_halfway),
	HARNESS_TEST(test_beside_a_server_that_stops_in_time),
};

HARNESS_MAIN(tests, 2)
