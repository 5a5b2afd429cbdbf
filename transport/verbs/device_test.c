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
		cmocka_unit_test(known_devices_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
