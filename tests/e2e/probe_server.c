/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of the end-to-end tests.
 *
 *   probe-server ADDRESS [OPTION VALUE]...
 *
 * Reports to descriptor 3 what happens, a byte each; descriptor 4 lets held handlers go.
 */
#include "tests/e2e/probe_server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "probe_old.vb.h"

struct probe_server probe_server;

struct settings {
	struct vb_server_options options;
	const char *address;
	const char *second_address;
	unsigned long runs;
	bool only_old;	  /* serves probe 1.0 and nothing else */
	bool has_stopper; /* another thread stops the server at SIGUSR2 */
	pthread_t stopper;
};

static atomic_bool is_over;

void probe_server_report(enum probe_event event)
{
	char byte = (char)event;

	if (write(PROBE_REPORT_FD, &byte, 1) != 1)
		_exit(3);
}

void probe_server_pass_gate(void)
{
	char byte;
	ssize_t n;

	do {
		n = read(PROBE_GATE_FD, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(4);
}

/* ---- The old one ---- */

static int on_old_echo(struct vb_request *req, const struct old_block *sent, struct old_block *got)
{
	(void)req;
	for (unsigned i = 0; i < 4; i++)
		got->words[i] = sent->words[i] + 1;
	return 0;
}

/* Its add is 1000 off, so that a test sees who answered. */
static int32_t on_old_add(struct vb_request *req, int32_t a, int32_t b)
{
	(void)req;
	return a + b + 1000;
}

static const struct old_ops old_handlers = {
	.size = sizeof(struct old_ops),
	.echo = on_old_echo,
	.add = on_old_add,
};

/* ---- Who is let in ---- */

static int on_accept(const struct vb_client *client, void *data)
{
	struct probe_server *server = data;

	server->client = (struct probe_client){
		.uid = client->identity.uid,
		.gid = client->identity.gid,
		.pid = client->identity.pid,
	};
	snprintf(server->client_address, sizeof(server->client_address), "%s", client->address);
	if (++server->n_clients != server->unwelcome)
		return 0;
	errno = EPERM;
	return -1;
}

/* ---- Stopping ---- */

static void on_sigterm(int signal)
{
	(void)signal;
	vb_server_stop(probe_server.server);
}

static void *stop_at_signal(void *context)
{
	sigset_t set;
	int signal;

	(void)context;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	while (sigwait(&set, &signal) == 0 && !is_over)
		vb_server_stop(probe_server.server);
	return NULL;
}

static void prepare_stopping(struct settings *settings)
{
	struct sigaction action = {.sa_handler = on_sigterm};
	sigset_t set;

	sigaction(SIGTERM, &action, NULL);
	if (!settings->has_stopper)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&settings->stopper, NULL, stop_at_signal, NULL))
		exit(2);
}

/* Nobody stops the server any more: it may be freed. */
static void end_stopping(const struct settings *settings)
{
	signal(SIGTERM, SIG_IGN);
	if (!settings->has_stopper)
		return;
	is_over = true;
	pthread_kill(settings->stopper, SIGUSR2);
	pthread_join(settings->stopper, NULL);
}

/* ---- main ---- */

static void set_wait(struct settings *settings, const char *value)
{
	if (strcmp(value, "spin") == 0)
		settings->options.wait = VB_WAIT_SPIN;
	else if (strcmp(value, "sleep") == 0)
		settings->options.wait = VB_WAIT_SLEEP;
}

static void set_option(struct settings *settings, const char *name, const char *value)
{
	unsigned long number = strtoul(value, NULL, 0);

	if (strcmp(name, "--wait") == 0)
		set_wait(settings, value);
	else if (strcmp(name, "--message-max") == 0)
		settings->options.message_max = (uint32_t)number;
	else if (strcmp(name, "--inflight") == 0)
		settings->options.inflight = (uint32_t)number;
	else if (strcmp(name, "--connections-max") == 0)
		settings->options.connections_max = (uint32_t)number;
	else if (strcmp(name, "--bulk-max") == 0)
		settings->options.bulk_max = number;
	else if (strcmp(name, "--keepalive-ns") == 0)
		settings->options.keepalive_ns = number;
	else if (strcmp(name, "--runs") == 0)
		settings->runs = number;
	else if (strcmp(name, "--only-old") == 0)
		settings->only_old = number;
	else if (strcmp(name, "--stopper") == 0)
		settings->has_stopper = number;
	else if (strcmp(name, "--also") == 0)
		settings->second_address = value;
	else if (strcmp(name, "--unwelcome") == 0)
		probe_server.unwelcome = number;
	else if (strcmp(name, "--sessions") == 0)
		probe_server.report_sessions = number;
	else
		exit(2);
}

static int serve(struct vb_server *server, const struct settings *settings)
{
	if (settings->only_old)
		return old_serve(server, &old_handlers, NULL);
	if (probe_serve(server, &probe_handlers, NULL) < 0 ||
	    mirror_serve(server, &mirror_handlers, NULL) < 0 ||
	    shut_serve(server, &shut_handlers, NULL) < 0 ||
	    wide_serve(server, &wide_handlers, NULL) < 0 ||
	    vast_serve(server, &vast_handlers, NULL) < 0)
		return -1;
	return tall_serve(server, &tall_handlers, NULL);
}

static int listen_and_run(const struct settings *settings)
{
	struct vb_server *server = probe_server.server;

	if (serve(server, settings) < 0 || vb_server_listen(server, settings->address) < 0 ||
	    (settings->second_address && vb_server_listen(server, settings->second_address) < 0)) {
		fprintf(stderr, "probe-server: %s\n", vb_server_error(server)->sentence);
		return 1;
	}
	for (unsigned long i = 0; i < settings->runs; i++) {
		probe_server_report(PROBE_READY);
		probe_server_report(vb_server_run(server) < 0 ? PROBE_BROKEN : PROBE_ENDED);
	}
	return 0;
}

static int run(struct settings *settings)
{
	int status;

	settings->options.on_accept = on_accept;
	settings->options.on_accept_data = &probe_server;
	probe_server.server = vb_server_create(&settings->options);
	if (!probe_server.server) {
		fprintf(stderr, "probe-server: %s\n", vb_conn_error(NULL)->sentence);
		return 1;
	}
	prepare_stopping(settings);
	status = listen_and_run(settings);
	end_stopping(settings);
	vb_server_free(probe_server.server);
	return status;
}

int main(int argc, char **argv)
{
	struct settings settings = {.options = VB_SERVER_OPTIONS_INIT, .runs = 1};

	if (argc < 2 || argc % 2)
		return 2;
	settings.address = argv[1];
	for (int i = 2; i < argc; i += 2)
		set_option(&settings, argv[i], argv[i + 1]);
	return run(&settings);
}
