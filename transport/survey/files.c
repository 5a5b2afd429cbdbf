/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/survey/files.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ROOT and the rest. False: too long to be a path. */
__attribute__((format(printf, 3, 0))) static bool path_make(char *ret_path, const char *root,
							    const char *format, va_list arguments)
{
	int length = snprintf(ret_path, PATH_MAX, "%s", root);
	int more;

	if (length < 0 || length >= PATH_MAX)
		return false;
	more = vsnprintf(ret_path + length, (size_t)(PATH_MAX - length), format, arguments);
	return more >= 0 && more < PATH_MAX - length;
}

void vbi_text_copy(char *ret_text, size_t size, const char *text)
{
	size_t length = strnlen(text, size - 1);

	memcpy(ret_text, text, length);
	ret_text[length] = '\0';
}

int vbi_file_line(char *ret_text, size_t size, const char *root, const char *format, ...)
{
	char path[PATH_MAX];
	va_list arguments;
	FILE *file = NULL;
	bool is_path;
	int result = 0;

	ret_text[0] = '\0';
	va_start(arguments, format);
	is_path = path_make(path, root, format, arguments);
	va_end(arguments);
	if (!is_path)
		return -ENAMETOOLONG;
	file = fopen(path, "re");
	if (!file)
		return -errno;
	/* An empty table entry of the kernel's is an error of read(), not of open(). */
	errno = 0;
	if (!fgets(ret_text, (int)size, file)) {
		ret_text[0] = '\0';
		result = ferror(file) && errno ? -errno : -ENODATA;
	}
	ret_text[strcspn(ret_text, "\n")] = '\0';
	fclose(file);
	return result;
}

bool vbi_file_exists(const char *root, const char *format, ...)
{
	char path[PATH_MAX];
	va_list arguments;
	bool is_path;

	va_start(arguments, format);
	is_path = path_make(path, root, format, arguments);
	va_end(arguments);
	return is_path && access(path, F_OK) == 0;
}

int vbi_file_link(char *ret_text, size_t size, const char *root, const char *format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	va_list arguments;
	ssize_t length;
	bool is_path;

	ret_text[0] = '\0';
	va_start(arguments, format);
	is_path = path_make(path, root, format, arguments);
	va_end(arguments);
	if (!is_path)
		return -ENAMETOOLONG;
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	last = strrchr(target, '/');
	vbi_text_copy(ret_text, size, last ? last + 1 : target);
	return 0;
}
