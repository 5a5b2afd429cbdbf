/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/expose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "transport/shm/arena.h"
#include "transport/clock.h"
#include "transport/shm/slot.h"

/*
 * How long revoke() waits for a server that is in the middle of a chunk. A chunk takes some ten
 * microseconds; a server that needs a thousand times as long has been stopped.
 */
#define BUSY_GRACE_NS (10 * TICK_NS_PER_MS)
#define BUSY_NAP_NS   20000l

/* Tries to meet the word of a live server in one of its two states; a miss is bad luck. */
#define CLOSE_TRIES 1000u

/* Bytes of one pipe and direction moved by one poll. */
#define PIPE_BATCH (128u << 10)
/* Bytes after which the server is told, so that both copy at the same time. */
#define PIPE_STEP  (32u << 10)

/* vbi_exposure.state, as we use it. */
struct __attribute__((may_alias)) pipe_state {
	struct vbi_exposure *previous, *next; /* in a list of struct shm_exposures */
	uint64_t filled;		      /* bytes put into the window for the server */
	uint64_t drained;		      /* bytes taken from it for the caller */
	uint32_t key;			      /* as in the record */
	uint8_t shift;			      /* log2 of the window's size; 0: in the arena */
	bool broken;			      /* what is in the window is not to be used */
	uint16_t window;		      /* offset in units of the smallest window */
};
static_assert(sizeof(struct pipe_state) <= sizeof(((struct vbi_exposure *)0)->state), "fits");

static struct pipe_state *state_of(const struct vbi_exposure *exposure)
{
	return (struct pipe_state *)(uintptr_t)exposure->state;
}

static void list_add(struct vbi_exposure **list, struct vbi_exposure *exposure)
{
	struct pipe_state *state = state_of(exposure);

	state->previous = NULL;
	state->next = *list;
	if (*list)
		state_of(*list)->previous = exposure;
	*list = exposure;
}

static void list_remove(struct vbi_exposure **list, struct vbi_exposure *exposure)
{
	struct pipe_state *state = state_of(exposure);

	if (state->next)
		state_of(state->next)->previous = state->previous;
	if (state->previous)
		state_of(state->previous)->next = state->next;
	else
		*list = state->next;
}

struct shm_exposures *shm_exposures_create(void)
{
	struct shm_exposures *exposures = calloc(1, sizeof(*exposures));

	if (!exposures)
		return NULL;
	for (uint32_t i = 0; i < SHM_SLOTS; i++)
		exposures->free[i] = (uint16_t)(SHM_SLOTS - 1 - i);
	exposures->n_free = SHM_SLOTS;
	shm_windows_init(&exposures->windows);
	return exposures;
}

static struct shm_slot *slot_of(const struct shm_endpoint *endpoint, const struct pipe_state *state)
{
	return &shm_mapping_slots(endpoint->mapping)[shm_key_slot(state->key)];
}

/* ---- Pipes ---- */

static uint32_t window_size(const struct pipe_state *state)
{
	return 1u << state->shift;
}

/* The window of the direction in; that of the direction out stands behind it if there are both. */
static uint8_t *window_in(const struct shm_endpoint *endpoint, const struct pipe_state *state)
{
	return endpoint->mapping->base + SHM_WINDOWS_AT +
	       ((uint64_t)state->window << SHM_WINDOW_SHIFT_MIN);
}

static uint8_t *window_out(const struct shm_endpoint *endpoint, const struct vbi_exposure *exposure)
{
	const struct pipe_state *state = state_of(exposure);

	return window_in(endpoint, state) +
	       (exposure->rights & VBI_REMOTE_READ ? window_size(state) : 0);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void pipe_broken(struct shm_endpoint *endpoint, struct pipe_state *state)
{
	state->broken = true;
	shm_endpoint_fail(endpoint, EPROTO,
			  "peer (pid %d) moved a counter of exposed memory to where it cannot be",
			  endpoint->base.identity.pid);
}

/* Bytes that can be put into the window now. */
static uint64_t room_in(const struct shm_slot *slot, const struct vbi_exposure *exposure)
{
	const struct pipe_state *state = state_of(exposure);
	uint64_t drained = __atomic_load_n(&slot->in_drained, __ATOMIC_ACQUIRE);
	uint64_t used = state->filled - drained;

	/* A counter that cannot be is seen where it matters: in fill(). */
	return used > window_size(state)
		       ? UINT64_MAX
		       : least(window_size(state) - used, exposure->length - state->filled);
}

/* Copies at most LIMIT bytes for the server. How many. */
static uint64_t fill(struct shm_endpoint *endpoint, struct vbi_exposure *exposure, uint64_t limit)
{
	struct pipe_state *state = state_of(exposure);
	struct shm_slot *slot = slot_of(endpoint, state);
	uint64_t moved = 0;

	while (moved < limit && state->filled < exposure->length && !state->broken) {
		uint64_t room = room_in(slot, exposure);
		uint64_t at = state->filled & (window_size(state) - 1);
		uint64_t n = least(least(room, PIPE_STEP), window_size(state) - at);

		if (room == UINT64_MAX)
			pipe_broken(endpoint, state);
		if (!n || room == UINT64_MAX)
			break;
		memcpy(window_in(endpoint, state) + at,
		       (const uint8_t *)exposure->address + state->filled, n);
		state->filled += n;
		moved += n;
		__atomic_store_n(&slot->in_filled, state->filled, __ATOMIC_RELEASE);
	}
	return moved;
}

/* Bytes that the server has pushed and that have not been taken. */
static uint64_t ready_out(const struct shm_slot *slot, const struct vbi_exposure *exposure)
{
	const struct pipe_state *state = state_of(exposure);
	uint64_t filled = __atomic_load_n(&slot->out_filled, __ATOMIC_ACQUIRE);
	uint64_t ready = filled - state->drained;

	return ready > window_size(state) || ready > exposure->length - state->drained ? UINT64_MAX
										       : ready;
}

/* Takes at most LIMIT bytes for the caller. How many. */
static uint64_t drain(struct shm_endpoint *endpoint, struct vbi_exposure *exposure, uint64_t limit)
{
	struct pipe_state *state = state_of(exposure);
	struct shm_slot *slot = slot_of(endpoint, state);
	uint64_t moved = 0;

	while (moved < limit && !state->broken) {
		uint64_t ready = ready_out(slot, exposure);
		uint64_t at = state->drained & (window_size(state) - 1);
		uint64_t n = least(least(ready, PIPE_STEP), window_size(state) - at);

		if (ready == UINT64_MAX)
			pipe_broken(endpoint, state);
		if (!n || ready == UINT64_MAX)
			break;
		memcpy((uint8_t *)exposure->address + state->drained,
		       window_out(endpoint, exposure) + at, n);
		state->drained += n;
		moved += n;
		__atomic_store_n(&slot->out_drained, state->drained, __ATOMIC_RELEASE);
	}
	return moved;
}

bool shm_exposures_progress(struct shm_endpoint *endpoint)
{
	struct vbi_exposure *exposure = endpoint->pipes;
	uint64_t moved = 0;

	for (; exposure; exposure = state_of(exposure)->next) {
		if (exposure->rights & VBI_REMOTE_READ)
			moved += fill(endpoint, exposure, PIPE_BATCH);
		if (exposure->rights & VBI_REMOTE_WRITE)
			moved += drain(endpoint, exposure, PIPE_BATCH);
		if (endpoint->state != SHM_LIVE)
			return true;
	}
	if (moved)
		shm_endpoint_nudge(endpoint, SHM_SLEEPING);
	return moved != 0;
}

bool shm_exposures_have_work(const struct shm_endpoint *endpoint)
{
	const struct vbi_exposure *exposure = endpoint->pipes;

	for (; exposure; exposure = state_of(exposure)->next) {
		const struct pipe_state *state = state_of(exposure);
		const struct shm_slot *slot = slot_of(endpoint, state);

		if (exposure->rights & VBI_REMOTE_READ && state->filled < exposure->length &&
		    room_in(slot, exposure))
			return true;
		if (exposure->rights & VBI_REMOTE_WRITE && ready_out(slot, exposure))
			return true;
	}
	return false;
}

/* ---- expose ---- */

/* The offset of the exposure in the arena part, if all of it lies there. */
static bool in_arena(const struct shm_endpoint *endpoint, const struct vbi_exposure *exposure,
		     uint64_t *ret_offset)
{
	uintptr_t arena = (uintptr_t)endpoint->mapping->base + SHM_ARENA_AT;
	uint64_t offset = (uintptr_t)exposure->address - arena;

	if (offset >= endpoint->arena_size || exposure->length > endpoint->arena_size - offset)
		return false;
	*ret_offset = offset;
	return true;
}

/* log2 of the smallest window that holds LENGTH, or the largest there is. */
static unsigned window_shift(uint64_t length)
{
	unsigned shift = SHM_WINDOW_SHIFT_MIN;

	while (shift < SHM_WINDOW_SHIFT_MAX && (1ull << shift) < length)
		shift++;
	return shift;
}

static bool is_both_ways(const struct vbi_exposure *exposure)
{
	return exposure->rights == (VBI_REMOTE_READ | VBI_REMOTE_WRITE);
}

/* What must be left so that the slots that are free can have a window each. */
static uint32_t reserve(const struct shm_exposures *exposures)
{
	return (exposures->n_free - 1) * (2u << SHM_WINDOW_SHIFT_MIN);
}

/* A window, smaller than it should be when much is in use. */
static bool get_window(struct shm_exposures *exposures, const struct vbi_exposure *exposure,
		       struct pipe_state *state)
{
	unsigned both = is_both_ways(exposure);

	for (unsigned shift = window_shift(exposure->length); shift >= SHM_WINDOW_SHIFT_MIN;
	     shift--) {
		uint32_t offset;

		if (exposures->windows.n_free_bytes < reserve(exposures) + (1u << (shift + both)))
			continue;
		offset = shm_windows_get(&exposures->windows, shift + both);
		if (offset == UINT32_MAX)
			continue;
		state->window = (uint16_t)(offset >> SHM_WINDOW_SHIFT_MIN);
		state->shift = (uint8_t)shift;
		return true;
	}
	return false;
}

static void open_slot(struct shm_endpoint *endpoint, struct pipe_state *state)
{
	struct shm_slot *slot = slot_of(endpoint, state);

	__atomic_store_n(&slot->in_filled, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->out_drained, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->in_drained, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->out_filled, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->word, shm_word_make(state->key, SHM_WORD_OPEN), __ATOMIC_RELEASE);
}

int shm_expose(struct vbi_endpoint *base, struct vbi_exposure *exposure)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);
	struct shm_exposures *exposures = endpoint->exposures;
	struct pipe_state *state = state_of(exposure);
	uint64_t address;
	uint16_t slot;
	bool placed;

	if (endpoint->state != SHM_LIVE)
		return -ECONNRESET;
	if (!exposures)
		return -EOPNOTSUPP;
	if (!exposures->n_free)
		return -ENOBUFS;
	*state = (struct pipe_state){0};
	placed = in_arena(endpoint, exposure, &address);
	if (!placed) {
		if (!get_window(exposures, exposure, state))
			return -ENOBUFS;
		address = (uint64_t)state->window << SHM_WINDOW_SHIFT_MIN;
		endpoint->domain->base.stats->bulk_bounced++;
	}
	slot = exposures->free[--exposures->n_free];
	state->key = shm_key(slot, ++exposures->generations[slot]);
	open_slot(endpoint, state);
	exposure->n_records = 1;
	exposure->records[0] = (struct vbi_record){
		.address = address,
		.length = exposure->length,
		.key = state->key,
		.flags = exposure->rights | (placed ? 0 : SHM_RECORD_PIPE) |
			 (uint32_t)state->shift << SHM_RECORD_SHIFT_AT,
	};
	list_add(placed ? &endpoint->places : &endpoint->pipes, exposure);
	endpoint->chores |= !placed;
	if (!placed && exposure->rights & VBI_REMOTE_READ)
		fill(endpoint, exposure, PIPE_BATCH);
	return 0;
}

/* ---- revoke ---- */

/* Waits for a server that is in the middle of a chunk; not for one that is dead. */
static bool wait_closed(const struct shm_endpoint *endpoint, const struct pipe_state *state)
{
	struct timespec nap = {.tv_nsec = BUSY_NAP_NS};
	struct shm_slot *slot = slot_of(endpoint, state);
	uint64_t end = tick_clock_ns() + BUSY_GRACE_NS;

	while (!shm_word_is(slot, state->key, SHM_WORD_CLOSED)) {
		if (endpoint->eof || tick_clock_ns() >= end)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

/*
 * Closes the word. False: the server touches the memory, or would not say that it does not; from
 * there on what it does must not matter.
 */
static bool close_word(struct shm_endpoint *endpoint, const struct pipe_state *state,
		       enum vbi_revoke how)
{
	struct shm_slot *slot = slot_of(endpoint, state);

	if (shm_word_move(slot, state->key, SHM_WORD_OPEN, SHM_WORD_CLOSED))
		return true;
	if (how == VBI_REVOKE_ANSWERED)
		return false;
	/* The server may go from chunk to chunk beside us. */
	for (unsigned i = 0; i < CLOSE_TRIES; i++) {
		if (shm_word_move(slot, state->key, SHM_WORD_BUSY, SHM_WORD_CLOSING))
			return wait_closed(endpoint, state);
		if (shm_word_move(slot, state->key, SHM_WORD_OPEN, SHM_WORD_CLOSED))
			return true;
	}
	return false;
}

static void blame(struct shm_endpoint *endpoint, enum vbi_revoke how)
{
	if (how == VBI_REVOKE_ANSWERED)
		shm_endpoint_fail(endpoint, EPROTO,
				  "peer (pid %d) answered a call and kept hold of its memory",
				  endpoint->base.identity.pid);
	else
		shm_endpoint_fail(endpoint, ETIMEDOUT,
				  "peer (pid %d) kept hold of the memory of a call that was given "
				  "up; is it stopped?",
				  endpoint->base.identity.pid);
}

/* Slot and window can serve again: the server is done with them. */
static void recycle(struct shm_exposures *exposures, const struct vbi_exposure *exposure)
{
	const struct pipe_state *state = state_of(exposure);

	exposures->free[exposures->n_free++] = (uint16_t)shm_key_slot(state->key);
	if (state->shift)
		shm_windows_put(&exposures->windows,
				(uint32_t)state->window << SHM_WINDOW_SHIFT_MIN,
				state->shift + (unsigned)is_both_ways(exposure));
}

int shm_revoke(struct vbi_endpoint *base, struct vbi_exposure *exposure, enum vbi_revoke how)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);
	struct shm_exposures *exposures = endpoint->exposures;
	struct pipe_state *state = state_of(exposure);
	bool placed = !state->shift;
	int error = 0;

	list_remove(placed ? &endpoint->places : &endpoint->pipes, exposure);
	if (close_word(endpoint, state, how)) {
		if (!placed && how == VBI_REVOKE_ANSWERED && exposure->rights & VBI_REMOTE_WRITE)
			drain(endpoint, exposure, UINT64_MAX);
		recycle(exposures, exposure);
		return state->broken ? -EPROTO : 0;
	}
	/* A window that may still be written is not used again; the caller's own pages are taken
	 * out of the peer's reach. */
	if (placed)
		error = shm_arena_make_private(exposure->address, exposure->length);
	else if (how == VBI_REVOKE_ANSWERED)
		error = -EPROTO;
	if (placed || how == VBI_REVOKE_ANSWERED)
		blame(endpoint, how);
	return error;
}

void shm_exposures_abandon(struct shm_endpoint *endpoint)
{
	while (endpoint->places)
		shm_revoke(&endpoint->base, endpoint->places, VBI_REVOKE_ABANDON);
	endpoint->pipes = NULL;
}

/* Its pages are the file's, of one size, and come where they are touched first. */
void *shm_memory_alloc(struct vbi_endpoint *base, size_t size,
		       const struct vb_memory_options *options)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);

	(void)options;
	/* Memory that a broken peer may still write is nobody's gift. */
	if (endpoint->state != SHM_LIVE || !endpoint->arena)
		return NULL;
	return shm_arena_alloc(endpoint->arena, size);
}
