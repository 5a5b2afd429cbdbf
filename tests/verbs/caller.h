/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the scripted client say to each other. */
#ifndef TESTS_VERBS_CALLER_H
#define TESTS_VERBS_CALLER_H

#include <stdint.h>

#include "probe.vb.h"

/* Milliseconds of a clock that only goes on. */
uint64_t caller_now_ms(void);
/* Says that a call, which began at START, has failed with errno. */
void caller_say_failed(const struct vb_conn *conn, const struct probe_peer *peer, uint64_t start);

/* ---- Buffers that are watched (caller_watch.c) ---- */

/*
 * Fills (OUT) or checks a large buffer, again and again, until a call fails; puts something else
 * into the buffer then, and looks at it until SIGTERM, which has been blocked. Says "called" after
 * the first round and, if OUT, "moving" when the bytes of a later one are arriving. Exit status.
 */
int caller_rounds(const struct vb_conn *conn, struct probe_peer *peer, bool out);
/*
 * N calls that fill one of several buffers in turn. What a buffer holds is replaced as its call
 * returns, and looked at when its turn comes again, and at the end. Exit status.
 */
int caller_canaries(const struct vb_conn *conn, struct probe_peer *peer, unsigned long n);

#endif
