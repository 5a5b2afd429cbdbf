/* SPDX-License-Identifier: Apache-2.0 */
/* verbena-bench server */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <verbena/verbena.h>

#include "bench.vb.h"
#include "bench/commands.h"
#include "bench/cpu.h"
#include "bench/ledger/ledger.h"
#include "bench/options.h"

enum { OPTION_LISTEN = 256, OPTION_WAIT, OPTION_CPU };

struct server_options {
	const char *address;
	enum wait_mode wait;
	int cpu;
};

static const struct argp_option option_list[] = {
	{"listen", OPTION_LISTEN, "ADDRESS", 0,
	 "Where to answer, such as shm://bench or rdma://*:7471", 0},
	{"wait", OPTION_WAIT, "HOW", 0, "Wait for calls by spin, adaptive (the default) or sleep",
	 0},
	{"cpu", OPTION_CPU, "N", 0, "Keep the server on CPU N", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct server_options *options = state->input;

	switch (key) {
	case OPTION_LISTEN:
		options->address = arg;
		break;
	case OPTION_WAIT:
		options->wait = parse_wait(state, arg);
		break;
	case OPTION_CPU:
		options->cpu = parse_cpu(state, arg);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is one word too many", arg);
		break;
	case ARGP_KEY_END:
		if (!options->address)
			argp_error(state, "--listen is missing: where should it answer?");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.doc = "Answers the calls of verbena-bench client until SIGINT or SIGTERM. Says 'listening "
	       "on ADDRESS' on standard output when clients may come.",
};

/* ---- Handlers ---- */

static int on_echo(struct vb_request *req, const struct bench_blk *request, struct bench_blk *reply)
{
	(void)req;
	*reply = *request;
	return 0;
}

static int64_t on_echo_bytes(struct vb_request *req, const void *request, uint64_t n, void *reply,
			     uint64_t room)
{
	uint64_t copied = n < room ? n : room;

	(void)req;
	if (copied)
		memcpy(reply, request, copied);
	if (copied < room)
		memset((uint8_t *)reply + copied, 0, room - copied);
	return (int64_t)room;
}

/* Of a large answer, to write it takes as long as some hundredths of its way. */
static int64_t on_untouched(struct vb_request *req, const void *request, uint64_t n, void *reply,
			    uint64_t room)
{
	(void)req;
	(void)request;
	(void)n;
	(void)reply;
	return (int64_t)room;
}

static int on_echo_inout(struct vb_request *req, void *data, uint64_t n)
{
	(void)req;
	(void)data;
	(void)n;
	return 0;
}

static void on_ping(struct vb_request *req, const struct bench_blk *request)
{
	(void)req;
	(void)request;
}

static int on_usage_now(struct vb_request *req, struct bench_usage *usage)
{
	struct vb_stats stats = VB_STATS_INIT;
	struct cpu_usage cpu;

	if (vb_server_stats(vb_request_data(req), &stats) < 0)
		return -1;
	cpu_usage(&cpu);
	*usage = (struct bench_usage){
		.user_us = (uint64_t)cpu.user_us,
		.system_us = (uint64_t)cpu.system_us,
		.switches = cpu.switches,
		.preempted = cpu.preempted,
		.faults = cpu.faults,
		.messages_sent = stats.messages_sent,
		.messages_received = stats.messages_received,
		.bytes_bulk_pulled = stats.bytes_bulk_pulled,
		.bytes_bulk_pushed = stats.bytes_bulk_pushed,
		.bulk_waits = stats.bulk_waits,
		.credit_waits = stats.credit_waits,
		.ring_full = stats.ring_full,
		.sleeps = stats.sleeps,
		.wakeups_sent = stats.wakeups_sent,
		.allocations = stats.allocations,
	};
	return 0;
}

static const struct bench_ops ops = {
	.size = sizeof(ops),
	.echo = on_echo,
	.echo_bytes = on_echo_bytes,
	.echo_inout = on_echo_inout,
	.echo_direct = on_echo_bytes,
	.ping = on_ping,
	.untouched = on_untouched,
	.untouched_direct = on_untouched,
	.usage_now = on_usage_now,
};

/* ---- The command ---- */

static struct vb_server *running;

static void stop(int number)
{
	(void)number;
	vb_server_stop(running);
}

static int serve(struct vb_server *server, const char *address)
{
	struct sigaction action = {.sa_handler = stop};

	if (bench_serve(server, &ops, server) < 0 || vb_server_listen(server, address) < 0) {
		warnx("server: %s", vb_server_error(server)->sentence);
		return STATUS_FAILED;
	}
	running = server;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	printf("listening on %s\n", address);
	fflush(stdout);
	if (vb_server_run(server) < 0) {
		warnx("server: %s", vb_server_error(server)->sentence);
		return STATUS_FAILED;
	}
	return STATUS_OK;
}

int command_server(int argc, char **argv)
{
	struct server_options options = {.cpu = -1, .wait = WAIT_ADAPTIVE};
	struct vb_server_options server_options = VB_SERVER_OPTIONS_INIT;
	struct vb_server *server;
	int status;

	options_parse(&argp, argc, argv, &options);
	if (cpu_pin(options.cpu) < 0) {
		warn("server: CPU %d", options.cpu);
		return STATUS_FAILED;
	}
	server_options.wait = (enum vb_wait)options.wait;
	if (ledger_is_kept())
		server_options.keepalive_ns = LEDGER_KEEPALIVE_NS;
	server = vb_server_create(&server_options);
	if (!server) {
		warnx("server: %s", vb_conn_error(NULL)->sentence);
		return STATUS_FAILED;
	}
	status = serve(server, options.address);
	vb_server_free(server);
	return status;
}
