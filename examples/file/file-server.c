/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serves the files below one directory.
 *
 * A client never sees a descriptor of this process: it gets the number of a place in its session's
 * table, which is checked at each call and emptied when the client goes, however it goes.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.vb.h"

/* Files one client may have open: a leak in it must not use up this process's descriptors. */
#define OPEN_MAX 64

struct session {
	int fds[OPEN_MAX]; /* -1: free */
};

struct settings {
	const char *address;
	const char *root;
};

static struct vb_server *server;

/* ---- Sessions ---- */

static int on_bound(struct vb_session *session, void *data)
{
	struct session *own = malloc(sizeof(*own));

	(void)data;
	if (!own)
		return -1;
	for (int i = 0; i < OPEN_MAX; i++)
		own->fds[i] = -1;
	vb_session_set_data(session, own);
	return 0;
}

static void on_gone(struct vb_session *session, void *data)
{
	struct session *own = vb_session_data(session);

	(void)data;
	for (int i = 0; i < OPEN_MAX; i++)
		if (own->fds[i] >= 0)
			close(own->fds[i]);
	free(own);
}

/* The place of FD in the session's table; NULL with EBADF. */
static int *place_of(struct vb_request *req, int32_t fd)
{
	struct session *own = vb_session_data(vb_request_session(req));

	if (fd < 0 || fd >= OPEN_MAX || own->fds[fd] < 0) {
		errno = EBADF;
		return NULL;
	}
	return &own->fds[fd];
}

/* ---- Handlers: each reads like the local function ---- */

static int32_t on_open(struct vb_request *req, const char *path, int32_t flags, uint32_t mode)
{
	struct session *own = vb_session_data(vb_request_session(req));
	const int *root = vb_request_data(req);
	struct open_how how = {
		.flags = (uint64_t)(uint32_t)(flags &
					      (O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND)) |
			 O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, /* a FIFO must not stop the server */
		.mode = flags & O_CREAT ? mode & 0777 : 0,
		/* Neither .. nor a link leads out of the root. */
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int32_t place = 0;

	while (place < OPEN_MAX && own->fds[place] >= 0)
		place++;
	if (place == OPEN_MAX) {
		errno = EMFILE;
		return -1;
	}
	own->fds[place] = (int)syscall(SYS_openat2, *root, path, &how, sizeof(how));
	if (own->fds[place] >= 0)
		return place;
	if (errno == EXDEV) /* openat2's word for a path that leaves the root */
		errno = EACCES;
	return -1;
}

static int on_close(struct vb_request *req, int32_t fd)
{
	int *place = place_of(req, fd);
	int own;

	if (!place)
		return -1;
	own = *place;
	*place = -1;
	return close(own);
}

static int on_fstat(struct vb_request *req, int32_t fd, struct file_stat *st)
{
	const int *place = place_of(req, fd);
	struct stat local;

	if (!place || fstat(*place, &local) < 0)
		return -1;
	st->ino = local.st_ino;
	st->size = (uint64_t)local.st_size;
	st->mtime_ns = local.st_mtim.tv_sec * 1000000000ll + local.st_mtim.tv_nsec;
	st->mode = local.st_mode;
	st->nlink = (uint32_t)local.st_nlink;
	return 0;
}

static int64_t on_read(struct vb_request *req, int32_t fd, void *buffer, uint64_t nbytes)
{
	const int *place = place_of(req, fd);

	return place ? read(*place, buffer, nbytes) : -1;
}

static int64_t on_write(struct vb_request *req, int32_t fd, const void *buffer, uint64_t nbytes)
{
	const int *place = place_of(req, fd);

	return place ? write(*place, buffer, nbytes) : -1;
}

static int64_t on_pread(struct vb_request *req, int32_t fd, void *buffer, uint64_t nbytes,
			int64_t offset)
{
	const int *place = place_of(req, fd);

	return place ? pread(*place, buffer, nbytes, offset) : -1;
}

static const struct file_ops ops = {
	.size = sizeof(ops),
	.bound = on_bound,
	.gone = on_gone,
	.open = on_open,
	.close = on_close,
	.fstat = on_fstat,
	.read = on_read,
	.write = on_write,
	.pread = on_pread,
};

/* ---- Main ---- */

static void on_signal(int number)
{
	(void)number;
	vb_server_stop(server);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct settings *settings = state->input;

	if (key == 'l')
		settings->address = argument;
	else if (key == 'r')
		settings->root = argument;
	else if (key == ARGP_KEY_ARG)
		argp_error(state, "%s: there are no arguments, only options", argument);
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static const struct argp_option options[] = {
	{"listen", 'l', "ADDRESS", 0,
	 "where to listen: shm://NAME, rdma://HOST:PORT or rdma://*:PORT (shm://file)", 0},
	{"root", 'r', "DIRECTORY", 0, "what to serve (.)", 0},
	{0},
};

static int run(const struct settings *settings, int *root)
{
	server = vb_server_create(NULL);
	if (!server) {
		fprintf(stderr, "file-server: %s\n", vb_conn_error(NULL)->sentence);
		return 1;
	}
	if (file_serve(server, &ops, root) < 0 || vb_server_listen(server, settings->address) < 0) {
		fprintf(stderr, "file-server: %s\n", vb_server_error(server)->sentence);
		vb_server_free(server);
		return 1;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	printf("file-server: serving %s on %s\n", settings->root, settings->address);
	fflush(stdout);
	vb_server_run(server);
	vb_server_free(server);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, NULL, "Serves the files below a directory.", NULL, NULL, NULL};
	struct settings settings = {.address = "shm://file", .root = "."};
	int root;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &settings);
	root = open(settings.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0) {
		fprintf(stderr, "file-server: %s: %s\n", settings.root, strerror(errno));
		return 1;
	}
	return run(&settings, &root);
}
