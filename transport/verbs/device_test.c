/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices are refused: what a device is asked first needs none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "transport/verbs/verbs.h"

static void iwarp_is_refused(void **state)
{
	struct ibv_device iwarp = {.name = "siw0", .transport_type = IBV_TRANSPORT_IWARP};
	struct ibv_context context = {.device = &iwarp};
	struct verbs_domain domain = {0};
	struct verbs_device *device = NULL;
	struct vbi_cause cause = {0};

	(void)state;
	assert_int_equal(verbs_device_get(&domain, &context, &device, &cause), -EOPNOTSUPP);
	assert_null(device);
	assert_null(domain.devices);
	assert_int_equal(cause.errnum, EOPNOTSUPP);
	assert_non_null(strstr(cause.sentence, "siw0 is iWARP"));
	assert_non_null(strstr(cause.sentence, "use an InfiniBand or RoCE device"));
}

/* What a server needs of a device and not all have. */
static void only_some_can_serve(void **state)
{
	static const struct {
		int max_srq, max_reads;
		const char *why; /* NULL: it can */
	} cases[] = {
		{0, 16, "no shared receive queues"},
		{1, 0, "cannot read another host's memory"},
		{1, -1, "cannot read another host's memory"},
		{1, 1, NULL},
	};
	struct ibv_device some = {.name = "some0"};
	struct ibv_context context = {.device = &some};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct verbs_device device = {
			.context = &context,
			.attr = {.max_srq = cases[i].max_srq,
				 .max_qp_init_rd_atom = cases[i].max_reads},
		};
		struct vbi_cause cause = {0};

		assert_int_equal(verbs_device_check_serves(&device, &cause),
				 cases[i].why ? -EOPNOTSUPP : 0);
		assert_int_equal(cause.errnum, cases[i].why ? EOPNOTSUPP : 0);
		if (!cases[i].why)
			continue;
		assert_non_null(strstr(cause.sentence, "some0"));
		assert_non_null(strstr(cause.sentence, cases[i].why));
	}
}

/* One that is open already is found by its context. */
static void known_devices_are_found(void **state)
{
	struct ibv_context contexts[2] = {{0}};
	struct verbs_device devices[2] = {{.context = &contexts[0]}, {.context = &contexts[1]}};
	struct verbs_domain domain = {.devices = &devices[0]};
	struct verbs_device *device = NULL;
	struct vbi_cause cause;

	(void)state;
	devices[0].next = &devices[1];
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(verbs_device_get(&domain, &contexts[i], &device, &cause), 0);
		assert_ptr_equal(device, &devices[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iwarp_is_refused),
		cmocka_unit_test(only_some_can_serve),
		cmocka_unit_test(known_devices_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
