/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/windows.h"

#include <stdbool.h>
#include <string.h>

#define NONE UINT16_MAX

static void push(struct shm_windows *windows, uint32_t block, unsigned order)
{
	windows->blocks[block].next = windows->free[order];
	windows->blocks[block].order = (uint8_t)order;
	windows->blocks[block].is_free = true;
	windows->free[order] = (uint16_t)block;
}

static uint32_t pop(struct shm_windows *windows, unsigned order)
{
	uint32_t block = windows->free[order];

	windows->free[order] = windows->blocks[block].next;
	windows->blocks[block].is_free = false;
	return block;
}

void shm_windows_init(struct shm_windows *windows)
{
	memset(windows->free, 0xff, sizeof(windows->free));
	memset(windows->blocks, 0, sizeof(windows->blocks));
	push(windows, 0, SHM_WINDOWS_ORDERS - 1);
	windows->n_free_bytes = SHM_WINDOWS_SIZE;
}

static bool is_free_of(const struct shm_windows *windows, uint32_t block, unsigned order)
{
	return windows->blocks[block].is_free && windows->blocks[block].order == order;
}

/* Joins all halves of which both are free. */
static void merge(struct shm_windows *windows)
{
	for (unsigned order = 0; order < SHM_WINDOWS_ORDERS - 1; order++) {
		uint32_t half = 1u << order;

		for (uint32_t block = 0; block < SHM_WINDOWS_BLOCKS; block += 2 * half) {
			if (!is_free_of(windows, block, order) ||
			    !is_free_of(windows, block + half, order))
				continue;
			windows->blocks[block].order = (uint8_t)(order + 1);
			windows->blocks[block + half].is_free = false;
		}
	}
	memset(windows->free, 0xff, sizeof(windows->free));
	for (uint32_t block = SHM_WINDOWS_BLOCKS; block-- > 0;)
		if (windows->blocks[block].is_free)
			push(windows, block, windows->blocks[block].order);
}

/* The smallest order that has a free block of at least ORDER. */
static unsigned find(const struct shm_windows *windows, unsigned order)
{
	while (order < SHM_WINDOWS_ORDERS && windows->free[order] == NONE)
		order++;
	return order;
}

uint32_t shm_windows_get(struct shm_windows *windows, unsigned shift)
{
	unsigned wanted = shift - SHM_WINDOW_SHIFT_MIN;
	unsigned order = find(windows, wanted);
	uint32_t block;

	if (order == SHM_WINDOWS_ORDERS) {
		merge(windows);
		order = find(windows, wanted);
		if (order == SHM_WINDOWS_ORDERS)
			return UINT32_MAX;
	}
	block = pop(windows, order);
	while (order > wanted) {
		order--;
		push(windows, block + (1u << order), order);
	}
	windows->n_free_bytes -= 1u << shift;
	return block << SHM_WINDOW_SHIFT_MIN;
}

void shm_windows_put(struct shm_windows *windows, uint32_t offset, unsigned shift)
{
	push(windows, offset >> SHM_WINDOW_SHIFT_MIN, shift - SHM_WINDOW_SHIFT_MIN);
	windows->n_free_bytes += 1u << shift;
}
