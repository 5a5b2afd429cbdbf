/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a client comes to a connection: it makes the memory, sends it over the server's socket, and
 * waits for the answer as an event.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/cause.h"
#include "transport/clock.h"
#include "transport/shm/shm.h"
#include "transport/shm/socket.h"

/* How long to leave a server whose backlog is full in peace. */
#define RETRY_NS TICK_NS_PER_MS

/* Largest errno of Linux; beyond it a status is not one. */
#define ERRNO_MAX 4095u

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif

/* ---- The memory ---- */

static int memfd_open(void)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("verbena", flags | MFD_NOEXEC_SEAL);

	/* Kernels before 6.3 do not know the flag. */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("verbena", flags);
	return fd;
}

/* Gives the file its size and seals it. Negative errno, with *RET_CAUSE. */
static int memory_size(int fd, uint64_t size, struct vbi_cause *ret_cause)
{
	struct rlimit limit;

	/* Past this limit ftruncate() does not only fail, it raises SIGXFSZ. */
	if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur != RLIM_INFINITY &&
	    limit.rlim_cur < size)
		return vbi_cause_set(ret_cause, EFBIG,
				     "shared memory of %llu bytes is above the limit on the size "
				     "of files, %llu bytes; raise it (ulimit -f) or lower "
				     "memory_max",
				     (unsigned long long)size, (unsigned long long)limit.rlim_cur);
	if (ftruncate(fd, (off_t)size) < 0)
		return vbi_cause_set(ret_cause, errno,
				     "cannot make shared memory of %llu bytes: %s; memory_max may "
				     "be too large",
				     (unsigned long long)size, vbi_errno_text(errno));
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return vbi_cause_set(ret_cause, errno, "cannot seal shared memory: %s",
				     vbi_errno_text(errno));
	return 0;
}

static int memory_make(struct shm_endpoint *endpoint, struct vbi_cause *ret_cause)
{
	uint64_t size = shm_file_size(endpoint->arena_size);
	int error;

	endpoint->memory_fd = memfd_open();
	endpoint->own_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	endpoint->peer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (endpoint->memory_fd < 0 || endpoint->own_fd < 0 || endpoint->peer_fd < 0)
		return vbi_cause_set(ret_cause, errno,
				     "cannot open the descriptors of a connection: %s; raise the "
				     "limit on open files (ulimit -n) if it was reached",
				     vbi_errno_text(errno));
	error = memory_size(endpoint->memory_fd, size, ret_cause);
	if (error)
		return error;
	error = shm_mapping_create(endpoint->memory_fd, size, &endpoint->mapping);
	if (error)
		return vbi_cause_set(ret_cause, -error,
				     "cannot map shared memory of %llu bytes: %s; memory_max may "
				     "be too large",
				     (unsigned long long)size, vbi_errno_text(-error));
	return 0;
}

/* ---- The socket ---- */

static const char *current_path(const struct shm_endpoint *endpoint)
{
	return endpoint->address->paths[endpoint->path].sun_path;
}

static int connect_failed(const struct shm_endpoint *endpoint, int errnum,
			  struct vbi_cause *ret_cause)
{
	const char *path = endpoint->address->paths[0].sun_path;

	switch (errnum) {
	case ENOENT:
		return vbi_cause_set(ret_cause, errnum,
				     "nobody listens at %s: there is no such socket; is the server "
				     "running, and is this its name?",
				     path);
	case ECONNREFUSED:
		return vbi_cause_set(ret_cause, errnum,
				     "nobody listens at %s: the server that made this socket is "
				     "gone; start it again",
				     current_path(endpoint));
	case EACCES:
		return vbi_cause_set(ret_cause, errnum,
				     "no right to connect to %s: only the server's own user may; "
				     "run as that user",
				     current_path(endpoint));
	case EPROTOTYPE:
		return vbi_cause_set(ret_cause, EPROTO,
				     "%s is a socket of another kind: not a Verbena server",
				     current_path(endpoint));
	default:
		return vbi_cause_set(ret_cause, errnum, "cannot connect to %s: %s",
				     current_path(endpoint), vbi_errno_text(errnum));
	}
}

static int send_hello(struct shm_endpoint *endpoint, struct vbi_cause *ret_cause)
{
	int fds[SHM_HELLO_FDS] = {endpoint->memory_fd, endpoint->own_fd, endpoint->peer_fd};
	struct shm_hello hello = {
		.magic = SHM_MAGIC,
		.version = SHM_VERSION,
		.size = sizeof(hello),
		.message_max = endpoint->domain->base.message_max,
		.n_slots = SHM_SLOTS,
		.ring_capacity = SHM_RING_CAPACITY,
		.windows_size = SHM_WINDOWS_SIZE,
		.arena_size = endpoint->arena_size,
		.file_size = shm_file_size(endpoint->arena_size),
	};
	int error = shm_socket_send(endpoint->socket_fd, &hello, sizeof(hello), fds, SHM_HELLO_FDS);

	/* A server that has closed may have said why, and shm_connect_readable tells it. */
	if (!error || error == -EPIPE || error == -ECONNRESET)
		error = shm_domain_watch(endpoint->domain, endpoint->socket_fd, EPOLLIN,
					 &endpoint->socket_watch);
	if (!error)
		return 0;
	return vbi_cause_set(ret_cause, -error, "cannot greet the server at %s: %s",
			     current_path(endpoint), vbi_errno_text(-error));
}

/* Connects to the first path where somebody listens. 0 also if the server is too busy just now. */
static int try_connect(struct shm_endpoint *endpoint, struct vbi_cause *ret_cause)
{
	const struct shm_address *address = endpoint->address;
	int errnum = 0;

	for (endpoint->path = 0; endpoint->path < address->n_paths; endpoint->path++) {
		const struct sockaddr_un *path = &address->paths[endpoint->path];

		if (!connect(endpoint->socket_fd, (const struct sockaddr *)path, sizeof(*path))) {
			shm_endpoint_set_deadline(endpoint, 0);
			endpoint->state = SHM_CONNECT_SENT;
			shm_socket_identify(endpoint->socket_fd, &endpoint->base);
			return send_hello(endpoint, ret_cause);
		}
		if (errno == EAGAIN || errno == EINTR) {
			endpoint->state = SHM_CONNECT_WAITING;
			shm_endpoint_set_deadline(endpoint, tick_clock_ns() + RETRY_NS);
			return 0;
		}
		/* What one of the two says is worth more than that the other is not there. */
		if (!errnum || errnum == ENOENT)
			errnum = errno;
		if (errno != ENOENT && errno != ECONNREFUSED)
			break;
	}
	endpoint->path = endpoint->path < address->n_paths ? endpoint->path : 0;
	return connect_failed(endpoint, errnum, ret_cause);
}

int shm_connect(struct vbi_domain *base, const char *rest, uint64_t arena_max, void *owner,
		struct vbi_endpoint **ret_endpoint, struct vbi_cause *ret_cause)
{
	struct shm_address address;
	struct shm_endpoint *endpoint;
	int fd, error;

	error = shm_address_parse(rest, &address, ret_cause);
	if (error)
		return error;
	if (arena_max > SHM_ARENA_MAX)
		return vbi_cause_set(ret_cause, EINVAL,
				     "memory_max is %llu bytes; at most %llu can be shared",
				     (unsigned long long)arena_max, SHM_ARENA_MAX);
	fd = shm_socket_open();
	if (fd < 0)
		return vbi_cause_set(ret_cause, -fd,
				     "cannot open a socket: %s; raise the limit on open files "
				     "(ulimit -n) if it was reached",
				     vbi_errno_text(-fd));
	endpoint = shm_endpoint_new(shm_domain_of(base), SHM_CLIENT, fd);
	if (!endpoint) {
		close(fd);
		return vbi_cause_set(ret_cause, ENOMEM, "no memory for a connection");
	}
	endpoint->base.owner = owner;
	endpoint->arena_size = SHM_ROUND_UP(arena_max, SHM_PART_ALIGN);
	endpoint->address = malloc(sizeof(address));
	if (!endpoint->address) {
		error = vbi_cause_set(ret_cause, ENOMEM, "no memory for a connection");
		goto close_endpoint;
	}
	*endpoint->address = address;
	error = memory_make(endpoint, ret_cause);
	if (!error)
		error = try_connect(endpoint, ret_cause);
	if (error)
		goto close_endpoint;
	*ret_endpoint = &endpoint->base;
	return 0;
close_endpoint:
	shm_endpoint_close(&endpoint->base);
	return error;
}

void shm_connect_retry(struct shm_endpoint *endpoint)
{
	struct vbi_cause cause;

	if (try_connect(endpoint, &cause) < 0)
		shm_endpoint_fail(endpoint, cause.errnum, "%s", cause.sentence);
}

/* ---- The answer ---- */

static void answer_refused(struct shm_endpoint *endpoint, const struct shm_answer *answer)
{
	char text[sizeof(answer->text)];
	size_t length = 0;

	/* For people's eyes, but written by a stranger: up to the NUL, and nothing that moves a
	 * cursor. */
	for (; length < sizeof(text) - 1 && answer->text[length]; length++) {
		unsigned char letter = (unsigned char)answer->text[length];

		text[length] = letter < ' ' || letter > '~' ? '?' : (char)letter;
	}
	text[length] = '\0';
	if (answer->status > ERRNO_MAX)
		shm_endpoint_fail(endpoint, EPROTO,
				  "the server (pid %d) refused with status %u, which is no errno",
				  endpoint->base.identity.pid, answer->status);
	else
		shm_endpoint_fail(endpoint, (int)answer->status, "%s", text);
}

static void answer_accept(struct shm_endpoint *endpoint, const struct shm_answer *answer)
{
	int error;

	if (answer->message_max < SHM_MESSAGE_MAX_LEAST || answer->message_max > VBI_MESSAGE_MAX ||
	    answer->message_max % 8) {
		shm_endpoint_fail(endpoint, EPROTO,
				  "the server (pid %d) says that its largest message has %u bytes; "
				  "%u to %u are possible",
				  endpoint->base.identity.pid, answer->message_max,
				  SHM_MESSAGE_MAX_LEAST, VBI_MESSAGE_MAX);
		return;
	}
	error = shm_endpoint_go_live(endpoint, answer->message_max);
	if (error) {
		shm_endpoint_fail(endpoint, -error, "cannot map the rings of a connection: %s",
				  vbi_errno_text(-error));
		return;
	}
	close(endpoint->memory_fd);
	endpoint->memory_fd = -1;
	free(endpoint->address);
	endpoint->address = NULL;
	endpoint->domain->base.events->connected(endpoint->base.owner);
}

void shm_connect_readable(struct shm_endpoint *endpoint)
{
	struct shm_answer answer;
	int fds[SHM_SOCKET_FDS_MAX];
	unsigned n_fds = 0;
	ssize_t length = shm_socket_receive(endpoint->socket_fd, &answer, sizeof(answer), fds,
					    &n_fds);

	/* A server that closed before it had read our hello resets the connection; its answer
	 * stands behind that. */
	if (length == -ECONNRESET)
		length = shm_socket_receive(endpoint->socket_fd, &answer, sizeof(answer), fds,
					    &n_fds);
	if (length == -EAGAIN || length == -EINTR)
		return;
	for (unsigned i = 0; i < n_fds; i++)
		close(fds[i]);
	if (length == 0 || length == -ECONNRESET) {
		shm_endpoint_fail(endpoint, ECONNRESET,
				  "the server (pid %d) at %s ended before it had answered",
				  endpoint->base.identity.pid, current_path(endpoint));
	} else if (length != (ssize_t)sizeof(answer) || n_fds || answer.magic != SHM_MAGIC ||
		   answer.size != sizeof(answer)) {
		shm_endpoint_fail(endpoint, EPROTO,
				  "what listens at %s (pid %d) is not a Verbena server",
				  current_path(endpoint), endpoint->base.identity.pid);
	} else if (answer.version != SHM_VERSION) {
		shm_endpoint_fail(endpoint, EPROTO,
				  "the server at %s speaks version %u of the shm protocol, this "
				  "program %u; update the older of the two",
				  current_path(endpoint), answer.version, SHM_VERSION);
	} else if (answer.status) {
		answer_refused(endpoint, &answer);
	} else {
		answer_accept(endpoint, &answer);
	}
}
