/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/count/step.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "bench/count/code.h"
#include "bench/count/decode.h"
#include "bench/count/maps.h"
#include "bench/ticks.h"

/* A side that executes so many instructions in one turn does not wait by spinning. A call of 64
 * KiB copied by 16 bytes is well below. */
#define TURN_MAX	      (8u << 20)
/* The clock that the two see moves one tick per two instructions: about what they would see if
 * nobody stepped them. */
#define INSTRUCTIONS_PER_TICK 2u
/* Empty looks over which the cost of one is averaged. */
#define EMPTY_LOOKS	      16u

/* Loads of a turn that are remembered, to see that one is repeated: a polling loop has a few. */
#define LOADS 32u

struct load {
	uint64_t instruction;
	uint64_t inode;
	uint64_t offset;
};

/* The turn's loads of shared memory since its last store there. */
struct loads {
	unsigned n;
	struct load entries[LOADS];
};

struct side {
	pid_t pid;
	enum lines_side which;
	struct maps *maps;
	struct code *code; /* decoded instructions by address */
	struct step_counts counts;
	bool traced;
};

struct stepper {
	struct side sides[LINES_SIDES];
	struct lines *lines;
	uint64_t clock; /* instructions executed by both: the made-up clock */
	uint64_t clock_start;
	uint64_t marks;
	bool lines_lost;
};

/* Why a side's turn ended. */
enum turn { TURN_FAILED = -1, TURN_WAIT, TURN_MARK };

/* ---- Attaching ---- */

/* Waits until the traced process has stopped. *RET_SIGNAL: what signal it stopped for, 0 if it was
 * for none (it was interrupted, stopped or continued). */
static int wait_stop(struct side *side, int *ret_signal)
{
	int status;

	while (waitpid(side->pid, &status, __WALL) < 0) {
		if (errno != EINTR)
			return -1;
	}
	if (!WIFSTOPPED(status)) {
		side->traced = false;
		errno = ECHILD;
		return -1;
	}
	*ret_signal = status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
	return 0;
}

static int attach(struct side *side)
{
	int signal_number;

	if (ptrace(PTRACE_SEIZE, side->pid, NULL, NULL) < 0)
		return -1;
	side->traced = true;
	if (ptrace(PTRACE_INTERRUPT, side->pid, NULL, NULL) < 0)
		return -1;
	return wait_stop(side, &signal_number);
}

static void detach(struct side *side)
{
	if (side->traced)
		ptrace(PTRACE_DETACH, side->pid, NULL, NULL);
	side->traced = false;
}

static int side_open(struct side *side, enum lines_side which, pid_t pid)
{
	side->which = which;
	side->pid = pid;
	side->maps = maps_read(pid);
	side->code = code_new(pid);
	if (!side->maps || !side->code)
		return -1;
	if (maps_threads(pid) != 1) {
		errno = EBUSY;
		return -1;
	}
	return 0;
}

static void side_close(struct side *side)
{
	detach(side);
	maps_free(side->maps);
	code_free(side->code);
}

/* ---- One instruction ---- */

/* Runs one instruction of the stopped process. Signals that come by are delivered. */
static int single_step(struct side *side)
{
	int signal_number = 0;

	do {
		if (ptrace(PTRACE_SINGLESTEP, side->pid, NULL, signal_number) < 0)
			return -1;
		if (wait_stop(side, &signal_number) < 0)
			return -1;
	} while (signal_number != SIGTRAP);
	return 0;
}

static int set_clock(struct stepper *stepper, struct side *side)
{
	uint64_t now = stepper->clock_start + stepper->clock / INSTRUCTIONS_PER_TICK;
	struct user_regs_struct registers;

	if (ptrace(PTRACE_GETREGS, side->pid, NULL, &registers) < 0)
		return -1;
	registers.rax = now & 0xffffffff;
	registers.rdx = now >> 32;
	return (int)ptrace(PTRACE_SETREGS, side->pid, NULL, &registers);
}

/* Whether this load has been made before; remembers it. */
static bool load_repeats(struct loads *loads, const struct load *load)
{
	unsigned i, n = loads->n < LOADS ? loads->n : LOADS;

	for (i = 0; i < n; i++) {
		if (memcmp(&loads->entries[i], load, sizeof(*load)) == 0)
			return true;
	}
	loads->entries[loads->n++ % LOADS] = *load;
	return false;
}

/* Whether the instruction, not yet executed, is a poll that has just been made in vain. */
static bool is_repeated_load(const struct side *side, struct loads *loads,
			     const struct instruction *instruction,
			     const struct user_regs_struct *registers)
{
	struct load load = {.instruction = registers->rip};
	bool repeats = false;
	uint8_t i;

	for (i = 0; i < instruction->n_accesses; i++) {
		const struct instruction_access *access = &instruction->accesses[i];

		if (!maps_shared(side->maps,
				 instruction_address(access, registers, registers->rip,
						     instruction->length),
				 &load.inode, &load.offset))
			continue;
		if (access->write)
			loads->n = 0;
		else
			repeats |= load_repeats(loads, &load);
	}
	return repeats;
}

static void count_accesses(struct stepper *stepper, struct side *side,
			   const struct instruction *instruction,
			   const struct user_regs_struct *registers)
{
	uint8_t i;

	for (i = 0; i < instruction->n_accesses; i++) {
		const struct instruction_access *access = &instruction->accesses[i];
		uint64_t address = instruction_address(access, registers, registers->rip,
						       instruction->length);
		uint64_t inode, offset;

		if (!maps_shared(side->maps, address, &inode, &offset))
			continue;
		if (!lines_touch(stepper->lines, side->which, inode, offset, access->size,
				 access->write))
			stepper->lines_lost = true;
	}
}

static void count_kind(struct step_counts *counts, const struct instruction *instruction)
{
	enum instruction_kind kind = instruction->kind;

	counts->instructions++;
	counts->blind += instruction->length == 0;
	counts->clock_reads += kind == INSTRUCTION_CLOCK;
	counts->syscalls += kind == INSTRUCTION_SYSCALL;
	counts->fences += kind == INSTRUCTION_FENCE || kind == INSTRUCTION_LOCKED;
}

static int skip_mark(struct side *side, struct user_regs_struct *registers)
{
	registers->rip++;
	return (int)ptrace(PTRACE_SETREGS, side->pid, NULL, registers);
}

/* Executes and counts the instruction that SIDE stands at. REPEATED: it is the one before once
 * more, as repeated string instructions stop after each repetition. */
static int execute(struct stepper *stepper, struct side *side, struct instruction *instruction,
		   const struct user_regs_struct *registers, bool repeated)
{
	instruction->executed += !repeated;
	if (!repeated)
		count_kind(&side->counts, instruction);
	count_accesses(stepper, side, instruction, registers);
	if (single_step(side) < 0)
		return -1;
	stepper->clock++;
	return instruction->kind == INSTRUCTION_CLOCK ? set_clock(stepper, side) : 0;
}

/* Runs SIDE until it waits, or stands behind a mark. */
static enum turn take_turn(struct stepper *stepper, struct side *side)
{
	struct user_regs_struct registers;
	struct loads loads = {0};
	uint64_t before = 0;
	unsigned i;

	for (i = 0; i < TURN_MAX; i++) {
		struct instruction *instruction;
		bool repeated;

		if (ptrace(PTRACE_GETREGS, side->pid, NULL, &registers) < 0)
			return TURN_FAILED;
		instruction = code_at(side->code, registers.rip);
		if (!instruction)
			return TURN_FAILED;
		if (instruction->kind == INSTRUCTION_TRAP)
			return skip_mark(side, &registers) < 0 ? TURN_FAILED : TURN_MARK;
		repeated = registers.rip == before;
		if (!repeated && is_repeated_load(side, &loads, instruction, &registers))
			break;
		before = registers.rip;
		if (execute(stepper, side, instruction, &registers, repeated) < 0)
			return TURN_FAILED;
		if (instruction->kind == INSTRUCTION_PAUSE)
			break;
	}
	if (i == TURN_MAX) {
		errno = ELOOP;
		return TURN_FAILED;
	}
	side->counts.looks++;
	return TURN_WAIT;
}

/* ---- Calls ---- */

/* Runs both in turns until the client has reached MARKS marks in all. */
static int run_to_mark(struct stepper *stepper, uint64_t marks)
{
	struct side *client = &stepper->sides[LINES_CLIENT];
	struct side *server = &stepper->sides[LINES_SERVER];

	while (stepper->marks < marks) {
		enum turn turn = take_turn(stepper, client);

		if (turn == TURN_FAILED)
			return -1;
		if (turn == TURN_MARK)
			stepper->marks++;
		else if (take_turn(stepper, server) != TURN_WAIT)
			return -1;
	}
	return 0;
}

/* What a look costs that finds nothing: SIDE looks again and again while the other stands. */
static int measure_empty_looks(struct stepper *stepper, struct side *side, uint64_t *ret_cost)
{
	const struct step_counts saved = side->counts;
	unsigned i;

	if (take_turn(stepper, side) != TURN_WAIT)
		return -1;
	side->counts.instructions = 0;
	for (i = 0; i < EMPTY_LOOKS; i++) {
		if (take_turn(stepper, side) != TURN_WAIT)
			return -1;
	}
	*ret_cost = side->counts.instructions / EMPTY_LOOKS;
	side->counts = saved;
	return 0;
}

static int measure_empty(struct stepper *stepper, struct step_result *ret_result)
{
	unsigned i;

	/* The client is between two calls: it waits for the first time when it has sent the next
	 * request, which the server has not seen then. So the client goes first, then the server
	 * finds the request, and then nothing. */
	for (i = 0; i < LINES_SIDES; i++) {
		struct side *side = &stepper->sides[i];

		if (measure_empty_looks(stepper, side, &ret_result->sides[i].empty_look) < 0)
			return -1;
	}
	return 0;
}

static void counts_reset(struct stepper *stepper)
{
	memset(&stepper->sides[LINES_CLIENT].counts, 0, sizeof(struct step_counts));
	memset(&stepper->sides[LINES_SERVER].counts, 0, sizeof(struct step_counts));
	code_reset(stepper->sides[LINES_CLIENT].code);
	code_reset(stepper->sides[LINES_SERVER].code);
	lines_reset(stepper->lines);
}

static int profile_take(const struct side *side, struct profile *profile)
{
	const struct instruction *instruction;
	uint32_t position = 0;
	uint64_t address, within;

	while ((instruction = code_next(side->code, &position, &address))) {
		const char *path = maps_object(side->maps, address, &within);

		if (path && instruction->executed &&
		    profile_add(profile, path, within, instruction->executed) < 0)
			return -1;
	}
	return 0;
}

static int counts_take(struct stepper *stepper, uint64_t calls, struct step_result *ret_result)
{
	unsigned i;

	ret_result->calls = calls;
	ret_result->lines_known = decoder_sees_memory() && !stepper->lines_lost;
	for (i = 0; i < LINES_SIDES; i++) {
		uint64_t empty_look = ret_result->sides[i].empty_look;

		ret_result->sides[i] = stepper->sides[i].counts;
		ret_result->sides[i].empty_look = empty_look;
		ret_result->sides[i].lines = lines_moved_to(stepper->lines, i);
		if (ret_result->profiles[i] &&
		    profile_take(&stepper->sides[i], ret_result->profiles[i]) < 0)
			return -1;
	}
	return 0;
}

/* Stops both where counting can begin: the client stopped itself, the server spins. */
static int attach_both(struct stepper *stepper)
{
	struct side *client = &stepper->sides[LINES_CLIENT];
	struct side *server = &stepper->sides[LINES_SERVER];

	if (attach(client) < 0 || attach(server) < 0)
		return -1;
	if (kill(client->pid, SIGCONT) < 0)
		return -1;
	/* The server finishes what it was at, so that its first counted turn begins with a look. */
	return take_turn(stepper, server) == TURN_WAIT ? 0 : -1;
}

static int step_calls(struct stepper *stepper, uint64_t skip, uint64_t calls,
		      struct step_result *ret_result)
{
	/* Marks: one before each call. The empty looks are measured in the first call. */
	if (attach_both(stepper) < 0 || run_to_mark(stepper, 1) < 0 ||
	    measure_empty(stepper, ret_result) < 0 || run_to_mark(stepper, skip + 1) < 0)
		return -1;
	counts_reset(stepper);
	if (run_to_mark(stepper, skip + calls + 1) < 0)
		return -1;
	return counts_take(stepper, calls, ret_result);
}

int step_run(pid_t client, pid_t server, uint64_t skip, uint64_t calls,
	     struct step_result *ret_result)
{
	struct stepper stepper = {.clock_start = ticks_now(), .lines = lines_new()};
	int result = -1, errnum;

	if (stepper.lines && side_open(&stepper.sides[LINES_CLIENT], LINES_CLIENT, client) == 0 &&
	    side_open(&stepper.sides[LINES_SERVER], LINES_SERVER, server) == 0)
		result = step_calls(&stepper, skip, calls, ret_result);
	errnum = errno;
	side_close(&stepper.sides[LINES_CLIENT]);
	side_close(&stepper.sides[LINES_SERVER]);
	lines_free(stepper.lines);
	errno = errnum;
	return result;
}
