/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server takes its messages from a ring, and its bulk records, words and counters from memory,
 * that the input has written. Input: records of 16 bytes, each a little-endian word of what to do
 * (below) and one of what to write.
 *
 * First word: bits 0-2: 0 to 3: write the second word to the ring at the line of bits 3-18; 4: into
 * a slot, bits 3-6 which and 7-10 which word of it; 5: into the control words at bits 3-7; 6: a
 * message with a bulk record that the second word makes; 7: let the server look.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "transport/shm/shm.h"
#include "transport/shm/slot.h"

#define ARENA (1u << 20)
#define SLOTS 16u

struct target {
	struct vbi_domain *domain;
	struct shm_endpoint *endpoint; /* NULL: it has failed */
	struct vb_stats stats;
	uint8_t *base; /* as the client has it mapped */
	uint64_t line; /* of the next whole message */
	struct vbi_transfer transfers[SLOTS];
	bool busy[SLOTS];
	uint8_t local[SLOTS][8192];
};

static struct target target;

static void done(struct vbi_transfer *transfer, int status)
{
	FUZZ_REQUIRE(status <= 0);
	FUZZ_REQUIRE(target.busy[transfer - target.transfers]);
	target.busy[transfer - target.transfers] = false;
}

/* Starts what a record asks for, if its place is free. */
static void serve(const uint8_t *data)
{
	struct vbi_transfer *transfer;
	struct vbi_record record;
	unsigned i;

	memcpy(&record, data + VBI_MESSAGE_MIN, sizeof(record));
	i = record.key % SLOTS;
	transfer = &target.transfers[i];
	if (target.busy[i])
		return;
	if (vbi_shm.map(&target.endpoint->base, &record, VBI_REMOTE_READ)) {
		vbi_shm.unmap(&target.endpoint->base, &record, VBI_REMOTE_READ);
		return;
	}
	*transfer = (struct vbi_transfer){
		.record = record,
		.local = target.local[i],
		.length = record.length < sizeof(target.local[i]) ? record.length
								  : sizeof(target.local[i]),
		.done = done,
	};
	target.busy[i] = true;
	if ((record.key & 1 ? vbi_shm.pull : vbi_shm.push)(&target.endpoint->base, transfer) < 0)
		target.busy[i] = false;
}

static void received(void *owner, struct vbi_message *message)
{
	uint32_t length;

	(void)owner;
	memcpy(&length, message->data, sizeof(length));
	FUZZ_REQUIRE(length == message->length && length >= VBI_MESSAGE_MIN && length <= 8192);
	if (length >= VBI_MESSAGE_MIN + sizeof(struct vbi_record))
		serve(message->data);
	vbi_shm.release(&target.endpoint->base, message);
}

static void failed(void *owner, const struct vbi_cause *cause)
{
	(void)owner;
	FUZZ_REQUIRE(cause->errnum > 0 && cause->sentence[0]);
	vbi_shm.close(&target.endpoint->base);
	target.endpoint = NULL;
}

static const struct vbi_events events = {.received = received, .failed = failed};

/* A live connection without a socket: what the rendezvous would have made. */
static void open_target(void)
{
	uint64_t size = shm_file_size(ARENA);
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct shm_endpoint *endpoint;
	struct vbi_cause cause;

	memset(&target, 0, sizeof(target));
	FUZZ_REQUIRE(fd >= 0 && !ftruncate(fd, (off_t)size));
	FUZZ_REQUIRE(!vbi_shm.domain_open(&events, &target.stats,
					  &(struct vbi_domain_options){.message_max = 8192},
					  &target.domain, &cause));
	endpoint = shm_endpoint_new((struct shm_domain *)target.domain, SHM_SERVER, -1);
	FUZZ_REQUIRE(endpoint);
	endpoint->own_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	endpoint->peer_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	endpoint->arena_size = ARENA;
	FUZZ_REQUIRE(!shm_mapping_create(fd, size, &endpoint->mapping));
	FUZZ_REQUIRE(!shm_endpoint_go_live(endpoint, 8192));
	target.base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	FUZZ_REQUIRE(target.base != MAP_FAILED);
	target.endpoint = endpoint;
	close(fd);
}

static void close_target(void)
{
	if (target.endpoint)
		vbi_shm.close(&target.endpoint->base);
	for (unsigned i = 0; i < SLOTS; i++)
		FUZZ_REQUIRE(!target.busy[i]);
	vbi_shm.domain_close(target.domain);
	munmap(target.base, shm_file_size(ARENA));
}

static void write_word(uint64_t at, uint64_t word)
{
	memcpy(target.base + at, &word, sizeof(word));
}

static void write_request(uint64_t word)
{
	uint64_t size = shm_ring_size(8192);
	uint64_t at = SHM_RING_AT(SHM_CLIENT) + target.line * SHM_LINE;
	uint32_t slot = word & (SLOTS - 1);
	struct vbi_record record = {
		.address = (word >> 4 & 0xff) << 12,
		.length = word >> 12 & 0xffff,
		.key = shm_key(slot, (uint16_t)(word >> 28 & 3)),
		.flags = word >> 32 & 0xffff,
	};

	memcpy(target.base + at + VBI_MESSAGE_MIN, &record, sizeof(record));
	write_word(at, (VBI_MESSAGE_MIN + sizeof(record)) | (word >> 48 & 7 ? word >> 48 & 7 : 1));
	target.line = (target.line + 1) % (size / SHM_LINE);
}

static void look(void)
{
	for (unsigned i = 0; i < 8 && target.endpoint; i++) {
		vbi_shm.poll(target.domain);
		if (i == 3)
			vbi_shm.arm(target.domain);
	}
}

static void step(uint64_t what, uint64_t word)
{
	uint64_t where = what >> 3;

	switch (what & 7) {
	case 4:
		write_word(SHM_SLOTS_AT + (where & 15) * sizeof(struct shm_slot) +
				   (where >> 4 & 15) * sizeof(word),
			   word);
		break;
	case 5:
		write_word((where & 31) * 8, word);
		break;
	case 6:
		write_request(word);
		break;
	case 7:
		look();
		break;
	default:
		write_word(SHM_RING_AT(SHM_CLIENT) + (where & 0x3ff) * SHM_LINE +
				   (what & 3) * sizeof(word),
			   word);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	open_target();
	for (; size >= 16 && target.endpoint; data += 16, size -= 16) {
		uint64_t words[2];

		memcpy(words, data, sizeof(words));
		step(words[0], words[1]);
	}
	look();
	close_target();
	return 0;
}
