/* SPDX-License-Identifier: Apache-2.0 */
/*
 * End-to-end tests that run with a fault: what their processes write down for the one that judges
 * the test. It lies in a file of the test's own directory.
 */
#ifndef FAULTS_FAULTED_H
#define FAULTS_FAULTED_H

#include <stdatomic.h>

#include "tests/faults/fitting.h"

#define FAULTED_FILE "faulted"

struct faulted_record {
	enum side side;
	int point;	  /* enum verbs_fault_point; -1: none */
	atomic_uint came; /* it was seen that the fault has come */

	/* Failures that the fault explains, and that neither it nor the test does. */
	atomic_uint fitting;
	atomic_uint unfitting;

	/* Calls that have run by their own account, of which nobody knows, and that a process is
	 * in the middle of, or was when it was killed. */
	atomic_uint executed;
	atomic_uint unknown;
	atomic_uint under_way;
	/* Handlers that have come to their end. */
	atomic_uint ran;
};

/* What a watched test exits with. */
enum faulted_status {
	FAULTED_GOOD = 0,
	FAULTED_WRONG_SUCCESS = 3, /* it broke off, and no call had failed */
	FAULTED_UNFITTING = 4,	   /* errno, outcome or sentence of a failure */
	FAULTED_SERVER = 5,	   /* a server did not end well */
	FAULTED_WRONG_OUTCOME = 6, /* more or fewer handlers ran than calls say */
	FAULTED_NO_FAULT = 7,	   /* it broke off, and the fault had not come */
};

#endif
