/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/scene.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scene.vb.h"
#include "tests/e2e/pattern.h"

#define MS 1000000ull

/* Tries to listen: a fault is met once. */
#define TRIES 20

static struct shared *shared;
static struct vb_server *server;

static void ran(uint32_t step)
{
	if (!shared->is_set_up) {
		for (int i = 0; i < VERBS_FAULT_POINTS; i++)
			shared->set_up[SERVER][i] = verbs_faults_calls((enum verbs_fault_point)i);
		shared->is_set_up = true;
	}
	/* So that the verbs of this call's answer are the plan's first. */
	if (shared->armed[0]) {
		verbs_faults_plan(shared->armed);
		shared->armed[0] = 0;
	}
	if (step < SCENES_MAX * STEPS)
		__atomic_add_fetch(&shared->ran[step], 1, __ATOMIC_SEQ_CST);
}

static int32_t on_add(struct vb_request *req, uint32_t step, int32_t a, int32_t b)
{
	(void)req;
	ran(step);
	return (int32_t)((uint32_t)a + (uint32_t)b);
}

static int64_t on_fill(struct vb_request *req, uint32_t step, uint64_t seed, void *buffer,
		       uint64_t n)
{
	(void)req;
	ran(step);
	pattern_fill(buffer, n, seed);
	return (int64_t)n;
}

static int64_t on_check(struct vb_request *req, uint32_t step, uint64_t seed, const void *buffer,
			uint64_t n)
{
	(void)req;
	ran(step);
	if (pattern_is(buffer, n, seed))
		return (int64_t)n;
	errno = EILSEQ;
	return -1;
}

static int64_t on_flip(struct vb_request *req, uint32_t step, void *buffer, uint64_t n)
{
	(void)req;
	ran(step);
	pattern_flip(buffer, n);
	return (int64_t)n;
}

static void on_post(struct vb_request *req, uint32_t step, uint32_t value)
{
	(void)req;
	(void)value;
	ran(step);
}

/* Bounded, for a cancellation that was lost with its connection. */
static int64_t on_late(struct vb_request *req, uint32_t step, void *buffer, uint64_t n)
{
	const struct timespec moment = {.tv_nsec = MS};

	ran(step);
	for (int i = 0; i < 1000 && !vb_request_canceled(req); i++)
		nanosleep(&moment, NULL);
	memset(buffer, 1, n);
	return (int64_t)n;
}

static int64_t on_turn(struct vb_request *req, uint32_t step, const void *from, void *to,
		       uint64_t n)
{
	(void)req;
	ran(step);
	memcpy(to, from, n);
	pattern_flip(to, n);
	return (int64_t)n;
}

static int32_t on_fail(struct vb_request *req, uint32_t step, int32_t errnum)
{
	(void)req;
	ran(step);
	errno = errnum;
	return -1;
}

static const struct aside_ops aside_handlers = {
	.size = sizeof(struct aside_ops),
	.add = on_add,
};

static const struct scene_ops handlers = {
	.size = sizeof(struct scene_ops),
	.add = on_add,
	.fill = on_fill,
	.check = on_check,
	.flip = on_flip,
	.post = on_post,
	.late = on_late,
	.turn = on_turn,
	.fill_direct = on_fill,
	.fail = on_fail,
};

static int fail(const char *what, const struct vb_error *error)
{
	snprintf(shared->words[SERVER], sizeof(shared->words[SERVER]), "%.20s: %.400s", what,
		 error->sentence);
	return 3;
}

static int serve_all(void)
{
	if (scene_serve(server, &handlers, NULL) < 0 ||
	    aside_serve(server, &aside_handlers, NULL) < 0)
		return fail("serve", vb_server_error(server));
	return 0;
}

static void on_sigterm(int signal)
{
	(void)signal;
	if (server)
		vb_server_stop(server);
}

static int listen_at(const char *address)
{
	for (int i = 0; i < TRIES; i++)
		if (vb_server_listen(server, address) == 0)
			return 0;
	return fail("listen", vb_server_error(server));
}

int scene_server(const struct setting *setting)
{
	struct vb_server_options options = VB_SERVER_OPTIONS_INIT;
	const struct sigaction action = {.sa_handler = on_sigterm};
	int status;

	shared = setting->shared;
	if (verbs_faults_plan(setting->plans[SERVER]) < 0)
		return 2;
	server = vb_server_create(&options);
	if (!server)
		return fail("create", vb_conn_error(NULL));
	sigaction(SIGTERM, &action, NULL);
	status = serve_all();
	if (!status)
		status = listen_at(setting->address);
	if (!status && write(setting->ready_fd, "r", 1) != 1)
		status = 2;
	if (!status && vb_server_run(server) < 0)
		status = fail("run", vb_server_error(server));
	signal(SIGTERM, SIG_IGN);
	vb_server_free(server);
	scene_tell_counts(shared, SERVER);
	return status;
}

/* ---- One life after another ---- */

static void end_life(const int64_t *objects_before)
{
	struct vb_server *dying = server;

	server = NULL;
	vb_server_free(dying);
	scene_tell_counts(shared, SERVER);
	for (int i = 0; i < VERBS_OBJECT_KINDS; i++)
		shared->objects[SERVER][i] -= objects_before[i];
}

static int live(const struct setting *setting, const struct order *order, int fd,
		const int64_t *objects_before)
{
	struct vb_server_options options = VB_SERVER_OPTIONS_INIT;
	int status;

	options.connections_max = order->connections_max;
	server = vb_server_create(&options);
	if (!server)
		return fail("create", vb_conn_error(NULL));
	status = serve_all();
	if (!status)
		status = listen_at(setting->address);
	if (!status && write(fd, "r", 1) != 1)
		status = 2;
	if (!status && vb_server_run(server) < 0)
		status = fail("run", vb_server_error(server));
	end_life(objects_before);
	return status;
}

int scene_server_lives(const struct setting *setting, int fd)
{
	const struct sigaction action = {.sa_handler = on_sigterm, .sa_flags = SA_RESTART};
	int64_t objects_before[VERBS_OBJECT_KINDS] = {0};
	struct order order;
	int status = 0;

	shared = setting->shared;
	sigaction(SIGTERM, &action, NULL);
	while (!status && read(fd, &order, sizeof(order)) == sizeof(order)) {
		alarm(SCENE_LIFE_S);
		for (int i = 0; i < VERBS_OBJECT_KINDS && order.is_new; i++)
			objects_before[i] = verbs_faults_objects((enum verbs_object_kind)i);
		if (order.is_new && verbs_faults_plan(order.plan) < 0)
			return 2;
		status = live(setting, &order, fd, objects_before);
		if (!status && write(fd, "s", 1) != 1)
			status = 2;
	}
	return status;
}
