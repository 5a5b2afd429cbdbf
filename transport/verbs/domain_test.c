/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of endpoints: by id, by queue pair. No device is needed for these. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "transport/verbs/verbs.h"

#define MANY 300u

static struct verbs_domain domain;
static struct verbs_device devices[] = {{.domain = &domain}, {.domain = &domain}};
static struct verbs_endpoint *endpoints[MANY];
static struct ibv_qp qps[MANY];

static int setup(void **state)
{
	(void)state;
	domain = (struct verbs_domain){0};
	for (unsigned i = 0; i < MANY; i++)
		endpoints[i] = calloc(1, sizeof(*endpoints[i]));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		free(endpoints[i]);
	free(domain.table);
	free(domain.by_qp);
	return 0;
}

static void ids_are_found_until_they_go(void **state)
{
	uint32_t old_id;

	(void)state;
	assert_null(verbs_domain_endpoint(&domain, 0));
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(verbs_domain_add(&domain, endpoints[i]), 0);
	for (unsigned i = 0; i < MANY; i++) {
		assert_ptr_equal(verbs_domain_endpoint(&domain, endpoints[i]->id), endpoints[i]);
		assert_true(endpoints[i]->id < 1u << 31);
	}
	/* The place is used again; the id of who was there before finds nobody. */
	old_id = endpoints[7]->id;
	verbs_domain_remove(&domain, endpoints[7]);
	assert_null(verbs_domain_endpoint(&domain, old_id));
	assert_int_equal(verbs_domain_add(&domain, endpoints[7]), 0);
	assert_int_not_equal(endpoints[7]->id, old_id);
	assert_null(verbs_domain_endpoint(&domain, old_id));
	assert_ptr_equal(verbs_domain_endpoint(&domain, endpoints[7]->id), endpoints[7]);
}

static void add_with_qp(unsigned i, struct verbs_device *device, uint32_t qp_num)
{
	assert_int_equal(verbs_domain_add(&domain, endpoints[i]), 0);
	qps[i].qp_num = qp_num;
	endpoints[i]->qp = &qps[i];
	endpoints[i]->device = device;
	verbs_domain_add_qp(&domain, endpoints[i]);
}

/* In an order that tears holes into the chains of a half-full table; each removal is followed by a
 * search for all that are left. */
static void queue_pairs_are_found_whatever_goes(void **state)
{
	(void)state;
	assert_null(verbs_domain_by_qp(devices, 17));
	for (unsigned i = 0; i < MANY; i++)
		add_with_qp(i, devices, i % 2 ? 17 + i : 17 + i * 64);
	for (unsigned left = MANY; left > 0; left--) {
		/* Steps of a prime through what is left. */
		unsigned pick = left * 7919 / 13 % left;
		struct verbs_endpoint *gone = endpoints[pick];

		for (unsigned i = 0; i < left; i++)
			assert_ptr_equal(verbs_domain_by_qp(devices, endpoints[i]->qp->qp_num),
					 endpoints[i]);
		verbs_domain_remove_qp(&domain, gone);
		assert_null(verbs_domain_by_qp(devices, gone->qp->qp_num));
		verbs_domain_remove(&domain, gone);
		endpoints[pick] = endpoints[left - 1];
		endpoints[left - 1] = gone;
	}
	for (uint32_t i = 0; i < 2 * domain.table_size; i++)
		assert_null(domain.by_qp[i]);
}

/* Devices that are equally old give their queue pairs the same numbers. */
static void queue_pairs_of_two_devices(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		add_with_qp(i, &devices[i % 2], 17 + i / 2);
	for (unsigned i = 0; i < MANY; i++)
		assert_ptr_equal(verbs_domain_by_qp(&devices[i % 2], 17 + i / 2), endpoints[i]);
	for (unsigned i = 0; i < MANY; i += 2) {
		verbs_domain_remove_qp(&domain, endpoints[i]);
		assert_null(verbs_domain_by_qp(&devices[0], 17 + i / 2));
		assert_ptr_equal(verbs_domain_by_qp(&devices[1], 17 + i / 2), endpoints[i + 1]);
	}
}

static void work_requests_name_their_endpoint(void **state)
{
	struct verbs_endpoint endpoint = {.id = 0x7fffffff};

	(void)state;
	for (uint32_t number = UINT32_MAX - 3; number != 3; number++) {
		uint64_t id = verbs_id_of_send(&endpoint, number);

		assert_false(verbs_id_is_receive(id));
		assert_int_equal(verbs_id_endpoint(id), endpoint.id);
		assert_int_equal(verbs_id_number(id), number);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ids_are_found_until_they_go, setup, teardown),
		cmocka_unit_test_setup_teardown(queue_pairs_are_found_whatever_goes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(queue_pairs_of_two_devices, setup, teardown),
		cmocka_unit_test(work_requests_name_their_endpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
