/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/tcp_echo.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/cpu.h"

struct echo {
	uint8_t *bytes;
	uint64_t size;
	int fd;
	int flags; /* of recv() and send() */
};

/* All of the bytes, one way. An end that has gone reads as EPIPE. */
static int move_all(const struct echo *echo, bool out)
{
	uint64_t done = 0;

	while (done < echo->size) {
		uint8_t *at = echo->bytes + done;
		size_t left = echo->size - done;
		ssize_t n = out ? send(echo->fd, at, left, echo->flags | MSG_NOSIGNAL)
				: recv(echo->fd, at, left, echo->flags);

		if (n == 0) {
			errno = EPIPE;
			return -1;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		done += n > 0 ? (uint64_t)n : 0;
	}
	return 0;
}

static int echo_call(void *arg)
{
	return move_all(arg, true) < 0 ? -1 : move_all(arg, false);
}

static int set_up(int fd)
{
	int on = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static pid_t start_answering(const struct echo *echo, int listener, int cpu)
{
	pid_t parent = getpid(), pid = fork();
	struct echo own = *echo;

	if (pid != 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || cpu_pin(cpu) < 0)
		_exit(1);
	own.fd = accept(listener, NULL, NULL);
	if (own.fd < 0 || set_up(own.fd) < 0)
		_exit(1);
	while (move_all(&own, false) == 0 && move_all(&own, true) == 0)
		;
	_exit(1);
}

static int listen_anywhere(struct sockaddr_in *ret_address)
{
	socklen_t length = sizeof(*ret_address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_address = (struct sockaddr_in){.sin_family = AF_INET,
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)ret_address, length) == 0 && listen(fd, 1) == 0 &&
	    getsockname(fd, (struct sockaddr *)ret_address, &length) == 0)
		return fd;
	close(fd);
	return -1;
}

static int connect_and_measure(struct echo *echo, const struct sockaddr_in *address,
			       const struct client_options *client, struct run *run)
{
	int result = -1;

	echo->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (echo->fd < 0)
		return -1;
	if (cpu_pin(client->cpu) == 0 && set_up(echo->fd) == 0 &&
	    connect(echo->fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
	    measure_warm_up(&client->plan, echo_call, echo) == 0)
		result = measure_run(&client->plan, echo_call, echo, run);
	close(echo->fd);
	return result;
}

int tcp_echo_measure(const struct floor_options *options, struct run *ret_run)
{
	bool sleeping = options->client.wait == WAIT_SLEEP;
	struct echo echo = {.size = options->size, .flags = sleeping ? 0 : MSG_DONTWAIT};
	struct sockaddr_in address;
	int listener = listen_anywhere(&address), result = -1;
	pid_t pid;

	run_init(ret_run, sleeping ? "floor: TCP echo, blocking" : "floor: TCP echo, polling",
		 options->size, options->size);
	if (listener < 0)
		return -1;
	echo.bytes = calloc(1, options->size);
	if (!echo.bytes)
		goto out;
	pid = start_answering(&echo, listener, options->server_cpu);
	if (pid < 0)
		goto out;
	result = connect_and_measure(&echo, &address, &options->client, ret_run);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
out:
	free(echo.bytes);
	close(listener);
	return result;
}
