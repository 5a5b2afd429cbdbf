/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that do not keep to the rendezvous. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/hostile/victim.h"

/* The server answers with ERRNUM and a sentence, closes, and lives. */
static void expect_refused(struct victim *victim, struct raw *raw, int errnum)
{
	struct shm_answer answer = {0};
	unsigned refused = (unsigned)victim->stats.connections_refused;
	char byte;

	victim_turn(victim);
	assert_int_equal(raw_receive(raw, &answer, sizeof(answer)), sizeof(answer));
	assert_int_equal(answer.magic, SHM_MAGIC);
	assert_int_equal(answer.status, errnum);
	assert_true(strlen(answer.text) > 20);
	assert_int_equal(raw_receive(raw, &byte, 1), 0);
	assert_int_equal(victim->stats.connections_refused, refused + 1);
	assert_int_equal(victim->n_refused, refused + 1);
	assert_int_equal(victim->refusal.errnum, errnum);
	assert_non_null(strstr(victim->refusal.sentence, answer.text));
	assert_int_equal(victim->n_accepted, 1);
	raw_close(raw);
	victim_check(victim);
}

static void hello_with(struct victim *victim, void (*change)(struct shm_hello *))
{
	struct raw raw;

	raw_client_open(&raw, victim->path);
	change(&raw.hello);
	raw_client_hello(&raw);
	raw.hello.file_size = shm_file_size(RAW_ARENA);
	expect_refused(victim, &raw, EPROTO);
}

#define CHANGE(name, statement)                   \
	static void name(struct shm_hello *hello) \
	{                                         \
		hello->statement;                 \
	}
CHANGE(bad_magic, magic ^= 1)
CHANGE(bad_version, version++)
CHANGE(bad_size, size += 8)
CHANGE(no_message, message_max = 0)
CHANGE(small_message, message_max = 248)
CHANGE(large_message, message_max = VBI_MESSAGE_MAX + 8)
CHANGE(odd_message, message_max = 8190)
CHANGE(other_slots, n_slots--)
CHANGE(other_ring, ring_capacity *= 2)
CHANGE(other_windows, windows_size = 0)
CHANGE(odd_arena, arena_size++)
CHANGE(large_arena, arena_size = UINT64_MAX - 65535)
CHANGE(small_file, file_size -= 4096)
CHANGE(large_file, file_size = UINT64_MAX)

static void words_of_the_hello(void **state)
{
	static void (*const changes[])(struct shm_hello *) = {
		bad_magic,     bad_version, bad_size,	 no_message, small_message,
		large_message, odd_message, other_slots, other_ring, other_windows,
		odd_arena,     large_arena, small_file,	 large_file,
	};

	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		hello_with(*state, changes[i]);
}

static void lengths_of_the_hello(void **state)
{
	static const size_t lengths[] = {
		1, 8, sizeof(struct shm_hello) - 1, sizeof(struct shm_hello) + 8, 256, 257, 4000};
	struct victim *victim = *state;

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char bytes[4000] = {0};
		struct raw raw;
		int fds[3];

		raw_client_open(&raw, victim->path);
		memcpy(bytes, &raw.hello, sizeof(raw.hello));
		memcpy(fds, (int[]){raw.memory_fd, raw.event_fds[0], raw.event_fds[1]},
		       sizeof(fds));
		raw_send(&raw, bytes, lengths[i], fds, 3);
		expect_refused(victim, &raw, EPROTO);
	}
}

static void numbers_of_descriptors(void **state)
{
	struct victim *victim = *state;

	for (unsigned n = 0; n <= RAW_FDS_MAX; n++) {
		struct raw raw;
		int fds[RAW_FDS_MAX];

		if (n == SHM_HELLO_FDS)
			continue;
		raw_client_open(&raw, victim->path);
		for (unsigned i = 0; i < RAW_FDS_MAX; i++)
			fds[i] = i ? raw.event_fds[i % 2] : raw.memory_fd;
		raw_send(&raw, &raw.hello, sizeof(raw.hello), fds, n);
		expect_refused(victim, &raw, EPROTO);
	}
}

/* A hello with FD in the memory's place. */
static void memory_is(struct victim *victim, int fd, uint64_t file_size)
{
	struct raw raw;

	raw_client_open(&raw, victim->path);
	close(raw.memory_fd);
	raw.memory_fd = fd;
	raw.hello.file_size = file_size;
	raw_client_hello(&raw);
	raw.hello.file_size = shm_file_size(RAW_ARENA);
	expect_refused(victim, &raw, EPROTO);
}

static void memory_that_is_not_safe(void **state)
{
	struct victim *victim = *state;
	uint64_t size = shm_file_size(RAW_ARENA);
	uint64_t huge = 2u << 20;
	char path[] = "/tmp/verbena-hostile-file-XXXXXX";
	int fd;

	memory_is(victim, raw_memfd(size, 0, 0), size);
	memory_is(victim, raw_memfd(size, F_SEAL_SHRINK, 0), size);
	memory_is(victim, raw_memfd(size, F_SEAL_SHRINK | F_SEAL_GROW, 0), size);
	memory_is(victim, raw_memfd(size, F_SEAL_GROW | F_SEAL_SEAL, 0), size);
	memory_is(victim, raw_memfd(size, RAW_SEALS | F_SEAL_WRITE, 0), size);
	memory_is(victim, raw_memfd(size - 4096, RAW_SEALS, 0), size);
	memory_is(victim, raw_memfd(size + 4096, RAW_SEALS, 0), size);
	memory_is(victim, raw_memfd(0, RAW_SEALS, 0), size);
	memory_is(victim, raw_memfd(SHM_ROUND_UP(size, huge), RAW_SEALS, MFD_HUGETLB), size);
	fd = mkstemp(path);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	unlink(path);
	memory_is(victim, fd, size);
	memory_is(victim, open("/", O_RDONLY | O_CLOEXEC), size);
	memory_is(victim, open("/dev/zero", O_RDWR | O_CLOEXEC), size);
	memory_is(victim, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), size);
	memory_is(victim, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), size);
}

/* A hello with FD in an eventfd's place. */
static void eventfd_is(struct victim *victim, unsigned which, int fd)
{
	struct raw raw;

	raw_client_open(&raw, victim->path);
	close(raw.event_fds[which]);
	raw.event_fds[which] = fd;
	raw_client_hello(&raw);
	expect_refused(victim, &raw, EPROTO);
}

static void eventfds_that_are_none(void **state)
{
	struct victim *victim = *state;

	for (unsigned which = 0; which < 2; which++) {
		int pipes[2];

		assert_int_equal(pipe2(pipes, O_NONBLOCK | O_CLOEXEC), 0);
		eventfd_is(victim, which, pipes[0]);
		eventfd_is(victim, which, pipes[1]);
		eventfd_is(victim, which, eventfd(0, EFD_CLOEXEC));
		eventfd_is(victim, which, open("/dev/null", O_RDWR | O_NONBLOCK | O_CLOEXEC));
		eventfd_is(victim, which, raw_memfd(4096, 0, 0));
	}
}

static void hello_and_gone(void **state)
{
	struct victim *victim = *state;

	for (unsigned i = 0; i < 20; i++) {
		struct raw raw;

		raw_client_open(&raw, victim->path);
		if (i % 2)
			raw_client_hello(&raw);
		raw_close(&raw);
		if (i % 3 == 0)
			victim_turn(victim);
	}
	victim_turn(victim);
	victim_check(victim);
}

/* Half a rendezvous, then silence: bounded, and the server goes on meanwhile. */
static void silence_is_ended(void **state)
{
	struct victim *victim = *state;
	struct shm_answer answer;
	struct raw raw;
	ssize_t n = -1;

	raw_client_open(&raw, victim->path);
	victim_turn(victim);
	assert_true(victim->ops->next_timeout(victim->domain) <= 1000000000u);
	while (n < 0) {
		victim_check(victim);
		n = raw_receive(&raw, &answer, sizeof(answer));
	}
	assert_int_equal(answer.status, ETIMEDOUT);
	assert_true(victim->ops->next_timeout(victim->domain) == UINT64_MAX);
	raw_close(&raw);
}

/* A crowd that says nothing does not keep others out. */
static void crowd_of_silent_ones(void **state)
{
	enum { CROWD = 100 };
	struct victim *victim = *state;
	static struct raw crowd[CROWD];
	struct raw raw;

	for (unsigned i = 0; i < CROWD; i++) {
		raw_client_open(&crowd[i], victim->path);
		victim_turn(victim);
	}
	assert_true(victim->stats.connections_refused >= CROWD - 64);
	victim_join(victim, &raw);
	raw_close(&raw);
	for (unsigned i = 0; i < CROWD; i++)
		raw_close(&crowd[i]);
	victim_turn(victim);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, victim_setup, victim_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(words_of_the_hello),     CASE(lengths_of_the_hello),
		CASE(numbers_of_descriptors), CASE(memory_that_is_not_safe),
		CASE(eventfds_that_are_none), CASE(hello_and_gone),
		CASE(silence_is_ended),	      CASE(crowd_of_silent_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
