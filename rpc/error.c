/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void __attribute__((format(printf, 1, 0))) log_line(const char *format, va_list arguments)
{
	const char *wanted = getenv("VERBENA_LOG");
	int saved = errno;
	char line[640];

	if (!wanted || !*wanted || strcmp(wanted, "0") == 0)
		return;
	vsnprintf(line, sizeof(line), format, arguments);
	fprintf(stderr, "verbena: %s\n", line);
	errno = saved;
}

void vbi_log(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(format, arguments);
	va_end(arguments);
}

__attribute__((format(printf, 4, 0))) static void set(struct vb_error *error, int errnum,
						      const char *where, const char *format,
						      va_list arguments)
{
	int saved = errno;

	error->errnum = errnum;
	snprintf(error->where, sizeof(error->where), "%s", where);
	vsnprintf(error->sentence, sizeof(error->sentence), format, arguments);
	vbi_log("%s: %s (%s)", error->where, error->sentence, strerrordesc_np(errnum));
	errno = saved;
}

void vbi_error_first(struct vb_error *error, int errnum, const char *where, const char *format, ...)
{
	va_list arguments;

	if (error->errnum)
		return;
	va_start(arguments, format);
	set(error, errnum, where, format, arguments);
	va_end(arguments);
}

void vbi_error_set(struct vb_error *error, int errnum, const char *where, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set(error, errnum, where, format, arguments);
	va_end(arguments);
}

struct vb_error *vbi_error_thread(void)
{
	static _Thread_local struct vb_error error;

	return &error;
}

int vbi_edge(int negative_errno)
{
	errno = -negative_errno;
	return -1;
}
