/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench/cpu.h"
#include "bench/ticks.h"

#define TEXT_MAX 128

/* The processor's name as /proc/cpuinfo has it. */
static void processor(char *ret_text)
{
	static const char key[] = "model name";
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(ret_text, TEXT_MAX, "unknown processor");
	while (file && fgets(line, sizeof(line), file)) {
		const char *colon = strchr(line, ':');

		if (!colon || memcmp(line, key, sizeof(key) - 1) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(ret_text, TEXT_MAX, "%.100s", colon + 2);
		break;
	}
	if (file)
		fclose(file);
}

double machine_load(void)
{
	double load = 0;

	return getloadavg(&load, 1) == 1 ? load : 0;
}

void machine_print(FILE *out)
{
	struct utsname name = {0};
	char text[TEXT_MAX];

	processor(text);
	uname(&name);
	fprintf(out,
		"%s, %d CPUs, %s %s; the clock steps by %.0f ns and costs %.0f ns a reading pair; "
		"load %.1f\n",
		text, cpu_count(), name.sysname, name.release, ticks_step_ns(), ticks_overhead_ns(),
		machine_load());
}

json_t *machine_to_json(void)
{
	struct utsname name = {0};
	char text[TEXT_MAX];
	json_t *object = json_object();

	processor(text);
	uname(&name);
	json_object_set_new(object, "processor", json_string(text));
	json_object_set_new(object, "cpus", json_integer(cpu_count()));
	json_object_set_new(object, "kernel", json_string(name.release));
	json_object_set_new(object, "clock_step_ns", json_real(ticks_step_ns()));
	json_object_set_new(object, "clock_overhead_ns", json_real(ticks_overhead_ns()));
	json_object_set_new(object, "load", json_real(machine_load()));
	return object;
}
