/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/arena.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* An allocation that fails makes HASH_ADD leave the element out, instead of ending the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

/* Free bytes, in order of offset, never touching each other. */
struct extent {
	uint64_t offset;
	uint64_t length;
	struct extent *prev, *next;
};

struct shm_arena {
	pid_t pid; /* of the process that has it mapped */
	struct shm_mapping *mapping;
	struct extent *free;
	unsigned n_holders; /* the endpoint, and each piece */
};

struct piece {
	void *memory; /* the key */
	uint64_t length;
	struct shm_arena *arena;
	struct extent *extent; /* what gives it back, so that free() needs no memory */
	UT_hash_handle hh;
};

/* Guards all arenas: pieces are freed from any thread, and rarely. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct piece *pieces;

/* So that a child is not left with a lock that another thread of its parent had. */
static void lock_all(void)
{
	pthread_mutex_lock(&lock);
}

static void unlock_all(void)
{
	pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
	pthread_atfork(lock_all, unlock_all, unlock_all);
}

static uint8_t *arena_base(const struct shm_arena *arena)
{
	return arena->mapping->base + SHM_ARENA_AT;
}

struct shm_arena *shm_arena_create(struct shm_mapping *mapping, uint64_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct shm_arena *arena = calloc(1, sizeof(*arena));
	struct extent *all;

	if (!arena || !size)
		goto done;
	all = malloc(sizeof(*all));
	if (!all) {
		free(arena);
		return NULL;
	}
	*all = (struct extent){.length = size};
	DL_APPEND(arena->free, all);
done:
	if (!arena)
		return NULL;
	pthread_once(&once, watch_forks);
	arena->pid = getpid();
	arena->mapping = shm_mapping_hold(mapping);
	arena->n_holders = 1;
	return arena;
}

/* With the lock held. */
static void drop_locked(struct shm_arena *arena)
{
	struct extent *extent, *next;

	if (--arena->n_holders)
		return;
	DL_FOREACH_SAFE(arena->free, extent, next)
		free(extent);
	shm_mapping_drop(arena->mapping);
	free(arena);
}

void shm_arena_drop(struct shm_arena *arena)
{
	if (!arena)
		return;
	pthread_mutex_lock(&lock);
	drop_locked(arena);
	pthread_mutex_unlock(&lock);
}

/* The first free bytes that are enough; an extent that is used up becomes *RET_SPENT. */
static bool cut(struct shm_arena *arena, uint64_t length, uint64_t *ret_offset,
		struct extent **ret_spent)
{
	struct extent *extent;

	DL_FOREACH(arena->free, extent)
		if (extent->length >= length)
			break;
	if (!extent)
		return false;
	*ret_offset = extent->offset;
	*ret_spent = NULL;
	extent->offset += length;
	extent->length -= length;
	if (!extent->length) {
		DL_DELETE(arena->free, extent);
		*ret_spent = extent;
	}
	return true;
}

/* Puts EXTENT among the free ones, joined with its neighbours. */
static void give_back(struct shm_arena *arena, struct extent *extent)
{
	struct extent *after, *before;

	DL_FOREACH(arena->free, after)
		if (after->offset > extent->offset)
			break;
	if (after)
		DL_PREPEND_ELEM(arena->free, after, extent);
	else
		DL_APPEND(arena->free, extent);
	if (after && extent->offset + extent->length == after->offset) {
		extent->length += after->length;
		DL_DELETE(arena->free, after);
		free(after);
	}
	before = extent == arena->free ? NULL : extent->prev;
	if (before && before->offset + before->length == extent->offset) {
		before->length += extent->length;
		DL_DELETE(arena->free, extent);
		free(extent);
	}
}

/* With the lock held. */
static void *alloc_locked(struct shm_arena *arena, struct piece *piece, struct extent *spare)
{
	struct extent *spent;
	uint64_t offset;
	struct piece *added;

	if (!cut(arena, piece->length, &offset, &spent))
		return NULL;
	free(spent);
	piece->memory = arena_base(arena) + offset;
	*spare = (struct extent){.offset = offset, .length = piece->length};
	HASH_ADD_PTR(pieces, memory, piece);
	HASH_FIND_PTR(pieces, &piece->memory, added);
	if (!added) {
		give_back(arena, spare);
		piece->extent = NULL;
		return NULL;
	}
	arena->n_holders++;
	return piece->memory;
}

void *shm_arena_alloc(struct shm_arena *arena, size_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct extent *spare = malloc(sizeof(*spare));
	struct piece *piece = calloc(1, sizeof(*piece));
	void *memory;

	if (!spare || !piece || !size || size > SHM_ARENA_MAX)
		goto fail;
	piece->length = SHM_ROUND_UP((uint64_t)size, page);
	piece->arena = arena;
	piece->extent = spare;
	pthread_mutex_lock(&lock);
	memory = alloc_locked(arena, piece, spare);
	pthread_mutex_unlock(&lock);
	if (memory)
		return memory;
	spare = piece->extent;
fail:
	free(spare);
	free(piece);
	return NULL;
}

/* The next owner is promised zeros. Pages that were made private cannot be returned, and are not
 * given out again: their endpoint has failed. */
static void make_zero(void *memory, uint64_t length)
{
	if (madvise(memory, length, MADV_REMOVE) < 0)
		memset(memory, 0, length);
}

bool shm_arena_free(void *memory)
{
	struct piece *piece;

	pthread_mutex_lock(&lock);
	HASH_FIND_PTR(pieces, &memory, piece);
	/* The parent's: not mapped here, and not ours to free. */
	if (piece && piece->arena->pid != getpid()) {
		pthread_mutex_unlock(&lock);
		return true;
	}
	if (piece) {
		HASH_DEL(pieces, piece);
		make_zero(memory, piece->length);
		give_back(piece->arena, piece->extent);
		drop_locked(piece->arena);
	}
	pthread_mutex_unlock(&lock);
	free(piece);
	return piece != NULL;
}

int shm_arena_make_private(void *memory, uint64_t length)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = (uintptr_t)memory & ~(uintptr_t)(page - 1);
	uint64_t size = SHM_ROUND_UP((uintptr_t)memory + length - first, page);
	void *from = (void *)first;
	void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (copy == MAP_FAILED)
		return -ENOMEM;
	memcpy(copy, from, size);
	madvise(copy, size, MADV_DONTFORK);
	/* One step, so that no other thread of the application ever finds a hole. */
	if (mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, from) == MAP_FAILED) {
		munmap(copy, size);
		return -ENOMEM;
	}
	return 0;
}
