/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance suite on shared memory. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/conformance/conformance.h"

static char directory[] = "/tmp/verbena-conformance-XXXXXX";

static void make_address(char *address, size_t size)
{
	static unsigned serial;

	snprintf(address, size, "%s/%u", directory, serial++);
}

static enum windows no_windows(const struct vbi_endpoint *endpoint)
{
	(void)endpoint;
	return WINDOWS_NONE;
}

static bool refuse_nothing(enum refusal refusal)
{
	return refusal == REFUSES_NOTHING;
}

int main(int argc, char **argv)
{
	struct subject shm = {
		.ops = &vbi_shm,
		.make_address = make_address,
		.maps = true,
		.knows_process = true,
		.waits_for_room = true,
		.one_arena = true,
		.calls_until_idle = 40000,
		.keys_are_checked = true,
		.windows = no_windows,
		.refuse = refuse_nothing,
	};
	int failures;

	if (!mkdtemp(directory))
		return 1;
	failures = conformance_run(&shm, argc > 1 ? argv[1] : NULL);
	rmdir(directory);
	return failures;
}
