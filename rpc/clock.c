/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/clock.h"

uint64_t vbi_clock_monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * VBI_NS_PER_S + (uint64_t)now.tv_nsec;
}
