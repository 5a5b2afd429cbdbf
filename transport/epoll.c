/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/epoll.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "transport/clock.h"

/* By the millisecond, rounded up: who wakes too early only sleeps again. */
static int wait_ms(int fd, struct epoll_event *events, int max, uint64_t timeout_ns)
{
	uint64_t ms = timeout_ns / TICK_NS_PER_MS + 1;

	return epoll_wait(fd, events, max, ms > INT32_MAX ? -1 : (int)ms);
}

int vbi_epoll_wait(int fd, struct epoll_event *events, int max, uint64_t timeout_ns)
{
	/* The kernel, or an emulator, has no epoll_pwait2(): asked once, not at each sleep. */
	static atomic_bool is_missing;
	const struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / TICK_NS_PER_S),
		.tv_nsec = (long)(timeout_ns % TICK_NS_PER_S),
	};
	int n;

	if (atomic_load_explicit(&is_missing, memory_order_relaxed))
		return wait_ms(fd, events, max, timeout_ns);
	n = epoll_pwait2(fd, events, max, timeout_ns == UINT64_MAX ? NULL : &timeout, NULL);
	if (n >= 0 || errno != ENOSYS)
		return n;
	atomic_store_explicit(&is_missing, true, memory_order_relaxed);
	return wait_ms(fd, events, max, timeout_ns);
}
