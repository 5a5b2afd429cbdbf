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
	for (unsigned i = 0; i < N_BYSTANDERS; i++) {
		assert_true(company.calls[i]->done);
		assert_int_equal(company.calls[i]->errnum, ECONNRESET);
		assert_int_equal(company.calls[i]->outcome, VB_UNKNOWN);
	}
	assert_int_equal(vb_conn_error(company.conn)->errnum, ETIMEDOUT);
	assert_int_equal(probe_client_stats(company.conn).abandoned, 1);
	pattern_fill(memory, MIB, 7);
	probe_signal(&company.probe, SIGCONT);
	/* It finds the request, and nothing that it may do for it. */
	for (unsigned i = 0; i < 100; i++) {
		usleep(10000);
		assert_true(pattern_is(memory, MIB, 7));
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

static const struct harness_test tests[] = {
	HARNESS_TEST(test_beside_a_server_that_is_mute),
	HARNESS_TEST(test_beside_a_server_that_stops_in_time),
};

HARNESS_MAIN(tests, 2)
