/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of this process to itself, through Verbena's public interface. One thread at a time. */
#ifndef VERBENA_TRIAL_H
#define VERBENA_TRIAL_H

#include "rpc/verbena/exam.h"

/*
 * Serves and calls SCHEME-and-host ("rdma://10.0.0.1", without a port; "shm://NAME") with a server
 * in a second thread, which has ended when this returns: small calls, then one of 1 MiB each way.
 * Blocks for some milliseconds, at most for about 20 s when nothing answers. Sets all of RET_TRIAL
 * but the device.
 */
void trial_call(const char *address, struct trial *ret_trial);

/* Connects to somebody's server and closes. Blocks for at most 5 s. */
void trial_connect(const char *address, struct trial *ret_trial);

#endif
