/* SPDX-License-Identifier: Apache-2.0 */
/* ONC RPC as rpcgen and libtirpc make it, over an AF_UNIX socket. The transport is created by hand,
 * because the ordinary way needs an rpcbind that runs as root. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "echo.h"
#include "bench/peers/peer.h"

/* Buffers of the record stream, bytes: libtirpc's own default. */
#define STREAM_BUFFER 0
#define BACKLOG	      4

/* Made by rpcgen; its header does not declare it. */
extern void echo_program_1(struct svc_req *request, SVCXPRT *transport);

static CLIENT *client;
static payload request;

static int address_set(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path)) {
		warnx("the path %s is too long for a socket", path);
		return -1;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	return 0;
}

/* The server procedure that rpcgen expects. */
payload *echo_1_svc(payload *argument, struct svc_req *call)
{
	static payload reply;

	(void)call;
	reply = *argument;
	return &reply;
}

static void serve(const char *path)
{
	struct sockaddr_un address;
	SVCXPRT *transport;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || address_set(&address, path) < 0)
		return;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0) {
		warn("%s", path);
		return;
	}
	transport = svc_vc_create(fd, STREAM_BUFFER, STREAM_BUFFER);
	if (!transport || !svc_reg(transport, ECHO_PROGRAM, ECHO_VERSION, echo_program_1, NULL)) {
		warnx("libtirpc does not serve %s", path);
		return;
	}
	peer_listening();
	svc_run();
}

static int connect_to(const char *path, uint8_t *bytes, uint64_t size)
{
	struct sockaddr_un address;
	struct netbuf where = {.buf = &address, .len = sizeof(address), .maxlen = sizeof(address)};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || address_set(&address, path) < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		warn("%s", path);
		return -1;
	}
	client = clnt_vc_create(fd, &where, ECHO_PROGRAM, ECHO_VERSION, STREAM_BUFFER,
				STREAM_BUFFER);
	if (!client) {
		warnx("%s", clnt_spcreateerror(path));
		return -1;
	}
	request.payload_val = (char *)bytes;
	request.payload_len = (u_int)size;
	return 0;
}

static int call(void *unused)
{
	payload *reply = echo_1(&request, client);

	(void)unused;
	if (!reply || reply->payload_len != request.payload_len) {
		errno = EPROTO;
		return -1;
	}
	/* The stub's static result is filled in by the next call too: what it allocated is freed,
	 * or each call would leak. */
	clnt_freeres(client, (xdrproc_t)xdr_payload, (caddr_t)reply);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct peer_program program = {
		.name = "rpcgen, libtirpc",
		.serve = serve,
		.connect = connect_to,
		.call = call,
	};

	return peer_main(&program, argc, argv);
}
