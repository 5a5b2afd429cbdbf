/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a server takes a client in: it receives the client's memory, and maps it only after having
 * looked that it can neither shrink under it nor be anything but memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/clock.h"
#include "transport/shm/shm.h"
#include "transport/shm/socket.h"

/* Sockets accepted in one go, so that a crowd at the door does not stop the calls inside. */
#define ACCEPT_BATCH 16u

/*
 * A client sends its hello before it returns from connect(); one that has not done so after a
 * second is broken. So many may be in that state at a time; one more drops the oldest.
 */
#define HELLO_TIMEOUT_NS TICK_NS_PER_S
#define HANDSHAKES_MAX	 64u

/* A later version's hello may be longer; it should be told about versions and not about lengths. */
#define HELLO_ROOM 256

/* "/proc/self/fd/" and a number. */
#define PROC_PATH_SIZE 32

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

/* ---- Refusals ---- */

#define NO_DESCRIPTOR                                                                  \
	"the server has too many open files to take one more client; raise its limit " \
	"(ulimit -n)"

static void send_answer(int socket_fd, uint32_t status, uint32_t message_max, const char *text)
{
	struct shm_answer answer = {
		.magic = SHM_MAGIC,
		.version = SHM_VERSION,
		.size = sizeof(answer),
		.status = status,
		.message_max = message_max,
	};

	/* The end of a long sentence stays here. */
	snprintf(answer.text, sizeof(answer.text), "%.*s", (int)sizeof(answer.text) - 1, text);
	/* A client that is gone already needs no answer; one that lives sees the socket's end. */
	shm_socket_send(socket_fd, &answer, sizeof(answer), NULL, 0);
}

/* Ends a handshake; the client, if it listens, is told why. */
static void turn_away(struct shm_endpoint *endpoint, const struct vbi_cause *cause)
{
	endpoint->domain->base.stats->connections_refused++;
	send_answer(endpoint->socket_fd, (uint32_t)cause->errnum, 0, cause->sentence);
	if (endpoint->listener)
		endpoint->listener->n_handshakes--;
	shm_endpoint_close(&endpoint->base);
}

/* The same, for a reason that rpc does not know. */
static void refuse(struct shm_endpoint *endpoint, const struct vbi_cause *cause)
{
	struct vbi_cause told;

	vbi_cause_set(&told, cause->errnum, "%s: %s", endpoint->base.peer, cause->sentence);
	endpoint->domain->base.events->refused(endpoint->listener_owner, &told);
	turn_away(endpoint, cause);
}

/* ---- Looking at what a client sent ---- */

static int check_hello(const struct shm_hello *hello, size_t length, unsigned n_fds,
		       struct vbi_cause *ret_cause)
{
	if (length < sizeof(*hello) || hello->magic != SHM_MAGIC)
		return vbi_cause_set(ret_cause, EPROTO, "the server got a hello that is not one");
	if (hello->version != SHM_VERSION)
		return vbi_cause_set(ret_cause, EPROTO,
				     "the server speaks version %u of the shm protocol, the "
				     "client %u; update the older of the two",
				     SHM_VERSION, hello->version);
	if (n_fds != SHM_HELLO_FDS)
		return vbi_cause_set(ret_cause, EPROTO,
				     "the server got a hello with %u descriptors; %u belong to it",
				     n_fds, SHM_HELLO_FDS);
	if (hello->size != length || length != sizeof(*hello) || hello->n_slots != SHM_SLOTS ||
	    hello->ring_capacity != SHM_RING_CAPACITY || hello->windows_size != SHM_WINDOWS_SIZE ||
	    hello->message_max < SHM_MESSAGE_MAX_LEAST || hello->message_max > VBI_MESSAGE_MAX ||
	    hello->message_max % 8 || hello->arena_size > SHM_ARENA_MAX ||
	    hello->arena_size % SHM_PART_ALIGN ||
	    hello->file_size != shm_file_size(hello->arena_size))
		return vbi_cause_set(ret_cause, EPROTO,
				     "the server got a hello with sizes that cannot be");
	return 0;
}

/* Whether the memory is what it should be: after this it cannot become less. */
static int check_memory(int fd, uint64_t size, struct vbi_cause *ret_cause)
{
	int sealed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	struct statfs filesystem;
	struct stat status;
	int seals;

	/* hugetlbfs has seals as well, but a page of it can be missing when it is touched. */
	if (fstatfs(fd, &filesystem) < 0 || filesystem.f_type != TMPFS_MAGIC)
		return vbi_cause_set(ret_cause, EPROTO,
				     "the client's shared memory is not a plain memfd");
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & ~F_SEAL_EXEC) != sealed)
		return vbi_cause_set(ret_cause, EPROTO,
				     "the client's shared memory is not sealed against shrinking "
				     "and growing");
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || (uint64_t)status.st_size != size)
		return vbi_cause_set(ret_cause, EPROTO,
				     "the client's shared memory has another size than its hello "
				     "says");
	return 0;
}

/* A pipe or a file in an eventfd's place could make us block, or grow. */
static int check_eventfd(int fd, struct vbi_cause *ret_cause)
{
	static const char expected[] = "anon_inode:[eventfd]";
	char path[PROC_PATH_SIZE];
	char target[sizeof(expected)];
	ssize_t length;
	int flags;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, target, sizeof(target));
	if (length < 0)
		return vbi_cause_set(ret_cause, errno,
				     "the server cannot look at a client's descriptors in %s: %s; "
				     "is /proc mounted?",
				     path, vbi_errno_text(errno));
	flags = fcntl(fd, F_GETFL);
	if (length != (ssize_t)sizeof(expected) - 1 || memcmp(target, expected, (size_t)length) ||
	    flags < 0 || !(flags & O_NONBLOCK))
		return vbi_cause_set(ret_cause, EPROTO,
				     "the client's wake-up descriptors are not eventfds that do "
				     "not block");
	return 0;
}

static int check_fds(const struct shm_hello *hello, const int fds[SHM_HELLO_FDS],
		     struct vbi_cause *ret_cause)
{
	int error = check_memory(fds[0], hello->file_size, ret_cause);

	if (!error)
		error = check_eventfd(fds[1], ret_cause);
	if (!error)
		error = check_eventfd(fds[2], ret_cause);
	return error;
}

/* ---- Taking it in ---- */

/* The endpoint has the descriptors from here, and closes them with itself. */
static int take_in(struct shm_endpoint *endpoint, const struct shm_hello *hello,
		   struct vbi_cause *ret_cause)
{
	int error;

	endpoint->arena_size = hello->arena_size;
	error = shm_mapping_create(endpoint->memory_fd, hello->file_size, &endpoint->mapping);
	if (!error)
		error = shm_endpoint_go_live(endpoint, hello->message_max);
	if (error)
		return vbi_cause_set(ret_cause, -error,
				     "the server cannot map the client's memory: %s",
				     vbi_errno_text(-error));
	close(endpoint->memory_fd);
	endpoint->memory_fd = -1;
	return 0;
}

static void greet(struct shm_endpoint *endpoint, const struct shm_hello *hello, size_t length,
		  const int *fds, unsigned n_fds)
{
	struct vbi_cause cause;
	int error = check_hello(hello, length, n_fds, &cause);

	if (!error)
		error = check_fds(hello, fds, &cause);
	if (error) {
		while (n_fds)
			close(fds[--n_fds]);
		refuse(endpoint, &cause);
		return;
	}
	endpoint->memory_fd = fds[0];
	endpoint->peer_fd = fds[1];
	endpoint->own_fd = fds[2];
	if (take_in(endpoint, hello, &cause) < 0) {
		refuse(endpoint, &cause);
		return;
	}
	error = endpoint->domain->base.events->accepted(endpoint->listener_owner, &endpoint->base);
	if (error) {
		vbi_cause_set(&cause, -error, "the server refuses the connection: %s",
			      vbi_errno_text(-error));
		turn_away(endpoint, &cause);
		return;
	}
	if (endpoint->listener)
		endpoint->listener->n_handshakes--;
	endpoint->listener = NULL;
	if (endpoint->state == SHM_LIVE)
		send_answer(endpoint->socket_fd, 0, endpoint->domain->base.message_max, "");
}

void shm_handshake_readable(struct shm_endpoint *endpoint)
{
	union {
		struct shm_hello hello;
		uint8_t room[HELLO_ROOM];
	} received;
	struct vbi_cause cause;
	int fds[SHM_SOCKET_FDS_MAX];
	unsigned n_fds = 0;
	ssize_t length = shm_socket_receive(endpoint->socket_fd, &received, sizeof(received), fds,
					    &n_fds);

	if (length == -EAGAIN || length == -EINTR)
		return;
	shm_endpoint_set_deadline(endpoint, 0);
	if (length >= 0) {
		greet(endpoint, &received.hello, (size_t)length, fds, n_fds);
		return;
	}
	if (length == -EMFILE)
		vbi_cause_set(&cause, EMFILE, NO_DESCRIPTOR);
	else
		vbi_cause_set(&cause, EPROTO, "the server got a hello that is not one");
	refuse(endpoint, &cause);
}

void shm_handshake_expired(struct shm_endpoint *endpoint)
{
	struct vbi_cause cause;

	vbi_cause_set(&cause, ETIMEDOUT, "the server waited for a hello in vain");
	refuse(endpoint, &cause);
}

static void drop_oldest(struct shm_listener *listener)
{
	struct shm_endpoint *endpoint;

	DL_FOREACH2(listener->domain->endpoints, endpoint, next)
	if (endpoint->listener == listener && endpoint->state == SHM_HANDSHAKE) {
		shm_handshake_expired(endpoint);
		return;
	}
}

/* Gives up the reserve to tell one client that there is no descriptor for it. False: there is
 * nobody to tell. */
static bool refuse_one(struct shm_listener *listener)
{
	struct shm_domain *domain = listener->domain;
	struct vbi_cause cause;
	int fd;

	if (domain->reserve_fd >= 0)
		close(domain->reserve_fd);
	fd = accept4(listener->socket_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		vbi_cause_set(&cause, EMFILE, NO_DESCRIPTOR);
		domain->base.stats->connections_refused++;
		domain->base.events->refused(listener->base.owner, &cause);
		send_answer(fd, EMFILE, 0, cause.sentence);
		close(fd);
	}
	domain->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd >= 0;
}

static void take_socket(struct shm_listener *listener, int fd)
{
	struct shm_domain *domain = listener->domain;
	struct shm_endpoint *endpoint = shm_endpoint_new(domain, SHM_SERVER, fd);

	if (!endpoint) {
		close(fd);
		return;
	}
	endpoint->state = SHM_HANDSHAKE;
	endpoint->listener = listener;
	endpoint->listener_owner = listener->base.owner;
	shm_socket_identify(fd, &endpoint->base);
	if (shm_domain_watch(domain, fd, EPOLLIN, &endpoint->socket_watch) < 0) {
		shm_endpoint_close(&endpoint->base);
		return;
	}
	if (listener->n_handshakes++ == HANDSHAKES_MAX)
		drop_oldest(listener);
	shm_endpoint_set_deadline(endpoint, tick_clock_ns() + HELLO_TIMEOUT_NS);
	/* The hello is there already as a rule. */
	shm_handshake_readable(endpoint);
}

void shm_listener_readable(struct shm_listener *listener)
{
	for (unsigned i = 0; i < ACCEPT_BATCH && listener->socket_fd >= 0; i++) {
		int fd = accept4(listener->socket_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take_socket(listener, fd);
		} else if (errno == EMFILE || errno == ENFILE) {
			if (!refuse_one(listener))
				return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}
