/* SPDX-License-Identifier: Apache-2.0 */
/* What the probe server does for its clients. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/mallocs.h"
#include "tests/e2e/pattern.h"
#include "tests/e2e/probe_server.h"

/* ---- Plain calls ---- */

static int on_echo(struct vb_request *req, const struct probe_block *sent, struct probe_block *got)
{
	(void)req;
	for (unsigned i = 0; i < 4; i++)
		got->words[i] = sent->words[i] + 1;
	return 0;
}

static int32_t on_add(struct vb_request *req, int32_t a, int32_t b)
{
	(void)req;
	/* Anybody's numbers: without overflow. */
	return (int32_t)((uint32_t)a + (uint32_t)b);
}

static int32_t on_newer(struct vb_request *req, int32_t number)
{
	(void)req;
	return number;
}

static int32_t on_measure(struct vb_request *req, const char *text)
{
	int32_t length = 0;

	(void)req;
	for (; text[length]; length++) {
		if (text[length] != 'a' + length % 26) {
			errno = EILSEQ;
			return -1;
		}
	}
	return length;
}

static int32_t on_join(struct vb_request *req, const char *const *texts, uint32_t n_texts,
		       uint32_t *n)
{
	int32_t length = 0;

	(void)req;
	for (uint32_t i = 0; i < n_texts; i++)
		length += (int32_t)strlen(texts[i]);
	*n = n_texts;
	return length;
}

/* ---- Buffers ---- */

static int64_t on_fill(struct vb_request *req, uint64_t seed, uint64_t length, void *buffer,
		       uint64_t room)
{
	(void)req;
	if (length > room)
		length = room;
	pattern_fill(buffer, length, seed);
	return (int64_t)length;
}

static int64_t on_check(struct vb_request *req, uint64_t seed, const void *buffer, uint64_t n)
{
	(void)req;
	if (pattern_is(buffer, n, seed))
		return (int64_t)n;
	errno = EILSEQ;
	return -1;
}

static int64_t on_flip(struct vb_request *req, void *buffer, uint64_t n)
{
	(void)req;
	pattern_flip(buffer, n);
	return (int64_t)n;
}

static int on_untouched(struct vb_request *req, void *buffer, uint64_t n)
{
	(void)req;
	(void)buffer;
	(void)n;
	return 0;
}

static int on_three(struct vb_request *req, uint64_t seed, uint32_t room_a, uint32_t *a_bytes,
		    void *a, struct probe_mark *first, uint32_t room_b, uint32_t *b_bytes, void *b,
		    uint32_t room_c, uint32_t *c_bytes, void *c, struct probe_mark *second)
{
	(void)req;
	(void)room_a;
	(void)room_b;
	(void)room_c;
	*first = (struct probe_mark){.number = *a_bytes, .again = 1};
	*second = (struct probe_mark){.number = *c_bytes, .again = 2};
	pattern_fill(a, *a_bytes, seed);
	pattern_fill(b, *b_bytes, seed + 1);
	pattern_fill(c, *c_bytes, seed + 2);
	return 0;
}

static int on_sum(struct vb_request *req, const uint32_t *items, uint32_t n, uint64_t *total)
{
	(void)req;
	for (uint32_t i = 0; i < n; i++)
		*total += items[i];
	return 0;
}

static int64_t on_claim(struct vb_request *req, int64_t length, void *buffer, uint64_t n)
{
	(void)req;
	(void)buffer;
	(void)n;
	return length;
}

/* ---- One-way ---- */

static void on_post(struct vb_request *req, uint64_t value, const void *data, uint32_t n)
{
	(void)req;
	probe_server.n_posted++;
	probe_server.posted_total += pattern_is(data, n, value) ? value : UINT32_MAX;
}

static int on_posted(struct vb_request *req, uint64_t *count, uint64_t *total)
{
	(void)req;
	*count = probe_server.n_posted;
	*total = probe_server.posted_total;
	return 0;
}

/* ---- Late ---- */

static int on_hold(struct vb_request *req)
{
	(void)req;
	probe_server_report(PROBE_HOLDING);
	probe_server_pass_gate();
	return 0;
}

static int64_t on_hold_fill(struct vb_request *req, uint64_t seed, void *buffer, uint64_t n)
{
	on_hold(req);
	pattern_fill(buffer, n, seed);
	probe_server_report(PROBE_WRITTEN);
	return (int64_t)n;
}

static int64_t on_hold_check(struct vb_request *req, uint64_t seed, const void *buffer, uint64_t n)
{
	on_hold(req);
	return on_check(req, seed, buffer, n);
}

static int on_wait_for_cancel(struct vb_request *req, uint64_t *remaining_ns)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	while (!vb_request_canceled(req))
		nanosleep(&moment, NULL);
	*remaining_ns = vb_request_remaining_ns(req);
	/* Let go when the caller has left: an answer right now might be just in time. */
	probe_server_report(PROBE_CANCELED);
	probe_server_pass_gate();
	return 0;
}

static int on_remaining(struct vb_request *req, uint64_t *nanoseconds)
{
	*nanoseconds = vb_request_remaining_ns(req);
	return 0;
}

/* ---- Failures ---- */

static int32_t on_fail(struct vb_request *req, int32_t errnum)
{
	(void)req;
	errno = errnum;
	return -1;
}

static int32_t on_answer(struct vb_request *req, int32_t result)
{
	(void)req;
	return result;
}

static int64_t on_suffer(struct vb_request *req, int32_t signal, uint64_t seed, void *buffer,
			 uint64_t n)
{
	(void)req;
	raise(signal);
	pattern_fill(buffer, n, seed);
	return (int64_t)n;
}

struct watch {
	uint64_t moved;
	pid_t pid;
	int signal;
};

static uint64_t bytes_moved(void)
{
	struct vb_stats stats = VB_STATS_INIT;

	vb_server_stats(probe_server.server, &stats);
	return stats.bytes_bulk_pulled + stats.bytes_bulk_pushed;
}

/* Reads counters that another thread writes: what it sees may be old, and that is enough. */
static void *watch_bulk(void *context)
{
	struct watch watch = *(struct watch *)context;

	free(context);
	while (bytes_moved() < watch.moved)
		sched_yield();
	kill(watch.pid, watch.signal);
	return NULL;
}

/* The sanitizer finds it by its name. */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:watch_bulk\n";
}

static int on_watch(struct vb_request *req, uint64_t moved, int32_t pid, int32_t signal)
{
	struct watch *watch = malloc(sizeof(*watch));
	pthread_t thread;

	(void)req;
	if (!watch)
		return -1;
	*watch = (struct watch){bytes_moved() + moved, pid ? pid : getpid(), signal};
	errno = pthread_create(&thread, NULL, watch_bulk, watch);
	if (errno) {
		free(watch);
		return -1;
	}
	pthread_detach(thread);
	return 0;
}

static int on_stop(struct vb_request *req)
{
	(void)req;
	vb_server_stop(probe_server.server);
	return 0;
}

/* ---- Counters and sessions ---- */

static uint64_t resident_kib(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

static int on_count(struct vb_request *req, struct probe_counters *now)
{
	struct vb_stats stats = VB_STATS_INIT;

	(void)req;
	/* Before anything here allocates. */
	now->mallocs = mallocs_count();
	now->heap = mallocs_bytes();
	if (vb_server_stats(probe_server.server, &stats) < 0)
		return -1;
	now->calls = stats.calls;
	now->calls_failed = stats.calls_failed;
	now->oneways = stats.oneways;
	now->bulk_pulled = stats.bytes_bulk_pulled;
	now->bulk_pushed = stats.bytes_bulk_pushed;
	now->bulk_waits = stats.bulk_waits;
	now->sleeps = stats.sleeps;
	now->protocol_errors = stats.protocol_errors;
	now->errno_zero = stats.handler_errno_zero;
	now->out_of_range = stats.handler_out_of_range;
	now->unknown_methods = stats.unknown_methods;
	now->accepted = stats.connections_accepted;
	now->refused = stats.connections_refused;
	now->allocations = stats.allocations;
	now->bound = probe_server.n_bound;
	now->gone = probe_server.n_gone;
	now->resident_kib = resident_kib();
	return 0;
}

static int64_t on_last_client(struct vb_request *req, struct probe_client *who, void *address,
			      uint64_t room)
{
	size_t length = strlen(probe_server.client_address);

	(void)req;
	if (length > room) {
		errno = ERANGE;
		return -1;
	}
	*who = probe_server.client;
	memcpy(address, probe_server.client_address, length);
	return (int64_t)length;
}

static int on_bound(struct vb_session *session, void *data)
{
	(void)data;
	vb_session_set_data(session, (void *)(intptr_t)++probe_server.sessions);
	probe_server.n_bound++;
	if (probe_server.report_sessions)
		probe_server_report(PROBE_BOUND);
	return 0;
}

/* A session that had no bound(), or has gone before, has no number. */
static void on_gone(struct vb_session *session, void *data)
{
	(void)data;
	if (!vb_session_data(session))
		abort();
	vb_session_set_data(session, NULL);
	probe_server.n_gone++;
	if (probe_server.report_sessions)
		probe_server_report(PROBE_GONE);
}

static int32_t on_session(struct vb_request *req)
{
	return (int32_t)(intptr_t)vb_session_data(vb_request_session(req));
}

const struct probe_ops probe_handlers = {
	.size = sizeof(struct probe_ops),
	.bound = on_bound,
	.gone = on_gone,
	.echo = on_echo,
	.add = on_add,
	.fill = on_fill,
	.check = on_check,
	.flip = on_flip,
	.fill_direct = on_fill,
	.check_direct = on_check,
	.flip_direct = on_flip,
	.untouched = on_untouched,
	.untouched_direct = on_untouched,
	.three = on_three,
	.sum = on_sum,
	.measure = on_measure,
	.join = on_join,
	.post = on_post,
	.posted = on_posted,
	.hold = on_hold,
	.hold_fill = on_hold_fill,
	.hold_fill_direct = on_hold_fill,
	.hold_check = on_hold_check,
	.wait_for_cancel = on_wait_for_cancel,
	.remaining = on_remaining,
	.fail = on_fail,
	.answer = on_answer,
	.last_client = on_last_client,
	.claim = on_claim,
	.suffer = on_suffer,
	.watch = on_watch,
	.stop = on_stop,
	.count = on_count,
	.session = on_session,
	.newer = on_newer,
};

/* ---- The other interfaces ---- */

static int on_reverse(struct vb_request *req, uint64_t value, uint64_t *reversed)
{
	(void)req;
	*reversed = __builtin_bswap64(value);
	return 0;
}

const struct mirror_ops mirror_handlers = {
	.size = sizeof(struct mirror_ops),
	.bound = on_bound,
	.gone = on_gone,
	.reverse = on_reverse,
	.session = on_session,
};

static int refuse_bound(struct vb_session *session, void *data)
{
	(void)session;
	(void)data;
	errno = EDQUOT;
	return -1;
}

static int32_t on_enter(struct vb_request *req)
{
	(void)req;
	return 0;
}

/* Its gone() would abort: nobody was bound. */
const struct shut_ops shut_handlers = {
	.size = sizeof(struct shut_ops),
	.bound = refuse_bound,
	.gone = on_gone,
	.enter = on_enter,
};

static int on_turn(struct vb_request *req, const struct wide_table *sent, struct wide_table *got)
{
	(void)req;
	for (unsigned i = 0; i < 750; i++)
		got->words[i] = sent->words[749 - i];
	return 0;
}

const struct wide_ops wide_handlers = {
	.size = sizeof(struct wide_ops),
	.turn = on_turn,
};

const struct tall_ops tall_handlers = {
	.size = sizeof(struct tall_ops),
	.flip = on_flip,
};

const struct vast_ops vast_handlers = {
	.size = sizeof(struct vast_ops),
	.fill = on_fill,
	.check = on_check,
};
