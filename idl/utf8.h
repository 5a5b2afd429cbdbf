/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERBENA_IDL_UTF8_H
#define VERBENA_IDL_UTF8_H

#include <stddef.h>

/*
 * Bytes of the well-formed UTF-8 sequence at `text`, 0 when it is malformed (overlong, a surrogate,
 * above U+10FFFF, cut short). `size` is at least 1.
 */
size_t idl_utf8_length(const char *text, size_t size);

/* The same, but 1 for a malformed byte: a step that always gets on. */
size_t idl_utf8_step(const char *text, size_t size);

#endif
