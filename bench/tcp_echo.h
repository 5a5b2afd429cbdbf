/* SPDX-License-Identifier: Apache-2.0 */
/* What no RPC over TCP can beat: bytes echoed between two processes over a socket of the loopback
 * device, waiting in the same way. */
#ifndef BENCH_TCP_ECHO_H
#define BENCH_TCP_ECHO_H

#include "bench/floor.h"

/* As floor_measure(): WAIT_SPIN reads without blocking until there is something, WAIT_SLEEP blocks
 * in the kernel. -1 with errno. */
int tcp_echo_measure(const struct floor_options *options, struct run *ret_run);

#endif
