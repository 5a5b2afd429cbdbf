/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rpc/pool.h"
#include "transport/transport.h"

/* A domain that only has memory, and counts it. */
static uint64_t allocated;

static void *region_alloc(struct vbi_domain *domain, size_t size)
{
	(void)domain;
	allocated += size;
	return aligned_alloc(4096, size);
}

static void region_free(struct vbi_domain *domain, void *region, size_t size)
{
	(void)domain;
	allocated -= size;
	free(region);
}

static const struct vbi_transport memory_only = {
	.region_alloc = region_alloc,
	.region_free = region_free,
};

static struct vb_stats stats;
static struct vbi_domain domain = {.ops = &memory_only, .stats = &stats};

static void gives_what_comes_back_again(void **state)
{
	struct vbi_pool pool;
	void *first;
	void *second;

	(void)state;
	vbi_pool_init(&pool, 1u << 20);
	assert_int_equal(vbi_pool_get(&pool, &domain, 5000, &first), 0);
	vbi_pool_put(&pool, &domain, first, 5000);
	assert_int_equal(vbi_pool_get(&pool, &domain, 8192, &second), 0);
	assert_ptr_equal(first, second);
	vbi_pool_put(&pool, &domain, second, 8192);
	vbi_pool_fini(&pool);
	assert_int_equal(allocated, 0);
}

static void says_wait_when_all_is_in_use(void **state)
{
	struct vbi_pool pool;
	void *all;
	void *more;

	(void)state;
	vbi_pool_init(&pool, 1u << 20);
	assert_int_equal(vbi_pool_get(&pool, &domain, 1u << 20, &all), 0);
	assert_int_equal(vbi_pool_get(&pool, &domain, 1, &more), -EAGAIN);
	vbi_pool_put(&pool, &domain, all, 1u << 20);
	assert_int_equal(vbi_pool_get(&pool, &domain, 1, &more), 0);
	vbi_pool_put(&pool, &domain, more, 1);
	vbi_pool_fini(&pool);
	assert_int_equal(allocated, 0);
}

static void refuses_what_can_never_fit(void **state)
{
	struct vbi_pool pool;
	void *block;

	(void)state;
	vbi_pool_init(&pool, 1u << 20);
	assert_int_equal(vbi_pool_get(&pool, &domain, (1u << 20) + 1, &block), -EMSGSIZE);
	assert_int_equal(vbi_pool_get(&pool, &domain, UINT64_MAX, &block), -EMSGSIZE);
	vbi_pool_fini(&pool);
}

static void drops_kept_blocks_for_another_size(void **state)
{
	struct vbi_pool pool;
	void *block;

	(void)state;
	vbi_pool_init(&pool, 1u << 20);
	assert_int_equal(vbi_pool_get(&pool, &domain, 1u << 19, &block), 0);
	vbi_pool_put(&pool, &domain, block, 1u << 19);
	assert_int_equal(vbi_pool_get(&pool, &domain, 1u << 20, &block), 0);
	assert_int_equal(allocated, 1u << 20);
	vbi_pool_put(&pool, &domain, block, 1u << 20);
	vbi_pool_fini(&pool);
	assert_int_equal(allocated, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_what_comes_back_again),
		cmocka_unit_test(says_wait_when_all_is_in_use),
		cmocka_unit_test(refuses_what_can_never_fit),
		cmocka_unit_test(drops_kept_blocks_for_another_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
