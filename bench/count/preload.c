/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded into a process by LD_PRELOAD, counts its memory allocations and mappings, and writes both
 * numbers to the file that VERBENA_COUNT_FILE names when the process ends. Any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* glibc's own names for what is replaced here: no look-up, which would itself allocate. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static _Atomic uint64_t allocations;
static _Atomic uint64_t mappings;

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

EXPORT void *malloc(size_t size)
{
	count(&allocations);
	return __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
	count(&allocations);
	return __libc_calloc(n, size);
}

EXPORT void *realloc(void *memory, size_t size)
{
	count(&allocations);
	return __libc_realloc(memory, size);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	count(&allocations);
	return __libc_memalign(alignment, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	count(&allocations);
	return __libc_memalign(alignment, size);
}

EXPORT int posix_memalign(void **ret_memory, size_t alignment, size_t size)
{
	void *memory;

	count(&allocations);
	if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0)
		return EINVAL;
	memory = __libc_memalign(alignment, size);
	if (!memory)
		return ENOMEM;
	*ret_memory = memory;
	return 0;
}

static void *map(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	count(&mappings);
	/* The kernel's answer is an address. */
	return (void *)(uintptr_t)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

/* Programs built with large files call the second name. */
EXPORT void *count_mmap(void *address, size_t length, int protection, int flags, int fd,
			off_t offset) __asm__("mmap");
EXPORT void *count_mmap64(void *address, size_t length, int protection, int flags, int fd,
			  off_t offset) __asm__("mmap64");

void *count_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	return map(address, length, protection, flags, fd, offset);
}

void *count_mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	return map(address, length, protection, flags, fd, offset);
}

__attribute__((destructor)) static void report(void)
{
	const char *path = getenv("VERBENA_COUNT_FILE");
	char text[64];
	int fd, length;

	if (!path)
		return;
	length = snprintf(text, sizeof(text), "%llu %llu\n", (unsigned long long)allocations,
			  (unsigned long long)mappings);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	(void)!write(fd, text, (size_t)length);
	close(fd);
}
