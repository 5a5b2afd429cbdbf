/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/rdma/floor.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/cpu.h"
#include "bench/progress.h"
#include "bench/ticks.h"

/* Messages between two looks at the clock when a rate is measured, and windows of larger ones. */
#define RATE_BLOCK	 4096u
#define RATE_BLOCK_LARGE 4u
#define RATE_LARGE	 4096u

const char *const rdma_pattern_names[RDMA_PATTERNS] = {
	[RDMA_SEND] = "send", [RDMA_STREAM] = "stream", [RDMA_PUSH] = "push",
	[RDMA_PULL] = "pull", [RDMA_WRITE] = "write",	[RDMA_READ] = "read",
};

struct end {
	const struct rdma_floor_options *options;
	struct link link;
	struct link_chain chain;
	uint64_t message; /* bytes of each */
	pid_t other;
};

static bool moves_bulk(enum rdma_pattern pattern)
{
	return pattern != RDMA_SEND && pattern != RDMA_STREAM;
}

static struct link_options link_options(const struct rdma_floor_options *options)
{
	bool bulk = moves_bulk(options->pattern);

	return (struct link_options){
		.address = options->address,
		.message = bulk ? RDMA_SMALL : options->size,
		.bulk = bulk ? options->size : 0,
		.window = options->window,
		.sleeping = options->client.wait == WAIT_SLEEP,
	};
}

/* ---- The answering end ---- */

static unsigned least_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* A SEND for each that came. */
static int answer_send(struct end *end)
{
	while (end->link.received > 0) {
		unsigned n = least_of(end->link.received, LINK_BATCH_MAX);

		end->link.received -= n;
		while (n-- > 0)
			link_send(&end->link, &end->chain, end->message);
		if (link_post(&end->link, &end->chain) < 0)
			return -1;
	}
	return 0;
}

/* One SEND for each half window that came. */
static int answer_stream(struct end *end)
{
	unsigned share = (end->options->window + 1) / 2;

	if (end->link.received < share) {
		/* What came is not enough yet: wait for more, not for any. */
		unsigned kept = end->link.received;

		end->link.received = 0;
		if (link_wait(&end->link) < 0)
			return -1;
		end->link.received += kept;
		return 0;
	}
	end->link.received -= share;
	link_send(&end->link, &end->chain, RDMA_SMALL < end->message ? RDMA_SMALL : end->message);
	return link_post(&end->link, &end->chain);
}

/* WRITE and SEND in one chain: the data is there when the message is. */
static int answer_push(struct end *end)
{
	end->link.received--;
	link_write(&end->link, &end->chain, end->options->size, false);
	link_send(&end->link, &end->chain, end->message);
	return link_post(&end->link, &end->chain);
}

static int answer_pull(struct end *end)
{
	end->link.received--;
	link_read(&end->link, &end->chain, end->options->size);
	if (link_post(&end->link, &end->chain) < 0 || link_drain(&end->link) < 0)
		return -1;
	link_send(&end->link, &end->chain, end->message);
	return link_post(&end->link, &end->chain);
}

static int answer_nothing(struct end *end)
{
	end->link.received = 0;
	return 0;
}

/* Until the measuring end ends this process. */
static int answer(struct end *end)
{
	static int (*const answers[RDMA_PATTERNS])(struct end *) = {
		[RDMA_SEND] = answer_send,     [RDMA_STREAM] = answer_stream,
		[RDMA_PUSH] = answer_push,     [RDMA_PULL] = answer_pull,
		[RDMA_WRITE] = answer_nothing, [RDMA_READ] = answer_nothing,
	};

	for (;;) {
		if (link_wait(&end->link) < 0 || answers[end->options->pattern](end) < 0)
			return -1;
	}
}

/* The child: tells its port, or 0 when it cannot listen, and answers. */
static int serve(struct end *end, int port_fd)
{
	struct link_options options = link_options(end->options);
	uint16_t port = 0;
	int result = link_listen(&end->link, &options, &port);

	if (result < 0) {
		warn("floor rdma: cannot listen on %s", options.address);
		port = 0;
	}
	if (write(port_fd, &port, sizeof(port)) != sizeof(port))
		return -1;
	close(port_fd);
	if (result < 0)
		return -1;
	if (link_accept(&end->link) < 0) {
		warn("floor rdma: cannot accept");
		return -1;
	}
	return answer(end);
}

static pid_t start_serving(struct end *end, int *ret_port_fd)
{
	pid_t parent = getpid(), pid;
	int fds[2];

	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (pid != 0) {
		close(fds[1]);
		*ret_port_fd = fds[0];
		return pid;
	}
	close(fds[0]);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
	    cpu_pin(end->options->server_cpu) < 0)
		_exit(1);
	serve(end, fds[1]);
	_exit(1);
}

/* ---- The measuring end ---- */

static bool other_lives(void *arg)
{
	const struct end *end = arg;
	siginfo_t info = {0};

	/* Left to be collected, or its number could be another's when it is ended. */
	if (waitid(P_PID, (id_t)end->other, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return false;
	return info.si_pid == 0;
}

static int call_send(void *arg)
{
	struct end *end = arg;

	link_send(&end->link, &end->chain, end->message);
	if (link_post(&end->link, &end->chain) < 0 || link_wait(&end->link) < 0)
		return -1;
	end->link.received--;
	return 0;
}

static int call_write(void *arg)
{
	struct end *end = arg;

	link_write(&end->link, &end->chain, end->options->size, true);
	return link_post(&end->link, &end->chain) < 0 ? -1 : link_drain(&end->link);
}

static int call_read(void *arg)
{
	struct end *end = arg;

	link_read(&end->link, &end->chain, end->options->size);
	return link_post(&end->link, &end->chain) < 0 ? -1 : link_drain(&end->link);
}

static measure_fn *const calls[RDMA_PATTERNS] = {
	[RDMA_SEND] = call_send, [RDMA_STREAM] = call_send, [RDMA_PUSH] = call_send,
	[RDMA_PULL] = call_send, [RDMA_WRITE] = call_write, [RDMA_READ] = call_read,
};

/* Sends COUNT messages, at most a window of them unanswered, and has them all answered. */
static int send_many(struct end *end, uint64_t count)
{
	const struct rdma_floor_options *options = end->options;
	bool stream = options->pattern == RDMA_STREAM;
	/* How many messages one that comes back answers. */
	unsigned share = stream ? (options->window + 1) / 2 : 1;
	uint64_t sent = 0, answered = 0;

	while (sent < count) {
		uint64_t room = options->window - (sent - answered);
		uint64_t n = count - sent < options->batch ? count - sent : options->batch;

		if (room >= n) {
			sent += n;
			while (n-- > 0)
				link_send(&end->link, &end->chain, end->message);
			if (link_post(&end->link, &end->chain) < 0)
				return -1;
			continue;
		}
		if (link_wait(&end->link) < 0)
			return -1;
		answered += (uint64_t)end->link.received * share;
		end->link.received = 0;
	}
	while (answered + share <= sent) {
		if (link_wait(&end->link) < 0)
			return -1;
		answered += (uint64_t)end->link.received * share;
		end->link.received = 0;
	}
	return 0;
}

/* The share of a stream comes out even only in whole windows. */
static uint64_t whole_windows(const struct rdma_floor_options *options, uint64_t count)
{
	uint64_t unit = 2 * (uint64_t)((options->window + 1) / 2);

	return (count + unit - 1) / unit * unit;
}

static int measure_rate(struct end *end, struct run *run)
{
	const struct measure *plan = &end->options->client.plan;
	uint64_t messages = end->message <= RATE_LARGE ? RATE_BLOCK
						       : RATE_BLOCK_LARGE * end->options->window;
	uint64_t block = whole_windows(end->options, messages), start, elapsed = 0;
	uint64_t total = plan->calls ? whole_windows(end->options, plan->calls) : UINT64_MAX;
	uint64_t done = 0;

	if (plan->warmup && send_many(end, whole_windows(end->options, plan->warmup)) < 0)
		return -1;
	start = monotonic_ns();
	while (done < total &&
	       (plan->calls || (double)elapsed < plan->seconds * (double)NS_PER_S)) {
		uint64_t n = total - done < block ? total - done : block;

		if (send_many(end, n) < 0)
			return -1;
		done += n;
		elapsed = monotonic_ns() - start;
	}
	run->calls = done;
	run->ns[RUN_MEAN] = (double)elapsed / (double)done;
	run->calls_per_second = (double)done * (double)NS_PER_S / (double)elapsed;
	return 0;
}

static bool is_rate(const struct rdma_floor_options *options)
{
	return options->pattern == RDMA_STREAM || options->window > 1;
}

static int connect_and_measure(struct end *end, int port_fd, struct run *run)
{
	const struct rdma_floor_options *options = end->options;
	struct link_options own = link_options(options);
	measure_fn *call = calls[options->pattern];
	uint16_t port = 0;

	/* The other end has said why it cannot. */
	if (read(port_fd, &port, sizeof(port)) != sizeof(port) || port == 0) {
		errno = ENODEV;
		return -1;
	}
	if (cpu_pin(options->client.cpu) < 0 || link_connect(&end->link, &own, port) < 0) {
		warn("floor rdma: cannot connect to %s", options->address);
		return -1;
	}
	link_watch(&end->link, other_lives, end);
	if (is_rate(options)) {
		if (measure_rate(end, run) == 0)
			return 0;
	} else if (measure_warm_up(&options->client.plan, call, end) == 0 &&
		   measure_run(&options->client.plan, call, end, run) == 0) {
		return 0;
	}
	warn("floor rdma: %s of %llu bytes", rdma_pattern_names[options->pattern],
	     (unsigned long long)options->size);
	return -1;
}

static void name_run(const struct rdma_floor_options *options, struct run *run)
{
	char name[RUN_NAME_MAX];
	bool back = options->pattern == RDMA_SEND;

	if (options->window > 1)
		snprintf(name, sizeof(name), "floor rdma: %s, %u / %u a doorbell",
			 rdma_pattern_names[options->pattern], options->window, options->batch);
	else
		snprintf(name, sizeof(name), "floor rdma: %s%s",
			 rdma_pattern_names[options->pattern],
			 options->client.wait == WAIT_SLEEP ? ", sleeping" : "");
	run_init(run, name, options->size, back ? options->size : 0);
}

int rdma_floor_measure(const struct rdma_floor_options *options, struct run *ret_run)
{
	static struct end end;
	int port_fd = -1, result;

	end = (struct end){.options = options};
	end.message = moves_bulk(options->pattern) ? RDMA_SMALL : options->size;
	name_run(options, ret_run);
	end.other = start_serving(&end, &port_fd);
	if (end.other < 0) {
		warn("floor rdma");
		return -1;
	}
	result = connect_and_measure(&end, port_fd, ret_run);
	/* First: the kernel then ends the connection at once, with no answer to wait for. */
	kill(end.other, SIGKILL);
	waitpid(end.other, NULL, 0);
	close(port_fd);
	link_close(&end.link);
	return result;
}
