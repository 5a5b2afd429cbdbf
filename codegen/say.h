/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERBENA_CODEGEN_SAY_H
#define VERBENA_CODEGEN_SAY_H

/* One line on stderr: what the system refused, and why; `error` is a negative errno. */
void gen_say(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
