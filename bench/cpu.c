/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cpu.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

int cpu_pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	if (cpu >= CPU_SETSIZE) {
		errno = EINVAL;
		return -1;
	}
	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

int cpu_count(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return CPU_COUNT(&set);
}

static double timeval_us(const struct timeval *time)
{
	return (double)time->tv_sec * 1e6 + (double)time->tv_usec;
}

void cpu_usage(struct cpu_usage *ret_usage)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	ret_usage->user_us = timeval_us(&usage.ru_utime);
	ret_usage->system_us = timeval_us(&usage.ru_stime);
	ret_usage->switches = (uint64_t)usage.ru_nvcsw;
	ret_usage->preempted = (uint64_t)usage.ru_nivcsw;
	ret_usage->faults = (uint64_t)usage.ru_minflt;
}
