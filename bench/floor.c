/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/floor.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/cpu.h"
#include "bench/ticks.h"

#define LINE	  64u
/* Bulk begins with a page on both sides: how copies are aligned changes their pace. */
#define PAGE	  4096u
/* Long enough to be far above the clock's step and the loop's own cost. */
#define MEMCPY_NS (20 * UINT64_C(1000000))

/* A cache line that one side writes and the other reads; turn is written last. */
struct line {
	_Alignas(LINE) uint8_t payload[FLOOR_LINE_BYTES];
	_Atomic uint64_t turn;
};

struct arena {
	struct line there;
	struct line back;
};

struct floor_state {
	struct arena *arena;
	uint8_t *there; /* bulk, shared */
	uint8_t *back;
	uint8_t *source; /* the caller's */
	uint64_t size;
	uint64_t turn;
	bool pause;
	int wake_there; /* eventfds of the sleeping floor, else -1 */
	int wake_back;
	uint8_t payload[FLOOR_LINE_BYTES];
};

static void await(const struct floor_state *state, const struct line *line, int fd, uint64_t turn)
{
	uint64_t value;

	if (fd < 0) {
		while (atomic_load_explicit(&line->turn, memory_order_acquire) != turn) {
			if (state->pause)
				cpu_relax();
		}
		return;
	}
	while (atomic_load_explicit(&line->turn, memory_order_acquire) != turn) {
		if (read(fd, &value, sizeof(value)) < 0 && errno != EINTR)
			_exit(1);
	}
}

static void post(struct line *line, int fd, uint64_t turn)
{
	static const uint64_t one = 1;

	atomic_store_explicit(&line->turn, turn, memory_order_release);
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		_exit(1);
}

static void move(struct floor_state *state, uint8_t *payload, struct line *line, uint8_t *bulk,
		 const uint8_t *source)
{
	if (state->size == FLOOR_LINE_BYTES)
		memcpy(line->payload, payload, FLOOR_LINE_BYTES);
	else
		memcpy(bulk, source, state->size);
}

static void take(struct floor_state *state, uint8_t *payload, const struct line *line)
{
	/* Bulk is read in place: what it costs to read is the reader's own work. */
	if (state->size == FLOOR_LINE_BYTES)
		memcpy(payload, line->payload, FLOOR_LINE_BYTES);
}

static int floor_call(void *arg)
{
	struct floor_state *state = arg;
	struct arena *arena = state->arena;

	state->turn++;
	move(state, state->payload, &arena->there, state->there, state->source);
	post(&arena->there, state->wake_there, state->turn);
	await(state, &arena->back, state->wake_back, state->turn);
	take(state, state->payload, &arena->back);
	return 0;
}

/* Answers until it is killed. */
static void answer(struct floor_state *state)
{
	struct arena *arena = state->arena;

	for (;;) {
		state->turn++;
		await(state, &arena->there, state->wake_there, state->turn);
		take(state, state->payload, &arena->there);
		move(state, state->payload, &arena->back, state->back, state->there);
		post(&arena->back, state->wake_back, state->turn);
	}
}

static pid_t start_answering(struct floor_state *state, int cpu)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || cpu_pin(cpu) < 0)
		_exit(1);
	answer(state);
	_exit(1);
}

static int state_open(struct floor_state *state, const struct floor_options *options)
{
	size_t bulk = (options->size + PAGE - 1) & ~(size_t)(PAGE - 1);
	size_t size = PAGE + 2 * bulk;
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		return -1;
	*state = (struct floor_state){
		.arena = (struct arena *)(void *)memory,
		.there = memory + PAGE,
		.back = memory + PAGE + bulk,
		.source = aligned_alloc(PAGE, bulk),
		.size = options->size,
		.pause = options->pause,
		.wake_there = -1,
		.wake_back = -1,
	};
	if (!state->source)
		return -1;
	memset(state->source, 1, options->size);
	if (options->client.wait != WAIT_SLEEP)
		return 0;
	state->wake_there = eventfd(0, EFD_CLOEXEC);
	state->wake_back = eventfd(0, EFD_CLOEXEC);
	return state->wake_there < 0 || state->wake_back < 0 ? -1 : 0;
}

static void state_close(struct floor_state *state, const struct floor_options *options)
{
	size_t bulk = (options->size + PAGE - 1) & ~(size_t)(PAGE - 1);

	if (state->wake_there >= 0)
		close(state->wake_there);
	if (state->wake_back >= 0)
		close(state->wake_back);
	free(state->source);
	if (state->arena)
		munmap(state->arena, PAGE + 2 * bulk);
}

int floor_measure(const struct floor_options *options, struct run *ret_run)
{
	bool sleeping = options->client.wait == WAIT_SLEEP;
	struct floor_state state = {.wake_there = -1, .wake_back = -1};
	int result = -1;
	pid_t pid;

	run_init(ret_run,
		 sleeping			     ? "floor: 32 bytes, eventfd"
		 : options->size == FLOOR_LINE_BYTES ? "floor: 32 bytes through a line"
						     : "floor: one copy each way",
		 options->size, options->size);
	if (state_open(&state, options) < 0)
		goto out;
	pid = start_answering(&state, options->server_cpu);
	if (pid < 0)
		goto out;
	if (cpu_pin(options->client.cpu) == 0 &&
	    measure_warm_up(&options->client.plan, floor_call, &state) == 0)
		result = measure_run(&options->client.plan, floor_call, &state, ret_run);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
out:
	state_close(&state, options);
	return result;
}

double floor_memcpy(uint64_t size)
{
	uint8_t *from = aligned_alloc(LINE, (size + LINE - 1) & ~(uint64_t)(LINE - 1));
	uint8_t *to = aligned_alloc(LINE, (size + LINE - 1) & ~(uint64_t)(LINE - 1));
	uint64_t start, elapsed = 0, bytes = 0;
	double result = -1;
	unsigned i;

	if (!from || !to)
		goto out;
	memset(from, 1, size);
	memset(to, 2, size);
	start = monotonic_ns();
	while (elapsed < MEMCPY_NS) {
		for (i = 0; i < MEASURE_BLOCK; i++) {
			memcpy(to, from, size);
			/* Or the compiler would do it once. */
			__asm__ volatile("" : : "r"(to) : "memory");
			bytes += size;
			if (size > (1u << 20))
				break;
		}
		elapsed = monotonic_ns() - start;
	}
	result = (double)bytes / (double)elapsed;
out:
	free(from);
	free(to);
	return result;
}
