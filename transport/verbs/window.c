/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "transport/verbs/calls.h"
#include "transport/verbs/memory.h"
#include "transport/verbs/ranges.h"
#include "transport/verbs/verbs.h"

struct verbs_window {
	struct ibv_mw *mw;
	uint32_t key; /* of the last bind */
	struct verbs_window *next;
};

/* Memory that the application has named, registered for windows: the object of its range. */
struct named {
	struct ibv_mr *mr;
	uint64_t serial; /* of memory that was given out: another piece may have its address now */
};

struct verbs_windows {
	struct verbs_ranges named;
	uint64_t freed;			/* verbs_memory_freed(), when all of them were looked at */
	struct verbs_window *free;	/* not bound */
	struct verbs_window *unwilling; /* that the device did not end */
};

bool verbs_windows_offered(const struct verbs_device *device)
{
	const uint32_t needed = IBV_DEVICE_MEM_WINDOW_TYPE_2B | IBV_DEVICE_MEM_MGT_EXTENSIONS;
	const char *asked = getenv("VERBENA_VERBS_WINDOWS");

	return asked && !strcmp(asked, "force") &&
	       (device->attr.device_cap_flags & needed) == needed;
}

/* ---- Named memory ---- */

static void drop_named(struct verbs_endpoint *endpoint, struct verbs_range *range)
{
	struct named *named = range->object;

	verbs_withdraw(endpoint, named->mr);
	free(named);
	verbs_ranges_remove(&endpoint->windows->named, range);
}

/* Whether the memory has its name still, and is not another that came to its address. */
static bool is_current(const struct verbs_endpoint *endpoint, const struct verbs_range *range)
{
	const struct named *named = range->object;
	struct verbs_named memory;

	return verbs_memory_named(endpoint, range->memory, range->size, &memory) &&
	       memory.serial == named->serial;
}

/* Memory is freed on any thread, and a registration keeps its pages: let go of those. */
static void drop_freed(struct verbs_endpoint *endpoint)
{
	struct verbs_windows *windows = endpoint->windows;
	uint64_t freed = verbs_memory_freed();

	if (windows->freed == freed)
		return;
	windows->freed = freed;
	for (uint32_t i = windows->named.n; i-- > 0;)
		if (!is_current(endpoint, &windows->named.ranges[i]))
			drop_named(endpoint, &windows->named.ranges[i]);
}

/* Drops what lies at its addresses from before. False: it is in use by another name. */
static bool make_place(struct verbs_endpoint *endpoint, const struct verbs_named *memory)
{
	struct verbs_windows *windows = endpoint->windows;
	struct verbs_range *range;

	while ((range = verbs_ranges_touched(&windows->named, memory->address, memory->size))) {
		if (is_current(endpoint, range))
			return false;
		drop_named(endpoint, range);
	}
	return true;
}

static struct ibv_mr *enroll(struct verbs_endpoint *endpoint, const struct verbs_named *memory)
{
	struct verbs_windows *windows = endpoint->windows;
	struct named *named;

	if (!make_place(endpoint, memory))
		return NULL;
	named = malloc(sizeof(*named));
	if (!named)
		return NULL;
	endpoint->domain->base.stats->registrations++;
	named->serial = memory->serial;
	if (verbs_reg_mr(endpoint->pd, memory->address, memory->size,
			 IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND, &named->mr) < 0)
		goto free_named;
	if (verbs_ranges_add(&windows->named, memory->address, memory->size, named))
		goto dereg;
	return named->mr;
dereg:
	verbs_withdraw(endpoint, named->mr);
free_named:
	free(named);
	return NULL;
}

/* The registration that holds the exposure; made if its memory has a name. */
static struct ibv_mr *find(struct verbs_endpoint *endpoint, const struct vbi_exposure *exposure)
{
	struct verbs_range *range;
	struct verbs_named memory;

	if (!verbs_memory_named(endpoint, exposure->address, exposure->length, &memory))
		return NULL;
	range = verbs_ranges_at(&endpoint->windows->named, memory.address);
	if (range && range->size == memory.size &&
	    ((const struct named *)range->object)->serial == memory.serial)
		return ((const struct named *)range->object)->mr;
	return enroll(endpoint, &memory);
}

void verbs_windows_forget(struct verbs_endpoint *endpoint, const void *address)
{
	struct verbs_range *range;

	if (!endpoint->windows)
		return;
	range = verbs_ranges_at(&endpoint->windows->named, address);
	if (range)
		drop_named(endpoint, range);
}

/* ---- Windows ---- */

static struct verbs_window *take(struct verbs_endpoint *endpoint)
{
	struct verbs_windows *windows = endpoint->windows;
	struct verbs_window *window = windows->free;

	if (window) {
		windows->free = window->next;
		return window;
	}
	window = calloc(1, sizeof(*window));
	if (!window)
		return NULL;
	if (verbs_alloc_mw(endpoint->pd, &window->mw) < 0) {
		free(window);
		return NULL;
	}
	endpoint->domain->base.stats->allocations++;
	return window;
}

static void post_bind(struct verbs_endpoint *endpoint, struct verbs_window *window,
		      const struct vbi_exposure *exposure, struct ibv_mr *mr)
{
	struct ibv_send_wr *wr = verbs_sq_begin(endpoint);
	unsigned access = 0;

	if (exposure->rights & VBI_REMOTE_READ)
		access |= IBV_ACCESS_REMOTE_READ;
	if (exposure->rights & VBI_REMOTE_WRITE)
		access |= IBV_ACCESS_REMOTE_WRITE;
	wr->num_sge = 0;
	wr->opcode = IBV_WR_BIND_MW;
	wr->send_flags = 0;
	wr->bind_mw.mw = window->mw;
	wr->bind_mw.rkey = window->key;
	wr->bind_mw.bind_info = (struct ibv_mw_bind_info){
		.mr = mr,
		.addr = (uintptr_t)exposure->address,
		.length = exposure->length,
		.mw_access_flags = access,
	};
	verbs_sq_end(endpoint, wr, VERBS_WORK_BIND, window, false);
}

struct verbs_window *verbs_window_bind(struct verbs_endpoint *endpoint,
				       struct vbi_exposure *exposure)
{
	struct verbs_window *window;
	struct ibv_mr *mr;

	if (!endpoint->windows)
		endpoint->windows = calloc(1, sizeof(*endpoint->windows));
	if (!endpoint->windows)
		return NULL;
	drop_freed(endpoint);
	/* Behind messages that wait for room a bind would overtake nothing, but might not fit. */
	if (endpoint->queue || !verbs_sq_room(endpoint))
		return NULL;
	mr = find(endpoint, exposure);
	window = mr ? take(endpoint) : NULL;
	if (!window)
		return NULL;
	/* Keys step at each bind, so that the last call's names nothing any more. */
	window->key = verbs_next_key(window->mw);
	post_bind(endpoint, window, exposure, mr);
	exposure->n_records = 1;
	exposure->records[0] = (struct vbi_record){
		.address = (uintptr_t)exposure->address,
		.length = exposure->length,
		.key = window->key,
		.flags = VERBS_RECORD_WINDOW,
	};
	return window;
}

uint32_t verbs_window_key(const struct verbs_window *window)
{
	return window->key;
}

/* Not earlier: until it is posted, the window's key of before says which window is meant. */
void verbs_window_posted(struct verbs_window *window)
{
	window->mw->rkey = window->key;
}

/* What the device keeps is not given out again: whoever has its key can reach what it is bound to,
 * while the queue pair moves anything. */
static int dealloc(struct verbs_windows *windows, struct verbs_window *window)
{
	int error = verbs_dealloc_mw(window->mw);

	if (error)
		LL_PREPEND(windows->unwilling, window);
	else
		free(window);
	return error;
}

int verbs_window_end(struct verbs_endpoint *endpoint, struct verbs_window *window, bool has_ended)
{
	if (has_ended) {
		LL_PREPEND(endpoint->windows->free, window);
		return 0;
	}
	/* A bind that waits in the chain must not be posted for a window that is gone. */
	verbs_sq_flush(endpoint);
	return dealloc(endpoint->windows, window);
}

void verbs_windows_ask_again(struct verbs_endpoint *endpoint)
{
	struct verbs_windows *windows = endpoint->windows;
	struct verbs_window *window = windows ? windows->unwilling : NULL;
	struct verbs_window *next;

	if (!window)
		return;
	windows->unwilling = NULL;
	LL_FOREACH_SAFE(window, window, next)
		dealloc(windows, window);
}

void verbs_windows_free(struct verbs_endpoint *endpoint)
{
	struct verbs_windows *windows = endpoint->windows;
	struct verbs_window *window, *next;

	if (!windows)
		return;
	LL_FOREACH_SAFE(windows->free, window, next)
		dealloc(windows, window);
	/* Before the registrations that they are bound to. */
	LL_FOREACH_SAFE(windows->unwilling, window, next) {
		verbs_dealloc_mw(window->mw);
		free(window);
	}
	while (windows->named.n)
		drop_named(endpoint, &windows->named.ranges[windows->named.n - 1]);
	verbs_ranges_fini(&windows->named);
	free(windows);
	endpoint->windows = NULL;
}
