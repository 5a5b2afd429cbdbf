// SPDX-License-Identifier: Apache-2.0
#include "codegen/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Longer than any text that the C library has for an errno. */
#define REASON_SIZE 128

void gen_say(int error, const char *format, ...)
{
	char reason[REASON_SIZE];
	va_list args;

	fputs("verbenac: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror_r(-error, reason, sizeof(reason)));
}
