/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/pattern.h"

#include <string.h>

/* An odd constant spreads neighbouring numbers over all bits; large buffers go by words. */
static uint64_t word_at(uint64_t seed, size_t at)
{
	uint64_t word = (seed * 1000003u + at / 8 + 1) * UINT64_C(0x9e3779b97f4a7c15);

	return word ^ word >> 29;
}

void pattern_fill(void *memory, size_t size, uint64_t seed)
{
	uint8_t *bytes = memory;

	for (size_t at = 0; at < size; at += 8) {
		uint64_t word = word_at(seed, at);

		memcpy(bytes + at, &word, size - at < 8 ? size - at : 8);
	}
}

static bool is_pattern(const void *memory, size_t size, uint64_t seed, uint64_t change)
{
	const uint8_t *bytes = memory;

	for (size_t at = 0; at < size; at += 8) {
		uint64_t word = word_at(seed, at) ^ change;

		if (memcmp(bytes + at, &word, size - at < 8 ? size - at : 8) != 0)
			return false;
	}
	return true;
}

bool pattern_is(const void *memory, size_t size, uint64_t seed)
{
	return is_pattern(memory, size, seed, 0);
}

bool pattern_is_flipped(const void *memory, size_t size, uint64_t seed)
{
	return is_pattern(memory, size, seed, UINT64_MAX);
}

void pattern_flip(void *memory, size_t size)
{
	uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)~bytes[i];
}
