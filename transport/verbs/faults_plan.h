/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of faults say to each other. Any thread. */
#ifndef VERBS_FAULTS_PLAN_H
#define VERBS_FAULTS_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include <infiniband/verbs.h>

/* For how many polls the nth completion of a queue is kept back: from the plan's seed. */
uint64_t verbs_faults_delay(uint64_t stream, uint64_t n);
/* A queue pair has been made, or is about to be destroyed. */
void verbs_faults_queue_pair(struct ibv_qp *qp, bool is_made);
/* A completion queue is about to be destroyed. */
void verbs_faults_forget(const struct ibv_cq *cq);

#endif
