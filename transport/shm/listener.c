/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address that is listened on. Beside the socket lies a lock file, locked for as long as the
 * listener lives: a socket without a locked lock is a dead server's, and is replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/shm/shm.h"
#include "transport/shm/socket.h"

/* Clients that wait for us to accept; one more tries again after a moment. */
#define BACKLOG 128

/* A lock file can be removed by its last owner between our open() and our lock. */
#define LOCK_TRIES 16

static int listen_failed(const struct shm_listener *listener, const char *what, int errnum,
			 struct vbi_cause *ret_cause)
{
	return vbi_cause_set(ret_cause, errnum, "cannot listen at %s: %s: %s",
			     listener->path.sun_path, what, vbi_errno_text(errnum));
}

/* A user's directory is that user's; the system's can be passed by all, each socket is 0600. */
static int make_directory(const struct shm_listener *listener, const char *directory,
			  struct vbi_cause *ret_cause)
{
	bool system = !geteuid() && !getenv("XDG_RUNTIME_DIR");

	if (!directory[0] || !mkdir(directory, system ? 0755 : 0700) || errno == EEXIST)
		return 0;
	return vbi_cause_set(ret_cause, errno,
			     "cannot listen at %s: cannot make the directory %s: %s; set "
			     "XDG_RUNTIME_DIR to a directory of yours, or name the socket by an "
			     "absolute path",
			     listener->path.sun_path, directory, vbi_errno_text(errno));
}

/* Whether FD is still what lies at the path. */
static bool is_at_path(int fd, const char *path)
{
	struct stat opened, found;

	return !fstat(fd, &opened) && !stat(path, &found) && opened.st_dev == found.st_dev &&
	       opened.st_ino == found.st_ino;
}

static int take_lock(struct shm_listener *listener, struct vbi_cause *ret_cause)
{
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		int fd = open(listener->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return listen_failed(listener, "its lock file cannot be opened", errno,
					     ret_cause);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			int errnum = errno == EWOULDBLOCK ? EADDRINUSE : errno;

			close(fd);
			return listen_failed(listener, "a server listens there already", errnum,
					     ret_cause);
		}
		if (is_at_path(fd, listener->lock_path)) {
			listener->lock_fd = fd;
			return 0;
		}
		close(fd);
	}
	return listen_failed(listener, "its lock file keeps changing", EADDRINUSE, ret_cause);
}

/* With the lock held nobody lives there; but only a socket is ours to remove. */
static int remove_stale(struct shm_listener *listener, struct vbi_cause *ret_cause)
{
	struct stat status;

	if (lstat(listener->path.sun_path, &status) < 0)
		return errno == ENOENT
			       ? 0
			       : listen_failed(listener, "cannot look at it", errno, ret_cause);
	if (!S_ISSOCK(status.st_mode))
		return listen_failed(listener,
				     "something that is no socket is in the way; remove "
				     "it",
				     EADDRINUSE, ret_cause);
	if (unlink(listener->path.sun_path) < 0)
		return listen_failed(listener, "a dead server's socket cannot be removed", errno,
				     ret_cause);
	return 0;
}

static int bind_socket(struct shm_listener *listener, struct vbi_cause *ret_cause)
{
	const struct sockaddr *address = (const struct sockaddr *)&listener->path;
	int error;

	/* Before bind(), so that there is no moment in which others could connect. */
	if (fchmod(listener->socket_fd, 0600) < 0 ||
	    bind(listener->socket_fd, address, sizeof(listener->path)) < 0)
		return listen_failed(listener, "no socket can be made there", errno, ret_cause);
	if (listen(listener->socket_fd, BACKLOG) < 0) {
		error = listen_failed(listener, "listen()", errno, ret_cause);
		goto remove;
	}
	error = shm_domain_watch(listener->domain, listener->socket_fd, EPOLLIN, &listener->watch);
	if (!error)
		return 0;
	listen_failed(listener, "cannot be watched", -error, ret_cause);
remove:
	unlink(listener->path.sun_path);
	return error;
}

static int listener_open(struct shm_listener *listener, const char *directory,
			 struct vbi_cause *ret_cause)
{
	int error = make_directory(listener, directory, ret_cause);

	if (error)
		return error;
	listener->socket_fd = shm_socket_open();
	if (listener->socket_fd < 0)
		return listen_failed(listener, "no descriptor for its socket", -listener->socket_fd,
				     ret_cause);
	error = take_lock(listener, ret_cause);
	if (error)
		goto close_socket;
	error = remove_stale(listener, ret_cause);
	if (!error)
		error = bind_socket(listener, ret_cause);
	if (!error)
		return 0;
	unlink(listener->lock_path);
	close(listener->lock_fd);
close_socket:
	close(listener->socket_fd);
	return error;
}

int shm_listen(struct vbi_domain *base, const char *rest, void *owner,
	       struct vbi_listener **ret_listener, struct vbi_cause *ret_cause)
{
	struct shm_address address;
	struct shm_listener *listener;
	int error = shm_address_parse(rest, &address, ret_cause);

	if (error)
		return error;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return vbi_cause_set(ret_cause, ENOMEM, "no memory for a listener");
	listener->base.ops = &vbi_shm;
	listener->base.owner = owner;
	listener->domain = shm_domain_of(base);
	listener->watch = (struct shm_watch){SHM_WATCH_LISTENER, listener};
	listener->path = address.paths[0];
	snprintf(listener->lock_path, sizeof(listener->lock_path), "%s.lock",
		 listener->path.sun_path);
	error = listener_open(listener, address.directory, ret_cause);
	if (error) {
		free(listener);
		return error;
	}
	*ret_listener = &listener->base;
	return 0;
}

void shm_listener_close(struct vbi_listener *base)
{
	struct shm_listener *listener = (struct shm_listener *)base;
	struct shm_domain *domain = listener->domain;
	struct shm_endpoint *endpoint, *next;

	DL_FOREACH_SAFE2(domain->endpoints, endpoint, next, next)
	{
		if (endpoint->listener != listener)
			continue;
		endpoint->listener = NULL;
		if (endpoint->state == SHM_HANDSHAKE)
			shm_endpoint_close(&endpoint->base);
	}
	shm_domain_unwatch(domain, listener->socket_fd, &listener->watch);
	close(listener->socket_fd);
	listener->socket_fd = -1;
	unlink(listener->path.sun_path);
	unlink(listener->lock_path);
	close(listener->lock_fd);
	if (domain->depth) {
		listener->free_next = domain->closed_listeners;
		domain->closed_listeners = listener;
		domain->chores = true;
	} else {
		free(listener);
	}
}
