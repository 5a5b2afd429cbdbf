/* SPDX-License-Identifier: Apache-2.0 */
/* What witness.c and who reads its lines agree on. */
#ifndef E2E_WITNESS_H
#define E2E_WITNESS_H

#define WITNESS_VARIABLE "VERBENA_TEST_WITNESS"
#define WITNESS_MR	 "mr"
#define WITNESS_QP	 "qp"

#endif
