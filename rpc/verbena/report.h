/* SPDX-License-Identifier: Apache-2.0 */
/* What was found, shown. One thread. */
#ifndef VERBENA_REPORT_H
#define VERBENA_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "rpc/verbena/exam.h"
#include "rpc/verbena/findings.h"

/* For a terminal. VERBOSE: every GID, every limit, every step. */
void report_text(FILE *out, const struct exam *exam, const struct findings *findings, bool verbose);

/* One JSON object. -1 with errno: ENOSYS (built without jansson), or what writing said. */
int report_json(FILE *out, const struct exam *exam, const struct findings *findings);

/* 0: built without jansson. */
bool report_has_json(void);

#endif
