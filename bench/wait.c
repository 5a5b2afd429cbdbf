/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wait.h"

const char *const wait_mode_names[WAIT_MODES] = {
	[WAIT_ADAPTIVE] = "adaptive",
	[WAIT_SPIN] = "spin",
	[WAIT_SLEEP] = "sleep",
};
