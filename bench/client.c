/* SPDX-License-Identifier: Apache-2.0 */
/* verbena-bench client */
#include <err.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <verbena/verbena.h>

#include "bench.vb.h"
#include "bench/commands.h"
#include "bench/cpu.h"
#include "bench/distribution.h"
#include "bench/ledger/ledger.h"
#include "bench/mark.h"
#include "bench/options.h"

/* max_transfer of bench.idl. */
#define PAYLOAD_MAX  (UINT64_C(64) << 20)
#define SIZE_DEFAULT sizeof(struct bench_blk)

_Static_assert((int)WAIT_ADAPTIVE == (int)VB_WAIT_ADAPTIVE && (int)WAIT_SPIN == (int)VB_WAIT_SPIN &&
		       (int)WAIT_SLEEP == (int)VB_WAIT_SLEEP,
	       "wait modes");

enum { OPTION_CONNECT = 512, OPTION_METHOD, OPTION_SIZE, OPTION_REPLY_SIZE, OPTION_REGISTERED };

struct call_state {
	struct bench_peer *peer;
	struct bench_blk blk;
	struct bench_blk blk_reply;
	uint8_t *request;
	uint8_t *reply;
	uint64_t size;
	uint64_t reply_size;
};

static int call_echo(void *arg)
{
	struct call_state *state = arg;

	return bench_echo(state->peer, &state->blk, &state->blk_reply);
}

static int call_bytes(void *arg)
{
	struct call_state *state = arg;
	int64_t result = bench_echo_bytes(state->peer, state->request, state->size, state->reply,
					  state->reply_size);

	return result < 0 ? -1 : 0;
}

static int call_inout(void *arg)
{
	struct call_state *state = arg;

	return bench_echo_inout(state->peer, state->request, state->size);
}

static int call_direct(void *arg)
{
	struct call_state *state = arg;
	int64_t result = bench_echo_direct(state->peer, state->request, state->size, state->reply,
					   state->reply_size);

	return result < 0 ? -1 : 0;
}

static int call_untouched(void *arg)
{
	struct call_state *state = arg;
	int64_t result = bench_untouched(state->peer, state->request, state->size, state->reply,
					 state->reply_size);

	return result < 0 ? -1 : 0;
}

static int call_untouched_direct(void *arg)
{
	struct call_state *state = arg;
	int64_t result = bench_untouched_direct(state->peer, state->request, state->size,
						state->reply, state->reply_size);

	return result < 0 ? -1 : 0;
}

static int call_ping(void *arg)
{
	struct call_state *state = arg;

	return bench_ping(state->peer, &state->blk);
}

enum reply_kind { REPLY_OF_ITS_OWN, REPLY_AS_REQUEST, REPLY_NONE };

/* Of the handler's writing, or of whatever was there. */
enum reply_bytes { BYTES_KNOWN, BYTES_ANY };

static const struct method {
	const char *name;
	measure_fn *call;
	bool fixed; /* always SIZE_DEFAULT bytes */
	enum reply_kind reply;
	enum reply_bytes bytes;
} methods[] = {
	{"echo", call_echo, true, REPLY_AS_REQUEST, BYTES_KNOWN},
	{"bytes", call_bytes, false, REPLY_OF_ITS_OWN, BYTES_KNOWN},
	{"inout", call_inout, false, REPLY_AS_REQUEST, BYTES_KNOWN},
	{"direct", call_direct, false, REPLY_OF_ITS_OWN, BYTES_KNOWN},
	{"ping", call_ping, true, REPLY_NONE, BYTES_KNOWN},
	{"untouched", call_untouched, false, REPLY_OF_ITS_OWN, BYTES_ANY},
	{"untouched-direct", call_untouched_direct, false, REPLY_OF_ITS_OWN, BYTES_ANY},
};

struct client_command {
	struct client_options client;
	const char *address;
	const struct method *method;
	bool has_size;
	bool has_reply_size;
	bool registered;
	uint64_t size;
	uint64_t reply_size;
};

/* ---- The command line ---- */

static const struct argp_option option_list[] = {
	{"connect", OPTION_CONNECT, "ADDRESS", 0,
	 "The server's address, such as shm://bench or rdma://10.0.0.1:7471", 1},
	{"method", OPTION_METHOD, "NAME", 0,
	 "echo (a fixed struct of 32 bytes), bytes (in and out buffers), inout (one buffer), "
	 "direct (buffers not copied on the way), untouched and untouched-direct (the same, and "
	 "the server writes nothing into what comes back), ping (nothing comes back); default: "
	 "echo, or bytes if a size is given",
	 1},
	{"size", OPTION_SIZE, "N", 0, "Bytes that go in with a call (default 32)", 1},
	{"reply-size", OPTION_REPLY_SIZE, "N", 0, "Bytes that come out (default: as many)", 1},
	{"registered", OPTION_REGISTERED, NULL, 0,
	 "Keep the buffers in memory of vb_memory_alloc()", 1},
	{0},
};

static void parse_method(struct client_command *command, const struct argp_state *state,
			 const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].name, name) == 0) {
			command->method = &methods[i];
			return;
		}
	}
	argp_error(state,
		   "--method '%s' is none of echo, bytes, inout, direct, untouched, "
		   "untouched-direct, ping",
		   name);
}

/* What the options mean together. */
static void settle(struct client_command *command, const struct argp_state *state)
{
	bool sized = command->has_size || command->has_reply_size;

	if (!command->address)
		argp_error(state, "--connect is missing: where is the server?");
	if (!command->method)
		command->method = &methods[sized ? 1 : 0];
	if (command->method->fixed && (sized || command->registered))
		argp_error(state,
			   "--method %s has a fixed size: no --size, --reply-size, --registered",
			   command->method->name);
	if (!command->has_size)
		command->size = SIZE_DEFAULT;
	if (command->has_reply_size && command->method->reply != REPLY_OF_ITS_OWN)
		argp_error(state, "--method %s answers as much as it gets: no --reply-size",
			   command->method->name);
	if (command->method->reply == REPLY_NONE)
		command->reply_size = 0;
	else if (!command->has_reply_size)
		command->reply_size = command->size;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct client_command *command = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &command->client;
		break;
	case OPTION_CONNECT:
		command->address = arg;
		break;
	case OPTION_METHOD:
		parse_method(command, state, arg);
		break;
	case OPTION_SIZE:
		command->size = parse_size(state, "--size", arg, PAYLOAD_MAX);
		command->has_size = true;
		break;
	case OPTION_REPLY_SIZE:
		command->reply_size = parse_size(state, "--reply-size", arg, PAYLOAD_MAX);
		command->has_reply_size = true;
		break;
	case OPTION_REGISTERED:
		command->registered = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is one word too many", arg);
		break;
	case ARGP_KEY_END:
		settle(command, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = {{&client_argp, 0, "", 0}, {0}};
static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.children = children,
	.doc = "Calls a verbena-bench server, one call after the other, and shows how long "
	       "the calls took and what they cost at both ends.",
};

/* ---- What a call costs ---- */

struct counter {
	const char *name;
	size_t client;	 /* offset in struct vb_stats */
	size_t server;	 /* offset in struct bench_usage; NOT_THERE: the server does not tell */
	uint64_t asking; /* what one question for its usage adds at the server */
};

#define NOT_THERE SIZE_MAX
#define BOTH(name, member)                                                                       \
	{                                                                                        \
		name, offsetof(struct vb_stats, member), offsetof(struct bench_usage, member), 0 \
	}
#define MESSAGES(name, member)                                                                   \
	{                                                                                        \
		name, offsetof(struct vb_stats, member), offsetof(struct bench_usage, member), 1 \
	}
#define CLIENT(name, member)                                          \
	{                                                             \
		name, offsetof(struct vb_stats, member), NOT_THERE, 0 \
	}

static const struct counter counters[] = {
	MESSAGES("messages sent", messages_sent),
	MESSAGES("messages received", messages_received),
	BOTH("bulk bytes pulled", bytes_bulk_pulled),
	BOTH("bulk bytes pushed", bytes_bulk_pushed),
	CLIENT("buffers exposed", bulk_exposures),
	CLIENT("buffers bounced", bulk_bounced),
	BOTH("waits for server memory", bulk_waits),
	BOTH("waits for a credit", credit_waits),
	BOTH("waits for room in a ring", ring_full),
	BOTH("sleeps", sleeps),
	BOTH("wake-ups sent", wakeups_sent),
	BOTH("allocations", allocations),
};

struct snapshot {
	struct vb_stats stats;
	struct cpu_usage cpu;
	struct bench_usage server;
};

static uint64_t member(const void *base, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const uint8_t *)base + offset, sizeof(value));
	return value;
}

/* The client's counters are read next to the calls that are measured, so that asking the server
 * does not count: hence FIRST. */
static int take_snapshot(struct vb_conn *conn, struct bench_peer *peer, bool first,
			 struct snapshot *ret_snapshot)
{
	ret_snapshot->stats = (struct vb_stats)VB_STATS_INIT;
	if (first && bench_usage_now(peer, &ret_snapshot->server) < 0)
		return -1;
	if (vb_conn_stats(conn, &ret_snapshot->stats) < 0)
		return -1;
	cpu_usage(&ret_snapshot->cpu);
	if (!first && bench_usage_now(peer, &ret_snapshot->server) < 0)
		return -1;
	return 0;
}

static void add_costs(struct run *run, const struct snapshot *before, const struct snapshot *after)
{
	double calls = (double)run->calls;
	size_t i;

#define PER_CALL(member) ((double)(after->member - before->member) / calls)
	run_cost(run, "CPU user, us", PER_CALL(cpu.user_us), PER_CALL(server.user_us));
	run_cost(run, "CPU system, us", PER_CALL(cpu.system_us), PER_CALL(server.system_us));
	run_cost(run, "context switches, slept", PER_CALL(cpu.switches), PER_CALL(server.switches));
	run_cost(run, "context switches, preempted", PER_CALL(cpu.preempted),
		 PER_CALL(server.preempted));
	run_cost(run, "page faults", PER_CALL(cpu.faults), PER_CALL(server.faults));
	for (i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		const struct counter *counter = &counters[i];
		uint64_t client = member(&after->stats, counter->client) -
				  member(&before->stats, counter->client);
		double server = NAN;

		/* One question's request and one's answer lie between the two answers. */
		if (counter->server != NOT_THERE)
			server = (double)(member(&after->server, counter->server) -
					  member(&before->server, counter->server) -
					  counter->asking) /
				 calls;
		run_cost(run, counter->name, (double)client / calls, server);
	}
}

/* ---- The measurement ---- */

static int buffers_open(const struct client_command *command, struct vb_conn *conn,
			struct call_state *state)
{
	uint64_t request = command->size ? command->size : 1;
	uint64_t reply = command->reply_size ? command->reply_size : 1;

	state->size = command->size;
	state->reply_size = command->reply_size;
	if (command->registered) {
		state->request = vb_memory_alloc(conn, request);
		state->reply = vb_memory_alloc(conn, reply);
	} else {
		state->request = malloc(request);
		state->reply = malloc(reply);
	}
	if (!state->request || !state->reply)
		return -1;
	memset(state->request, 'v', request);
	memset(state->reply, 0, reply);
	return 0;
}

static void buffers_close(const struct client_command *command, struct vb_conn *conn,
			  struct call_state *state)
{
	if (command->registered) {
		vb_memory_free(conn, state->request);
		vb_memory_free(conn, state->reply);
	} else {
		free(state->request);
		free(state->reply);
	}
}

/* What byte I of a request is in the check with SEED. */
static uint8_t pattern(uint64_t i, unsigned seed)
{
	return (uint8_t)(i * 7 + (i >> 8) + seed);
}

/* One call whose answer is looked at: a fast wrong answer is none. */
static int check_call(const struct client_command *command, struct call_state *state, unsigned seed)
{
	bool in_place = command->method->call == call_inout;
	const uint8_t *answer = in_place ? state->request : state->reply;
	uint64_t i;

	state->blk.words[0] = seed;
	for (i = 0; i < command->size; i++)
		state->request[i] = pattern(i, seed);
	if (command->method->call(state) < 0)
		return -1;
	errno = EBADMSG;
	if (command->method->reply == REPLY_NONE || command->method->bytes == BYTES_ANY)
		return 0;
	if (command->method->fixed)
		return memcmp(&state->blk, &state->blk_reply, sizeof(state->blk)) ? -1 : 0;
	for (i = 0; i < command->reply_size; i++) {
		if (answer[i] != (i < command->size ? pattern(i, seed) : 0))
			return -1;
	}
	return 0;
}

static int measure_calls(const struct client_command *command, struct vb_conn *conn,
			 struct call_state *state, struct run *run)
{
	struct snapshot before, after;

	if (check_call(command, state, 1) < 0 ||
	    measure_warm_up(&command->client.plan, command->method->call, state) < 0)
		return -1;
	if (mark_wanted())
		return mark_calls(&command->client.plan, command->method->call, state, run);
	if (take_snapshot(conn, state->peer, true, &before) < 0 ||
	    measure_run(&command->client.plan, command->method->call, state, run) < 0 ||
	    take_snapshot(conn, state->peer, false, &after) < 0 ||
	    check_call(command, state, 2) < 0)
		return -1;
	add_costs(run, &before, &after);
	return 0;
}

static int run_client(const struct client_command *command, struct vb_conn *conn, struct run *run)
{
	struct call_state state = {.blk = {.words = {1, 2, 3, 4}}};
	int result = -1;

	state.peer = bench_peer_bind(conn);
	if (!state.peer)
		return -1;
	if (buffers_open(command, conn, &state) < 0)
		goto out;
	result = measure_calls(command, conn, &state, run);
out:
	buffers_close(command, conn, &state);
	bench_peer_free(state.peer);
	return result;
}

static int show(const struct client_command *command, const struct run *run)
{
	const struct client_options *client = &command->client;

	if (!client->json || strcmp(client->json, "-") != 0)
		run_print(run, stdout);
	for (unsigned i = 0; i < client->n_plots; i++) {
		if (distribution_plot(client->plots[i], run) < 0) {
			plot_complain(client->plots[i]);
			return STATUS_FAILED;
		}
	}
	return options_save(client, run, 1);
}

static void name_run(const struct client_command *command, struct run *run)
{
	char name[RUN_NAME_MAX];

	snprintf(name, sizeof(name), "verbena %s%s, %s", command->method->name,
		 command->registered ? " registered" : "", wait_mode_names[command->client.wait]);
	run_init(run, name, command->size, command->reply_size);
}

int command_client(int argc, char **argv)
{
	struct client_command command = {0};
	struct vb_options options = VB_OPTIONS_INIT;
	struct vb_conn *conn;
	struct run run;
	int status = STATUS_FAILED;

	client_options_init(&command.client);
	options_parse(&argp, argc, argv, &command);
	name_run(&command, &run);
	if (cpu_pin(command.client.cpu) < 0) {
		warn("client: CPU %d", command.client.cpu);
		return STATUS_FAILED;
	}
	options.wait = (enum vb_wait)command.client.wait;
	if (ledger_is_kept())
		options.keepalive_ns = LEDGER_KEEPALIVE_NS;
	conn = vb_connect(command.address, &options);
	if (!conn) {
		warnx("client: %s", vb_conn_error(NULL)->sentence);
		return STATUS_FAILED;
	}
	if (run_client(&command, conn, &run) == 0) {
		status = show(&command, &run);
	} else {
		int errnum = errno;
		const struct vb_error *error = vb_conn_error(conn);

		errno = errnum;
		if (error->errnum)
			warnx("client: %s", error->sentence);
		else
			warn("client");
	}
	vb_conn_close(conn);
	return status;
}
