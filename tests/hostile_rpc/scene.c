/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hostile_rpc/scene.h"

#include <stdlib.h>
#include <string.h>

struct scene *scene_begin(const char *option, const char *value)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	probe_start(&scene->probe, option, value, NULL);
	scene->conn = probe_connect(&scene->probe, NULL);
	scene->peer = probe_bind(scene->conn);
	return scene;
}

void scene_end(struct scene *scene)
{
	probe_assert_alive(scene->peer);
	probe_peer_free(scene->peer);
	vb_conn_close(scene->conn);
	probe_end(&scene->probe);
	free(scene);
}

void scene_go_to(struct scene *scene, enum scene_stage stage)
{
	struct raw_hello hello = RAW_HELLO;
	struct raw_message ack;
	char text[300];

	assert_true(raw_connect(&scene->raw, scene->probe.address));
	if (stage == CONNECTED)
		return;
	raw_send_hello(&scene->raw, &hello);
	assert_true(raw_receive_hello(&scene->raw, &hello, text, sizeof(text)));
	assert_int_equal(hello.errnum, 0);
	if (stage == GREETED)
		return;
	raw_send_bind(&scene->raw, 1, PROBE_ID, 1, 1);
	assert_true(raw_receive(&scene->raw, &ack));
	assert_int_equal(ack.header.flags, VBI_FLAG_CONTROL_ACK);
}

static void run_one(struct scene *scene, const struct breach *breach)
{
	uint64_t before = probe_counters(scene->peer).protocol_errors;
	uint64_t counted;

	scene_go_to(scene, breach->stage);
	breach->commit(&scene->raw);
	/* The other client works on while the server finds out. */
	probe_assert_alive(scene->peer);
	if (!raw_ended(&scene->raw))
		fail_msg("%s: the server answers it (kind %u, status %u)", breach->name,
			 scene->raw.queue[0].header.kind, scene->raw.queue[0].header.status);
	probe_assert_alive(scene->peer);
	counted = probe_counters(scene->peer).protocol_errors - before;
	if (counted != 1)
		fail_msg("%s: %u breaches counted", breach->name, (unsigned)counted);
	raw_close(&scene->raw);
}

void scene_run(const struct breach *breaches, size_t n)
{
	struct scene *scene = scene_begin("--inflight", "64");

	for (size_t i = 0; i < n; i++)
		run_one(scene, &breaches[i]);
	scene_end(scene);
}

struct raw_message scene_request(enum probe_method method)
{
	struct raw_message message = raw_message(VBI_KIND_REQUEST);

	message.header.slot = SCENE_SLOT;
	message.header.generation = SCENE_GENERATION;
	message.header.interface = 1;
	message.header.method = (uint16_t)method;
	message.header.time = 1000000;
	return message;
}

void scene_put32(struct raw_message *message, uint32_t at, uint32_t value)
{
	memcpy(message->body + at - sizeof(message->header), &value, sizeof(value));
}

void scene_put64(struct raw_message *message, uint32_t at, uint64_t value)
{
	memcpy(message->body + at - sizeof(message->header), &value, sizeof(value));
}

void scene_put_record(struct raw_message *message, uint32_t at, const struct vbi_record *record)
{
	memcpy(message->body + at - sizeof(message->header), record, sizeof(*record));
}

void scene_send_kind(struct raw *raw, unsigned kind)
{
	struct raw_message message = raw_message((enum vbi_kind)kind);

	raw_send(raw, &message, sizeof(message.header));
}

void scene_send_noise(struct raw *raw)
{
	struct raw_message message = raw_message(VBI_KIND_CONTROL);

	memset(message.body, 0xa7, sizeof(message.body));
	scene_put32(&message, 24, 996);
	memset(message.body + 1000, 0, 8);
	raw_send(raw, &message, 1024);
}
