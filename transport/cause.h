/* SPDX-License-Identifier: Apache-2.0 */
/* Says why something failed, for what is below the seam. */
#ifndef VBI_CAUSE_H
#define VBI_CAUSE_H

#include "transport/transport.h"

/*
 * Fills *CAUSE with ERRNUM (positive) and a sentence, cut off at the end if it is too long. Keeps
 * errno. Returns -ERRNUM.
 */
__attribute__((format(printf, 3, 4))) int vbi_cause_set(struct vbi_cause *cause, int errnum,
							const char *format, ...);

/* What ERRNUM (positive) means, in English. Static memory, the same for all threads. */
const char *vbi_errno_text(int errnum);

#endif
