// SPDX-License-Identifier: Apache-2.0
/*
 * The random interfaces between two processes, through the library and a transport.
 *
 *	remote SEED
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt.h"

#define CALLS_OF_METHOD 25
#define SMALL_MESSAGE	4096u

extern const struct rt_side new_side;
extern const struct rt_side old_side;

static struct vb_server *server;

/* Re-encoding needs messages at hand: these are never called here. */
struct vb_peer *rt_capture(const struct vb_request *req, const struct rt_side *side)
{
	(void)req;
	(void)side;
	abort();
}

void rt_captured(const struct vb_request *req, struct vb_peer *peer, unsigned n_buffers)
{
	(void)req;
	(void)peer;
	(void)n_buffers;
	abort();
}

void rt_replay(struct vb_peer *peer)
{
	(void)peer;
	abort();
}

void rt_replayed(struct vb_peer *peer)
{
	(void)peer;
	abort();
}

static void stop(int signal_number)
{
	(void)signal_number;
	vb_server_stop(server);
}

/* Says that it listens by closing READY. */
static int serve(const struct rt_side *side, const char *address, uint32_t message_max, int ready)
{
	const struct sigaction action = {.sa_handler = stop};
	struct vb_server_options options = VB_SERVER_OPTIONS_INIT;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	options.message_max = message_max;
	server = vb_server_create(&options);
	RT_CHECK(server);
	sigaction(SIGTERM, &action, NULL);
	RT_CHECK(side->serve(server) == 0);
	RT_CHECK(vb_server_listen(server, address) == 0);
	RT_CHECK(write(ready, "", 1) == 1);
	close(ready);
	RT_CHECK(vb_server_run(server) == 0);
	vb_server_free(server);
	return 0;
}

static pid_t start(const struct rt_side *side, const char *address, uint32_t message_max)
{
	int pipe_ends[2];
	char byte;

	RT_CHECK(pipe(pipe_ends) == 0);
	const pid_t child = fork();
	RT_CHECK(child >= 0);
	if (child == 0) {
		close(pipe_ends[0]);
		exit(serve(side, address, message_max, pipe_ends[1]));
	}
	close(pipe_ends[1]);
	RT_CHECK(read(pipe_ends[0], &byte, 1) == 1);
	close(pipe_ends[0]);
	return child;
}

static void call_all(const struct rt_side *client, struct vb_peer *peer, uint64_t master)
{
	rt.agreed = peer->minor;
	for (size_t i = 0; i < client->n_methods; i++) {
		for (unsigned n = 0; n < CALLS_OF_METHOD; n++) {
			rt.seed = rt_mix(master, i * 1000 + n);
			rt.is_failing = rt_mix(rt.seed, 1) % 8 == 0;
			rt.is_overreaching = rt_mix(rt.seed, 2) % 4 == 0;
			rt_reset();
			client->methods[i].call(peer);
		}
	}
}

/* Two versions that talk, and the server of one of them. */
struct pair {
	const struct rt_side *client;
	const struct rt_side *service;
	uint32_t message_max;
	uint64_t master;
	char address[80];
	pid_t child;
};

/*
 * VERBENA_TEST_TRANSPORT=rdma: at the device's address, on a port below those that the kernel gives
 * to clients and apart from other tests'; else a socket.
 */
static void choose_address(struct pair *pair, size_t i)
{
	const char *transport = getenv("VERBENA_TEST_TRANSPORT");

	if (transport && strcmp(transport, "rdma") == 0)
		snprintf(pair->address, sizeof(pair->address), "rdma://%s:%u",
			 getenv("VERBENA_TEST_ADDRESS"),
			 17000u + (unsigned)getpid() % 300 * 8 + (unsigned)i);
	else
		snprintf(pair->address, sizeof(pair->address), "shm:///tmp/vb-remote-%ld-%zu",
			 (long)getpid(), i);
}

static void run_pair(const struct pair *pair)
{
	struct vb_options options = VB_OPTIONS_INIT;
	int status;

	options.message_max = pair->message_max;
	rt.is_tight = pair->message_max != 0;
	struct vb_conn *const conn = vb_connect(pair->address, &options);
	RT_CHECK(conn);
	struct vb_peer *const peer = pair->client->bind(conn);
	RT_CHECK(peer);
	call_all(pair->client, peer, pair->master);
	RT_CHECK(vb_conn_error(conn)->errnum == 0);
	vb_stub_unbind(peer);
	vb_conn_close(conn);
	RT_CHECK(kill(pair->child, SIGTERM) == 0);
	RT_CHECK(waitpid(pair->child, &status, 0) == pair->child);
	RT_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
	const uint64_t master = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	struct pair pairs[] = {
		{.client = &new_side, .service = &new_side, .master = rt_mix(master, 0)},
		{.client = &new_side, .service = &old_side, .master = rt_mix(master, 10)},
		{.client = &old_side, .service = &new_side, .master = rt_mix(master, 20)},
		{&new_side, &new_side, SMALL_MESSAGE, rt_mix(master, 1), "", 0},
		{&new_side, &old_side, SMALL_MESSAGE, rt_mix(master, 11), "", 0},
		{&old_side, &new_side, SMALL_MESSAGE, rt_mix(master, 21), "", 0},
	};
	const size_t n = sizeof(pairs) / sizeof(pairs[0]);

	rt_shared = mmap(NULL, sizeof(struct rt_state), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	RT_CHECK(rt_shared != MAP_FAILED);
	rt.is_remote = true;
	/* All of them before this process opens a device, which is then not its children's. */
	for (size_t i = 0; i < n; i++) {
		choose_address(&pairs[i], i);
		pairs[i].child = start(pairs[i].service, pairs[i].address, pairs[i].message_max);
	}
	for (size_t i = 0; i < n; i++)
		run_pair(&pairs[i]);
	printf("%u handled\n", rt.n_handled);
	RT_CHECK(rt.n_handled > 0);
	return 0;
}
