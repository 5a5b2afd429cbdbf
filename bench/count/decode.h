/* SPDX-License-Identifier: Apache-2.0 */
/* What one x86-64 instruction does that the stepping instrument counts. Capstone, where it was
 * there at build time, says which memory it touches; the rest is told by the bytes. */
#ifndef BENCH_COUNT_DECODE_H
#define BENCH_COUNT_DECODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

#define DECODE_BYTES_MAX    15u
#define DECODE_ACCESSES_MAX 4u

enum instruction_kind {
	INSTRUCTION_PLAIN,
	INSTRUCTION_PAUSE,
	INSTRUCTION_CLOCK, /* rdtsc, rdtscp */
	INSTRUCTION_SYSCALL,
	INSTRUCTION_TRAP,   /* int3 */
	INSTRUCTION_FENCE,  /* mfence */
	INSTRUCTION_LOCKED, /* lock prefix, or xchg with memory */
};

/* One access to memory: base + index * scale + displacement; registers are capstone's numbers. */
struct instruction_access {
	unsigned base;
	unsigned index;
	int scale;
	int64_t displacement;
	uint32_t size;
	bool read;
	bool write;
};

struct instruction {
	uint64_t executed; /* times; 0 when decoded */
	enum instruction_kind kind;
	uint8_t length; /* bytes; 0: could not be decoded */
	uint8_t n_accesses;
	struct instruction_access accesses[DECODE_ACCESSES_MAX];
};

struct decoder;

/* NULL: no memory. */
struct decoder *decoder_new(void);
void decoder_free(struct decoder *decoder);

/* Whether memory accesses are known. */
bool decoder_sees_memory(void);

/* Decodes the instruction whose bytes begin at CODE (N_BYTES readable) and that stands at ADDRESS.
 */
void decoder_decode(struct decoder *decoder, const uint8_t *code, unsigned n_bytes,
		    uint64_t address, struct instruction *ret_instruction);

/* The address of ACCESS with these registers, before the instruction at ADDRESS, LENGTH bytes long,
 * runs. */
uint64_t instruction_address(const struct instruction_access *access,
			     const struct user_regs_struct *registers, uint64_t address,
			     uint8_t length);

#endif
