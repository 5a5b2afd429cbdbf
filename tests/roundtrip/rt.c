// SPDX-License-Identifier: Apache-2.0
#include "rt.h"

#define MEMORY_MAX (8u << 20)
#define GUARD_SIZE 16u
#define GUARD	   0xc3

struct rt_state rt;

/* What an answer was, while it is given again. */
static const uint8_t *given;
static uint32_t given_length;

static _Alignas(16) uint8_t memory[MEMORY_MAX];
static size_t memory_used;

uint64_t rt_mix(uint64_t seed, uint64_t index)
{
	uint64_t x = seed + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Blocks lie behind each other: their guards are found by their sizes, kept in front. */
void *rt_alloc(uint64_t size)
{
	const size_t whole = (16 + size + GUARD_SIZE + 15) & ~(size_t)15;
	uint8_t *const block = memory + memory_used;

	RT_CHECK(whole <= MEMORY_MAX - memory_used);
	memory_used += whole;
	memcpy(block, &size, sizeof(size));
	memset(block + 16 + size, GUARD, GUARD_SIZE);
	return block + 16;
}

void rt_reset(void)
{
	size_t at = 0;

	while (at < memory_used) {
		uint64_t size;

		memcpy(&size, memory + at, sizeof(size));
		RT_CHECK(rt_is_filled(memory + at + 16 + size, GUARD_SIZE, GUARD));
		at += (16 + size + GUARD_SIZE + 15) & ~(size_t)15;
	}
	memory_used = 0;
}

const char *rt_string(uint64_t seed, uint32_t bound)
{
	const uint64_t size = rt_mix(seed, 0) % ((uint64_t)bound + 1);
	char *const string = rt_alloc(size + 1);

	for (uint64_t i = 0; i < size; i++)
		string[i] = (char)(1 + rt_mix(seed, i + 1) % 255);
	string[size] = 0;
	return string;
}

void *rt_bytes(uint64_t seed, uint64_t size)
{
	uint8_t *const bytes = rt_alloc(size);

	for (uint64_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)rt_mix(seed, i);
	return bytes;
}

bool rt_is_filled(const void *place, size_t size, uint8_t with)
{
	const uint8_t *const bytes = place;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != with)
			return false;
	return true;
}

struct vb_peer *rt_capture(const struct vb_request *req, const struct rt_side *side)
{
	struct vb_peer *const peer = side->bind(rt.capture);

	peer->minor = req->minor;
	rt.capture->n_exposures = 0;
	return peer;
}

void rt_captured(const struct vb_request *req, struct vb_peer *peer, unsigned n_buffers)
{
	bool is_exposed = rt.capture->n_exposures > 0;

	for (unsigned i = 0; i < n_buffers; i++)
		is_exposed |= req->buffers[i].records != NULL;
	if (!is_exposed) {
		RT_CHECK(rt.capture->captured_length == rt.request_length);
		RT_CHECK(memcmp(rt.capture->captured + VB_HEADER_SIZE, rt.request + VB_HEADER_SIZE,
				rt.request_length - VB_HEADER_SIZE) == 0);
		rt.n_same++;
	}
	vb_stub_unbind(peer);
}

void rt_replay(struct vb_peer *peer)
{
	struct vb_conn *const conn = loopback_conn(peer);

	given = conn->answer;
	given_length = conn->answer_length;
	conn->answer = NULL;
	rt.is_replaying = true;
}

void rt_replayed(struct vb_peer *peer)
{
	uint32_t length;
	const uint8_t *const reply = loopback_last_reply(&length);

	RT_CHECK(loopback_conn(peer)->n_out_of_range == 0);
	RT_CHECK(length == given_length);
	RT_CHECK(memcmp(reply + VB_HEADER_SIZE, given + VB_HEADER_SIZE, length - VB_HEADER_SIZE) ==
		 0);
	rt.is_replaying = false;
	rt.n_same++;
}

void rt_try_request(struct vb_conn *conn, uint16_t number, const uint8_t *message, uint32_t length)
{
	static uint8_t captured[LOOPBACK_MESSAGE_MAX];
	static struct vb_conn capture;

	loopback_init(&capture);
	capture.captured = captured;
	rt.capture = &capture;
	rt.request = message;
	rt.request_length = length;
	rt.is_reencoding = true;
	rt.is_failing = false;
	conn->is_hostile = true;
	rt_reset();
	loopback_serve(conn, number, message, length, (uint16_t)rt.agreed);
	conn->is_hostile = false;
	conn->n_bad_requests = 0;
	conn->n_out_of_range = 0;
	rt.is_reencoding = false;
}

void rt_try_answer(const struct rt_side *side, struct vb_peer *peer, const struct rt_method *method,
		   const uint8_t *message, uint32_t length)
{
	struct vb_conn *const conn = loopback_conn(peer);
	const struct vb_conn saved = *conn;
	struct vb_server server = {conn};

	side->serve(&server);
	conn->answer = message;
	conn->answer_length = length;
	rt.is_answered = true;
	rt.is_failing = false;
	rt.is_overreaching = false;
	rt_reset();
	method->call(peer);
	rt.is_answered = false;
	*conn = saved;
}
