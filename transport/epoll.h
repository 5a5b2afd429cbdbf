/* SPDX-License-Identifier: Apache-2.0 */
/* epoll_wait() with a time-out in nanoseconds. Any thread. */
#ifndef VBI_EPOLL_H
#define VBI_EPOLL_H

#include <stdint.h>
#include <sys/epoll.h>

/* Waits for at most TIMEOUT_NS; UINT64_MAX: without an end. As epoll_wait(): how many of MAX
 * events, or -1 with errno. Before Linux 5.11 it wakes up to a millisecond later. */
int vbi_epoll_wait(int fd, struct epoll_event *events, int max, uint64_t timeout_ns);

#endif
