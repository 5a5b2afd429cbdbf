/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that die, alone and by the hundred, say nothing, or never take leave. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <utlist.h>

#include "tests/verbs/victim.h"
#include "transport/clock.h"

/* ---- A process of clients ---- */

/* Their end of it works without the server's, which is another process. */
static void wait_a_moment(void *context)
{
	(void)context;
	usleep(1000);
}

struct crowd {
	const char *host;
	unsigned port, n;
	uint64_t flood; /* messages that each asks for, and never reads */
	unsigned receives;
};

/* Connections that are being made. */
#define AT_A_TIME 16u

static bool is_there(struct raw *raw)
{
	enum rdma_cm_event_type type = raw_event(raw);

	if (type != RDMA_CM_EVENT_ESTABLISHED)
		print_error("%s, status %d\n", rdma_event_str(type), raw->status);
	return type == RDMA_CM_EVENT_ESTABLISHED;
}

/* Connects N clients, says so on FD, and waits for its death. */
static int be_a_crowd(const struct crowd *crowd, int fd)
{
	struct raw *raws = calloc(crowd->n, sizeof(*raws));

	for (unsigned i = 0; i < crowd->n; i++) {
		raw_init(&raws[i], wait_a_moment, NULL);
		raws[i].receives = crowd->receives;
		raws[i].sends = 4;
		raw_ask(&raws[i], crowd->host, crowd->port);
		if (i >= AT_A_TIME && !is_there(&raws[i - AT_A_TIME]))
			return 1;
	}
	for (unsigned i = crowd->n > AT_A_TIME ? crowd->n - AT_A_TIME : 0; i < crowd->n; i++)
		if (!is_there(&raws[i]))
			return 1;
	/* When all are there: who takes no messages is not kept for long. */
	for (unsigned i = 0; i < crowd->n && crowd->flood; i++)
		victim_request(&raws[i], ORDER_FLOOD, crowd->flood, NULL);
	if (write(fd, "!", 1) == 1)
		pause();
	return 1;
}

/* The same program anew: after a mere fork the devices would still be the parent's. */
static void become_a_crowd(const struct crowd *crowd, int fd)
{
	char port[12], n[12], flood[12], receives[12], report[12];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(port, sizeof(port), "%u", crowd->port);
	snprintf(n, sizeof(n), "%u", crowd->n);
	snprintf(flood, sizeof(flood), "%u", (unsigned)crowd->flood);
	snprintf(receives, sizeof(receives), "%u", crowd->receives);
	snprintf(report, sizeof(report), "%d", fd);
	execl("/proc/self/exe", "crowd", crowd->host, port, n, flood, receives, report, NULL);
	_exit(1);
}

static unsigned number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	assert_true(*text && !*end);
	return (unsigned)value;
}

static int crowd_main(char **argv)
{
	const struct crowd crowd = {
		.host = argv[1],
		.port = number(argv[2]),
		.n = number(argv[3]),
		.flood = number(argv[4]),
		.receives = number(argv[5]),
	};

	return be_a_crowd(&crowd, (int)number(argv[6]));
}

static pid_t crowd_start(struct victim *victim, const struct crowd *crowd)
{
	int fds[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(fds, 0), 0);
	pid = fork();
	if (pid == 0)
		become_a_crowd(crowd, fds[1]);
	assert_true(pid > 0);
	close(fds[1]);
	assert_true(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
	for (;;) {
		ssize_t got = read(fds[0], &byte, 1);

		if (got == 1)
			break;
		if (got == 0 || errno != EAGAIN)
			fail_msg("the clients could not connect");
		victim_turn(victim);
	}
	close(fds[0]);
	return pid;
}

static void kill_all_of_it(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Nothing of the device's was overrun: that would be an event of its own. */
static void check_async_events(struct victim *victim)
{
	struct ibv_context *context = verbs_endpoint_of(victim->good)->device->context;
	struct ibv_async_event event;

	assert_true(fcntl(context->async_fd, F_SETFL, O_NONBLOCK) == 0);
	while (ibv_get_async_event(context, &event) == 0) {
		enum ibv_event_type type = event.event_type;

		ibv_ack_async_event(&event);
		if (type == IBV_EVENT_CQ_ERR || type == IBV_EVENT_SRQ_ERR ||
		    type == IBV_EVENT_DEVICE_FATAL)
			fail_msg("%s", ibv_event_type_str(type));
	}
}

/* The queues of those that take nothing are full, and what is beyond waits: devices take more than
 * they were asked for, and would not say. */
static void check_send_queues(struct victim *victim)
{
	unsigned n = 0;

	for (unsigned i = 0; i < VICTIM_ENDPOINTS; i++) {
		const struct verbs_endpoint *endpoint = verbs_endpoint_of(victim->accepted[i]);

		if (!endpoint || victim->accepted[i] == victim->good_peer ||
		    endpoint->state != VERBS_LIVE)
			continue;
		assert_int_equal(endpoint->head - endpoint->tail, VERBS_SQ_DEPTH);
		assert_non_null(endpoint->queue);
		n++;
	}
	assert_true(n > 0);
}

/*
 * With a send queue full for each, and more waiting: when all of them are flushed at once, the
 * completion queues must hold it.
 */
static void two_hundred_at_once(void **state)
{
	struct victim *victim = *state;
	const struct crowd crowd = {
		.host = victim->host,
		.port = victim->port,
		.n = 200,
		.flood = VERBS_SQ_DEPTH + 20,
		.receives = 4,
	};
	unsigned before = victim->n_open;
	pid_t pid = crowd_start(victim, &crowd);

	victim_until(victim, &victim->n_messages, crowd.n);
	check_send_queues(victim);
	kill_all_of_it(pid);
	victim_until(victim, &victim->n_failed, crowd.n);
	assert_int_equal(victim->n_failed, crowd.n);
	assert_int_equal(victim->cause.errnum, ECONNRESET);
	assert_int_equal(victim->n_open, before);
	check_async_events(victim);
	victim_check(victim);
	/* What they had is there for others. */
	for (struct verbs_lane *lane = verbs_endpoint_of(victim->good)->device->lanes; lane;
	     lane = lane->next)
		if (lane->srq)
			assert_true(lane->n_endpoints <= 1);
}

static void a_client_that_says_nothing(void **state)
{
	struct victim *victim = *state;
	const struct crowd crowd = {
		.host = victim->host, .port = victim->port, .n = 1, .receives = 64};
	pid_t pid = crowd_start(victim, &crowd);

	victim_check(victim);
	assert_int_equal(victim->n_failed, 0);
	kill_all_of_it(pid);
	victim_until(victim, &victim->n_failed, 1);
	assert_int_equal(victim->cause.errnum, ECONNRESET);
}

/* ---- Leaving early ---- */

static void hanging_up_at_once(void **state)
{
	struct victim *victim = *state;

	for (unsigned i = 0; i < 20; i++) {
		struct raw raw;

		victim_join(victim, &raw);
		assert_int_equal(rdma_disconnect(raw.id), 0);
		raw_close(&raw);
	}
	victim_until(victim, &victim->n_failed, 20);
	assert_int_equal(victim->n_open, 1);
	assert_int_equal(victim->cause.errnum, ECONNRESET);
}

/* Gone before it was answered. */
static void asking_and_leaving(void **state)
{
	struct victim *victim = *state;
	unsigned before = victim->n_accepted;

	for (unsigned i = 0; i < 5; i++) {
		struct raw raw;

		raw_init(&raw, wait_a_moment, NULL);
		raw_ask(&raw, victim->host, victim->port);
		raw_close(&raw);
	}
	/* Those that the server still hears of, it forgets. */
	for (unsigned i = 0; i < 200; i++)
		victim_turn(victim);
	victim_until(victim, &victim->n_failed, victim->n_accepted - before);
	assert_int_equal(victim->n_open, 1);
}

/* A work that no completion comes for, as on a device that does not flush: who comes next does not
 * wait as long again, until one has flushed. */
static void a_device_that_does_not_flush(void **state)
{
	struct victim *victim = *state;
	const struct verbs_lane *lane = verbs_endpoint_of(victim->good_peer)->lane;
	unsigned n = 0;

	do {
		struct verbs_endpoint *endpoint;
		struct raw raw;

		victim_join(victim, &raw);
		endpoint = verbs_endpoint_of(victim->last);
		assert_ptr_equal(endpoint->lane, lane);
		/* Two have a receive that nobody has posted, which never is flushed. Then it is the
		 * mark behind an answer, which is: within five milliseconds, sooner or later. */
		if (n >= 2)
			verbs_send_own(endpoint, VERBS_TAG_PONG);
		else
			endpoint->rq_posted++;
		assert_int_equal(rdma_disconnect(raw.id), 0);
		victim_until(victim, &victim->n_failed, ++n);
		assert_true(n > 2 || lane->device->flushes_not);
		raw_close(&raw);
	} while (lane->device->flushes_not && n < 50);
	assert_false(lane->device->flushes_not);
}

/* ---- A lane where many have ended ---- */

static unsigned count_lanes(const struct verbs_device *device)
{
	const struct verbs_lane *lane;
	unsigned n;

	LL_COUNT(device->lanes, lane, n);
	return n;
}

/* Another client of the server, which makes calls and ends; then only those that are there before
 * and after. The lane that it was on may be gone. */
static const struct verbs_lane *come_and_go(struct victim *victim, bool is_last)
{
	const struct verbs_domain *domain = verbs_domain_of(victim->domain);
	unsigned before = victim->n_messages;
	unsigned failed = victim->n_failed;
	struct verbs_lane *lane;
	struct raw raw;

	victim_join(victim, &raw);
	lane = verbs_endpoint_of(victim->last)->lane;
	victim_request(&raw, ORDER_ECHO, 0, NULL);
	victim_until(victim, &victim->n_messages, before + 1);
	/* As if so many had been here. */
	if (is_last)
		lane->n_ended = 255;
	assert_int_equal(rdma_disconnect(raw.id), 0);
	victim_until(victim, &victim->n_failed, failed + 1);
	raw_close(&raw);
	while (domain->next_scan == 0)
		victim_turn(victim);
	return lane;
}

/* For each that ended a receive more is there. A lane where 256 did takes nobody any more, serves
 * those that it has, and is closed when the last of them leaves; its receives are used again. */
static void a_lane_that_is_worn(void **state)
{
	struct victim *victim = *state;
	struct verbs_endpoint *good = verbs_endpoint_of(victim->good_peer);
	struct verbs_lane *lane = good->lane;
	struct verbs_device *device = lane->device;
	uint32_t target = lane->target, n_receives = 0;
	unsigned n_lanes = count_lanes(device);

	assert_int_equal(lane->n_ended, 0);
	assert_ptr_equal(come_and_go(victim, false), lane);
	assert_int_equal(lane->n_ended, 1);
	assert_int_equal(lane->target, target + 1);
	assert_ptr_equal(come_and_go(victim, true), lane);
	for (unsigned i = 0; i < 3; i++) {
		assert_ptr_not_equal(come_and_go(victim, false), lane);
		assert_int_equal(count_lanes(device), n_lanes + 1);
		come_and_go(victim, true);
		assert_int_equal(count_lanes(device), n_lanes);
		assert_true(i == 0 || device->receives.n == n_receives);
		n_receives = device->receives.n;
		victim_check(victim);
	}
	assert_int_equal(lane->n_endpoints, 1);
}

/* ---- Peers that do not take leave ---- */

/* DISCONNECTED may never come: the end of a connection waits for nobody. */
static void never_answers_a_disconnect(void **state)
{
	struct victim *victim = *state;
	struct raw raw;

	victim_join(victim, &raw);
	victim_request(&raw, ORDER_CLOSE, 0, NULL);
	while (victim->n_open > 1 || verbs_domain_of(victim->domain)->n_leaving)
		victim_turn(victim);
	assert_int_equal(victim->n_open, 1);
	/* Its goodbye was taken by the device; nobody has looked at it. */
	raw_poll(&raw);
	assert_true(raw.n_received >= 1);
	assert_int_equal(victim->n_failed, 0);
	raw_close(&raw);
}

/* Nor does it take the goodbye: a time-out, the close's own, ends it. */
static void never_takes_a_goodbye(void **state)
{
	struct victim *victim = *state;
	uint64_t start = tick_clock_ns();
	struct raw raw;

	raw_init(&raw, victim_turn, victim);
	raw.receives = 0;
	assert_int_equal(raw_connect(&raw, victim->host, victim->port), RDMA_CM_EVENT_ESTABLISHED);
	victim_request(&raw, ORDER_CLOSE, 0, NULL);
	victim_until(victim, &victim->n_messages, 1);
	assert_int_equal(verbs_domain_of(victim->domain)->n_leaving, 1);
	while (verbs_domain_of(victim->domain)->n_leaving) {
		victim_turn(victim);
		if (tick_clock_ns() - start > 30 * TICK_NS_PER_S)
			fail_msg("the close waits for its peer");
	}
	assert_int_equal(victim->n_open, 1);
	raw_close(&raw);
}

/* ---- A server that is busy ---- */

/* Its timers are looked at when what it does now is done. */
static void look_soon(struct verbs_domain *domain)
{
	verbs_timers_note(domain, 0);
	domain->look_ticks -= domain->tick.per_ms;
}

/*
 * The peer is asked for a sign of life, which comes, and by the clock, which is put forward, it
 * took longer than a peer may. Nothing has been looked at meanwhile.
 */
static void work_for_long(struct vbi_endpoint *base)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);
	struct verbs_keepalive *keepalive = &endpoint->keepalive;
	struct verbs_device *device = endpoint->device;
	struct pollfd event = {.fd = device->channel->fd, .events = POLLIN};

	verbs_device_take_events(device);
	assert_int_equal(ibv_req_notify_cq(endpoint->lane->cq, 0), 0);
	keepalive->heard = false;
	keepalive->heard_at = 0;
	verbs_timers_note(endpoint->domain, 0);
	verbs_timers_look(endpoint->domain, tick_clock_ns());
	assert_true(keepalive->unacknowledged);
	verbs_sq_flush(endpoint);
	assert_int_equal(poll(&event, 1, 30000), 1);
	keepalive->asked_at -= keepalive->patience;
	look_soon(endpoint->domain);
}

static void a_handler_that_takes_long(void **state)
{
	struct victim *victim = *state;
	const struct verbs_endpoint *endpoint;
	struct raw raw;

	victim->work = work_for_long;
	victim_join(victim, &raw);
	endpoint = verbs_endpoint_of(victim->last);
	for (unsigned i = 1; i <= 5; i++) {
		victim_request(&raw, ORDER_WORK, 0, NULL);
		victim_until(victim, &victim->n_messages, i);
		assert_int_equal(victim->n_failed, 0);
		/* It has come, and is seen. */
		while (endpoint->keepalive.unacknowledged) {
			victim_turn(victim);
			assert_int_equal(victim->n_failed, 0);
		}
	}
	raw_close(&raw);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, victim_setup, victim_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(a_client_that_says_nothing), CASE(hanging_up_at_once),
		CASE(asking_and_leaving),	  CASE(never_answers_a_disconnect),
		CASE(never_takes_a_goodbye),	  CASE(two_hundred_at_once),
		CASE(a_handler_that_takes_long),  CASE(a_device_that_does_not_flush),
		CASE(a_lane_that_is_worn),
	};

	if (argc == 7)
		return crowd_main(argv);
	device_address();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
