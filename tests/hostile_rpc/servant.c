/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hostile_rpc/servant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/e2e/harness.h"
#include "tests/hostile_rpc/scene.h"

/* Credits of a hello, where a test does not choose. */
#define CREDITS 64

void servant_greet(struct raw *raw, uint32_t credits)
{
	struct raw_hello hello = RAW_HELLO;
	struct raw_hello theirs;
	char text[16];

	if (!raw_receive_hello(raw, &theirs, text, sizeof(text)))
		exit(10);
	hello.credits = credits;
	hello.offer = PROBE_ID;
	raw_send_hello(raw, &hello);
}

void servant_acknowledge(struct raw *raw)
{
	struct raw_message message = raw_message(VBI_KIND_CREDIT);

	message.header.flags = VBI_FLAG_CONTROL_ACK;
	raw_send(raw, &message, sizeof(message.header));
}

void servant_await(struct raw *raw, struct raw_message *request)
{
	do {
		if (!raw_receive(raw, request))
			exit(11);
		if (request->header.kind == VBI_KIND_CONTROL)
			servant_acknowledge(raw);
	} while (request->header.kind != VBI_KIND_REQUEST);
}

struct raw_message servant_answer(const struct raw_message *request)
{
	struct raw_message answer = raw_message(VBI_KIND_REPLY);

	answer.header.slot = request->header.slot;
	answer.header.generation = request->header.generation;
	answer.header.interface = request->header.interface;
	answer.header.method = request->header.method;
	answer.header.credits = CREDITS + 1;
	return answer;
}

/* ---- Bulk ---- */

struct move {
	unsigned n_underway;
	int error;
};

static void moved(struct vbi_transfer *transfer, int status)
{
	struct move *move = transfer->owner;

	move->n_underway--;
	if (status && !move->error)
		move->error = status;
}

int servant_move(struct raw *raw, bool is_push, const struct vbi_record *records, uint32_t n,
		 uint8_t *local, uint64_t within_ns)
{
	/* What is still under way when this gives up stays until the connection is closed. */
	struct vbi_transfer *transfers = calloc(n, sizeof(*transfers));
	struct move *move = calloc(1, sizeof(*move));
	uint64_t end_ns = harness_now_ns() + within_ns;

	if (!transfers || !move)
		abort();
	for (uint32_t i = 0; i < n && !move->error; i++) {
		transfers[i] = (struct vbi_transfer){
			.record = records[i],
			.local = local,
			.length = records[i].length,
			.owner = move,
			.done = moved,
		};
		local += records[i].length;
		move->n_underway++;
		move->error = is_push ? raw->ops->push(raw->endpoint, &transfers[i])
				      : raw->ops->pull(raw->endpoint, &transfers[i]);
		if (move->error < 0)
			move->n_underway--;
		else
			move->error = 0;
	}
	while (move->n_underway && harness_now_ns() < end_ns)
		raw_poll(raw);
	if (move->n_underway)
		return -EINPROGRESS;
	n = (uint32_t)-move->error;
	free(transfers);
	free(move);
	return -(int)n;
}

uint32_t servant_records(const struct raw_message *request, uint32_t at,
			 struct vbi_record records[VBI_RECORDS_MAX])
{
	const uint8_t *message = (const uint8_t *)request;
	uint32_t offset, n;

	memcpy(&offset, message + at, sizeof(offset));
	memcpy(&n, message + at + 4, sizeof(n));
	if (!n || n > VBI_RECORDS_MAX || offset > sizeof(*request) - n * sizeof(records[0]))
		exit(12);
	memcpy(records, message + offset, n * sizeof(records[0]));
	return n;
}
