/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/bulk.h"

#include <errno.h>
#include <string.h>

#include "transport/shm/slot.h"

/* Bytes moved by one poll for one endpoint, so that its other messages and other endpoints get
 * their turn. */
#define BATCH (256u << 10)

/* Bytes of a pipe after which the client is told, so that both copy at the same time. */
#define PIPE_STEP (32u << 10)

/* vbi_transfer.state, as we use it. */
struct __attribute__((may_alias)) transfer_state {
	uint64_t moved;
	uint64_t is_push;
	struct vbi_transfer *follower; /* of the same record: begins when this one is done */
};
static_assert(sizeof(struct transfer_state) <= sizeof(((struct vbi_transfer *)0)->state), "fits");

static struct transfer_state *state_of(const struct vbi_transfer *transfer)
{
	return (struct transfer_state *)(uintptr_t)transfer->state;
}

static struct shm_slot *slot_of(const struct shm_endpoint *endpoint, uint32_t key)
{
	return &shm_mapping_slots(endpoint->mapping)[shm_key_slot(key)];
}

static bool is_pipe(const struct vbi_record *record)
{
	return record->flags & SHM_RECORD_PIPE;
}

static unsigned shift_of(const struct vbi_record *record)
{
	return (record->flags & SHM_RECORD_SHIFT_MASK) >> SHM_RECORD_SHIFT_AT;
}

static bool is_both_ways(const struct vbi_record *record)
{
	return (record->flags & SHM_RECORD_RIGHTS) == (VBI_REMOTE_READ | VBI_REMOTE_WRITE);
}

/* ---- What a record says ---- */

static bool within(uint64_t offset, uint64_t length, uint64_t size)
{
	return offset <= size && length <= size - offset;
}

static bool window_valid(const struct vbi_record *record)
{
	unsigned shift = shift_of(record);

	return shift >= SHM_WINDOW_SHIFT_MIN && shift <= SHM_WINDOW_SHIFT_MAX &&
	       record->address % (1u << SHM_WINDOW_SHIFT_MIN) == 0 &&
	       within(record->address, 1ull << (shift + (unsigned)is_both_ways(record)),
		      SHM_WINDOWS_SIZE);
}

/* Whether RECORD can be one of ours and gives all of RIGHTS. */
static bool record_valid(const struct shm_endpoint *endpoint, const struct vbi_record *record,
			 unsigned rights)
{
	uint32_t known = SHM_RECORD_RIGHTS | SHM_RECORD_PIPE;

	if (record->length == 0 || shm_key_slot(record->key) >= SHM_SLOTS ||
	    (record->flags & rights) != rights)
		return false;
	if (is_pipe(record))
		return !(record->flags & ~(known | SHM_RECORD_SHIFT_MASK)) && window_valid(record);
	return !(record->flags & ~known) &&
	       within(record->address, record->length, endpoint->arena_size);
}

/* ---- Moving ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint8_t *window_of(const struct shm_endpoint *endpoint, const struct vbi_record *record,
			  bool push)
{
	return endpoint->mapping->base + SHM_WINDOWS_AT + record->address +
	       (push && is_both_ways(record) ? 1ull << shift_of(record) : 0);
}

/*
 * Where the bytes lie that can be moved now, at most a chunk, and how many. 0: the client has to do
 * something first; -EPROTO: its counter is where it cannot be.
 */
static int64_t ready(const struct shm_endpoint *endpoint, const struct vbi_transfer *transfer,
		     uint8_t **ret_at)
{
	const struct transfer_state *state = state_of(transfer);
	const struct vbi_record *record = &transfer->record;
	const struct shm_slot *slot = slot_of(endpoint, record->key);
	uint64_t position = transfer->offset + state->moved;
	uint64_t left = transfer->length - state->moved;
	uint64_t size = 1ull << shift_of(record);
	uint64_t at = position & (size - 1);
	uint64_t there, most;

	if (!is_pipe(record)) {
		*ret_at = endpoint->mapping->base + SHM_ARENA_AT + record->address + position;
		return (int64_t)least(left, SHM_CHUNK);
	}
	*ret_at = window_of(endpoint, record, state->is_push) + at;
	most = least(least(left, PIPE_STEP), size - at);
	if (state->is_push) {
		there = __atomic_load_n(&slot->out_drained, __ATOMIC_ACQUIRE);
		return there > position || position - there > size
			       ? -EPROTO
			       : (int64_t)least(most, size - (position - there));
	}
	there = __atomic_load_n(&slot->in_filled, __ATOMIC_ACQUIRE);
	return there < position || there - position > size || there > record->length
		       ? -EPROTO
		       : (int64_t)least(most, there - position);
}

static void tell_moved(const struct shm_endpoint *endpoint, const struct vbi_transfer *transfer)
{
	const struct transfer_state *state = state_of(transfer);
	struct shm_slot *slot = slot_of(endpoint, transfer->record.key);
	uint64_t position = transfer->offset + state->moved;

	if (!is_pipe(&transfer->record))
		return;
	__atomic_store_n(state->is_push ? &slot->out_filled : &slot->in_drained, position,
			 __ATOMIC_RELEASE);
}

/* Copies what can be copied, at most a chunk. Bytes; 0: nothing now; negative errno. */
static int64_t move_chunk(struct shm_endpoint *endpoint, struct vbi_transfer *transfer)
{
	struct transfer_state *state = state_of(transfer);
	struct shm_slot *slot = slot_of(endpoint, transfer->record.key);
	uint8_t *local = (uint8_t *)transfer->local + state->moved;
	uint8_t *remote;
	int64_t n = ready(endpoint, transfer, &remote);

	/* What follows in an exposure that has ended begins where no counter will ever be. */
	if (n <= 0)
		return shm_word_is(slot, transfer->record.key, SHM_WORD_OPEN) ? n : -ECANCELED;
	if (!shm_word_take(slot, transfer->record.key))
		return -ECANCELED;
	if (state->is_push)
		memcpy(remote, local, (size_t)n);
	else
		memcpy(local, remote, (size_t)n);
	state->moved += (uint64_t)n;
	tell_moved(endpoint, transfer);
	return shm_word_release(slot, transfer->record.key) ? n : -ECANCELED;
}

/* ---- The list ---- */

static void replace(struct vbi_transfer **link, struct vbi_transfer *transfer)
{
	struct vbi_transfer *follower = state_of(transfer)->follower;

	if (follower) {
		follower->next = transfer->next;
		*link = follower;
	} else {
		*link = transfer->next;
	}
}

static void complete(struct shm_endpoint *endpoint, struct vbi_transfer *transfer, int status)
{
	struct vbi_transfer **link = &endpoint->transfers;

	while (*link != transfer)
		link = &(*link)->next;
	replace(link, transfer);
	if (status == -EPROTO)
		shm_endpoint_fail(endpoint, EPROTO,
				  "peer (pid %d) moved a counter of exposed memory to where it "
				  "cannot be",
				  endpoint->base.identity.pid);
	transfer->done(transfer, status);
}

/* Moves one transfer on. Bytes moved; whether it is complete: *RET_DONE. */
static uint64_t step(struct shm_endpoint *endpoint, struct vbi_transfer *transfer, uint64_t limit,
		     int *ret_status)
{
	struct transfer_state *state = state_of(transfer);
	uint64_t moved = 0;

	*ret_status = -EINPROGRESS;
	while (moved < limit) {
		int64_t n = move_chunk(endpoint, transfer);

		if (n < 0) {
			*ret_status = (int)n;
			break;
		}
		moved += (uint64_t)n;
		if (state->moved == transfer->length) {
			*ret_status = 0;
			break;
		}
		if (n == 0)
			break;
	}
	return moved;
}

unsigned shm_transfers_progress(struct shm_endpoint *endpoint)
{
	struct vbi_transfer *transfer = endpoint->transfers;
	uint64_t moved = 0;
	unsigned n = 0;

	/* The fence before the look for a sleeper orders all that was moved; one is enough. */
	while (transfer && moved < BATCH && endpoint->state == SHM_LIVE) {
		struct vbi_transfer *next = transfer->next;
		uint64_t before = moved;
		int status;

		moved += step(endpoint, transfer, BATCH - moved, &status);
		n += moved != before;
		if (status == -EINPROGRESS) {
			transfer = next;
			continue;
		}
		n++;
		if (moved)
			shm_endpoint_nudge(endpoint, SHM_SLEEPING);
		complete(endpoint, transfer, status);
		/* done() may have begun or ended any others. */
		break;
	}
	if (moved && endpoint->state == SHM_LIVE)
		shm_endpoint_nudge(endpoint, SHM_SLEEPING);
	return n;
}

bool shm_transfers_have_work(const struct shm_endpoint *endpoint)
{
	const struct vbi_transfer *transfer = endpoint->transfers;

	for (; transfer; transfer = transfer->next) {
		const struct shm_slot *slot = slot_of(endpoint, transfer->record.key);
		uint8_t *at;

		if (ready(endpoint, transfer, &at) ||
		    !shm_word_is(slot, transfer->record.key, SHM_WORD_OPEN))
			return true;
	}
	return false;
}

void shm_transfers_fail(struct shm_endpoint *endpoint, int status)
{
	struct vbi_transfer *transfer;

	while ((transfer = endpoint->transfers)) {
		replace(&endpoint->transfers, transfer);
		transfer->done(transfer, status);
	}
}

/* ---- What rpc calls ---- */

static int start(struct shm_endpoint *endpoint, struct vbi_transfer *transfer, bool push)
{
	struct vbi_transfer **link = &endpoint->transfers;
	struct transfer_state *state = state_of(transfer);

	if (endpoint->state != SHM_LIVE)
		return -ECONNRESET;
	if (!record_valid(endpoint, &transfer->record, push ? VBI_REMOTE_WRITE : VBI_REMOTE_READ) ||
	    transfer->length == 0 ||
	    !within(transfer->offset, transfer->length, transfer->record.length))
		return -EPROTO;
	*state = (struct transfer_state){.is_push = push};
	transfer->next = NULL;
	for (; *link; link = &(*link)->next)
		if ((*link)->record.key == transfer->record.key && state_of(*link)->is_push == push)
			break;
	if (*link) {
		struct vbi_transfer *before = *link;

		while (state_of(before)->follower)
			before = state_of(before)->follower;
		state_of(before)->follower = transfer;
	} else {
		*link = transfer;
	}
	endpoint->chores = true;
	return 0;
}

int shm_pull(struct vbi_endpoint *base, struct vbi_transfer *transfer)
{
	return start(shm_endpoint_of(base), transfer, false);
}

int shm_push(struct vbi_endpoint *base, struct vbi_transfer *transfer)
{
	return start(shm_endpoint_of(base), transfer, true);
}

void *shm_map(struct vbi_endpoint *base, const struct vbi_record *record, unsigned rights)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);

	if (endpoint->state != SHM_LIVE || !record_valid(endpoint, record, rights) ||
	    is_pipe(record) || !shm_word_take(slot_of(endpoint, record->key), record->key))
		return NULL;
	return endpoint->mapping->base + SHM_ARENA_AT + record->address;
}

void shm_unmap(struct vbi_endpoint *base, const struct vbi_record *record, unsigned rights)
{
	struct shm_endpoint *endpoint = shm_endpoint_of(base);

	(void)rights;
	shm_word_release(slot_of(endpoint, record->key), record->key);
}
