/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong, and what mends it. One thread. */
#ifndef VERBENA_FINDINGS_H
#define VERBENA_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "rpc/verbena/exam.h"

/* Each rule speaks at most once of each device and port; a host has few of either. */
#define FINDINGS_MAX 64
#define MENDS_MAX    4
/* A library's own sentence fits (448), with what was being done. */
#define CAUSE_MAX    640
#define MEND_MAX     200

enum severity {
	SEVERITY_NOTE,	  /* works; good to know */
	SEVERITY_PROBLEM, /* something will fail: the exit status is 1 */
};

struct finding {
	enum severity severity;
	const char *rule; /* its name, for scripts; does not change between releases */
	char cause[CAUSE_MAX];
	char mends[MENDS_MAX][MEND_MAX]; /* commands; what follows '#' is said to people */
	size_t n_mends;
};

struct findings {
	struct finding list[FINDINGS_MAX];
	size_t n;
};

/* Adds a finding; past FINDINGS_MAX the last one is replaced. It belongs to FINDINGS. */
struct finding *finding_add(struct findings *findings, enum severity severity, const char *rule,
			    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Adds a command. More than MENDS_MAX abort: the rules are fixed, and tested. */
void finding_mend(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

size_t findings_problems(const struct findings *findings);

/* Applies all rules. */
void findings_judge(const struct exam *exam, struct findings *ret_findings);

/* Whether some port is such that rdma:// can use it: active, with an address that is here. */
bool exam_has_usable_port(const struct exam *exam);

/* The same for one port. */
bool port_is_usable(const struct vbi_survey_device *device, const struct vbi_survey_port *port);

/* Adds the ways to lock more memory. */
void memlock_mends(const struct vbi_survey *survey, struct finding *finding);

/* The device and the port that a pick has picked; NULL: nothing, or not in the survey. */
const struct vbi_survey_device *pick_device(const struct vbi_survey *survey,
					    const struct vbi_survey_pick *pick);
const struct vbi_survey_port *pick_port(const struct vbi_survey *survey,
					const struct vbi_survey_pick *pick);

/* The known gaps of a driver, as sentences that end with NULL; no list if none is known. */
const char *const *driver_gaps(const char *driver);

/*
 * Locked memory of one end of a connection by default, in bytes: 64 calls and 2 control messages,
 * in slots of 8 KiB, received and sent; queues of 96 KiB.
 */
#define CONNECTION_MEMORY (2u * (64 + 2) * 8192 + 96 * 1024)

/* A large buffer is registered in pieces of at most this. */
#define PIECE_MEMORY (64u << 20)

/* ---- The rules: each adds what it finds ---- */

typedef void rule_fn(const struct exam *exam, struct findings *findings);

rule_fn rule_build, rule_library, rule_no_device, rule_uverbs, rule_cm, rule_memlock, rule_fork;
rule_fn rule_provider, rule_open, rule_iwarp, rule_probe, rule_queues, rule_gaps;
rule_fn rule_port, rule_namespace, rule_gids, rule_mtu, rule_ipoib;
rule_fn rule_picks, rule_trials;

#endif
