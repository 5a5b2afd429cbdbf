/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that forks others and does nothing else: what it forks has the memory of the moment in
 * which it was opened, in which nothing had been used yet.
 */
#ifndef E2E_NURSERY_H
#define E2E_NURSERY_H

#include <stddef.h>
#include <sys/types.h>

/* Opens the nursery of this process, once, before it uses any library that forks badly. Orphans
 * below this process become its children from now on. */
void nursery_open(void);

/* Where a child finds the descriptor that it was given. */
#define NURSERY_FD 9

/* A child of this process that runs WORK on a copy of SIZE bytes at CONTEXT and exits with what it
 * returns. FD is its NURSERY_FD; -1: none. */
pid_t nursery_spawn(int (*work)(void *context), const void *context, size_t size, int fd);

#endif
