/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparison of two versions of a file: may programs of both talk to each other?
 */
#ifndef VERBENA_IDL_CONFORM_H
#define VERBENA_IDL_CONFORM_H

struct idl_program;

/*
 * Compares the main file of `new_program` with that of `old_program`, the released one. Both must
 * be without errors. Reports into new_program->diags: what breaks the wire as errors, what breaks
 * sources only, or is worth knowing, as warnings. Each points at the new place and notes the old
 * one, so `old_program` must live until the diagnostics are shown.
 */
void idl_conform(const struct idl_program *old_program, struct idl_program *new_program);

#endif
