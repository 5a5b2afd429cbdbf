/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/harness.h"

#define ARGUMENTS_MAX 24

/* To connect over such a device (probe.h). */
#define CONNECT_NS 60000000000

struct launch {
	char *arguments[ARGUMENTS_MAX];
	int report;
	int gate;
};

/* Of the tests' own build, unless the environment has another (tests/faults/). */
static const char *server_path(void)
{
	const char *asked = getenv("VERBENA_TEST_SERVER");

	return asked ? asked : PROBE_SERVER_PATH;
}

/* The server's faults are the test's own, unless it has others. */
static void set_faults(void)
{
	const char *others = getenv("VERBENA_TEST_SERVER_FAULTS");

	if (others)
		setenv("VERBENA_FAULTS", others, 1);
}

/* Descriptors 3 and 4 may be in use, by each other too: both move out of the way first. */
static int exec_server(void *context)
{
	struct launch *launch = context;
	int report = fcntl(launch->report, F_DUPFD, 10);
	int gate = fcntl(launch->gate, F_DUPFD, 10);

	dup2(report, PROBE_REPORT_FD);
	dup2(gate, PROBE_GATE_FD);
	close(report);
	close(gate);
	set_faults();
	execv(server_path(), launch->arguments);
	perror(server_path());
	return 127;
}

void probe_start(struct probe *probe, ...)
{
	static unsigned n_started;
	static char program[] = "probe-server";
	struct launch launch = {.arguments = {program, probe->address}};
	char name[32];
	int report[2];
	int gate[2];
	va_list more;

	snprintf(name, sizeof(name), "probe-%d-%u", getpid(), n_started++);
	harness_make_address(probe->address, sizeof(probe->address), name);
	va_start(more, probe);
	for (unsigned i = 2; (launch.arguments[i] = va_arg(more, char *)); i++)
		assert_true(i < ARGUMENTS_MAX - 1);
	va_end(more);
	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	launch.report = report[1];
	launch.gate = gate[0];
	probe->pid = harness_spawn(exec_server, &launch);
	close(report[1]);
	close(gate[0]);
	probe->report = report[0];
	probe->gate = gate[1];
	if (harness_watcher)
		harness_watcher->server_started(probe->pid, probe->gate);
	probe_expect(probe, PROBE_READY);
}

char probe_report(struct probe *probe)
{
	char event;
	ssize_t n;

	do {
		n = read(probe->report, &event, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		fail_msg("the server is gone: no report comes any more");
	return event;
}

void probe_expect(struct probe *probe, enum probe_event event)
{
	char got = probe_report(probe);

	if (got != (char)event)
		fail_msg("the server reported '%c', not '%c'", got, event);
}

void probe_release(struct probe *probe)
{
	assert_int_equal(write(probe->gate, "g", 1), 1);
}

void probe_signal(const struct probe *probe, int signal)
{
	assert_int_equal(kill(probe->pid, signal), 0);
}

static void close_pipes(struct probe *probe)
{
	close(probe->report);
	close(probe->gate);
}

void probe_end(struct probe *probe)
{
	probe_signal(probe, SIGTERM);
	assert_int_equal(harness_wait(probe->pid), 0);
	close_pipes(probe);
}

void probe_kill(struct probe *probe)
{
	harness_kill(probe->pid);
	close_pipes(probe);
}

struct vb_conn *probe_connect_to(const char *address, const struct vb_options *options)
{
	struct vb_options patient = VB_OPTIONS_INIT;

	if (options)
		patient = *options;
	if (!patient.connect_timeout_ns && harness_is_rdma())
		patient.connect_timeout_ns = CONNECT_NS;
	return vb_connect(address, &patient);
}

struct vb_conn *probe_connect(const struct probe *probe, const struct vb_options *options)
{
	struct vb_conn *conn = probe_connect_to(probe->address, options);

	if (!conn)
		fail_msg("no connection: %s", vb_conn_error(NULL)->sentence);
	return conn;
}

struct probe_peer *probe_bind(struct vb_conn *conn)
{
	struct probe_peer *peer = probe_peer_bind(conn);

	if (!peer)
		fail_msg("no bind: %s", vb_conn_error(conn)->sentence);
	if (harness_is_rdma())
		probe_peer_set_deadline(peer, PROBE_PATIENCE_NS);
	return peer;
}

struct probe_counters probe_counters(struct probe_peer *peer)
{
	struct probe_counters now;

	if (probe_count(peer, &now) < 0)
		fail_msg("the server's counters: %s", strerror(errno));
	return now;
}

struct vb_stats probe_client_stats(const struct vb_conn *conn)
{
	struct vb_stats stats = VB_STATS_INIT;

	assert_int_equal(vb_conn_stats(conn, &stats), 0);
	return stats;
}

void probe_assert_alive(struct probe_peer *peer)
{
	struct probe_block sent = {.words = {1, 2, 3, UINT64_MAX}};
	struct probe_block got = {.words = {0}};

	if (probe_echo(peer, &sent, &got) != 0)
		fail_msg("a plain call failed: %s", strerror(errno));
	for (unsigned i = 0; i < 4; i++)
		assert_true(got.words[i] == sent.words[i] + 1);
}

static const char *outcome_name(enum vb_outcome outcome)
{
	static const char *const names[] = {
		[VB_NOT_SENT] = "not sent",
		[VB_NOT_EXECUTED] = "not executed",
		[VB_EXECUTED] = "executed",
		[VB_UNKNOWN] = "unknown",
	};

	return names[outcome];
}

void probe_check_result(const struct probe_peer *peer, int64_t result, int64_t expected,
			const char *file, int line)
{
	int got = errno;

	if (result == expected)
		return;
	print_error("the call returned %lld, not %lld", (long long)result, (long long)expected);
	if (result < 0)
		print_error(" (%s, %s)", strerrorname_np(got),
			    outcome_name(probe_peer_outcome(peer)));
	print_error("\n");
	_fail(file, line);
}

void probe_check_failed(const struct probe_peer *peer, int64_t result, int errnum,
			enum vb_outcome outcome, const char *file, int line)
{
	int got = errno;
	enum vb_outcome got_outcome = probe_peer_outcome(peer);

	if (result == -1 && got == errnum && got_outcome == outcome)
		return;
	print_error("the call returned %lld with %s, %s; expected -1 with %s, %s\n",
		    (long long)result, strerrorname_np(got), outcome_name(got_outcome),
		    strerrorname_np(errnum), outcome_name(outcome));
	_fail(file, line);
}

void probe_check_sentence(const struct vb_error *error, const char *part, const char *file,
			  int line)
{
	if (error->sentence[0] && strstr(error->sentence, part))
		return;
	print_error("the sentence is '%s'; expected one with '%s'\n", error->sentence, part);
	_fail(file, line);
}

/* ---- Windows ---- */

#define WINDOWS_SIZE (1024u * 1024)

/* Of those that nobody makes, only SoftRoCE names what network device it stands on. */
static bool is_softroce(void)
{
	const char *device = getenv("VERBENA_TEST_DEVICE");
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/parent", device ? device : "");
	return access(path, F_OK) == 0;
}

/* Memory that has a name is registered once; without windows it would be for each call. */
void probe_test_windows(void **state)
{
	struct probe probe;
	struct vb_conn *conn;
	struct probe_peer *peer;
	uint64_t first;
	void *memory;

	(void)state;
	probe_start(&probe, NULL);
	conn = probe_connect(&probe, NULL);
	peer = probe_bind(conn);
	memory = vb_memory_alloc(conn, WINDOWS_SIZE);
	assert_non_null(memory);
	probe_assert_result(peer, probe_fill(peer, 1, WINDOWS_SIZE, memory, WINDOWS_SIZE),
			    WINDOWS_SIZE);
	first = probe_client_stats(conn).registrations;
	for (unsigned i = 0; i < 3; i++)
		probe_assert_result(peer, probe_fill(peer, i, WINDOWS_SIZE, memory, WINDOWS_SIZE),
				    WINDOWS_SIZE);
	if (probe_client_stats(conn).registrations != first && is_softroce())
		fail_msg("windows are forced, and no call uses one");
	if (probe_client_stats(conn).registrations != first)
		harness_skip(
			"windows are forced, and the device has none or they are not agreed on");
	vb_memory_free(conn, memory);
	probe_peer_free(peer);
	vb_conn_close(conn);
	probe_end(&probe);
}
