/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the connecting side exposes: a registration for the call, a copy in registered memory of the
 * connection, or, where both ends have agreed on it, a memory window. Nothing of the application's
 * can be reached when its call is over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "transport/cause.h"
#include "transport/verbs/bounce.h"
#include "transport/verbs/calls.h"
#include "transport/verbs/memory.h"
#include "transport/verbs/pieces.h"
#include "transport/verbs/ranges.h"
#include "transport/verbs/verbs.h"
#include "transport/verbs/window.h"

/*
 * Bytes up to which a copy is cheaper than a registration and its end, which are two system calls,
 * a walk over the pages, and two commands to the device. What goes out to the peer is copied once;
 * what comes in is copied twice, because bytes that the peer does not write must stay as they
 * were. Memory that the application has named as one to be used again has its pages already, which
 * is the part of a registration that may take longest, and is meant to be left to the device.
 */
#define COPY_IN_MAX	   (256ull << 10)
#define COPY_OUT_MAX	   (128ull << 10)
#define COPY_NAMED_IN_MAX  (64ull << 10)
#define COPY_NAMED_OUT_MAX (32ull << 10)

/* Bytes from which a window is bound onto memory that has a name: a bind is a work request. */
#define WINDOW_MIN 8192ull

/* Exposures of a connection at a time: the most calls, each with the most buffers. */
#define EXPOSURES_MAX 8192u

/* vbi_exposure.state, as we use it. */
struct __attribute__((may_alias)) exposed {
	struct vbi_exposure *previous, *next; /* endpoint->exposures */
	struct verbs_bounce_block *block;     /* copied through it */
	union {
		struct ibv_mr *first;	     /* registered: the first piece */
		struct verbs_window *window; /* has_window */
	};
	struct ibv_mr **others; /* registered: the other pieces */
	uint32_t n_others;
	bool has_window;
	bool has_ended; /* the peer has ended the window */
};
static_assert(sizeof(struct exposed) <= sizeof(((struct vbi_exposure *)0)->state), "fits");

static struct exposed *state_of(const struct vbi_exposure *exposure)
{
	return (struct exposed *)(uintptr_t)exposure->state;
}

static void list_add(struct verbs_endpoint *endpoint, struct vbi_exposure *exposure)
{
	struct exposed *state = state_of(exposure);

	state->previous = NULL;
	state->next = endpoint->exposures;
	if (state->next)
		state_of(state->next)->previous = exposure;
	endpoint->exposures = exposure;
	endpoint->n_exposures++;
}

static void list_remove(struct verbs_endpoint *endpoint, struct vbi_exposure *exposure)
{
	struct exposed *state = state_of(exposure);

	if (state->next)
		state_of(state->next)->previous = state->previous;
	if (state->previous)
		state_of(state->previous)->next = state->next;
	else
		endpoint->exposures = state->next;
	endpoint->n_exposures--;
}

/* LOCAL_WRITE is what the device wants with REMOTE_WRITE; without it, read-only pages can be
 * registered. */
static int access_of(unsigned rights)
{
	return (rights & VBI_REMOTE_READ ? IBV_ACCESS_REMOTE_READ : 0) |
	       (rights & VBI_REMOTE_WRITE ? IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_LOCAL_WRITE : 0);
}

struct verbs_unwilling {
	struct ibv_mr *mr;
	struct verbs_unwilling *next;
};

int verbs_withdraw(struct verbs_endpoint *endpoint, struct ibv_mr *mr)
{
	int error = verbs_dereg_mr(mr);
	struct verbs_unwilling *unwilling = error ? malloc(sizeof(*unwilling)) : NULL;

	if (unwilling) {
		unwilling->mr = mr;
		LL_PREPEND(endpoint->unwilling, unwilling);
	}
	return error;
}

/* With the queue pair the reason may be gone. */
static void ask_again(struct verbs_endpoint *endpoint)
{
	while (endpoint->unwilling) {
		struct verbs_unwilling *unwilling = endpoint->unwilling;

		LL_DELETE(endpoint->unwilling, unwilling);
		verbs_dereg_mr(unwilling->mr);
		free(unwilling);
	}
}

/* ---- Copied ---- */

static int bounce_pages_get(void *context, uint64_t size, unsigned rights,
			    struct verbs_bounce_pages *ret)
{
	struct verbs_endpoint *endpoint = context;
	/* Written by us while the device holds its pages: those must be the ones that we write. */
	int access = access_of(rights) | IBV_ACCESS_LOCAL_WRITE;
	struct ibv_mr *mr;
	void *memory = verbs_pages_alloc(size);

	if (!memory)
		return -ENOMEM;
	endpoint->domain->base.stats->allocations++;
	endpoint->domain->base.stats->registrations++;
	if (verbs_reg_mr(endpoint->pd, memory, size, access, &mr) < 0) {
		verbs_pages_free(memory, size);
		return -ENOMEM;
	}
	*ret = (struct verbs_bounce_pages){.memory = memory, .key = mr->rkey, .registration = mr};
	return 0;
}

static void bounce_pages_put(void *context, const struct verbs_bounce_pages *pages, uint64_t size)
{
	/* Pages that the device would not let go of stay ours. */
	if (verbs_withdraw(context, pages->registration) == 0)
		verbs_pages_free(pages->memory, size);
}

static int copy_in(struct verbs_endpoint *endpoint, struct vbi_exposure *exposure, bool must)
{
	const struct verbs_bounce_source source = {
		.get = bounce_pages_get,
		.put = bounce_pages_put,
		.context = endpoint,
	};
	struct verbs_bounce_block *block;

	if (!endpoint->bounce)
		endpoint->bounce = verbs_bounce_create(&source);
	if (!endpoint->bounce)
		return -ENOMEM;
	block = verbs_bounce_get(endpoint->bounce, exposure->length, exposure->rights, must);
	if (!block)
		return -ENOMEM;
	memcpy(block->memory, exposure->address, exposure->length);
	state_of(exposure)->block = block;
	exposure->n_records = 1;
	exposure->records[0] = (struct vbi_record){
		.address = (uintptr_t)block->memory,
		.length = exposure->length,
		.key = block->key,
	};
	endpoint->domain->base.stats->bulk_bounced++;
	return 0;
}

/* Whether the application has named the memory: by allocating it here, or by registering it. */
static bool is_named(const struct verbs_endpoint *endpoint, const struct vbi_exposure *exposure)
{
	struct verbs_named memory;

	return verbs_memory_named(endpoint, exposure->address, exposure->length, &memory);
}

static bool is_copied_by_choice(const struct verbs_endpoint *endpoint,
				const struct vbi_exposure *exposure)
{
	bool is_out = exposure->rights & VBI_REMOTE_WRITE;

	if (exposure->length <= (is_out ? COPY_NAMED_OUT_MAX : COPY_NAMED_IN_MAX))
		return true;
	return exposure->length <= (is_out ? COPY_OUT_MAX : COPY_IN_MAX) &&
	       !is_named(endpoint, exposure);
}

/* ---- Registered ---- */

/* Ends the registrations, or the window. Negative errno: the device keeps one. */
static int withdraw(struct verbs_endpoint *endpoint, const struct vbi_exposure *exposure)
{
	struct exposed *state = state_of(exposure);
	int first_error = 0;

	if (state->has_window) {
		state->has_window = false;
		first_error = verbs_window_end(endpoint, state->window, state->has_ended);
		state->window = NULL;
		return first_error;
	}

	for (uint32_t i = state->n_others; i-- > 0;) {
		int error = verbs_withdraw(endpoint, state->others[i]);

		first_error = first_error ? first_error : error;
	}
	free(state->others);
	state->others = NULL;
	state->n_others = 0;
	if (state->first) {
		int error = verbs_withdraw(endpoint, state->first);

		first_error = first_error ? first_error : error;
	}
	state->first = NULL;
	return first_error;
}

/* What was copied can still be asked for: its answer may have come before the end. Negative errno:
 * the device keeps one. */
static int withdraw_all(struct verbs_endpoint *endpoint)
{
	int first_error = 0;

	for (struct vbi_exposure *exposure = endpoint->exposures; exposure;
	     exposure = state_of(exposure)->next) {
		int error = withdraw(endpoint, exposure);

		first_error = first_error ? first_error : error;
	}
	return first_error;
}

static int enroll_piece(struct verbs_endpoint *endpoint, struct vbi_exposure *exposure, uint32_t i,
			struct ibv_mr **ret_mr)
{
	uint64_t length = verbs_piece_length(exposure->length, i);
	uint8_t *address = (uint8_t *)exposure->address + i * verbs_piece_size(exposure->length);
	int error;

	endpoint->domain->base.stats->registrations++;
	error = verbs_reg_mr(endpoint->pd, address, length, access_of(exposure->rights), ret_mr);
	if (error)
		return error;
	exposure->records[i] = (struct vbi_record){
		.address = (uintptr_t)address,
		.length = length,
		.key = (*ret_mr)->rkey,
	};
	return 0;
}

static int enroll(struct verbs_endpoint *endpoint, struct vbi_exposure *exposure)
{
	struct exposed *state = state_of(exposure);
	uint32_t n = verbs_piece_count(exposure->length);
	int error;

	if (n > 1) {
		state->others = calloc(n - 1, sizeof(*state->others));
		if (!state->others)
			return -ENOMEM;
	}
	error = enroll_piece(endpoint, exposure, 0, &state->first);
	for (uint32_t i = 1; i < n && !error; i++) {
		error = enroll_piece(endpoint, exposure, i, &state->others[i - 1]);
		state->n_others += !error;
	}
	if (error)
		withdraw(endpoint, exposure);
	else
		exposure->n_records = n;
	return error;
}

/* ---- A window ---- */

static int bind_window(struct verbs_endpoint *endpoint, struct vbi_exposure *exposure)
{
	struct exposed *state = state_of(exposure);

	state->window = verbs_window_bind(endpoint, exposure);
	state->has_window = state->window != NULL;
	return state->has_window ? 0 : -ENOMEM;
}

int verbs_exposure_ended(struct verbs_endpoint *endpoint, uint32_t key)
{
	for (struct vbi_exposure *exposure = endpoint->exposures; exposure;
	     exposure = state_of(exposure)->next) {
		struct exposed *state = state_of(exposure);

		if (!state->has_window || state->has_ended ||
		    verbs_window_key(state->window) != key)
			continue;
		state->has_ended = true;
		return 0;
	}
	return -EPROTO;
}

/* ---- What rpc calls ---- */

int verbs_expose(struct vbi_endpoint *base, struct vbi_exposure *exposure)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);
	int error = -EMSGSIZE;
	int saved = errno;

	if (endpoint->state != VERBS_LIVE)
		return -ECONNRESET;
	/* The PD that many connections share has no region with a remote flag. */
	if (endpoint->pd == endpoint->device->pd)
		return -EOPNOTSUPP;
	if (endpoint->n_exposures == EXPOSURES_MAX)
		return -ENOBUFS;
	if (exposure->length > VERBS_EXPOSURE_MAX)
		return -EMSGSIZE;
	*state_of(exposure) = (struct exposed){0};
	if (endpoint->has_windows && exposure->length >= WINDOW_MIN)
		error = bind_window(endpoint, exposure);
	if (error && is_copied_by_choice(endpoint, exposure))
		error = copy_in(endpoint, exposure, false);
	if (error)
		error = enroll(endpoint, exposure);
	/* Pages that cannot be pinned (a shared mapping that may only be read, on some kernels). */
	if (error)
		error = copy_in(endpoint, exposure, true);
	if (error)
		return -ENOMEM;
	list_add(endpoint, exposure);
	/* What did not work is no longer of interest. */
	errno = saved;
	return 0;
}

/* Keeps the one promise there is when a device refuses to end a registration or a window: a queue
 * pair that is broken, or is no more, moves nothing. */
static void check_withdrawn(struct verbs_endpoint *endpoint, int error)
{
	if (!error)
		return;
	/* Of its own errno only the text: EBUSY, as a rule, which means a server that is full. */
	verbs_endpoint_fail(endpoint, EIO,
			    "the device would not let go of a call's memory (%s): the connection "
			    "to %s is closed so that nothing can reach it",
			    vbi_errno_text(-error), endpoint->base.peer);
	withdraw_all(endpoint);
	verbs_qp_isolate(endpoint);
}

int verbs_revoke(struct vbi_endpoint *base, struct vbi_exposure *exposure, enum vbi_revoke how)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);
	struct verbs_bounce_block *block = state_of(exposure)->block;
	int error = withdraw(endpoint, exposure);

	list_remove(endpoint, exposure);
	check_withdrawn(endpoint, error);
	if (how == VBI_REVOKE_ABANDON) {
		/* First the keys, so that a peer that writes on hears of it at once; then the queue
		 * pair. Its block is not used again: the peer may be writing there. */
		withdraw_all(endpoint);
		verbs_endpoint_fail(
			endpoint, ETIMEDOUT,
			"%s did not answer a call whose memory was exposed to it, and "
			"the call was given up: the connection is closed so that nothing "
			"can reach the memory any more",
			endpoint->base.peer);
		verbs_qp_isolate(endpoint);
		return 0;
	}
	if (!block)
		return 0;
	if (exposure->rights & VBI_REMOTE_WRITE)
		memcpy(exposure->address, block->memory, exposure->length);
	verbs_bounce_put(endpoint->bounce, block);
	return 0;
}

void verbs_exposures_end(struct verbs_endpoint *endpoint)
{
	int error = withdraw_all(endpoint);

	endpoint->exposures = NULL;
	endpoint->n_exposures = 0;
	check_withdrawn(endpoint, error);
}

void verbs_bulk_free(struct verbs_endpoint *endpoint)
{
	verbs_bounce_destroy(endpoint->bounce);
	endpoint->bounce = NULL;
	verbs_memory_budget_drop(endpoint->memory);
	endpoint->memory = NULL;
	verbs_windows_free(endpoint);
	ask_again(endpoint);
	verbs_ranges_fini(&endpoint->given);
}
