/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance suite on verbs. Needs an RDMA device: its address is in VERBENA_TEST_ADDRESS. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/conformance.h"
#include "transport/verbs/faults.h"
#include "transport/verbs/verbs.h"

/* A range that no other test uses; what lingers of an ended connection does not hold a port. */
#define FIRST_PORT 20000u

static const char *host;

static void make_address(char *address, size_t size)
{
	static unsigned serial;

	snprintf(address, size, "%s:%u", host, FIRST_PORT + serial++);
}

/* What the device says it has counts, not what was agreed on: an agreement that fails is seen. */
static enum windows windows(const struct vbi_endpoint *endpoint)
{
	const uint32_t needed = IBV_DEVICE_MEM_WINDOW_TYPE_2B | IBV_DEVICE_MEM_MGT_EXTENSIONS;
	const struct verbs_device *device = verbs_endpoint_of(endpoint)->device;
	const char *asked = getenv("VERBENA_VERBS_WINDOWS");

	if (!asked || strcmp(asked, "force") != 0 ||
	    (device->attr.device_cap_flags & needed) != needed)
		return WINDOWS_NONE;
	return verbs_device_is_rxe(device) ? WINDOWS_LOOSE : WINDOWS_STRICT;
}

/* In a library that can fail on purpose; what the environment has planned is put off. A window is
 * not kept for good, since SoftRoCE would keep its queue pair as well. */
static bool refuse(enum refusal refusal)
{
#ifdef VBI_FAULTS
	static const char *const plans[] = {
		[REFUSES_TO_REVOKE] = "dealloc_mw:1,dereg_mr:1+",
		[REFUSES_TO_BREAK_TOO] = "dealloc_mw:1,dereg_mr:1+,modify_qp:1+",
	};

	return verbs_faults_plan(plans[refusal] ? plans[refusal] : getenv("VERBENA_FAULTS")) == 0;
#else
	return refusal == REFUSES_NOTHING;
#endif
}

int main(int argc, char **argv)
{
	struct subject verbs = {
		.ops = &vbi_verbs,
		.make_address = make_address,
		.is_late = getenv("VERBENA_FAULTS") != NULL,
		.sends_under_way = VERBS_SQ_DEPTH,
		.keeps_alive = true,
		.pins_memory = true,
		.windows = windows,
		.refuse = refuse,
		/* They lie beside each other in one completion queue: none sleeps by itself. */
		.calls_until_idle = 500,
	};

	host = getenv("VERBENA_TEST_ADDRESS");
	if (!host) {
		printf("needs an RDMA device: ./dev vm, or VERBENA_TEST_ADDRESS=its address\n");
		return 77;
	}
	return conformance_run(&verbs, argc > 1 ? argv[1] : NULL);
}
