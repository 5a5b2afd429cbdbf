/* SPDX-License-Identifier: Apache-2.0 */
/* What the system refuses, and how it is told: limits, rights, and what lies in the way. */
#include "transport/shm/layout.h"
#include "transport/shm/shm.h"
#include "transport/shm/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Nobody's user and group. */
#define OTHER_USER 65534

static char directory[] = "/tmp/verbena-shm-XXXXXX";
static char path[64];
static struct vb_stats stats;
static struct vbi_domain *domain;
static struct vbi_listener *listener;
static struct vbi_cause cause;
static struct vbi_endpoint *client;
static unsigned n_connected, n_failed, n_served, n_refused;

static void refused(void *listener_owner, const struct vbi_cause *why)
{
	(void)listener_owner;
	n_refused++;
	assert_int_equal(why->errnum, EMFILE);
}

static int accepted(void *listener_owner, struct vbi_endpoint *endpoint)
{
	(void)listener_owner;
	endpoint->owner = endpoint;
	n_served++;
	return 0;
}

static void connected(void *owner)
{
	(void)owner;
	n_connected++;
}

static void received(void *owner, struct vbi_message *message)
{
	vbi_shm.release(owner, message);
}

static void failed(void *owner, const struct vbi_cause *why)
{
	if (owner != client) {
		vbi_shm.close(owner);
		n_served--;
		return;
	}
	n_failed++;
	cause = *why;
}

static const struct vbi_events events = {accepted, refused, connected, received, failed};

static int setup(void **state)
{
	(void)state;
	n_connected = n_failed = 0;
	memset(&cause, 0, sizeof(cause));
	snprintf(path, sizeof(path), "%s/socket", directory);
	return vbi_shm.domain_open(&events, &stats,
				   &(struct vbi_domain_options){.message_max = 8192}, &domain,
				   &cause);
}

static int teardown(void **state)
{
	(void)state;
	/* The served ends see their clients go. */
	while (n_served)
		vbi_shm.poll(domain);
	vbi_shm.domain_close(domain);
	return 0;
}

static int try_listen(const char *where)
{
	return vbi_shm.listen(domain, where, NULL, &listener, &cause);
}

static int try_connect(const char *where, uint64_t arena)
{
	int error = vbi_shm.connect(domain, where, arena, NULL, &client, &cause);

	if (error)
		return error;
	client->owner = client;
	while (!n_connected && !n_failed)
		vbi_shm.poll(domain);
	error = n_failed ? -cause.errnum : 0;
	vbi_shm.close(client);
	client = NULL;
	return error;
}

static void expect_sentence(const char *part)
{
	if (!strstr(cause.sentence, part))
		fail_msg("'%s' is not in: %s", part, cause.sentence);
}

static void names_are_in_the_sentences(void **state)
{
	(void)state;
	assert_int_equal(try_connect(path, 0), -ENOENT);
	expect_sentence(path);
	assert_int_equal(try_connect("/nowhere/at/all", 0), -ENOENT);
	expect_sentence("/nowhere/at/all");
	assert_int_equal(try_listen("/nowhere/at/all"), -ENOENT);
	expect_sentence("/nowhere/at/all");
	assert_int_equal(try_connect("no name", 0), -EINVAL);
	expect_sentence("no name");
}

static void socket_is_for_its_user_only(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(try_listen(path), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	vbi_shm.listener_close(listener);
	assert_int_equal(stat(path, &status), -1);
}

static void dead_servers_socket_is_replaced(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (!child) {
		/* Dies without a word: the socket and its lock stay. */
		_exit(try_listen(path) ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(try_connect(path, 0), -ECONNREFUSED);
	expect_sentence("gone");
	assert_int_equal(try_listen(path), 0);
	assert_int_equal(try_connect(path, 0), 0);
	vbi_shm.listener_close(listener);
}

static void living_server_is_not_replaced(void **state)
{
	struct vbi_listener *second;

	(void)state;
	assert_int_equal(try_listen(path), 0);
	assert_int_equal(vbi_shm.listen(domain, path, NULL, &second, &cause), -EADDRINUSE);
	expect_sentence("listens there already");
	assert_int_equal(try_connect(path, 0), 0);
	vbi_shm.listener_close(listener);
}

static void other_files_are_not_removed(void **state)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	(void)state;
	close(fd);
	assert_int_equal(try_listen(path), -EADDRINUSE);
	expect_sentence("no socket");
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(try_connect(path, 0), -ECONNREFUSED);
	unlink(path);
}

static void limit_on_file_sizes(void **state)
{
	struct rlimit before, small = {.rlim_cur = 1u << 20, .rlim_max = RLIM_INFINITY};

	(void)state;
	assert_int_equal(try_listen(path), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	/* Not a SIGXFSZ. */
	assert_int_equal(try_connect(path, 1u << 20), -EFBIG);
	expect_sentence("ulimit -f");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(try_connect(path, 1u << 20), 0);
	vbi_shm.listener_close(listener);
}

static void too_much_memory(void **state)
{
	(void)state;
	assert_int_equal(try_connect(path, SHM_ARENA_MAX + 1), -EINVAL);
	expect_sentence("memory_max");
}

/* With a few descriptors left, each step fails in its turn; nothing is lost by it. The test's own
 * parent may have left it some that are open. */
static void limit_on_descriptors(void **state)
{
	struct rlimit before, few;
	int next = dup(0);
	bool done = false;

	(void)state;
	close(next);
	assert_int_equal(try_listen(path), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	for (unsigned left = 2; !done; left++) {
		int error;

		few.rlim_cur = (rlim_t)next + left;
		n_connected = n_failed = 0;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		error = try_connect(path, 0);
		done = !error;
		if (!done && error != -EMFILE)
			fail_msg("%u left: %d, %s", left, error, cause.sentence);
		if (!done)
			expect_sentence("ulimit -n");
		assert_true(left < 200);
		/* The server's end goes with the client's. */
		for (unsigned i = 0; i < 3000; i++)
			vbi_shm.poll(domain);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	/* With one descriptor more than the client needs. */
	assert_true(n_refused > 0);
	vbi_shm.listener_close(listener);
	assert_int_equal(dup(0), next);
	close(next);
}

static void domain_without_descriptors(void **state)
{
	struct rlimit before, none;
	struct vbi_domain *other;
	int next = dup(0);

	(void)state;
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (rlim_t left = 0; left < 2; left++) {
		none = before;
		none.rlim_cur = (rlim_t)next + left;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		assert_int_equal(
			vbi_shm.domain_open(&events, &stats,
					    &(struct vbi_domain_options){.message_max = 8192},
					    &other, &cause),
			-EMFILE);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		expect_sentence("ulimit -n");
	}
	assert_int_equal(dup(0), next);
	close(next);
}

/* A client's child that holds everything open does not keep the client alive. */
static void death_in_spite_of_a_child(void **state)
{
	int hold[2];
	pid_t child;
	int status;

	(void)state;
	assert_int_equal(pipe(hold), 0);
	assert_int_equal(try_listen(path), 0);
	child = fork();
	if (!child) {
		char byte;

		close(hold[1]);
		setup(NULL);
		if (vbi_shm.connect(domain, path, 0, NULL, &client, &cause))
			_exit(1);
		client->owner = client;
		while (!n_connected && !n_failed)
			vbi_shm.poll(domain);
		/* The grandchild lives until the test lets it go. */
		if (!fork())
			_exit(read(hold[0], &byte, 1) != 0);
		_exit(n_failed != 0);
	}
	close(hold[0]);
	while (waitpid(child, &status, WNOHANG) == 0)
		vbi_shm.poll(domain);
	assert_int_equal(status, 0);
	while (n_served)
		vbi_shm.poll(domain);
	close(hold[1]);
	vbi_shm.listener_close(listener);
}

/* As another user: 0, or the errno. */
static int as_other_user(int (*what)(void))
{
	pid_t child = fork();
	int status;

	if (!child) {
		if (setgid(OTHER_USER) || setuid(OTHER_USER))
			_exit(255);
		_exit(-what());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int connect_there(void)
{
	int error = try_connect(path, 0);

	return strstr(cause.sentence, "own user") ? error : -254;
}

static int listen_there(void)
{
	int error = try_listen(path);

	return strstr(cause.sentence, path) ? error : -254;
}

/* Runs when the client's socket has connected, and before the client sends its hello. */
static void (*when_connected)(void);
static int raw_listener;

int __real_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
	int result = __real_connect(fd, address, size);

	if (!result && when_connected)
		when_connected();
	return result;
}

static void raw_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	raw_listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(raw_listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(raw_listener, 1), 0);
}

static void server_dies(void)
{
	close(raw_listener);
}

static void server_accepts_and_dies(void)
{
	close(accept(raw_listener, NULL, NULL));
	close(raw_listener);
}

static void server_refuses(void)
{
	struct shm_answer answer = {
		.magic = SHM_MAGIC,
		.version = SHM_VERSION,
		.size = sizeof(answer),
		.status = EBUSY,
		.text = "there are too many of you",
	};
	int fd = accept(raw_listener, NULL, NULL);

	assert_int_equal(shm_socket_send(fd, &answer, sizeof(answer), NULL, 0), 0);
	close(fd);
	close(raw_listener);
}

/* A client that comes to send its hello too late is told what one in time is. */
static void server_closes_before_the_hello(void **state)
{
	const struct {
		void (*act)(void);
		int errnum;
		const char *sentence;
	} cases[] = {
		{server_dies, ECONNRESET, "ended before it had answered"},
		{server_accepts_and_dies, ECONNRESET, "ended before it had answered"},
		{server_refuses, EBUSY, "there are too many of you"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(state);
		raw_listen();
		when_connected = cases[i].act;
		assert_int_equal(try_connect(path, 0), -cases[i].errnum);
		when_connected = NULL;
		expect_sentence(cases[i].sentence);
		unlink(path);
		teardown(state);
	}
}

static void others_have_no_right(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(chmod(directory, 0755), 0);
	assert_int_equal(try_listen(path), 0);
	assert_int_equal(as_other_user(connect_there), EACCES);
	vbi_shm.listener_close(listener);
	assert_int_equal(as_other_user(listen_there), EACCES);
}

/* The directory of $XDG_RUNTIME_DIR is made at need; a name that is not there is looked for among
 * the system's. */
static void names_by_environment(void **state)
{
	char made[64];
	struct stat status;

	(void)state;
	setenv("XDG_RUNTIME_DIR", directory, 1);
	assert_int_equal(try_listen("name"), 0);
	snprintf(made, sizeof(made), "%s/verbena", directory);
	assert_int_equal(stat(made, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	assert_int_equal(try_connect("name", 0), 0);
	vbi_shm.listener_close(listener);
	assert_int_equal(try_connect("name", 0), -ENOENT);
	expect_sentence("/verbena/name.sock");
	assert_int_equal(rmdir(made), 0);
	setenv("XDG_RUNTIME_DIR", "/nowhere/at/all", 1);
	assert_int_equal(try_listen("name"), -ENOENT);
	expect_sentence("XDG_RUNTIME_DIR");
	unsetenv("XDG_RUNTIME_DIR");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* shm_test [not PATTERN | only PATTERN] */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(names_are_in_the_sentences),
		CASE(socket_is_for_its_user_only),
		CASE(dead_servers_socket_is_replaced),
		CASE(living_server_is_not_replaced),
		CASE(other_files_are_not_removed),
		CASE(limit_on_file_sizes),
		CASE(too_much_memory),
		CASE(limit_on_descriptors),
		CASE(domain_without_descriptors),
		CASE(death_in_spite_of_a_child),
		cmocka_unit_test(server_closes_before_the_hello),
		CASE(others_have_no_right),
		CASE(names_by_environment),
	};
	int failures;

	if (argc == 3 && !strcmp(argv[1], "not"))
		cmocka_set_skip_filter(argv[2]);
	else if (argc == 3)
		cmocka_set_test_filter(argv[2]);
	if (!mkdtemp(directory))
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failures;
}
