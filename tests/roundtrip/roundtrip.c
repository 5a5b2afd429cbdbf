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
#define SEEDS_OF_METHOD	   2  /* for the fuzzer */
#define MUTATIONS_OF_CALL  12
#define MUTATION_BYTES_MAX 3
#define SMALL_HEAP	   160u /* and little else */

extern const struct rt_side new_side;
extern const struct rt_side old_side;

static uint64_t master;
static const char *corpus; /* directory for the fuzzer's seeds; NULL: none are written */
static unsigned n_mutated;
static unsigned n_accepted;

/* ---- libraries ---- */

static void library_plain(struct vb_conn *conn)
{
	(void)conn;
}

/* The largest fixed parts of a side's messages; less no connection may have. */
static void fixed_parts(const struct rt_side *side, uint32_t *request, uint32_t *reply)
{
	struct vb_conn conn;
	struct vb_server server = {&conn};

	side->serve(&server);
	for (uint32_t i = 0; i < conn.service->n_methods; i++) {
		const struct vb_method *const m = conn.service->methods[i].method;

		*request = m->request_fixed > *request ? m->request_fixed : *request;
		*reply = m->reply_fixed > *reply ? m->reply_fixed : *reply;
	}
}

static void library_small(struct vb_conn *conn)
{
	uint32_t request = 0;
	uint32_t reply = 0;

	fixed_parts(&new_side, &request, &reply);
	fixed_parts(&old_side, &request, &reply);
	conn->message_max = request + SMALL_HEAP;
	conn->reply_max = reply + SMALL_HEAP;
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

/* A copy of a message with some bytes changed, or of another length; valid until the next one. */
static const uint8_t *mutate(const uint8_t *original, uint32_t *length, uint64_t seed)
{
	static _Alignas(8) uint8_t message[LOOPBACK_MESSAGE_MAX];
	const unsigned n = 1 + (unsigned)(rt_mix(seed, 0) % MUTATION_BYTES_MAX);

	memcpy(message, original, *length);
	for (unsigned i = 0; i<n && * length> VB_HEADER_SIZE; i++) {
		const uint64_t draw = rt_mix(seed, i + 1);
		const uint32_t at = VB_HEADER_SIZE +
				    (uint32_t)(draw >> 8) % (*length - VB_HEADER_SIZE);

		/* Small changes reach further than random bytes. */
		message[at] = draw & 1 ? (uint8_t)draw
				       : (uint8_t)(message[at] ^ (1u << (draw & 7)));
	}
	if (rt_mix(seed, 90) % 8 == 0)
		*length -= *length > VB_HEADER_SIZE ? 8 : 0;
	return message;
}

/* One message, apart from where the next one will be. */
struct saved {
	_Alignas(8) uint8_t bytes[LOOPBACK_MESSAGE_MAX];
	uint32_t length;
};

static void save(struct saved *saved, const uint8_t *message, uint32_t length)
{
	memcpy(saved->bytes, message, length);
	saved->length = length;
}

/* Writes a seed as fuzz_wire.c reads it. */
static void keep(const struct rt_side *client, const struct rt_side *server, size_t method,
		 bool is_answer, const struct saved *saved)
{
	const uint8_t choices[8] = {
		(uint8_t)((client == &old_side) | (server == &old_side) << 1),
		is_answer,
		(uint8_t)method,
		(uint8_t)rt.seed,
	};
	char path[4096];

	snprintf(path, sizeof(path), "%s/%u-%u-%zu-%u", corpus, choices[0], is_answer, method,
		 choices[3]);
	FILE *const file = fopen(path, "we");
	RT_CHECK(file);
	fwrite(choices, 1, sizeof(choices), file);
	fwrite(saved->bytes + VB_HEADER_SIZE, 1, saved->length - VB_HEADER_SIZE, file);
	RT_CHECK(fclose(file) == 0);
}

/* ANSWERED is the client's side if they are answers, else NULL. */
static void try_mutations(struct vb_peer *peer, const struct rt_method *m,
			  const struct saved *saved, const struct rt_side *answered, uint64_t seed)
{
	for (unsigned i = 0; i < MUTATIONS_OF_CALL; i++) {
		const unsigned n_handled = rt.n_handled;
		uint32_t length = saved->length;
		const uint8_t *const message = mutate(saved->bytes, &length, rt_mix(seed, i));

		if (answered)
			rt_try_answer(answered, peer, m, message, length);
		else
			rt_try_request(loopback_conn(peer), m->number, message, length);
		n_mutated++;
		n_accepted += rt.n_handled != n_handled;
	}
}

/* ---- calls ---- */

static void call_method(struct vb_peer *peer, const struct rt_method *m,
			const struct rt_side *client, const struct rt_side *server, uint64_t seed)
{
	struct vb_conn *const conn = loopback_conn(peer);

	rt.seed = seed;
	rt.is_failing = !corpus && rt_mix(seed, 1) % 8 == 0;
	rt.is_overreaching = !corpus && rt_mix(seed, 2) % 4 == 0;
	const unsigned n_calls = conn->n_calls;
	rt_reset();
	m->call(peer);
	RT_CHECK(conn->n_bad_requests == 0 && conn->n_bad_replies == 0);
	RT_CHECK(conn->n_out_of_range == 0);
	if (conn->n_calls == n_calls || !method_of(server, m->number))
		return;
	static struct saved request;
	static struct saved reply;
	/* An answer that holds what was exposed says so in its header, which is not varied here. */
	const bool has_reply = conn->has_answered && !conn->is_inlining;
	uint32_t length;
	const uint8_t *message = loopback_last_request(&length);

	save(&request, message, length);
	message = loopback_last_reply(&length);
	save(&reply, message, has_reply ? length : 0);
	if (corpus) {
		keep(client, server, (size_t)(m - client->methods), false, &request);
		if (has_reply)
			keep(client, server, (size_t)(m - client->methods), true, &reply);
		return;
	}
	try_mutations(peer, m, &request, NULL, rt_mix(seed, 2000));
	if (has_reply)
		try_mutations(peer, m, &reply, client, rt_mix(seed, 3000));
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
		for (unsigned n = 0; n < (corpus ? SEEDS_OF_METHOD : CALLS_OF_METHOD); n++)
			call_method(peer, &client->methods[i], client, server,
				    corpus ? n : rt_mix(master, (library * 1000 + i) * 1000 + n));
	vb_stub_unbind(peer);
}

/* roundtrip SEED [DIRECTORY]: tests; with a directory, writes seeds for the fuzzer instead. */
int main(int argc, char **argv)
{
	master = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	corpus = argc > 2 ? argv[2] : NULL;
	for (size_t library = 0; library < (corpus ? 1 : N_LIBRARIES); library++) {
		run_pair(&new_side, &new_side, library);
		run_pair(&new_side, &old_side, library);
		run_pair(&old_side, &new_side, library);
	}
	if (corpus)
		return 0;
	printf("%u handled, %u of %u changed messages accepted, %u written again\n", rt.n_handled,
	       n_accepted, n_mutated, rt.n_same);
	/* Were all of them refused, or none, nothing would have been tested. */
	RT_CHECK(n_accepted > 0 && n_accepted < n_mutated && rt.n_same > 0);
	return 0;
}
