/* SPDX-License-Identifier: Apache-2.0 */
/* The serving end: does what requests tell it, from inside poll() only. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/conformance.h"

#define CHUNK (100000u)

struct service {
	struct fixture *fixture;
	struct vbi_endpoint *endpoint;
	struct vbi_record kept, held_record;
	uint8_t *held;
	struct service *next;
};

/* One request that moves bulk. */
struct job {
	struct service *service;
	struct request request;
	struct vbi_transfer transfer;
	uint8_t *memory;
	uint64_t length, moved;
	bool push;
	bool answered; /* ahead of done(), behind the bytes */
};

static struct service *services; /* one fixture at a time */

uint8_t pattern(uint64_t seed, uint64_t at)
{
	uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15u + at * 0xbf58476d1ce4e5b9u;

	return (uint8_t)(x >> 32 ^ x >> 7);
}

uint64_t hash(const void *bytes, uint64_t length)
{
	const uint8_t *at = bytes;
	uint64_t sum = 0xcbf29ce484222325u;

	for (uint64_t i = 0; i < length; i++)
		sum = (sum ^ at[i]) * 0x100000001b3u;
	return sum;
}

static void answer(struct service *service, const struct request *request, uint64_t argument)
{
	const struct vbi_transport *ops = service->fixture->ops;
	struct vbi_message *message = ops->message_get(service->endpoint);
	struct request reply = *request;

	reply.length = sizeof(reply);
	reply.argument = argument;
	memcpy(message->data, &reply, sizeof(reply));
	if (request->command == COMMAND_PUSH || request->command == COMMAND_INVERT ||
	    request->command == COMMAND_END)
		ops->end_with(service->endpoint, message, &request->record);
	ops->send(service->endpoint, message, sizeof(reply), false);
}

/* ---- Bulk ---- */

static void job_step(struct job *job);

static void job_end(struct job *job, uint64_t argument)
{
	struct service *service = job->service;

	service->fixture->ops->region_free(service->fixture->server_domain, job->memory,
					   job->length);
	if (service->endpoint && !job->answered)
		answer(service, &job->request, argument);
	free(job);
}

static void job_moved(struct vbi_transfer *transfer, int status)
{
	struct job *job = transfer->owner;

	/* What was under way when the endpoint was closed may have come to a good end. */
	if (!status && !job->service->endpoint)
		status = -ECONNRESET;
	if (status) {
		job_end(job, (uint64_t)(int64_t)status);
		return;
	}
	job->moved += transfer->length;
	job_step(job);
}

static void job_pulled(struct job *job)
{
	if (job->request.command != COMMAND_INVERT) {
		job_end(job,
			job->request.command == COMMAND_PULL ? hash(job->memory, job->length) : 0);
		return;
	}
	for (uint64_t i = 0; i < job->length; i++)
		job->memory[i] = (uint8_t)~job->memory[i];
	job->push = true;
	job->moved = 0;
	job_step(job);
}

static void job_step(struct job *job)
{
	const struct vbi_transport *ops = job->service->fixture->ops;
	uint64_t left = job->length - job->moved;
	int result;

	if (!left && job->push) {
		job_end(job, 0);
		return;
	}
	if (!left) {
		job_pulled(job);
		return;
	}
	job->transfer = (struct vbi_transfer){
		.record = job->request.record,
		.offset = job->moved,
		.local = job->memory + job->moved,
		.length = left < CHUNK ? left : CHUNK,
		.owner = job,
		.done = job_moved,
	};
	result = job->push ? ops->push(job->service->endpoint, &job->transfer)
			   : ops->pull(job->service->endpoint, &job->transfer);
	if (result < 0) {
		job_end(job, (uint64_t)(int64_t)result);
	} else if (result == VBI_ORDERED && left == job->transfer.length) {
		job->answered = true;
		answer(job->service, &job->request, 0);
	}
}

static void job_start(struct service *service, const struct request *request, uint64_t length)
{
	struct job *job = calloc(1, sizeof(*job));

	job->service = service;
	job->request = *request;
	job->length = length;
	job->push = request->command == COMMAND_PUSH || request->command == COMMAND_PUSH_LATE;
	job->memory = service->fixture->ops->region_alloc(service->fixture->server_domain, length);
	if (job->push)
		for (uint64_t i = 0; i < length; i++)
			job->memory[i] = pattern(request->id, i);
	job_step(job);
}

static void invert_mapped(struct service *service, const struct request *request)
{
	const struct vbi_transport *ops = service->fixture->ops;
	unsigned rights = VBI_REMOTE_READ | VBI_REMOTE_WRITE;
	uint8_t *memory = ops->map(service->endpoint, &request->record, rights);

	if (memory) {
		for (uint64_t i = 0; i < request->record.length; i++)
			memory[i] = (uint8_t)~memory[i];
		ops->unmap(service->endpoint, &request->record, rights);
	}
	answer(service, request, memory != NULL);
}

/* ---- Requests ---- */

static void service_close(struct service *service)
{
	struct vbi_endpoint *endpoint = service->endpoint;

	service->endpoint = NULL;
	if (endpoint)
		service->fixture->ops->close(endpoint);
}

static void serve_held(struct service *service, const struct request *request)
{
	const struct vbi_transport *ops = service->fixture->ops;
	unsigned rights = VBI_REMOTE_READ | VBI_REMOTE_WRITE;

	if (request->command == COMMAND_HOLD) {
		service->held_record = request->record;
		service->held = ops->map(service->endpoint, &request->record, rights);
	} else if (request->command == COMMAND_SCRIBBLE) {
		memset(service->held, 0xee, service->held_record.length);
	} else {
		ops->unmap(service->endpoint, &service->held_record, rights);
	}
	answer(service, request, service->held != NULL);
}

static void serve_take(struct service *service, const struct request *request)
{
	uint64_t n = 0;

	while (n < request->argument && service->fixture->ops->message_get(service->endpoint))
		n++;
	answer(service, request, n);
}

static void serve(struct service *service, const struct request *request)
{
	struct request late = *request;

	switch ((enum command)request->command) {
	case COMMAND_SINK:
		atomic_fetch_add(&service->fixture->n_sunk, 1);
		break;
	case COMMAND_PUSH:
		job_start(service, request, request->argument);
		break;
	case COMMAND_PULL:
	case COMMAND_INVERT:
		job_start(service, request, request->record.length);
		break;
	case COMMAND_MAP:
		invert_mapped(service, request);
		break;
	case COMMAND_HOLD:
	case COMMAND_SCRIBBLE:
	case COMMAND_LET_GO:
		serve_held(service, request);
		break;
	case COMMAND_REMEMBER:
	case COMMAND_END:
		service->kept = request->record;
		answer(service, request, 0);
		break;
	case COMMAND_PULL_LATE:
	case COMMAND_PUSH_LATE:
		late.record = service->kept;
		job_start(service, &late, late.record.length);
		break;
	case COMMAND_VANISH:
		job_start(service, request, request->record.length);
		service_close(service);
		break;
	case COMMAND_CLOSE:
		answer(service, request, 0);
		service_close(service);
		break;
	case COMMAND_TAKE:
		serve_take(service, request);
		break;
	case COMMAND_ECHO:
		break;
	}
}

static void service_received(void *owner, struct vbi_message *message)
{
	struct service *service = owner;
	const struct vbi_transport *ops = service->fixture->ops;
	struct request request = {0};
	struct vbi_message *reply;

	memcpy(&request, message->data,
	       message->length < sizeof(request) ? message->length : sizeof(request));
	if (request.command == COMMAND_ECHO) {
		reply = ops->message_get(service->endpoint);
		memcpy(reply->data, message->data, message->length);
		ops->send(service->endpoint, reply, message->length, false);
	}
	ops->release(service->endpoint, message);
	serve(service, &request);
}

static int service_accepted(void *listener_owner, struct vbi_endpoint *endpoint)
{
	struct fixture *fixture = listener_owner;
	struct service *service;

	if (fixture->refuse_with)
		return -fixture->refuse_with;
	service = calloc(1, sizeof(*service));
	service->fixture = fixture;
	service->endpoint = endpoint;
	service->next = services;
	services = service;
	endpoint->owner = service;
	atomic_fetch_add(&fixture->n_accepted, 1);
	return 0;
}

static void service_refused(void *listener_owner, const struct vbi_cause *cause)
{
	(void)listener_owner;
	/* That a client has left meanwhile is nobody's fault. */
	if (cause->errnum != ECONNRESET)
		abort();
}

static void service_failed(void *owner, const struct vbi_cause *cause)
{
	struct service *service = owner;

	(void)cause;
	atomic_fetch_add(&service->fixture->n_server_failed, 1);
	service_close(service);
}

static void service_connected(void *owner)
{
	(void)owner;
	abort();
}

void service_close_all(struct fixture *fixture)
{
	(void)fixture;
	while (services) {
		struct service *service = services;

		services = service->next;
		service_close(service);
		free(service);
	}
}

const struct vbi_events service_events = {
	.accepted = service_accepted,
	.refused = service_refused,
	.connected = service_connected,
	.received = service_received,
	.failed = service_failed,
};
