/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection's queue pairs are, by the device's own word. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/verbs/victim.h"

static struct ibv_qp_attr attributes_of(const struct vbi_endpoint *base)
{
	struct ibv_qp_attr attr;
	struct ibv_qp_init_attr init;

	assert_int_equal(ibv_query_qp(verbs_endpoint_of(base)->qp, &attr,
				      IBV_QP_STATE | IBV_QP_ACCESS_FLAGS | IBV_QP_TIMEOUT |
					      IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
					      IBV_QP_MIN_RNR_TIMER | IBV_QP_MAX_QP_RD_ATOMIC |
					      IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_PATH_MTU |
					      IBV_QP_AV | IBV_QP_PORT,
				      &init),
			 0);
	return attr;
}

static void of_both(void **state)
{
	struct victim *victim = *state;
	const struct vbi_endpoint *ends[] = {victim->good, victim->good_peer};

	for (unsigned i = 0; i < 2; i++) {
		struct verbs_endpoint *endpoint = verbs_endpoint_of(ends[i]);
		struct ibv_qp_attr attr = attributes_of(ends[i]);
		struct ibv_port_attr port;

		assert_int_equal(attr.qp_state, IBV_QPS_RTS);
		assert_int_equal(attr.min_rnr_timer, 1);
		assert_int_equal(attr.rnr_retry, 7);
		assert_int_equal(attr.retry_cnt, 6);
		assert_int_equal(attr.timeout, 16);
		assert_int_equal(ibv_query_port(endpoint->device->context, attr.port_num, &port),
				 0);
		assert_int_equal(attr.path_mtu, port.active_mtu);
		assert_int_equal(endpoint->max_msg_size, port.max_msg_sz);
	}
}

/* The side that serves exposes nothing and reads; the other is read, and reads nothing. */
static void of_each(void **state)
{
	struct victim *victim = *state;
	struct ibv_qp_attr client = attributes_of(victim->good);
	struct ibv_qp_attr server = attributes_of(victim->good_peer);

	assert_int_equal(server.qp_access_flags, 0);
	assert_int_equal(server.max_dest_rd_atomic, 0);
	assert_true(server.max_rd_atomic > 0);
	assert_int_equal(client.qp_access_flags, IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE);
	assert_true(client.max_dest_rd_atomic >= server.max_rd_atomic);
	assert_int_equal(client.max_rd_atomic, 0);
}

/* A peer that wants to be told at once to send again cannot make us do it differently. */
static void whatever_the_peer_says(void **state)
{
	struct victim *victim = *state;
	struct ibv_qp_attr attr;
	struct raw raw;

	raw_init(&raw, victim_turn, victim);
	raw.rnr_retry_count = 0;
	raw.responder_resources = 255;
	assert_int_equal(raw_connect(&raw, victim->host, victim->port), RDMA_CM_EVENT_ESTABLISHED);
	attr = attributes_of(victim->last);
	assert_int_equal(attr.rnr_retry, 7);
	assert_int_equal(attr.min_rnr_timer, 1);
	assert_int_equal(attr.qp_access_flags, 0);
	assert_true(attr.max_rd_atomic > 0 && attr.max_rd_atomic <= 16);
	raw_close(&raw);
}

/* ---- Device and GID ---- */

static union ibv_gid gid_of_address(const char *host)
{
	union ibv_gid gid = {.raw = {[10] = 0xff, [11] = 0xff}};

	if (inet_pton(AF_INET6, host, gid.raw) != 1)
		assert_int_equal(inet_pton(AF_INET, host, &gid.raw[12]), 1);
	return gid;
}

/* The route says which: with several devices there is a test for each. */
static void device_and_gid(void **state)
{
	struct victim *victim = *state;
	const struct vbi_endpoint *ends[] = {victim->good, victim->good_peer};
	const char *name = getenv("VERBENA_TEST_DEVICE");
	union ibv_gid wanted = gid_of_address(victim->host);

	for (unsigned i = 0; i < 2; i++) {
		struct verbs_endpoint *endpoint = verbs_endpoint_of(ends[i]);
		struct ibv_qp_attr attr = attributes_of(ends[i]);
		struct ibv_gid_entry entry;

		if (name)
			assert_string_equal(ibv_get_device_name(endpoint->device->context->device),
					    name);
		assert_ptr_equal(endpoint->device->context, endpoint->cm->verbs);
		assert_int_equal(ibv_query_gid_ex(endpoint->device->context, attr.port_num,
						  attr.ah_attr.grh.sgid_index, &entry, 0),
				 0);
		if (entry.gid_type == IBV_GID_TYPE_IB)
			continue;
		/* Not version 1, which no router forwards; of the address that was connected to. */
		assert_int_equal(entry.gid_type, IBV_GID_TYPE_ROCE_V2);
		assert_memory_equal(&entry.gid, &wanted, sizeof(wanted));
	}
}

/* ---- Queues ---- */

/* The lanes' arithmetic holds for whatever number of connections: what may be posted fits. */
static void lanes(void **state)
{
	struct victim *victim = *state;
	struct verbs_device *device = verbs_endpoint_of(victim->good)->device;
	struct raw raws[8];

	for (unsigned i = 0; i < 8; i++) {
		victim_join(victim, &raws[i]);
		for (struct verbs_lane *lane = device->lanes; lane; lane = lane->next) {
			assert_true(lane->cqes <= (uint32_t)lane->cq->cqe);
			if (!lane->srq) {
				assert_true(lane->reserved <= lane->cqes);
				continue;
			}
			assert_true(lane->target <= lane->srq_depth);
			assert_true(lane->posted + lane->n_refill >= lane->target);
			assert_true(lane->target >= lane->shares + lane->shares / 8);
			assert_int_equal(lane->shares, lane->n_endpoints * (VICTIM_RECEIVES +
									    VERBS_RECEIVES_OWN));
			assert_true(lane->reserved + lane->srq_depth <= lane->cqes);
		}
	}
	for (unsigned i = 0; i < 8; i++)
		raw_close(&raws[i]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, victim_setup, victim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(of_both),	      CASE(of_each), CASE(whatever_the_peer_says),
		CASE(device_and_gid), CASE(lanes),
	};

	device_address();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
