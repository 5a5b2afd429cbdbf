// SPDX-License-Identifier: Apache-2.0
/* Anybody's bytes, for either half of a stub: over the loop-back only. */
#include "rt.h"

/* What an answer was, while it is given again. */
static const uint8_t *given;
static uint32_t given_length;

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
