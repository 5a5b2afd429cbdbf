/* SPDX-License-Identifier: Apache-2.0 */
/* Which calls fail, how many there were, and what is left of what they made. */
#include "transport/verbs/faults.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/verbs/faults_plan.h"

/* Faults of one plan that are named. */
#define NAMED_MAX 32

struct named {
	enum verbs_fault_point point;
	uint64_t n;
	bool is_rest; /* all from the nth on */
	int errnum;   /* 0: the point's own */
};

/* What fails, and with what as a rule: an errno value that the real one gives. */
static const struct {
	const char *name;
	int errnum;
} points[VERBS_FAULT_POINTS] = {
	[VERBS_FAULT_POST_SEND] = {"post_send", ENOMEM},
	[VERBS_FAULT_POST_SEND_MIDDLE] = {"post_send_middle", ENOMEM},
	[VERBS_FAULT_POST_RECV] = {"post_recv", ENOMEM},
	[VERBS_FAULT_POST_RECV_MIDDLE] = {"post_recv_middle", ENOMEM},
	[VERBS_FAULT_POST_SRQ_RECV] = {"post_srq_recv", ENOMEM},
	[VERBS_FAULT_POST_SRQ_RECV_MIDDLE] = {"post_srq_recv_middle", ENOMEM},
	[VERBS_FAULT_POLL_CQ] = {"poll_cq", EIO},
	[VERBS_FAULT_REQ_NOTIFY] = {"req_notify", EIO},
	[VERBS_FAULT_GET_CQ_EVENT] = {"get_cq_event", EIO},
	[VERBS_FAULT_ALLOC_PD] = {"alloc_pd", ENOMEM},
	[VERBS_FAULT_REG_MR] = {"reg_mr", ENOMEM},
	[VERBS_FAULT_DEREG_MR] = {"dereg_mr", EBUSY},
	[VERBS_FAULT_ALLOC_MW] = {"alloc_mw", ENOMEM},
	[VERBS_FAULT_DEALLOC_MW] = {"dealloc_mw", EBUSY},
	[VERBS_FAULT_CREATE_CHANNEL] = {"create_channel", EMFILE},
	[VERBS_FAULT_CREATE_CQ] = {"create_cq", ENOMEM},
	[VERBS_FAULT_CREATE_SRQ] = {"create_srq", ENOMEM},
	[VERBS_FAULT_CREATE_QP] = {"create_qp", ENOMEM},
	[VERBS_FAULT_MODIFY_QP] = {"modify_qp", EINVAL},
	[VERBS_FAULT_QUERY] = {"query", EIO},
	[VERBS_FAULT_CM_CREATE_CHANNEL] = {"cm_create_channel", EMFILE},
	[VERBS_FAULT_CM_CREATE_ID] = {"cm_create_id", ENOMEM},
	[VERBS_FAULT_CM_BIND] = {"cm_bind", EADDRNOTAVAIL},
	[VERBS_FAULT_CM_LISTEN] = {"cm_listen", EADDRINUSE},
	[VERBS_FAULT_CM_RESOLVE_ADDR] = {"cm_resolve_addr", ENETUNREACH},
	[VERBS_FAULT_CM_RESOLVE_ROUTE] = {"cm_resolve_route", ENOMEM},
	[VERBS_FAULT_CM_QP_ATTR] = {"cm_qp_attr", EIO},
	[VERBS_FAULT_CM_CONNECT] = {"cm_connect", ENOMEM},
	[VERBS_FAULT_CM_ESTABLISH] = {"cm_establish", EIO},
	[VERBS_FAULT_CM_ACCEPT] = {"cm_accept", ENOMEM},
	[VERBS_FAULT_CM_REJECT] = {"cm_reject", EIO},
	[VERBS_FAULT_CM_DISCONNECT] = {"cm_disconnect", EIO},
	[VERBS_FAULT_CM_GET_EVENT] = {"cm_get_event", EIO},
	[VERBS_FAULT_FLUSH] = {"flush", EIO},
	[VERBS_FAULT_BIND_MW] = {"bind_mw", EIO},
	[VERBS_FAULT_EVENT_ADDR_RESOLVED] = {"event_addr_resolved", EIO},
	[VERBS_FAULT_EVENT_ROUTE_RESOLVED] = {"event_route_resolved", EIO},
	[VERBS_FAULT_EVENT_CONNECT_REQUEST] = {"event_connect_request", EIO},
	[VERBS_FAULT_EVENT_CONNECT_RESPONSE] = {"event_connect_response", EIO},
	[VERBS_FAULT_EVENT_ESTABLISHED] = {"event_established", EIO},
	[VERBS_FAULT_EVENT_REJECTED] = {"event_rejected", EIO},
	[VERBS_FAULT_EVENT_DISCONNECTED] = {"event_disconnected", EIO},
	[VERBS_FAULT_EVENT_TIMEWAIT_EXIT] = {"event_timewait_exit", EIO},
};

static const char *const kinds[VERBS_OBJECT_KINDS] = {
	[VERBS_OBJECT_PD] = "protection domain",
	[VERBS_OBJECT_MR] = "memory region",
	[VERBS_OBJECT_MW] = "memory window",
	[VERBS_OBJECT_CHANNEL] = "completion channel",
	[VERBS_OBJECT_CQ] = "completion queue",
	[VERBS_OBJECT_SRQ] = "shared receive queue",
	[VERBS_OBJECT_QP] = "queue pair",
	[VERBS_OBJECT_CM_CHANNEL] = "event channel",
	[VERBS_OBJECT_CM_ID] = "connection identifier",
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct plan {
	struct named named[NAMED_MAX];
	unsigned n_named;
	uint64_t seed, rate, delay; /* rate, delay 0: none */
	bool reports;		    /* says its counts when the process exits */
	bool is_strict;		    /* fails then, if objects are left */
} plan;
static uint64_t calls[VERBS_FAULT_POINTS], fired[VERBS_FAULT_POINTS];
static int64_t objects[VERBS_OBJECT_KINDS];
static __thread int last_errno;

/* How a process exits whose plan is strict, and that has left objects. */
#define EXIT_LEFT 99

/* Registrations and windows that were not ended, for leak detectors; more than a test has. */
#define KEPT_MAX 1024
static void *kept[KEPT_MAX];
static unsigned n_kept;

/* ---- Plans ---- */

static int find_point(const char *name)
{
	for (int i = 0; i < VERBS_FAULT_POINTS; i++)
		if (strcmp(points[i].name, name) == 0)
			return i;
	return -1;
}

/* Linux has no larger one. */
#define ERRNO_MAX 133

static bool parse_number(const char *text, uint64_t *ret)
{
	char *end;

	*ret = strtoull(text, &end, 0);
	return end != text && !*end;
}

/* "EIO" or "5"; 0: neither. */
static int parse_errno(const char *text)
{
	uint64_t number;

	for (int i = 1; i <= ERRNO_MAX; i++) {
		const char *name = strerrorname_np(i);

		if (name && strcmp(name, text) == 0)
			return i;
	}
	return parse_number(text, &number) && number <= ERRNO_MAX ? (int)number : 0;
}

/* Who polls a completion queue hears that it failed and not why; a queue pair that breaks, by
 * itself or over a bind, and an event that is lost are no call's failures. */
static bool has_errno(enum verbs_fault_point point)
{
	return point != VERBS_FAULT_POLL_CQ && point < VERBS_FAULT_FLUSH;
}

/* "verb:n[+][:errno]" */
static bool parse_named(char *item, struct plan *ret)
{
	char *rest = NULL;
	char *name = strtok_r(item, ":", &rest);
	char *number = strtok_r(NULL, ":", &rest);
	char *errnum = strtok_r(NULL, ":", &rest);
	struct named *named = &ret->named[ret->n_named];
	int point = name ? find_point(name) : -1;
	size_t length = number ? strlen(number) : 0;

	if (point < 0 || !length || ret->n_named == NAMED_MAX)
		return false;
	named->point = (enum verbs_fault_point)point;
	named->is_rest = number[length - 1] == '+';
	if (named->is_rest)
		number[length - 1] = 0;
	named->errnum = errnum ? parse_errno(errnum) : 0;
	if (!parse_number(number, &named->n) || !named->n)
		return false;
	if (errnum && (named->errnum <= 0 || !has_errno(named->point)))
		return false;
	ret->n_named++;
	return true;
}

static bool parse_item(char *item, struct plan *ret)
{
	char *value = strchr(item, '=');

	if (strcmp(item, "count") == 0)
		return ret->reports = true;
	if (strcmp(item, "strict") == 0)
		return ret->is_strict = true;
	if (!value)
		return parse_named(item, ret);
	*value++ = 0;
	if (strcmp(item, "seed") == 0)
		return parse_number(value, &ret->seed);
	if (strcmp(item, "rate") == 0)
		return parse_number(value, &ret->rate);
	return strcmp(item, "delay") == 0 && parse_number(value, &ret->delay);
}

static int parse(const char *text, struct plan *ret)
{
	char *copy = strdup(text), *rest = NULL;
	bool is_right = copy != NULL;

	*ret = (struct plan){0};
	for (char *item = copy ? strtok_r(copy, ",", &rest) : NULL; item && is_right;
	     item = strtok_r(NULL, ",", &rest))
		is_right = parse_item(item, ret);
	free(copy);
	return is_right ? 0 : -EINVAL;
}

static void report_calls(void)
{
	for (int i = 0; i < VERBS_FAULT_POINTS; i++)
		if (calls[i])
			fprintf(stderr, "verbena: fault point %s: %llu calls, %llu failed\n",
				points[i].name, (unsigned long long)calls[i],
				(unsigned long long)fired[i]);
}

bool verbs_faults_may_leave(enum verbs_object_kind kind, const uint64_t *n_fired)
{
	bool has_window = n_fired[VERBS_FAULT_DEALLOC_MW] > 1;

	switch (kind) {
	case VERBS_OBJECT_MW:
		return has_window;
	case VERBS_OBJECT_MR:
	case VERBS_OBJECT_PD:
		return has_window || n_fired[VERBS_FAULT_DEREG_MR];
	default:
		return false;
	}
}

static bool report_objects(void)
{
	bool any = false;

	for (int i = 0; i < VERBS_OBJECT_KINDS; i++) {
		if (!objects[i])
			continue;
		fprintf(stderr, "verbena: left: %lld times a %s\n", (long long)objects[i],
			kinds[i]);
		any = any || !verbs_faults_may_leave((enum verbs_object_kind)i, fired);
	}
	return any;
}

static void report(void)
{
	if (plan.reports)
		report_calls();
	if (report_objects() && plan.is_strict) {
		/* At exit already: what else is to be done then is not. */
		fflush(NULL);
		_exit(EXIT_LEFT);
	}
}

/* A process that takes its faults from the environment: a plan with a slip is no plan. */
static void take_environment(void)
{
	const char *text = getenv("VERBENA_FAULTS");

	if (!text || !*text)
		return;
	if (parse(text, &plan) < 0) {
		fprintf(stderr, "verbena: VERBENA_FAULTS='%s' does not parse\n", text);
		abort();
	}
	if (plan.reports || plan.is_strict)
		atexit(report);
}

int verbs_faults_plan(const char *text)
{
	struct plan made;
	int error = parse(text ? text : "", &made);

	pthread_once(&once, take_environment);
	if (error)
		return error;
	pthread_mutex_lock(&lock);
	plan = made;
	memset(calls, 0, sizeof(calls));
	memset(fired, 0, sizeof(fired));
	pthread_mutex_unlock(&lock);
	return 0;
}

/* ---- Faults ---- */

/* Sebastiano Vigna's splitmix64, of the three as one: the nth call's fate does not depend on what
 * else was called in between, so that a seed means the same in another interleaving. */
static uint64_t mix(uint64_t seed, uint64_t stream, uint64_t n)
{
	uint64_t z = seed * 0x9e3779b97f4a7c15u + stream * 0xd1342543de82ef95u + n;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void tell(enum verbs_fault_point point, int errnum)
{
	const char *wanted = getenv("VERBENA_LOG");
	int saved = errno;

	if (wanted && *wanted && strcmp(wanted, "0") != 0)
		fprintf(stderr, "verbena: fault: %s %llu: %s (seed %llu)\n", points[point].name,
			(unsigned long long)calls[point], strerrorname_np(errnum),
			(unsigned long long)plan.seed);
	errno = saved;
}

/* With the lock. 0: it does not fail. */
static int fate(enum verbs_fault_point point, uint64_t n)
{
	for (unsigned i = 0; i < plan.n_named; i++) {
		const struct named *named = &plan.named[i];

		if (named->point == point && (n == named->n || (named->is_rest && n > named->n)))
			return named->errnum ? named->errnum : points[point].errnum;
	}
	if (plan.rate && mix(plan.seed, point, n) % plan.rate == 0)
		return points[point].errnum;
	return 0;
}

bool verbs_fault(enum verbs_fault_point point)
{
	int errnum;

	pthread_once(&once, take_environment);
	pthread_mutex_lock(&lock);
	errnum = fate(point, ++calls[point]);
	fired[point] += errnum != 0;
	if (errnum)
		tell(point, errnum);
	pthread_mutex_unlock(&lock);
	if (errnum)
		last_errno = errnum;
	return errnum != 0;
}

int verbs_fault_errno(enum verbs_fault_point point)
{
	(void)point;
	return last_errno;
}

void verbs_faults_keep(void *object)
{
	pthread_mutex_lock(&lock);
	if (n_kept < KEPT_MAX)
		kept[n_kept++] = object;
	pthread_mutex_unlock(&lock);
}

void verbs_faults_bind(struct ibv_send_wr *wr)
{
	/* No device binds more than there is. */
	for (; wr; wr = wr->next)
		if (wr->opcode == IBV_WR_BIND_MW && verbs_fault(VERBS_FAULT_BIND_MW))
			wr->bind_mw.bind_info.length = wr->bind_mw.bind_info.mr->length + 1;
}

bool verbs_fault_loses(enum rdma_cm_event_type type)
{
	static const struct {
		enum rdma_cm_event_type type;
		enum verbs_fault_point point;
	} events[] = {
		{RDMA_CM_EVENT_ADDR_RESOLVED, VERBS_FAULT_EVENT_ADDR_RESOLVED},
		{RDMA_CM_EVENT_ROUTE_RESOLVED, VERBS_FAULT_EVENT_ROUTE_RESOLVED},
		{RDMA_CM_EVENT_CONNECT_REQUEST, VERBS_FAULT_EVENT_CONNECT_REQUEST},
		{RDMA_CM_EVENT_CONNECT_RESPONSE, VERBS_FAULT_EVENT_CONNECT_RESPONSE},
		{RDMA_CM_EVENT_ESTABLISHED, VERBS_FAULT_EVENT_ESTABLISHED},
		{RDMA_CM_EVENT_REJECTED, VERBS_FAULT_EVENT_REJECTED},
		{RDMA_CM_EVENT_DISCONNECTED, VERBS_FAULT_EVENT_DISCONNECTED},
		{RDMA_CM_EVENT_TIMEWAIT_EXIT, VERBS_FAULT_EVENT_TIMEWAIT_EXIT},
	};

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i].type == type)
			return verbs_fault(events[i].point);
	return false;
}

uint64_t verbs_faults_delay(uint64_t stream, uint64_t n)
{
	uint64_t delay;

	pthread_once(&once, take_environment);
	pthread_mutex_lock(&lock);
	delay = plan.delay ? mix(plan.seed, stream, n) % (plan.delay + 1) : 0;
	pthread_mutex_unlock(&lock);
	return delay;
}

/* ---- Counts ---- */

void verbs_faults_made(enum verbs_object_kind kind, void *object)
{
	pthread_mutex_lock(&lock);
	objects[kind]++;
	pthread_mutex_unlock(&lock);
	if (kind == VERBS_OBJECT_QP)
		verbs_faults_queue_pair(object, true);
}

void verbs_faults_gone(enum verbs_object_kind kind, void *object)
{
	pthread_mutex_lock(&lock);
	objects[kind]--;
	pthread_mutex_unlock(&lock);
	if (kind == VERBS_OBJECT_QP)
		verbs_faults_queue_pair(object, false);
	else if (kind == VERBS_OBJECT_CQ)
		verbs_faults_forget(object);
}

uint64_t verbs_faults_calls(enum verbs_fault_point point)
{
	uint64_t n;

	pthread_mutex_lock(&lock);
	n = calls[point];
	pthread_mutex_unlock(&lock);
	return n;
}

uint64_t verbs_faults_fired(enum verbs_fault_point point)
{
	uint64_t n;

	pthread_mutex_lock(&lock);
	n = fired[point];
	pthread_mutex_unlock(&lock);
	return n;
}

int64_t verbs_faults_objects(enum verbs_object_kind kind)
{
	int64_t n;

	pthread_mutex_lock(&lock);
	n = objects[kind];
	pthread_mutex_unlock(&lock);
	return n;
}

const char *verbs_fault_name(enum verbs_fault_point point)
{
	return points[point].name;
}

const char *verbs_object_name(enum verbs_object_kind kind)
{
	return kinds[kind];
}

int verbs_fault_default(enum verbs_fault_point point)
{
	return points[point].errnum;
}
