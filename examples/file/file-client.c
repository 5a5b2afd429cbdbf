/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies files to and from a file-server, through calls that look like open, fstat, read and write.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "file.vb.h"

#define CHUNK	  (1u << 20)
#define MAX_WORDS 3 /* a command and two names */

struct settings {
	const char *address;
	uint64_t deadline_ns; /* of each call; 0: what file.idl says */
	const char *words[MAX_WORDS];
	unsigned n_words;
};

static const char *const outcomes[] = {
	[VB_NOT_SENT] = "not sent",
	[VB_NOT_EXECUTED] = "not executed",
	[VB_EXECUTED] = "executed",
	[VB_UNKNOWN] = "outcome unknown",
};

/* Says what failed as perror() would, and what is known about the call. */
static int complain(const struct file_peer *peer, const char *what, const char *name)
{
	fprintf(stderr, "file-client: %s %s: %s (%s)\n", what, name, strerror(errno),
		outcomes[file_peer_outcome(peer)]);
	return 1;
}

static int show_stat(struct file_peer *peer, const char *name, const char *unused)
{
	struct file_stat st;
	char when[32];
	time_t seconds;
	int32_t fd = file_open(peer, name, O_RDONLY, 0);

	(void)unused;
	if (fd < 0)
		return complain(peer, "open", name);
	if (file_fstat(peer, fd, &st) < 0)
		return complain(peer, "fstat", name);
	seconds = (time_t)(st.mtime_ns / 1000000000);
	strftime(when, sizeof(when), "%F %T", localtime(&seconds));
	printf("%s: %" PRIu64 " bytes, mode %o, %u link(s), changed %s\n", name, st.size,
	       st.mode & 07777, st.nlink, when);
	return file_close(peer, fd) < 0 ? complain(peer, "close", name) : 0;
}

/* All bytes of a local descriptor into a remote one. */
static int send_all(struct file_peer *peer, int from, int32_t to, const char *name)
{
	char *buffer = malloc(CHUNK);
	ssize_t n;
	int result = 0;

	if (!buffer) {
		perror("file-client");
		return 1;
	}
	while (!result && (n = read(from, buffer, CHUNK)) != 0) {
		for (ssize_t done = 0; n > 0 && done < n && !result;) {
			int64_t written = file_write(peer, to, buffer + done, (uint64_t)(n - done));

			if (written < 0)
				result = complain(peer, "write", name);
			done += written;
		}
		if (n < 0) {
			perror("file-client: read");
			result = 1;
		}
	}
	free(buffer);
	return result;
}

/* All bytes of a remote descriptor into a local one. */
static int receive_all(struct file_peer *peer, int32_t from, FILE *to, const char *name)
{
	char *buffer = malloc(CHUNK);
	int64_t n;

	if (!buffer) {
		perror("file-client");
		return 1;
	}
	while ((n = file_read(peer, from, buffer, CHUNK)) > 0) {
		if (fwrite(buffer, 1, (size_t)n, to) != (size_t)n)
			break;
	}
	free(buffer);
	if (n < 0)
		return complain(peer, "read", name);
	if (n > 0 || fflush(to) != 0) {
		perror("file-client: write");
		return 1;
	}
	return 0;
}

static int put(struct file_peer *peer, const char *local, const char *remote)
{
	int from = open(local, O_RDONLY | O_CLOEXEC);
	int32_t to;
	int result;

	if (from < 0) {
		fprintf(stderr, "file-client: %s: %s\n", local, strerror(errno));
		return 1;
	}
	to = file_open(peer, remote, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	result = to < 0 ? complain(peer, "open", remote) : send_all(peer, from, to, remote);
	if (to >= 0 && file_close(peer, to) < 0)
		result = complain(peer, "close", remote);
	close(from);
	return result;
}

static int get(struct file_peer *peer, const char *remote, const char *local)
{
	int32_t from = file_open(peer, remote, O_RDONLY, 0);
	FILE *to = stdout;
	int result;

	if (from < 0)
		return complain(peer, "open", remote);
	if (local)
		to = fopen(local, "wb");
	if (!to) {
		fprintf(stderr, "file-client: %s: %s\n", local, strerror(errno));
		return 1;
	}
	result = receive_all(peer, from, to, remote);
	if (local && fclose(to) != 0) {
		perror("file-client: close");
		result = 1;
	}
	if (file_close(peer, from) < 0)
		result = complain(peer, "close", remote);
	return result;
}

static int cat(struct file_peer *peer, const char *remote, const char *unused)
{
	(void)unused;
	return get(peer, remote, NULL);
}

/* ---- Main ---- */

static const struct command {
	const char *verb;
	unsigned n_names;
	int (*run)(struct file_peer *peer, const char *first, const char *second);
} commands[] = {
	{"stat", 1, show_stat},
	{"cat", 1, cat},
	{"get", 2, get},
	{"put", 2, put},
};

/* The command that the words are; NULL if they are none. */
static const struct command *command_of(const struct settings *settings)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (settings->n_words == commands[i].n_names + 1 &&
		    strcmp(settings->words[0], commands[i].verb) == 0)
			return &commands[i];
	}
	return NULL;
}

static uint64_t parse_seconds(const char *text, struct argp_state *state)
{
	char *end;
	double seconds = strtod(text, &end);

	/* As nanoseconds a day is far from what 64 bits hold. */
	if (end == text || *end != '\0' || !(seconds >= 1e-3 && seconds <= 86400))
		argp_error(state, "--deadline %s: not seconds between 0.001 and 86400", text);
	return (uint64_t)(seconds * 1e9);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct settings *settings = state->input;

	if (key == 'c')
		settings->address = argument;
	else if (key == 'd')
		settings->deadline_ns = parse_seconds(argument, state);
	else if (key == ARGP_KEY_ARG && settings->n_words < MAX_WORDS)
		settings->words[settings->n_words++] = argument;
	else if (key == ARGP_KEY_ARG)
		argp_error(state, "%s: one argument too many", argument);
	else if (key == ARGP_KEY_END && !command_of(settings))
		argp_error(state, "say stat, cat, get or put, and on what");
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static const struct argp_option options[] = {
	{"connect", 'c', "ADDRESS", 0,
	 "where the file-server listens: shm://NAME or rdma://HOST:PORT (shm://file)", 0},
	{"deadline", 'd', "SECONDS", 0,
	 "how long a call may take, of which each moves up to 1 MiB (0.5)", 0},
	{0},
};

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"stat REMOTE\ncat REMOTE\nget REMOTE LOCAL\nput LOCAL REMOTE",
		"Reads and writes the files of a file-server.",
		NULL,
		NULL,
		NULL};
	struct settings settings = {.address = "shm://file"};
	struct vb_conn *conn;
	struct file_peer *peer;
	int result = 1;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &settings);
	conn = vb_connect(settings.address, NULL);
	if (!conn) {
		fprintf(stderr, "file-client: %s\n", vb_conn_error(NULL)->sentence);
		return 1;
	}
	peer = file_peer_bind(conn);
	if (peer && settings.deadline_ns)
		file_peer_set_deadline(peer, settings.deadline_ns);
	if (peer)
		result = command_of(&settings)->run(peer, settings.words[1], settings.words[2]);
	/* Why it could not be bound; or, of a call that failed with its connection, the cause. */
	if (vb_conn_error(conn)->errnum)
		fprintf(stderr, "file-client: %s\n", vb_conn_error(conn)->sentence);
	file_peer_free(peer);
	vb_conn_close(conn);
	return result;
}
