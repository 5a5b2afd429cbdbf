/* SPDX-License-Identifier: Apache-2.0 */
/* How a thread waits, by its name on the command line. The numbers are those of enum vb_wait. */
#ifndef BENCH_WAIT_H
#define BENCH_WAIT_H

enum wait_mode { WAIT_ADAPTIVE, WAIT_SPIN, WAIT_SLEEP, WAIT_MODES };

extern const char *const wait_mode_names[WAIT_MODES];

#endif
