// SPDX-License-Identifier: Apache-2.0
#include "rt.h"

#include <sched.h>

#define MEMORY_MAX (8u << 20)
#define GUARD_SIZE 16u
#define GUARD	   0xc3

/* How often a call that has returned may be looked for at the service before it counts as lost. */
#define AWAIT_MAX 100000000u

static struct rt_state alone;
struct rt_state *rt_shared = &alone;

static _Alignas(16) uint8_t memory[MEMORY_MAX];
static size_t memory_used;

uint64_t rt_mix(uint64_t seed, uint64_t index)
{
	uint64_t x = seed + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Blocks lie behind each other: their guards are found by their sizes, kept in front. */
void *rt_alloc(uint64_t size)
{
	const size_t whole = (16 + size + GUARD_SIZE + 15) & ~(size_t)15;
	uint8_t *const block = memory + memory_used;

	RT_CHECK(whole <= MEMORY_MAX - memory_used);
	memory_used += whole;
	memcpy(block, &size, sizeof(size));
	memset(block + 16 + size, GUARD, GUARD_SIZE);
	return block + 16;
}

void rt_reset(void)
{
	size_t at = 0;

	while (at < memory_used) {
		uint64_t size;

		memcpy(&size, memory + at, sizeof(size));
		RT_CHECK(rt_is_filled(memory + at + 16 + size, GUARD_SIZE, GUARD));
		at += (16 + size + GUARD_SIZE + 15) & ~(size_t)15;
	}
	memory_used = 0;
}

const char *rt_string(uint64_t seed, uint32_t bound)
{
	const uint64_t size = rt_mix(seed, 0) % ((uint64_t)bound + 1);
	char *const string = rt_alloc(size + 1);

	for (uint64_t i = 0; i < size; i++)
		string[i] = (char)(1 + rt_mix(seed, i + 1) % 255);
	string[size] = 0;
	return string;
}

void *rt_bytes(uint64_t seed, uint64_t size)
{
	uint8_t *const bytes = rt_alloc(size);

	for (uint64_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)rt_mix(seed, i);
	return bytes;
}

bool rt_is_filled(const void *place, size_t size, uint8_t with)
{
	const uint8_t *const bytes = place;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != with)
			return false;
	return true;
}

void rt_begin(void)
{
	if (rt.is_remote)
		rt_reset();
}

void rt_handled(void)
{
	__atomic_add_fetch(&rt.n_handled, 1, __ATOMIC_RELEASE);
}

void rt_await(unsigned n)
{
	for (unsigned i = 0; i < AWAIT_MAX && rt.is_remote; i++) {
		if (__atomic_load_n(&rt.n_handled, __ATOMIC_ACQUIRE) == n)
			return;
		sched_yield();
	}
	RT_CHECK(rt.n_handled == n);
}
