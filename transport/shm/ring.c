/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/ring.h"

#include <errno.h>
#include <sys/mman.h>

int shm_mirror_map(int fd, uint64_t offset, uint32_t size, struct shm_mirror *ret_mirror)
{
	int protection = PROT_READ | PROT_WRITE;
	uint8_t *data;
	int error;

	data = mmap(NULL, 2 * (size_t)size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return -errno;
	for (unsigned half = 0; half < 2; half++) {
		void *at = data + (size_t)half * size;

		if (mmap(at, size, protection, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) ==
		    MAP_FAILED)
			goto unmap;
	}
	if (madvise(data, 2 * (size_t)size, MADV_DONTFORK) < 0)
		goto unmap;
	ret_mirror->data = data;
	ret_mirror->size = size;
	return 0;
unmap:
	error = -errno;
	munmap(data, 2 * (size_t)size);
	return error;
}

void shm_mirror_unmap(struct shm_mirror *mirror)
{
	if (mirror->data)
		munmap(mirror->data, 2 * (size_t)mirror->size);
	mirror->data = NULL;
}

void shm_tx_init(struct shm_tx *tx, const struct shm_mirror *mirror, const uint64_t *consumed)
{
	*tx = (struct shm_tx){
		.data = mirror->data,
		.mask = mirror->size - 1,
		.mark = 1,
		.limit = mirror->size,
		.consumed = consumed,
	};
}

void shm_rx_init(struct shm_rx *rx, const struct shm_mirror *mirror, uint64_t *consumed,
		 uint32_t max)
{
	*rx = (struct shm_rx){
		.line = mirror->data,
		.data = mirror->data,
		.mask = mirror->size - 1,
		.mark = 1,
		.consumed = consumed,
		.max = max,
	};
}

int shm_tx_refresh(struct shm_tx *tx)
{
	uint64_t consumed = __atomic_load_n(tx->consumed, __ATOMIC_ACQUIRE);
	uint64_t size = (uint64_t)tx->mask + 1;
	uint64_t known = tx->limit - size;

	/* It moves forward only, by whole lines, and not past what was written. */
	if (consumed - known > tx->position - known || consumed % SHM_LINE)
		return -EPROTO;
	tx->limit = consumed + size;
	return 0;
}
