/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/count/decode.h"

#include <stdlib.h>
#include <string.h>

#ifdef HAVE_CAPSTONE
#include <capstone/capstone.h>
#endif

struct decoder {
#ifdef HAVE_CAPSTONE
	csh handle;
	cs_insn *insn;
#else
	char unused;
#endif
};

static bool starts_with(const uint8_t *code, unsigned n_bytes, const char *wanted, unsigned length)
{
	return n_bytes >= length && memcmp(code, wanted, length) == 0;
}

static enum instruction_kind kind_of(const uint8_t *code, unsigned n_bytes)
{
	if (starts_with(code, n_bytes, "\xf3\x90", 2))
		return INSTRUCTION_PAUSE;
	if (starts_with(code, n_bytes, "\x0f\x31", 2) ||
	    starts_with(code, n_bytes, "\x0f\x01\xf9", 3))
		return INSTRUCTION_CLOCK;
	if (starts_with(code, n_bytes, "\x0f\x05", 2))
		return INSTRUCTION_SYSCALL;
	if (starts_with(code, n_bytes, "\xcc", 1))
		return INSTRUCTION_TRAP;
	if (starts_with(code, n_bytes, "\x0f\xae\xf0", 3))
		return INSTRUCTION_FENCE;
	if (starts_with(code, n_bytes, "\xf0", 1))
		return INSTRUCTION_LOCKED;
	/* xchg with a memory operand (mod not 3) locks without saying so; 0x40-0x4f is REX. */
	if (n_bytes > 1 && (code[0] & 0xf0) == 0x40) {
		code++;
		n_bytes--;
	}
	if (n_bytes > 1 && (code[0] == 0x86 || code[0] == 0x87) && code[1] < 0xc0)
		return INSTRUCTION_LOCKED;
	return INSTRUCTION_PLAIN;
}

#ifdef HAVE_CAPSTONE

bool decoder_sees_memory(void)
{
	return true;
}

struct decoder *decoder_new(void)
{
	struct decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return NULL;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &decoder->handle) != CS_ERR_OK)
		goto no_handle;
	cs_option(decoder->handle, CS_OPT_DETAIL, CS_OPT_ON);
	decoder->insn = cs_malloc(decoder->handle);
	if (decoder->insn)
		return decoder;
	cs_close(&decoder->handle);
no_handle:
	free(decoder);
	return NULL;
}

void decoder_free(struct decoder *decoder)
{
	if (!decoder)
		return;
	cs_free(decoder->insn, 1);
	cs_close(&decoder->handle);
	free(decoder);
}

/* These have a memory operand and touch no memory. */
static bool touches_nothing(unsigned id)
{
	switch (id) {
	case X86_INS_LEA:
	case X86_INS_NOP:
	case X86_INS_PREFETCH:
	case X86_INS_PREFETCHW:
	case X86_INS_PREFETCHNTA:
	case X86_INS_PREFETCHT0:
	case X86_INS_PREFETCHT1:
	case X86_INS_PREFETCHT2:
		return true;
	default:
		return false;
	}
}

/* Capstone 4 takes the target of vector moves for a source, or says nothing of it. A move writes
 * its first operand and reads the other, whatever kind of move it is. */
static bool is_move(const char *mnemonic)
{
	return memcmp(mnemonic, "mov", 3) == 0 || memcmp(mnemonic, "vmov", 4) == 0;
}

static void add_access(struct instruction *instruction, const cs_insn *insn,
		       const cs_x86_op *operand, bool first)
{
	struct instruction_access *access = &instruction->accesses[instruction->n_accesses++];

	*access = (struct instruction_access){
		.base = operand->mem.base,
		.index = operand->mem.index,
		.scale = operand->mem.scale,
		.displacement = operand->mem.disp,
		.size = operand->size ? operand->size : 1,
		.read = operand->access & CS_AC_READ,
		.write = operand->access & CS_AC_WRITE,
	};
	if (is_move(insn->mnemonic) || (!access->read && !access->write)) {
		access->write = first;
		access->read = !first;
	}
}

void decoder_decode(struct decoder *decoder, const uint8_t *code, unsigned n_bytes,
		    uint64_t address, struct instruction *ret_instruction)
{
	const uint8_t *at = code;
	size_t left = n_bytes;
	uint64_t where = address;
	const cs_x86 *detail;
	uint8_t i;

	*ret_instruction = (struct instruction){.kind = kind_of(code, n_bytes)};
	if (!cs_disasm_iter(decoder->handle, &at, &left, &where, decoder->insn))
		return;
	ret_instruction->length = (uint8_t)decoder->insn->size;
	if (touches_nothing(decoder->insn->id))
		return;
	detail = &decoder->insn->detail->x86;
	for (i = 0; i < detail->op_count; i++) {
		const cs_x86_op *operand = &detail->operands[i];

		/* fs and gs lead to a thread's own memory. */
		if (operand->type != X86_OP_MEM || operand->mem.segment == X86_REG_FS ||
		    operand->mem.segment == X86_REG_GS ||
		    ret_instruction->n_accesses == DECODE_ACCESSES_MAX)
			continue;
		add_access(ret_instruction, decoder->insn, operand, i == 0);
	}
}

static uint64_t register_value(const struct user_regs_struct *registers, unsigned number,
			       uint64_t next)
{
	switch (number) {
	case X86_REG_RAX:
		return registers->rax;
	case X86_REG_RBX:
		return registers->rbx;
	case X86_REG_RCX:
		return registers->rcx;
	case X86_REG_RDX:
		return registers->rdx;
	case X86_REG_RSI:
		return registers->rsi;
	case X86_REG_RDI:
		return registers->rdi;
	case X86_REG_RBP:
		return registers->rbp;
	case X86_REG_RSP:
		return registers->rsp;
	case X86_REG_R8:
		return registers->r8;
	case X86_REG_R9:
		return registers->r9;
	case X86_REG_R10:
		return registers->r10;
	case X86_REG_R11:
		return registers->r11;
	case X86_REG_R12:
		return registers->r12;
	case X86_REG_R13:
		return registers->r13;
	case X86_REG_R14:
		return registers->r14;
	case X86_REG_R15:
		return registers->r15;
	case X86_REG_RIP:
		return next;
	default:
		return 0;
	}
}

uint64_t instruction_address(const struct instruction_access *access,
			     const struct user_regs_struct *registers, uint64_t address,
			     uint8_t length)
{
	uint64_t next = address + length;

	return register_value(registers, access->base, next) +
	       register_value(registers, access->index, next) * (uint64_t)(int64_t)access->scale +
	       (uint64_t)access->displacement;
}

#else

bool decoder_sees_memory(void)
{
	return false;
}

struct decoder *decoder_new(void)
{
	return calloc(1, sizeof(struct decoder));
}

void decoder_free(struct decoder *decoder)
{
	free(decoder);
}

void decoder_decode(struct decoder *decoder, const uint8_t *code, unsigned n_bytes,
		    uint64_t address, struct instruction *ret_instruction)
{
	(void)decoder;
	(void)address;
	*ret_instruction = (struct instruction){.kind = kind_of(code, n_bytes)};
}

uint64_t instruction_address(const struct instruction_access *access,
			     const struct user_regs_struct *registers, uint64_t address,
			     uint8_t length)
{
	(void)access;
	(void)registers;
	(void)address;
	(void)length;
	return 0;
}

#endif
