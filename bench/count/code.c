/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/count/code.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

#define SLOTS (2 * CODE_MAX)
#define PAGE  4096u

struct slot {
	uint64_t address; /* 0: free */
	struct instruction instruction;
};

struct code {
	pid_t pid;
	uint32_t n;
	struct decoder *decoder;
	struct slot *slots;
};

struct code *code_new(pid_t pid)
{
	struct code *code = calloc(1, sizeof(*code));

	if (!code)
		return NULL;
	code->pid = pid;
	code->decoder = decoder_new();
	code->slots = calloc(SLOTS, sizeof(*code->slots));
	if (code->decoder && code->slots)
		return code;
	code_free(code);
	return NULL;
}

void code_free(struct code *code)
{
	if (!code)
		return;
	decoder_free(code->decoder);
	free(code->slots);
	free(code);
}

/* Reads the bytes at ADDRESS; the page behind them may not be there. */
static unsigned read_code(pid_t pid, uint64_t address, uint8_t *bytes)
{
	size_t wanted = DECODE_BYTES_MAX, to_page_end = PAGE - address % PAGE;
	struct iovec local = {.iov_base = bytes, .iov_len = wanted};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = wanted};
	ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (got <= 0 && to_page_end < wanted) {
		local.iov_len = remote.iov_len = to_page_end;
		got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
	}
	return got > 0 ? (unsigned)got : 0;
}

struct instruction *code_at(struct code *code, uint64_t address)
{
	uint32_t at = (uint32_t)((address * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & (SLOTS - 1);
	uint8_t bytes[DECODE_BYTES_MAX];
	struct slot *slot;
	unsigned n_bytes;

	for (;;) {
		slot = &code->slots[at];
		if (slot->address == address)
			return &slot->instruction;
		if (slot->address == 0)
			break;
		at = (at + 1) & (SLOTS - 1);
	}
	if (code->n == CODE_MAX) {
		errno = ENOSPC;
		return NULL;
	}
	n_bytes = read_code(code->pid, address, bytes);
	if (n_bytes == 0) {
		errno = EFAULT;
		return NULL;
	}
	decoder_decode(code->decoder, bytes, n_bytes, address, &slot->instruction);
	slot->address = address;
	code->n++;
	return &slot->instruction;
}

void code_reset(struct code *code)
{
	uint32_t i;

	for (i = 0; i < SLOTS; i++)
		code->slots[i].instruction.executed = 0;
}

const struct instruction *code_next(const struct code *code, uint32_t *position,
				    uint64_t *ret_address)
{
	while (*position < SLOTS) {
		const struct slot *slot = &code->slots[(*position)++];

		if (slot->address) {
			*ret_address = slot->address;
			return &slot->instruction;
		}
	}
	return NULL;
}
