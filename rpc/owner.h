/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may touch an object: the thread that made it, in the process that made it.
 *
 * Each thread has a token that no other thread has, and fork() gives the child's thread a new one.
 * So one comparison at the door tells a foreign thread and a forked child alike.
 */
#ifndef VBI_OWNER_H
#define VBI_OWNER_H

#include <stdbool.h>
#include <stdint.h>

/* 0: this thread has none yet. Initial-exec: one load instead of a call from a shared library. */
extern _Thread_local uint64_t vbi_owner_token __attribute__((tls_model("initial-exec")));

/* The calling thread's token, never 0. */
uint64_t vbi_owner_take(void);

static inline bool vbi_owner_is(uint64_t token)
{
	return __builtin_expect(token == vbi_owner_token, 1);
}

#endif
