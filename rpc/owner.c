/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/owner.h"

#include <pthread.h>

_Thread_local uint64_t vbi_owner_token;

static uint64_t last_token;

static uint64_t next_token(void)
{
	return __atomic_add_fetch(&last_token, 1, __ATOMIC_RELAXED);
}

/* Only the forking thread lives on in the child; its old token was the parent's. */
static void child_after_fork(void)
{
	vbi_owner_token = next_token();
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, child_after_fork);
}

uint64_t vbi_owner_take(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_forks);
	if (vbi_owner_token == 0)
		vbi_owner_token = next_token();
	return vbi_owner_token;
}
