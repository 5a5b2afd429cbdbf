/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* An allocation that fails makes HASH_ADD leave the element out, instead of ending the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "transport/verbs/pieces.h"
#include "transport/verbs/verbs.h"

struct verbs_memory_budget {
	uint64_t max, used; /* bytes */
	unsigned n_holders; /* the endpoint, and each piece */
};

struct piece {
	void *memory; /* the key */
	size_t size;
	pid_t pid; /* of the process that has it mapped */
	struct verbs_memory_budget *budget;
	UT_hash_handle hh;
};

/* Guards all pieces and budgets: they are freed from any thread, and rarely. */
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

/* 0: more than there can be. */
static size_t round_up(size_t size)
{
	return size > VERBS_EXPOSURE_MAX ? 0 : (size + VERBS_PAGE - 1) / VERBS_PAGE * VERBS_PAGE;
}

void *verbs_pages_alloc(size_t size)
{
	void *memory;

	size = round_up(size);
	if (!size)
		return NULL;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, size, MADV_DONTFORK);
	return memory;
}

void verbs_pages_free(void *memory, size_t size)
{
	munmap(memory, round_up(size));
}

struct verbs_memory_budget *verbs_memory_budget_create(uint64_t max)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct verbs_memory_budget *budget = calloc(1, sizeof(*budget));

	pthread_once(&once, watch_forks);
	if (budget)
		*budget = (struct verbs_memory_budget){.max = max, .n_holders = 1};
	return budget;
}

/* With the lock held. */
static void drop_locked(struct verbs_memory_budget *budget)
{
	if (--budget->n_holders == 0)
		free(budget);
}

void verbs_memory_budget_drop(struct verbs_memory_budget *budget)
{
	if (!budget)
		return;
	pthread_mutex_lock(&lock);
	drop_locked(budget);
	pthread_mutex_unlock(&lock);
}

/* With the lock held. */
static bool add_locked(struct piece *piece)
{
	struct verbs_memory_budget *budget = piece->budget;
	struct piece *added;

	if (piece->size > budget->max - budget->used)
		return false;
	HASH_ADD_PTR(pieces, memory, piece);
	HASH_FIND_PTR(pieces, &piece->memory, added);
	if (!added)
		return false;
	budget->used += piece->size;
	budget->n_holders++;
	return true;
}

void *verbs_memory_alloc_within(struct verbs_memory_budget *budget, size_t size)
{
	struct piece *piece;
	void *memory;
	bool added;

	size = round_up(size);
	if (!size || size > budget->max)
		return NULL;
	piece = calloc(1, sizeof(*piece));
	memory = piece ? verbs_pages_alloc(size) : NULL;
	if (!memory) {
		free(piece);
		return NULL;
	}
	*piece = (struct piece){
		.memory = memory,
		.size = size,
		.pid = getpid(),
		.budget = budget,
	};
	pthread_mutex_lock(&lock);
	added = add_locked(piece);
	pthread_mutex_unlock(&lock);
	if (added)
		return memory;
	verbs_pages_free(memory, size);
	free(piece);
	return NULL;
}

bool verbs_memory_free(void *memory)
{
	struct piece *piece;

	pthread_mutex_lock(&lock);
	HASH_FIND_PTR(pieces, &memory, piece);
	/* The parent's: not mapped here, and not ours to free. */
	if (piece && piece->pid != getpid()) {
		pthread_mutex_unlock(&lock);
		return true;
	}
	if (piece) {
		HASH_DEL(pieces, piece);
		piece->budget->used -= piece->size;
		drop_locked(piece->budget);
	}
	pthread_mutex_unlock(&lock);
	if (!piece)
		return false;
	verbs_pages_free(piece->memory, piece->size);
	free(piece);
	return true;
}

void *verbs_memory_alloc(struct vbi_endpoint *base, size_t size)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);

	if (endpoint->state != VERBS_LIVE)
		return NULL;
	if (!endpoint->memory)
		endpoint->memory = verbs_memory_budget_create(endpoint->memory_max);
	return endpoint->memory ? verbs_memory_alloc_within(endpoint->memory, size) : NULL;
}
