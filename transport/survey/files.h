/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's one-line files. ROOT as vbi_survey_take() has it. Any thread. */
#ifndef TRANSPORT_SURVEY_FILES_H
#define TRANSPORT_SURVEY_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the first line, without its newline, cut to SIZE. -errno; RET_TEXT is "" then. */
int vbi_file_line(char *ret_text, size_t size, const char *root, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

bool vbi_file_exists(const char *root, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The last part of what a symbolic link names, cut to SIZE. -errno; RET_TEXT is "" then. */
int vbi_file_link(char *ret_text, size_t size, const char *root, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Copies, cut to SIZE. */
void vbi_text_copy(char *ret_text, size_t size, const char *text);

#endif
