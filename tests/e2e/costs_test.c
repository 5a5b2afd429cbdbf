/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls cost, counted: allocations by the linker's word, system calls by strace's, sleeps and
 * wake-ups by the kernel's. Nothing here is timed.
 */
#include "tests/e2e/harness.h"
#include "tests/e2e/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/mallocs.h"
#include "tests/e2e/pattern.h"

#define KIB 1024ull

struct client {
	struct probe probe;
	struct vb_conn *conn;
	struct probe_peer *peer;
};

static void join(struct client *client, enum vb_wait wait)
{
	struct vb_options options = VB_OPTIONS_INIT;

	options.wait = wait;
	client->conn = probe_connect(&client->probe, &options);
	client->peer = probe_bind(client->conn);
}

static void leave(struct client *client)
{
	probe_peer_free(client->peer);
	vb_conn_close(client->conn);
}

/* ---- Allocations ---- */

/* One round of everything that a program might do again and again. */
static void round_of_calls(struct client *client, uint8_t *heap, uint8_t *allocated)
{
	const char *const texts[] = {"one", "two", "three"};
	uint32_t n;

	for (int32_t i = 0; i < 100; i++) {
		probe_assert_alive(client->peer);
		assert_int_equal(probe_measure(client->peer, "abcdef"), 6);
		assert_int_equal(probe_post(client->peer, 1, NULL, 0), 0);
		assert_int_equal(probe_fill(client->peer, 1, 100, heap, 100), 100);
	}
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(probe_fill(client->peer, 1, 256 * KIB, heap, 256 * KIB),
				 256 * KIB);
		assert_int_equal(probe_check(client->peer, 1, heap, 256 * KIB), 256 * KIB);
		assert_int_equal(probe_fill_direct(client->peer, 1, 256 * KIB, allocated,
						   256 * KIB),
				 256 * KIB);
		assert_int_equal(probe_flip(client->peer, allocated, 256 * KIB), 256 * KIB);
		probe_assert_failed(client->peer, probe_fail(client->peer, EIO), EIO, VB_EXECUTED);
	}
	assert_int_equal(probe_join(client->peer, texts, 3, &n), 11);
}

/* Sequences of strings are decoded into memory of their request's own: the one thing that costs. */
#define MALLOCS_OF_JOIN 1

/* After so many rounds nothing grows any more. */
#define ROUNDS_MAX 10

static void test_no_allocations(void **state)
{
	struct client client;
	uint8_t *heap = malloc(256 * KIB);
	uint8_t *allocated;
	struct probe_counters before, after;
	uint64_t mallocs, n;
	unsigned i = 0;

	(void)state;
	probe_start(&client.probe, NULL);
	join(&client, VB_WAIT_ADAPTIVE);
	allocated = vb_memory_alloc(client.conn, 256 * KIB);
	assert_non_null(allocated);
	round_of_calls(&client, heap, allocated);
	/* What is kept for the most that was ever needed at a time grows for some rounds. */
	do {
		probe_counters(client.peer);
		before = probe_counters(client.peer);
		mallocs = mallocs_count();
		round_of_calls(&client, heap, allocated);
		n = mallocs_count() - mallocs;
		after = probe_counters(client.peer);
	} while ((n || after.mallocs - before.mallocs > MALLOCS_OF_JOIN + 2) && ++i < ROUNDS_MAX);
	assert_int_equal(n, 0);
	/* Its own reading of /proc, for the counters before, allocates a buffer for stdio. */
	assert_true(after.mallocs - before.mallocs <= MALLOCS_OF_JOIN + 2);
	assert_true(after.allocations - before.allocations <= MALLOCS_OF_JOIN);
	if (!harness_is_rdma())
		assert_int_equal(probe_client_stats(client.conn).allocations, 0);
	vb_memory_free(NULL, allocated);
	leave(&client);
	probe_end(&client.probe);
	free(heap);
}

/* ---- System calls ---- */

/* Called by strace: this program again, with an address and a number of calls. */
static int call_many(const char *address, long n)
{
	struct vb_options options = VB_OPTIONS_INIT;
	struct vb_conn *conn;
	struct probe_peer *peer;
	uint8_t buffer[64];

	options.wait = VB_WAIT_SPIN;
	/* Questions whether a slow server lives are no calls. */
	options.keepalive_ns = 3600000000000;
	conn = vb_connect(address, &options);
	peer = conn ? probe_peer_bind(conn) : NULL;
	if (!peer)
		return 1;
	for (long i = 0; i < n; i++)
		if (probe_add(peer, 1, 2) != 3 || probe_fill(peer, 1, 64, buffer, 64) != 64)
			return 2;
	probe_peer_free(peer);
	vb_conn_close(conn);
	return 0;
}

struct syscalls {
	uint64_t looks;	    /* at the kernel, about once a millisecond, whatever is called */
	uint64_t doorbells; /* of a device in software: what it is told of sends by */
	uint64_t others;
};

/*
 * Polling looks at sockets, or at the connection manager's events, about once a millisecond, asks
 * now and then on which CPUs it may run, and reads the clock, which is no system call where the
 * vDSO does it.
 */
static bool is_look(const char *name, const char *path)
{
	return strstr(name, "epoll_") == name || strcmp(name, "sched_getaffinity") == 0 ||
	       strcmp(name, "clock_gettime") == 0 ||
	       (strcmp(name, "write") == 0 && strcmp(path, "/dev/infiniband/rdma_cm") == 0);
}

static bool is_doorbell(const char *name, const char *path)
{
	return strcmp(name, "write") == 0 && strstr(path, "/dev/infiniband/uverbs") == path;
}

/* Lines of `strace -f -y`: "PID NAME(3<PATH>, ...) = 1", "NAME(...) = 1". */
static struct syscalls read_trace(const char *path)
{
	struct syscalls counts = {0};
	FILE *file = fopen(path, "re");
	char line[4096];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		const char *call = line + strspn(line, "0123456789 ");
		char name[64] = "", first[64] = "";

		if (sscanf(call, "%63[a-z0-9_](%*d<%63[^>]>", name, first) < 1 ||
		    call[strlen(name)] != '(')
			continue;
		if (is_look(name, first))
			counts.looks++;
		else if (is_doorbell(name, first))
			counts.doorbells++;
		else
			counts.others++;
	}
	fclose(file);
	return counts;
}

struct strace {
	const char *address;
	const char *output;
	const char *n;
};

static int exec_strace(void *context)
{
	const struct strace *strace = context;
	char self[256];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		return 126;
	self[length] = '\0';
	/* The leak sanitizer cannot work when it is traced itself. */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	execlp("strace", "strace", "-f", "-qq", "-y", "-s", "0", "-o", strace->output, self,
	       "--call", strace->address, strace->n, (char *)NULL);
	return 127;
}

static struct syscalls count_syscalls(const struct probe *probe, unsigned rounds)
{
	char output[128], n[16];
	struct strace strace = {probe->address, output, n};
	int status;

	snprintf(n, sizeof(n), "%u", rounds);
	snprintf(output, sizeof(output), "%s/strace", harness_directory());
	status = harness_wait(harness_spawn(exec_strace, &strace));
	if (status == 127)
		harness_skip("strace is not installed");
	if (status == 1 && access(output, F_OK) < 0)
		harness_skip("strace may not trace here");
	assert_int_equal(status, 0);
	return read_trace(output);
}

/* Two calls each; each is traced slowly on a device in software. */
#define CALL_ROUNDS (harness_is_rdma() ? 200u : 2000u)

/* Where the two ends were moved by the kernel, a page or a signal more may be met; and credits may
 * go alone. */
#define MORE_CALLS 5u
#define MORE_RINGS 50u

/* N rounds and twice as many: what they differ in is what calls cost. */
static void test_no_system_calls(void **state)
{
	struct probe probe;
	struct syscalls once, twice;
	const char *device = getenv("VERBENA_TEST_DEVICE");
	uint64_t rings = 0;

	(void)state;
	/* SoftRoCE's doorbell is a system call: one for each call. */
	if (harness_is_rdma() && (!device || strstr(device, "rxe") == device))
		rings = 2 * CALL_ROUNDS;
	probe_start(&probe, "--wait", "spin", NULL);
	once = count_syscalls(&probe, CALL_ROUNDS);
	twice = count_syscalls(&probe, 2 * CALL_ROUNDS);
	assert_true(once.others > 0);
	if (twice.others > once.others + MORE_CALLS)
		fail_msg("%u calls: %llu system calls, twice as many: %llu", 2 * CALL_ROUNDS,
			 (unsigned long long)once.others, (unsigned long long)twice.others);
	rings += once.doorbells;
	if (twice.doorbells > rings + MORE_RINGS || twice.doorbells + MORE_RINGS < rings)
		fail_msg("%u calls: %llu doorbells, twice as many: %llu, not %llu", 2 * CALL_ROUNDS,
			 (unsigned long long)once.doorbells, (unsigned long long)twice.doorbells,
			 (unsigned long long)rings);
	probe_end(&probe);
}

/* ---- Idling ---- */

/* Times the process went to sleep by itself. */
static uint64_t voluntary_switches(pid_t pid)
{
	char path[64];
	char line[128];
	unsigned long long n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1)
			break;
	fclose(file);
	return n;
}

/* Whether it sleeps now; what polls is running, or would be if a CPU were free. */
static bool is_asleep(pid_t pid)
{
	char path[64];
	char state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	/* Field 3; the name in field 2 has no blanks. */
	if (fscanf(file, "%*d %*s %c", &state) != 1)
		state = 0;
	fclose(file);
	return state == 'S';
}

#define SAMPLES		 100u
#define SAMPLES_ASLEEP	 10u
#define WAKES_PER_SECOND 5.0
/* A device's peers are pinged, each a few times a second, and answer, and ping too. */
#define PINGS_PER_SECOND 10.0

/*
 * That it sleeps, and is not woken for nothing. CPU time would not tell: a ping costs ten times as
 * much in an emulated machine, and a loaded one gives a spinning process little. But that one is
 * never met asleep.
 */
static void assert_sleeps(pid_t pid, unsigned n_peers)
{
	double rate = WAKES_PER_SECOND, most;
	uint64_t switches = voluntary_switches(pid);
	uint64_t start_ns = harness_now_ns();
	unsigned n_asleep = 0;

	for (unsigned i = 0; i < SAMPLES; i++) {
		usleep(10000);
		n_asleep += is_asleep(pid);
	}
	switches = voluntary_switches(pid) - switches;
	if (harness_is_rdma())
		rate += PINGS_PER_SECOND * n_peers;
	most = rate * ((double)(harness_now_ns() - start_ns) / 1e9 + 1);
	if (n_asleep < SAMPLES_ASLEEP || (double)switches > most)
		fail_msg("asleep in %u samples of %u; woken %llu times, of %.0f allowed", n_asleep,
			 SAMPLES, (unsigned long long)switches, most);
}

static void idle(const char *wait, unsigned n_clients)
{
	struct client clients[20];

	probe_start(&clients[0].probe, "--wait", wait, NULL);
	for (unsigned i = 0; i < n_clients; i++) {
		clients[i].probe = clients[0].probe;
		join(&clients[i], VB_WAIT_ADAPTIVE);
		probe_assert_alive(clients[i].peer);
	}
	/* Its last spin is over by then. */
	usleep(200000);
	assert_sleeps(clients[0].probe.pid, n_clients);
	for (unsigned i = 0; i < n_clients; i++) {
		probe_assert_alive(clients[i].peer);
		leave(&clients[i]);
	}
	probe_end(&clients[0].probe);
}

static void test_idle_server(void **state)
{
	(void)state;
	idle("adaptive", 1);
	idle("sleep", 1);
	idle("adaptive", 20);
}

/*
 * What the server's heap holds for a connection that idles: of the library, by the linker's word.
 * Rings and buffers lie in mappings. A queue pair's receives are described on the heap: 76, and an
 * eighth, in some 50 bytes each.
 */
#define IDLE_CLIENTS	   32u
#define IDLE_HEAP	   4096u
#define IDLE_HEAP_RECEIVES 5120u

static void test_idle_heap(void **state)
{
	struct client clients[IDLE_CLIENTS + 1];
	uint64_t before, after, most = IDLE_HEAP;

	(void)state;
	if (harness_is_rdma())
		most += IDLE_HEAP_RECEIVES;
	probe_start(&clients[0].probe, NULL);
	join(&clients[0], VB_WAIT_ADAPTIVE);
	before = probe_counters(clients[0].peer).heap;
	for (unsigned i = 1; i <= IDLE_CLIENTS; i++) {
		clients[i].probe = clients[0].probe;
		join(&clients[i], VB_WAIT_ADAPTIVE);
		probe_assert_alive(clients[i].peer);
	}
	after = probe_counters(clients[0].peer).heap;
	if (after - before > IDLE_CLIENTS * most)
		fail_msg("%llu bytes of heap a connection",
			 (unsigned long long)(after - before) / IDLE_CLIENTS);
	for (unsigned i = 0; i <= IDLE_CLIENTS; i++)
		leave(&clients[i]);
	probe_end(&clients[0].probe);
}

static int wait_for_ever(void *context)
{
	struct client client = *(struct client *)context;

	join(&client, VB_WAIT_ADAPTIVE);
	probe_peer_set_deadline(client.peer, VB_NO_DEADLINE);
	return probe_hold(client.peer) ? 1 : 0;
}

/* A client in a call that takes long sleeps until its answer comes. */
static void test_waiting_client(void **state)
{
	struct client client;
	pid_t waiter;

	(void)state;
	probe_start(&client.probe, NULL);
	waiter = harness_spawn_fresh(wait_for_ever, &client, sizeof(client), -1);
	probe_expect(&client.probe, PROBE_HOLDING);
	usleep(200000);
	assert_sleeps(waiter, 1);
	probe_release(&client.probe);
	assert_int_equal(harness_wait(waiter), 0);
	probe_end(&client.probe);
}

/* ---- Counters of slow paths ---- */

/* Lets a call go when its caller must be asleep. */
static int release_slowly(void *context)
{
	struct probe *probe = context;
	char event;

	if (read(probe->report, &event, 1) != 1 || event != PROBE_HOLDING)
		return 1;
	usleep(100000);
	return write(probe->gate, "g", 1) == 1 ? 0 : 1;
}

static void test_counters(void **state)
{
	struct client client;
	pid_t helper;
	struct vb_stats stats;
	struct probe_counters served;

	(void)state;
	probe_start(&client.probe, "--wait", "sleep", NULL);
	join(&client, VB_WAIT_SLEEP);
	for (unsigned i = 0; i < 10; i++)
		probe_assert_alive(client.peer);
	stats = probe_client_stats(client.conn);
	assert_int_equal(stats.calls, 10);
	assert_int_equal(stats.calls_failed, 0);
	/* A hello, a bind and ten requests; a hello, an acknowledgement and ten replies. */
	assert_int_equal(stats.messages_sent, 12);
	assert_int_equal(stats.messages_received, 12);
	probe_assert_failed(client.peer, probe_fail(client.peer, EIO), EIO, VB_EXECUTED);
	probe_assert_failed(client.peer, probe_missing(client.peer), ENOSYS, VB_NOT_EXECUTED);
	probe_assert_failed(client.peer, probe_measure(client.peer, NULL), EFAULT, VB_NOT_SENT);
	assert_int_equal(probe_client_stats(client.conn).calls_failed, 3);
	served = probe_counters(client.peer);
	assert_int_equal(served.calls_failed, 2);
	/* ENOSYS was not dispatched; the counting call is. */
	assert_int_equal(served.calls, 12);
	assert_int_equal(served.unknown_methods, 1);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(probe_post(client.peer, 1, NULL, 0), 0);
	assert_int_equal(probe_counters(client.peer).calls, 18);
	assert_int_equal(probe_client_stats(client.conn).oneways, 5);
	stats = probe_client_stats(client.conn);
	helper = harness_spawn(release_slowly, &client.probe);
	assert_int_equal(probe_hold(client.peer), 0);
	assert_int_equal(harness_wait(helper), 0);
	assert_true(probe_client_stats(client.conn).sleeps > stats.sleeps);
	/* A server that has nothing to do is asleep sooner or later, and has to be woken; a device
	 * does that by itself. */
	while (!probe_counters(client.peer).sleeps ||
	       (!harness_is_rdma() && !probe_client_stats(client.conn).wakeups_sent))
		usleep(1000);
	leave(&client);
	probe_end(&client.probe);
}

static const struct harness_test tests[] = {
	HARNESS_TEST(test_no_allocations), HARNESS_TEST(test_no_system_calls),
	HARNESS_TEST(test_idle_server),	   HARNESS_TEST(test_idle_heap),
	HARNESS_TEST(test_waiting_client), HARNESS_TEST(test_counters),
};

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--call") == 0)
		return call_many(argv[2], strtol(argv[3], NULL, 10));
	return harness_main(tests, sizeof(tests) / sizeof(tests[0]), 1, argc, argv);
}
