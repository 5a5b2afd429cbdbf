/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Good messages with a few bytes changed, thousands of them, at a server that must neither fall nor
 * disturb its other client. VERBENA_TEST_SEED repeats a run.
 */
#include "tests/hostile_rpc/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long the server is pestered. */
#define RUN_NS 4000000000ull

/* So many have one among them that breaks the protocol. */
#define CONNECTIONS_MIN 20

/* Messages on one connection at most, most of which end it. */
#define MESSAGES_MAX 20

struct sample {
	struct raw_message message;
	uint32_t length;
};

static uint64_t random_state;

/* splitmix64. */
static uint64_t next_random(void)
{
	uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint32_t below(uint32_t limit)
{
	return (uint32_t)(next_random() % limit);
}

/* ---- Good messages ---- */

static struct sample add_sample(void)
{
	return (struct sample){scene_request(PROBE_ADD), 32};
}

static struct sample echo_sample(void)
{
	return (struct sample){scene_request(PROBE_ECHO), 56};
}

static struct sample string_sample(void)
{
	struct sample sample = {scene_request(PROBE_MEASURE), 40};

	scene_put32(&sample.message, 24, 32);
	scene_put32(&sample.message, 28, 4);
	memcpy(sample.message.body + 8, "abc", 4);
	return sample;
}

static struct sample sequence_sample(void)
{
	struct sample sample = {scene_request(PROBE_JOIN), 64};

	scene_put32(&sample.message, 24, 32);
	scene_put32(&sample.message, 28, 16);
	scene_put32(&sample.message, 32, 48);
	scene_put32(&sample.message, 36, 2);
	scene_put32(&sample.message, 40, 56);
	scene_put32(&sample.message, 44, 3);
	memcpy(sample.message.body + 24, "a", 2);
	memcpy(sample.message.body + 32, "bc", 3);
	return sample;
}

static struct sample fill_sample(void)
{
	struct sample sample = {scene_request(PROBE_FILL), 56};

	scene_put64(&sample.message, 32, 100);
	scene_put64(&sample.message, 48, 200);
	return sample;
}

static struct sample check_sample(void)
{
	struct sample sample = {scene_request(PROBE_CHECK), 64};

	scene_put32(&sample.message, 32, 48);
	scene_put64(&sample.message, 40, 16);
	return sample;
}

/* What is exposed is there: records that are changed name something else. */
static struct sample exposed_sample(struct raw *raw, struct vbi_exposure *exposure, bool out)
{
	struct sample sample = {scene_request(out ? PROBE_FILL : PROBE_CHECK), out ? 80 : 72};
	static uint8_t memory[8192];

	*exposure = (struct vbi_exposure){
		.address = memory,
		.length = sizeof(memory),
		.rights = out ? VBI_REMOTE_WRITE : VBI_REMOTE_READ,
	};
	if (raw->failed || raw->endpoint->ops->expose(raw->endpoint, exposure))
		return add_sample();
	scene_put64(&sample.message, out ? 32 : 40, sizeof(memory));
	scene_put32(&sample.message, out ? 40 : 32, out ? 56 : 48);
	scene_put32(&sample.message, out ? 44 : 36, 1);
	if (out)
		scene_put64(&sample.message, 48, sizeof(memory));
	scene_put_record(&sample.message, out ? 56 : 48, &exposure->records[0]);
	return sample;
}

static struct sample bare_sample(enum vbi_kind kind)
{
	return (struct sample){raw_message(kind), sizeof(struct vbi_header)};
}

static struct sample hello_sample(void)
{
	struct raw_hello hello = RAW_HELLO;
	struct sample sample;

	sample.message = raw_hello_message(&hello, &sample.length);
	return sample;
}

static struct sample choose(struct raw *raw, struct vbi_exposure *exposure)
{
	switch (below(12)) {
	case 0:
		return add_sample();
	case 1:
		return echo_sample();
	case 2:
	case 3:
		return string_sample();
	case 4:
	case 5:
		return sequence_sample();
	case 6:
		return fill_sample();
	case 7:
		return check_sample();
	case 8:
		return exposed_sample(raw, exposure, true);
	case 9:
		return exposed_sample(raw, exposure, false);
	case 10:
		return bare_sample((enum vbi_kind)(1 + below(8)));
	default:
		return hello_sample();
	}
}

/* ---- Worse ones ---- */

/* Methods that do what they are told, however foolish: they wait, stop, and send signals. */
static bool is_perilous(uint16_t method)
{
	return (method >= PROBE_HOLD && method <= PROBE_WAIT_FOR_CANCEL) ||
	       (method >= PROBE_SUFFER && method <= PROBE_STOP);
}

static void change(struct sample *sample)
{
	static const uint32_t words[] = {0,  1,	     7,	     8,		 24,	     0x7fffffff,
					 64, 0x8000, 0xffff, 0x80000000, 0xfffffff8, 0xffffffff};
	uint8_t *bytes = (uint8_t *)&sample->message;
	uint32_t at;

	for (unsigned n = below(4); n > 0; n--) {
		/* The length is raw_send()'s: what transports refuse is their tests' matter. */
		at = 4 + below(sample->length - 4);
		if (below(2))
			bytes[at] = (uint8_t)next_random();
		else
			memcpy(bytes + (at & ~3u), &words[below(12)], 4);
	}
	if (below(8) == 0)
		sample->length = 24 + 8 * below(sample->length / 8);
	if (is_perilous(sample->message.header.method))
		sample->message.header.method = PROBE_ADD;
}

static void pester(struct scene *scene)
{
	/* Each stands in a list of the transport's until the end. */
	struct vbi_exposure exposures[MESSAGES_MAX + 1];
	struct raw_message answer;

	scene_go_to(scene, below(10) ? BOUND : CONNECTED);
	for (unsigned n = 1 + below(MESSAGES_MAX); n > 0 && !scene->raw.failed; n--) {
		struct sample sample = choose(&scene->raw, &exposures[n]);

		change(&sample);
		raw_send(&scene->raw, &sample.message, sample.length);
		/* Some are answered; a queue that is full would be the transport's matter again. */
		scene->raw.ops->poll(scene->raw.domain);
		while (scene->raw.n_queued)
			raw_receive(&scene->raw, &answer);
	}
	raw_close(&scene->raw);
}

static void test_changed_messages(void **state)
{
	const char *given = getenv("VERBENA_TEST_SEED");
	struct scene *scene;
	uint64_t end_ns;
	unsigned n = 0;

	(void)state;
	random_state = given ? strtoull(given, NULL, 0) : harness_now_ns();
	print_message("VERBENA_TEST_SEED=0x%llx\n", (unsigned long long)random_state);
	scene = scene_begin("--inflight", "64");
	end_ns = harness_now_ns() + RUN_NS;
	/* Where each connection takes its time, some of them at least. */
	while (harness_now_ns() < end_ns || n < CONNECTIONS_MIN) {
		pester(scene);
		probe_assert_alive(scene->peer);
		n++;
	}
	print_message("%u connections, %llu broke the protocol\n", n,
		      (unsigned long long)probe_counters(scene->peer).protocol_errors);
	assert_true(probe_counters(scene->peer).protocol_errors > 0);
	while (probe_counters(scene->peer).gone + 1 < probe_counters(scene->peer).bound)
		;
	scene_end(scene);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_changed_messages),
};

HARNESS_MAIN(tests, 1)
