/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that lie about the bytes of a call. */
#include "tests/hostile_rpc/scene.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Bulk ---- */

/* check(seed, buffer[n], n) with N_RECORDS records at 48 that the field says are at OFFSET. */
static struct raw_message check_request(uint64_t n, uint32_t offset, uint32_t n_records,
					const struct vbi_record *records, uint32_t length)
{
	struct raw_message message = scene_request(PROBE_CHECK);

	scene_put32(&message, 32, offset);
	scene_put32(&message, 36, n_records);
	scene_put64(&message, 40, n);
	for (uint32_t i = 0; records && i < n_records && i < (length - 48) / 24; i++)
		scene_put_record(&message, 48 + i * 24, &records[i]);
	return message;
}

static void send_check(struct raw *raw, uint64_t n, uint32_t offset, uint32_t n_records,
		       const struct vbi_record *records, uint32_t length)
{
	struct raw_message message = check_request(n, offset, n_records, records, length);

	raw_send(raw, &message, length);
}

/* fill(seed, length, buffer[room], room) of all that RECORD has. */
static void send_fill(struct raw *raw, const struct vbi_record *record)
{
	struct raw_message message = scene_request(PROBE_FILL);

	scene_put64(&message, 32, record->length);
	scene_put32(&message, 40, 56);
	scene_put32(&message, 44, 1);
	scene_put64(&message, 48, record->length);
	scene_put_record(&message, 56, record);
	raw_send(raw, &message, 80);
}

/* But for its key it is as those of memory to be read are: over shared memory the flags are rights,
 * over verbs there are none. */
static struct vbi_record good_looking(void)
{
	return (struct vbi_record){
		.length = 4096,
		.flags = harness_is_rdma() ? 0 : VBI_REMOTE_READ,
	};
}

static void inline_bytes_that_are_not_there(struct raw *raw)
{
	send_check(raw, 1000, 48, 0, NULL, 48);
}

static void inline_bytes_off_their_place(struct raw *raw)
{
	send_check(raw, 8, 56, 0, NULL, 64);
}

static void inline_bytes_beyond_64_bits(struct raw *raw)
{
	send_check(raw, UINT64_MAX, 48, 0, NULL, 56);
}

static void above_max_transfer(struct raw *raw)
{
	struct vbi_record record = good_looking();

	record.length = (64ull << 20) + 1;
	send_check(raw, record.length, 48, 1, &record, 72);
}

static void seventeen_records(struct raw *raw)
{
	struct vbi_record records[17];

	for (unsigned i = 0; i < 17; i++)
		records[i] = good_looking();
	send_check(raw, 17 * 4096, 48, 17, records, 48 + 17 * 24);
}

static void records_beyond_32_bits(struct raw *raw)
{
	send_check(raw, 4096, 48, UINT32_MAX, NULL, 72);
}

static void records_off_their_place(struct raw *raw)
{
	const struct vbi_record record = good_looking();

	send_check(raw, 4096, 56, 1, &record, 80);
}

static void records_that_are_not_there(struct raw *raw)
{
	const struct vbi_record record = good_looking();

	send_check(raw, 8192, 48, 2, &record, 72);
}

static void records_that_add_up_to_less(struct raw *raw)
{
	const struct vbi_record record = good_looking();

	send_check(raw, 4097, 48, 1, &record, 72);
}

static void records_that_add_up_to_more(struct raw *raw)
{
	const struct vbi_record record = good_looking();

	send_check(raw, 4095, 48, 1, &record, 72);
}

static void record_of_no_bytes(struct raw *raw)
{
	struct vbi_record records[2] = {good_looking(), good_looking()};

	records[1].length = 0;
	send_check(raw, 4096, 48, 2, records, 96);
}

static void records_that_overflow(struct raw *raw)
{
	struct vbi_record records[3] = {good_looking(), good_looking(), good_looking()};

	records[1].length = UINT64_MAX - 4095;
	send_check(raw, 4096, 48, 3, records, 120);
}

static void record_far_outside(struct raw *raw)
{
	struct vbi_record record = good_looking();

	record.address = 1ull << 40;
	send_check(raw, 4096, 48, 1, &record, 72);
}

static void record_across_the_end(struct raw *raw)
{
	struct vbi_record record = good_looking();

	record.address = (16u << 20) - 4095;
	send_check(raw, 4096, 48, 1, &record, 72);
}

static void record_that_wraps(struct raw *raw)
{
	struct vbi_record record = good_looking();

	record.address = UINT64_MAX - 100;
	send_check(raw, 4096, 48, 1, &record, 72);
}

static void record_of_no_slot(struct raw *raw)
{
	struct vbi_record record = good_looking();

	record.key = 0xffff;
	send_check(raw, 4096, 48, 1, &record, 72);
}

static void record_without_the_right(struct raw *raw)
{
	struct vbi_record record = good_looking();

	record.flags = VBI_REMOTE_WRITE;
	send_check(raw, 4096, 48, 1, &record, 72);
}

static void record_with_unknown_flags(struct raw *raw)
{
	struct vbi_record record = good_looking();

	record.flags |= 0x10000000;
	send_check(raw, 4096, 48, 1, &record, 72);
}

/* fill(seed, length, buffer[room], room) wants its bytes in an answer that cannot hold them. */
static void room_beyond_the_reply(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_FILL);

	scene_put64(&message, 48, 1 << 20);
	raw_send(raw, &message, 56);
}

static void room_beyond_64_bits(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_FILL);

	scene_put64(&message, 48, UINT64_MAX);
	raw_send(raw, &message, 56);
}

static void out_buffer_with_an_offset(struct raw *raw)
{
	struct raw_message message = scene_request(PROBE_FILL);

	scene_put32(&message, 40, 56);
	scene_put64(&message, 48, 100);
	raw_send(raw, &message, 56);
}

static void test_bulk(void **state)
{
	static const struct breach breaches[] = {
		BREACH(BOUND, inline_bytes_that_are_not_there),
		BREACH(BOUND, inline_bytes_off_their_place),
		BREACH(BOUND, inline_bytes_beyond_64_bits),
		BREACH(BOUND, above_max_transfer),
		BREACH(BOUND, seventeen_records),
		BREACH(BOUND, records_beyond_32_bits),
		BREACH(BOUND, records_off_their_place),
		BREACH(BOUND, records_that_are_not_there),
		BREACH(BOUND, records_that_add_up_to_less),
		BREACH(BOUND, records_that_add_up_to_more),
		BREACH(BOUND, record_of_no_bytes),
		BREACH(BOUND, records_that_overflow),
		BREACH(BOUND, record_that_wraps),
		BREACH(BOUND, record_with_unknown_flags),
		BREACH(BOUND, room_beyond_the_reply),
		BREACH(BOUND, room_beyond_64_bits),
		BREACH(BOUND, out_buffer_with_an_offset),
	};

	(void)state;
	SCENE_RUN(breaches);
}

static void test_records_that_the_library_refuses(void **state)
{
	static const struct breach breaches[] = {
		BREACH(BOUND, record_far_outside),
		BREACH(BOUND, record_across_the_end),
		BREACH(BOUND, record_of_no_slot),
		BREACH(BOUND, record_without_the_right),
	};

	(void)state;
	harness_only_shm("what records name is looked at by the peer's device");
	SCENE_RUN(breaches);
}

/* ---- Memory of the client's that is not exposed ---- */

/* Small enough to be copied, and large enough to be registered. Neither fits an answer. */
static const uint64_t exposed_sizes[] = {64u << 10, 1u << 20};

/* What is said of memory that is exposed with RIGHTS, of which RECORD tells the truth. */
struct lie {
	const char *name;
	unsigned rights;
	void (*tell)(struct raw *raw, struct vbi_record *record);
};

static void name_no_key(struct raw *raw, struct vbi_record *record)
{
	record->key ^= 0x5a5a5a00;
	send_check(raw, record->length, 48, 1, record, 72);
}

static void name_the_key_0(struct raw *raw, struct vbi_record *record)
{
	record->key = 0;
	send_check(raw, record->length, 48, 1, record, 72);
}

static void name_nobodys_memory(struct raw *raw, struct vbi_record *record)
{
	record->address = 4096;
	send_check(raw, record->length, 48, 1, record, 72);
}

static void name_memory_far_outside(struct raw *raw, struct vbi_record *record)
{
	record->address += 1ull << 40;
	send_check(raw, record->length, 48, 1, record, 72);
}

/* Longer than any memory that is registered for so little. */
static void name_memory_across_the_end(struct raw *raw, struct vbi_record *record)
{
	record->length = 32u << 20;
	send_check(raw, record->length, 48, 1, record, 72);
}

static void write_without_the_right(struct raw *raw, struct vbi_record *record)
{
	send_fill(raw, record);
}

static void read_without_the_right(struct raw *raw, struct vbi_record *record)
{
	send_check(raw, record->length, 48, 1, record, 72);
}

static void tell_lie(struct scene *scene, const struct lie *lie, uint64_t size)
{
	struct vbi_exposure exposure = {
		.address = calloc(1, size),
		.length = size,
		.rights = lie->rights,
	};
	struct vbi_endpoint *endpoint;

	scene_go_to(scene, BOUND);
	endpoint = scene->raw.endpoint;
	assert_int_equal(endpoint->ops->expose(endpoint, &exposure), 0);
	lie->tell(&scene->raw, &exposure.records[0]);
	probe_assert_alive(scene->peer);
	if (!raw_ended(&scene->raw))
		fail_msg("%s, of %u bytes: the server answers", lie->name, (unsigned)size);
	for (uint64_t i = 0; i < size; i++)
		assert_int_equal(((const uint8_t *)exposure.address)[i], 0);
	raw_close(&scene->raw);
	free(exposure.address);
	probe_assert_alive(scene->peer);
}

#define LIE(rights, tell)           \
	{                           \
#tell, rights, tell \
	}

/* What a device has to look at, it refuses: that ends the connection, and is no breach of the
 * rules, for so does a client that has just taken its memory back. */
static void test_records_that_a_device_refuses(void **state)
{
	static const struct lie lies[] = {
		LIE(VBI_REMOTE_READ, name_no_key),
		LIE(VBI_REMOTE_READ, name_the_key_0),
		LIE(VBI_REMOTE_READ, name_nobodys_memory),
		LIE(VBI_REMOTE_READ, name_memory_far_outside),
		LIE(VBI_REMOTE_READ, name_memory_across_the_end),
		LIE(VBI_REMOTE_READ, write_without_the_right),
		LIE(VBI_REMOTE_WRITE, read_without_the_right),
	};
	const unsigned n = 2 * sizeof(lies) / sizeof(lies[0]);
	struct scene *scene;

	(void)state;
	harness_only_rdma("the records are looked at by the library");
	scene = scene_begin("--inflight", "64");
	for (unsigned i = 0; i < n; i++)
		tell_lie(scene, &lies[i / 2], exposed_sizes[i % 2]);
	assert_int_equal(probe_counters(scene->peer).protocol_errors, 0);
	while (probe_counters(scene->peer).gone < n)
		;
	scene_end(scene);
}

/* ---- Outstanding requests ---- */

/* So many in a row do not come too late, as they leave together. */
#define OVERLAPS 20

/* What is exposed is more than comes at once; over shared memory nothing of it does, since this
 * client does not move on. */
static struct raw_message endless(struct scene *scene, struct vbi_exposure *exposure)
{
	struct raw *raw = &scene->raw;

	exposure->address = calloc(1, 4u << 20);
	exposure->length = 4u << 20;
	exposure->rights = VBI_REMOTE_READ;
	assert_int_equal(raw->endpoint->ops->expose(raw->endpoint, exposure), 0);
	return check_request(exposure->length, 48, exposure->n_records, exposure->records, 72);
}

/* Whether it was told anything, as it should not be: over verbs a client may be so late with the
 * second request that the first is over. */
static bool is_told(struct raw *raw)
{
	if (harness_is_rdma())
		raw_poll(raw);
	return raw->n_queued || raw->failed;
}

/* A request, and one that comes too early behind it. False: it did not. */
static bool overlap(struct scene *scene)
{
	struct raw_message second = scene_request(PROBE_ADD);
	struct vbi_exposure exposure = {0};
	struct raw_message first;
	bool is_over, is_counted;

	scene_go_to(scene, BOUND);
	first = endless(scene, &exposure);
	raw_send_more(&scene->raw, &first, 72);
	raw_send(&scene->raw, &second, 32);
	do {
		is_over = is_told(&scene->raw);
		is_counted = probe_counters(scene->peer).protocol_errors;
	} while (!is_counted && !is_over);
	if (is_counted)
		assert_true(raw_ended(&scene->raw));
	raw_close(&scene->raw);
	free(exposure.address);
	return is_counted;
}

static void outstanding(const char *inflight)
{
	struct scene *scene = scene_begin("--inflight", inflight);
	unsigned n = 0;

	while (!overlap(scene))
		if (++n == OVERLAPS)
			fail_msg("of %u requests that came too early none was", n);
	scene_end(scene);
}

static void test_slot_in_use(void **state)
{
	(void)state;
	outstanding("64");
}

static void test_request_without_credit(void **state)
{
	(void)state;
	outstanding("1");
}

/* Names memory that is not exposed. Over shared memory the client is told, over verbs its device
 * ends the connection. */
static void name_unexposed(struct scene *scene, const struct vbi_record *record)
{
	struct raw_message message;

	send_check(&scene->raw, record->length, 48, 1, record, 72);
	if (harness_is_rdma()) {
		assert_true(raw_ended(&scene->raw));
	} else {
		assert_true(raw_receive(&scene->raw, &message));
		assert_int_equal(message.header.kind, VBI_KIND_FAILURE);
	}
	raw_close(&scene->raw);
}

/* A key that was never opened, or is closed: no bytes are moved. */
static void test_closed_exposure(void **state)
{
	struct scene *scene = scene_begin("--inflight", "64");
	struct vbi_record record = good_looking();
	struct vbi_exposure exposure = {.length = 1u << 20, .rights = VBI_REMOTE_READ};

	(void)state;
	scene_go_to(scene, BOUND);
	name_unexposed(scene, &record);
	scene_go_to(scene, BOUND);
	exposure.address = calloc(1, exposure.length);
	scene->raw.ops->expose(scene->raw.endpoint, &exposure);
	record = exposure.records[0];
	scene->raw.ops->revoke(scene->raw.endpoint, &exposure, VBI_REVOKE_ANSWERED);
	name_unexposed(scene, &record);
	assert_int_equal(probe_counters(scene->peer).bulk_pulled, 0);
	assert_int_equal(probe_counters(scene->peer).protocol_errors, 0);
	free(exposure.address);
	scene_end(scene);
}

/* Memory that is named twice, and in the arena. What the client then gets is its own affair. */
static void test_overlapping_records(void **state)
{
	struct scene *scene = scene_begin("--inflight", "64");

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct vbi_exposure exposure = {.length = 4096, .rights = VBI_REMOTE_READ};
		struct vbi_endpoint *endpoint;
		struct vbi_record records[2];
		struct raw_message message;
		void *memory;

		scene_go_to(scene, BOUND);
		endpoint = scene->raw.endpoint;
		memory = i ? endpoint->ops->memory_alloc(endpoint, 4096, NULL) : calloc(1, 4096);
		assert_non_null(memory);
		exposure.address = memory;
		assert_int_equal(endpoint->ops->expose(endpoint, &exposure), 0);
		records[0] = records[1] = exposure.records[0];
		send_check(&scene->raw, 8192, 48, 2, records, 96);
		if (raw_receive(&scene->raw, &message)) {
			assert_int_equal(message.header.kind, VBI_KIND_FAILURE);
			assert_int_equal(message.header.slot, SCENE_SLOT);
		}
		raw_close(&scene->raw);
		if (i)
			scene->raw.ops->memory_free(memory);
		else
			free(memory);
		probe_assert_alive(scene->peer);
	}
	scene_end(scene);
}

/* Hangs up in the middle of everything, many times. */
static void test_hanging_up(void **state)
{
	struct scene *scene = scene_begin("--inflight", "64");
	struct vbi_exposure exposure;
	struct raw_message message;

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		scene_go_to(scene, i % 3 == 0 ? CONNECTED : i % 3 == 1 ? GREETED : BOUND);
		if (i % 3 == 2) {
			memset(&exposure, 0, sizeof(exposure));
			message = endless(scene, &exposure);
			raw_send(&scene->raw, &message, 72);
			free(exposure.address);
		}
		raw_close(&scene->raw);
		probe_assert_alive(scene->peer);
	}
	while (probe_counters(scene->peer).gone < 10)
		;
	assert_int_equal(probe_counters(scene->peer).gone, 10);
	assert_int_equal(probe_counters(scene->peer).protocol_errors, 0);
	scene_end(scene);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_bulk),
	HARNESS_TEST(test_records_that_the_library_refuses),
	HARNESS_TEST(test_records_that_a_device_refuses),
	HARNESS_TEST(test_slot_in_use),
	HARNESS_TEST(test_request_without_credit),
	HARNESS_TEST(test_closed_exposure),
	HARNESS_TEST(test_overlapping_records),
	HARNESS_TEST(test_hanging_up),
};

HARNESS_MAIN(tests, 2)
