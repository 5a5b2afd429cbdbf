// SPDX-License-Identifier: Apache-2.0
/*
 * Every method of a random interface, between every pair of versions, over libraries that decide
 * differently: each value arrives, each refusal is the right one, and bytes that are accepted are
 * the only ones for their value.
 */
#include <errno.h>
#include <inttypes.h>

#include "rt.h"

#define CALLS_OF_METHOD	   12 /* seeds for each method, pair and library */
#define MUTATIONS_OF_CALL  12
#define MUTATION_BYTES_MAX 3
#define SMALL_MESSAGE	   1024u

extern const struct rt_side new_side;
extern const struct rt_side old_side;

static uint64_t master;
static unsigned n_mutated;
static unsigned n_accepted;

/* ---- libraries ---- */

static void library_plain(struct vb_conn *conn)
{
	(void)conn;
}

static void library_small(struct vb_conn *conn)
{
	conn->message_max = SMALL_MESSAGE;
	conn->reply_max = SMALL_MESSAGE;
}

static void library_late(struct vb_conn *conn)
{
	conn->is_deferring = true;
	conn->record_covers = 100;
}

static void library_inlining(struct vb_conn *conn)
{
	conn->is_inlining = true;
}

static void (*const libraries[])(struct vb_conn *conn) = {
	library_plain,
	library_small,
	library_late,
	library_inlining,
};
#define N_LIBRARIES (sizeof(libraries) / sizeof(libraries[0]))

/* ---- anybody's bytes ---- */

static const struct rt_method *method_of(const struct rt_side *side, uint16_t number)
{
	for (size_t i = 0; i < side->n_methods; i++)
		if (side->methods[i].number == number)
			return &side->methods[i];
	return NULL;
}

/* Changes some bytes, or the length, of the last request, and serves it. */
static void serve_mutated(struct vb_conn *conn, uint16_t number, uint64_t seed)
{
	static _Alignas(8) uint8_t message[LOOPBACK_MESSAGE_MAX];
	uint32_t length;
	const uint8_t *const sent = loopback_last_request(&length);
	const unsigned n = 1 + (unsigned)(rt_mix(seed, 0) % MUTATION_BYTES_MAX);

	memcpy(message, sent, length);
	for (unsigned i = 0; i < n && length > VB_HEADER_SIZE; i++) {
		const uint64_t draw = rt_mix(seed, i + 1);
		const uint32_t at = VB_HEADER_SIZE +
				    (uint32_t)(draw >> 8) % (length - VB_HEADER_SIZE);

		/* Small changes reach further than random bytes. */
		message[at] = draw & 1 ? (uint8_t)draw
				       : (uint8_t)(message[at] ^ (1u << (draw & 7)));
	}
	if (rt_mix(seed, 90) % 8 == 0)
		length -= length > VB_HEADER_SIZE ? 8 : 0;
	rt.request = message;
	rt.request_length = length;
	rt.is_reencoding = true;
	conn->is_hostile = true;
	const unsigned n_handled = rt.n_handled;
	loopback_serve(conn, number, message, length, (uint16_t)rt.agreed);
	n_mutated++;
	n_accepted += rt.n_handled != n_handled;
	conn->is_hostile = false;
	rt.is_reencoding = false;
}

/* ---- calls ---- */

static void call_method(struct vb_conn *conn, struct vb_peer *peer, const struct rt_method *m,
			const struct rt_side *server, uint64_t seed)
{
	rt.seed = seed;
	rt.is_failing = rt_mix(seed, 1) % 8 == 0;
	rt.is_overreaching = rt_mix(seed, 2) % 4 == 0;
	const unsigned n_calls = conn->n_calls;
	rt_reset();
	m->call(peer);
	RT_CHECK(conn->n_bad_requests == 0 && conn->n_bad_replies == 0);
	RT_CHECK(conn->n_out_of_range == 0);
	if (conn->n_calls == n_calls || !method_of(server, m->number))
		return;
	for (unsigned i = 0; i < MUTATIONS_OF_CALL; i++) {
		rt_reset();
		serve_mutated(conn, m->number, rt_mix(seed, 2000 + i));
	}
	conn->n_bad_requests = 0;
	conn->n_out_of_range = 0;
}

static void run_pair(const struct rt_side *client, const struct rt_side *server, size_t library)
{
	struct vb_conn conn;
	struct vb_server end = {&conn};

	loopback_init(&conn);
	libraries[library](&conn);
	server->serve(&end);
	struct vb_peer *const peer = client->bind(&conn);
	rt.agreed = peer->minor;
	rt.is_tight = conn.message_max < LOOPBACK_MESSAGE_MAX;
	for (size_t i = 0; i < client->n_methods; i++)
		for (unsigned n = 0; n < CALLS_OF_METHOD; n++)
			call_method(&conn, peer, &client->methods[i], server,
				    rt_mix(master, (library * 1000 + i) * 1000 + n));
	vb_stub_unbind(peer);
}

int main(int argc, char **argv)
{
	static uint8_t captured[LOOPBACK_MESSAGE_MAX];
	static struct vb_conn capture;

	master = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	loopback_init(&capture);
	capture.captured = captured;
	rt.capture = &capture;
	for (size_t library = 0; library < N_LIBRARIES; library++) {
		run_pair(&new_side, &new_side, library);
		run_pair(&new_side, &old_side, library);
		run_pair(&old_side, &new_side, library);
	}
	printf("%u handled, %u of %u changed messages accepted, %u written again\n", rt.n_handled,
	       n_accepted, n_mutated, rt.n_same);
	/* Were all of them refused, or none, nothing would have been tested. */
	RT_CHECK(n_accepted > 0 && n_accepted < n_mutated && rt.n_same > 0);
	return 0;
}
