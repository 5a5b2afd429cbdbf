/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches end-to-end tests that run with a fault. They assert success: with a fault they may break
 * off at an assertion, but only behind a failure that the fault explains; and what they leave must
 * then come to a good end. VERBENA_TEST_FAULTED says what fails, "client post_send:3".
 */
#include "tests/faults/faulted.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "rpc/conn.h"
#include "rpc/peer.h"
#include "tests/e2e/harness.h"

/* More than a test has at a time. */
#define CONNS_MAX   64
#define SERVERS_MAX 64

/* Handlers that wait to be let go, at most. */
#define HELD_MAX 16

/* A deadline below this is what its test is about. One above is only there so that the test ends:
 * a call that takes it up has hung. */
#define PATIENCE_NS 5000000000u

/* To connect where no test is about how long; and where an event is lost, so that nothing helps. */
#define CONNECT_NS	60000000000u
#define CONNECT_LOST_NS 10000000000u

static struct faulted_record *record;

static struct vb_conn *conns[CONNS_MAX];

static struct server {
	pid_t pid;
	int gate;
} servers[SERVERS_MAX];

static unsigned n_fitting; /* this process's */
static bool last_failed;   /* its last call or connect did, and fittingly */
static bool is_inside;	   /* the library calls itself */
static bool has_broken_off;
static unsigned n_servers_bad, n_servers_not_begun;

/* ---- Failures ---- */

struct failure {
	const char *what;
	struct vb_conn *conn; /* NULL: there is none yet */
	int errnum;
	enum vb_outcome outcome;
	uint64_t deadline_ns;
};

/* Of CONN, or with NULL an empty one. */
static struct vb_conn **find_place(const struct vb_conn *conn)
{
	for (unsigned i = 0; i < CONNS_MAX; i++)
		if (conns[i] == conn)
			return &conns[i];
	return NULL;
}

/* Whatever the fault: what tests provoke themselves. VERBENA_TEST_RESETS: those of this program end
 * connections. */
static bool is_own(const struct failure *failure)
{
	switch (failure->errnum) {
	case EINVAL:
	case EFAULT:
	case EEXIST:
	case EMSGSIZE:
	case ENOSYS:
	case EPROTONOSUPPORT:
		return failure->outcome == VB_NOT_SENT || failure->outcome == VB_NOT_EXECUTED;
	case EOPNOTSUPP: /* a kind of memory; of a connect it would be a device's */
		return failure->conn && failure->outcome == VB_NOT_SENT;
	case ENOMEM: /* more than the connection's options allow for */
		return failure->conn &&
		       strstr(vb_conn_error(failure->conn)->sentence, "memory_max");
	case EBUSY:
		return !failure->conn;
	case ETIMEDOUT:
		return failure->deadline_ns < PATIENCE_NS;
	case ECONNRESET:
		return getenv("VERBENA_TEST_RESETS") != NULL;
	default:
		return false;
	}
}

static bool has_sentence(const struct failure *failure)
{
	const struct vb_error *error = vb_conn_error(failure->conn);

	if (!failure->conn && error->errnum != failure->errnum)
		return false;
	return !error->errnum || error->sentence[0];
}

static bool is_fitting(const struct failure *failure)
{
	return fitting_errno(record->side, record->point, failure->errnum) && has_sentence(failure);
}

static void see_fault(void)
{
	if (record->side == CLIENT && record->point >= 0 &&
	    verbs_faults_fired((enum verbs_fault_point)record->point))
		record->came = 1;
}

static void note(const struct failure *failure)
{
	static const char *const outcomes[] = {
		[VB_NOT_SENT] = "not sent",
		[VB_NOT_EXECUTED] = "not executed",
		[VB_EXECUTED] = "executed",
		[VB_UNKNOWN] = "unknown",
	};
	bool fits = is_fitting(failure);

	see_fault();
	last_failed = fits;
	if (!fits && is_own(failure))
		return;
	n_fitting += fits;
	*(fits ? &record->fitting : &record->unfitting) += 1;
	fprintf(stderr, "faulted: %s failed with %s, %s%s: \"%s\"\n", failure->what,
		strerrorname_np(failure->errnum), outcomes[failure->outcome],
		fits ? "" : ", which does NOT FIT", vb_conn_error(failure->conn)->sentence);
}

static void note_errno(const char *what, struct vb_conn *conn)
{
	int saved = errno;

	note(&(struct failure){
		.what = what, .conn = conn, .errnum = saved, .deadline_ns = UINT64_MAX});
	errno = saved;
}

static void note_call(struct vb_peer *head, const struct vb_method *method)
{
	struct vbi_peer *peer = vbi_peer_of(head);
	struct failure failure = {
		.what = method->name,
		.conn = peer->conn,
		.errnum = errno,
		.outcome = head->outcome,
		.deadline_ns = peer->deadline_ns ? peer->deadline_ns : method->deadline_ns,
	};

	record->executed += failure.outcome == VB_EXECUTED;
	record->unknown += failure.outcome == VB_UNKNOWN;
	/* A handler's own word. */
	if (failure.outcome == VB_EXECUTED && !vb_conn_error(peer->conn)->errnum)
		last_failed = false;
	else
		note(&failure);
	errno = failure.errnum;
}

/* ---- What is watched ---- */

/* ld --wrap=F sends calls of F to __wrap_F, and those of __real_F to F. */
struct vb_conn *__real_vb_connect(const char *address, const struct vb_options *options);
void __real_vb_conn_close(struct vb_conn *conn);
struct vb_peer *__real_vb_stub_bind(struct vb_conn *conn, const struct vb_interface *interface);
const uint8_t *__real_vb_stub_call(struct vb_peer *peer, const struct vb_method *method,
				   uint32_t length);
int __real_vb_stub_send(struct vb_peer *peer, const struct vb_method *method, uint32_t length);
int __real_vb_stub_refuse(struct vb_peer *peer, const struct vb_method *method, int errnum);
int __real_vb_stub_bad_reply(struct vb_peer *peer, const struct vb_method *method);
void *__real_vb_memory_alloc(struct vb_conn *conn, size_t size);
void *__real_vb_memory_register(struct vb_conn *conn, void *address, size_t size,
				const struct vb_memory_options *options);

struct vb_conn *__wrap_vb_connect(const char *address, const struct vb_options *options);
void __wrap_vb_conn_close(struct vb_conn *conn);
struct vb_peer *__wrap_vb_stub_bind(struct vb_conn *conn, const struct vb_interface *interface);
const uint8_t *__wrap_vb_stub_call(struct vb_peer *peer, const struct vb_method *method,
				   uint32_t length);
int __wrap_vb_stub_send(struct vb_peer *peer, const struct vb_method *method, uint32_t length);
int __wrap_vb_stub_refuse(struct vb_peer *peer, const struct vb_method *method, int errnum);
int __wrap_vb_stub_bad_reply(struct vb_peer *peer, const struct vb_method *method);
void *__wrap_vb_memory_alloc(struct vb_conn *conn, size_t size);
void *__wrap_vb_memory_register(struct vb_conn *conn, void *address, size_t size,
				const struct vb_memory_options *options);

static struct vb_conn *connect_patiently(const char *address, const struct vb_options *options)
{
	struct vb_options patient = VB_OPTIONS_INIT;

	if (options)
		patient = *options;
	if (!patient.connect_timeout_ns || patient.connect_timeout_ns >= PATIENCE_NS)
		patient.connect_timeout_ns = fitting_may_time_out(record->point) ? CONNECT_LOST_NS
										 : CONNECT_NS;
	return __real_vb_connect(address, &patient);
}

struct vb_conn *__wrap_vb_connect(const char *address, const struct vb_options *options)
{
	struct vb_conn *conn = connect_patiently(address, options);
	uint64_t timeout_ns = options ? options->connect_timeout_ns : 0;
	struct vb_conn **place = find_place(NULL);

	if (!place)
		abort();
	if (conn) {
		*place = conn;
	} else {
		struct failure failure = {.what = "connect", .errnum = errno};

		failure.deadline_ns = timeout_ns ? timeout_ns : UINT64_MAX;
		note(&failure);
		errno = failure.errnum;
	}
	return conn;
}

void __wrap_vb_conn_close(struct vb_conn *conn)
{
	struct vb_conn **place = conn ? find_place(conn) : NULL;

	if (place)
		*place = NULL;
	__real_vb_conn_close(conn);
}

struct vb_peer *__wrap_vb_stub_bind(struct vb_conn *conn, const struct vb_interface *interface)
{
	struct vb_peer *peer = __real_vb_stub_bind(conn, interface);

	if (!peer)
		note_errno("bind", conn);
	return peer;
}

const uint8_t *__wrap_vb_stub_call(struct vb_peer *peer, const struct vb_method *method,
				   uint32_t length)
{
	const uint8_t *answer;

	record->under_way++;
	is_inside = true;
	answer = __real_vb_stub_call(peer, method, length);
	is_inside = false;
	if (answer) {
		record->executed++;
		last_failed = false;
	} else {
		note_call(peer, method);
	}
	record->under_way--;
	return answer;
}

int __wrap_vb_stub_send(struct vb_peer *peer, const struct vb_method *method, uint32_t length)
{
	int result;

	record->under_way++;
	is_inside = true;
	result = __real_vb_stub_send(peer, method, length);
	is_inside = false;
	if (result == 0) {
		record->unknown++;
		last_failed = false;
	} else {
		note_call(peer, method);
	}
	record->under_way--;
	return result;
}

int __wrap_vb_stub_refuse(struct vb_peer *peer, const struct vb_method *method, int errnum)
{
	int result = __real_vb_stub_refuse(peer, method, errnum);

	if (!is_inside)
		note_call(peer, method);
	return result;
}

/* It was an answer, and counted: what it says is what does not fit. */
int __wrap_vb_stub_bad_reply(struct vb_peer *peer, const struct vb_method *method)
{
	int result = __real_vb_stub_bad_reply(peer, method);

	note_errno(method->name, vbi_peer_of(peer)->conn);
	return result;
}

void *__wrap_vb_memory_alloc(struct vb_conn *conn, size_t size)
{
	void *memory = __real_vb_memory_alloc(conn, size);

	if (!memory)
		note_errno("memory", conn);
	return memory;
}

void *__wrap_vb_memory_register(struct vb_conn *conn, void *address, size_t size,
				const struct vb_memory_options *options)
{
	void *memory = __real_vb_memory_register(conn, address, size, options);

	if (!memory)
		note_errno("memory", conn);
	return memory;
}

/* ---- Servers ---- */

static void on_server_started(pid_t pid, int gate)
{
	for (unsigned i = 0; i < SERVERS_MAX; i++) {
		if (servers[i].pid)
			continue;
		servers[i] = (struct server){pid, gate};
		return;
	}
	abort();
}

static void on_waited(pid_t pid)
{
	for (unsigned i = 0; i < SERVERS_MAX; i++)
		if (servers[i].pid == pid)
			servers[i].pid = 0;
}

/* Again and again: it may be to run more often than once, or be in a handler that stops it. What is
 * not stopped is not continued: that would disturb the leak detector, which stops it too. */
static int end_server(const struct server *server)
{
	const struct timespec moment = {.tv_nsec = 100000000};
	static const char gate[HELD_MAX];
	sigset_t child;
	int status;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	/* It may have ended already. */
	signal(SIGPIPE, SIG_IGN);
	if (write(server->gate, gate, sizeof(gate)) < 0 && errno != EPIPE)
		perror("gate");
	kill(server->pid, SIGCONT);
	for (;;) {
		kill(server->pid, SIGTERM);
		if (waitpid(server->pid, &status, WNOHANG | WUNTRACED) != server->pid)
			sigtimedwait(&child, NULL, &moment);
		else if (WIFSTOPPED(status))
			kill(server->pid, SIGCONT);
		else
			return status;
	}
}

static void end_servers(void)
{
	for (unsigned i = 0; i < SERVERS_MAX; i++) {
		int status;

		if (!servers[i].pid)
			continue;
		status = end_server(&servers[i]);
		/* Tests kill theirs. */
		if (status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
			continue;
		/* It said why it cannot begin (faulted.py looks). */
		if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && record->side == SERVER) {
			printf("faulted: a server did not begin\n");
			n_servers_not_begun++;
			continue;
		}
		printf("faulted: a server ended with status 0x%x\n", (unsigned)status);
		n_servers_bad++;
	}
}

/* ---- The end ---- */

static void close_conns(void)
{
	for (unsigned i = 0; i < CONNS_MAX; i++) {
		struct vb_conn *conn = conns[i];
		struct vbi_peer *peer, *next;

		if (!conn)
			continue;
		DL_FOREACH_SAFE(conn->peers, peer, next) {
			vb_stub_unbind(&peer->head);
		}
		vb_conn_close(conn);
	}
}

static bool any_conn_failed(void)
{
	for (unsigned i = 0; i < CONNS_MAX; i++)
		if (conns[i] && vb_conn_error(conns[i])->errnum)
			return true;
	return false;
}

/* Whoever says that a call ran, or did not, is right. */
static bool outcomes_are_true(void)
{
	return record->ran >= record->executed &&
	       record->ran <= record->executed + record->unknown + record->under_way;
}

static int say(enum faulted_status status, const char *why)
{
	printf("faulted: %s\n", why);
	return (int)status;
}

static int judge(bool broke_off, bool is_explained)
{
	if (record->unfitting)
		return say(FAULTED_UNFITTING, "a failure does not fit");
	if (n_servers_bad)
		return say(FAULTED_SERVER, "a server did not end well");
	if (!outcomes_are_true()) {
		printf("faulted: %u handlers ran; executed %u, unknown %u, under way %u\n",
		       record->ran, record->executed, record->unknown, record->under_way);
		return say(FAULTED_WRONG_OUTCOME, "calls were wrong about what ran");
	}
	if (broke_off && !record->came)
		return say(FAULTED_NO_FAULT, "it broke off without a fault");
	if (broke_off && !is_explained && !n_servers_not_begun)
		return say(FAULTED_WRONG_SUCCESS, "it broke off though no call had failed");
	return FAULTED_GOOD;
}

static int on_end(bool broke_off)
{
	/* The last thing that was done, or another process's failure that this one waited for. */
	bool is_explained = last_failed || any_conn_failed() || record->fitting > n_fitting;

	has_broken_off = broke_off;
	if (broke_off)
		close_conns();
	end_servers();
	see_fault();
	printf("faulted: the fault %s\n", record->came ? "came" : "never came");
	if (broke_off)
		printf("faulted: it broke off\n");
	return judge(broke_off, is_explained);
}

/* Of a test that broke off, the memory. Called by the leak detector, where there is one. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return has_broken_off;
}

/* ---- The beginning ---- */

static int find_point(const char *plan)
{
	size_t length = strcspn(plan, ":");

	for (int i = 0; i < VERBS_FAULT_POINTS; i++) {
		const char *name = verbs_fault_name((enum verbs_fault_point)i);

		if (strlen(name) == length && memcmp(name, plan, length) == 0)
			return i;
	}
	return -1;
}

static void on_begin(void)
{
	const char *what = getenv("VERBENA_TEST_FAULTED");
	const char *plan = what ? strchr(what, ' ') : NULL;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/" FAULTED_FILE, harness_directory());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*record)) < 0) {
		perror(path);
		abort();
	}
	record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (record == MAP_FAILED)
		abort();
	close(fd);
	record->side = what && what[0] == 's' ? SERVER : CLIENT;
	record->point = plan ? find_point(plan + 1) : -1;
}

__attribute__((constructor)) static void watch(void)
{
	static const struct harness_watcher watcher = {
		.begin = on_begin,
		.server_started = on_server_started,
		.waited = on_waited,
		.end = on_end,
	};

	harness_watcher = &watcher;
}
