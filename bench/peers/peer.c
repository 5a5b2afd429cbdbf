/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peers/peer.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cpu.h"
#include "bench/measure.h"

void peer_listening(void)
{
	printf("listening\n");
	fflush(stdout);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (end == text || *end)
		errx(2, "'%s' is not a whole number", text);
	return value;
}

static int run_client(const struct peer_program *program, char **words)
{
	struct measure plan = {.calls = number(words[2]), .warmup = number(words[3])};
	uint64_t size = number(words[1]);
	struct cpu_usage before, after;
	uint8_t *request;
	struct run run;

	if (size == 0 || size > PEER_SIZE_MAX || plan.calls == 0)
		errx(2, "a size from 1 to %u and at least one call, please", PEER_SIZE_MAX);
	request = malloc(size);
	if (!request)
		err(1, "%s", program->name);
	memset(request, 'v', size);
	run_init(&run, program->name, size, size);
	if (program->connect(words[0], request, size) < 0) {
		free(request);
		return 1;
	}
	if (measure_warm_up(&plan, program->call, NULL) < 0)
		err(1, "%s", program->name);
	cpu_usage(&before);
	if (measure_run(&plan, program->call, NULL, &run) < 0)
		err(1, "%s", program->name);
	cpu_usage(&after);
	run_cost(&run, "CPU user, us", (after.user_us - before.user_us) / (double)run.calls,
		 __builtin_nan(""));
	run_cost(&run, "CPU system, us", (after.system_us - before.system_us) / (double)run.calls,
		 __builtin_nan(""));
	if (run_save(words[4], &run, 1) < 0)
		err(1, "%s", words[4]);
	free(request);
	return 0;
}

int peer_main(const struct peer_program *program, int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "server") == 0) {
		program->serve(argv[2]);
		return 1;
	}
	if (argc == 7 && strcmp(argv[1], "client") == 0)
		return run_client(program, argv + 2);
	fprintf(stderr,
		"usage: %s server ADDRESS\n"
		"       %s client ADDRESS SIZE CALLS WARMUP JSON\n",
		argv[0], argv[0]);
	return 2;
}
