/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/count/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ADDRESS 0x1000
#define RDI	0x10000
#define RSI	0x20000
#define RCX	4

enum way { NEITHER, READ = 1, WRITE = 2, BOTH = 3 };

static const struct {
	const char *text;
	const char *code;
	uint8_t length;
	enum instruction_kind kind;
	enum way way;
	uint32_t size;
	uint64_t address;
} cases[] = {
	{"nop", "\x90", 1, INSTRUCTION_PLAIN, NEITHER, 0, 0},
	{"pause", "\xf3\x90", 2, INSTRUCTION_PAUSE, NEITHER, 0, 0},
	{"rdtsc", "\x0f\x31", 2, INSTRUCTION_CLOCK, NEITHER, 0, 0},
	{"rdtscp", "\x0f\x01\xf9", 3, INSTRUCTION_CLOCK, NEITHER, 0, 0},
	{"syscall", "\x0f\x05", 2, INSTRUCTION_SYSCALL, NEITHER, 0, 0},
	{"int3", "\xcc", 1, INSTRUCTION_TRAP, NEITHER, 0, 0},
	{"mfence", "\x0f\xae\xf0", 3, INSTRUCTION_FENCE, NEITHER, 0, 0},
	{"mov rax, [rdi]", "\x48\x8b\x07", 3, INSTRUCTION_PLAIN, READ, 8, RDI},
	{"mov [rdi + 8], eax", "\x89\x47\x08", 3, INSTRUCTION_PLAIN, WRITE, 4, RDI + 8},
	{"mov rax, [rdi + rcx * 8]", "\x48\x8b\x04\xcf", 4, INSTRUCTION_PLAIN, READ, 8,
	 RDI + RCX * 8},
	{"mov rax, [rip + 16]", "\x48\x8b\x05\x10\x00\x00\x00", 7, INSTRUCTION_PLAIN, READ, 8,
	 ADDRESS + 7 + 16},
	{"lea rax, [rdi]", "\x48\x8d\x07", 3, INSTRUCTION_PLAIN, NEITHER, 0, 0},
	{"movups [rdi], xmm0", "\x0f\x11\x07", 3, INSTRUCTION_PLAIN, WRITE, 16, RDI},
	{"vmovdqu [rdi], ymm0", "\xc5\xfe\x7f\x07", 4, INSTRUCTION_PLAIN, WRITE, 32, RDI},
	{"vmovdqu ymm0, [rsi]", "\xc5\xfe\x6f\x06", 4, INSTRUCTION_PLAIN, READ, 32, RSI},
	{"add [rdi], eax", "\x01\x07", 2, INSTRUCTION_PLAIN, BOTH, 4, RDI},
	{"cmp [rdi], eax", "\x39\x07", 2, INSTRUCTION_PLAIN, READ, 4, RDI},
	{"lock xadd [rdi], eax", "\xf0\x0f\xc1\x07", 4, INSTRUCTION_LOCKED, BOTH, 4, RDI},
	{"xchg [rdi], eax", "\x87\x07", 2, INSTRUCTION_LOCKED, BOTH, 4, RDI},
	{"xchg [rdi], rax", "\x48\x87\x07", 3, INSTRUCTION_LOCKED, BOTH, 8, RDI},
	{"mov rax, fs:[rdi]", "\x64\x48\x8b\x07", 4, INSTRUCTION_PLAIN, NEITHER, 0, 0},
};

static void decode(const char *code, uint8_t length, struct instruction *ret_instruction)
{
	struct decoder *decoder = decoder_new();

	assert_non_null(decoder);
	decoder_decode(decoder, (const uint8_t *)code, length, ADDRESS, ret_instruction);
	decoder_free(decoder);
}

static void kinds_are_told_by_the_bytes(void **state)
{
	struct instruction instruction;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		decode(cases[i].code, cases[i].length, &instruction);
		if (instruction.kind != cases[i].kind)
			fail_msg("%s: kind %d", cases[i].text, (int)instruction.kind);
	}
}

static void memory_is_found(void **state)
{
	const struct user_regs_struct registers = {.rdi = RDI, .rsi = RSI, .rcx = RCX};
	struct instruction instruction;
	size_t i;

	(void)state;
	if (!decoder_sees_memory())
		skip();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct instruction_access *access = &instruction.accesses[0];

		decode(cases[i].code, cases[i].length, &instruction);
		if (instruction.length != cases[i].length ||
		    instruction.n_accesses != (cases[i].way != NEITHER))
			fail_msg("%s: %u bytes, %u accesses", cases[i].text, instruction.length,
				 instruction.n_accesses);
		if (cases[i].way == NEITHER)
			continue;
		if (access->read != ((cases[i].way & READ) != 0) ||
		    access->write != ((cases[i].way & WRITE) != 0) || access->size != cases[i].size)
			fail_msg("%s: read %d, write %d, %u bytes", cases[i].text, access->read,
				 access->write, access->size);
		assert_int_equal(instruction_address(access, &registers, ADDRESS,
						     instruction.length),
				 cases[i].address);
	}
}

static void a_string_move_has_two_ends(void **state)
{
	struct instruction instruction;

	(void)state;
	if (!decoder_sees_memory())
		skip();
	decode("\xf3\xa4", 2, &instruction); /* rep movsb */
	assert_int_equal(instruction.n_accesses, 2);
	assert_true(instruction.accesses[0].write);
	assert_false(instruction.accesses[0].read);
	assert_true(instruction.accesses[1].read);
	assert_false(instruction.accesses[1].write);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_told_by_the_bytes),
		cmocka_unit_test(memory_is_found),
		cmocka_unit_test(a_string_move_has_two_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
