/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/mallocs.h"

#include <malloc.h>
#include <stddef.h>
#include <sys/types.h>

static uint64_t count, bytes;

uint64_t mallocs_count(void)
{
	return __atomic_load_n(&count, __ATOMIC_RELAXED);
}

uint64_t mallocs_bytes(void)
{
	return __atomic_load_n(&bytes, __ATOMIC_RELAXED);
}

static void *gained(void *memory)
{
	__atomic_add_fetch(&bytes, malloc_usable_size(memory), __ATOMIC_RELAXED);
	return memory;
}

static void lost(void *memory)
{
	__atomic_sub_fetch(&bytes, malloc_usable_size(memory), __ATOMIC_RELAXED);
}

static void add_one(void)
{
	__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
}

/* ld --wrap=F sends calls of F to __wrap_F, and those of __real_F to F. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **ret, size_t alignment, size_t size);
void __real_free(void *memory);
void *__real_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **ret, size_t alignment, size_t size);
void __wrap_free(void *memory);
void *__wrap_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t size)
{
	add_one();
	return gained(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	add_one();
	return gained(__real_calloc(n, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
	add_one();
	lost(memory);
	return gained(__real_realloc(memory, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	add_one();
	return gained(__real_aligned_alloc(alignment, size));
}

int __wrap_posix_memalign(void **ret, size_t alignment, size_t size)
{
	int error = __real_posix_memalign(ret, alignment, size);

	add_one();
	if (!error)
		gained(*ret);
	return error;
}

void __wrap_free(void *memory)
{
	lost(memory);
	__real_free(memory);
}

void *__wrap_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	add_one();
	return __real_mmap(address, length, protection, flags, fd, offset);
}
