/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages for this transport's own use and for the application: anonymous, private, zero, whole, and
 * not inherited by a forked child, so that no child ever shares a page that a device reaches.
 */
#ifndef VERBS_MEMORY_H
#define VERBS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vb_memory_options;
struct verbs_memory_budget;

/* SIZE is rounded up to pages. NULL: no memory. */
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

/* Whether LENGTH bytes at ADDRESS lie in one piece that was given out. Any thread. */
bool verbs_memory_is_ours(const void *address, uint64_t length);

#endif
