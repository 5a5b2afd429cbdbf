/* SPDX-License-Identifier: Apache-2.0 */
/* Where a thread runs and what it has used. */
#ifndef BENCH_CPU_H
#define BENCH_CPU_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Keeps the calling thread on CPU; below 0: leaves it alone. -1 with errno (EINVAL: no such
 * CPU). */
int cpu_pin(int cpu);

/* CPUs this process may run on. */
int cpu_count(void);

/* A hint that this thread waits for memory another one writes: as the runtime does between two
 * looks at a ring. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#endif
}

struct cpu_usage {
	double user_us;
	double system_us;
	uint64_t switches; /* voluntary context switches: times the process slept */
	uint64_t preempted;
	uint64_t faults; /* minor page faults */
};

/* What this process has used until now. */
void cpu_usage(struct cpu_usage *ret_usage);

#ifdef __cplusplus
}
#endif

#endif
