/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/mark.h"

#include <signal.h>
#include <stdlib.h>

bool mark_wanted(void)
{
	return getenv(MARK_VARIABLE) != NULL;
}

static inline void mark(void)
{
#if defined(__x86_64__)
	__asm__ volatile("int3" ::: "memory");
#else
	raise(SIGTRAP);
#endif
}

int mark_calls(const struct measure *plan, measure_fn *function, void *arg, struct run *ret_run)
{
	uint64_t i;

	raise(SIGSTOP);
	for (i = 0; i < plan->calls; i++) {
		mark();
		if (function(arg) < 0)
			return -1;
	}
	mark();
	ret_run->calls = plan->calls;
	return 0;
}
