/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completions that come late, in another order, or from queue pairs that break meanwhile, as far as
 * the specification lets them: the receives of a queue pair stay in order, and so do its sends; a
 * send's completion may come after the answer to what it sent; nothing is said of two queue pairs.
 * Once a queue was armed nothing in it is kept back, for nobody would be woken for it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "transport/verbs/faults.h"
#include "transport/verbs/faults_plan.h"

/* Completions taken from the device at a time. */
#define TAKE 16

struct kept {
	struct ibv_wc wc;
	uint64_t due; /* a number of polls of the queue */
};

/* What a completion queue has, and has not handed out. */
struct queue {
	const struct ibv_cq *cq;
	struct kept *kept;
	size_t n, room;
	uint64_t n_polls, n_taken;
	uint64_t serial;
	bool is_armed;
	struct queue *prev, *next;
};

struct pair {
	struct ibv_qp *qp;
	struct pair *prev, *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct queue *queues;
static struct pair *pairs;

/* A test's own memory: without it there is no test. */
static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static struct queue *queue_of(const struct ibv_cq *cq)
{
	static uint64_t serial;
	struct queue *queue;

	DL_FOREACH(queues, queue) {
		if (queue->cq == cq)
			return queue;
	}
	queue = must(calloc(1, sizeof(*queue)));
	queue->cq = cq;
	queue->serial = ++serial;
	DL_APPEND(queues, queue);
	return queue;
}

void verbs_faults_forget(const struct ibv_cq *cq)
{
	struct queue *queue;

	pthread_mutex_lock(&lock);
	queue = queue_of(cq);
	DL_DELETE(queues, queue);
	pthread_mutex_unlock(&lock);
	free(queue->kept);
	free(queue);
}

void verbs_faults_armed(const struct ibv_cq *cq)
{
	pthread_mutex_lock(&lock);
	queue_of(cq)->is_armed = true;
	pthread_mutex_unlock(&lock);
}

/* ---- Queue pairs ---- */

void verbs_faults_queue_pair(struct ibv_qp *qp, bool is_made)
{
	struct pair *pair;

	pthread_mutex_lock(&lock);
	if (is_made) {
		pair = must(calloc(1, sizeof(*pair)));
		pair->qp = qp;
		DL_APPEND(pairs, pair);
	} else {
		DL_SEARCH_SCALAR(pairs, pair, qp, qp);
		if (pair)
			DL_DELETE(pairs, pair);
		free(pair);
	}
	pthread_mutex_unlock(&lock);
}

/* Numbers are a device's. */
static struct ibv_qp *find_pair(const struct ibv_cq *cq, uint32_t qp_num)
{
	struct pair *pair;

	DL_FOREACH(pairs, pair) {
		if (pair->qp->context == cq->context && pair->qp->qp_num == qp_num)
			return pair->qp;
	}
	return NULL;
}

/* With the lock: its owner cannot destroy it meanwhile. */
static void break_pair(const struct ibv_cq *cq, uint32_t qp_num)
{
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_ERR};
	struct ibv_qp *qp = find_pair(cq, qp_num);

	if (qp)
		ibv_modify_qp(qp, &attr, IBV_QP_STATE);
}

/* ---- Late ---- */

/* Bit 0 of a wr_id says which of the two (verbs.h). */
static bool same_stream(const struct ibv_wc *a, const struct ibv_wc *b)
{
	return a->qp_num == b->qp_num && (a->wr_id & 1) == (b->wr_id & 1);
}

static void keep(struct queue *queue, const struct ibv_wc *wc)
{
	uint64_t due = queue->n_polls + verbs_faults_delay(queue->serial, ++queue->n_taken);

	for (size_t i = queue->n; i-- > 0;) {
		if (!same_stream(&queue->kept[i].wc, wc))
			continue;
		due = due > queue->kept[i].due ? due : queue->kept[i].due;
		break;
	}
	if (queue->n == queue->room) {
		queue->room = queue->room ? 2 * queue->room : TAKE;
		queue->kept = must(realloc(queue->kept, queue->room * sizeof(*queue->kept)));
	}
	queue->kept[queue->n++] = (struct kept){.wc = *wc, .due = due};
}

static int take_from_device(struct queue *queue, struct ibv_cq *cq)
{
	struct ibv_wc wc[TAKE];
	int n;

	do {
		n = ibv_poll_cq(cq, TAKE, wc);
		for (int i = 0; i < n; i++)
			keep(queue, &wc[i]);
	} while (n == TAKE);
	return n < 0 ? n : 0;
}

/* What is kept when somebody is about to sleep, for whom there will be no event. */
static void release_all(struct queue *queue)
{
	for (size_t i = 0; queue->is_armed && i < queue->n; i++)
		queue->kept[i].due = 0;
	queue->is_armed = false;
}

static bool any_due(const struct queue *queue)
{
	for (size_t i = 0; i < queue->n; i++)
		if (queue->kept[i].due <= queue->n_polls)
			return true;
	return false;
}

static int hand_out(struct queue *queue, int n, struct ibv_wc *wc)
{
	size_t left = 0;
	int given = 0;

	for (size_t i = 0; i < queue->n; i++) {
		if (given < n && queue->kept[i].due <= queue->n_polls)
			wc[given++] = queue->kept[i].wc;
		else
			queue->kept[left++] = queue->kept[i];
	}
	queue->n = left;
	return given;
}

int verbs_faults_poll(struct ibv_cq *cq, int n, struct ibv_wc *wc)
{
	struct queue *queue;
	int given;

	pthread_mutex_lock(&lock);
	queue = queue_of(cq);
	queue->n_polls++;
	given = take_from_device(queue, cq);
	release_all(queue);
	if (!given && any_due(queue))
		given = verbs_fault(VERBS_FAULT_POLL_CQ) ? -1 : hand_out(queue, n, wc);
	for (int i = 0; i < given; i++)
		if (wc[i].status == IBV_WC_SUCCESS && verbs_fault(VERBS_FAULT_FLUSH))
			break_pair(cq, wc[i].qp_num);
	pthread_mutex_unlock(&lock);
	return given;
}
