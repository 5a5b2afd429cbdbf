/* SPDX-License-Identifier: Apache-2.0 */
/* The instrument against programs whose counts are known. */
#include "bench/count/step.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/count/decode.h"
#include "bench/cpu.h"
#include "bench/mark.h"
#include "bench/ticks.h"

#define SKIP	      2u
#define CALLS	      10u
/* Lines that a request takes; the answer takes one. */
#define REQUEST_LINES 3u

struct shared {
	_Alignas(64) _Atomic uint64_t there[REQUEST_LINES * 8];
	_Alignas(64) _Atomic uint64_t back;
	_Alignas(64) _Atomic uint64_t unused_line;
};

static struct shared *shared;
static uint64_t turn;
static bool with_syscall;
static bool with_pause;

static void relax(void)
{
	if (with_pause)
		cpu_relax();
}

static int call(void *unused)
{
	unsigned i;

	(void)unused;
	turn++;
	for (i = REQUEST_LINES; i-- > 0;)
		atomic_store_explicit(&shared->there[i * 8], turn, memory_order_release);
	if (with_syscall)
		syscall(SYS_getppid);
	while (atomic_load_explicit(&shared->back, memory_order_acquire) != turn)
		relax();
	return 0;
}

static void serve(void)
{
	uint64_t wanted = 0, sum;
	unsigned i;

	for (;;) {
		wanted++;
		while (atomic_load_explicit(&shared->there[0], memory_order_acquire) != wanted)
			relax();
		for (sum = 0, i = 0; i < REQUEST_LINES; i++)
			sum += shared->there[i * 8];
		(void)ticks_now();
		atomic_store_explicit(&shared->back, sum / REQUEST_LINES, memory_order_release);
	}
}

static pid_t start(bool client)
{
	const struct measure plan = {.calls = SKIP + CALLS};
	struct run run;
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	if (!client)
		serve();
	_exit(mark_calls(&plan, call, NULL, &run) == 0 ? 0 : 1);
}

static void end(pid_t client, pid_t server)
{
	int status;

	/* The client goes on by itself when it is no longer stepped, and finishes. */
	assert_int_equal(waitpid(client, &status, 0), client);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	kill(server, SIGKILL);
	waitpid(server, &status, 0);
}

static void run(struct step_result *ret_result)
{
	pid_t client, server;
	int status;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_true(shared != MAP_FAILED);
	server = start(false);
	client = start(true);
	assert_int_equal(waitpid(client, &status, WUNTRACED), client);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(step_run(client, server, SKIP, CALLS, ret_result), 0);
	end(client, server);
	munmap(shared, sizeof(*shared));
}

static void lines_clock_and_looks_are_counted(void **state)
{
	const struct step_counts *client, *server;
	struct step_result result = {0};

	with_syscall = false;
	with_pause = *state != NULL;
	if (!with_pause && !decoder_sees_memory())
		skip();
	run(&result);
	client = &result.sides[LINES_CLIENT];
	server = &result.sides[LINES_SERVER];
	assert_int_equal(result.calls, CALLS);
	assert_int_equal(client->looks, CALLS);
	assert_int_equal(server->looks, CALLS);
	assert_int_equal(client->clock_reads, 0);
	assert_int_equal(server->clock_reads, CALLS);
	assert_int_equal(client->syscalls, 0);
	assert_int_equal(server->syscalls, 0);
	/* A load, a comparison and a jump at least; no more than a handful. */
	assert_in_range(client->empty_look, 3, 20);
	assert_in_range(server->empty_look, 3, 20);
	assert_in_range(client->instructions / CALLS, 10, 200);
	assert_int_equal(result.lines_known, decoder_sees_memory());
	if (!result.lines_known)
		return;
	assert_int_equal(server->lines, REQUEST_LINES * CALLS);
	assert_int_equal(client->lines, CALLS);
}

static void system_calls_are_counted(void **state)
{
	struct step_result result = {0};

	(void)state;
	with_syscall = true;
	with_pause = true;
	run(&result);
	assert_int_equal(result.sides[LINES_CLIENT].syscalls, CALLS);
	assert_int_equal(result.sides[LINES_SERVER].syscalls, 0);
}

int main(void)
{
	static bool paused;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(lines_clock_and_looks_are_counted, &paused),
		cmocka_unit_test_prestate(lines_clock_and_looks_are_counted, NULL),
		cmocka_unit_test(system_calls_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
