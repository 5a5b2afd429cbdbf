/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages for this transport's own use and for the application: anonymous, private, zero, whole, and
 * no page that a device reaches is ever shared with a forked child.
 */
#ifndef VERBS_MEMORY_H
#define VERBS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vb_memory_options;
struct verbs_endpoint;
struct verbs_memory_budget;

/* Memory that the application has named: allocated here, or registered for an endpoint. */
struct verbs_named {
	void *address;
	uint64_t size;	 /* bytes, all of it */
	uint64_t serial; /* no other has it, ever */
};

/*
 * SIZE is rounded up to pages. A forked child finds zeroes at their place, and pages of its own: a
 * stub writes its arguments before anybody asks whose connection it is, and must be able to in a
 * child, where the call then fails. NULL: no memory.
 */
void *verbs_pages_alloc(size_t size);
/* SIZE as for verbs_pages_alloc(). */
void verbs_pages_free(void *memory, size_t size);

/*
 * What one connection may give out to the application. It outlives the connection in what was.
 * NULL: no memory.
 */
struct verbs_memory_budget *verbs_memory_budget_create(uint64_t max);
/* The connection is gone. NULL is ignored. */
void verbs_memory_budget_drop(struct verbs_memory_budget *budget);

/* Memory for the application, within the budget; OPTIONS may be NULL. NULL: no memory. */
void *verbs_memory_alloc_within(struct verbs_memory_budget *budget, size_t size,
				const struct vb_memory_options *options);

/* The memory that LENGTH bytes at ADDRESS lie in; false: in none that has a name. */
bool verbs_memory_named(const struct verbs_endpoint *endpoint, const void *address, uint64_t length,
			struct verbs_named *ret);
/* How often memory that was given out has been freed, on any thread: until that changes, what had a
 * name has it still, unless its endpoint has taken it away. */
uint64_t verbs_memory_freed(void);

#endif
