/* SPDX-License-Identifier: Apache-2.0 */
/* A program that knows Verbena only as installed: the parent calls, the child serves. */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <verbena/verbena.h>

#include "greeting.vb.h"

static int64_t on_greet(struct vb_request *req, const char *name, void *text, uint64_t room)
{
	(void)req;
	int length = snprintf((char *)text, room, "Hello, %s!", name);
	if (length < 0 || (uint64_t)length >= room) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return length;
}

static const struct greeting_ops ops = {.size = sizeof(ops), .greet = on_greet};

/* Says READY with one byte when it listens, then serves until it is killed. */
static int serve(const char *address, int ready)
{
	struct vb_server *server = vb_server_create(NULL);
	if (server == NULL || greeting_serve(server, &ops, NULL) != 0)
		errx(1, "server: %s", vb_conn_error(NULL)->sentence);
	if (vb_server_listen(server, address) != 0)
		errx(1, "listen: %s", vb_server_error(server)->sentence);
	if (write(ready, "", 1) != 1)
		err(1, "ready");
	return vb_server_run(server);
}

/* Makes two calls, one that must succeed and one that must not; returns an exit status. */
static int call(const char *address)
{
	struct vb_conn *conn = vb_connect(address, NULL);
	if (conn == NULL)
		errx(1, "connect: %s", vb_conn_error(NULL)->sentence);
	struct greeting_peer *peer = greeting_peer_bind(conn);
	if (peer == NULL)
		errx(1, "bind: %s", vb_conn_error(conn)->sentence);

	char text[32];
	int64_t length = greeting_greet(peer, "outside", text, sizeof(text));
	int failed = length != 15 || memcmp(text, "Hello, outside!", 15) != 0;
	length = greeting_greet(peer, "outside", text, 4);
	failed |= length != -1 || errno != ENAMETOOLONG;
	failed |= greeting_peer_outcome(peer) != VB_EXECUTED;

	greeting_peer_free(peer);
	vb_conn_close(conn);
	return failed;
}

int main(void)
{
	char address[64];
	int ready[2];
	char byte;

	snprintf(address, sizeof(address), "shm://outside-%ld", (long)getpid());
	if (pipe(ready) != 0)
		err(1, "pipe");
	pid_t child = fork();
	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		close(ready[0]);
		exit(serve(address, ready[1]) == 0 ? 0 : 1);
	}
	close(ready[1]);
	int status = 1;
	if (read(ready[0], &byte, 1) == 1)
		status = call(address);
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	puts(status == 0 ? "ok" : "FAILED");
	return status;
}
