/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that are connected and break each rule: each is thrown out, and harms no other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/verbs/victim.h"

/* ---- Lengths ---- */

static void lengths(void **state)
{
	static const struct {
		uint32_t sent, word;
	} cases[] = {
		{0, 0}, /* nothing at all: not even a header */
		{4, 4},		{16, 16},	 {23, 24}, {24, 32},
		{32, 24},	{25, 25},	 {24, 0},  {64, UINT32_MAX & ~7u},
		{64, 1u << 20}, {1000, 1000000},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct victim *victim = *state;
		struct raw raw;

		victim_join(victim, &raw);
		raw_post_word(&raw, cases[i].sent, cases[i].word);
		victim_expect_thrown(victim, &raw, EPROTO, "as a message of");
		assert_int_equal(victim->n_messages, 0);
	}
}

/* Longer than the receive: the device says so. */
static void longer_than_agreed(void **state)
{
	struct raw raw;

	victim_join(*state, &raw);
	raw_post_word(&raw, VICTIM_MESSAGE_MAX + 8, VICTIM_MESSAGE_MAX + 8);
	victim_expect_thrown(*state, &raw, EPROTO, "longer than it may");
}

static void write_with_immediate_data(void **state)
{
	struct raw raw;

	victim_join(*state, &raw);
	raw_post(&raw, NULL, 0, IBV_WR_RDMA_WRITE_WITH_IMM);
	raw_await_error(&raw);
	raw_close(&raw);
	victim_check(*state);
}

/* There is nothing that it could end: the side that serves exposes nothing. */
static void invalidation(void **state)
{
	struct victim *victim = *state;
	const struct verbs_slab *slab = &verbs_endpoint_of(victim->good)->device->receives;
	const uint32_t keys[] = {0, 0x12345678, slab->free ? slab->free->lkey : 1};

	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct ibv_sge piece = {.length = 64};
		struct ibv_send_wr *bad, wr = {
						 .opcode = IBV_WR_SEND_WITH_INV,
						 .invalidate_rkey = keys[i],
						 .sg_list = &piece,
						 .num_sge = 1,
					 };
		struct raw raw;

		victim_join(victim, &raw);
		piece.addr = (uintptr_t)raw.memory + RAW_MEMORY / 2;
		piece.lkey = raw.mr->lkey;
		raw.memory[RAW_MEMORY / 2] = 64;
		assert_int_equal(ibv_post_send(raw.id->qp, &wr, &bad), 0);
		victim_until(victim, &victim->n_failed, 1);
		victim->n_failed = 0;
		raw_close(&raw);
		victim_check(victim);
	}
	assert_int_equal(victim->n_messages, 0);
}

/* ---- The transport's own messages ---- */

static void tags(void **state)
{
	for (uint32_t tag = 4; tag <= VERBS_TAG_MASK; tag++) {
		struct raw raw;

		victim_join(*state, &raw);
		raw_post_word(&raw, 24, 24 | tag);
		victim_expect_thrown(*state, &raw, EPROTO, "breaks the protocol");
	}
}

static void pong_without_ping(void **state)
{
	struct raw raw;

	victim_join(*state, &raw);
	raw_post_word(&raw, 24, 24 | VERBS_TAG_PONG);
	victim_expect_thrown(*state, &raw, EPROTO, "breaks the protocol");
}

/* Answered, each of them, as long as it takes the answers. */
static void pings(void **state)
{
	struct victim *victim = *state;
	struct raw raw;

	victim_join(victim, &raw);
	for (unsigned i = 0; i < 60; i++)
		raw_post_word(&raw, 24, 24 | VERBS_TAG_PING);
	raw_await_messages(&raw, 60);
	assert_int_equal(victim->n_failed, 0);
	victim_request(&raw, ORDER_FLOOD, 0, NULL);
	victim_until(victim, &victim->n_messages, 1);
	raw_close(&raw);
}

/* Answers that it never takes must not fill the memory that others send from. */
static void pings_without_receives(void **state)
{
	struct victim *victim = *state;
	struct raw raw;

	raw_init(&raw, victim_turn, victim);
	raw.receives = 0;
	assert_int_equal(raw_connect(&raw, victim->host, victim->port), RDMA_CM_EVENT_ESTABLISHED);
	for (unsigned i = 0; i < 400; i++)
		raw_post_word(&raw, 24, 24 | VERBS_TAG_PING);
	victim_expect_thrown(victim, &raw, EPROTO, "breaks the protocol (tag 1)");
}

static void goodbye_and_more(void **state)
{
	struct victim *victim = *state;
	struct raw raw;

	victim_join(victim, &raw);
	raw_post_word(&raw, 24, 24 | VERBS_TAG_GOODBYE);
	raw_post_word(&raw, 24, 24 | VERBS_TAG_PING);
	for (unsigned i = 0; i < 10; i++)
		raw_post_word(&raw, 64, 64);
	raw_post_word(&raw, 64, 7777 * 8);
	victim_expect_thrown(victim, &raw, ECONNRESET, "has closed the connection");
	assert_int_equal(victim->n_messages, 0);
}

/* ---- More than it was granted ---- */

static void oversteps(void **state)
{
	struct victim *victim = *state;
	struct raw raw;

	victim_join(victim, &raw);
	for (unsigned i = 0; i < 400; i++)
		victim_request(&raw, ORDER_KEEP, i, NULL);
	/* The others are delayed at most: their messages wait until receives are there again. */
	victim_check(victim);
	victim_expect_thrown(victim, &raw, EPROTO, "more messages than it was granted");
	assert_true(victim->n_messages <= VICTIM_RECEIVES + VERBS_RECEIVES_OWN);
}

/* ---- Memory that it did not expose ---- */

static struct vbi_record good_record(const struct raw *raw)
{
	return (struct vbi_record){
		.address = (uintptr_t)raw->memory,
		.length = 5000,
		.key = raw->mr->rkey,
	};
}

static void record_is_refused(void **state, enum order order, const struct vbi_record *record)
{
	struct victim *victim = *state;
	unsigned before = victim->n_done;
	struct raw raw;

	victim_join(victim, &raw);
	victim_request(&raw, order, 1, record);
	victim_until(victim, &victim->n_done, before + 1);
	assert_int_equal(victim->status, -EPROTO);
	assert_int_equal(victim->n_failed, 0);
	raw_close(&raw);
	victim_until(victim, &victim->n_failed, 1);
	victim->n_failed = 0;
	victim_check(victim);
}

static void records_that_cannot_be(void **state)
{
	static const struct vbi_record records[] = {
		{.address = 4096, .length = 0},
		{.address = UINT64_MAX - 10, .length = 100},
		{.address = 4096, .length = UINT64_MAX},
		{.address = 4096, .length = 10, .flags = 1},
	};

	for (unsigned i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		record_is_refused(state, i % 2 ? ORDER_PULL : ORDER_PUSH, &records[i]);
}

/* The device of the peer refuses; what it was is in the cause. */
static void records_outside(void **state)
{
	struct victim *victim = *state;

	for (unsigned i = 0; i < 8; i++) {
		enum order order = i % 2 ? ORDER_PULL : ORDER_PUSH;
		unsigned before = victim->n_done;
		struct vbi_record record;
		struct raw raw;

		victim_join(victim, &raw);
		record = good_record(&raw);
		switch (i / 2) {
		case 0: /* another key */
			record.key ^= 0x5a00;
			break;
		case 1: /* one byte before */
			record.address--;
			break;
		case 2: /* one byte behind */
			record.address = (uintptr_t)raw.memory + RAW_MEMORY - 4999;
			break;
		case 3: /* somewhere else */
			record.address = 4096;
			break;
		}
		victim_request(&raw, order, 1, &record);
		victim_until(victim, &victim->n_done, before + 1);
		assert_int_equal(victim->status, -ECANCELED);
		victim_expect_thrown(victim, &raw, ECONNRESET, "remote access error");
	}
}

static void records_that_are_right(void **state)
{
	struct victim *victim = *state;
	struct vbi_record record;
	struct raw raw;

	victim_join(victim, &raw);
	record = good_record(&raw);
	memset(raw.memory, 7, 5000);
	victim_request(&raw, ORDER_PULL, 1, &record);
	victim_until(victim, &victim->n_done, 1);
	assert_int_equal(victim->status, 0);
	assert_int_equal(victim->local[4999], 7);
	memset(victim->local, 9, 5000);
	victim_request(&raw, ORDER_PUSH, 1, &record);
	victim_until(victim, &victim->n_done, 2);
	assert_int_equal(victim->status, 0);
	assert_int_equal(raw.memory[4999], 9);
	assert_int_equal(raw.memory[5000], 0);
	raw_close(&raw);
}

/* A record that was right when it was sent. */
static void records_taken_back(void **state)
{
	struct victim *victim = *state;
	struct vbi_record record;
	struct ibv_mr *mr;
	struct raw raw;

	victim_join(victim, &raw);
	record = good_record(&raw);
	mr = ibv_reg_mr(raw.id->pd, raw.memory, 5000, IBV_ACCESS_REMOTE_READ);
	assert_non_null(mr);
	record.key = mr->rkey;
	assert_int_equal(ibv_dereg_mr(mr), 0);
	victim_request(&raw, ORDER_PULL, 1, &record);
	victim_until(victim, &victim->n_done, 1);
	assert_int_equal(victim->status, -ECANCELED);
	victim_expect_thrown(victim, &raw, ECONNRESET, "remote access error");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, victim_setup, victim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(lengths),
		CASE(longer_than_agreed),
		CASE(write_with_immediate_data),
		CASE(invalidation),
		CASE(tags),
		CASE(pong_without_ping),
		CASE(pings),
		CASE(pings_without_receives),
		CASE(goodbye_and_more),
		CASE(oversteps),
		CASE(records_that_cannot_be),
		CASE(records_outside),
		CASE(records_that_are_right),
		CASE(records_taken_back),
	};

	device_address();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
