/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/memory.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "transport/verbs/pieces.h"
#include "transport/verbs/ranges.h"
#include "transport/verbs/verbs.h"
#include "transport/verbs/window.h"

/* The huge pages that every 64-bit x86 has, and arm64 with 4 KiB pages. */
#define HUGE_PAGE (2ull << 20)

/* Linux 5.14; headers of an older system do not have them. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

/* Linux 5.15: MPOL_PREFERRED_MANY, which is no macro that headers could be asked for. */
#define PREFERRED_MANY 5

struct verbs_memory_budget {
	uint64_t max, used; /* bytes */
	unsigned n_holders; /* the endpoint, and each piece */
};

struct piece {
	size_t size; /* as mapped */
	pid_t pid;   /* of the process that has it mapped */
	uint64_t serial;
	struct verbs_memory_budget *budget;
};

/* Guards all pieces and budgets: they are freed from any thread, and rarely. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct verbs_ranges pieces;
static uint64_t last_serial;
static _Atomic uint64_t n_freed; /* pieces, ever */

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

/* SIZE as whole pages of PAGE bytes; 0: more than there can be. */
static size_t round_up(size_t size, size_t page)
{
	return size > VERBS_EXPOSURE_MAX ? 0 : (size + page - 1) / page * page;
}

/* ---- Pages ---- */

static void *map(size_t size, int flags)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags,
			    -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void *verbs_pages_alloc(size_t size)
{
	void *memory;

	size = round_up(size, VERBS_PAGE);
	memory = size ? map(size, 0) : NULL;
	if (memory && madvise(memory, size, MADV_WIPEONFORK) < 0)
		madvise(memory, size, MADV_DONTFORK);
	return memory;
}

void verbs_pages_free(void *memory, size_t size)
{
	munmap(memory, round_up(size, VERBS_PAGE));
}

/* Aligned, so that the kernel can make huge pages of it as it likes. SIZE: of huge pages. */
static void *map_aligned(size_t size)
{
	uint8_t *memory = map(size + HUGE_PAGE, 0);
	size_t before;

	if (!memory)
		return NULL;
	before = (HUGE_PAGE - (uintptr_t)memory % HUGE_PAGE) % HUGE_PAGE;
	if (before)
		munmap(memory, before);
	munmap(memory + before + size, HUGE_PAGE - before);
	madvise(memory + before, size, MADV_HUGEPAGE);
	return memory + before;
}

/* *SIZE becomes what was mapped. */
static void *map_for(const struct vb_memory_options *options, size_t *size)
{
	void *memory;

	if (!options || !options->hugepages) {
		*size = round_up(*size, VERBS_PAGE);
		return map(*size, 0);
	}
	*size = round_up(*size, HUGE_PAGE);
	/* By their size: the system's own choice may be 1 GiB, of which 2 MiB can be neither had
	 * nor given back. */
	memory = map(*size, MAP_HUGETLB | MAP_HUGE_2MB);
	return memory ? memory : map_aligned(*size);
}

/* Before the first touch. A wish: a node that has no memory left sends to others. */
static void prefer_nodes(void *memory, size_t size, uint64_t nodes)
{
	unsigned long mask = nodes;
	/* The kernel takes a mask's length in bits, plus one. */
	unsigned long bits = 8 * sizeof(mask) + 1;

	/* Of several nodes an older kernel takes the lowest. */
	if (syscall(SYS_mbind, memory, size, PREFERRED_MANY, &mask, bits, 0) < 0)
		syscall(SYS_mbind, memory, size, MPOL_PREFERRED, &mask, bits, 0);
}

/* So that no call waits for pages, and no memory is missing later. */
static void touch(void *memory, size_t size)
{
	if (madvise(memory, size, MADV_POPULATE_WRITE) == 0 || errno != EINVAL)
		return;
	for (size_t at = 0; at < size; at += VERBS_PAGE)
		((volatile uint8_t *)memory)[at] = 0;
}

/* ---- Pieces ---- */

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

/* What a forked child has of its parent's pieces is only their names: the addresses are free. */
static void forget_parents(const void *memory, uint64_t size)
{
	struct verbs_range *range;

	while ((range = verbs_ranges_touched(&pieces, memory, size))) {
		free(range->object);
		verbs_ranges_remove(&pieces, range);
	}
}

/* With the lock held. */
static bool add_locked(void *memory, struct piece *piece)
{
	struct verbs_memory_budget *budget = piece->budget;

	if (piece->size > budget->max - budget->used)
		return false;
	forget_parents(memory, piece->size);
	if (verbs_ranges_add(&pieces, memory, piece->size, piece))
		return false;
	piece->serial = ++last_serial;
	budget->used += piece->size;
	budget->n_holders++;
	return true;
}

void *verbs_memory_alloc_within(struct verbs_memory_budget *budget, size_t size,
				const struct vb_memory_options *options)
{
	struct piece *piece;
	void *memory;
	bool added;

	if (!size || size > budget->max)
		return NULL;
	piece = calloc(1, sizeof(*piece));
	memory = piece ? map_for(options, &size) : NULL;
	if (!memory) {
		free(piece);
		return NULL;
	}
	*piece = (struct piece){.size = size, .pid = getpid(), .budget = budget};
	pthread_mutex_lock(&lock);
	added = add_locked(memory, piece);
	pthread_mutex_unlock(&lock);
	if (!added) {
		munmap(memory, size);
		free(piece);
		return NULL;
	}
	madvise(memory, size, MADV_DONTFORK);
	if (options && options->numa_nodes)
		prefer_nodes(memory, size, options->numa_nodes);
	touch(memory, size);
	return memory;
}

bool verbs_memory_free(void *memory)
{
	struct verbs_range *range;
	struct piece *piece = NULL;
	bool is_parents = false;

	pthread_mutex_lock(&lock);
	range = verbs_ranges_at(&pieces, memory);
	if (range) {
		piece = range->object;
		/* Not mapped here, and not ours to free. */
		is_parents = piece->pid != getpid();
	}
	if (piece && !is_parents) {
		verbs_ranges_remove(&pieces, range);
		n_freed++;
		piece->budget->used -= piece->size;
		drop_locked(piece->budget);
	}
	pthread_mutex_unlock(&lock);
	if (!piece || is_parents)
		return piece != NULL;
	munmap(memory, piece->size);
	free(piece);
	return true;
}

bool verbs_memory_named(const struct verbs_endpoint *endpoint, const void *address, uint64_t length,
			struct verbs_named *ret)
{
	const struct verbs_range *range = verbs_ranges_find(&endpoint->given, address, length);
	uint64_t serial = range ? (uintptr_t)range->object : 0;

	pthread_mutex_lock(&lock);
	if (!range) {
		range = verbs_ranges_find(&pieces, address, length);
		serial = range ? ((const struct piece *)range->object)->serial : 0;
	}
	if (range)
		*ret = (struct verbs_named){range->memory, range->size, serial};
	pthread_mutex_unlock(&lock);
	return range != NULL;
}

uint64_t verbs_memory_freed(void)
{
	return n_freed;
}

/* ---- What rpc calls ---- */

void *verbs_memory_alloc(struct vbi_endpoint *base, size_t size,
			 const struct vb_memory_options *options)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);

	if (endpoint->state != VERBS_LIVE)
		return NULL;
	if (!endpoint->memory)
		endpoint->memory = verbs_memory_budget_create(endpoint->memory_max);
	return endpoint->memory ? verbs_memory_alloc_within(endpoint->memory, size, options) : NULL;
}

static uintptr_t next_serial(void)
{
	uint64_t serial;

	pthread_mutex_lock(&lock);
	serial = ++last_serial;
	pthread_mutex_unlock(&lock);
	return serial;
}

int verbs_memory_register(struct vbi_endpoint *base, void *address, size_t size)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = (uintptr_t)address & ~(uintptr_t)(page - 1);

	if (endpoint->state != VERBS_LIVE)
		return -ECONNRESET;
	if (size > VERBS_EXPOSURE_MAX)
		return -EFAULT;
	/* ENOMEM: not mapped. Older kernels do not know it, and find that out in the call. */
	if (madvise((void *)first, (uintptr_t)address + size - first, MADV_POPULATE_READ) < 0 &&
	    (errno == ENOMEM || errno == EFAULT))
		return -EFAULT;
	return verbs_ranges_add(&endpoint->given, address, size, (void *)next_serial());
}

void verbs_memory_unregister(struct vbi_endpoint *base, void *address)
{
	struct verbs_endpoint *endpoint = verbs_endpoint_of(base);
	struct verbs_range *range = verbs_ranges_at(&endpoint->given, address);

	if (!range)
		return;
	verbs_ranges_remove(&endpoint->given, range);
	verbs_windows_forget(endpoint, address);
}
